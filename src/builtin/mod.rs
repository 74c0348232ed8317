//! The contract between scripts and Rust: rows of modules, values, what a function sees, and what it may want.
//!
//! Modules are written against this alone; the compiler, the machine and the node know them only through it.

mod args;
mod avp;
mod background;
#[cfg(test)]
pub(crate) mod bench;
pub mod calendar;
mod context;
mod counters;
mod does;
mod effect;
mod log;
mod meter;
mod module;
mod own_address;
mod prepare;
mod random;
mod record_route;
mod reference;
mod regex_cache;
mod rpc;
mod select;
mod settings;
pub mod sql;
mod target;
mod trace;
mod working;

pub use crate::language::{
    EXTENSIONS, Extension, ExtensionRow, Extensions, Groups, LARGEST, MessageKind, Mode, Regex, RouteKind, Value,
    int_text, parse_int, print_int,
};
pub use crate::world::{
    Answer, Ask, AskedServer, Connected, ConnectionId, DatabaseId, Dialect, Fetch, FetchFault, FetchSettings, Flow,
    Found, MOST_READ, ModuleId, Page, Query, QueryFault, Question, Record, RecordKind, Rows, SendFlags, Service,
    SocketId, Unanswered,
};
pub use args::{Args, Argument, CallSite};
pub use avp::{Avps, Xavp};
pub use background::{
    Background, Command, Ending, Event, Held, HostName, OwnQuestion, OwnRequest, ParamGiven, ParamGivenValue, Params,
    Start, StartFault, State, Statement, Statements, World,
};
pub use context::{Carried, Context, Core, Locals, RouteId, StateOf};
pub use counters::{AskMemory, Counter, Counters, Memory};
pub use does::{Does, Means, Whom};
pub use effect::{Effect, OnAnswer, Outcome, Packet, Relay, Reply, ReplyMode, Then, TransactionStep};
pub use log::{LogLevel, LogLine};
pub use meter::{MOST_HELD, Meter};
pub use module::{
    Arg, ArgKind, Bare, Changes, Check, Form, Function, Inert, KeyKind, Module, Param, ParamKind, Routes,
    Transformation, Unit, Variable, Word, WordKind, Write, anywhere, count, event_fits, join,
};
pub use prepare::{Fault, Prepare, Prepared, Slots};
pub use random::Random;
pub use record_route::{RecordRoute, SecondRecordRoute};
pub use reference::{Applied, Index, Key, Part, Place, Reference, Template};
pub use regex_cache::RegexCache;
pub use rpc::{CommandThen, Commanded, Rpc, RpcResult};
pub use select::{Bracket, Environment, Facts, Global, Select, Step};
pub use settings::{
    CancelSilent, ConnectionSettings, FailureReplyMode, Leaving, Listen, RichRedirect, Settings, Socket, Sockets,
    SystemKeepalive, TransactionSettings, UnmatchedCancel,
};
pub use target::{Located, Target};
pub use trace::{Reached, Trace, TraceEvent};
pub use working::{
    Armed, MessageFlags, OwnVia, Received, Related, ReplyWishes, TransactionId, TransactionView, Visit, Wire, Working,
};
