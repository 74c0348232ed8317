//! `$K`, `$version`, `$ksr`: constants.

use super::pick;
use crate::builtin::{Fault, KeyKind, Prepare, Prepared, Template, Value, Variable};
use crate::sip::Transport;

/// The variables.
pub(super) const ROWS: &[Variable] = &[
    fixed(
        &["K"],
        |text, _| constant(text, NUMBERS),
        "The number of a transport or address family: UDP, TCP, TLS, SCTP, WS, WSS, IPv4, IPv6, INET, INET6.",
    ),
    fixed(&["version"], |text, _| constant(text, VERSION), "alanui's version: num, full (with its name) or hash."),
    fixed(&["ksr"], |text, _| constant(text, SERVER), "alanui's version: ver as text, verval as one number."),
    Variable::read(
        &["pp"],
        |_, _, _| Value::Int(1),
        "The number of the process; all workers share one, so it is always 1.",
    ),
];

/// A variable whose value its name says.
const fn fixed(
    names: &'static [&'static str],
    prepare: fn(&Template, &mut Prepare) -> Result<Prepared, Fault>,
    doc: &'static str,
) -> Variable {
    Variable::read(names, |_, key, _| key.prepared::<Value>().cloned().unwrap_or_default(), doc)
        .keyed(KeyKind::Custom(prepare))
}

/// A name and the value it stands for.
type Choice = (&'static str, fn() -> Value);

fn constant(text: &Template, choices: &'static [Choice]) -> Result<Prepared, Fault> {
    let value = pick(text, choices)?.downcast_ref::<fn() -> Value>().map_or(Value::Null, |value| value());
    Ok(Box::new(value))
}

const NUMBERS: &[Choice] = &[
    (Transport::Udp.in_via(), || Value::Int(Transport::Udp.number())),
    (Transport::Tcp.in_via(), || Value::Int(Transport::Tcp.number())),
    (Transport::Tls.in_via(), || Value::Int(Transport::Tls.number())),
    (Transport::Sctp.in_via(), || Value::Int(Transport::Sctp.number())),
    (Transport::Ws.in_via(), || Value::Int(Transport::Ws.number())),
    (Transport::Wss.in_via(), || Value::Int(Transport::Wss.number())),
    ("IPv4", || Value::Int(2)),
    ("IP4", || Value::Int(2)),
    ("INET", || Value::Int(2)),
    ("IPv6", || Value::Int(10)),
    ("IP6", || Value::Int(10)),
    ("INET6", || Value::Int(10)),
];

const VERSION: &[Choice] = &[
    ("num", || Value::text(env!("CARGO_PKG_VERSION"))),
    ("full", || Value::text(concat!("alanui ", env!("CARGO_PKG_VERSION")))),
    ("hash", || Value::text("unknown")),
];

const SERVER: &[Choice] = &[
    ("ver", || Value::text(env!("CARGO_PKG_VERSION"))),
    ("verval", || {
        let parts = env!("CARGO_PKG_VERSION").split('.').map(|part| part.parse::<i64>().unwrap_or(0));
        Value::Int(parts.fold(0, |sum, part| sum * 1000 + part))
    }),
];
