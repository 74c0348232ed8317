//! `ipops`: questions about IP addresses written as text.

mod dns;
mod host;
mod kind;
#[cfg(test)]
mod tests;

use crate::builtin::{
    Arg, Args, Context, Does, Function, LogLevel, Module, Outcome, Value, Variable, anywhere, count, join,
};
use std::net::{IpAddr, Ipv4Addr};

/// The module.
pub static MODULE: Module = Module {
    functions: &const { join::<_, { count(PARTS) }>(PARTS) },
    variables: &const { join::<_, { count(VARIABLES) }>(VARIABLES) },
    start: host::start,
    ..Module::new("ipops", "Asks what an IP address is and whether it lies in a network, and the DNS about names.")
};

const PARTS: &[&[Function]] = &[ROWS, dns::ROWS];
const VARIABLES: &[&[Variable]] = &[dns::VARIABLES, host::VARIABLES];

const ROWS: &[Function] = &[
    anywhere(
        &["is_ip"],
        ONE,
        |cx, args| is(cx, args, |_| true),
        "True for an IPv4 address, and for an IPv6 address with or without brackets.",
    ),
    anywhere(
        &["is_pure_ip"],
        ONE,
        |cx, args| is(cx, args, |form| form != Form::Reference),
        "True for an IPv4 address, and for an IPv6 address without brackets.",
    ),
    anywhere(&["is_ipv4"], ONE, |cx, args| is(cx, args, |form| form == Form::V4), "True for an IPv4 address."),
    anywhere(
        &["is_ipv6"],
        ONE,
        |cx, args| is(cx, args, |form| form == Form::V6),
        "True for an IPv6 address without brackets.",
    ),
    anywhere(
        &["is_ipv6_reference"],
        ONE,
        |cx, args| is(cx, args, |form| form == Form::Reference),
        "True for an IPv6 address in brackets.",
    ),
    anywhere(&["ip_type"], ONE, ip_type, "1 for IPv4, 2 for IPv6, 3 for IPv6 in brackets; else false."),
    anywhere(
        &["is_ip_rfc1918"],
        ONE,
        |cx, args| Outcome::truth(begins_private(&args.text(cx, 0))),
        "True for a private IPv4 address (RFC 1918), whatever stands behind it.",
    ).does(&[Does::CheckSource]),
    anywhere(
        &["detailed_ip_type"],
        KIND,
        |cx, args| {
            let text = args.text(cx, 0);
            detailed(cx, args, &text, |_| true)
        },
        "Stores what an address is for: PUBLIC, PRIVATE, LOOPBACK and so on.",
    ),
    anywhere(
        &["detailed_ipv4_type"],
        KIND,
        |cx, args| {
            let text = args.text(cx, 0);
            detailed(cx, args, text.trim_ascii(), |form| form == Form::V4)
        },
        "Stores what an IPv4 address is for: PUBLIC, PRIVATE, LOOPBACK and so on.",
    ),
    anywhere(
        &["detailed_ipv6_type"],
        KIND,
        |cx, args| {
            let text = args.text(cx, 0);
            detailed(cx, args, text.trim_ascii(), |form| form != Form::V4)
        },
        "Stores what an IPv6 address is for: GLOBAL-UNICAST, LOOPBACK and so on.",
    ),
    anywhere(&["compare_ips"], TWO, |cx, args| compare(cx, args, |_| true), "True when both are the same address.").does(&[Does::CheckSource]),
    anywhere(
        &["compare_pure_ips"],
        TWO,
        |cx, args| compare(cx, args, |form| form != Form::Reference),
        "True when both are the same address and stand without brackets.",
    ).does(&[Does::CheckSource]),
    anywhere(
        &["is_in_subnet"],
        &[Arg::text("address"), Arg::text("networks")],
        is_in_subnet,
        "True when the address lies in one of the networks, written as 10.0.0.0/8 or as an address, with commas between them.",
    ).does(&[Does::CheckSource]),
];

const ONE: &[Arg] = &[Arg::text("address")];
const TWO: &[Arg] = &[Arg::text("address"), Arg::text("other")];
const KIND: &[Arg] = &[Arg::text("address"), Arg::target("target")];

/// How an address is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    V4,
    V6,
    /// IPv6 in brackets.
    Reference,
}

/// An address that stands alone.
fn read(text: &[u8]) -> Option<(Form, IpAddr)> {
    let (form, inner) = match text.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]")) {
        Some(inner) => (Form::Reference, inner),
        None => (Form::V6, text),
    };
    match (std::str::from_utf8(inner).ok()?.parse().ok()?, form) {
        (IpAddr::V4(_), Form::Reference) => None,
        (address @ IpAddr::V4(_), _) => Some((Form::V4, address)),
        (address, form) => Some((form, address)),
    }
}

fn is(cx: &mut Context, args: &Args, fits: fn(Form) -> bool) -> Outcome {
    Outcome::truth(read(&args.text(cx, 0)).is_some_and(|(form, _)| fits(form)))
}

fn ip_type(cx: &mut Context, args: &Args) -> Outcome {
    Outcome::Return(match read(&args.text(cx, 0)) {
        Some((Form::V4, _)) => 1,
        Some((Form::V6, _)) => 2,
        Some((Form::Reference, _)) => 3,
        None => -1,
    })
}

fn begins_private(text: &[u8]) -> bool {
    let longest = "255.255.255.255".len();
    (7..=text.len().min(longest)).any(|length| {
        let start = text.get(..length).and_then(|start| std::str::from_utf8(start).ok());
        start.and_then(|start| start.parse().ok()).is_some_and(|address: Ipv4Addr| address.is_private())
    })
}

fn detailed(cx: &mut Context, args: &Args, text: &[u8], fits: fn(Form) -> bool) -> Outcome {
    let found = read(text).filter(|(form, _)| fits(*form)).map(|(_, address)| kind::of(address));
    match (found, args.target(1)) {
        (Some(found), Some(target)) => Outcome::truth(target.assign(cx, Value::text(found)).is_ok()),
        _ => {
            let text = format!("{}: {} is no such address", args.name(), String::from_utf8_lossy(text));
            cx.log(LogLevel::Error, text);
            Outcome::FALSE
        }
    }
}

fn compare(cx: &mut Context, args: &Args, fits: fn(Form) -> bool) -> Outcome {
    let mut address = |at| read(&args.text(cx, at)).filter(|(form, _)| fits(*form)).map(|(_, address)| address);
    let (one, other) = (address(0), address(1));
    Outcome::truth(one.is_some() && one == other)
}

fn is_in_subnet(cx: &mut Context, args: &Args) -> Outcome {
    let (address, networks) = (args.text(cx, 0), args.text(cx, 1));
    let Some((Form::V4 | Form::V6, address)) = read(&address) else { return Outcome::FALSE };
    Outcome::truth(networks.split(|byte| *byte == b',').any(|network| lies_in(address, network)))
}

/// Whether an address lies in a network.
fn lies_in(address: IpAddr, network: &[u8]) -> bool {
    let network = network.trim_ascii();
    let (base, prefix) = match memchr::memrchr(b'/', network) {
        Some(slash) => (network.get(..slash).unwrap_or_default(), network.get(slash + 1..)),
        None => (network, None),
    };
    let Some((Form::V4 | Form::V6, base)) = read(base) else { return false };
    let Some(prefix) = prefix else { return address == base };
    // As C reads a number: digits as far as they go.
    let digits = prefix.iter().take_while(|byte| byte.is_ascii_digit());
    let prefix = digits.fold(0u32, |prefix, digit| prefix.saturating_mul(10).saturating_add(u32::from(digit - b'0')));
    match (address, base) {
        (IpAddr::V4(address), IpAddr::V4(base)) if prefix <= 32 => {
            let mask = u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
            (address.to_bits() ^ base.to_bits()) & mask == 0
        }
        (IpAddr::V6(address), IpAddr::V6(base)) if prefix <= 128 => {
            let mask = u128::MAX.checked_shl(128 - prefix).unwrap_or(0);
            (address.to_bits() ^ base.to_bits()) & mask == 0
        }
        _ => false,
    }
}
