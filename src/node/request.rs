//! Requests that arrive: matched to a transaction, or handed to the script.

use super::driver::Node;
use super::layer::ServerEvent;
use super::limits::Limits;
use super::run::Role;
use super::stack::{AtHand, Stack};
use super::table::Found;
use crate::builtin::{Avps, Extension, LogLevel, Received, ReplyMode, TransactionStep, Working};
use crate::script::Task;
use crate::sip::{Message, Method};
use crate::time::Now;
use crate::transaction::Key;
use crate::world::Datagram;

impl Node {
    /// Handles a packet that is let in.
    pub(super) fn handle(&mut self, now: Now, datagram: Datagram, avps: Avps) {
        // Keep-alives: RFC 5626 3.5.1, and the zero bytes that some phones send.
        if datagram.bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            return;
        }
        let (message, fault) = match Message::parse_lenient(datagram.bytes.clone()) {
            Ok(parsed) => parsed,
            Err(fault) => {
                self.parse_error(now, &datagram);
                return self.drop_unread(now, datagram.flow.peer, fault);
            }
        };
        let call = self.stack.layer.seed.call(message.call_id());
        if let Some(AtHand::Packet(_, its)) = &mut self.stack.at_hand {
            *its = Some(call);
        }
        let fault = fault.or_else(|| message.shortcoming()).or_else(|| self.unfit(&message, datagram.flow.socket));
        let received = Received { flow: datagram.flow, at: now.tick };
        self.stack.next_message += 1;
        let mut working = Box::new(Working::new(message, received, self.stack.next_message));
        working.replies.force_rport = self.stack.core.settings.force_rport;
        if let Some(fault) = fault {
            return self.refuse(now, working, fault);
        }
        if !working.message.is_request() {
            self.statistics.replies += 1;
            let method = working.message.cseq().map_or(Method::Other, |cseq| cseq.method);
            self.stack.core.counters.reply(working.message.status().unwrap_or(0), method);
            return self.receive_reply(now, working, avps, call);
        }
        if self.stack.core.settings.connections.accepts_aliases
            && working.message.via().is_some_and(|via| via.has_alias())
        {
            self.stack.alias(&working, None);
        }
        self.statistics.requests += 1;
        self.stack.core.counters.request(working.message.method().unwrap_or(Method::Other));
        self.receive_request(now, working, avps, call);
    }

    fn receive_request(&mut self, now: Now, mut working: Box<Working>, avps: Avps, call: u64) {
        let method = working.message.method().unwrap_or(Method::Other);
        let key = self.stack.layer.server_key(&working.message, method);
        if method == Method::Ack {
            if self.absorbs_ack(now, &working, &key) {
                return;
            }
        } else if let Some(Found::Server(id)) = self.stack.layer.table.find(&key) {
            return self.request_again(now, id);
        }
        let Limits { transactions, bytes, .. } = self.limits;
        let is_full = self.stack.layer.table.len() >= transactions || self.stack.layer.table.bytes() >= bytes;
        // What ends a call makes room.
        if is_full && !matches!(method, Method::Ack | Method::Cancel | Method::Bye) {
            self.statistics.overloaded += 1;
            self.stateless_reply(now, &mut working, 503, b"Service Unavailable", RETRY_AFTER);
            return;
        }
        if self.stopping && method != Method::Ack && !has_to_tag(&working.message) && method != Method::Cancel {
            self.stateless_reply(now, &mut working, 503, b"Service Unavailable", &[]);
            return;
        }
        if self.refuses_loop(now, &mut working) {
            return;
        }
        if self.stack.generation.relates {
            self.stack.layer.relate_cancel(&mut working);
        }
        self.before_routing(now, working, avps, call);
    }

    /// Lets `event_route[core:pre-routing]` see a message before its own block.
    pub(super) fn before_routing(&mut self, now: Now, working: Box<Working>, avps: Avps, call: u64) {
        match self.stack.generation.before_routing {
            Some(route) => self.start(now, working, avps, route, Role::BeforeRouting, call),
            None => self.route_message(now, working, avps, call),
        }
    }

    /// Starts `request_route` on a request, `reply_route` on a reply.
    pub(super) fn route_message(&mut self, now: Now, working: Box<Working>, avps: Avps, call: u64) {
        if !working.message.is_request() {
            return match self.stack.generation.reply_route {
                Some(route) => self.start(now, working, avps, route, Role::CoreReply, call),
                None => self.reply_to_transaction(now, working, call),
            };
        }
        if self.ends_here(&working.message) {
            return self.filtered_ack(now, working, avps);
        }
        match self.stack.generation.request_route {
            Some(route) => self.start(now, working, avps, route, Role::Request, call),
            None => self.stack.core.log(LogLevel::Error, "the config has no request_route"),
        }
    }

    /// Whether an ACK ends here because it acknowledges a final reply that was sent without a transaction.
    fn ends_here(&self, message: &Message) -> bool {
        message.method() == Some(Method::Ack)
            && message
                .to_tag()
                .is_some_and(|tag| tag.len() > 32 && tag[..32] == self.stack.tag_prefix[..] && tag[32] == b'.')
    }

    /// Whether an ACK ends here because it acknowledges a final reply of a transaction.
    fn absorbs_ack(&mut self, now: Now, working: &Working, key: &Key) -> bool {
        let message = &working.message;
        let to_tag = message.to_tag().unwrap_or_default();
        if let Some(Found::Server(id)) = self.stack.layer.table.find(key) {
            let refused = self.stack.layer.table.get(id).is_some_and(|transaction| transaction.sent_code >= 300);
            if refused {
                self.stack.server_event(now, id, ServerEvent::Ack, None);
                return true;
            }
        }
        let from_tag = message.from_tag().unwrap_or_default();
        let number = message.cseq().map_or(0, |cseq| cseq.number);
        let own = self.stack.layer.seed.success_ack(message.call_id(), from_tag, to_tag, number);
        match self.stack.layer.table.find(&own) {
            Some(Found::Server(id)) => {
                if let Some(transaction) = self.stack.layer.table.get(id) {
                    transaction.unacknowledged = 0;
                }
                self.stack.server_event(now, id, ServerEvent::Ack, None);
                true
            }
            Some(Found::Success(id)) => {
                // It goes on to the callee; this server need not wait for it.
                self.stack.layer.table.acknowledge(id, &own);
                false
            }
            Some(Found::Branch(..) | Found::Cancel(..)) | None => false,
        }
    }

    /// Whether a request ends in its transaction, without the script.
    pub(super) fn is_absorbed(&mut self, now: Now, datagram: &Datagram) -> bool {
        let Ok(message) = Message::parse(datagram.bytes.clone()) else { return false };
        let Some(method) = message.method().filter(|_| message.shortcoming().is_none()) else { return false };
        let key = self.stack.layer.server_key(&message, method);
        match (method, self.stack.layer.table.find(&key)) {
            (Method::Ack, Some(Found::Server(id))) => {
                let refused = self.stack.layer.table.get(id).is_some_and(|transaction| transaction.sent_code >= 300);
                if refused {
                    self.stack.server_event(now, id, ServerEvent::Ack, None);
                }
                refused
            }
            (_, Some(Found::Server(id))) => {
                self.request_again(now, id);
                true
            }
            _ => false,
        }
    }

    fn request_again(&mut self, now: Now, id: crate::builtin::TransactionId) {
        self.stack.server_event(now, id, ServerEvent::RequestAgain, None);
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
        let Some(transaction) = self.stack.layer.table.get(view.id) else { return };
        transaction.avps = task.locals.avps;
        self.stack.layer.table.weigh(view.id);
        let Some(transaction) = self.stack.layer.table.get(view.id) else { return };
        let unanswered = !transaction.is_answered() && transaction.branches.is_empty();
        // A relay that failed is answered at the end, unless the script did so through the transaction.
        if unanswered && let Some(fault) = transaction.fault {
            let (code, reason) = super::fault::error_reply(fault.error(), "TM");
            self.reply_with_uri(now, view.id, task.message.target.uri, (code, reason.as_bytes()), &[]);
        } else if unanswered && broken {
            self.reply_with_uri(now, view.id, task.message.target.uri, (500, b"Server Internal Error"), &[]);
        }
    }

    /// A question or command of the script about the transaction of its message; gives the code of the `tm` function.
    pub(super) fn transaction_step(&mut self, now: Now, task: &mut Task, step: TransactionStep) -> i32 {
        let method = task.message.message.method().unwrap_or(Method::Other);
        match step {
            TransactionStep::New => match task.message.transaction {
                // Kamailio's code for what a script should not do.
                Some(_) => -10,
                None => {
                    self.stack.take_timers(task);
                    match self.stack.new_transaction(now, &mut task.message) {
                        Some(_) => 1,
                        None => {
                            task.set_error(super::fault::UNREADABLE);
                            super::fault::BAD_URI
                        }
                    }
                }
            },
            // A retransmission never reaches the script: what is known was made by this run, or is a reply's.
            TransactionStep::LookupRequest => task.message.transaction.map_or(-1, |_| 1),
            TransactionStep::LookupCancel { copies_flags } => {
                let Some(invite) = self.stack.layer.invite_of_cancel(&task.message.message) else { return -1 };
                if let Some(invite) = self.stack.layer.table.get(invite).filter(|_| copies_flags) {
                    task.message.flags.plain = invite.flags.plain;
                }
                1
            }
            TransactionStep::Check => match method {
                Method::Cancel => self.stack.layer.invite_of_cancel(&task.message.message).map_or(-1, |_| 1),
                _ => task.message.transaction.map_or(-1, |_| 1),
            },
            TransactionStep::RelayCancel => match self.stack.layer.invite_of_cancel(&task.message.message) {
                Some(_) if method == Method::Cancel => {
                    self.lending(task, |node, task| node.cancel(now, &mut task.message));
                    // Done, and the script ends.
                    0
                }
                _ => 1,
            },
            TransactionStep::Release => {
                let Some(view) = task.message.transaction else { return -1 };
                // One that was relayed goes on until its branches have ended.
                if self.stack.layer.table.get(view.id).is_some_and(|transaction| transaction.branches.is_empty()) {
                    self.stack.end_transaction(view.id);
                    task.message.transaction = None;
                }
                1
            }
            TransactionStep::RetransmitReply => match task.message.transaction {
                Some(view) => {
                    self.stack.server_event(now, view.id, ServerEvent::RequestAgain, None);
                    1
                }
                None => -1,
            },
        }
    }

    /// A reply that the script makes; gives its code.
    pub(super) fn reply_from_script(&mut self, now: Now, task: &mut Task, reply: crate::builtin::Reply) -> i32 {
        if task.message.message.method() == Some(Method::Ack) {
            return -1;
        }
        let transaction = task.message.transaction.map(|view| view.id);
        match (reply.mode, transaction) {
            (ReplyMode::Stateless, _) | (ReplyMode::Either, None) => {
                self.stateless_reply(now, &mut task.message, reply.code, &reply.reason, &reply.headers)
            }
            (ReplyMode::Transaction, None) => {
                let Some(id) = self.stack.new_transaction(now, &mut task.message) else { return -1 };
                let uri = task.message.target.uri.clone();
                self.reply_with_uri(now, id, uri, (reply.code, &reply.reason), &reply.headers)
            }
            (ReplyMode::Transaction | ReplyMode::Either, Some(id)) => {
                if let Some(transaction) = self.stack.layer.table.get(id) {
                    transaction.take_reply(&mut task.message);
                }
                let uri = task.message.target.uri.clone();
                self.reply_with_uri(now, id, uri, (reply.code, &reply.reason), &reply.headers)
            }
            (ReplyMode::Error, _) => {
                let (code, reason) = super::fault::error_reply(task.previous_error(), "SL");
                // What the script wants in replies went to the transaction with it.
                let headers = transaction.and_then(|id| Some(self.stack.layer.table.get(id)?.reply_headers.clone()));
                self.stateless_reply(now, &mut task.message, code, reason.as_bytes(), &headers.unwrap_or_default())
            }
        }
    }

    /// Looks whether a request has been here. One that comes back as it was is refused: gives true, and nothing of it is kept.
    pub(super) fn refuses_loop(&mut self, now: Now, working: &mut Working) -> bool {
        let Stack { layer, core, .. } = &self.stack;
        let (visit, loops) = layer.visit(&core.sockets, &working.message, &working.received);
        working.visit = visit;
        if !loops || !self.stack.core.extensions.allows(Extension::LoopDetection) {
            return false;
        }
        self.statistics.loops += 1;
        // Nobody is told of an ACK.
        if working.message.method() != Some(Method::Ack) {
            self.stateless_reply(now, working, 482, b"Loop Detected", &[]);
        }
        true
    }
}

/// Transactions last about half a minute after their final reply; a few seconds bring room (RFC 3261 20.33).
const RETRY_AFTER: &[u8] = b"Retry-After: 5\r\n";

fn has_to_tag(message: &Message) -> bool {
    message.to_tag().is_some()
}
