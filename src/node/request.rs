//! Messages that arrive: taken by their transaction, or handed to the script.

use super::Node;
use super::limits::Limits;
use super::machine::ServerEvent;
use super::run::{Role, Start};
use super::stack::AtHand;
use super::table::Found;
use crate::builtin::{Avps, LogLevel, Received, TransactionId, Working};
use crate::sip::{Message, Method};
use crate::time::Now;
use crate::transaction::Key;
use crate::world::Datagram;

impl Node {
    /// Handles a packet that is let in; gives the run that is to start.
    pub(super) fn handle(&mut self, now: Now, datagram: Datagram, avps: Avps) -> Option<Start> {
        // Keep-alives: RFC 5626 3.5.1, and the zero bytes that some phones send.
        if datagram.bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            return None;
        }
        let (message, fault) = match Message::parse_lenient(datagram.bytes.clone()) {
            Ok(parsed) => parsed,
            Err(fault) => {
                self.proxy.parse_error(now, &datagram);
                self.proxy.drop_unread(now, datagram.flow.peer, fault);
                return None;
            }
        };
        let call = self.proxy.stack.layer.seed.call(message.call_id());
        if let Some(AtHand::Packet(_, its)) = &mut self.proxy.stack.at_hand {
            *its = Some(call);
        }
        let fault =
            fault.or_else(|| message.shortcoming()).or_else(|| self.proxy.unfit(&message, datagram.flow.socket));
        let received = Received { flow: datagram.flow, at: now.tick };
        self.proxy.stack.next_message += 1;
        let mut working = Box::new(Working::new(message, received, self.proxy.stack.next_message));
        working.replies.force_rport = self.proxy.stack.core.settings.force_rport;
        if let Some(fault) = fault {
            self.proxy.refuse(now, working, fault);
            return None;
        }
        if !working.message.is_request() {
            self.proxy.stack.statistics.replies += 1;
            let method = working.message.cseq().map_or(Method::Other, |cseq| cseq.method);
            self.proxy.stack.core.counters.reply(working.message.status().unwrap_or(0), method);
            if self.proxy.stack.generation.relates {
                self.proxy.stack.layer.relate_reply(&mut working);
            }
            return self.before_routing(now, working, avps, call);
        }
        if self.proxy.stack.core.settings.connections.accepts_aliases
            && working.message.via().is_some_and(|via| via.has_alias())
        {
            self.proxy.stack.alias(&working, None);
        }
        self.proxy.stack.statistics.requests += 1;
        self.proxy.stack.core.counters.request(working.message.method().unwrap_or(Method::Other));
        self.receive_request(now, working, avps, call)
    }

    fn receive_request(&mut self, now: Now, mut working: Box<Working>, avps: Avps, call: u64) -> Option<Start> {
        let method = working.message.method().unwrap_or(Method::Other);
        let key = self.proxy.stack.layer.server_key(&working.message, method);
        if method == Method::Ack {
            if self.absorbs_ack(now, &working, &key) {
                return None;
            }
        } else if let Some(Found::Server(id)) = self.proxy.stack.layer.table.find(&key) {
            self.request_again(now, id);
            return None;
        }
        let Limits { transactions, bytes, .. } = self.limits;
        let is_full =
            self.proxy.stack.layer.table.len() >= transactions || self.proxy.stack.layer.table.bytes() >= bytes;
        // What ends a call makes room.
        if is_full && !matches!(method, Method::Ack | Method::Cancel | Method::Bye) {
            self.proxy.stack.statistics.overloaded += 1;
            self.proxy.stateless_reply(now, &mut working, 503, b"Service Unavailable", RETRY_AFTER);
            return None;
        }
        if self.stopping && method != Method::Ack && !has_to_tag(&working.message) && method != Method::Cancel {
            self.proxy.stateless_reply(now, &mut working, 503, b"Service Unavailable", &[]);
            return None;
        }
        if self.proxy.refuses_loop(now, &mut working) {
            return None;
        }
        if self.proxy.stack.generation.relates {
            self.proxy.stack.layer.relate_cancel(&mut working);
        }
        self.before_routing(now, working, avps, call)
    }

    /// Lets `event_route[core:pre-routing]` see a message before its own block.
    fn before_routing(&mut self, now: Now, message: Box<Working>, avps: Avps, call: u64) -> Option<Start> {
        match self.proxy.stack.generation.before_routing {
            Some(route) => Some(Start { message, avps, route, role: Role::BeforeRouting, call }),
            None => self.route_message(now, message, avps, call),
        }
    }

    /// Gives `request_route` a request, `reply_route` a reply.
    pub(super) fn route_message(&mut self, now: Now, message: Box<Working>, avps: Avps, call: u64) -> Option<Start> {
        if !message.message.is_request() {
            return match self.proxy.stack.generation.reply_route {
                Some(route) => Some(Start { message, avps, route, role: Role::CoreReply, call }),
                None => self.proxy.reply_to_transaction(now, message, call),
            };
        }
        if self.ends_here(&message.message) {
            self.proxy.filtered_ack(now, message, avps);
            return None;
        }
        let Some(route) = self.proxy.stack.generation.request_route else {
            self.proxy.stack.core.log(LogLevel::Error, "the config has no request_route");
            return None;
        };
        Some(Start { message, avps, route, role: Role::Request, call })
    }

    /// Whether an ACK ends here because it acknowledges a final reply that was sent without a transaction.
    fn ends_here(&self, message: &Message) -> bool {
        message.method() == Some(Method::Ack)
            && message
                .to_tag()
                .is_some_and(|tag| tag.len() > 32 && tag[..32] == self.proxy.stack.tag_prefix[..] && tag[32] == b'.')
    }

    /// Whether an ACK ends here because it acknowledges a final reply of a transaction.
    fn absorbs_ack(&mut self, now: Now, working: &Working, key: &Key) -> bool {
        let message = &working.message;
        let to_tag = message.to_tag().unwrap_or_default();
        if let Some(Found::Server(id)) = self.proxy.stack.layer.table.find(key) {
            let refused = self.proxy.stack.layer.table.get(id).is_some_and(|transaction| transaction.sent_code >= 300);
            if refused {
                self.proxy.stack.server_event(now, id, ServerEvent::Ack, None);
                return true;
            }
        }
        let from_tag = message.from_tag().unwrap_or_default();
        let number = message.cseq().map_or(0, |cseq| cseq.number);
        let own = self.proxy.stack.layer.seed.success_ack(message.call_id(), from_tag, to_tag, number);
        match self.proxy.stack.layer.table.find(&own) {
            Some(Found::Server(id)) => {
                if let Some(transaction) = self.proxy.stack.layer.table.get(id) {
                    transaction.unacknowledged = 0;
                }
                self.proxy.stack.server_event(now, id, ServerEvent::Ack, None);
                true
            }
            Some(Found::Success(id)) => {
                // It goes on to the callee; this server need not wait for it.
                self.proxy.stack.layer.table.acknowledge(id, &own);
                false
            }
            Some(Found::Branch(..) | Found::Cancel(..)) | None => false,
        }
    }

    /// Whether a request ends in its transaction, without the script.
    pub(super) fn is_absorbed(&mut self, now: Now, datagram: &Datagram) -> bool {
        let Ok(message) = Message::parse(datagram.bytes.clone()) else { return false };
        let Some(method) = message.method().filter(|_| message.shortcoming().is_none()) else { return false };
        let key = self.proxy.stack.layer.server_key(&message, method);
        match (method, self.proxy.stack.layer.table.find(&key)) {
            (Method::Ack, Some(Found::Server(id))) => {
                let refused =
                    self.proxy.stack.layer.table.get(id).is_some_and(|transaction| transaction.sent_code >= 300);
                if refused {
                    self.proxy.stack.server_event(now, id, ServerEvent::Ack, None);
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

    fn request_again(&mut self, now: Now, id: TransactionId) {
        self.proxy.stack.server_event(now, id, ServerEvent::RequestAgain, None);
    }
}

/// Transactions last about half a minute after their final reply; a few seconds bring room (RFC 3261 20.33).
const RETRY_AFTER: &[u8] = b"Retry-After: 5\r\n";

fn has_to_tag(message: &Message) -> bool {
    message.to_tag().is_some()
}
