//! A peer of a scenario: it remembers its calls, so that what it sends and answers fits what it received.

use super::call::{Call, text_of};
use super::scenario::{Answering, PeerLine, Sending, Status};
use super::text::Text;
use crate::builtin::SocketId;
use crate::sip::{HeaderName, Message, Method};
use bytes::Bytes;
use rustc_hash::FxHashMap;
use std::net::SocketAddr;

/// A peer and what it knows.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) name: String,
    pub(super) address: SocketAddr,
    /// The server's socket it uses.
    pub(super) socket: SocketId,
    /// What it received, in order, and how much of it the scenario has looked at.
    pub(super) received: Vec<Message>,
    pub(super) looked: usize,
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
pub(super) struct Packet {
    pub(super) bytes: Bytes,
    /// The host and port that it should go to by SIP's own rules.
    pub(super) next_hop: Option<(String, u16)>,
    pub(super) socket: SocketId,
}

impl Peer {
    pub(super) fn new(line: &PeerLine, socket: SocketId) -> Peer {
        Peer {
            name: line.name.clone(),
            address: line.address,
            socket,
            received: Vec::new(),
            looked: 0,
            always: Vec::new(),
            calls: Vec::new(),
            requests: Vec::new(),
            transactions: FxHashMap::default(),
            sent: Vec::new(),
            counted: 0,
        }
    }

    /// Takes a packet in; gives the replies it sends by itself.
    pub(super) fn receive(&mut self, bytes: &Bytes, socket: SocketId) -> Vec<Packet> {
        let Ok(message) = Message::parse(bytes.clone()) else { return Vec::new() };
        self.received.push(message.clone());
        if !message.is_request() {
            let known = self.calls.iter_mut().rev().find(|call| call.is_asked_by(&message));
            if let Some(call) = known {
                call.answered(&message);
            }
            return Vec::new();
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
                self.calls.push(Call::received(&self.name, self.address, self.counted, &message));
            }
        }
        let always = self.always.iter().find(|(its, _)| *its == method).map(|(_, codes)| codes.clone());
        let codes = always.unwrap_or_default();
        codes.iter().filter_map(|status| self.reply(at, status, &Default::default())).collect()
    }

    /// Makes a request; the fault says what is missing for it.
    pub(super) fn send(&mut self, sending: &Sending) -> Result<Packet, String> {
        if sending.again {
            let fits = |sent: &&Sent| sent.method == sending.method && self.is_call(sent.call, &sending.call);
            let found = self.sent.iter().rev().find(fits);
            let fault = || format!("{} has sent no {} yet", self.name, sending.method);
            return found.map(|sent| sent.packet.clone()).ok_or_else(fault);
        }
        let named = sending.call.as_deref();
        let (at, (text, next_hop)) = match &sending.uri {
            Some(uri) => {
                self.counted += 1;
                let about = sending.about.as_deref();
                let call = Call::new(&self.name, self.address, self.counted, named, uri, about);
                self.calls.push(call);
                let at = self.calls.len() - 1;
                let call = &mut self.calls[at];
                (at, (call.first_request(&sending.method, uri), None))
            }
            None => {
                let at = self.call_for(&sending.method, named)?;
                let last_invite = self.sent.iter().rev().find(|sent| sent.call == at && sent.method == "INVITE");
                let invite = last_invite.map(|sent| sent.packet.bytes.clone());
                (at, self.calls[at].next_request(&sending.method, invite)?)
            }
        };
        let packet = Packet { bytes: text.finish(&sending.extra), next_hop, socket: self.socket };
        self.calls[at].note_sent(&packet.bytes);
        self.sent.push(Sent { method: sending.method.clone(), call: at, packet: packet.clone() });
        Ok(packet)
    }

    /// Makes a reply to the last request that fits and waits for one.
    pub(super) fn answer(&mut self, answering: &Answering) -> Result<Packet, String> {
        let fits = |known: &Received| {
            let method =
                answering.method.as_deref().is_none_or(|method| known.request.method_text() == method.as_bytes());
            let call = self.calls.iter().position(|call| call.holds(&known.request));
            method && (answering.call.is_none() || call.is_some_and(|call| self.is_call(call, &answering.call)))
        };
        if answering.again {
            let code = answering.status.code;
            let found = self.requests.iter().rev().find(|known| known.code == code && fits(known));
            let packet = found.and_then(|known| known.reply.clone().map(|bytes| (bytes, known)));
            let fault = || format!("{} has sent no {code} yet", self.name);
            let (bytes, known) = packet.ok_or_else(fault)?;
            return Ok(Packet { bytes, next_hop: next_hop_of_reply(&known.request), socket: known.socket });
        }
        let at = self.requests.iter().rposition(|known| known.code < 200 && fits(known));
        let what = answering.method.as_deref().unwrap_or("request");
        let fault = format!("{} has no {what} to answer", self.name);
        let reply = at.and_then(|at| self.reply(at, &answering.status, &answering.extra));
        reply.ok_or(fault)
    }

    fn reply(&mut self, at: usize, status: &Status, extra: &super::scenario::Extra) -> Option<Packet> {
        let known = self.requests.get_mut(at)?;
        let request = &known.request;
        let call = self.calls.iter_mut().rev().find(|call| call.holds(request))?;
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
        let bytes = text.finish(extra);
        known.code = status.code;
        known.reply = Some(bytes.clone());
        Some(Packet { bytes, next_hop: next_hop_of_reply(request), socket: known.socket })
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
fn reason_phrase(code: u16) -> &'static str {
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
    use crate::sim::scenario::Extra;

    fn peer(name: &str, address: &str) -> Peer {
        let line = PeerLine { name: name.to_owned(), address: address.parse().unwrap(), uses: None };
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
        assert!(bob.receive(&recorded(&invite), SocketId(0)).is_empty());
        let ringing = answers(&mut bob, 180, None).unwrap();
        assert_eq!(ringing.next_hop, Some(("192.0.2.10".to_owned(), 5060)));
        let ok = answers(&mut bob, 200, Some("INVITE")).unwrap();
        assert_eq!(answers(&mut bob, 200, None).unwrap_err(), "bob has no request to answer");
        alice.receive(&ringing.bytes, SocketId(0));
        alice.receive(&ok.bytes, SocketId(0));
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
        alice.receive(&bye.bytes, SocketId(0));
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
        bob.receive(&invite.bytes, SocketId(0));
        bob.receive(&cancel.bytes, SocketId(0));
        // The CANCEL came last and is answered first.
        assert_eq!(lines(&answers(&mut bob, 200, None).unwrap(), &["CSeq"]), ["CSeq: 1 CANCEL"]);
        let refused = answers(&mut bob, 487, None).unwrap();
        alice.receive(&refused.bytes, SocketId(0));
        let ack = sends(&mut alice, "ACK", None);
        assert_eq!(
            lines(&ack, &["ACK", "Via"]),
            ["ACK sip:b@example.com SIP/2.0", "Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-alice-1-1;rport"]
        );
        assert_eq!(lines(&cancel, &["Via", "CSeq"])[1], "CSeq: 1 CANCEL");
        assert_eq!(lines(&ack, &["To"]), ["To: <sip:b@example.com>;tag=bob-1"]);
    }
}
