//! What a reply made here says, and how it goes to the caller.

use super::address::reply_flow;
use super::stack::{AtHand, Stack};
use crate::builtin::{CancelSilent, LogLevel, Received, TransactionId, Working, print_int};
use crate::sip::{HeaderName, Message, Reply};
use crate::time::Now;
use crate::transaction::server_invite::Origin;
use crate::world::Flow;
use bytes::Bytes;
use std::io::Write as _;
use std::net::SocketAddr;

/// The longest Warning that Kamailio writes.
const LONGEST_WARNING: usize = 1023;
/// The number of the process, which all workers share: `$pp`.
const PROCESS: u8 = 1;

/// A reply made here that was sent: `event_route[sl:local-response]` or `event_route[tm:local-response]` may want to see it.
#[must_use]
pub(super) struct LocalResponse {
    pub(super) bytes: Bytes,
    /// How its request came.
    pub(super) received: Received,
    /// The transaction that it went through.
    pub(super) transaction: Option<TransactionId>,
}

impl Stack {
    /// The To tag of replies made here: the node's own 32 digits, and 8 that follow from the request under the node's secret, so that the same
    /// request gets the same tag (RFC 3261 16.11 wants that of a stateless reply) and nobody knows that of another. The byte between tells whether a transaction sent it.
    pub(super) fn own_tag(&self, request: &Message, between: u8) -> Vec<u8> {
        let hash = self.layer.seed.tag(request.via().map(|via| via.text()).unwrap_or_default(), request.call_id());
        let mut tag = Vec::with_capacity(41);
        tag.extend_from_slice(&self.tag_prefix);
        tag.push(between);
        tag.extend((0..8).map(|index| b"0123456789abcdef"[(hash >> (4 * index)) as usize & 15]));
        tag
    }

    pub(super) fn own_reply_bytes(
        &mut self,
        request: &Message,
        working: &Working,
        code: u16,
        reason: &[u8],
        tag: &[u8],
        extra: &[u8],
    ) -> Bytes {
        let stamp = request
            .via()
            .map(|via| via.stamp(working.received.flow.peer, working.replies.force_rport))
            .unwrap_or_default();
        let warning = if self.core.settings.sip_warning { self.warning(request, working) } else { Vec::new() };
        let server = self.core.settings.server_header.strip_prefix(b"Server: ").filter(|value| !value.is_empty());
        let reply = Reply {
            code,
            reason,
            // RFC 3261 8.2.6.2: a 100 needs none.
            to_tag: (code > 100).then_some(tag),
            stamp,
            extra_headers: extra,
            server,
            warning: &warning,
            body: &working.replies.body,
            ..Reply::default()
        };
        self.buffer.clear();
        reply.write(request, &mut self.buffer);
        Bytes::copy_from_slice(&self.buffer)
    }

    /// The Warning of `sip_warning`: who asked, for what, and what the script made of it. One that Kamailio has no room for is left out.
    pub(super) fn warning(&mut self, request: &Message, working: &Working) -> Vec<u8> {
        let Flow { peer: source, socket, .. } = working.received.flow;
        let own = SocketAddr::new(
            self.core.sockets.address_towards(socket, source.ip()),
            self.core.sockets.socket(socket).map_or(0, |socket| socket.address.port()),
        );
        let vias = |message: &Message| message.headers_named(HeaderName::Via).count();
        // As in Kamailio those of the message at hand, which is the reply that a failure_route answers for; a timer has none.
        let vias = match &self.at_hand {
            Some(AtHand::Packet(datagram, _)) => Message::parse(datagram.bytes.clone()).map_or(0, |its| vias(&its)),
            Some(AtHand::Due(_)) => 0,
            Some(AtHand::Run(_)) | None => vias(request),
        };
        let mut line = Vec::with_capacity(256);
        // Writing to a Vec does not fail.
        let _ = write!(
            line,
            "Warning: 392 {own} \"Noisy feedback tells:  pid={PROCESS} req_src_ip={} req_src_port={} in_uri=",
            source.ip(),
            source.port()
        );
        line.extend_from_slice(request.request_uri());
        line.extend_from_slice(b" out_uri=");
        // What a script sets need not be a URI; it begins no other header.
        let out = working.target.uri.as_deref().unwrap_or(request.request_uri()).iter();
        line.extend(out.map(|byte| if byte.is_ascii_control() { b' ' } else { *byte }));
        let _ = write!(line, " via_cnt=={vias}\"");
        if line.len() > LONGEST_WARNING {
            self.core.log(LogLevel::Warning, "the Warning of a reply is too long, and left out");
            return Vec::new();
        }
        line.extend_from_slice(b"\r\n");
        line
    }

    /// A Call-ID for requests of our own.
    pub(super) fn own_call_id(&mut self) -> Vec<u8> {
        let mut call_id = Vec::with_capacity(40);
        self.core.random.hex(&mut call_id);
        call_id.push(b'-');
        print_int(i64::try_from(self.next_message).unwrap_or(0), &mut call_id);
        call_id
    }

    /// Answers a request without a transaction: `sl_send_reply`. `None` when it cannot be.
    pub(super) fn stateless_reply(
        &mut self,
        working: &mut Working,
        code: u16,
        reason: &[u8],
        headers: &[u8],
    ) -> Option<LocalResponse> {
        if !(100..700).contains(&code) {
            self.core.log(LogLevel::Error, format!("a reply with the code {code} was not sent"));
            return None;
        }
        let tag = self.own_tag(&working.message, b'.');
        // A second reply has them too.
        let mut extra = working.replies.headers.clone();
        extra.extend_from_slice(headers);
        let bytes = self.own_reply_bytes(&working.message, working, code, reason, &tag, &extra);
        let flow = reply_flow(&self.core, &working.message, &working.received, working.replies.force_rport);
        self.send(bytes.clone(), flow, working.replies.flags);
        working.settled |= code >= 200;
        self.core.counters.stateless(code);
        Some(LocalResponse { bytes, received: working.received, transaction: None })
    }

    /// The Request-URI that the script had set as a transaction began.
    pub(super) fn uri_at_first(&mut self, id: TransactionId) -> Option<Bytes> {
        self.layer.table.get(id)?.uri.clone()
    }

    /// Answers a request through its transaction, where the script has set this Request-URI: `t_reply`. `None` when it cannot be.
    pub(super) fn reply_through(
        &mut self,
        now: Now,
        id: TransactionId,
        uri: Option<Bytes>,
        (code, reason): (u16, &[u8]),
        headers: &[u8],
    ) -> Option<LocalResponse> {
        let transaction = self.layer.table.get(id)?;
        if transaction.server.is_none() || transaction.is_answered() || !(100..700).contains(&code) {
            return None;
        }
        let request = transaction.request.clone();
        let mut working = Working::new(request, transaction.received, 0);
        working.replies.force_rport = transaction.force_rport;
        working.target.uri = uri;
        let transaction_body = transaction.reply_body.clone();
        let mut extra = transaction.reply_headers.clone();
        extra.extend_from_slice(headers);
        // A 100 has none.
        let tag = if code > 100 { self.own_tag(&working.message, b'-') } else { Vec::new() };
        working.replies.body = transaction_body;
        let bytes = self.own_reply_bytes(&working.message, &working, code, reason, &tag, &extra);
        let mut work = self.work(now, id)?;
        if (200..300).contains(&code) {
            work.expect_ack(&tag);
        }
        if code >= 200 {
            // Whatever the script answers ends the branches that still ring.
            work.cancel_because(code);
            work.cancel_branches(None, CancelSilent::Awaited);
        }
        if work.send_upstream(code, Some(bytes.clone()), Origin::Local) {
            self.end_transaction(id);
        }
        Some(LocalResponse { bytes, received: working.received, transaction: Some(id) })
    }
}
