//! Words of old-style tests: `method == "INVITE"`, `src_ip == 10.0.0.0/8`, `uri == myself`.

use crate::builtin::{Context, Template, Transformation, Value, Variable, parse_int};
use crate::sip::{HeaderName, Uri, parse_ip};
use bytes::Bytes;
use std::net::{IpAddr, SocketAddr};

/// Words that stand for a value of the message.
pub(super) const ROWS: &[Variable] = &[
    Variable::read(&["method"], |cx, _, _| method(cx), "The method of the request; of a reply the method in CSeq."),
    Variable::read(&["uri"], |cx, _, _| uri(cx), "The Request-URI as it stands; of a reply its code."),
    Variable::read(&["status"], |cx, _, _| uri(cx), "The code of the reply; of a request its Request-URI."),
    Variable::read(&["from_uri"], |cx, _, _| header_uri(cx, HeaderName::From), "The URI of From."),
    Variable::read(&["to_uri"], |cx, _, _| header_uri(cx, HeaderName::To), "The URI of To."),
    Variable::read(
        &["src_ip"],
        |cx, _, _| address(cx.message.received.source.ip()),
        "The address the message came from.",
    ),
    Variable::read(
        &["dst_ip"],
        |cx, _, _| arrived(cx).map_or(Value::Null, |at| address(at.ip())),
        "The address the message arrived on.",
    ),
    Variable::read(
        &["src_port"],
        |cx, _, _| Value::Int(cx.message.received.source.port().into()),
        "The port the message came from.",
    ),
    Variable::read(
        &["dst_port"],
        |cx, _, _| arrived(cx).map_or(Value::Null, |at| Value::Int(at.port().into())),
        "The port the message arrived on.",
    ),
    Variable::read(&["proto"], |_, _, _| Value::text("udp"), "The transport the message came over: always udp."),
    Variable::read(
        &["af"],
        |cx, _, _| Value::Int(family(cx.message.received.source.ip())),
        "The address family of the sender: INET or INET6.",
    ),
    Variable::read(
        &["msg:len"],
        |cx, _, _| Value::Int(cx.message.message.bytes().len() as i64),
        "How many bytes the message has.",
    ),
    Variable::read(
        &["snd_ip", "to_ip", "snd_port", "to_port", "snd_proto", "to_proto", "snd_af", "to_af"],
        |_, _, _| Value::Null,
        "Where a message is sent, known in onsend_route only: undefined.",
    ),
];

/// Words that stand for themselves, in capitals too, and numbers with a name.
pub(super) const CONSTANTS: &[Variable] = &[
    Variable::read(&["udp", "UDP"], |_, _, _| Value::text("udp"), "The transport UDP."),
    Variable::read(&["tcp", "TCP"], |_, _, _| Value::text("tcp"), "The transport TCP."),
    Variable::read(&["tls", "TLS"], |_, _, _| Value::text("tls"), "The transport TLS."),
    Variable::read(&["sctp", "SCTP"], |_, _, _| Value::text("sctp"), "The transport SCTP."),
    Variable::read(&["ws", "WS"], |_, _, _| Value::text("ws"), "WebSocket."),
    Variable::read(&["wss", "WSS"], |_, _, _| Value::text("wss"), "WebSocket over TLS."),
    Variable::read(&["inet", "INET", "ipv4", "IPv4", "IPV4"], |_, _, _| Value::Int(2), "The address family of IPv4."),
    Variable::read(
        &["inet6", "INET6", "ipv6", "IPv6", "IPV6"],
        |_, _, _| Value::Int(10),
        "The address family of IPv6.",
    ),
    Variable::read(&["max_len"], |_, _, _| Value::Int(65_535), "The most bytes a message may have."),
];

/// What is asked of such a word with `myself` or a network.
pub(super) const TESTS: &[Transformation] = &[
    Transformation {
        class: "core",
        name: "myself",
        params: (0, 0),
        run: |cx, value, _| Value::truth(is_myself(cx, &value.to_text())),
        doc: "Whether a URI or an address is this server: a socket, an alias or an advertised address.",
    },
    Transformation {
        class: "core",
        name: "network",
        params: (1, 1),
        run: network,
        doc: "Whether an address lies in a network.",
    },
];

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

fn network(cx: &mut Context, value: Value, params: &[Template]) -> Value {
    let Some(address) = parse_ip(&value.to_text()) else { return Value::Int(0) };
    let Some(wanted) = params.first().map(|param| param.text(cx)) else { return Value::Int(0) };
    Value::truth(contains(&wanted, address))
}

/// Whether `10.0.0.0/8`, `10.0.0.0/255.0.0.0` or a bare address holds the address.
fn contains(network: &[u8], address: IpAddr) -> bool {
    let (base, mask) = match memchr::memchr(b'/', network) {
        Some(slash) => (&network[..slash], Some(&network[slash + 1..])),
        None => (network, None),
    };
    let (Some(base), Some(mask)) = (parse_ip(base), mask.map_or(Some(u128::MAX), |mask| mask_bits(mask, address)))
    else {
        return false;
    };
    match (base, address) {
        (IpAddr::V4(base), IpAddr::V4(address)) => (base.to_bits() ^ address.to_bits()) & (mask >> 96) as u32 == 0,
        (IpAddr::V6(base), IpAddr::V6(address)) => (base.to_bits() ^ address.to_bits()) & mask == 0,
        _ => false,
    }
}

/// A mask in its highest bits, from a prefix length or written as an address.
fn mask_bits(mask: &[u8], address: IpAddr) -> Option<u128> {
    match parse_ip(mask) {
        Some(IpAddr::V4(mask)) => Some(u128::from(mask.to_bits()) << 96),
        Some(IpAddr::V6(mask)) => Some(mask.to_bits()),
        None => {
            let most = if address.is_ipv4() { 32 } else { 128 };
            let length = u32::try_from(parse_int(mask)?).ok().filter(|length| *length <= most)?;
            Some(u128::MAX.checked_shl(128 - length).unwrap_or(0))
        }
    }
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
    cx.core.sockets.socket(cx.message.received.socket).map(|socket| socket.address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::bench::Bench;
    use std::sync::Arc;

    #[test]
    fn networks() {
        let cases = [
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/255.0.0.0", "10.1.2.3", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.1.2.3", "10.1.2.3", true),
            ("0.0.0.0/0", "9.9.9.9", true),
            ("2001:db8::/32", "2001:db8::1", true),
            ("2001:db8::/32", "10.0.0.1", false),
            ("10.0.0.0/33", "10.0.0.0", false),
            ("localhost", "127.0.0.1", false),
        ];
        for (network, address, inside) in cases {
            assert_eq!(contains(network.as_bytes(), address.parse().unwrap()), inside, "{address} in {network}");
        }
    }

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
