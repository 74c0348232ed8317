//! `$rpl`: where a reply goes next, by its second Via.

use super::{Get, one_of, pick};
use crate::builtin::{Context, KeyKind, Value, Variable};
use crate::sip::{HeaderName, Rport, Via};
use bytes::Bytes;

/// The variable.
pub(super) const ROWS: &[Variable] = &[one_of(
    &["rpl"],
    KeyKind::Custom(|text, _| pick(text, PARTS)),
    "Where a reply goes next: duri as a URI, dhost, dport, dproto, dprotoid; cntvia and cntrr count its Vias and Record-Routes. Undefined in a request.",
)];

const PARTS: &[(&str, Get)] = &[
    ("duri", |cx| read(cx, |next| Value::Text(next.uri()))),
    ("dhost", |cx| read(cx, |next| Value::Text(next.host))),
    ("dport", |cx| read(cx, |next| Value::Int(next.port.into()))),
    ("dproto", |cx| read(cx, |next| Value::Text(next.transport))),
    ("dprotoid", |cx| read(cx, |next| Value::Int(super::via::protocol(&next.transport)))),
    ("cntvia", |cx| if_reply(cx, |cx| Value::Int(cx.message.message.vias().count() as i64))),
    ("cntrr", |cx| {
        if_reply(cx, |cx| Value::Int(cx.message.message.headers_named(HeaderName::RecordRoute).count() as i64))
    }),
];

/// The next hop of a reply.
pub(super) struct Next {
    pub(super) host: Bytes,
    pub(super) port: u16,
    /// In lower case.
    pub(super) transport: Bytes,
}

impl Next {
    /// It as a URI.
    pub(super) fn uri(&self) -> Bytes {
        let port = crate::builtin::int_text(self.port.into());
        Bytes::from([b"sip:", &self.host[..], b":", &port, b";transport=", &self.transport].concat())
    }

    /// By the second Via: RFC 3261 18.2.2, RFC 3581.
    pub(super) fn of(cx: &Context) -> Option<Next> {
        let message = &cx.message.message;
        message.status()?;
        let via: Via = message.vias().nth(1)?.value.ok()?;
        let port = match via.rport() {
            Rport::Port(port) => port,
            Rport::Asked | Rport::Absent => via.port().unwrap_or(5060),
        };
        Some(Next {
            host: message.bytes().slice_ref(via.received().unwrap_or(via.host())),
            port,
            transport: Bytes::from(via.transport().to_ascii_lowercase()),
        })
    }
}

fn read(cx: &mut Context, part: fn(Next) -> Value) -> Value {
    Next::of(cx).map_or(Value::Null, part)
}

fn if_reply(cx: &mut Context, count: fn(&Context) -> Value) -> Value {
    if cx.message.message.is_request() { Value::Null } else { count(cx) }
}
