//! Other messages of a transaction, for the scripts that ask for them: `$T_req`, `$T_rpl`, `$T_inv`.

use super::fault::reason;
use super::layer::Layer;
use super::table::Found;
use super::transaction::{Branch, Transaction};
use crate::builtin::{Received, Related, TransactionId, Working};
use crate::sip::{Message, Method};
use crate::time::Tick;
use bytes::Bytes;

impl Layer {
    /// Shows a reply its request and its branch, for a script that uses either.
    pub(super) fn relate_reply(&mut self, working: &mut Working) {
        let message = &working.message;
        let (Some(branch), Some(method)) = (message.via().and_then(|via| via.branch()), message.cseq_method()) else {
            return;
        };
        let Some(Found::Branch(id, index)) = self.table.find(&self.seed.client(branch, method)) else {
            return;
        };
        let Some(transaction) = self.table.get(id) else { return };
        let code = message.status().unwrap_or(0);
        working.transaction = Some(transaction.view(Some(index), code));
        let branch_uri = transaction.branches.get(index as usize).and_then(|branch| request_uri(&branch.sent));
        let request = Some(transaction.request_as_relayed());
        working.related = Some(Box::new(Related { request, branch_uri, ..Related::default() }));
    }

    /// Shows a CANCEL the INVITE it is for, for a script that uses it.
    pub(super) fn relate_cancel(&mut self, working: &mut Working) {
        if working.message.method() != Some(Method::Cancel) {
            return;
        }
        let Some(id) = self.invite_of_cancel(&working.message) else { return };
        let invite = self.table.get(id).map(|transaction| transaction.request_as_relayed());
        working.related = Some(Box::new(Related { invite, ..Related::default() }));
    }

    /// The INVITE transaction that a CANCEL is for (RFC 3261 9.2).
    pub(super) fn invite_of_cancel(&self, cancel: &Message) -> Option<TransactionId> {
        let key = self.server_key(cancel, Method::Invite);
        match self.table.find(&key) {
            Some(Found::Server(id)) => Some(id),
            _ => None,
        }
    }
}

impl Transaction {
    /// The request for a route on the failure of a branch, with what earlier blocks left with the transaction, which waits for that route
    /// from here on; `None` when nothing was kept for such routes.
    pub(super) fn lend(&mut self, failed: u16, now: Tick) -> Option<Box<Working>> {
        let branch = self.branches.get(failed as usize)?;
        let mut message = self.relayed.clone()?;
        message.flags = self.flags;
        message.target.flags = branch.flags;
        message.armed = self.armed;
        // It has those of the transaction, unless it wants others.
        message.timers = None;
        message.branches.clear();
        message.transaction = Some(self.view(Some(failed), branch.code));
        message.related = Some(branch.winner(now));
        self.failing = true;
        Some(message)
    }

    /// The request as the script left it for its branches, or as it arrived.
    fn request_as_relayed(&self) -> Working {
        match &self.relayed {
            Some(relayed) => (**relayed).clone(),
            None => Working::new(self.request.clone(), self.received, 0),
        }
    }
}

impl Branch {
    /// What a `failure_route` sees of the branch that won.
    fn winner(&self, at: Tick) -> Box<Related> {
        let received = Received { flow: self.flow, at };
        let phrase = |reply: &Message| reply.bytes().slice_ref(reply.reason());
        Box::new(Related {
            reason: Some(self.reply.as_deref().map_or_else(|| Bytes::from_static(reason(self.code)), phrase)),
            reply: self.reply.as_deref().map(|reply| Working::new(reply.clone(), received, 0)),
            ..Related::default()
        })
    }
}

/// The Request-URI of a request as it was written.
fn request_uri(sent: &Bytes) -> Option<Bytes> {
    let start = memchr::memchr(b' ', sent)? + 1;
    let end = start + memchr::memchr(b' ', sent.get(start..)?)?;
    Some(sent.slice(start..end))
}
