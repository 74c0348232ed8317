//! How branches end: answered, given up, cancelled, and which of their outcomes is the best.

use super::layer::{ClientEvent, Ended, Follow, Layer, Means};
use super::transaction::Branch;
use crate::builtin::{CancelSilent, ModuleId, TransactionId};
use crate::time::Now;

impl Layer {
    /// A branch has ended without a reply: as if it had been answered `code`. Gives the module whose request it is, with its tag.
    pub(super) fn fail_branch(
        &mut self,
        id: TransactionId,
        index: u16,
        code: u16,
        timed_out: bool,
    ) -> Option<(ModuleId, u64)> {
        let transaction = self.table.get(id)?;
        let (canceled, owner) = (transaction.canceled, transaction.owner);
        let branch = transaction.branches.get_mut(index as usize)?;
        branch.timed_out = timed_out;
        // A call that its caller gave up ends as such, whatever the branch did.
        branch.code = if canceled && timed_out { 487 } else { code };
        if owner.is_none() {
            self.follows.push_back(Follow::Ended(Ended { id, index, reply: None }));
        }
        owner
    }

    /// Says in the CANCELs of a transaction which reply they follow from (RFC 3326), unless the caller's own CANCEL came first.
    pub(super) fn cancel_because(&mut self, means: &Means, id: TransactionId, code: u16) {
        if !means.settings.transaction.local_cancel_reason {
            return;
        }
        if let Some(transaction) = self.table.get(id).filter(|transaction| !transaction.canceled) {
            transaction.set_cancel_reason(code);
        }
    }

    /// Cancels the branches of a transaction that may still be answered, but one; those without a reply in this way.
    pub(super) fn cancel_branches(
        &mut self,
        means: &mut Means,
        now: Now,
        id: TransactionId,
        but: Option<u16>,
        silent: CancelSilent,
    ) {
        let count = self.table.get(id).map_or(0, |transaction| transaction.branches.len() as u16);
        let event = match silent {
            CancelSilent::Answered => ClientEvent::GiveUp,
            CancelSilent::Awaited => ClientEvent::CancelRequested,
            CancelSilent::Cancelled => ClientEvent::CancelAtOnce,
        };
        for index in (0..count).filter(|index| Some(*index) != but) {
            let Some(transaction) = self.table.get(id) else { return };
            let is_invite = transaction.is_invite;
            let Some(branch) = transaction.branches.get(index as usize) else { return };
            if branch.code != 0 {
                continue;
            }
            let given_up = is_invite && !branch.replied && silent == CancelSilent::Answered;
            self.client_event(means, now, id, index, event, None);
            if given_up {
                // None of these is a module's request, which has no caller who could give it up.
                self.fail_branch(id, index, 487, false);
            }
        }
    }
}

/// The branch whose outcome goes upstream (RFC 3261 16.7 step 6): a 6xx before all else, then the lowest class, and in it the lowest code; within 4xx
/// first those that the caller can act on. `faked` is what an outcome made here adds to its rank, in Kamailio's numbers. Branches that a
/// `failure_route` went beyond count only when there is nothing newer, and those that were never sent when there is nothing else.
pub(super) fn winner(branches: &[Branch], faked: i64) -> Option<usize> {
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
