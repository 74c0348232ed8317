//! Constant addresses and reply codes that are none.

use super::PV;
use crate::builtin::Means;
use crate::config::ast::{BinaryOperator, Expression, ExpressionKind};
use crate::lint::script::constant;
use crate::lint::{Findings, Rule, Severity, Subject};

/// A next hop without `sip:`.
pub(super) static WITHOUT_SCHEME: Rule = Rule {
    code: "uri-without-scheme",
    severity: Severity::Warning,
    finds: "A constant that is assigned to $du or $ru, or given to a function that wants a URI, and does not begin with a scheme.",
    why: "Both hold URIs. One that lacks its scheme cannot be read: every relay on the way fails with \"bad URI\", and the caller gets a 4xx or 5xx \
          that speaks of something else.",
    instead: "Write the scheme: $du = \"sip:10.0.0.1:5060\".",
    reference: PV,
    check: without_scheme,
};

/// A port that is none.
pub(super) static PORT: Rule = Rule {
    code: "port-out-of-range",
    severity: Severity::Warning,
    finds: "A port in a constant address that is no number from 1 to 65535.",
    why: "The address cannot be read, so nothing is ever sent there; the relay fails while the call is routed, not at the start.",
    instead: "Write the port as a number up to 65535, or leave it out.",
    reference: PV,
    check: port,
};

/// A code that no reply has.
pub(super) static REPLY_CODE: Rule = Rule {
    code: "reply-code-out-of-range",
    severity: Severity::Warning,
    finds: "A reply with a code below 100 or above 699.",
    why: "SIP has codes from 100 to 699. Kamailio 5.6.3 writes three digits whatever the number, 099 for 99 and 000 for 7000; no phone understands \
          such a reply, and the caller repeats its request.",
    instead: "Use a code of the table in RFC 3261 section 21.",
    reference: "RFC 3261 section 7.2",
    check: reply_code,
};

/// Variables that hold URIs, when they are assigned.
const URI_VARIABLES: [&str; 4] = ["du", "duri", "ru", "ruri"];

/// The constant text that a value begins with, and whether it is all of it.
fn beginning(value: &Expression) -> Option<(&[u8], bool)> {
    match &value.kind {
        ExpressionKind::Text(text) => Some((text, true)),
        ExpressionKind::Binary(BinaryOperator::Add, left, _) => beginning(left).map(|(text, _)| (text, false)),
        _ => None,
    }
}

/// Hands each constant that is used as a URI, or begins one, to `visit`: what it is for, the expression, the text, and whether that is all.
fn each_uri<'s>(subject: &'s Subject, visit: &mut dyn FnMut(String, &'s Expression, &'s str, bool)) {
    for its in &subject.script().assigns {
        if !URI_VARIABLES.contains(&its.target.name) || !its.target.rest.is_empty() {
            continue;
        }
        if let Some((text, whole)) = beginning(&its.assign.value)
            && let Ok(text) = std::str::from_utf8(text)
        {
            visit(format!("${}", its.target.name), &its.assign.value, text, whole);
        }
    }
    for (its, arg) in subject.script().arguments_for(Means::Uri) {
        if let ExpressionKind::Text(text) = &arg.kind
            && let Ok(text) = std::str::from_utf8(text)
        {
            let constant = &text[..text.find('$').unwrap_or(text.len())];
            visit(format!("{}()", its.call.name.text), arg, constant, constant.len() == text.len());
        }
    }
}

/// What stands before the first colon, when a scheme may.
fn scheme(text: &str) -> Option<&str> {
    let (scheme, _) = text.split_once(':')?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-'));
    is_scheme.then_some(scheme)
}

fn without_scheme(subject: &Subject, findings: &mut Findings) {
    each_uri(subject, &mut |what, value, text, whole| {
        // A variable may bring the scheme, or the rest of it.
        if text.is_empty() || (!whole && !text.contains(['.', ':', '@'])) || scheme(text).is_some() {
            return;
        }
        findings
            .add(format!("{what} wants a URI, and this has no scheme"), value.span)
            .add_note("it cannot be read: every relay to it fails")
            .add_help(format!("write \"sip:{text}{}\"", if whole { "" } else { "..." }));
    });
}

/// The port of `host:port` as it is written, with no port an empty one.
fn port_of(address: &str) -> Option<&str> {
    let address = address.split([';', '?', '/']).next().unwrap_or_default();
    match address.rsplit_once(']') {
        Some((_, rest)) => rest.strip_prefix(':'),
        // More colons are an IPv6 address without its brackets.
        None => address.split_once(':').map(|(_, port)| port).filter(|port| !port.contains(':')),
    }
}

fn is_port(port: &str) -> bool {
    port.parse::<u16>().is_ok_and(|port| port > 0)
}

fn port(subject: &Subject, findings: &mut Findings) {
    let mut tell = |port: &str, value: &Expression| {
        // A template's word is a port once it is filled in.
        if port.contains(['{', '<', '%']) {
            return;
        }
        findings.add(format!("`{port}` is no port"), value.span).add_help("a port is a number from 1 to 65535");
    };
    each_uri(subject, &mut |_, value, text, whole| {
        let Some(scheme) = scheme(text).filter(|scheme| scheme.len() <= 4 && scheme.starts_with("sip")) else { return };
        let rest = &text[scheme.len() + 1..];
        let address = rest.rsplit_once('@').map_or(rest, |(_, address)| address);
        if let Some(port) = port_of(address).filter(|port| whole && !is_port(port)) {
            tell(port, value);
        }
    });
    for (_, arg) in subject.script().arguments_for(Means::HostPort) {
        let Some(text) = constant(arg).filter(|text| !text.contains('$')) else { continue };
        if let Some(port) = port_of(&text).filter(|port| !is_port(port)) {
            tell(port, arg);
        }
    }
    for (_, arg) in subject.script().arguments_for(Means::Port) {
        let Some(text) = constant(arg).filter(|text| !text.contains('$') && text != "uri:port") else { continue };
        // 0 and nothing stand for the port of the protocol.
        if !is_port(&text) && text.trim() != "0" && !text.is_empty() {
            tell(&text, arg);
        }
    }
}

fn reply_code(subject: &Subject, findings: &mut Findings) {
    for (_, arg) in subject.script().arguments_for(Means::ReplyCode) {
        let Some(code) = constant(arg).and_then(|code| code.trim().parse::<i64>().ok()) else { continue };
        if !(100..700).contains(&code) {
            let found = findings.add(format!("{code} is no code of a reply"), arg.span);
            found.add_help("codes are 100 to 699");
        }
    }
}
