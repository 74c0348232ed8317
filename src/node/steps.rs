//! What scripts have done with their message that is answered at once, as far as no block has to be asked for it: transactions that they make and
//! ask about, replies, packets, CANCELs.

use super::fault::{BAD_URI, UNREADABLE, error_reply};
use super::machine::ServerEvent;
use super::own_reply::LocalResponse;
use super::stack::Stack;
use super::table::Found;
use super::transaction::{Server, Side, TimerSet, Transaction};
use super::work::Follow;
use crate::builtin::{
    Counter, Effect, LogLevel, Reply, ReplyMode, TransactionId, TransactionStep, Value, Working, parse_int,
};
use crate::script::Task;
use crate::sip::{HeaderName, Method};
use crate::time::Now;
use crate::transaction::{Actions, Timers, server_invite, server_non_invite};
use crate::world::Want;
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
        let mut side = Side { machine, kept: None, flow, send_flags, timers: TimerSet::default() };
        side.begin(&mut self.layer.wheel, id, &actions);
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
        message.transaction = Some(transaction.view(None, 0));
        self.layer.table.insert(transaction);
        self.core.counters.count(const { Counter::named("UAS_transactions") });
        self.core.counters.count(const { Counter::named("active_transactions") });
        self.core.counters.count(const { Counter::named("inuse_transactions") });
        self.layer.table.name(key, Found::Server(id));
        Some(id)
    }

    /// The timers of a transaction, as the script wants them for this message: `t_set_fr`.
    pub(super) fn timers_of(&self, message: &Working) -> Timers {
        timers_with(self.generation.timers, message.timers.unwrap_or_default())
    }

    /// Gives a transaction the timers that a script has wanted since it was made; branches that wait begin to wait anew.
    pub(super) fn heed_timers(&mut self, now: Now, id: TransactionId, message: &Working) {
        let Some((inv, fr)) = message.timers else { return };
        let usual = self.generation.timers;
        if let Some(mut work) = self.work(now, id) {
            let (old_inv, old_fr) = work.open.transaction.wanted_timers;
            let wanted = (inv.or(old_inv), fr.or(old_fr));
            if wanted != (old_inv, old_fr) {
                work.retime(wanted, timers_with(usual, wanted));
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

    /// Performs what is answered at once, without asking a block whether it may leave: gives the code, and the reply made here that was sent.
    pub(super) fn perform(&mut self, now: Now, task: &mut Task, effect: Effect) -> (i32, Option<LocalResponse>) {
        let code = match effect {
            Effect::Forward(relay) => self.forward_at_once(task, &relay),
            Effect::ForwardReply => {
                if let Some(packet) = self.stray(now, &task.message) {
                    self.send_stray(&task.message, packet);
                }
                1
            }
            Effect::Alias(port) => {
                self.alias(&task.message, port);
                1
            }
            Effect::Send(packet) => self.send_packet(&task.message, packet),
            Effect::Reply(reply) => {
                let response = self.reply(now, task, reply);
                return (if response.is_some() { 1 } else { -1 }, response);
            }
            Effect::Transaction(step) => self.transaction_step(now, task, step),
            Effect::Abort => {
                self.wants.push_back(Want::Abort);
                -1
            }
            // Whoever runs the script sees to these, and the machine keeps the last to itself.
            Effect::Ask(_) | Effect::Sleep(_) | Effect::Relay(_) | Effect::Enter(_) => -1,
        };
        (code, None)
    }

    /// A CANCEL: each branch of its INVITE is cancelled, and behind what becomes of them it is answered. False when there is no such INVITE.
    pub(super) fn cancel(&mut self, now: Now, message: &mut Working) -> bool {
        let Some(invite) = self.layer.invite_of_cancel(&message.message) else { return false };
        let known = message.transaction.map(|view| view.id);
        let Some(id) = known.or_else(|| self.new_transaction(now, message)) else { return false };
        let settings = &self.core.settings.transaction;
        let (copies_reason, silent) = (settings.e2e_cancel_reason, settings.cancel_b_method);
        let mut reason: &[u8] = b"ok -- no more pending branches";
        if let Some(mut work) = self.work(now, invite) {
            let transaction = &mut *work.open.transaction;
            if transaction.is_pending() {
                reason = b"canceling";
            }
            transaction.canceled = true;
            for header in message.message.headers_named(HeaderName::Reason).filter(|_| copies_reason) {
                transaction.cancel_headers.extend_from_slice(message.message.text(header.line));
            }
            work.cancel_branches(None, silent);
        }
        self.layer.follows.push_back(Follow::Answer(id, 200, reason));
        true
    }

    /// A question or command of the script about the transaction of its message; gives the code of the `tm` function.
    fn transaction_step(&mut self, now: Now, task: &mut Task, step: TransactionStep) -> i32 {
        let method = task.message.message.method().unwrap_or(Method::Other);
        match step {
            TransactionStep::New => match task.message.transaction {
                // Kamailio's code for what a script should not do.
                Some(_) => -10,
                None => {
                    self.take_timers(task);
                    match self.new_transaction(now, &mut task.message) {
                        Some(_) => 1,
                        None => {
                            task.set_error(UNREADABLE);
                            BAD_URI
                        }
                    }
                }
            },
            // A retransmission never reaches the script: what is known was made by this run, or is a reply's.
            TransactionStep::LookupRequest => task.message.transaction.map_or(-1, |_| 1),
            TransactionStep::LookupCancel { copies_flags } => {
                let invite = self.layer.invite_of_cancel(&task.message.message);
                if let Some(invite) = invite.and_then(|id| self.layer.table.get(id)).filter(|_| copies_flags) {
                    task.message.flags.plain = invite.flags.plain;
                }
                invite.map_or(-1, |_| 1)
            }
            TransactionStep::Check => match method {
                Method::Cancel => self.layer.invite_of_cancel(&task.message.message).map_or(-1, |_| 1),
                _ => task.message.transaction.map_or(-1, |_| 1),
            },
            TransactionStep::RelayCancel => {
                let is_cancel = method == Method::Cancel;
                if is_cancel && self.layer.invite_of_cancel(&task.message.message).is_some() {
                    self.cancel(now, &mut task.message);
                    // Done, and the script ends.
                    0
                } else {
                    1
                }
            }
            TransactionStep::Release => match task.message.transaction {
                Some(view) => {
                    // One that was relayed goes on until its branches have ended.
                    if self.layer.table.get(view.id).is_some_and(|transaction| transaction.branches.is_empty()) {
                        self.end_transaction(view.id);
                        task.message.transaction = None;
                    }
                    1
                }
                None => -1,
            },
            TransactionStep::RetransmitReply => match task.message.transaction {
                Some(view) => {
                    self.server_event(now, view.id, ServerEvent::RequestAgain, None);
                    1
                }
                None => -1,
            },
        }
    }

    /// A reply that the script makes; `None` when it cannot be sent.
    fn reply(&mut self, now: Now, task: &mut Task, reply: Reply) -> Option<LocalResponse> {
        if task.message.message.method() == Some(Method::Ack) {
            return None;
        }
        let transaction = task.message.transaction.map(|view| view.id);
        let id = match (reply.mode, transaction) {
            (ReplyMode::Stateless, _) | (ReplyMode::Either, None) => {
                return self.stateless_reply(&mut task.message, reply.code, &reply.reason, &reply.headers);
            }
            (ReplyMode::Error, _) => {
                let (code, reason) = error_reply(task.previous_error(), "SL");
                // What the script wants in replies went to the transaction with it.
                let headers = transaction.and_then(|id| Some(self.layer.table.get(id)?.reply_headers.clone()));
                return self.stateless_reply(&mut task.message, code, reason.as_bytes(), &headers.unwrap_or_default());
            }
            (ReplyMode::Transaction, None) => self.new_transaction(now, &mut task.message)?,
            (ReplyMode::Transaction | ReplyMode::Either, Some(id)) => {
                if let Some(transaction) = self.layer.table.get(id) {
                    transaction.take_reply(&mut task.message);
                }
                id
            }
        };
        let uri = task.message.target.uri.clone();
        self.reply_through(now, id, uri, (reply.code, &reply.reason), &reply.headers)
    }
}

/// Timers, where the script wants others in milliseconds.
fn timers_with(usual: Timers, (fr_inv, fr): (Option<u32>, Option<u32>)) -> Timers {
    let time = |value: Option<u32>| value.filter(|value| *value > 0).map(|value| Duration::from_millis(value.into()));
    Timers { fr_inv: time(fr_inv).unwrap_or(usual.fr_inv), fr: time(fr).unwrap_or(usual.fr), ..usual }
}
