//! What comes back from a branch, and what of it goes to the caller: the reply that wins (RFC 3261 16.7), after `failure_route` had its say.

use super::fault::{Fault, error_reply, reason};
use super::machine::ClientEvent;
use super::proxy::Proxy;
use super::run::{Role, Start};
use super::table::Found;
use super::transaction::Branch;
use super::work::{Ended, Follow};
use crate::builtin::{
    Avps, Background, CancelSilent, Counter, LogLevel, ModuleId, Received, TraceEvent, TransactionId, Working,
};
use crate::script::Task;
use crate::sip::Message;
use crate::time::{Now, Tick};
use crate::transaction::server_invite::Origin;
use crate::transaction::{Timer, client_non_invite};

impl Proxy {
    /// Gives a reply to the branch it answers; one that answers none is forwarded by its Vias (RFC 3261 16.7 step 2, 16.11).
    pub(super) fn reply_to_transaction(&mut self, now: Now, mut working: Box<Working>, call: u64) -> Option<Start> {
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
                let mut work = self.stack.work(now, id)?;
                let verdict = work.client_event(index, event, Some(&working.message));
                if !verdict.counts && !verdict.shown {
                    return None;
                }
                let transaction = &mut *work.open.transaction;
                if let Some(branch) = transaction.branches.get_mut(index as usize) {
                    branch.replied = true;
                }
                working.transaction = Some(transaction.view(Some(index), code));
                let branch = transaction.branches.get(index as usize);
                let (branch_flags, on_reply) = branch.map_or((0, None), |branch| (branch.flags, branch.armed.reply));
                let Some(route) = on_reply else {
                    if verdict.counts {
                        self.count_reply(now, id, index, working);
                    }
                    return None;
                };
                working.flags = transaction.flags;
                working.target.flags = branch_flags;
                working.armed.reply = transaction.armed.reply;
                let avps = std::mem::take(&mut transaction.avps);
                let role = Role::Reply(id, index, verdict.counts);
                Some(Start { message: working, avps, route, role, call })
            }
            Some(Found::Cancel(id, index)) => {
                let event =
                    if code < 200 { client_non_invite::Event::Provisional } else { client_non_invite::Event::Final };
                if let Some(mut work) = self.stack.work(now, id) {
                    work.cancel_event(index, event);
                }
                None
            }
            Some(Found::Server(_) | Found::Success(_)) | None => {
                let Some(route) = self.stack.core.settings.transaction.on_sl_reply else {
                    self.forward_stray(now, &working);
                    return None;
                };
                Some(Start { message: working, avps: Avps::default(), route, role: Role::StrayReply, call })
            }
        }
    }

    /// Forwards a reply that belongs to no transaction.
    pub(super) fn forward_stray(&mut self, now: Now, working: &Working) {
        if let Some((bytes, flow)) = self.stack.stray(now, working)
            && self.lets_reply_go(now, working, (&bytes, flow))
        {
            self.stack.send_stray(working, (bytes, flow));
        }
    }

    /// A reply counts for a branch: it goes upstream at once, or the branch has its outcome.
    pub(super) fn count_reply(&mut self, now: Now, id: TransactionId, index: u16, working: Box<Working>) {
        let code = working.message.status().unwrap_or(0);
        let Some(mut open) = self.stack.layer.table.open(id) else { return };
        let transaction = &mut *open.transaction;
        let Some(branch) = transaction.branches.get_mut(index as usize) else { return };
        // A branch that was given up, or refused, takes it no more while others, or a failure_route, go on.
        let too_late = branch.code >= 300 && transaction.sent_code < 200;
        if code >= 200 && branch.code == 0 {
            branch.code = code;
            // A 2xx goes upstream at once, and nobody asks for it again.
            branch.reply = (code >= 300).then(|| Box::new(working.message.clone()));
        }
        let (owner, is_answered, is_pending) = (transaction.owner, transaction.is_answered(), transaction.is_pending());
        open.weigh();
        if let Some((module, tag)) = owner {
            if code >= 200 {
                self.own_reply(now, id, module, tag, code);
            }
            return;
        }
        match code {
            // Each hop makes its own 100 (RFC 3261 16.7 step 5).
            0..=100 if !self.stack.core.settings.transaction.relay_100 => {
                self.stack.core.counters.count(const { Counter::named("rpl_absorbed") });
            }
            0..200 if is_answered => {}
            0..300 if too_late => {}
            0..300 => {
                let success = code >= 200;
                self.relay_upstream(now, id, code, &working);
                if success {
                    self.cancel_others(now, id, index, code, CancelSilent::Awaited);
                }
            }
            _ => {
                let settings = &self.stack.core.settings.transaction;
                let ends_others = code >= 600 && !settings.disable_6xx_block && is_pending;
                let silent = settings.cancel_b_method;
                let ended = Ended { id, index, reply: Some(working) };
                self.stack.layer.follows.push_back(Follow::Ended(ended));
                if ends_others {
                    self.cancel_others(now, id, index, code, silent);
                }
            }
        }
    }

    /// Cancels all branches but the one that was answered with `code`.
    fn cancel_others(&mut self, now: Now, id: TransactionId, index: u16, code: u16, silent: CancelSilent) {
        if let Some(mut work) = self.stack.work(now, id) {
            work.cancel_because(code);
            work.cancel_branches(Some(index), silent);
        }
    }

    /// A timer of a branch has come due.
    pub(super) fn branch_timer(&mut self, now: Now, at: Tick, (id, index): (TransactionId, u16), timer: Timer) {
        let Some(transaction) = self.stack.layer.table.get(id) else { return };
        let (born, own) = (transaction.born, transaction.owner.is_some());
        let replied = transaction.branches.get(index as usize).is_some_and(|branch| branch.replied);
        let ringing = replied && transaction.is_invite;
        if timer != Timer::Wait {
            let name = match timer {
                Timer::Retransmit => "retr_timer",
                Timer::Deadline if ringing => "fr_inv_timer",
                Timer::Deadline | Timer::Wait => "fr_timer",
            };
            self.stack.core.trace(|| TraceEvent::Timer { name, after: at.since(born) });
        }
        let quiet = !self.stack.core.settings.transaction.noisy_ctimer;
        let Some(mut work) = self.stack.work(now, id) else { return };
        let verdict = work.client_event(index, ClientEvent::Timer(timer), None);
        if verdict.timed_out && quiet && work.open.transaction.ends_quietly() {
            return self.stack.end_transaction(id);
        }
        if verdict.timed_out {
            self.branch_failed(now, id, index, 408, true);
        }
        if verdict.ended && own {
            self.stack.end_transaction(id);
        }
    }

    /// A branch has ended without a reply: as if it had been answered `code`.
    fn branch_failed(&mut self, now: Now, id: TransactionId, index: u16, code: u16, timed_out: bool) {
        let owner = self.stack.work(now, id).and_then(|mut work| work.fail_branch(index, code, timed_out));
        if let Some((module, tag)) = owner {
            self.own_reply(now, id, module, tag, code);
        }
    }

    /// A branch could not be sent. Where that shows at once Kamailio tells the script, so that it is nothing for a failure_route, and whatever the
    /// others bring counts more.
    pub(super) fn branch_unsent(&mut self, now: Now, id: TransactionId, index: u16, at_once: bool) {
        let Some(transaction) = self.stack.layer.table.get(id) else { return };
        let Some(branch) = transaction.branches.get_mut(index as usize) else { return };
        if transaction.owner.is_some() || branch.sent_again || !at_once {
            return self.branch_failed(now, id, index, 477, false);
        }
        (branch.code, branch.unsent) = (477, true);
        transaction.fault = Some(Fault::Dropped);
        let waits = transaction.is_pending() || transaction.failing;
        if transaction.server.is_none() && !waits {
            self.stack.end_transaction(id);
        } else if !waits && !transaction.is_answered() {
            self.send_winner(now, id, None);
        }
    }

    /// A branch has ended: `event_route[tm:branch-failure:...]` sees it before the others are asked for.
    pub(super) fn branch_ended(&mut self, now: Now, ended: Ended) -> Option<Start> {
        let Ended { id, index, reply } = ended;
        if let Some(transaction) = self.stack.layer.table.get(id)
            && !transaction.failing
            && !transaction.is_answered()
            && let Some(branch) = transaction.branches.get(index as usize)
            && let Some(route) = branch.armed.branch_failure
            && let Some(message) = transaction.lend(index, now.tick)
        {
            let avps = std::mem::take(&mut transaction.avps);
            let call = self.stack.layer.seed.call(message.message.call_id());
            return Some(Start { message, avps, route, role: Role::BranchFailure(id, reply), call });
        }
        self.settle(now, id, reply)
    }

    /// What follows the end of a route for a failed branch: the branches are looked at again.
    pub(super) fn branch_failure_done(
        &mut self,
        now: Now,
        id: TransactionId,
        task: Task,
        reply: Option<Box<Working>>,
    ) -> Option<Start> {
        self.stack.layer.table.get(id)?.take_back(&task.message, task.locals.avps);
        self.settle(now, id, reply)
    }

    /// Once no branch may bring a better reply, the winner goes to `failure_route`, or upstream.
    fn settle(&mut self, now: Now, id: TransactionId, working: Option<Box<Working>>) -> Option<Start> {
        let transaction = self.stack.layer.table.get(id)?;
        if transaction.is_pending() || transaction.is_answered() || transaction.failing {
            if transaction.server.is_none() && !transaction.is_pending() {
                self.stack.end_transaction(id);
            }
            return None;
        }
        let winner = winner(&transaction.branches, self.stack.core.settings.transaction.faked_reply_prio)?;
        if let Some(route) = transaction.branches[winner].armed.failure
            && let Some(mut message) = transaction.lend(winner as u16, now.tick)
        {
            // A route that relays without naming the next one does not run again.
            message.armed.failure = None;
            let avps = std::mem::take(&mut transaction.avps);
            let call = self.stack.layer.seed.call(message.message.call_id());
            return Some(Start { message, avps, route, role: Role::Failure(id, working), call });
        }
        self.send_winner(now, id, working);
        None
    }

    /// What follows the end of a `failure_route`: other branches go on, or the winner goes upstream.
    pub(super) fn failure_done(&mut self, now: Now, id: TransactionId, task: Task, reply: Option<Box<Working>>) {
        let Some(transaction) = self.stack.layer.table.get(id) else { return };
        transaction.take_back(&task.message, task.locals.avps);
        if transaction.is_answered() {
            return;
        }
        transaction.supersede(self.stack.core.settings.transaction.failure_reply_mode);
        if transaction.is_pending() {
            return;
        }
        self.send_winner(now, id, reply);
    }

    /// Sends the winning reply upstream. `working` is that reply when the script has just seen it and may have edited it.
    fn send_winner(&mut self, now: Now, id: TransactionId, working: Option<Box<Working>>) {
        let Some(transaction) = self.stack.layer.table.get(id) else { return };
        let settings = &self.stack.core.settings.transaction;
        let Some(index) = winner(&transaction.branches, settings.faked_reply_prio) else { return };
        let branch = &transaction.branches[index];
        let code = branch.code;
        if branch.superseded {
            // The script wanted none of the outcomes there are, and has no other.
            let fault = transaction.fault.unwrap_or(Fault::Internal);
            let (code, reason) = error_reply(fault.error(), "TM");
            self.reply_through(now, id, code, reason.as_bytes(), &[]);
            return;
        }
        if matches!(code, 401 | 407) && settings.aggregate_challenges {
            let challenges = transaction.challenges();
            if challenges.count > 1 {
                self.reply_through(now, id, code, reason(code), &challenges.lines);
                return;
            }
        }
        let Some(reply) = branch.reply.as_deref().cloned() else {
            let reason = reason(code);
            self.reply_through(now, id, code, reason, &[]);
            return;
        };
        if code == 503 && settings.remap_503_500 {
            // RFC 3261 16.7 step 6: this server is not the one that is unavailable. The phrase is Kamailio's, whatever the callee's was.
            self.reply_through(now, id, 500, b"Service Unavailable", &[]);
            return;
        }
        let received = Received { flow: branch.flow, at: now.tick };
        let working = match working {
            Some(working) if same(&working.message, &reply) => working,
            _ => Box::new(Working::new(reply, received, 0)),
        };
        self.relay_upstream(now, id, code, &working);
    }

    /// Sends a reply of a branch to the caller, unless the `onsend_route` keeps it back.
    fn relay_upstream(&mut self, now: Now, id: TransactionId, code: u16, working: &Working) {
        let way = self.stack.work(now, id).and_then(|mut work| {
            if (200..300).contains(&code) {
                work.expect_relayed_ack(&working.message);
            }
            let side = work.open.transaction.server.as_mut()?;
            side.send_flags = side.send_flags.or(working.replies.flags);
            Some(side.flow)
        });
        let socket = way.map_or(working.received.flow.socket, |flow| flow.socket);
        let bytes = self.stack.reply_bytes(&working.message, &working.edits, socket);
        let goes = way.is_none_or(|flow| self.lets_reply_go(now, working, (&bytes, flow)));
        let sent = self.stack.work(now, id);
        if sent.is_some_and(|mut work| work.send_upstream(code, goes.then_some(bytes), Origin::Relayed)) {
            self.stack.end_transaction(id);
        }
    }

    /// Tells a module what became of its request.
    fn own_reply(&mut self, now: Now, id: TransactionId, module: ModuleId, tag: u64, code: u16) {
        if let Some(transaction) = self.stack.layer.table.get(id) {
            // Told once; a late reply is not told again.
            transaction.owner = Some((module, u64::MAX));
        }
        if tag == u64::MAX {
            return;
        }
        let Some(state) = self.stack.core.modules.get(module.0 as usize).cloned() else { return };
        state.replied(tag, code, &mut Background { now, core: &mut self.stack.core, module });
        self.stack.core.log(LogLevel::Debug, format!("own request answered {code}"));
    }
}

/// The branch whose outcome goes upstream (RFC 3261 16.7 step 6): a 6xx before all else, then the lowest class, and in it the lowest code; within 4xx
/// first those that the caller can act on. `faked` is what an outcome made here adds to its rank, in Kamailio's numbers. Branches that a
/// `failure_route` went beyond count only when there is nothing newer, and those that were never sent when there is nothing else.
fn winner(branches: &[Branch], faked: i64) -> Option<usize> {
    let rank = |branch: &Branch| {
        let (class, rest) = (i64::from(branch.code / 100), i64::from(branch.code % 100));
        let of_class = match branch.code {
            600.. => 1000 + rest,
            401 | 407 | 415 | 420 | 484 => 4000 + rest,
            400..500 => 4100 + rest,
            _ => class * 1000 + rest,
        };
        if branch.reply.is_none() { of_class.saturating_add(faked) } else { of_class }
    };
    let ended = branches.iter().enumerate().filter(|(_, branch)| branch.code >= 300);
    let best = ended.min_by_key(|(index, branch)| (branch.unsent, branch.superseded, rank(branch), *index));
    best.map(|(index, _)| index)
}

fn same(one: &Message, other: &Message) -> bool {
    one.bytes().as_ptr() == other.bytes().as_ptr()
}
