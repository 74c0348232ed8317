//! Words of old-style tests: `method == "INVITE"`, `src_ip == 10.0.0.0/8`, `uri == myself`.

use crate::builtin::{Context, Key, Place, Routes, Transformation, Value, Variable, Wire, Word, WordKind};
use crate::sip::{HeaderName, Transport, Uri, parse_ip};
use bytes::Bytes;
use std::net::{IpAddr, SocketAddr};

/// The words.
pub(super) const ROWS: &[Word] = &[
    word(
        &["method"],
        WordKind::Text,
        |cx, _, _| method(cx),
        "The method of the request; of a reply the method in CSeq.",
    ),
    word(&["uri"], WordKind::Uri, |cx, _, _| uri(cx), "The Request-URI as it stands; of a reply its code."),
    word(&["status"], WordKind::Uri, |cx, _, _| uri(cx), "The code of the reply; of a request its Request-URI."),
    word(&["from_uri"], WordKind::Uri, |cx, _, _| header_uri(cx, HeaderName::From), "The URI of From."),
    word(&["to_uri"], WordKind::Uri, |cx, _, _| header_uri(cx, HeaderName::To), "The URI of To."),
    word(
        &["src_ip"],
        WordKind::Address,
        |cx, _, _| address(cx.message.received.flow.peer.ip()),
        "The address the message came from.",
    ),
    word(
        &["dst_ip"],
        WordKind::Address,
        |cx, _, _| arrived(cx).map_or(Value::Null, |at| address(at.ip())),
        "The address the message arrived on.",
    ),
    word(
        &["src_port"],
        WordKind::Number,
        |cx, _, _| Value::Int(cx.message.received.flow.peer.port().into()),
        "The port the message came from.",
    ),
    word(
        &["dst_port"],
        WordKind::Number,
        |cx, _, _| arrived(cx).map_or(Value::Null, |at| Value::Int(at.port().into())),
        "The port the message arrived on.",
    ),
    word(
        &["proto"],
        WordKind::Protocol,
        |cx, _, _| Value::Int(cx.core.sockets.transport(cx.message.received.flow.socket).number()),
        "The transport the message came over: UDP is 1, TCP 2.",
    ),
    word(
        &["af"],
        WordKind::Number,
        |cx, _, _| Value::Int(family(cx.message.received.flow.peer.ip())),
        "The address family of the sender: INET or INET6.",
    ),
    word(
        &["msg:len"],
        WordKind::Number,
        |cx, _, _| {
            let message = &cx.message;
            Value::Int(message.packet.as_ref().map_or(message.message.bytes().len(), |packet| packet.bytes.len()) as i64)
        },
        "How many bytes the message has; in an onsend_route, as it is sent.",
    ),
    sent_address(&["snd_ip"], |cx, _, _| sending(cx, |packet| address(packet.own.ip()))),
    sent_address(&["to_ip"], |cx, _, _| sending(cx, |packet| address(packet.peer.ip()))),
    sent(&["snd_port"], WordKind::Number, |cx, _, _| sending(cx, |packet| Value::Int(packet.own.port().into()))),
    sent(&["to_port"], WordKind::Number, |cx, _, _| sending(cx, |packet| Value::Int(packet.peer.port().into()))),
    sent(&["snd_af"], WordKind::Number, |cx, _, _| sending(cx, |packet| Value::Int(family(packet.own.ip())))),
    sent(&["to_af"], WordKind::Number, |cx, _, _| sending(cx, |packet| Value::Int(family(packet.peer.ip())))),
    sent(&["snd_proto"], WordKind::Protocol, |cx, _, _| sending(cx, |packet| Value::Int(packet.transport.number()))),
    sent(&["to_proto"], WordKind::Protocol, |cx, _, _| sending(cx, |packet| Value::Int(packet.transport.number()))),
    protocol(&[Transport::Udp.name(), Transport::Udp.in_via()], |_, _, _| Value::Int(Transport::Udp.number())),
    protocol(&[Transport::Tcp.name(), Transport::Tcp.in_via()], |_, _, _| Value::Int(Transport::Tcp.number())),
    protocol(&[Transport::Tls.name(), Transport::Tls.in_via()], |_, _, _| Value::Int(Transport::Tls.number())),
    protocol(&[Transport::Sctp.name(), Transport::Sctp.in_via()], |_, _, _| Value::Int(Transport::Sctp.number())),
    protocol(&[Transport::Ws.name(), Transport::Ws.in_via()], |_, _, _| Value::Int(Transport::Ws.number())),
    protocol(&[Transport::Wss.name(), Transport::Wss.in_via()], |_, _, _| Value::Int(Transport::Wss.number())),
];

type Get = fn(&mut Context, &Key, Place) -> Value;

const fn word(names: &'static [&'static str], kind: WordKind, get: Get, doc: &'static str) -> Word {
    Word { variable: Variable::read(names, get, doc), kind, routes: Routes::ANY }
}

/// A word about the packet that is sent: `snd_` about our socket, `to_` about the receiver.
const fn sent(names: &'static [&'static str], kind: WordKind, get: Get) -> Word {
    word(names, kind, get, "Of the packet that is sent, in an onsend_route: snd_ is our socket, to_ the receiver.")
}

/// The same, refused elsewhere.
const fn sent_address(names: &'static [&'static str], get: Get) -> Word {
    Word { routes: Routes::ONSEND, ..sent(names, WordKind::Address, get) }
}

fn sending(cx: &Context, read: impl FnOnce(&Wire) -> Value) -> Value {
    cx.message.packet.as_deref().map_or(Value::Null, read)
}

const fn protocol(names: &'static [&'static str], get: Get) -> Word {
    word(names, WordKind::Value, get, "The number of a transport.")
}

/// What is asked of such a word with `myself`.
pub(super) const TESTS: &[Transformation] = &[Transformation {
    class: "core",
    name: "myself",
    params: (0, 0),
    checks: &[],
    run: |cx, value, _| Value::truth(is_myself(cx, &value.to_text())),
    doc: "Whether a URI or an address is this server: a socket, an alias or an advertised address.",
}];

/// Whether the text, a URI or an address, is this server.
pub(crate) fn is_myself(cx: &Context, text: &[u8]) -> bool {
    if parse_ip(text).is_some() {
        return cx.core.is_own(text, None);
    }
    let Ok(uri) = Uri::parse(text) else { return false };
    if uri.host.is_empty() {
        return false;
    }
    cx.core.is_own(uri.host, Some(uri.port_or_default()))
}

/// The number of an address family, as Linux has it.
pub(crate) fn family(address: IpAddr) -> i64 {
    if address.is_ipv4() { 2 } else { 10 }
}

fn method(cx: &mut Context) -> Value {
    let message = &cx.message.message;
    let method = match message.cseq() {
        Some(cseq) if !message.is_request() => cseq.method_text,
        _ => message.method_text(),
    };
    Value::Text(message.bytes().slice_ref(method))
}

fn uri(cx: &mut Context) -> Value {
    match cx.message.message.status() {
        Some(code) => Value::both(code.into()),
        None => Value::Text(cx.message.request_uri()),
    }
}

fn header_uri(cx: &mut Context, name: HeaderName) -> Value {
    let message = &cx.message.message;
    let address = if name == HeaderName::From { message.from() } else { message.to() };
    address.map_or(Value::Null, |address| Value::Text(message.bytes().slice_ref(address.uri_text())))
}

fn address(address: IpAddr) -> Value {
    Value::Text(Bytes::from(address.to_string()))
}

fn arrived(cx: &Context) -> Option<SocketAddr> {
    cx.core.sockets.socket(cx.message.received.flow.socket).map(|socket| socket.address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::bench::Bench;
    use std::sync::Arc;

    #[test]
    fn ourselves() {
        let mut bench = Bench::new("INVITE sip:h SIP/2.0\nVia: SIP/2.0/UDP h\n\n", Arc::new(()));
        let settings = Arc::get_mut(&mut bench.core.settings).unwrap();
        settings.alias = vec![("ali".into(), None), ("al2".into(), Some(5080))];
        let cases = [
            ("sip:127.0.0.1", true),
            ("sip:127.0.0.1:5060;transport=tcp", true),
            ("sip:127.0.0.1:99", false),
            ("127.0.0.1", true),
            ("192.0.2.9", false),
            ("sip:ALI:5070", true),
            ("sip:al2", false),
            ("sip:al2:5080", true),
            ("tel:1", false),
            ("junk", false),
        ];
        for (text, own) in cases {
            assert_eq!(is_myself(&bench.context(), text.as_bytes()), own, "{text}");
        }
    }
}
