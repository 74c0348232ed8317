//! Variables about where a message came from, where it arrived, and where it leaves.

use super::{one_of, pick, wanted_text};
use crate::builtin::{Context, Fault, Key, KeyKind, LogLevel, Place, Socket, Value, Variable};
use crate::modules::core::{self, source};
use crate::sip::Transport;
use bytes::Bytes;
use source::{host, transport};
use std::fmt::Write;
use std::net::SocketAddr;

/// The variables.
pub(super) const ROWS: &[Variable] = &[
    Variable::read(
        &["si", "src_ip"],
        |cx, _, _| text(cx.message.received.flow.peer.ip()),
        "The address the message came from.",
    ),
    Variable::read(
        &["siz"],
        |cx, _, _| text(host(cx.message.received.flow.peer.ip())),
        "The address the message came from, IPv6 in brackets.",
    ),
    Variable::read(
        &["sp"],
        |cx, _, _| Value::Int(cx.message.received.flow.peer.port().into()),
        "The port the message came from.",
    ),
    Variable::read(
        &["su"],
        |cx, _, _| text(source::uri(cx)),
        "Where the message came from, as a URI; with its transport unless that is UDP.",
    ),
    Variable::read(
        &["sut"],
        |cx, _, _| text(uri(cx.message.received.flow.peer) + &parameter(transport(cx))),
        "Where the message came from, as a URI with its transport.",
    ),
    Variable::read(
        &["sas"],
        |cx, _, _| text(format!("{}:{}", transport(cx), cx.message.received.flow.peer)),
        "Where the message came from, in the form of a socket.",
    ),
    Variable::read(&["sid"], |_, _, _| Value::Int(0), "The number of the socket of a stream; always 0."),
    Variable::read(
        &["conid"],
        |cx, _, _| cx.message.received.flow.connection.map_or(Value::Null, |id| Value::Int(i64::from(id.0.get()))),
        "The number of the connection the message came over; UDP has none.",
    ),
    // Where an integer is wanted it is the number of the transport.
    Variable::read(
        &["pr", "proto"],
        |cx, _, _| Value::Both(transport(cx).number(), transport(cx).name().into()),
        "The transport the message came over: udp or tcp, or its number where an integer is wanted.",
    ),
    Variable::read(
        &["prid"],
        |cx, _, _| Value::Int(transport(cx).number()),
        "The number of the transport the message came over.",
    ),
    one_of(
        &["af"],
        KeyKind::Custom(|text, _| pick(text, FAMILY)),
        "The address family of the sender: id its number, name its name.",
    ),
    Variable::read(
        &["Ri"],
        |cx, _, _| arrived(cx, |socket| text(socket.address.ip())),
        "The address the message arrived on.",
    ),
    Variable::read(
        &["Rp"],
        |cx, _, _| arrived(cx, |socket| Value::Int(socket.address.port().into())),
        "The port the message arrived on.",
    ),
    Variable::read(
        &["Ru"],
        |cx, _, _| arrived(cx, |socket| text(source::uri_of(socket.address, socket.transport))),
        "The socket the message arrived on, as a URI; with its transport unless that is UDP.",
    ),
    Variable::read(
        &["Rut"],
        |cx, _, _| arrived(cx, |socket| text(uri(socket.address) + &parameter(socket.transport))),
        "The socket the message arrived on, as a URI with its transport.",
    ),
    Variable::read(
        &["Ras"],
        |cx, _, _| arrived(cx, |socket| text(format!("{}:{}", socket.transport, socket.address))),
        "The socket the message arrived on.",
    ),
    Variable::read(
        &["Rn"],
        |cx, _, _| arrived(cx, |socket| Value::text_or_null(socket.name.clone())),
        "The name of the socket the message arrived on.",
    ),
    Variable::read(
        &["RAi"],
        |cx, _, _| arrived(cx, |socket| Value::Text(advertised(socket).0)),
        "The address that the socket the message arrived on advertises; its own when it advertises none.",
    ),
    Variable::read(
        &["RAp"],
        |cx, _, _| arrived(cx, |socket| Value::Int(advertised(socket).1.into())),
        "The port that goes with $RAi.",
    ),
    Variable::read(
        &["RAu"],
        |cx, _, _| arrived(cx, |socket| text(advertised_uri(socket) + &stream(socket.transport))),
        "$RAi and $RAp as a URI; with the transport unless that is UDP.",
    ),
    Variable::read(
        &["RAut"],
        |cx, _, _| arrived(cx, |socket| text(advertised_uri(socket) + &parameter(socket.transport))),
        "$RAi and $RAp as a URI with the transport.",
    ),
    Variable::read(
        &["fs"],
        |cx, _, _| forced(cx, |socket| text(format!("{}:{}", socket.transport, socket.address))),
        "The socket the script chose to send from.",
    )
    .written(force),
    Variable::read(
        &["fsn"],
        |cx, _, _| forced(cx, |socket| Value::text_or_null(socket.name.clone())),
        "The name of the socket the script chose to send from.",
    )
    .written(force_named),
    Variable::read(
        &["fsp"],
        |cx, _, _| match forced(cx, |socket| Value::Int(socket.address.port().into())) {
            Value::Null => Value::Int(0),
            port => port,
        },
        "The port of the socket the script chose to send from; 0 when it chose none.",
    ),
];

const FAMILY: &[(&str, super::Get)] = &[
    ("id", |cx| Value::Int(core::family(cx.message.received.flow.peer.ip()))),
    ("name", |cx| Value::text(if cx.message.received.flow.peer.is_ipv4() { "IPv4" } else { "IPv6" })),
];

fn text(shown: impl std::fmt::Display) -> Value {
    let mut out = String::with_capacity(48);
    // Writing to a string does not fail.
    let _ = write!(out, "{shown}");
    Value::Text(Bytes::from(out))
}

fn parameter(transport: Transport) -> String {
    format!(";transport={transport}")
}

/// The same where UDP goes without saying.
fn stream(transport: Transport) -> String {
    if transport == Transport::Udp { String::new() } else { parameter(transport) }
}

fn uri(address: SocketAddr) -> String {
    format!("sip:{address}")
}

fn advertised(socket: &Socket) -> (Bytes, u16) {
    let own = || (Bytes::from(socket.address.ip().to_string()), socket.address.port());
    socket.advertised().map_or_else(own, |(host, port)| (host.clone(), port))
}

fn advertised_uri(socket: &Socket) -> String {
    match socket.advertised() {
        Some((host, port)) => format!("sip:{}:{port}", String::from_utf8_lossy(host)),
        None => uri(socket.address),
    }
}

fn arrived(cx: &mut Context, part: fn(&Socket) -> Value) -> Value {
    cx.core.sockets.socket(cx.message.received.flow.socket).map_or(Value::Null, part)
}

fn forced(cx: &mut Context, part: fn(&Socket) -> Value) -> Value {
    let chosen = cx.message.target.socket.and_then(|id| cx.core.sockets.socket(id));
    chosen.map_or(Value::Null, part)
}

fn force(cx: &mut Context, _: &Key, _: Place, value: Value) -> Result<(), Fault> {
    if value.is_null() {
        cx.message.target.socket = None;
        return Ok(());
    }
    let wanted = wanted_text(&value)?;
    let found = core::socket(cx, &wanted);
    choose(cx, found, &wanted);
    Ok(())
}

fn force_named(cx: &mut Context, _: &Key, _: Place, value: Value) -> Result<(), Fault> {
    let wanted = wanted_text(&value)?;
    let at = cx.core.sockets.list.iter().position(|socket| socket.name.as_ref() == Some(&wanted));
    let found = at.and_then(|at| u16::try_from(at).ok()).map(crate::builtin::SocketId);
    choose(cx, found, &wanted);
    Ok(())
}

/// A socket that the server does not have leaves the choice as it was.
fn choose(cx: &mut Context, found: Option<crate::builtin::SocketId>, wanted: &Bytes) {
    match found {
        Some(found) => cx.message.target.socket = Some(found),
        None => {
            let text = format!("the server does not listen on {}", String::from_utf8_lossy(wanted));
            cx.log(LogLevel::Warning, text);
        }
    }
}
