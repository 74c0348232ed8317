//! Replies made here, of which blocks are told, and messages that cannot be served: answered where that helps the sender, counted, and told in the log
//! once in a while.

use super::fault::error_reply;
use super::proxy::Proxy;
use super::refusals::answer;
use crate::builtin::{CancelSilent, Counter, Effect, Extension, LogLevel, SocketId, TransactionId, Working};
use crate::script::Task;
use crate::sip::{HeaderName, Malformed, Message, Method};
use crate::time::Now;
use crate::world::Answer;
use bytes::Bytes;
use std::net::SocketAddr;

impl Proxy {
    /// Performs an effect that is answered at once.
    pub(super) fn perform(&mut self, now: Now, task: &mut Task, effect: Effect) -> Answer {
        let (code, response) = self.stack.perform(now, task, effect);
        if let Some(response) = response {
            self.tell(now, response, Some(task));
        }
        Answer::Code(code)
    }

    /// Answers a request without a transaction.
    pub(super) fn stateless_reply(
        &mut self,
        now: Now,
        working: &mut Working,
        code: u16,
        reason: &[u8],
        headers: &[u8],
    ) {
        if let Some(response) = self.stack.stateless_reply(working, code, reason, headers) {
            self.tell(now, response, None);
        }
    }

    /// Answers a request through its transaction, as a step of no run.
    pub(super) fn reply_through(&mut self, now: Now, id: TransactionId, code: u16, reason: &[u8], headers: &[u8]) {
        let uri = self.stack.uri_at_first(id);
        if let Some(response) = self.stack.reply_through(now, id, uri, (code, reason), headers) {
            self.tell(now, response, None);
        }
    }

    /// Answers a request whose Request-URI the script has set so through its transaction, as a step of this run, if of any.
    pub(super) fn answer(
        &mut self,
        now: Now,
        id: TransactionId,
        uri: Option<Bytes>,
        (code, reason): (u16, &[u8]),
        run: Option<&mut Task>,
    ) {
        if let Some(response) = self.stack.reply_through(now, id, uri, (code, reason), &[]) {
            self.tell(now, response, run);
        }
    }

    /// What follows the end of `request_route`. A request whose run was ended is answered all the same.
    pub(super) fn request_done(&mut self, now: Now, mut task: Task, broken: bool) {
        let Some(view) = task.message.transaction else {
            if broken && !task.message.settled && task.message.message.method() != Some(Method::Ack) {
                task.message.replies.headers.clear();
                task.message.replies.body.clear();
                self.stateless_reply(now, &mut task.message, 500, b"Server Internal Error", &[]);
            }
            return;
        };
        self.stack.heed_timers(now, view.id, &task.message);
        let Some(mut open) = self.stack.layer.table.open(view.id) else { return };
        open.transaction.avps = task.locals.avps;
        open.weigh();
        let transaction = open.transaction;
        let unanswered = !transaction.is_answered() && transaction.branches.is_empty();
        // A relay that failed is answered at the end, unless the script did so through the transaction.
        if unanswered && let Some(fault) = transaction.fault {
            let (code, reason) = error_reply(fault.error(), "TM");
            self.answer(now, view.id, task.message.target.uri, (code, reason.as_bytes()), None);
        } else if unanswered && broken {
            self.answer(now, view.id, task.message.target.uri, (500, b"Server Internal Error"), None);
        }
    }

    /// Answers every caller who waits, and cancels what rings.
    pub(super) fn abandon(&mut self, now: Now) {
        for id in self.stack.layer.table.ids() {
            let waits = self.stack.layer.table.get(id).is_some_and(|its| its.owner.is_none() && !its.is_answered());
            if waits {
                self.reply_through(now, id, 503, b"Service Unavailable", &[]);
                if let Some(mut work) = self.stack.work(now, id) {
                    work.cancel_branches(None, CancelSilent::Awaited);
                }
            }
        }
    }

    /// Drops a packet that is no message.
    pub(super) fn drop_unread(&mut self, now: Now, source: SocketAddr, fault: Malformed) {
        self.stack.statistics.garbage += 1;
        if self.stack.refusals.note(now.tick, source.ip(), fault) {
            self.stack.core.log(LogLevel::Warning, format!("dropped a packet from {source}: {fault}"));
        }
    }

    /// Refuses a message. Kamailio drops most of these without a word to the sender; a body or a head that was cut short on its way is answered
    /// there, too.
    pub(super) fn refuse(&mut self, now: Now, mut working: Box<Working>, fault: Malformed) {
        let stack = &mut self.stack;
        stack.statistics.garbage += 1;
        let (is_request, source) = (working.message.is_request(), working.received.flow.peer);
        stack.core.counters.count(match is_request {
            true => const { Counter::named("err_requests") },
            false => const { Counter::named("err_replies") },
        });
        let cut_short = match fault {
            Malformed::BodyTooShort => true,
            // Within a line Kamailio is silent, too.
            Malformed::NoEndOfHeaders => working.message.bytes().ends_with(b"\n"),
            _ => false,
        };
        let answers = working.message.can_be_answered()
            && (cut_short || stack.core.extensions.allows(Extension::AnswerBadRequests));
        let (code, reason) = answer(fault);
        if stack.refusals.note(now.tick, source.ip(), fault) {
            let what = match working.message.method() {
                Some(_) => String::from_utf8_lossy(working.message.method_text()).into_owned(),
                None => format!("reply {}", working.message.status().unwrap_or(0)),
            };
            let done = if answers { format!("answered {code} to") } else { "dropped".to_owned() };
            stack.core.log(LogLevel::Warning, format!("{done} a message ({what}) from {source}: {fault}"));
        }
        if answers {
            self.stateless_reply(now, &mut working, code, reason.as_bytes(), &[]);
        }
    }

    /// Why a message that has all it needs is not served here: from a stream it needs a Content-Length (RFC 3261 section 18.3), and Kamailio alone
    /// passes on what counts no further than it can.
    pub(super) fn unfit(&self, message: &Message, socket: SocketId) -> Option<Malformed> {
        let Proxy { stack, .. } = self;
        let must_say =
            || stack.core.sockets.transport(socket).is_reliable() && !stack.core.settings.connections.takes_no_length;
        if !message.has(HeaderName::ContentLength) && must_say() {
            return Some(Malformed::Missing(HeaderName::ContentLength));
        }
        let counts = message.cseq().is_some() || !stack.core.extensions.allows(Extension::AnswerBadRequests);
        (!counts).then_some(Malformed::NoNumber(HeaderName::CSeq))
    }

    /// Looks whether a request has been here. One that comes back as it was is refused: gives true, and nothing of it is kept.
    pub(super) fn refuses_loop(&mut self, now: Now, working: &mut Working) -> bool {
        let (visit, loops) = self.stack.layer.visit(&self.stack.core.sockets, &working.message, &working.received);
        working.visit = visit;
        if !loops || !self.stack.core.extensions.allows(Extension::LoopDetection) {
            return false;
        }
        self.stack.statistics.loops += 1;
        // Nobody is told of an ACK.
        if working.message.method() != Some(Method::Ack) {
            self.stateless_reply(now, working, 482, b"Loop Detected", &[]);
        }
        true
    }

    /// Drops all transactions of a call after a fault of ours; whether a caller was answered.
    pub(super) fn drop_call(&mut self, now: Now, call: u64) -> bool {
        let seed = self.stack.layer.seed;
        let its = self.stack.layer.table.iter().filter(|transaction| seed.call(transaction.request.call_id()) == call);
        let its: Vec<TransactionId> = its.map(|transaction| transaction.id).collect();
        let mut answered = false;
        for id in its {
            let Some(transaction) = self.stack.layer.table.get(id) else { continue };
            let waits = transaction.owner.is_none() && !transaction.is_answered();
            let working = Working::new(transaction.request.clone(), transaction.received, 0);
            self.stack.end_transaction(id);
            if waits {
                self.answer_broken(now, working);
                answered = true;
            }
        }
        answered
    }

    /// Answers a request that a fault of ours has ended.
    pub(super) fn answer_broken(&mut self, now: Now, mut working: Working) {
        if working.message.method() != Some(Method::Ack) {
            self.stateless_reply(now, &mut working, 500, b"Server Internal Error", &[]);
        }
    }
}
