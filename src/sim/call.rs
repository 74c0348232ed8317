//! One call, or one request outside any, as a peer sees it: the dialog of RFC 3261 section 12.

use super::scenario::Extra;
use super::text::Text;
use crate::sip::{HeaderName, Message, Method, Transport, Uri};
use bytes::Bytes;
use std::net::SocketAddr;

/// A call.
#[derive(Debug, Clone)]
pub(super) struct Call {
    name: Option<String>,
    call_id: String,
    /// From and To as this side writes them in its own requests, without tags.
    local: String,
    remote: String,
    local_tag: String,
    remote_tag: Option<String>,
    contact: String,
    target: String,
    routes: Vec<String>,
    sequence: u32,
    branches: u32,
    transport: Transport,
    address: SocketAddr,
    peer: String,
    number: u32,
    /// Sequence number of the last INVITE sent, and the last final reply to it.
    invite: Option<u32>,
    finally: Option<Message>,
}

fn contact(user: &str, transport: Transport, address: SocketAddr) -> String {
    match transport {
        Transport::Udp => format!("<sip:{user}@{address}>"),
        _ => format!("<sip:{user}@{address};transport={transport}>"),
    }
}

/// Bytes as text.
pub(super) fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl Call {
    /// A call that this peer begins; `about` is the address of record of a REGISTER that is not the peer's own.
    pub(super) fn new(
        peer: &str,
        (transport, address): (Transport, SocketAddr),
        number: u32,
        name: Option<&str>,
        uri: &str,
        about: Option<&str>,
    ) -> Call {
        let parsed = Uri::parse(uri.as_bytes()).ok();
        let host = parsed.as_ref().map(|uri| text_of(uri.host)).filter(|host| !host.is_empty());
        let host = host.unwrap_or_else(|| address.ip().to_string());
        let user = parsed.as_ref().and_then(|uri| uri.user);
        let own = about.map_or_else(|| format!("sip:{peer}@{host}"), str::to_owned);
        let remote = if parsed.is_some() && user.is_none() { own.clone() } else { without_parameters(uri).to_owned() };
        let call_id = name.map_or_else(|| format!("{number}@{peer}"), |name| format!("{name}@{peer}"));
        Call {
            name: name.map(str::to_owned),
            call_id,
            local: format!("<{own}>"),
            remote: format!("<{remote}>"),
            local_tag: format!("{peer}-{number}"),
            remote_tag: None,
            contact: contact(peer, transport, address),
            target: uri.to_owned(),
            routes: Vec::new(),
            sequence: 0,
            branches: 0,
            transport,
            address,
            peer: peer.to_owned(),
            number,
            invite: None,
            finally: None,
        }
    }

    /// A call that a request from elsewhere begins.
    pub(super) fn received(
        peer: &str,
        (transport, address): (Transport, SocketAddr),
        number: u32,
        request: &Message,
    ) -> Call {
        let value = |name| request.header(name).map_or(String::new(), |header| text_of(&request.unfolded(header)));
        let user = Uri::parse(request.request_uri()).ok().and_then(|uri| uri.user.map(text_of));
        let user = user.unwrap_or_else(|| peer.to_owned());
        Call {
            name: None,
            call_id: text_of(request.call_id()),
            local: untagged(&value(HeaderName::To)),
            remote: untagged(&value(HeaderName::From)),
            local_tag: request.to_tag().map_or_else(|| format!("{peer}-{number}"), text_of),
            remote_tag: request.from_tag().map(text_of),
            contact: contact(&user, transport, address),
            target: first_contact(request).unwrap_or_default(),
            routes: record_routes(request),
            sequence: 100,
            branches: 0,
            transport,
            address,
            peer: peer.to_owned(),
            number,
            invite: None,
            finally: None,
        }
    }

    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref().or_else(|| self.call_id.split('@').next())
    }

    pub(super) fn tag(&self) -> &str {
        &self.local_tag
    }

    pub(super) fn contact(&self) -> &str {
        &self.contact
    }

    pub(super) fn has_invited(&self) -> bool {
        self.invite.is_some()
    }

    /// Whether a request received belongs to it.
    pub(super) fn holds(&self, request: &Message) -> bool {
        // The Call-ID tells most apart, and is at hand.
        request.call_id() == self.call_id.as_bytes()
            && (self.remote_tag.is_none() || self.remote_tag == request.from_tag().map(text_of))
    }

    /// Whether a reply received is to one of its requests.
    pub(super) fn is_asked_by(&self, reply: &Message) -> bool {
        reply.call_id() == self.call_id.as_bytes() && reply.from_tag() == Some(self.local_tag.as_bytes())
    }

    /// Takes in a reply to one of its requests.
    pub(super) fn answered(&mut self, reply: &Message) {
        let code = reply.status().unwrap_or(0);
        let invite = reply.cseq().is_some_and(|cseq| cseq.method == Method::Invite);
        if let Some(tag) = reply.to_tag().filter(|_| (101..300).contains(&code)) {
            if self.remote_tag.is_none() && invite {
                self.routes = record_routes(reply);
                self.routes.reverse();
            }
            if invite {
                self.remote_tag = Some(text_of(tag));
                if let Some(target) = first_contact(reply) {
                    self.target = target;
                }
            }
        }
        if invite && code >= 200 {
            self.finally = Some(reply.clone());
        }
    }

    /// A request that begins it.
    pub(super) fn first_request(&mut self, method: &str, uri: &str) -> Text {
        self.sequence += 1;
        let branch = self.branch();
        self.request(method, uri, &branch, self.sequence)
    }

    /// A request inside it, with the next hop that its route set or target names. `invite` is the last INVITE it sent.
    pub(super) fn next_request(
        &mut self,
        method: &str,
        invite: Option<Bytes>,
    ) -> Result<(Text, Option<(String, u16)>), String> {
        let invite = invite.and_then(|bytes| Message::parse(bytes).ok());
        let refused = self.finally.as_ref().filter(|reply| reply.status().is_some_and(|code| code >= 300));
        match (method, invite, refused) {
            ("CANCEL", Some(invite), _) => Ok((hop_request(&invite, "CANCEL", None), None)),
            ("ACK", Some(invite), Some(reply)) => Ok((hop_request(&invite, "ACK", Some(reply)), None)),
            ("CANCEL", None, _) => Err("it has sent no INVITE that could be cancelled".into()),
            _ => {
                let sequence = match (method, self.invite) {
                    ("ACK", Some(sequence)) => sequence,
                    _ => {
                        self.sequence += 1;
                        self.sequence
                    }
                };
                let (branch, target) = (self.branch(), self.target.clone());
                let text = self.request(method, &target, &branch, sequence);
                let hop = self.routes.first().unwrap_or(&self.target);
                Ok((text, next_hop(hop)))
            }
        }
    }

    /// A request inside it that goes elsewhere than the dialog says.
    pub(super) fn next_request_to(
        &mut self,
        method: &str,
        uri: &str,
        invite: Option<Bytes>,
    ) -> Result<(Text, Option<(String, u16)>), String> {
        let (mut text, _) = self.next_request(method, invite)?;
        text.start = format!("{method} {uri} SIP/2.0");
        Ok((text, next_hop(self.routes.first().map_or(uri, String::as_str))))
    }

    /// Takes note of a request it sends.
    pub(super) fn note_sent(&mut self, request: &Bytes) {
        let Ok(message) = Message::parse(request.clone()) else { return };
        // The scenario may have given another Call-ID, tag or number.
        self.call_id = text_of(message.call_id());
        if let Some(tag) = message.from_tag() {
            self.local_tag = text_of(tag);
        }
        // What the scenario says of who calls whom holds for the whole call.
        if self.remote_tag.is_none() {
            let value = |name| message.header(name).map(|header| untagged(&text_of(&message.unfolded(header))));
            self.local = value(HeaderName::From).unwrap_or_else(|| std::mem::take(&mut self.local));
            self.remote = value(HeaderName::To).unwrap_or_else(|| std::mem::take(&mut self.remote));
        }
        if let Some(contact) = message.header(HeaderName::Contact) {
            self.contact = text_of(&message.unfolded(contact));
        }
        if message.method() == Some(Method::Invite) {
            self.invite = message.cseq().map(|cseq| cseq.number);
            self.finally = None;
        }
    }

    /// A request that it has sent, as a new one with a header line more, which takes the place of one of its name.
    pub(super) fn request_again(&mut self, sent: &Message, (name, value): (String, String)) -> Bytes {
        let number = sent.cseq().map_or(0, |cseq| cseq.number) + 1;
        self.sequence = self.sequence.max(number);
        let branch = self.branch();
        let mut text = Text::new(format!("{} {} SIP/2.0", text_of(sent.method_text()), text_of(sent.request_uri())));
        let mut seen_via = false;
        for header in sent.headers() {
            let mut line = text_of(&sent.unfolded(header));
            match header.name {
                HeaderName::Via if !seen_via => {
                    seen_via = true;
                    let old = sent.via().and_then(|via| via.branch().map(text_of)).unwrap_or_default();
                    line = line.replacen(&old, &branch, 1);
                }
                HeaderName::CSeq => line = format!("{number} {}", text_of(sent.method_text())),
                HeaderName::ContentLength => continue,
                _ => {}
            }
            text.add(&text_of(sent.text(header.name_text)), line);
        }
        let body = text_of(sent.body());
        let lines = if body.is_empty() { Vec::new() } else { vec![body.trim_end_matches("\r\n").to_owned()] };
        text.finish(&Extra { headers: vec![(name, value)], body: lines })
    }

    fn request(&self, method: &str, uri: &str, branch: &str, sequence: u32) -> Text {
        let mut text = Text::new(format!("{method} {uri} SIP/2.0"));
        text.add("Via", format!("SIP/2.0/{} {};branch={branch};rport", self.transport.in_via(), self.address));
        for route in &self.routes {
            text.add("Route", route.as_str());
        }
        text.add("Max-Forwards", "70");
        text.add("From", format!("{};tag={}", self.local, self.local_tag));
        let tag = self.remote_tag.as_ref().map_or(String::new(), |tag| format!(";tag={tag}"));
        text.add("To", format!("{}{tag}", self.remote));
        text.add("Call-ID", self.call_id.as_str());
        text.add("CSeq", format!("{sequence} {method}"));
        if matches!(method, "INVITE" | "REGISTER" | "SUBSCRIBE" | "NOTIFY" | "REFER" | "UPDATE") {
            text.add("Contact", self.contact.as_str());
        }
        text
    }

    fn branch(&mut self) -> String {
        self.branches += 1;
        format!("z9hG4bK-{}-{}-{}", self.peer, self.number, self.branches)
    }
}

/// CANCEL (RFC 3261 section 9.1), or the ACK to a reply that is no 2xx (section 17.1.1.3).
fn hop_request(invite: &Message, method: &str, reply: Option<&Message>) -> Text {
    let mut text = Text::new(format!("{method} {} SIP/2.0", text_of(invite.request_uri())));
    let mut seen_via = false;
    for header in invite.headers() {
        let mut value = text_of(&invite.unfolded(header));
        match header.name {
            HeaderName::Via if seen_via => continue,
            HeaderName::Via => seen_via = true,
            HeaderName::To => {
                let answered =
                    reply.and_then(|reply| reply.header(HeaderName::To).map(|to| text_of(&reply.unfolded(to))));
                value = answered.unwrap_or(value);
            }
            HeaderName::CSeq => value = format!("{} {method}", value.split(' ').next().unwrap_or("1")),
            HeaderName::Route | HeaderName::MaxForwards | HeaderName::From | HeaderName::CallId => {}
            _ => continue,
        }
        text.add(&text_of(invite.text(header.name_text)), value);
    }
    text
}

fn first_contact(message: &Message) -> Option<String> {
    message.contacts().find_map(|contact| contact.value.ok().map(|contact| text_of(contact.uri_text())))
}

fn record_routes(message: &Message) -> Vec<String> {
    message.record_routes().filter_map(|entry| entry.value.ok().map(|route| text_of(route.text()))).collect()
}

/// Host and port of a route or a URI.
fn next_hop(text: &str) -> Option<(String, u16)> {
    let uri = text.split_once('<').map_or(text, |(_, rest)| rest.split('>').next().unwrap_or(rest));
    let uri = Uri::parse(uri.as_bytes()).ok()?;
    Some((text_of(uri.host), uri.port_or_default()))
}

fn untagged(value: &str) -> String {
    match value.find(";tag=") {
        Some(at) => {
            let rest = value.get(at + 1..).unwrap_or("");
            let after = rest.find(';').and_then(|end| rest.get(end..)).unwrap_or("");
            format!("{}{after}", value.get(..at).unwrap_or(value))
        }
        None => value.to_owned(),
    }
}

fn without_parameters(uri: &str) -> &str {
    uri.split([';', '?']).next().unwrap_or(uri)
}
