//! Where a message came from and where it goes: `@src`, `@dst`, `@received`, `@ruri`, `@dst_uri`, `@next_hop`, `@branch`.

use super::{address, number, root, rooted, uri};
use crate::builtin::{Bracket, Context, Place, Select, Step, Target, Value, Variable, calendar};
use crate::sip::Transport;
use bytes::Bytes;
use jiff::tz::TimeZone;
use std::net::SocketAddr;

/// The roots.
pub(super) const ROWS: &[Select] = &[
    root(&["src.ip", "next_hop.src_ip"], |cx, _, _| ip(Some(source(cx))), "The address the message came from."),
    root(&["src.port"], |cx, _, _| port(Some(source(cx))), "The port the message came from."),
    root(&["src.ip_port"], |cx, _, _| both("", Some(source(cx))), "Address and port the message came from."),
    root(&["dst.ip", "received.ip"], |cx, _, _| ip(arrived(cx)), "The address the message arrived on."),
    root(&["dst.port", "received.port"], |cx, _, _| port(arrived(cx)), "The port the message arrived on."),
    root(
        &["dst.ip_port", "received.ip_port"],
        |cx, _, _| both("", arrived(cx)),
        "Address and port the message arrived on.",
    ),
    root(&["received.proto"], |cx, _, _| Value::text(transport(cx).name()), "The transport the message arrived over."),
    root(
        &["received.proto_ip_port"],
        |cx, _, _| both(&format!("{}:", transport(cx)), arrived(cx)),
        "Transport, address and port the message arrived on.",
    ),
    rooted(&["ruri", "request_uri"], |cx, _, _| current(cx), uri::STEPS, "The Request-URI as it stands."),
    rooted(
        &["dst_uri"],
        |cx, _, _| Value::text_or_null(cx.message.target.next_hop.clone()),
        uri::STEPS,
        "Where the script sends the request instead of to the Request-URI.",
    ),
    rooted(
        &["next_hop"],
        |cx, _, _| cx.message.target.next_hop.clone().map_or_else(|| current(cx), Value::Text),
        uri::STEPS,
        "The next hop: @dst_uri, else the Request-URI.",
    ),
    root(
        &["branch.count"],
        |cx, _, _| number(cx.message.branches.len() as i64),
        "How many further branches there are.",
    ),
    Select::root(
        Variable::read(
            &["branch.uri"],
            |cx, _, place| branch(cx, place, |branch| Value::text_or_null(branch.uri.clone())),
            "The URI of a further branch, counted from 0.",
        ),
        uri::STEPS,
    )
    .bracketed(Bracket::Number),
    Select::root(
        Variable::read(
            &["branch.dst_uri"],
            |cx, _, place| branch(cx, place, |branch| Value::text_or_null(branch.next_hop.clone())),
            "The next hop of a further branch, when it has one of its own.",
        ),
        uri::STEPS,
    )
    .bracketed(Bracket::Number),
    Select::root(
        Variable::read(
            &["branch.uriq"],
            |cx, _, place| branch(cx, place, |branch| Value::text_or_null(branch.uri.as_ref().map(as_address))),
            "The URI of a further branch as an address.",
        ),
        address::NAMED,
    )
    .bracketed(Bracket::Number),
    Select::root(
        Variable::read(
            &["branch.q"],
            |_, _, _| Value::Null,
            "The q of a further branch: undefined, branches have none.",
        ),
        &[],
    )
    .bracketed(Bracket::Number),
    Select::root(
        Variable::read(
            &["sys.now"],
            |cx, _, _| number(cx.now.unix.as_secs() as i64),
            "The present in seconds since 1970.",
        ),
        NOW,
    ),
    root(&["sys.pid"], |_, _, _| Value::text("1"), "The number of the process; all workers share one."),
    root(
        &["sys.server_id"],
        |cx, _, _| number(cx.core.settings.server_id as i32 as i64),
        "The number of the server among several.",
    ),
];

static NOW: &[Step] = &[
    Step::named("local", |cx, _, _| date(cx, &cx.core.zone), &[], "The present as a date, local time."),
    Step::named("gmt", |cx, _, _| date(cx, &TimeZone::UTC), &[], "The present as a date, UTC."),
];

fn date(cx: &Context, zone: &TimeZone) -> Value {
    let text = calendar::formatted(zone, cx.now.unix.as_secs() as i64, b"%a %b %e %H:%M:%S %Y");
    Value::Text(text.into())
}

fn source(cx: &Context) -> SocketAddr {
    cx.message.received.flow.peer
}

fn arrived(cx: &Context) -> Option<SocketAddr> {
    cx.core.sockets.socket(cx.message.received.flow.socket).map(|socket| socket.address)
}

fn transport(cx: &Context) -> Transport {
    cx.core.sockets.transport(cx.message.received.flow.socket)
}

fn ip(address: Option<SocketAddr>) -> Value {
    address.map_or(Value::Null, |address| Value::Text(address.ip().to_string().into()))
}

fn port(address: Option<SocketAddr>) -> Value {
    address.map_or(Value::Null, |address| number(address.port().into()))
}

fn both(before: &str, address: Option<SocketAddr>) -> Value {
    address.map_or(Value::Null, |address| Value::Text(format!("{before}{address}").into()))
}

fn current(cx: &Context) -> Value {
    let known = cx.message.target.uri.is_some() || cx.message.message.is_request();
    if known { Value::Text(cx.message.request_uri()) } else { Value::Null }
}

fn as_address(uri: &Bytes) -> Bytes {
    [b"<", &uri[..], b">"].concat().into()
}

fn branch(cx: &Context, place: Place, read: fn(&Target) -> Value) -> Value {
    let Place::At(index) = place else { return Value::Null };
    let branch = usize::try_from(index).ok().and_then(|at| cx.message.branches.get(at));
    branch.map_or(Value::Null, read)
}
