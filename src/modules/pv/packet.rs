//! The packet at hand: `$snd`, `$sndto` and `$sndfrom` in an `onsend_route`, `$rcv` in `event_route[core:msg-received]`.

use super::{Get, one_of, pick};
use crate::builtin::{Context, KeyKind, Value, Variable, Wire};
use bytes::Bytes;
use std::net::SocketAddr;

/// The variables.
pub(super) const ROWS: &[Variable] = &[
    one_of(
        &["snd", "sndto"],
        KeyKind::Custom(|text, _| pick(text, TO)),
        "Where a message is being sent, in an onsend_route: ip, port, af, proto (1 for UDP, 2 for TCP), sproto, buf (the packet) and len.",
    ),
    one_of(
        &["sndfrom"],
        KeyKind::Custom(|text, _| pick(text, FROM)),
        "The socket a message is being sent from, in an onsend_route, and the packet.",
    ),
    one_of(
        &["rcv", "recv"],
        KeyKind::Custom(|text, _| pick(text, RECEIVED)),
        "A packet as it arrived, in event_route[core:msg-received]: srcip, srcport, rcvip, rcvport, af, proto, sproto, buf and len.",
    ),
];

const TO: &[(&str, Get)] = &[
    ("ip", |cx| ip(cx, |packet| packet.peer)),
    ("port", |cx| port(cx, |packet| packet.peer)),
    ("af", |cx| family(cx, |packet| packet.peer)),
    ("proto", proto),
    ("sproto", sproto),
    ("buf", bytes),
    ("len", length),
];

const FROM: &[(&str, Get)] = &[
    ("ip", |cx| ip(cx, |packet| packet.own)),
    ("port", |cx| port(cx, |packet| packet.own)),
    ("af", |cx| family(cx, |packet| packet.own)),
    ("proto", proto),
    ("sproto", sproto),
    ("buf", bytes),
    ("len", length),
];

const RECEIVED: &[(&str, Get)] = &[
    ("buf", bytes),
    ("len", length),
    ("proto", proto),
    ("sproto", sproto),
    ("srcip", |cx| ip(cx, |packet| packet.peer)),
    ("srcport", |cx| port(cx, |packet| packet.peer)),
    ("rcvip", |cx| ip(cx, |packet| packet.own)),
    ("rcvport", |cx| port(cx, |packet| packet.own)),
    ("af", |cx| family(cx, |packet| packet.peer)),
    // What comes over a stream, and packets that modules take out of others, do not arrive here.
    ("evtype", |_| Value::Null),
    ("safe", |_| Value::Null),
];

fn of(cx: &Context, read: impl FnOnce(&Wire) -> Value) -> Value {
    cx.message.packet.as_deref().map_or(Value::Null, read)
}

fn ip(cx: &Context, end: fn(&Wire) -> SocketAddr) -> Value {
    of(cx, |packet| Value::Text(Bytes::from(end(packet).ip().to_string())))
}

fn port(cx: &Context, end: fn(&Wire) -> SocketAddr) -> Value {
    of(cx, |packet| Value::both(end(packet).port().into()))
}

fn family(cx: &Context, end: fn(&Wire) -> SocketAddr) -> Value {
    of(cx, |packet| Value::both(if end(packet).is_ipv4() { 2 } else { 10 }))
}

fn proto(cx: &mut Context) -> Value {
    of(cx, |packet| Value::both(packet.transport.number()))
}

fn sproto(cx: &mut Context) -> Value {
    of(cx, |packet| Value::text(packet.transport.name()))
}

fn bytes(cx: &mut Context) -> Value {
    of(cx, |packet| Value::Text(packet.bytes.clone()))
}

fn length(cx: &mut Context) -> Value {
    of(cx, |packet| Value::both(packet.bytes.len() as i64))
}
