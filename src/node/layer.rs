//! The transactions of a node: what is kept, its keys and timers. It knows no script: it says what has happened.

use super::table::Table;
use super::transaction::{Due, Transaction};
use super::work::Follow;
use crate::builtin::TransactionId;
use crate::sip::{Message, Method};
use crate::transaction::key::{Key, Legacy, has_cookie};
use crate::transaction::{Seed, Wheel};
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

impl Layer {
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

    /// Takes a transaction out, with its keys and timers.
    pub(super) fn remove(&mut self, id: TransactionId) -> Option<Box<Transaction>> {
        let transaction = self.table.remove(id)?;
        for timer in transaction.timer_ids() {
            self.wheel.cancel(timer);
        }
        Some(transaction)
    }
}
