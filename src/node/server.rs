//! The side of a transaction towards the caller.

use super::driver::{Node, clear_timer, set_timer};
use super::table::Found;
use super::transaction::{Due, Server, Side, TimerSet, Transaction};
use crate::builtin::{Counter, LogLevel, TransactionId, Value, Working, parse_int};
use crate::script::Task;
use crate::sip::Method;
use crate::time::{Now, Tick};
use crate::transaction::{Action, Actions, Timer, Timers, server_invite, server_non_invite};
use bytes::Bytes;
use std::time::Duration;

impl Node {
    /// Makes the transaction of a request; `None` when its Request-URI, as it arrived or as the script left it, cannot be read.
    pub(super) fn new_transaction(&mut self, now: Now, message: &mut Working) -> Option<TransactionId> {
        if !super::relay::is_uri(&message.request_uri()) {
            self.core.log(LogLevel::Error, "a request whose URI cannot be read has no transaction");
            return None;
        }
        let id = self.transactions.reserve();
        let method = message.message.method().unwrap_or(Method::Other);
        let is_invite = method == Method::Invite;
        let timers = self.timers_of(message);
        let mut actions = Actions::new();
        let reliable = self.core.sockets.transport(message.received.flow.socket).is_reliable();
        let machine = if is_invite {
            Server::Invite(server_invite::State::start(now.tick, reliable, &timers, &mut actions))
        } else {
            Server::Other(server_non_invite::State::start(now.tick, &timers, &mut actions))
        };
        let key = self.server_key(&message.message, method);
        let flow = super::address::reply_flow(&self.core, &message.message, &message.received, message.force_rport);
        let send_flags = message.reply_flags;
        let side = Side { machine, kept: None, flow, send_flags, timers: TimerSet::default() };
        let mut transaction =
            Box::new(Transaction::new(id, message.message.clone(), message.received, timers, self.generation.clone()));
        transaction.born = now.tick;
        transaction.server = Some(side);
        transaction.flags = message.flags;
        transaction.force_rport = message.force_rport;
        transaction.wanted_timers = message.timers.unwrap_or_default();
        transaction.uri = message.uri.clone().filter(|_| self.core.settings.sip_warning);
        transaction.take_reply(message);
        transaction.keys.push(key);
        self.transactions.insert(transaction);
        self.core.counters.count(const { Counter::named("UAS_transactions") });
        self.core.counters.count(const { Counter::named("active_transactions") });
        self.core.counters.count(const { Counter::named("inuse_transactions") });
        self.transactions.name(key, Found::Server(id));
        for action in actions {
            if let Action::Set(timer, at) = action {
                let timer_id = self.wheel.insert(at, Due::Server(id, timer));
                if let Some(side) = self.transactions.get(id).and_then(|transaction| transaction.server.as_mut()) {
                    *side.timers.slot(timer) = Some(timer_id);
                }
            }
        }
        message.transaction = self.transactions.get(id).map(|transaction| transaction.view(None, 0));
        Some(id)
    }

    /// The timers of a transaction, as the script wants them for this message: `t_set_fr`.
    pub(super) fn timers_of(&self, message: &Working) -> Timers {
        self.timers_with(message.timers.unwrap_or_default())
    }

    fn timers_with(&self, (fr_inv, fr): (Option<u32>, Option<u32>)) -> Timers {
        let mut timers = self.generation.timers;
        let millis =
            |value: Option<u32>| value.filter(|value| *value > 0).map(|value| Duration::from_millis(value.into()));
        timers.fr_inv = millis(fr_inv).unwrap_or(timers.fr_inv);
        timers.fr = millis(fr).unwrap_or(timers.fr);
        timers
    }

    /// Gives a transaction the timers that a script has wanted since it was made; branches that wait begin to wait anew.
    pub(super) fn heed_timers(&mut self, now: Now, id: TransactionId, message: &Working) {
        let Some((inv, fr)) = message.timers else { return };
        let Some(transaction) = self.transactions.get(id) else { return };
        let (old_inv, old_fr) = transaction.wanted_timers;
        let wanted = (inv.or(old_inv), fr.or(old_fr));
        if wanted == transaction.wanted_timers {
            return;
        }
        let timers = self.timers_with(wanted);
        let Some(transaction) = self.transactions.get(id) else { return };
        (transaction.wanted_timers, transaction.timers) = (wanted, timers);
        let is_invite = transaction.is_invite;
        let lifetime = if is_invite { timers.max_inv_lifetime } else { timers.max_noninv_lifetime };
        let ends = transaction.born.after(lifetime);
        for (place, branch) in transaction.branches.iter_mut().enumerate().filter(|(_, branch)| branch.code == 0) {
            let time = if is_invite && branch.replied { timers.fr_inv } else { timers.fr };
            let slot = branch.timers.slot(Timer::Deadline);
            if slot.is_some() {
                let due = Due::Branch(id, place as u16, Timer::Deadline);
                set_timer(&mut self.wheel, slot, now.tick.after(time).min(ends), due);
            }
        }
    }

    /// Takes the timers of the transaction to come from AVPs, where the script has not set them: `fr_timer_avp`, `fr_inv_timer_avp`.
    pub(super) fn take_timers(&self, task: &mut Task) {
        let settings = &self.core.settings.transaction;
        if settings.fr_timer_avp.is_none() && settings.fr_inv_timer_avp.is_none() {
            return;
        }
        let avps = &task.locals.avps;
        let milliseconds = |name: &Option<Bytes>| {
            let seconds = match avps.value(name.as_ref()?, 0)? {
                Value::Int(number) | Value::Both(number, _) => *number,
                Value::Text(text) => parse_int(text)?,
                Value::Null | Value::Unset => return None,
            };
            u32::try_from(seconds.checked_mul(1000)?).ok().filter(|time| *time > 0)
        };
        let (inv, fr) = task.message.timers.unwrap_or_default();
        let timers = (
            inv.or_else(|| milliseconds(&settings.fr_inv_timer_avp)),
            fr.or_else(|| milliseconds(&settings.fr_timer_avp)),
        );
        if timers != (None, None) {
            task.message.timers = Some(timers);
        }
    }

    /// Hands an event to the machine towards the caller and does what it asks; `bytes` is the reply that the event is about.
    pub(super) fn server_event(&mut self, now: Now, id: TransactionId, event: ServerEvent, bytes: Option<Bytes>) {
        let Some(transaction) = self.transactions.get(id) else { return };
        let timers = transaction.timers;
        let Some(mut side) = transaction.server.take() else { return };
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
                        self.send(bytes.clone(), side.flow, side.send_flags);
                    }
                }
                Action::SendAgain => {
                    if let Some(bytes) = side.kept.clone() {
                        self.send(bytes, side.flow, side.send_flags);
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
        let pending = match self.transactions.get(id) {
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
            None => return,
        };
        if ended && !pending {
            self.end_transaction(id);
        }
    }

    /// Forgets a transaction.
    pub(super) fn end_transaction(&mut self, id: TransactionId) {
        if let Some(transaction) = self.transactions.remove(id) {
            // Whoever runs for it and waits goes on with what it left.
            if !self.parked.is_quiet() {
                self.parked.of_transaction(id).for_each(|run| run.take_from(&transaction, transaction.avps.clone()));
            }
            self.core.counters.add(const { Counter::named("inuse_transactions") }, -1);
            if !transaction.is_answered() {
                self.core.counters.add(const { Counter::named("active_transactions") }, -1);
            }
            for timer in transaction.timer_ids() {
                self.wheel.cancel(timer);
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
