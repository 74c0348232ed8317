//! Branches: a request on its way to one destination, and its CANCEL.

use super::driver::Node;
use super::fault::Fault;
use super::layer::ClientEvent;
use super::loops::Breadth;
use super::table::Found;
use super::transaction::{Branch, Client};
use crate::builtin::{CancelSilent, LogLevel, Relay, Target, TransactionId, UnmatchedCancel, Working};
use crate::script::Task;
use crate::sip::HeaderName;
use crate::time::Now;
use crate::transaction::{Actions, client_invite, client_non_invite};

impl Node {
    /// Sends a request on a branch of its own, to a target that is the first of its relay or not.
    pub(super) fn send_branch(
        &mut self,
        now: Now,
        id: TransactionId,
        task: &mut Task,
        (target, begins_relay): (Target, bool),
        breadth: Breadth,
    ) -> Result<(), Fault> {
        let message = &mut task.message;
        message.breadth = match breadth {
            Breadth::Share(share) => Some(share),
            Breadth::Free | Breadth::Whole(_) => None,
        };
        let uri = target.uri.clone().unwrap_or_else(|| message.request_uri());
        let hop = target.next_hop.as_ref().unwrap_or(&uri);
        let most = self.stack.core.settings.max_branches;
        let Some(transaction) = self.stack.layer.table.get(id) else { return Err(Fault::Internal) };
        // A route on a failure goes on from where the first branch left by.
        let first = transaction.branches.first().map(|branch| branch.flow.socket).filter(|_| transaction.failing);
        let arrived = first.unwrap_or(message.received.flow.socket);
        let flow = self.stack.route(hop, target.socket.or(message.target.socket), Some(arrived))?;
        let Some(transaction) = self.stack.layer.table.get(id) else { return Err(Fault::Internal) };
        if transaction.branches.len() >= most {
            self.stack
                .core
                .log(LogLevel::Error, format!("a transaction has no more than {most} branches (max_branches)"));
            return Err(Fault::NoBranch);
        }
        let (index, timers, born, is_invite) =
            (transaction.branches.len() as u16, transaction.timers, transaction.born, transaction.is_invite);
        let branch = self.stack.layer.new_branch(&mut self.stack.core.random, message.visit.course, index);
        let located = target.located.as_deref();
        let (sent, flow) = self.stack.write_forwarded(task, &uri, flow, &branch, located);
        let message = &task.message;
        let key = self.stack.layer.seed.client(&branch, message.message.method_text());
        if !self.lets_request_go(now, task, (&sent, flow)) {
            return Err(Fault::Dropped);
        }
        let mut actions = Actions::new();
        let reliable = self.stack.core.sockets.transport(flow.socket).is_reliable();
        let machine = if is_invite {
            Client::Invite(client_invite::State::start(now.tick, born, reliable, &timers, &mut actions))
        } else {
            Client::Other(client_non_invite::State::start(now.tick, born, reliable, &timers, &mut actions))
        };
        let mut branch = Branch::new(machine, key, sent, flow);
        branch.send_flags = task.message.forward_flags;
        branch.flags = target.flags;
        branch.breadth = breadth.held();
        branch.begins_relay = begins_relay;
        branch.armed = task.message.armed;
        if let Some(transaction) = self.stack.layer.table.get(id) {
            transaction.branches.push(branch);
        }
        self.stack.layer.table.name(key, Found::Branch(id, index));
        self.stack.client_begins(now, id, index, &actions);
        Ok(())
    }

    /// A CANCEL: answered here, and each branch of its INVITE is cancelled. False when there is no such INVITE.
    pub(super) fn cancel(&mut self, now: Now, message: &mut Working) -> bool {
        let Some(invite) = self.stack.layer.invite_of_cancel(&message.message) else { return false };
        let known = message.transaction.map(|view| view.id);
        let Some(id) = known.or_else(|| self.stack.new_transaction(now, message)) else { return false };
        let copies_reason = self.stack.core.settings.transaction.e2e_cancel_reason;
        let pending = self.stack.layer.table.get(invite).is_some_and(|transaction| transaction.is_pending());
        let reason: &[u8] = if pending { b"canceling" } else { b"ok -- no more pending branches" };
        if let Some(transaction) = self.stack.layer.table.get(invite) {
            transaction.canceled = true;
            for header in message.message.headers_named(HeaderName::Reason).filter(|_| copies_reason) {
                transaction.cancel_headers.extend_from_slice(message.message.text(header.line));
            }
        }
        self.cancel_branches(now, invite, None, self.stack.core.settings.transaction.cancel_b_method);
        self.reply_through(now, id, 200, reason, &[]);
        true
    }

    /// A CANCEL that is for no INVITE known here, as `unmatched_cancel` wants it; `None` when it is relayed like any other request.
    pub(super) fn unmatched_cancel(&mut self, now: Now, task: &mut Task, relay: &Relay) -> Option<i32> {
        match self.stack.core.settings.transaction.unmatched_cancel {
            UnmatchedCancel::Stateful => None,
            UnmatchedCancel::Stateless => Some(self.forward(now, task, relay)),
            UnmatchedCancel::Dropped => Some(1),
        }
    }

    /// Says in the CANCELs of a transaction which reply they follow from (RFC 3326), unless the caller's own CANCEL came first.
    pub(super) fn cancel_because(&mut self, id: TransactionId, code: u16) {
        if !self.stack.core.settings.transaction.local_cancel_reason {
            return;
        }
        let Some(transaction) = self.stack.layer.table.get(id).filter(|transaction| !transaction.canceled) else {
            return;
        };
        transaction.set_cancel_reason(code);
    }

    /// Cancels the branches of a transaction that may still be answered, but one; those without a reply in this way.
    pub(super) fn cancel_branches(&mut self, now: Now, id: TransactionId, but: Option<u16>, silent: CancelSilent) {
        let count = self.stack.layer.table.get(id).map_or(0, |transaction| transaction.branches.len() as u16);
        let event = match silent {
            CancelSilent::Answered => ClientEvent::GiveUp,
            CancelSilent::Awaited => ClientEvent::CancelRequested,
            CancelSilent::Cancelled => ClientEvent::CancelAtOnce,
        };
        for index in (0..count).filter(|index| Some(*index) != but) {
            let Some(transaction) = self.stack.layer.table.get(id) else { return };
            let is_invite = transaction.is_invite;
            let Some(branch) = transaction.branches.get(index as usize) else { return };
            if branch.code != 0 {
                continue;
            }
            let given_up = is_invite && !branch.replied && silent == CancelSilent::Answered;
            self.stack.client_event(now, id, index, event, None);
            if given_up {
                self.branch_failed(now, id, index, 487, false);
            }
        }
    }
}
