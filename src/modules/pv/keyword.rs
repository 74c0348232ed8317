//! `$K`, `$version`, `$ksr`: constants.

use super::{one_of, pick};
use crate::builtin::{KeyKind, Value, Variable};

/// The variables.
pub(super) const ROWS: &[Variable] = &[
    one_of(
        &["K"],
        KeyKind::Custom(|text, _| pick(text, NUMBERS)),
        "The number of a transport or address family: UDP, TCP, TLS, SCTP, WS, WSS, IPv4, IPv6, INET, INET6.",
    ),
    one_of(
        &["version"],
        KeyKind::Custom(|text, _| pick(text, VERSION)),
        "alanui's version: num, full (with its name) or hash.",
    ),
    one_of(
        &["ksr"],
        KeyKind::Custom(|text, _| pick(text, SERVER)),
        "alanui's version: ver as text, verval as one number.",
    ),
    Variable::read(
        &["pp"],
        |_, _, _| Value::Int(1),
        "The number of the process; all workers share one, so it is always 1.",
    ),
];

const NUMBERS: &[(&str, super::Get)] = &[
    ("UDP", |_| Value::Int(1)),
    ("TCP", |_| Value::Int(2)),
    ("TLS", |_| Value::Int(3)),
    ("SCTP", |_| Value::Int(4)),
    ("WS", |_| Value::Int(5)),
    ("WSS", |_| Value::Int(6)),
    ("IPv4", |_| Value::Int(2)),
    ("IP4", |_| Value::Int(2)),
    ("INET", |_| Value::Int(2)),
    ("IPv6", |_| Value::Int(10)),
    ("IP6", |_| Value::Int(10)),
    ("INET6", |_| Value::Int(10)),
];

const VERSION: &[(&str, super::Get)] = &[
    ("num", |_| Value::text(env!("CARGO_PKG_VERSION"))),
    ("full", |_| Value::text(concat!("alanui ", env!("CARGO_PKG_VERSION")))),
    ("hash", |_| Value::text("unknown")),
];

const SERVER: &[(&str, super::Get)] = &[
    ("ver", |_| Value::text(env!("CARGO_PKG_VERSION"))),
    ("verval", |_| {
        let parts = env!("CARGO_PKG_VERSION").split('.').map(|part| part.parse::<i64>().unwrap_or(0));
        Value::Int(parts.fold(0, |sum, part| sum * 1000 + part))
    }),
];
