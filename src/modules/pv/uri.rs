//! Variables of the Request-URI, of the destination set by the script, and of the next hop.

use super::reply::Next;
use super::{one_of, pick, wanted_text, within, within_or_null};
use crate::builtin::{Context, Fault, Key, KeyKind, LogLevel, Place, Value, Variable};
use crate::modules::core::rewrite;
use crate::sip::{Transport, Uri};
use bytes::Bytes;

/// The variables.
pub(super) const ROWS: &[Variable] = &[
    Variable::read(
        &["ru", "ruri"],
        |cx, _, _| read(cx, current, |base, _| Value::Text(base.clone())),
        "The Request-URI as it stands.",
    )
    .written(set_uri),
    Variable::read(&["rU", "ruri.user"], |cx, _, _| read(cx, current, user), "The user of the Request-URI.")
        .written(set_user),
    Variable::read(&["rd", "ruri.domain"], |cx, _, _| read(cx, current, host), "The host of the Request-URI.")
        .written(set_host),
    Variable::read(
        &["rp"],
        |cx, _, _| read(cx, current, port),
        "The port of the Request-URI; 5060 when none is written.",
    )
    .written(set_port),
    Variable::read(
        &["rP"],
        |cx, _, _| read(cx, current, transport),
        "The transport of the Request-URI; UDP when none is written.",
    ),
    Variable::read(
        &["rz"],
        |cx, _, _| read(cx, current, scheme),
        "The scheme of the Request-URI; tel also for a user that is a telephone number (`;user=phone`).",
    ),
    Variable::read(
        &["rul"],
        |cx, _, _| read(cx, current, |base, _| Value::Int(base.len() as i64)),
        "How long the Request-URI is.",
    ),
    Variable::read(&["rUl"], |cx, _, _| read(cx, current, user_length), "How long the user of the Request-URI is."),
    Variable::read(
        &["ou", "ouri"],
        |cx, _, _| read(cx, original, |base, _| Value::Text(base.clone())),
        "The Request-URI as it arrived.",
    ),
    Variable::read(&["oU"], |cx, _, _| read(cx, original, user), "The user of the Request-URI as it arrived."),
    Variable::read(&["od"], |cx, _, _| read(cx, original, host), "The host of the Request-URI as it arrived."),
    Variable::read(&["op"], |cx, _, _| read(cx, original, port), "The port of the Request-URI as it arrived."),
    Variable::read(
        &["oP"],
        |cx, _, _| read(cx, original, transport),
        "The transport of the Request-URI as it arrived.",
    ),
    Variable::read(
        &["oUl"],
        |cx, _, _| read(cx, original, user_length),
        "How long the user of the Request-URI was when it arrived.",
    ),
    Variable::read(
        &["du", "duri"],
        |cx, _, _| Value::text_or_null(cx.message.target.next_hop.clone()),
        "Where to send the request instead of to the Request-URI.",
    )
    .written(set_destination),
    Variable::read(&["dd"], |cx, _, _| read(cx, destination, host), "The host of $du."),
    Variable::read(&["dp"], |cx, _, _| read(cx, destination, port), "The port of $du; 5060 when none is written."),
    Variable::read(
        &["dP"],
        |cx, _, _| read(cx, destination, transport),
        "The transport of $du; UDP when none is written.",
    ),
    one_of(
        &["nh"],
        KeyKind::Custom(|text, _| pick(text, NEXT_HOP)),
        "The next hop, $du or else the Request-URI: u the whole, U its user, d its host, p its port, P its transport, i 4 or 6 when the host is an address and 0 when it is a name.",
    ),
];

const NEXT_HOP: &[(&str, super::Get)] = &[
    ("u", |cx| read(cx, next_hop, |base, _| Value::Text(base.clone()))),
    ("U", |cx| read(cx, next_hop, user)),
    ("d", |cx| read(cx, next_hop, host)),
    ("p", |cx| read(cx, next_hop, |base, uri| Value::Int(port(base, uri).to_int()))),
    ("P", |cx| read(cx, next_hop, transport)),
    ("i", |cx| {
        read(cx, next_hop, |_, uri| match uri.host_ip() {
            Some(std::net::IpAddr::V4(_)) => Value::Int(4),
            Some(std::net::IpAddr::V6(_)) => Value::Int(6),
            None => Value::Int(0),
        })
    }),
];

/// The user, undefined without one.
pub(super) fn user(base: &Bytes, uri: &Uri) -> Value {
    uri.user.map_or(Value::Null, |user| within_or_null(base, user))
}

/// The host, undefined for `tel:`.
pub(super) fn host(base: &Bytes, uri: &Uri) -> Value {
    within_or_null(base, uri.host)
}

/// How long the user is.
pub(super) fn user_length(_: &Bytes, uri: &Uri) -> Value {
    Value::Int(uri.user.map_or(0, <[u8]>::len) as i64)
}

fn port(base: &Bytes, uri: &Uri) -> Value {
    match uri.port {
        Some(port) => Value::Both(port.into(), base.slice_ref(uri.port_text)),
        None if uri.transport().and_then(Transport::of) == Some(Transport::Tls) => Value::both(5061),
        None => Value::both(5060),
    }
}

fn transport(base: &Bytes, uri: &Uri) -> Value {
    uri.transport().map_or(Value::text(Transport::Udp.in_via()), |transport| within(base, transport))
}

fn scheme(_: &Bytes, uri: &Uri) -> Value {
    Value::text(uri.kind().as_str())
}

fn current(cx: &Context) -> Option<Bytes> {
    (cx.message.target.uri.is_some() || cx.message.message.is_request()).then(|| cx.message.request_uri())
}

fn original(cx: &Context) -> Option<Bytes> {
    let message = &cx.message.message;
    message.is_request().then(|| message.bytes().slice_ref(message.request_uri()))
}

fn destination(cx: &Context) -> Option<Bytes> {
    cx.message.target.next_hop.clone()
}

/// Of a reply it is what its second Via says.
fn next_hop(cx: &Context) -> Option<Bytes> {
    destination(cx).or_else(|| current(cx)).or_else(|| Next::of(cx).map(|next| next.uri()))
}

/// Reads a part of a URI; undefined, with a line in the log, when it does not parse.
fn read(cx: &mut Context, which: fn(&Context) -> Option<Bytes>, part: fn(&Bytes, &Uri) -> Value) -> Value {
    let Some(base) = which(cx) else { return Value::Null };
    match Uri::parse(&base) {
        Ok(uri) => part(&base, &uri),
        Err(_) => {
            if cx.core.logs(LogLevel::Error) {
                cx.log(LogLevel::Error, format!("{} is no URI", String::from_utf8_lossy(&base)));
            }
            Value::Null
        }
    }
}

fn set_uri(cx: &mut Context, _: &Key, _: Place, value: Value) -> Result<(), Fault> {
    cx.message.target.uri = Some(wanted_text(&value)?);
    cx.message.taken = None;
    Ok(())
}

fn set_user(cx: &mut Context, _: &Key, _: Place, value: Value) -> Result<(), Fault> {
    let user = if value.is_null() { Bytes::new() } else { wanted_text(&value)? };
    rewrite::rewrite(cx, |uri| rewrite::user(uri, &user))
}

fn set_host(cx: &mut Context, _: &Key, _: Place, value: Value) -> Result<(), Fault> {
    let host = wanted_text(&value)?;
    rewrite::rewrite(cx, |uri| uri.with_host(&host))
}

fn set_port(cx: &mut Context, _: &Key, _: Place, value: Value) -> Result<(), Fault> {
    let port = value.to_text();
    rewrite::rewrite(cx, |uri| uri.with_port(&port))
}

fn set_destination(cx: &mut Context, _: &Key, _: Place, value: Value) -> Result<(), Fault> {
    let destination = if value.is_null() { None } else { Some(wanted_text(&value)?).filter(|uri| !uri.is_empty()) };
    cx.message.target.next_hop = destination;
    cx.message.taken = None;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::bench::Bench;
    use std::sync::Arc;

    fn row(name: &str) -> &'static Variable {
        ROWS.iter().find(|row| row.names.contains(&name)).unwrap()
    }

    #[test]
    fn assignments() {
        let long = "sip:alice:pw@h:50;transport=udp?h=2";
        let cases: &[(&str, &str, Value, Option<&str>)] = &[
            (long, "rU", Value::text("x"), Some("sip:x:pw@h:50;transport=udp?h=2")),
            (long, "rU", Value::Null, Some("sip:h:50;transport=udp?h=2")),
            (long, "rU", Value::Int(5), None),
            (long, "rd", Value::text("d"), Some("sip:alice:pw@d:50;transport=udp?h=2")),
            (long, "rd", Value::Null, None),
            (long, "rp", Value::Int(70), Some("sip:alice:pw@h:70;transport=udp?h=2")),
            (long, "rp", Value::Null, Some("sip:alice:pw@h;transport=udp?h=2")),
            (long, "ru", Value::Int(5), None),
            ("junk", "rU", Value::text("x"), None),
        ];
        for (before, name, value, after) in cases {
            let mut bench = Bench::new("INVITE sip:x SIP/2.0\nVia: SIP/2.0/UDP h\n\n", Arc::new(()));
            bench.message.target.uri = Some(Bytes::from(*before));
            let done = (row(name).set.unwrap())(&mut bench.context(), &Key::None, Place::Whole, value.clone());
            assert_eq!(done.is_ok(), after.is_some(), "{name} = {value:?}");
            assert_eq!(bench.message.request_uri(), after.unwrap_or(before).as_bytes());
        }
    }

    #[test]
    fn reads() {
        let cases: &[(&str, &str, Value)] = &[
            ("sip:h", "rU", Value::Null),
            ("sip:h", "rp", Value::both(5060)),
            ("sip:h;transport=TLS", "rp", Value::both(5061)),
            ("sip:h", "rP", Value::text("UDP")),
            ("tel:+1;x=y", "rU", Value::text("+1")),
            ("sip:+1;npdi@h;user=phone", "rU", Value::text("+1")),
            ("sip:+1;npdi@h;user=phone", "rUl", Value::Int(2)),
            ("sips:+1@h;user=phone", "rz", Value::text("tel")),
            ("tel:+1;x=y", "rd", Value::Null),
            ("urn:service:sos", "rd", Value::text("sos")),
            ("junk", "ru", Value::Null),
        ];
        for (uri, name, value) in cases {
            let mut bench = Bench::new("INVITE sip:x SIP/2.0\nVia: SIP/2.0/UDP h\n\n", Arc::new(()));
            bench.message.target.uri = Some(Bytes::from(*uri));
            assert_eq!((row(name).get)(&mut bench.context(), &Key::None, Place::Whole), *value, "{name} of {uri}");
        }
    }
}
