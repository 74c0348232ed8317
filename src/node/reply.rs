//! Replies that arrive: to the branch they answer, or on to the next Via.

use super::address::via_destination;
use super::driver::Node;
use super::layer::ClientEvent;
use super::run::Role;
use super::table::Found;
use crate::builtin::{Avps, Background, Counter, Extension, ModuleId, Working};
use crate::sip::{Message, Via};
use crate::time::Now;
use crate::transaction::client_non_invite;
use crate::world::Flow;

impl Node {
    /// Handles a reply: `reply_route` first, then its transaction.
    pub(super) fn receive_reply(&mut self, now: Now, mut working: Box<Working>, avps: Avps, call: u64) {
        if self.stack.generation.relates {
            self.stack.layer.relate_reply(&mut working);
        }
        self.before_routing(now, working, avps, call);
    }

    /// Gives a reply to the branch it answers; one that answers none is forwarded by its Vias (RFC 3261 16.7 step 2, 16.11).
    pub(super) fn reply_to_transaction(&mut self, now: Now, mut working: Box<Working>, call: u64) {
        let message = &working.message;
        let branch = message.via().and_then(|via| via.branch());
        let method = message.cseq_method();
        let found = match (branch, method) {
            (Some(branch), Some(method)) => self.stack.layer.table.find(&self.stack.layer.seed.client(branch, method)),
            _ => None,
        };
        let code = message.status().unwrap_or(0);
        match found {
            Some(Found::Branch(id, index)) => {
                self.stack.enter_that_of(id);
                self.stack.core.counters.count(const { Counter::named("rpl_received") });
                let event = match code {
                    0..200 => ClientEvent::Provisional,
                    200..300 => ClientEvent::Success,
                    _ => ClientEvent::Failure,
                };
                let verdict = self.stack.client_event(now, id, index, event, Some(&working.message));
                if !verdict.counts && !verdict.shown {
                    return;
                }
                let Some(transaction) = self.stack.layer.table.get(id) else { return };
                if let Some(branch) = transaction.branches.get_mut(index as usize) {
                    branch.replied = true;
                }
                working.transaction = Some(transaction.view(Some(index), code));
                let branch = transaction.branches.get(index as usize);
                let (branch_flags, on_reply) = branch.map_or((0, None), |branch| (branch.flags, branch.armed.reply));
                let Some(route) = on_reply else {
                    if verdict.counts {
                        self.count_reply(now, id, index, working, call);
                    }
                    return;
                };
                working.flags = transaction.flags;
                working.target.flags = branch_flags;
                working.armed.reply = transaction.armed.reply;
                let avps = std::mem::take(&mut transaction.avps);
                self.start(now, working, avps, route, Role::Reply(id, index, verdict.counts), call);
            }
            Some(Found::Cancel(id, index)) => {
                let event =
                    if code < 200 { client_non_invite::Event::Provisional } else { client_non_invite::Event::Final };
                self.stack.cancel_event(now, id, index, event);
            }
            Some(Found::Server(_) | Found::Success(_)) | None => match self.stack.core.settings.transaction.on_sl_reply
            {
                Some(route) => self.start(now, working, Avps::default(), route, Role::StrayReply, call),
                None => self.forward_stray(now, &working),
            },
        }
    }

    /// Forwards a reply that belongs to no transaction.
    pub(super) fn forward_stray(&mut self, now: Now, working: &Working) {
        if !self.is_own_via(&working.message) {
            self.statistics.garbage += 1;
            return;
        }
        if working.message.vias().nth(1).is_none() {
            return self.answered(now, &working.message);
        }
        let Some((transport, destination)) = via_destination(&working.message) else {
            self.statistics.garbage += 1;
            return;
        };
        let socket = self.stack.core.sockets.towards(
            transport,
            destination,
            working.target.socket,
            Some(working.received.flow.socket),
        );
        if let Some(socket) = socket {
            let bytes = self.stack.reply_bytes(&working.message, &working.edits, socket);
            let flow = Flow::to(destination, socket);
            if self.lets_reply_go(now, working, (&bytes, flow)) {
                self.stack.send(bytes, flow, working.replies.flags);
                self.stack.core.counters.count(const { Counter::named("fwd_replies") });
            }
        }
    }

    /// Whether the topmost Via of a reply is of this server's making (RFC 3261 18.1.2): anybody could have it send replies to anybody else.
    fn is_own_via(&self, reply: &Message) -> bool {
        if !self.stack.core.settings.check_via && !self.stack.core.extensions.allows(Extension::OwnVia) {
            return true;
        }
        // What scripts have it advertise is known by the branch; what an earlier run of the server sent by its address.
        let own = |via: Via| {
            via.branch().is_some_and(|branch| self.stack.layer.is_own_branch(branch))
                || self.stack.core.is_own(via.host(), Some(via.port().unwrap_or(5060)))
        };
        reply.via().is_some_and(own)
    }

    /// Shows modules a reply that goes nowhere else.
    fn answered(&mut self, now: Now, reply: &Message) {
        self.statistics.garbage += 1;
        for (at, state) in self.stack.core.modules.clone().iter().enumerate() {
            state.answered(reply, &mut Background { now, core: &mut self.stack.core, module: ModuleId(at as u16) });
        }
        self.obey(now);
    }
}
