//! The transactions of a node: what is kept, its keys and timers, and both machines of each with what they ask for. It knows no script: it sends, and says
//! what has happened.

use super::table::{Found, Table};
use super::transaction::{Cancel, Client, Due, Server, TimerSet, Transaction};
use crate::builtin::{Settings, Sockets, TransactionId, Working};
use crate::sip::{Message, Method, write_ack, write_as_arrived, write_cancel};
use crate::time::{Now, Tick};
use crate::transaction::key::{Key, Legacy, has_cookie};
use crate::transaction::{
    Action, Actions, Seed, Timer, TimerId, Timers, Wheel, client_invite, client_non_invite, server_invite,
    server_non_invite,
};
use crate::world::{Flow, SendFlags, Transmit, Want};
use bytes::Bytes;
use std::collections::VecDeque;

/// All transactions of a node.
pub(super) struct Layer {
    pub(super) table: Table,
    /// Timers, those of modules and of runs that sleep among them.
    pub(super) wheel: Wheel<Due>,
    /// The secret under which keys are made.
    pub(super) seed: Seed,
    /// What is to be seen to once the step at hand is done, in order.
    pub(super) follows: VecDeque<Follow>,
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

/// What the machines do their work with.
pub(super) struct Means<'a> {
    pub(super) settings: &'a Settings,
    pub(super) sockets: &'a Sockets,
    pub(super) wants: &'a mut VecDeque<Want>,
}

impl Means<'_> {
    fn send(&mut self, bytes: Bytes, flow: Flow, flags: SendFlags) {
        self.wants.push_back(Want::Send(Transmit { bytes, flow, flags }));
    }
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

impl Layer {
    /// Hands an event to the machine of a branch and does what it asks.
    pub(super) fn client_event(
        &mut self,
        means: &mut Means,
        now: Now,
        id: TransactionId,
        index: u16,
        event: ClientEvent,
        reply: Option<&Message>,
    ) -> Verdict {
        let Some(transaction) = self.table.get(id) else { return Verdict::default() };
        let timers = transaction.timers;
        let Some(branch) = transaction.branches.get_mut(index as usize) else { return Verdict::default() };
        let mut actions = Actions::new();
        let ended = Client::Other(client_non_invite::State::Terminated);
        branch.machine = std::mem::replace(&mut branch.machine, ended).on(now.tick, event, &timers, &mut actions);
        self.client_actions(means, now, id, index, &actions, reply)
    }

    /// Does what the machine of a branch asks.
    pub(super) fn client_actions(
        &mut self,
        means: &mut Means,
        now: Now,
        id: TransactionId,
        index: u16,
        actions: &Actions,
        reply: Option<&Message>,
    ) -> Verdict {
        let mut verdict = Verdict::default();
        let mut cancels = false;
        let Some(transaction) = self.table.get(id) else { return verdict };
        // A branch is kept as long as its transaction, so that late replies find it; an own request has nothing else.
        let lingers = transaction.owner.is_none();
        let kept = &means.settings.transaction.ac_extra_hdrs;
        let arrived = (!means.settings.transaction.reparse_invite).then(|| transaction.request.clone());
        let Some(branch) = transaction.branches.get_mut(index as usize) else { return verdict };
        for action in actions {
            match *action {
                Action::Send | Action::SendOnce | Action::SendAgain => {
                    branch.sent_again |= *action == Action::SendAgain;
                    let (bytes, flow, flags) = (branch.sent.clone(), branch.flow, branch.send_flags);
                    means.wants.push_back(Want::Send(Transmit { bytes, flow, flags }));
                }
                Action::SendAck => {
                    if let (Ok(invite), Some(reply)) = (Message::parse(branch.sent.clone()), reply) {
                        let mut bytes = Vec::with_capacity(branch.sent.len());
                        match &arrived {
                            None => write_ack(&invite, reply, kept, &mut bytes),
                            Some(arrived) => {
                                let agent = means.settings.user_agent();
                                write_as_arrived((arrived, &invite), Some(reply), agent, &[], &mut bytes);
                            }
                        }
                        let (bytes, flow, flags) = (Bytes::from(bytes), branch.flow, branch.send_flags);
                        means.wants.push_back(Want::Send(Transmit { bytes, flow, flags }));
                    }
                }
                Action::SendCancel => cancels = true,
                Action::Set(Timer::Wait, _) if lingers => {}
                Action::Set(timer, at) => {
                    set_timer(&mut self.wheel, branch.timers.slot(timer), at, Due::Branch(id, index, timer));
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
            self.send_cancel(means, now, id, index);
        }
        verdict
    }

    /// Sends the CANCEL of a branch, or the same one again.
    fn send_cancel(&mut self, means: &mut Means, now: Now, id: TransactionId, index: u16) {
        let says_why = means.settings.transaction.local_cancel_reason;
        if let Some(transaction) = self.table.get(id)
            && says_why
            && transaction.is_answered()
            && transaction.cancel_headers.is_empty()
        {
            // A branch that rings after its caller was answered is told with what.
            transaction.set_cancel_reason(transaction.sent_code);
        }
        let Some(transaction) = self.table.get(id) else { return };
        let (timers, headers) = (transaction.timers, transaction.cancel_headers.clone());
        let Some(branch) = transaction.branches.get_mut(index as usize) else { return };
        let (flow, flags) = (branch.flow, branch.send_flags);
        if let Some(cancel) = &branch.cancel {
            let bytes = cancel.sent.clone();
            return means.send(bytes, flow, flags);
        }
        let Ok(invite) = Message::parse(branch.sent.clone()) else { return };
        let mut bytes = Vec::with_capacity(branch.sent.len());
        let settings = means.settings;
        if settings.transaction.reparse_invite {
            write_cancel(&invite, &settings.transaction.ac_extra_hdrs, &headers, &mut bytes);
        } else {
            write_as_arrived((&transaction.request, &invite), None, settings.user_agent(), &headers, &mut bytes);
        }
        let key = self.seed.client(invite.via().and_then(|via| via.branch()).unwrap_or_default(), b"CANCEL");
        let mut actions = Actions::new();
        // It is as old as itself: the lifetime of the INVITE does not shorten it.
        let reliable = means.sockets.transport(flow.socket).is_reliable();
        let machine = client_non_invite::State::start(now.tick, now.tick, reliable, &timers, &mut actions);
        branch.cancel = Some(Box::new(Cancel { machine, key, sent: Bytes::from(bytes), timers: TimerSet::default() }));
        self.table.name(key, Found::Cancel(id, index));
        self.cancel_actions(means, id, index, &actions);
    }

    /// Hands an event to the machine of a branch's CANCEL.
    pub(super) fn cancel_event(
        &mut self,
        means: &mut Means,
        now: Now,
        id: TransactionId,
        index: u16,
        event: client_non_invite::Event,
    ) {
        let Some(transaction) = self.table.get(id) else { return };
        let timers = transaction.timers;
        let Some(branch) = transaction.branches.get_mut(index as usize) else { return };
        let Some(cancel) = &mut branch.cancel else { return };
        let mut actions = Actions::new();
        let machine = std::mem::replace(&mut cancel.machine, client_non_invite::State::Terminated);
        cancel.machine = machine.on(now.tick, event, &timers, &mut actions);
        self.cancel_actions(means, id, index, &actions);
    }

    fn cancel_actions(&mut self, means: &mut Means, id: TransactionId, index: u16, actions: &Actions) {
        let Some(transaction) = self.table.get(id) else { return };
        let Some(branch) = transaction.branches.get_mut(index as usize) else { return };
        let Some(cancel) = &mut branch.cancel else { return };
        for action in actions {
            match *action {
                Action::Send | Action::SendOnce | Action::SendAgain => {
                    let (bytes, flow, flags) = (cancel.sent.clone(), branch.flow, branch.send_flags);
                    means.wants.push_back(Want::Send(Transmit { bytes, flow, flags }));
                }
                // It lives as long as its branch.
                Action::Set(Timer::Wait, _) => {}
                Action::Set(timer, at) => {
                    set_timer(&mut self.wheel, cancel.timers.slot(timer), at, Due::Cancel(id, index, timer));
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

    /// Hands an event to the machine towards the caller and does what it asks; `bytes` is the reply that the event is about. Gives whether the transaction
    /// has come to its end.
    pub(super) fn server_event(
        &mut self,
        means: &mut Means,
        now: Now,
        id: TransactionId,
        event: ServerEvent,
        bytes: Option<Bytes>,
    ) -> bool {
        let Some(transaction) = self.table.get(id) else { return false };
        let timers = transaction.timers;
        let Some(mut side) = transaction.server.take() else { return false };
        let mut actions = Actions::new();
        side.machine = side.machine.on(now.tick, event, &timers, &mut actions);
        let mut ended = false;
        for action in actions {
            match action {
                Action::Send | Action::SendOnce => {
                    if let Some(bytes) = &bytes {
                        if action == Action::Send {
                            side.kept = Some(bytes.clone());
                        }
                        means.send(bytes.clone(), side.flow, side.send_flags);
                    }
                }
                Action::SendAgain => {
                    if let Some(bytes) = side.kept.clone() {
                        means.send(bytes, side.flow, side.send_flags);
                    }
                }
                Action::Set(timer, at) => {
                    let due = Due::Server(id, timer);
                    set_timer(&mut self.wheel, side.timers.slot(timer), at, due);
                }
                Action::Clear(timer) => clear_timer(&mut self.wheel, side.timers.slot(timer)),
                Action::Terminated => ended = true,
                Action::SendAck
                | Action::SendCancel
                | Action::PassUp
                | Action::Show
                | Action::Timeout
                | Action::TransportFailed => {}
            }
        }
        let pending = match self.table.get(id) {
            Some(transaction) => {
                if !ended {
                    transaction.server = Some(side);
                } else {
                    for timer in side.timers.ids() {
                        self.wheel.cancel(timer);
                    }
                }
                transaction.is_pending()
            }
            None => return false,
        };
        ended && !pending
    }

    /// Sets the timers of the machine towards the caller as it begins.
    pub(super) fn server_begins(&mut self, id: TransactionId, actions: &Actions) {
        let Some(side) = self.table.get(id).and_then(|transaction| transaction.server.as_mut()) else { return };
        for action in actions {
            if let Action::Set(timer, at) = *action {
                set_timer(&mut self.wheel, side.timers.slot(timer), at, Due::Server(id, timer));
            }
        }
    }

    /// Gives a transaction other timers; branches that wait begin to wait anew.
    pub(super) fn retime(&mut self, now: Now, id: TransactionId, wanted: (Option<u32>, Option<u32>), timers: Timers) {
        let Some(transaction) = self.table.get(id) else { return };
        (transaction.wanted_timers, transaction.timers) = (wanted, timers);
        let is_invite = transaction.is_invite;
        let lifetime = if is_invite { timers.max_inv_lifetime } else { timers.max_noninv_lifetime };
        let ends = transaction.born.after(lifetime);
        for (index, branch) in transaction.branches.iter_mut().enumerate().filter(|(_, branch)| branch.code == 0) {
            let time = if is_invite && branch.replied { timers.fr_inv } else { timers.fr };
            let slot = branch.timers.slot(Timer::Deadline);
            if slot.is_some() {
                let due = Due::Branch(id, index as u16, Timer::Deadline);
                set_timer(&mut self.wheel, slot, now.tick.after(time).min(ends), due);
            }
        }
    }

    /// Whether a timer that has come due is still set; it is no longer then.
    pub(super) fn fires(&mut self, due: Due) -> bool {
        let slot = match due {
            Due::Server(id, timer) => {
                let side = self.table.get(id).and_then(|its| its.server.as_mut());
                side.map(|side| side.timers.slot(timer))
            }
            Due::Branch(id, index, timer) => {
                let branch = self.table.get(id).and_then(|its| its.branches.get_mut(index as usize));
                branch.map(|branch| branch.timers.slot(timer))
            }
            Due::Cancel(id, index, timer) => {
                let branch = self.table.get(id).and_then(|its| its.branches.get_mut(index as usize));
                branch.and_then(|branch| branch.cancel.as_mut()).map(|cancel| cancel.timers.slot(timer))
            }
            Due::Module(..) | Due::Begin | Due::Wake(_) => return true,
        };
        slot.is_some_and(|slot| slot.take().is_some())
    }

    /// What identifies the transaction of a request (RFC 3261 17.2.3); an ACK and a CANCEL's target count as their INVITE.
    pub(super) fn server_key(&self, message: &Message, method: Method) -> Key {
        let via = message.via();
        let text: &[u8] = match method {
            Method::Ack | Method::Invite => b"INVITE",
            _ => message.method_text(),
        };
        if let Some(via) = &via
            && let Some(branch) = via.branch()
            && has_cookie(branch)
        {
            return self.seed.server(branch, via.host(), via.port().unwrap_or(5060), text);
        }
        self.seed.legacy(&Legacy {
            method: text,
            request_uri: message.request_uri(),
            to_tag: b"",
            from_tag: message.from_tag().unwrap_or_default(),
            call_id: message.call_id(),
            cseq: message.cseq().map_or(0, |cseq| cseq.number),
            via: via.map(|via| via.text()).unwrap_or_default(),
        })
    }

    /// Lets the ACK for our own 2xx find its transaction.
    pub(super) fn expect_ack(&mut self, id: TransactionId, request: &Message, own_tag: &[u8]) {
        let to_tag = request.to_tag().unwrap_or(own_tag);
        let from_tag = request.from_tag().unwrap_or_default();
        let number = request.cseq().map_or(0, |cseq| cseq.number);
        let key = self.seed.success_ack(request.call_id(), from_tag, to_tag, number);
        if let Some(transaction) = self.table.get(id)
            && transaction.is_invite
        {
            transaction.keys.push(key);
            transaction.unacknowledged += 1;
            self.table.name(key, Found::Server(id));
        }
    }

    /// Lets the ACK for a 2xx of a callee be noticed on its way.
    pub(super) fn expect_relayed_ack(&mut self, id: TransactionId, reply: &Message) {
        let Some(transaction) = self.table.get(id).filter(|transaction| transaction.is_invite) else {
            return;
        };
        let request = &transaction.request;
        let from_tag = request.from_tag().unwrap_or_default();
        let to_tag = reply.to_tag().unwrap_or_default();
        let number = request.cseq().map_or(0, |cseq| cseq.number);
        let key = self.seed.success_ack(request.call_id(), from_tag, to_tag, number);
        self.table.expect_ack(id, key);
    }

    /// Takes a transaction out, with its keys and timers.
    pub(super) fn remove(&mut self, id: TransactionId) -> Option<Box<Transaction>> {
        let transaction = self.table.remove(id)?;
        for timer in transaction.timer_ids() {
            self.wheel.cancel(timer);
        }
        Some(transaction)
    }
}

/// What happens to a branch, of either kind.
#[derive(Clone, Copy, Debug)]
pub(super) enum ClientEvent {
    Provisional,
    Success,
    Failure,
    CancelRequested,
    CancelAtOnce,
    GiveUp,
    Timer(Timer),
    TransportFailed,
}

impl Client {
    /// Takes an event; what is to be done is appended to `out`.
    pub(super) fn on(self, now: Tick, event: ClientEvent, timers: &Timers, out: &mut Actions) -> Client {
        match self {
            Client::Invite(state) => {
                use client_invite::Event;
                let event = match event {
                    ClientEvent::Provisional => Event::Provisional,
                    ClientEvent::Success => Event::Success,
                    ClientEvent::Failure => Event::Failure,
                    ClientEvent::CancelRequested => Event::CancelRequested,
                    ClientEvent::CancelAtOnce => Event::CancelAtOnce,
                    ClientEvent::GiveUp => Event::GiveUp,
                    ClientEvent::Timer(timer) => Event::Timer(timer),
                    ClientEvent::TransportFailed => Event::TransportFailed,
                };
                Client::Invite(state.on(now, event, timers, out))
            }
            Client::Other(state) => {
                use client_non_invite::Event;
                let event = match event {
                    ClientEvent::Provisional => Event::Provisional,
                    ClientEvent::Success | ClientEvent::Failure => Event::Final,
                    // RFC 3261 9.1: only an INVITE is cancelled.
                    ClientEvent::CancelRequested | ClientEvent::CancelAtOnce | ClientEvent::GiveUp => {
                        return Client::Other(state);
                    }
                    ClientEvent::Timer(timer) => Event::Timer(timer),
                    ClientEvent::TransportFailed => Event::TransportFailed,
                };
                Client::Other(state.on(now, event, timers, out))
            }
        }
    }
}

/// What happens to the machine towards the caller, of either kind.
#[derive(Clone, Copy, Debug)]
pub(super) enum ServerEvent {
    RequestAgain,
    Ack,
    Provisional,
    Success(server_invite::Origin),
    Failure,
    Timer(Timer),
}

impl Server {
    /// Takes an event; what is to be done is appended to `out`.
    pub(super) fn on(self, now: Tick, event: ServerEvent, timers: &Timers, out: &mut Actions) -> Server {
        match self {
            Server::Invite(state) => {
                use server_invite::Event;
                let event = match event {
                    ServerEvent::RequestAgain => Event::RequestAgain,
                    ServerEvent::Ack => Event::Ack,
                    ServerEvent::Provisional => Event::Provisional,
                    ServerEvent::Success(origin) => Event::Success(origin),
                    ServerEvent::Failure => Event::Failure,
                    ServerEvent::Timer(timer) => Event::Timer(timer),
                };
                Server::Invite(state.on(now, event, timers, out))
            }
            Server::Other(state) => {
                use server_non_invite::Event;
                let event = match event {
                    ServerEvent::RequestAgain => Event::RequestAgain,
                    ServerEvent::Ack => return Server::Other(state),
                    ServerEvent::Provisional => Event::Provisional,
                    ServerEvent::Success(_) | ServerEvent::Failure => Event::Final,
                    ServerEvent::Timer(timer) => Event::Timer(timer),
                };
                Server::Other(state.on(now, event, timers, out))
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
