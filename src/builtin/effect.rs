//! What a function wants from others, and the answers.
//!
//! A function that needs the transaction layer or the world outside returns an [`Effect`] and the function to call with the [`Answer`]. The
//! task is plain data and waits; the worker goes on. The compiler finds every driver that forgot a variant.

use super::args::Args;
use super::context::{Context, RouteId};
use crate::world::{Answer, Question, SocketId};
use bytes::Bytes;
use std::time::Duration;

/// What a function did.
pub enum Outcome {
    /// It is done: above 0 true, below 0 false, 0 ends the script.
    Return(i32),
    /// It wants something first; `then` makes the outcome from the answer.
    Wait(Effect, Then),
}

/// Called with the answer to an effect. What a function needs then it takes along: one that takes nothing costs nothing to keep.
pub type Then = Box<dyn FnOnce(&mut Context, &Args, Answer) -> Outcome + Send>;

/// What can be called with the answer to an effect.
pub trait OnAnswer: FnOnce(&mut Context, &Args, Answer) -> Outcome + Send + 'static {}

impl<F: FnOnce(&mut Context, &Args, Answer) -> Outcome + Send + 'static> OnAnswer for F {}

impl Outcome {
    /// 1.
    pub const TRUE: Outcome = Outcome::Return(1);
    /// -1.
    pub const FALSE: Outcome = Outcome::Return(-1);
    /// Ends the script.
    pub const END: Outcome = Outcome::Return(0);

    /// 1 or -1.
    pub const fn truth(yes: bool) -> Outcome {
        Outcome::Return(if yes { 1 } else { -1 })
    }

    /// Wants an effect; `then` makes the outcome from the answer.
    pub fn wait(effect: Effect, then: impl OnAnswer) -> Outcome {
        Outcome::Wait(effect, Box::new(then))
    }

    /// Asks the world outside; `then` makes the outcome from the answer.
    pub fn ask(question: impl Into<Question>, then: impl OnAnswer) -> Outcome {
        Outcome::wait(Effect::Ask(question.into()), then)
    }

    /// Wants an effect whose answer is the return code.
    pub fn code_of(effect: Effect) -> Outcome {
        Outcome::wait(effect, |_, _, answer| Outcome::Return(answer.code()))
    }
}

/// What a function wants from the node or the world.
#[derive(Debug)]
pub enum Effect {
    /// Answer the request. Gives a code.
    Reply(Reply),
    /// Forward the request in a transaction. Gives a code.
    Relay(Relay),
    /// Forward the message without a transaction. Gives a code.
    Forward(Relay),
    /// Send a packet. Gives a code.
    Send(Packet),
    /// Forward the reply to the next Via, whether or not it belongs to a transaction. Gives a code.
    ForwardReply,
    /// Let the connection that the message came by be found under this port of its peer, or under that of its Via: `force_tcp_alias`. Gives a code.
    Alias(Option<u16>),
    /// Something about the message's transaction. Gives a code.
    Transaction(TransactionStep),
    /// Ask the world outside. Gives its answer.
    Ask(Question),
    /// End the server at once, calls in flight and all: `abort`. Gives nothing.
    Abort,
    /// Wait for so long. Gives 1.
    Sleep(Duration),
    /// Run a route. The machine does so by itself; the route's result is that of the function.
    Enter(RouteId),
}

/// A reply made here.
#[derive(Debug)]
pub struct Reply {
    /// Status code.
    pub code: u16,
    /// Reason phrase.
    pub reason: Bytes,
    /// Through the transaction or not.
    pub mode: ReplyMode,
    /// More header lines, each with CRLF.
    pub headers: Vec<u8>,
}

impl Reply {
    /// A reply without more headers.
    pub fn new(code: u16, reason: impl Into<Bytes>, mode: ReplyMode) -> Reply {
        Reply { code, reason: reason.into(), mode, headers: Vec::new() }
    }
}

/// How a reply goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReplyMode {
    /// Without a transaction: `sl_send_reply`.
    Stateless,
    /// Through the transaction, made when missing: `t_reply`.
    Transaction,
    /// Through the transaction if there is one: `send_reply`.
    Either,
    /// Without a transaction, with code and reason of what the action before met: `sl_reply_error`.
    Error,
}

/// Where and how to forward.
#[derive(Debug, Default)]
pub struct Relay {
    /// The next hop as a URI; else `$du`, else the Request-URI.
    pub next_hop: Option<Bytes>,
    /// Only in the transaction that the script has made, and without replies made here, neither 100 nor one for a fault: `t_forward_nonack`.
    pub within: bool,
}

/// A packet that is no reply and in no transaction.
#[derive(Debug)]
pub struct Packet {
    /// Where it goes, as a URI.
    pub next_hop: Bytes,
    /// The socket it leaves by, when one is wanted.
    pub socket: Option<SocketId>,
    /// What it holds.
    pub bytes: Bytes,
}

/// A question or command about the transaction of the message at hand. The codes are those of the `tm` function named.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TransactionStep {
    /// Makes it: `t_newtran`.
    New,
    /// Is there one for this request: `t_lookup_request`.
    LookupRequest,
    /// Is there an INVITE to this CANCEL: `t_lookup_cancel`.
    LookupCancel {
        /// The CANCEL takes over the flags of the INVITE.
        copies_flags: bool,
    },
    /// `t_check_trans`.
    Check,
    /// `t_relay_cancel`.
    RelayCancel,
    /// Forget it once the script ends: `t_release`.
    Release,
    /// Send the last reply again: `t_retransmit_reply`.
    RetransmitReply,
}
