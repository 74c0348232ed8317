//! The side of a transaction towards the caller.

use super::layer::{ClientEvent, Layer, Means, ServerEvent, Verdict};
use super::stack::Stack;
use super::table::Found;
use super::transaction::{Server, Side, TimerSet, Transaction};
use crate::builtin::{Counter, LogLevel, TransactionId, Value, Working, parse_int};
use crate::script::Task;
use crate::sip::{Message, Method};
use crate::time::Now;
use crate::transaction::{Actions, Timers, client_non_invite, server_invite, server_non_invite};
use bytes::Bytes;
use std::time::Duration;

impl Stack {
    /// Makes the transaction of a request; `None` when its Request-URI, as it arrived or as the script left it, cannot be read.
    pub(super) fn new_transaction(&mut self, now: Now, message: &mut Working) -> Option<TransactionId> {
        if !super::address::is_uri(&message.request_uri()) {
            self.core.log(LogLevel::Error, "a request whose URI cannot be read has no transaction");
            return None;
        }
        let id = self.layer.table.reserve();
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
        let key = self.layer.server_key(&message.message, method);
        let flow =
            super::address::reply_flow(&self.core, &message.message, &message.received, message.replies.force_rport);
        let send_flags = message.replies.flags;
        let side = Side { machine, kept: None, flow, send_flags, timers: TimerSet::default() };
        let mut transaction =
            Box::new(Transaction::new(id, message.message.clone(), message.received, timers, self.generation.clone()));
        transaction.born = now.tick;
        transaction.server = Some(side);
        transaction.flags = message.flags;
        transaction.force_rport = message.replies.force_rport;
        transaction.wanted_timers = message.timers.unwrap_or_default();
        transaction.uri = message.target.uri.clone().filter(|_| self.core.settings.sip_warning);
        transaction.take_reply(message);
        transaction.keys.push(key);
        self.layer.table.insert(transaction);
        self.core.counters.count(const { Counter::named("UAS_transactions") });
        self.core.counters.count(const { Counter::named("active_transactions") });
        self.core.counters.count(const { Counter::named("inuse_transactions") });
        self.layer.table.name(key, Found::Server(id));
        self.layer.server_begins(id, &actions);
        message.transaction = self.layer.table.get(id).map(|transaction| transaction.view(None, 0));
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
        let Some(transaction) = self.layer.table.get(id) else { return };
        let (old_inv, old_fr) = transaction.wanted_timers;
        let wanted = (inv.or(old_inv), fr.or(old_fr));
        if wanted == transaction.wanted_timers {
            return;
        }
        let timers = self.timers_with(wanted);
        self.layer.retime(now, id, wanted, timers);
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

    /// The transactions, and what their machines do their work with.
    fn layer(&mut self) -> (&mut Layer, Means<'_>) {
        let means = Means { settings: &self.core.settings, sockets: &self.core.sockets, wants: &mut self.wants };
        (&mut self.layer, means)
    }

    /// Hands an event to the machine of a branch and does what it asks.
    pub(super) fn client_event(
        &mut self,
        now: Now,
        id: TransactionId,
        index: u16,
        event: ClientEvent,
        reply: Option<&Message>,
    ) -> Verdict {
        let (layer, mut means) = self.layer();
        layer.client_event(&mut means, now, id, index, event, reply)
    }

    /// Does what the machine of a branch asks as it begins.
    pub(super) fn client_begins(&mut self, now: Now, id: TransactionId, index: u16, actions: &Actions) {
        let (layer, mut means) = self.layer();
        layer.client_actions(&mut means, now, id, index, actions, None);
    }

    /// Hands an event to the machine of a branch's CANCEL.
    pub(super) fn cancel_event(&mut self, now: Now, id: TransactionId, index: u16, event: client_non_invite::Event) {
        let (layer, mut means) = self.layer();
        layer.cancel_event(&mut means, now, id, index, event);
    }

    /// Hands an event to the machine towards the caller; `bytes` is the reply that the event is about.
    pub(super) fn server_event(&mut self, now: Now, id: TransactionId, event: ServerEvent, bytes: Option<Bytes>) {
        let (layer, mut means) = self.layer();
        if layer.server_event(&mut means, now, id, event, bytes) {
            self.end_transaction(id);
        }
    }

    /// Forgets a transaction.
    pub(super) fn end_transaction(&mut self, id: TransactionId) {
        if let Some(transaction) = self.layer.remove(id) {
            self.core.counters.add(const { Counter::named("inuse_transactions") }, -1);
            if !transaction.is_answered() {
                self.core.counters.add(const { Counter::named("active_transactions") }, -1);
            }
            if transaction.waiting > 0 {
                self.left.push(*transaction);
            }
        }
    }
}
