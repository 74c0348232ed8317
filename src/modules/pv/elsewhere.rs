//! Variables that have a value only in a block that is not run here, or of a fault that is not kept.

use super::{one_of, pick};
use crate::builtin::{Context, Key, KeyKind, Place, Value, Variable};

/// The variables.
pub(super) const ROWS: &[Variable] = &[
    one_of(
        &["snd", "sndto"],
        KeyKind::Custom(|text, _| pick(text, SENT)),
        "Where a message is being sent, known in an onsend_route only: undefined.",
    ),
    one_of(
        &["sndfrom"],
        KeyKind::Custom(|text, _| pick(text, SENT)),
        "The socket a message is being sent from, known in an onsend_route only: undefined.",
    ),
    one_of(
        &["rcv", "recv"],
        KeyKind::Custom(|text, _| pick(text, RECEIVED)),
        "A packet as it arrived, known in event_route[core:msg-received] only: undefined.",
    ),
    Variable::read(&["err.class"], nothing, "The kind of the last fault in a message: undefined, faults are not kept."),
    Variable::read(&["err.level"], nothing, "How bad the last fault in a message was: undefined."),
    Variable::read(&["err.info"], nothing, "The last fault in a message: undefined."),
    Variable::read(&["err.rcode"], nothing, "The code to answer the last fault with: undefined."),
    Variable::read(&["err.rreason"], nothing, "The reason phrase to answer the last fault with: undefined."),
];

fn nothing(_: &mut Context, _: &Key, _: Place) -> Value {
    Value::Null
}

const SENT: &[(&str, super::Get)] = &[
    ("ip", |_| Value::Null),
    ("port", |_| Value::Null),
    ("proto", |_| Value::Null),
    ("sproto", |_| Value::Null),
    ("af", |_| Value::Null),
    ("buf", |_| Value::Null),
    ("len", |_| Value::Null),
];

const RECEIVED: &[(&str, super::Get)] = &[
    ("buf", |_| Value::Null),
    ("len", |_| Value::Null),
    ("proto", |_| Value::Null),
    ("sproto", |_| Value::Null),
    ("srcip", |_| Value::Null),
    ("srcport", |_| Value::Null),
    ("rcvip", |_| Value::Null),
    ("rcvport", |_| Value::Null),
    ("af", |_| Value::Null),
    ("evtype", |_| Value::Null),
    ("safe", |_| Value::Null),
];
