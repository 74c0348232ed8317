//! `$via0`, `$via1`, `$viaZ`: the topmost Via, the one below, the last.

use super::pick;
use crate::builtin::{Context, Key, KeyKind, Value, Variable};
use crate::sip::{Message, Rport, Transport, Via};

/// The variables.
pub(super) const ROWS: &[Variable] = &[
    via(
        &["via0"],
        |cx, key, _| read(cx, key, |message| message.via()),
        "A part of the topmost Via: host, port, proto, protoid, branch, received, rport or params.",
    ),
    via(
        &["via1"],
        |cx, key, _| read(cx, key, |message| message.vias().nth(1)?.value.ok()),
        "A part of the second Via, as in $via0.",
    ),
    via(
        &["viaZ"],
        |cx, key, _| read(cx, key, |message| message.vias().last()?.value.ok()),
        "A part of the last Via, as in $via0.",
    ),
];

type Read = fn(&Message, &Via) -> Value;
type Get = fn(&mut Context, &Key, crate::builtin::Place) -> Value;

const fn via(names: &'static [&'static str], get: Get, doc: &'static str) -> Variable {
    Variable {
        names,
        key: KeyKind::Custom(|text, _| pick(text, PARTS)),
        get,
        set: None,
        forgotten: None,
        indexed: false,
        doc,
    }
}

const PARTS: &[(&str, Read)] = &[
    ("host", |message, via| within(message, Some(via.host()))),
    ("port", |_, via| Value::Int(via.port().unwrap_or(5060).into())),
    ("proto", |message, via| within(message, Some(via.transport()))),
    ("protoid", |_, via| Value::Int(protocol(via.transport()))),
    ("branch", |message, via| within(message, via.branch())),
    ("received", |message, via| within(message, via.received())),
    ("rport", |_, via| match via.rport() {
        Rport::Port(port) => Value::both(port.into()),
        Rport::Asked | Rport::Absent => Value::Null,
    }),
    ("params", |message, via| {
        let text = via.parameters_text();
        within(message, Some(text.strip_prefix(b";").unwrap_or(text)))
    }),
    ("oc", overload),
    ("oc-val", overload),
    ("ocval", overload),
    ("oc-algo", |message, via| parameter(message, via, b"oc-algo")),
    ("ocalgo", |message, via| parameter(message, via, b"oc-algo")),
    ("oc-validity", |message, via| parameter(message, via, b"oc-validity")),
    ("ocvalidity", |message, via| parameter(message, via, b"oc-validity")),
    ("oc-seq", |message, via| parameter(message, via, b"oc-seq")),
    ("ocseq", |message, via| parameter(message, via, b"oc-seq")),
];

fn read(cx: &mut Context, key: &Key, which: for<'a> fn(&'a Message) -> Option<Via<'a>>) -> Value {
    let message = &cx.message.message;
    match (key.prepared::<Read>(), which(message)) {
        (Some(read), Some(via)) => read(message, &via),
        _ => Value::Null,
    }
}

fn within(message: &Message, part: Option<&[u8]>) -> Value {
    part.map_or(Value::Null, |part| super::within_or_null(message.bytes(), part))
}

fn parameter(message: &Message, via: &Via, name: &[u8]) -> Value {
    within(message, via.parameter(name).flatten())
}

fn overload(message: &Message, via: &Via) -> Value {
    parameter(message, via, b"oc")
}

/// The number that Kamailio gives a transport.
pub(super) fn protocol(transport: &[u8]) -> i64 {
    Transport::of(transport).map_or(0, Transport::number)
}
