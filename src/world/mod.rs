//! What crosses the border between a server without I/O and whoever drives it.
//!
//! A driver gives ([`Given`]) what has arrived, was answered or is due, and takes what the server wants ([`Want`]): packets sent, questions
//! asked. [`drive()`] is the loop between them, and the only one.

mod command;
mod database;
mod drive;
mod fetch;
mod flow;
mod packet;
mod question;
mod want;
mod way;

pub use command::{Caller, RpcCall, RpcFault, RpcReply};
pub use database::{Connected, DatabaseId, Dialect, Query, QueryFault, Rows};
pub use drive::{Contract, Driver, Kept, Server, drive};
pub use fetch::{Fetch, FetchFault, FetchSettings, Page};
pub use flow::{ConnectionId, Flow, SendFlags, SocketId};
pub use packet::{Datagram, ModuleId, Transmit};
pub use question::{
    Answer, Ask, AskedServer, Found, MOST_READ, Question, Record, RecordKind, Service, Ticket, Unanswered,
};
pub use want::{Given, Want};
pub use way::Way;
