//! A transaction at work: both machines with what they ask for, and how its branches begin and end.

use super::machine::{ClientEvent, ServerEvent};
use super::table::{Found, Open};
use super::transaction::{Branch, Cancel, Client, Due, Side, TimerSet, Transaction};
use crate::builtin::{CancelSilent, Core, Counter, ModuleId, TransactionId, Working};
use crate::sip::{Message, write_ack, write_as_arrived, write_cancel};
use crate::time::{Now, Tick};
use crate::transaction::server_invite::Origin;
use crate::transaction::{Action, Actions, Key, Seed, Timer, TimerId, Timers, Wheel, client_non_invite};
use crate::world::{Flow, SendFlags, Transmit, Want};
use bytes::Bytes;
use std::collections::VecDeque;

/// A transaction with all that its machines do their work with. It knows no script: it sends, and says what has happened.
pub(super) struct Work<'a> {
    pub(super) open: Open<'a>,
    pub(super) now: Now,
    /// Timers, those of modules and of runs that sleep among them.
    pub(super) wheel: &'a mut Wheel<Due>,
    /// The secret under which keys are made.
    pub(super) seed: &'a Seed,
    /// What is to be seen to once the step at hand is done, in order.
    pub(super) follows: &'a mut VecDeque<Follow>,
    pub(super) core: &'a Core,
    pub(super) wants: &'a mut VecDeque<Want>,
}

/// What follows from a step of transactions, and may have a block run.
pub(super) enum Follow {
    /// The outcome of a branch is known: whether others are waited for, whether a block wants to see it, what goes to the caller, is to be looked at.
    Ended(Ended),
    /// A request is answered through its transaction, behind all that came before.
    Answer(TransactionId, u16, &'static [u8]),
}

/// A branch that has ended.
pub(super) struct Ended {
    pub(super) id: TransactionId,
    pub(super) index: u16,
    /// The reply that ended it, as the script left it.
    pub(super) reply: Option<Box<Working>>,
}

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

impl Work<'_> {
    /// Begins a branch, whose machine asks for this.
    pub(super) fn begin_branch(&mut self, branch: Branch, actions: &Actions) {
        let (id, key) = (self.open.transaction.id, branch.key);
        let index = self.open.transaction.branches.len() as u16;
        self.open.transaction.branches.push(branch);
        self.open.keys.insert(key, Found::Branch(id, index));
        self.client_actions(index, actions, None);
    }

    /// Hands an event to the machine of a branch and does what it asks.
    pub(super) fn client_event(&mut self, index: u16, event: ClientEvent, reply: Option<&Message>) -> Verdict {
        let Transaction { timers, branches, .. } = &mut *self.open.transaction;
        let Some(branch) = branches.get_mut(index as usize) else { return Verdict::default() };
        let mut actions = Actions::new();
        let ended = Client::Other(client_non_invite::State::Terminated);
        branch.machine = std::mem::replace(&mut branch.machine, ended).on(self.now.tick, event, timers, &mut actions);
        self.client_actions(index, &actions, reply)
    }

    /// Does what the machine of a branch asks.
    fn client_actions(&mut self, index: u16, actions: &Actions, reply: Option<&Message>) -> Verdict {
        let mut verdict = Verdict::default();
        let mut cancels = false;
        let Transaction { id, request, owner, branches, .. } = &mut *self.open.transaction;
        // A branch is kept as long as its transaction, so that late replies find it; an own request has nothing else.
        let lingers = owner.is_none();
        let settings = &self.core.settings;
        let Some(branch) = branches.get_mut(index as usize) else { return verdict };
        for action in actions {
            match *action {
                Action::Send | Action::SendOnce | Action::SendAgain => {
                    branch.sent_again |= *action == Action::SendAgain;
                    send(self.wants, branch.sent.clone(), branch.flow, branch.send_flags);
                }
                Action::SendAck => {
                    if let (Ok(invite), Some(reply)) = (Message::parse(branch.sent.clone()), reply) {
                        let mut bytes = Vec::with_capacity(branch.sent.len());
                        if settings.transaction.reparse_invite {
                            write_ack(&invite, reply, &settings.transaction.ac_extra_hdrs, &mut bytes);
                        } else {
                            write_as_arrived((request, &invite), Some(reply), settings.user_agent(), &[], &mut bytes);
                        }
                        send(self.wants, Bytes::from(bytes), branch.flow, branch.send_flags);
                    }
                }
                Action::SendCancel => cancels = true,
                Action::Set(Timer::Wait, _) if lingers => {}
                Action::Set(timer, at) => {
                    set_timer(self.wheel, branch.timers.slot(timer), at, Due::Branch(*id, index, timer));
                }
                Action::Clear(timer) => clear_timer(self.wheel, branch.timers.slot(timer)),
                Action::PassUp => verdict.counts = true,
                Action::Show => verdict.shown = true,
                Action::Timeout => verdict.timed_out = true,
                Action::TransportFailed => verdict.unsent = true,
                Action::Terminated => verdict.ended = true,
            }
        }
        if cancels {
            self.send_cancel(index);
        }
        verdict
    }

    /// Sends the CANCEL of a branch, or the same one again.
    fn send_cancel(&mut self, index: u16) {
        let settings = &self.core.settings;
        let transaction = &mut *self.open.transaction;
        if settings.transaction.local_cancel_reason
            && transaction.is_answered()
            && transaction.cancel_headers.is_empty()
        {
            // A branch that rings after its caller was answered is told with what.
            transaction.set_cancel_reason(transaction.sent_code);
        }
        let Transaction { id, request, timers, branches, cancel_headers, .. } = transaction;
        let Some(branch) = branches.get_mut(index as usize) else { return };
        if let Some(cancel) = &branch.cancel {
            return send(self.wants, cancel.sent.clone(), branch.flow, branch.send_flags);
        }
        let Ok(invite) = Message::parse(branch.sent.clone()) else { return };
        let mut bytes = Vec::with_capacity(branch.sent.len());
        if settings.transaction.reparse_invite {
            write_cancel(&invite, &settings.transaction.ac_extra_hdrs, cancel_headers, &mut bytes);
        } else {
            write_as_arrived((request, &invite), None, settings.user_agent(), cancel_headers, &mut bytes);
        }
        let key = self.seed.client(invite.via().and_then(|via| via.branch()).unwrap_or_default(), b"CANCEL");
        let mut actions = Actions::new();
        // It is as old as itself: the lifetime of the INVITE does not shorten it.
        let (now, reliable) = (self.now.tick, self.core.sockets.transport(branch.flow.socket).is_reliable());
        let machine = client_non_invite::State::start(now, now, reliable, timers, &mut actions);
        branch.cancel = Some(Box::new(Cancel { machine, key, sent: Bytes::from(bytes), timers: TimerSet::default() }));
        self.open.keys.insert(key, Found::Cancel(*id, index));
        self.cancel_actions(index, &actions);
    }

    /// Hands an event to the machine of a branch's CANCEL.
    pub(super) fn cancel_event(&mut self, index: u16, event: client_non_invite::Event) {
        let Transaction { timers, branches, .. } = &mut *self.open.transaction;
        let Some(cancel) = branches.get_mut(index as usize).and_then(|branch| branch.cancel.as_mut()) else { return };
        let mut actions = Actions::new();
        let machine = std::mem::replace(&mut cancel.machine, client_non_invite::State::Terminated);
        cancel.machine = machine.on(self.now.tick, event, timers, &mut actions);
        self.cancel_actions(index, &actions);
    }

    fn cancel_actions(&mut self, index: u16, actions: &Actions) {
        let Transaction { id, branches, .. } = &mut *self.open.transaction;
        let Some(branch) = branches.get_mut(index as usize) else { return };
        let Some(cancel) = &mut branch.cancel else { return };
        for action in actions {
            match *action {
                Action::Send | Action::SendOnce | Action::SendAgain => {
                    send(self.wants, cancel.sent.clone(), branch.flow, branch.send_flags);
                }
                // It lives as long as its branch.
                Action::Set(Timer::Wait, _) => {}
                Action::Set(timer, at) => {
                    set_timer(self.wheel, cancel.timers.slot(timer), at, Due::Cancel(*id, index, timer));
                }
                Action::Clear(timer) => clear_timer(self.wheel, cancel.timers.slot(timer)),
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

    /// Hands an event to the machine towards the caller and does what it asks; `bytes` is the reply that the event is about. Gives whether the transaction
    /// has come to its end.
    pub(super) fn server_event(&mut self, event: ServerEvent, bytes: Option<Bytes>) -> bool {
        let transaction = &mut *self.open.transaction;
        let Some(mut side) = transaction.server.take() else { return false };
        let mut actions = Actions::new();
        side.machine = side.machine.on(self.now.tick, event, &transaction.timers, &mut actions);
        let mut ended = false;
        for action in actions {
            match action {
                Action::Send | Action::SendOnce => {
                    if let Some(bytes) = &bytes {
                        if action == Action::Send {
                            side.kept = Some(bytes.clone());
                        }
                        send(self.wants, bytes.clone(), side.flow, side.send_flags);
                    }
                }
                Action::SendAgain => {
                    if let Some(bytes) = side.kept.clone() {
                        send(self.wants, bytes, side.flow, side.send_flags);
                    }
                }
                Action::Set(timer, at) => {
                    let due = Due::Server(transaction.id, timer);
                    set_timer(self.wheel, side.timers.slot(timer), at, due);
                }
                Action::Clear(timer) => clear_timer(self.wheel, side.timers.slot(timer)),
                Action::Terminated => ended = true,
                Action::SendAck
                | Action::SendCancel
                | Action::PassUp
                | Action::Show
                | Action::Timeout
                | Action::TransportFailed => {}
            }
        }
        if ended {
            for timer in side.timers.ids() {
                self.wheel.cancel(timer);
            }
        } else {
            transaction.server = Some(side);
        }
        ended && !transaction.is_pending()
    }

    /// Sends a reply to the caller; without bytes the caller gets nothing. Gives whether the transaction has come to its end.
    pub(super) fn send_upstream(&mut self, code: u16, bytes: Option<Bytes>, origin: Origin) -> bool {
        let event = match code {
            0..200 => ServerEvent::Provisional,
            200..300 => ServerEvent::Success(origin),
            _ => ServerEvent::Failure,
        };
        let (transaction, counters) = (&mut *self.open.transaction, &self.core.counters);
        if code >= 200 && !transaction.is_answered() {
            counters.answered(code);
        }
        transaction.sent_code = transaction.sent_code.max(code);
        counters.count(const { Counter::named("rpl_sent") });
        counters.count(match origin {
            Origin::Local => const { Counter::named("rpl_generated") },
            Origin::Relayed => const { Counter::named("rpl_relayed") },
        });
        let ended = self.server_event(event, bytes);
        self.open.weigh();
        ended
    }

    /// Gives the transaction other timers; branches that wait begin to wait anew.
    pub(super) fn retime(&mut self, wanted: (Option<u32>, Option<u32>), timers: Timers) {
        let transaction = &mut *self.open.transaction;
        (transaction.wanted_timers, transaction.timers) = (wanted, timers);
        let is_invite = transaction.is_invite;
        let lifetime = if is_invite { timers.max_inv_lifetime } else { timers.max_noninv_lifetime };
        let ends = transaction.born.after(lifetime);
        for (index, branch) in transaction.branches.iter_mut().enumerate().filter(|(_, branch)| branch.code == 0) {
            let time = if is_invite && branch.replied { timers.fr_inv } else { timers.fr };
            let slot = branch.timers.slot(Timer::Deadline);
            if slot.is_some() {
                let due = Due::Branch(transaction.id, index as u16, Timer::Deadline);
                set_timer(self.wheel, slot, self.now.tick.after(time).min(ends), due);
            }
        }
    }

    /// Lets the ACK for our own 2xx find the transaction.
    pub(super) fn expect_ack(&mut self, own_tag: &[u8]) {
        let to_tag = self.open.transaction.request.to_tag().unwrap_or(own_tag);
        let key = self.key_of_ack(to_tag);
        let transaction = &mut *self.open.transaction;
        if transaction.is_invite {
            transaction.keys.push(key);
            transaction.unacknowledged += 1;
            self.open.keys.insert(key, Found::Server(transaction.id));
        }
    }

    /// Lets the ACK for a 2xx of a callee be noticed on its way; it goes from end to end. Each callee that answers has one.
    pub(super) fn expect_relayed_ack(&mut self, reply: &Message) {
        if !self.open.transaction.is_invite {
            return;
        }
        let key = self.key_of_ack(reply.to_tag().unwrap_or_default());
        let transaction = &mut *self.open.transaction;
        if !transaction.keys.contains(&key) {
            transaction.keys.push(key);
            transaction.unacknowledged += 1;
            self.open.keys.insert(key, Found::Success(transaction.id));
        }
    }

    fn key_of_ack(&self, to_tag: &[u8]) -> Key {
        let request = &self.open.transaction.request;
        let number = request.cseq().map_or(0, |cseq| cseq.number);
        self.seed.success_ack(request.call_id(), request.from_tag().unwrap_or_default(), to_tag, number)
    }

    /// A branch has ended without a reply: as if it had been answered `code`. Gives the module whose request it is, with its tag.
    pub(super) fn fail_branch(&mut self, index: u16, code: u16, timed_out: bool) -> Option<(ModuleId, u64)> {
        let Transaction { id, canceled, owner, branches, .. } = &mut *self.open.transaction;
        let branch = branches.get_mut(index as usize)?;
        branch.timed_out = timed_out;
        // A call that its caller gave up ends as such, whatever the branch did.
        branch.code = if *canceled && timed_out { 487 } else { code };
        if owner.is_none() {
            self.follows.push_back(Follow::Ended(Ended { id: *id, index, reply: None }));
        }
        *owner
    }

    /// Says in the CANCELs of the transaction which reply they follow from (RFC 3326), unless the caller's own CANCEL came first.
    pub(super) fn cancel_because(&mut self, code: u16) {
        if self.core.settings.transaction.local_cancel_reason && !self.open.transaction.canceled {
            self.open.transaction.set_cancel_reason(code);
        }
    }

    /// Cancels the branches that may still be answered, but one; those without a reply in this way.
    pub(super) fn cancel_branches(&mut self, but: Option<u16>, silent: CancelSilent) {
        let (count, is_invite) = (self.open.transaction.branches.len() as u16, self.open.transaction.is_invite);
        let event = match silent {
            CancelSilent::Answered => ClientEvent::GiveUp,
            CancelSilent::Awaited => ClientEvent::CancelRequested,
            CancelSilent::Cancelled => ClientEvent::CancelAtOnce,
        };
        for index in (0..count).filter(|index| Some(*index) != but) {
            let branch = self.open.transaction.branches.get(index as usize).filter(|branch| branch.code == 0);
            let Some(replied) = branch.map(|branch| branch.replied) else { continue };
            self.client_event(index, event, None);
            if is_invite && !replied && silent == CancelSilent::Answered {
                // None of these is a module's request, which has no caller who could give it up.
                self.fail_branch(index, 487, false);
            }
        }
    }
}

impl Side {
    /// Sets the timers of its machine as it begins.
    pub(super) fn begin(&mut self, wheel: &mut Wheel<Due>, id: TransactionId, actions: &Actions) {
        for action in actions {
            if let Action::Set(timer, at) = *action {
                set_timer(wheel, self.timers.slot(timer), at, Due::Server(id, timer));
            }
        }
    }
}

/// Sets a timer of a machine, in place of an earlier one of its kind.
fn set_timer(wheel: &mut Wheel<Due>, slot: &mut Option<TimerId>, at: Tick, due: Due) {
    if let Some(earlier) = slot.take() {
        wheel.cancel(earlier);
    }
    *slot = Some(wheel.insert(at, due));
}

/// Stops a timer of a machine.
fn clear_timer(wheel: &mut Wheel<Due>, slot: &mut Option<TimerId>) {
    if let Some(earlier) = slot.take() {
        wheel.cancel(earlier);
    }
}

fn send(wants: &mut VecDeque<Want>, bytes: Bytes, flow: Flow, flags: SendFlags) {
    wants.push_back(Want::Send(Transmit { bytes, flow, flags }));
}
