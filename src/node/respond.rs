//! Replies made here.

use super::address::reply_flow;
use super::driver::Node;
use crate::builtin::{CancelSilent, LogLevel, TransactionId, Working};
use crate::time::Now;
use crate::transaction::server_invite::Origin;
use bytes::Bytes;

impl Node {
    /// Answers a request without a transaction; gives the code of `sl_send_reply`.
    pub(super) fn stateless_reply(
        &mut self,
        now: Now,
        working: &mut Working,
        code: u16,
        reason: &[u8],
        headers: &[u8],
    ) -> i32 {
        if !(100..700).contains(&code) {
            self.stack.core.log(LogLevel::Error, format!("a reply with the code {code} was not sent"));
            return -1;
        }
        let tag = self.stack.own_tag(&working.message, b'.');
        // A second reply has them too.
        let mut extra = working.replies.headers.clone();
        extra.extend_from_slice(headers);
        let bytes = self.stack.own_reply_bytes(&working.message, working, code, reason, &tag, &extra);
        let flow = reply_flow(&self.stack.core, &working.message, &working.received, working.replies.force_rport);
        self.stack.send(bytes.clone(), flow, working.replies.flags);
        working.settled |= code >= 200;
        self.stack.core.counters.stateless(code);
        self.local_response(now, &bytes, working.received);
        1
    }

    /// Answers a request through its transaction; gives the code of `t_reply`.
    pub(super) fn reply_through(
        &mut self,
        now: Now,
        id: TransactionId,
        code: u16,
        reason: &[u8],
        headers: &[u8],
    ) -> i32 {
        let uri = self.stack.layer.table.get(id).and_then(|transaction| transaction.uri.clone());
        self.reply_with_uri(now, id, uri, (code, reason), headers)
    }

    /// The same, where the script has set this Request-URI.
    pub(super) fn reply_with_uri(
        &mut self,
        now: Now,
        id: TransactionId,
        uri: Option<Bytes>,
        (code, reason): (u16, &[u8]),
        headers: &[u8],
    ) -> i32 {
        let Some(transaction) = self.stack.layer.table.get(id) else { return -1 };
        if transaction.server.is_none() || transaction.is_answered() || !(100..700).contains(&code) {
            return -1;
        }
        let request = transaction.request.clone();
        let mut working = Working::new(request, transaction.received, 0);
        working.replies.force_rport = transaction.force_rport;
        working.target.uri = uri;
        let transaction_body = transaction.reply_body.clone();
        let mut extra = transaction.reply_headers.clone();
        extra.extend_from_slice(headers);
        // A 100 has none.
        let tag = if code > 100 { self.stack.own_tag(&working.message, b'-') } else { Vec::new() };
        working.replies.body = transaction_body;
        let bytes = self.stack.own_reply_bytes(&working.message, &working, code, reason, &tag, &extra);
        if (200..300).contains(&code) {
            self.stack.layer.expect_ack(id, &working.message, &tag);
        }
        if code >= 200 {
            // Whatever the script answers ends the branches that still ring.
            self.cancel_because(id, code);
            self.cancel_branches(now, id, None, CancelSilent::Awaited);
        }
        self.stack.send_upstream(now, id, code, Some(bytes.clone()), Origin::Local);
        self.transaction_response(now, id, &bytes, working.received);
        1
    }
}
