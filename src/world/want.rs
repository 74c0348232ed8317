//! What a server wants from its driver, and what that gives it.

use super::command::{Caller, RpcCall, RpcReply};
use super::flow::{ConnectionId, Flow};
use super::packet::{Datagram, ModuleId, Transmit};
use super::question::{Answer, Question, Ticket};

/// What a server wants, in the order in which it comes to want it.
#[derive(Debug)]
pub enum Want {
    /// Send a packet, behind all those before it.
    Send(Transmit),
    /// Ask the world; the answer is given under the ticket, once.
    Ask(Ticket, Question),
    /// Let a connection be found under this port of its peer, too: `force_tcp_alias`.
    Alias(ConnectionId, u16),
    /// Close a connection, once what waits for it is written.
    Close(ConnectionId),
    /// Let a module load its data again, where waiting is fine.
    Reload(ModuleId),
    /// Tell who gave a command what came of it.
    Answered(Caller, RpcReply),
    /// End the server at once: the script has called `abort`.
    Abort,
}

/// What a server is given.
#[derive(Debug)]
pub enum Given {
    /// A packet has arrived.
    Arrived(Datagram),
    /// The answer to what was asked under this ticket.
    Answered(Ticket, Answer),
    /// A packet could not be sent: its network is unreachable, or the system refused it.
    Unsent(Transmit),
    /// A connection is gone, by its peer or by the script: nothing more arrives by it.
    Gone(Flow),
    /// An operator gives a command. What comes of it is wanted then, or later.
    Command(Caller, RpcCall),
    /// Time has passed; something may be due.
    Due,
    /// The server was told to end: it takes no new calls, what is in flight is finished.
    Stop,
    /// It must end now: callers of what is still in flight get 503, callees a CANCEL.
    Abandon,
}
