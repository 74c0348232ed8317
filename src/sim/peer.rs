//! A peer of a scenario: it remembers its calls, so that what it sends and answers fits what it received.

use super::call::{Call, text_of};
use super::digest::{self, Account};
use super::scenario::{Answering, Extra, PeerLine, Sending, Status};
use super::text::Text;
use crate::builtin::SocketId;
use crate::sip::{HeaderName, Message, Method, Transport};
use bytes::Bytes;
use rustc_hash::FxHashMap;
use std::net::SocketAddr;

/// A peer and what it knows.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(super) name: String,
    pub(super) transport: Transport,
    pub(super) address: SocketAddr,
    /// Its connections are broken, and it takes none.
    pub(super) disconnected: bool,
    /// The server's socket it uses.
    pub(super) socket: SocketId,
    /// What it received, in order, and how much of it the scenario has looked at.
    pub(super) received: Vec<Message>,
    pub(super) looked: usize,
    /// What it answers challenges with, and why it could not answer the last one.
    account: Option<Account>,
    pub(super) puzzled: Option<String>,
    /// What it answers by itself.
    pub(super) always: Vec<(String, Vec<Status>)>,
    calls: Vec<Call>,
    /// Requests it received, with the last reply it gave.
    requests: Vec<Received>,
    /// Their places, by transaction.
    transactions: FxHashMap<(Vec<u8>, Option<Vec<u8>>), usize>,
    /// Requests it sent.
    sent: Vec<Sent>,
    counted: u32,
}

#[derive(Debug)]
struct Received {
    request: Message,
    socket: SocketId,
    reply: Option<Bytes>,
    code: u16,
}

#[derive(Debug)]
struct Sent {
    method: String,
    call: usize,
    packet: Packet,
}

/// What a peer sends, and where to; `None` for the server.
#[derive(Debug, Clone)]
pub(crate) struct Packet {
    pub(crate) bytes: Bytes,
    /// The host and port that it should go to by SIP's own rules.
    pub(super) next_hop: Option<(String, u16)>,
    pub(super) socket: SocketId,
}

/// A request before the scenario's own lines are put into it.
#[derive(Debug)]
pub(crate) struct RequestDraft {
    pub(crate) text: Text,
    method: String,
    /// The place of its call among the peer's; a new one has the next.
    at: usize,
    call: Call,
    /// Where it goes by SIP's own rules when not to the server.
    next_hop: Option<(String, u16)>,
}

/// A reply before the scenario's own lines are put into it.
#[derive(Debug)]
pub(crate) struct ReplyDraft {
    pub(crate) text: Text,
    /// What it answers.
    pub(crate) request: Message,
    /// The tag of this side.
    pub(crate) tag: String,
    /// The place of the request among those received.
    at: usize,
    code: u16,
}

impl Peer {
    pub(crate) fn new(line: &PeerLine, socket: SocketId) -> Peer {
        Peer {
            name: line.name.clone(),
            transport: line.transport,
            address: line.address,
            disconnected: false,
            socket,
            received: Vec::new(),
            looked: 0,
            account: line.account.clone(),
            puzzled: None,
            always: Vec::new(),
            calls: Vec::new(),
            requests: Vec::new(),
            transactions: FxHashMap::default(),
            sent: Vec::new(),
            counted: 0,
        }
    }

    /// Takes a packet in; gives what it sends by itself: replies, and the ACK of a refused INVITE (RFC 3261 section 17.1.1.3) unless the scenario sends
    /// that one `by_hand`.
    pub(crate) fn receive(&mut self, bytes: &Bytes, socket: SocketId, by_hand: bool) -> Vec<Packet> {
        let Ok(message) = Message::parse(bytes.clone()) else { return Vec::new() };
        self.received.push(message.clone());
        if !message.is_request() {
            let known = self.calls.iter_mut().enumerate().rev().find(|(_, call)| call.is_asked_by(&message));
            let Some((at, call)) = known else { return Vec::new() };
            call.answered(&message);
            let acknowledged = if by_hand { None } else { self.acknowledge(at, &message) };
            return acknowledged.into_iter().chain(self.authorize(at, &message)).collect();
        }
        let method = text_of(message.method_text());
        if message.method() == Some(Method::Ack) {
            return Vec::new();
        }
        let next = self.requests.len();
        let at = *self.transactions.entry(transaction(&message)).or_insert(next);
        if at == next {
            self.requests.push(Received { request: message.clone(), socket, reply: None, code: 0 });
            if !self.calls.iter().any(|call| call.holds(&message)) {
                self.counted += 1;
                self.calls.push(Call::received(&self.name, (self.transport, self.address), self.counted, &message));
            }
        }
        let always = self.always.iter().find(|(its, _)| *its == method).map(|(_, codes)| codes.clone());
        let codes = always.unwrap_or_default();
        codes.iter().filter_map(|status| self.reply(at, status)).collect()
    }

    /// The ACK of a refusal of the last INVITE of a call.
    fn acknowledge(&mut self, at: usize, reply: &Message) -> Option<Packet> {
        let invite =
            self.sent.iter().rev().find(|sent| sent.call == at && sent.method == "INVITE")?.packet.bytes.clone();
        let refused = reply.status().is_some_and(|code| code >= 300);
        let sequence = Message::parse(invite.clone()).ok()?.cseq()?.number;
        reply.cseq().filter(|cseq| refused && cseq.method == Method::Invite && cseq.number == sequence)?;
        let (text, next_hop) = self.calls.get(at)?.clone().next_request("ACK", Some(invite)).ok()?;
        let packet = Packet { bytes: text.finish(&Extra::default()), next_hop, socket: self.socket };
        self.sent.push(Sent { method: "ACK".to_owned(), call: at, packet: packet.clone() });
        Some(packet)
    }

    /// The request of a call that was challenged, once more, with what was asked for. One that had an answer already is refused for good, unless that
    /// was only too old.
    fn authorize(&mut self, at: usize, reply: &Message) -> Option<Packet> {
        let account = self.account.as_ref().filter(|_| matches!(reply.status(), Some(401 | 407)))?;
        let asked = reply.cseq()?;
        let is_asked =
            |sent: &&Sent| sent.call == at && sent.method.as_bytes() == reply.cseq_method().unwrap_or_default();
        let sent = self.sent.iter().rev().find(is_asked)?;
        let request = Message::parse(sent.packet.bytes.clone()).ok().filter(|its| its.cseq() == Some(asked))?;
        let is_answer = |name| matches!(name, HeaderName::Authorization | HeaderName::ProxyAuthorization);
        if request.headers().iter().any(|header| is_answer(header.name)) && !digest::is_stale(reply) {
            return None;
        }
        let cnonce = format!("{}-{}", self.name, asked.number);
        let line = match digest::answer(account, reply.bytes(), &request, cnonce) {
            Ok(line) => line?,
            Err(fault) => {
                self.puzzled = Some(fault);
                return None;
            }
        };
        let (method, next_hop) = (sent.method.clone(), sent.packet.next_hop.clone());
        let call = self.calls.get_mut(at)?;
        let bytes = call.request_again(&request, line);
        call.note_sent(&bytes);
        let packet = Packet { bytes, next_hop, socket: self.socket };
        self.sent.push(Sent { method, call: at, packet: packet.clone() });
        Some(packet)
    }

    /// Makes a request; the fault says what is missing for it.
    pub(super) fn send(&mut self, sending: &Sending) -> Result<Packet, String> {
        if sending.again {
            let fits = |sent: &&Sent| sent.method == sending.method && self.is_call(sent.call, &sending.call);
            let found = self.sent.iter().rev().find(fits);
            let fault = || format!("{} has sent no {} yet", self.name, sending.method);
            return found.map(|sent| sent.packet.clone()).ok_or_else(fault);
        }
        let draft = self.draft(sending)?;
        Ok(self.send_draft(draft, &sending.extra))
    }

    /// The request as the peer would make it by itself; nothing is sent or remembered yet.
    pub(crate) fn draft(&self, sending: &Sending) -> Result<RequestDraft, String> {
        let named = sending.call.as_deref();
        let begun = named.and_then(|_| self.call_for(&sending.method, named).ok());
        let at = match (&sending.uri, begun) {
            (Some(_), begun) => begun.unwrap_or(self.calls.len()),
            (None, _) => self.call_for(&sending.method, named)?,
        };
        let last_invite = self.sent.iter().rev().find(|sent| sent.call == at && sent.method == "INVITE");
        let invite = last_invite.map(|sent| sent.packet.bytes.clone());
        let (call, (text, next_hop)) = match (&sending.uri, self.calls.get(at).cloned()) {
            (Some(uri), Some(mut call)) => {
                let made = call.next_request_to(&sending.method, uri, invite)?;
                (call, made)
            }
            (Some(uri), None) => {
                let about = sending.about.as_deref();
                let mut call =
                    Call::new(&self.name, (self.transport, self.address), self.counted + 1, named, uri, about);
                let text = call.first_request(&sending.method, uri);
                (call, (text, None))
            }
            (None, Some(mut call)) => {
                let made = call.next_request(&sending.method, invite)?;
                (call, made)
            }
            (None, None) => return Err(format!("{} has no such call", self.name)),
        };
        Ok(RequestDraft { text, method: sending.method.clone(), at, call, next_hop })
    }

    /// Sends a draft with what the scenario says about it.
    pub(crate) fn send_draft(&mut self, draft: RequestDraft, extra: &Extra) -> Packet {
        let RequestDraft { text, method, at, mut call, next_hop } = draft;
        let packet = Packet { bytes: text.finish(extra), next_hop, socket: self.socket };
        call.note_sent(&packet.bytes);
        match self.calls.get_mut(at) {
            Some(known) => *known = call,
            None => {
                self.counted += 1;
                self.calls.push(call);
            }
        }
        self.sent.push(Sent { method, call: at, packet: packet.clone() });
        packet
    }

    /// Makes a reply to the last request that fits and waits for one.
    pub(super) fn answer(&mut self, answering: &Answering) -> Result<Packet, String> {
        if answering.again {
            let code = answering.status.code;
            let found = self.requests.iter().rev().find(|known| known.code == code && self.fits(known, answering));
            let packet = found.and_then(|known| known.reply.clone().map(|bytes| (bytes, known)));
            let fault = || format!("{} has sent no {code} yet", self.name);
            let (bytes, known) = packet.ok_or_else(fault)?;
            return Ok(Packet { bytes, next_hop: next_hop_of_reply(&known.request), socket: known.socket });
        }
        let draft = self.draft_answer(answering)?;
        self.send_answer(draft, &answering.extra).ok_or_else(|| format!("{} has nothing to answer", self.name))
    }

    /// The reply as the peer would make it by itself; nothing is sent or remembered yet.
    pub(crate) fn draft_answer(&self, answering: &Answering) -> Result<ReplyDraft, String> {
        let at = self.requests.iter().rposition(|known| known.code < 200 && self.fits(known, answering));
        let what = answering.method.as_deref().unwrap_or("request");
        let fault = format!("{} has no {what} to answer", self.name);
        at.and_then(|at| self.draft_reply(at, &answering.status)).ok_or(fault)
    }

    /// Sends a draft with what the scenario says about it.
    pub(crate) fn send_answer(&mut self, draft: ReplyDraft, extra: &Extra) -> Option<Packet> {
        let known = self.requests.get_mut(draft.at)?;
        let bytes = draft.text.finish(extra);
        known.code = draft.code;
        known.reply = Some(bytes.clone());
        Some(Packet { bytes, next_hop: next_hop_of_reply(&known.request), socket: known.socket })
    }

    /// Whether an answer may be meant for this request.
    fn fits(&self, known: &Received, answering: &Answering) -> bool {
        let method = answering.method.as_deref().is_none_or(|method| known.request.method_text() == method.as_bytes());
        let call = self.calls.iter().position(|call| call.holds(&known.request));
        method && (answering.call.is_none() || call.is_some_and(|call| self.is_call(call, &answering.call)))
    }

    fn draft_reply(&self, at: usize, status: &Status) -> Option<ReplyDraft> {
        let request = &self.requests.get(at)?.request;
        let call = self.calls.iter().rev().find(|call| call.holds(request))?;
        let reason = status.reason.clone().unwrap_or_else(|| reason_phrase(status.code).to_owned());
        let mut text = Text::new(format!("SIP/2.0 {} {reason}", status.code));
        let copied = [
            HeaderName::Via,
            HeaderName::RecordRoute,
            HeaderName::From,
            HeaderName::To,
            HeaderName::CallId,
            HeaderName::CSeq,
        ];
        for name in copied {
            if name == HeaderName::RecordRoute && !(101..300).contains(&status.code) {
                continue;
            }
            for header in request.headers_named(name) {
                let mut value = text_of(&request.unfolded(header));
                let untagged = name == HeaderName::To && request.to().is_some_and(|to| to.tag().is_none());
                if untagged && status.code > 100 {
                    value = format!("{value};tag={}", call.tag());
                }
                text.add(&text_of(request.text(header.name_text)), value);
            }
        }
        if (101..300).contains(&status.code) && request.method() == Some(Method::Invite) {
            text.add("Contact", call.contact());
        }
        Some(ReplyDraft { text, at, code: status.code, request: request.clone(), tag: call.tag().to_owned() })
    }

    fn reply(&mut self, at: usize, status: &Status) -> Option<Packet> {
        let draft = self.draft_reply(at, status)?;
        self.send_answer(draft, &Extra::default())
    }

    fn is_call(&self, at: usize, name: &Option<String>) -> bool {
        name.is_none() || self.calls.get(at).is_some_and(|call| call.name() == name.as_deref())
    }

    fn call_for(&self, method: &str, name: Option<&str>) -> Result<usize, String> {
        let wanted = |call: &Call| match name {
            Some(name) => call.name() == Some(name),
            None => method != "CANCEL" && method != "ACK" || call.has_invited(),
        };
        let fault = || match name {
            Some(name) => format!("{} knows no call {name}", self.name),
            None => format!("{} has no call for {method}; with a Request-URI it begins one", self.name),
        };
        self.calls.iter().rposition(wanted).ok_or_else(fault)
    }
}

/// Replies go to the topmost Via (RFC 3261 section 18.2.2, RFC 3581).
fn next_hop_of_reply(request: &Message) -> Option<(String, u16)> {
    let via = request.via()?;
    Some((text_of(via.received().unwrap_or(via.host())), via.port().unwrap_or(5060)))
}

/// What tells the transactions of requests apart: method and branch (RFC 3261 section 17.2.3).
fn transaction(request: &Message) -> (Vec<u8>, Option<Vec<u8>>) {
    let branch = request.via().and_then(|via| via.branch()).map(<[u8]>::to_vec);
    (request.method_text().to_vec(), branch)
}

/// The phrases of RFC 3261 section 21 and its companions.
pub(crate) fn reason_phrase(code: u16) -> &'static str {
    match code {
        100 => "Trying",
        180 => "Ringing",
        181 => "Call Is Being Forwarded",
        182 => "Queued",
        183 => "Session Progress",
        200 => "OK",
        202 => "Accepted",
        301 => "Moved Permanently",
        302 => "Moved Temporarily",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        486 => "Busy Here",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
        500 => "Server Internal Error",
        503 => "Service Unavailable",
        600 => "Busy Everywhere",
        603 => "Decline",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(name: &str, address: &str) -> Peer {
        let line = PeerLine::new(name.to_owned(), address.parse().unwrap());
        Peer::new(&line, SocketId(0))
    }

    fn sends(peer: &mut Peer, method: &str, uri: Option<&str>) -> Packet {
        let uri = uri.map(str::to_owned);
        peer.send(&Sending { method: method.to_owned(), uri, ..Sending::default() }).unwrap()
    }

    fn answers(peer: &mut Peer, code: u16, method: Option<&str>) -> Result<Packet, String> {
        let status = Status { code, reason: None };
        let method = method.map(str::to_owned);
        peer.answer(&Answering { status, method, call: None, again: false, extra: Extra::default() })
    }

    /// As if a proxy between them had recorded its route.
    fn recorded(packet: &Packet) -> Bytes {
        let text = text_of(&packet.bytes);
        Bytes::from(text.replacen("\r\n", "\r\nRecord-Route: <sip:one;lr>\r\nRecord-Route: <sip:two;lr>\r\n", 1))
    }

    fn lines(packet: &Packet, names: &[&str]) -> Vec<String> {
        let text = text_of(&packet.bytes);
        let wanted = text.lines().filter(|line| names.iter().any(|name| line.starts_with(name)));
        wanted.map(str::to_owned).collect()
    }

    #[test]
    fn a_dialog_has_two_ends() {
        let (mut alice, mut bob) = (peer("alice", "192.0.2.10:5060"), peer("bob", "192.0.2.20:5060"));
        let invite = sends(&mut alice, "INVITE", Some("sip:b@example.com"));
        assert!(bob.receive(&recorded(&invite), SocketId(0), true).is_empty());
        let ringing = answers(&mut bob, 180, None).unwrap();
        assert_eq!(ringing.next_hop, Some(("192.0.2.10".to_owned(), 5060)));
        let ok = answers(&mut bob, 200, Some("INVITE")).unwrap();
        assert_eq!(answers(&mut bob, 200, None).unwrap_err(), "bob has no request to answer");
        alice.receive(&ringing.bytes, SocketId(0), true);
        alice.receive(&ok.bytes, SocketId(0), true);
        let wanted = ["ACK", "BYE", "Route", "To", "From", "CSeq"];
        let ack = sends(&mut alice, "ACK", None);
        let expected = [
            "ACK sip:b@192.0.2.20:5060 SIP/2.0",
            "Route: <sip:two;lr>",
            "Route: <sip:one;lr>",
            "From: <sip:alice@example.com>;tag=alice-1",
            "To: <sip:b@example.com>;tag=bob-1",
            "CSeq: 1 ACK",
        ];
        assert_eq!(lines(&ack, &wanted), expected);
        assert_eq!(ack.next_hop, Some(("two".to_owned(), 5060)));
        let bye = sends(&mut bob, "BYE", None);
        let expected = [
            "BYE sip:alice@192.0.2.10:5060 SIP/2.0",
            "Route: <sip:one;lr>",
            "Route: <sip:two;lr>",
            "From: <sip:b@example.com>;tag=bob-1",
            "To: <sip:alice@example.com>;tag=alice-1",
            "CSeq: 101 BYE",
        ];
        assert_eq!(lines(&bye, &wanted), expected);
        alice.receive(&bye.bytes, SocketId(0), true);
        assert_eq!(
            lines(&answers(&mut alice, 200, None).unwrap(), &["To"]),
            ["To: <sip:alice@example.com>;tag=alice-1"]
        );
    }

    #[test]
    fn a_refused_or_cancelled_invite_keeps_its_branch() {
        let (mut alice, mut bob) = (peer("alice", "192.0.2.10:5060"), peer("bob", "192.0.2.20:5060"));
        assert!(alice.send(&Sending { method: "CANCEL".into(), ..Sending::default() }).is_err());
        let invite = sends(&mut alice, "INVITE", Some("sip:b@example.com"));
        let cancel = sends(&mut alice, "CANCEL", None);
        bob.receive(&invite.bytes, SocketId(0), true);
        bob.receive(&cancel.bytes, SocketId(0), true);
        // The CANCEL came last and is answered first.
        assert_eq!(lines(&answers(&mut bob, 200, None).unwrap(), &["CSeq"]), ["CSeq: 1 CANCEL"]);
        let refused = answers(&mut bob, 487, None).unwrap();
        alice.receive(&refused.bytes, SocketId(0), true);
        let ack = sends(&mut alice, "ACK", None);
        assert_eq!(
            lines(&ack, &["ACK", "Via"]),
            ["ACK sip:b@example.com SIP/2.0", "Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-alice-1-1;rport"]
        );
        assert_eq!(lines(&cancel, &["Via", "CSeq"])[1], "CSeq: 1 CANCEL");
        assert_eq!(lines(&ack, &["To"]), ["To: <sip:b@example.com>;tag=bob-1"]);
    }
}
