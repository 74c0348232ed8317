//! What goes back to the caller: the reply that wins (RFC 3261 16.7), after `failure_route` had its say.

use super::driver::Node;
use super::fault::{Fault, error_reply, reason};
use super::run::Role;
use super::transaction::Branch;
use crate::builtin::{Background, CancelSilent, Counter, LogLevel, Received, TransactionId, Working};
use crate::script::Task;
use crate::sip::Message;
use crate::time::Now;
use crate::transaction::server_invite::Origin;

impl Node {
    /// A reply counts for a branch: it goes upstream at once, or the branch has its outcome.
    pub(super) fn count_reply(&mut self, now: Now, id: TransactionId, index: u16, working: Box<Working>, call: u64) {
        let code = working.message.status().unwrap_or(0);
        let Some(transaction) = self.stack.layer.table.get(id) else { return };
        let Some(branch) = transaction.branches.get_mut(index as usize) else { return };
        // A branch that was given up, or refused, takes it no more while others, or a failure_route, go on.
        let too_late = branch.code >= 300 && transaction.sent_code < 200;
        if code >= 200 && branch.code == 0 {
            branch.code = code;
            // A 2xx goes upstream at once, and nobody asks for it again.
            branch.reply = (code >= 300).then(|| Box::new(working.message.clone()));
        }
        let (owner, is_answered, is_pending) = (transaction.owner, transaction.is_answered(), transaction.is_pending());
        self.stack.layer.table.weigh(id);
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
                    self.cancel_because(id, code);
                    self.cancel_branches(now, id, Some(index), CancelSilent::Awaited);
                }
            }
            _ => {
                let settings = &self.stack.core.settings.transaction;
                let ends_others = code >= 600 && !settings.disable_6xx_block && is_pending;
                let silent = settings.cancel_b_method;
                self.branch_ended(now, id, index, Some(working), call);
                if ends_others {
                    self.cancel_because(id, code);
                    self.cancel_branches(now, id, Some(index), silent);
                }
            }
        }
    }

    /// A branch has ended without a reply: as if it had been answered `code`.
    pub(super) fn branch_failed(&mut self, now: Now, id: TransactionId, index: u16, code: u16, timed_out: bool) {
        let Some(transaction) = self.stack.layer.table.get(id) else { return };
        let canceled = transaction.canceled;
        let Some(branch) = transaction.branches.get_mut(index as usize) else { return };
        branch.timed_out = timed_out;
        // A call that its caller gave up ends as such, whatever the branch did.
        branch.code = if canceled && timed_out { 487 } else { code };
        if let Some((module, tag)) = transaction.owner {
            return self.own_reply(now, id, module, tag, code);
        }
        let call = self.stack.layer.seed.call(transaction.request.call_id());
        self.branch_ended(now, id, index, None, call);
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

    /// A branch has failed: `event_route[tm:branch-failure:...]` sees it before the others are asked for.
    fn branch_ended(&mut self, now: Now, id: TransactionId, index: u16, working: Option<Box<Working>>, call: u64) {
        if let Some(transaction) = self.stack.layer.table.get(id)
            && !transaction.failing
            && !transaction.is_answered()
            && let Some(branch) = transaction.branches.get(index as usize)
            && let Some(route) = branch.armed.branch_failure
            && let Some(message) = transaction.lend(index, now.tick)
        {
            let avps = std::mem::take(&mut transaction.avps);
            let role = Role::BranchFailure(id, working);
            return self.start(now, message, avps, route, role, call);
        }
        self.settle(now, id, working, call);
    }

    /// What follows the end of a route for a failed branch: the branches are looked at again.
    pub(super) fn branch_failure_done(
        &mut self,
        now: Now,
        id: TransactionId,
        task: Task,
        reply: Option<Box<Working>>,
        call: u64,
    ) {
        let Some(transaction) = self.stack.layer.table.get(id) else { return };
        transaction.take_back(&task.message, task.locals.avps);
        self.settle(now, id, reply, call);
    }

    /// Once no branch may bring a better reply, the winner goes to `failure_route`, or upstream.
    fn settle(&mut self, now: Now, id: TransactionId, working: Option<Box<Working>>, call: u64) {
        let Some(transaction) = self.stack.layer.table.get(id) else { return };
        if transaction.is_pending() || transaction.is_answered() || transaction.failing {
            if transaction.server.is_none() && !transaction.is_pending() {
                self.stack.end_transaction(id);
            }
            return;
        }
        let faked = self.stack.core.settings.transaction.faked_reply_prio;
        let Some(winner) = winner(&transaction.branches, faked) else { return };
        if let Some(route) = transaction.branches[winner].armed.failure
            && let Some(mut message) = transaction.lend(winner as u16, now.tick)
        {
            // A route that relays without naming the next one does not run again.
            message.armed.failure = None;
            let avps = std::mem::take(&mut transaction.avps);
            let role = Role::Failure(id, working);
            return self.start(now, message, avps, route, role, call);
        }
        self.send_winner(now, id, working);
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
        let way = self.stack.layer.table.get(id).and_then(|its| its.server.as_mut()).map(|side| {
            side.send_flags = side.send_flags.or(working.replies.flags);
            side.flow
        });
        let socket = way.map_or(working.received.flow.socket, |flow| flow.socket);
        if (200..300).contains(&code) {
            self.stack.layer.expect_relayed_ack(id, &working.message);
        }
        let bytes = self.stack.reply_bytes(&working.message, &working.edits, socket);
        let goes = way.is_none_or(|flow| self.lets_reply_go(now, working, (&bytes, flow)));
        self.stack.send_upstream(now, id, code, goes.then_some(bytes), Origin::Relayed);
    }

    /// Tells a module what became of its request.
    fn own_reply(&mut self, now: Now, id: TransactionId, module: crate::builtin::ModuleId, tag: u64, code: u16) {
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
