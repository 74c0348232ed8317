//! SIP messages: bytes and back.
//!
//! A [`Message`] is immutable bytes with an index of its headers; [`Edits`] say what changes; [`write_request`],
//! [`write_reply`] and [`apply`] bring both together, byte for byte where nothing changes. [`Reply`], [`Request`],
//! [`write_ack`] and [`write_cancel`] make messages of the server's own. Values ([`Uri`], [`NameAddr`], [`Via`]) are views
//! of the bytes they were read from. Nothing here panics on what a peer sends.
//!
//! Uses nothing of ours.

mod build;
mod edit;
mod extent;
mod head;
mod header;
mod index;
mod message;
mod method;
mod multipart;
mod needed;
mod network;
mod number;
mod parameters;
mod reply;
mod set;
mod stream;
#[cfg(test)]
mod tests;
mod transport;
mod typed;
mod uri;
mod uri_parts;
mod write;

pub use build::{Request, write_ack, write_as_arrived, write_cancel};
pub use edit::Edits;
pub use extent::Extent;
pub use head::one_line;
pub use header::{CSeq, HeaderName, NameAddr, NameAddrFault, NameAddrs, Rport, Stamp, Via, ViaFault, auth_parameter};
pub use message::{Header, MAX_HEADERS, MAX_MESSAGE, Malformed, Message, StartLine};
pub use method::{Method, MethodSet};
pub use multipart::delimiter;
pub use network::{is_network, network_contains};
pub use number::{number, port, push_address, push_number};
pub use parameters::{Parameter, Parameters, Values};
pub use reply::Reply;
pub use stream::{Frame, Framer, delimit};
pub use transport::Transport;
pub use typed::Entry;
pub use uri::{Scheme, Uri, UriFault, parse_ip};
pub use write::{apply, write, write_reply, write_request};
