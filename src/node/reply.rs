//! Replies that arrive: to the branch they answer, or on to the next Via.

use super::address::via_destination;
use super::branch::ClientEvent;
use super::driver::{Node, clear_timer, set_timer};
use super::run::Role;
use super::table::Found;
use super::transaction::{Cancel, Client, Due, TimerSet};
use crate::builtin::{Avps, Background, Counter, Extension, ModuleId, SocketId, TransactionId, Working};
use crate::sip::{Edits, Message, Via, delimit, write_ack, write_as_arrived, write_cancel, write_reply};
use crate::time::Now;
use crate::transaction::{Action, Actions, Timer, client_non_invite};
use crate::world::{Flow, Transmit, Want};
use bytes::Bytes;

/// What an event means for a branch beyond what its machine did.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Verdict {
    /// The reply counts.
    pub(super) counts: bool,
    /// The reply is shown to the script only.
    pub(super) shown: bool,
    /// No reply came in time.
    pub(super) timed_out: bool,
    /// The request could not be sent.
    pub(super) unsent: bool,
    /// The machine has ended.
    pub(super) ended: bool,
}

impl Node {
    /// Handles a reply: `reply_route` first, then its transaction.
    pub(super) fn receive_reply(&mut self, now: Now, mut working: Box<Working>, avps: Avps, call: u64) {
        self.relate_reply(&mut working);
        self.before_routing(now, working, avps, call);
    }

    /// Gives a reply to the branch it answers; one that answers none is forwarded by its Vias (RFC 3261 16.7 step 2, 16.11).
    pub(super) fn reply_to_transaction(&mut self, now: Now, mut working: Box<Working>, call: u64) {
        let message = &working.message;
        let branch = message.via().and_then(|via| via.branch());
        let method = message.cseq_method();
        let found = match (branch, method) {
            (Some(branch), Some(method)) => self.transactions.find(&self.seed.client(branch, method)),
            _ => None,
        };
        let code = message.status().unwrap_or(0);
        match found {
            Some(Found::Branch(id, place)) => {
                self.enter_that_of(id);
                self.core.counters.count(const { Counter::named("rpl_received") });
                let event = match code {
                    0..200 => ClientEvent::Provisional,
                    200..300 => ClientEvent::Success,
                    _ => ClientEvent::Failure,
                };
                let verdict = self.client_event(now, id, place, event, Some(&working.message));
                if !verdict.counts && !verdict.shown {
                    return;
                }
                let Some(transaction) = self.transactions.get(id) else { return };
                if let Some(branch) = transaction.branches.get_mut(place as usize) {
                    branch.replied = true;
                }
                working.transaction = Some(transaction.view(Some(place), code));
                let branch = transaction.branches.get(place as usize);
                let (branch_flags, on_reply) = branch.map_or((0, None), |branch| (branch.flags, branch.on_reply));
                let Some(route) = on_reply else {
                    if verdict.counts {
                        self.count_reply(now, id, place, working, call);
                    }
                    return;
                };
                working.flags = transaction.flags;
                working.branch_flags = branch_flags;
                working.on_reply = transaction.on_reply;
                let avps = std::mem::take(&mut transaction.avps);
                self.start(now, working, avps, route, Role::Reply(id, place, verdict.counts), call);
            }
            Some(Found::Cancel(id, place)) => {
                let event =
                    if code < 200 { client_non_invite::Event::Provisional } else { client_non_invite::Event::Final };
                self.cancel_event(now, id, place, event);
            }
            Some(Found::Server(_) | Found::Success(_)) | None => match self.core.settings.transaction.on_sl_reply {
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
        let socket =
            self.core.sockets.towards(transport, destination, working.send_socket, Some(working.received.flow.socket));
        if let Some(socket) = socket {
            let bytes = self.reply_bytes(&working.message, &working.edits, socket);
            let flow = Flow::to(destination, socket);
            if self.lets_reply_go(now, working, (&bytes, flow)) {
                self.send(bytes, flow, working.reply_flags);
                self.core.counters.count(const { Counter::named("fwd_replies") });
            }
        }
    }

    /// Whether the topmost Via of a reply is of this server's making (RFC 3261 18.1.2): anybody could have it send replies to anybody else.
    fn is_own_via(&self, reply: &Message) -> bool {
        if !self.core.settings.check_via && !self.core.extensions.allows(Extension::OwnVia) {
            return true;
        }
        // What scripts have it advertise is known by the branch; what an earlier run of the server sent by its address.
        let own = |via: Via| {
            via.branch().is_some_and(|branch| self.is_own_branch(branch))
                || self.core.is_own(via.host(), Some(via.port().unwrap_or(5060)))
        };
        reply.via().is_some_and(own)
    }

    /// Shows modules a reply that goes nowhere else.
    fn answered(&mut self, now: Now, reply: &Message) {
        self.statistics.garbage += 1;
        for (at, state) in self.core.modules.clone().iter().enumerate() {
            state.answered(reply, &mut Background { now, core: &mut self.core, module: ModuleId(at as u16) });
        }
        self.obey(now);
    }

    /// The bytes of a forwarded reply that leaves by a socket.
    pub(super) fn reply_bytes(&mut self, message: &Message, edits: &Edits, socket: SocketId) -> Bytes {
        self.buffer.clear();
        write_reply(message, edits, &mut self.buffer);
        if self.core.sockets.transport(socket).is_reliable() {
            delimit(&mut self.buffer);
        }
        Bytes::copy_from_slice(&self.buffer)
    }

    /// Hands an event to the machine of a branch and does what it asks.
    pub(super) fn client_event(
        &mut self,
        now: Now,
        id: TransactionId,
        place: u16,
        event: ClientEvent,
        reply: Option<&Message>,
    ) -> Verdict {
        let Some(transaction) = self.transactions.get(id) else { return Verdict::default() };
        let timers = transaction.timers;
        let Some(branch) = transaction.branches.get_mut(place as usize) else { return Verdict::default() };
        let mut actions = Actions::new();
        let ended = Client::Other(client_non_invite::State::Terminated);
        branch.machine = std::mem::replace(&mut branch.machine, ended).on(now.tick, event, &timers, &mut actions);
        self.client_actions(now, id, place, &actions, reply)
    }

    /// Does what the machine of a branch asks.
    pub(super) fn client_actions(
        &mut self,
        now: Now,
        id: TransactionId,
        place: u16,
        actions: &Actions,
        reply: Option<&Message>,
    ) -> Verdict {
        let mut verdict = Verdict::default();
        let mut cancels = false;
        let Some(transaction) = self.transactions.get(id) else { return verdict };
        // A branch is kept as long as its transaction, so that late replies find it; an own request has nothing else.
        let lingers = transaction.owner.is_none();
        let kept = &self.core.settings.transaction.ac_extra_hdrs;
        let arrived = (!self.core.settings.transaction.reparse_invite).then(|| transaction.request.clone());
        let Some(branch) = transaction.branches.get_mut(place as usize) else { return verdict };
        for action in actions {
            match *action {
                Action::Send | Action::SendOnce | Action::SendAgain => {
                    branch.sent_again |= *action == Action::SendAgain;
                    let (bytes, flow, flags) = (branch.sent.clone(), branch.flow, branch.send_flags);
                    self.wants.push_back(Want::Send(Transmit { bytes, flow, flags }));
                }
                Action::SendAck => {
                    if let (Ok(invite), Some(reply)) = (Message::parse(branch.sent.clone()), reply) {
                        let mut bytes = Vec::with_capacity(branch.sent.len());
                        match &arrived {
                            None => write_ack(&invite, reply, kept, &mut bytes),
                            Some(arrived) => {
                                let agent = self.core.settings.user_agent();
                                write_as_arrived((arrived, &invite), Some(reply), agent, &[], &mut bytes);
                            }
                        }
                        let (bytes, flow, flags) = (Bytes::from(bytes), branch.flow, branch.send_flags);
                        self.wants.push_back(Want::Send(Transmit { bytes, flow, flags }));
                    }
                }
                Action::SendCancel => cancels = true,
                Action::Set(Timer::Wait, _) if lingers => {}
                Action::Set(timer, at) => {
                    set_timer(&mut self.wheel, branch.timers.slot(timer), at, Due::Branch(id, place, timer));
                }
                Action::Clear(timer) => clear_timer(&mut self.wheel, branch.timers.slot(timer)),
                Action::PassUp => verdict.counts = true,
                Action::Show => verdict.shown = true,
                Action::Timeout => verdict.timed_out = true,
                Action::TransportFailed => verdict.unsent = true,
                Action::Terminated => verdict.ended = true,
            }
        }
        if cancels {
            self.send_cancel(now, id, place);
        }
        verdict
    }

    /// Sends the CANCEL of a branch, or the same one again.
    fn send_cancel(&mut self, now: Now, id: TransactionId, place: u16) {
        let says_why = self.core.settings.transaction.local_cancel_reason;
        if let Some(transaction) = self.transactions.get(id)
            && says_why
            && transaction.is_answered()
            && transaction.cancel_headers.is_empty()
        {
            // A branch that rings after its caller was answered is told with what.
            transaction.set_cancel_reason(transaction.sent_code);
        }
        let Some(transaction) = self.transactions.get(id) else { return };
        let (timers, headers) = (transaction.timers, transaction.cancel_headers.clone());
        let Some(branch) = transaction.branches.get_mut(place as usize) else { return };
        let (flow, flags) = (branch.flow, branch.send_flags);
        if let Some(cancel) = &branch.cancel {
            let bytes = cancel.sent.clone();
            return self.send(bytes, flow, flags);
        }
        let Ok(invite) = Message::parse(branch.sent.clone()) else { return };
        let mut bytes = Vec::with_capacity(branch.sent.len());
        let settings = &self.core.settings;
        if settings.transaction.reparse_invite {
            write_cancel(&invite, &settings.transaction.ac_extra_hdrs, &headers, &mut bytes);
        } else {
            write_as_arrived((&transaction.request, &invite), None, settings.user_agent(), &headers, &mut bytes);
        }
        let key = self.seed.client(invite.via().and_then(|via| via.branch()).unwrap_or_default(), b"CANCEL");
        let mut actions = Actions::new();
        // It is as old as itself: the lifetime of the INVITE does not shorten it.
        let reliable = self.core.sockets.transport(flow.socket).is_reliable();
        let machine = client_non_invite::State::start(now.tick, now.tick, reliable, &timers, &mut actions);
        branch.cancel = Some(Box::new(Cancel { machine, key, sent: Bytes::from(bytes), timers: TimerSet::default() }));
        self.transactions.name(key, Found::Cancel(id, place));
        self.cancel_actions(id, place, &actions);
    }

    /// Hands an event to the machine of a branch's CANCEL.
    pub(super) fn cancel_event(&mut self, now: Now, id: TransactionId, place: u16, event: client_non_invite::Event) {
        let Some(transaction) = self.transactions.get(id) else { return };
        let timers = transaction.timers;
        let Some(branch) = transaction.branches.get_mut(place as usize) else { return };
        let Some(cancel) = &mut branch.cancel else { return };
        let mut actions = Actions::new();
        let machine = std::mem::replace(&mut cancel.machine, client_non_invite::State::Terminated);
        cancel.machine = machine.on(now.tick, event, &timers, &mut actions);
        self.cancel_actions(id, place, &actions);
    }

    fn cancel_actions(&mut self, id: TransactionId, place: u16, actions: &Actions) {
        let Some(transaction) = self.transactions.get(id) else { return };
        let Some(branch) = transaction.branches.get_mut(place as usize) else { return };
        let Some(cancel) = &mut branch.cancel else { return };
        for action in actions {
            match *action {
                Action::Send | Action::SendOnce | Action::SendAgain => {
                    let (bytes, flow, flags) = (cancel.sent.clone(), branch.flow, branch.send_flags);
                    self.wants.push_back(Want::Send(Transmit { bytes, flow, flags }));
                }
                // It lives as long as its branch.
                Action::Set(Timer::Wait, _) => {}
                Action::Set(timer, at) => {
                    set_timer(&mut self.wheel, cancel.timers.slot(timer), at, Due::Cancel(id, place, timer));
                }
                Action::Clear(timer) => clear_timer(&mut self.wheel, cancel.timers.slot(timer)),
                Action::SendAck
                | Action::SendCancel
                | Action::PassUp
                | Action::Show
                | Action::Timeout
                | Action::TransportFailed
                | Action::Terminated => {}
            }
        }
    }
}
