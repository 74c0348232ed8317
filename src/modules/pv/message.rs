//! Variables of the message as a whole: first line, plain headers, body, sizes.

use super::{one_of, pick, within, within_or_null};
use crate::builtin::{Context, KeyKind, Value, Variable};
use crate::sip::{Extent, HeaderName, Method, apply, number};
use bytes::Bytes;

/// The variables.
pub(super) const ROWS: &[Variable] = &[
    Variable::read(&["rm"], |cx, _, _| method(cx), "The method; of a reply the one in CSeq."),
    Variable::read(
        &["rmid"],
        |cx, _, _| method_number(cx),
        "The number that Kamailio gives the method; 0 for an unknown one.",
    ),
    Variable::read(&["rv"], |cx, _, _| version(cx), "The SIP version of the first line."),
    Variable::read(
        &["rs"],
        |cx, _, _| cx.message.message.status().map_or(Value::Null, |code| Value::both(code.into())),
        "The code of the reply; undefined in a request.",
    ),
    Variable::read(
        &["rsi"],
        |cx, _, _| Value::Int(cx.message.message.status().map_or(0, i64::from)),
        "The code of the reply as a number; 0 in a request.",
    ),
    Variable::read(
        &["rr"],
        |cx, _, _| {
            let message = &cx.message.message;
            message.status().map_or(Value::Null, |_| within(message.bytes(), message.reason()))
        },
        "The reason phrase of the reply; undefined in a request.",
    ),
    Variable::read(
        &["mt"],
        |cx, _, _| Value::Int(if cx.message.message.is_request() { 1 } else { 2 }),
        "What the message is: 1 a request, 2 a reply.",
    ),
    Variable::read(
        &["mts"],
        |cx, _, _| Value::text(if cx.message.message.is_request() { "rq" } else { "rp" }),
        "What the message is: rq or rp.",
    ),
    Variable::read(&["mi"], |cx, _, _| Value::Int(cx.message.id as i64), "A number that tells messages apart."),
    Variable::read(&["mb"], |cx, _, _| Value::Text(cx.message.message.bytes().clone()), "The message as it arrived."),
    Variable::read(&["mbu"], |cx, _, _| updated(cx), "The message with the changes made so far."),
    Variable::read(
        &["ml"],
        |cx, _, _| Value::Int(cx.message.message.bytes().len() as i64),
        "How many bytes the message has.",
    ),
    Variable::read(&["rb"], |cx, _, _| body(cx), "The body; empty when there is none."),
    Variable::read(
        &["bs"],
        |cx, _, _| Value::Int(cx.message.message.body().len() as i64),
        "How many bytes the body has.",
    ),
    Variable::read(&["ci"], |cx, _, _| plain(cx, HeaderName::CallId), "The Call-ID."),
    Variable::read(&["cs"], |cx, _, _| sequence(cx), "The number in CSeq, as text."),
    Variable::read(&["csb"], |cx, _, _| plain(cx, HeaderName::CSeq), "The whole of CSeq."),
    Variable::read(
        &["cl"],
        |cx, _, _| cx.message.message.content_length().map_or(Value::Null, |length| Value::Int(length.into())),
        "The Content-Length as written.",
    ),
    Variable::read(&["cT"], |cx, _, _| plain(cx, HeaderName::ContentType), "The Content-Type."),
    Variable::read(&["ua"], |cx, _, _| plain(cx, HeaderName::UserAgent), "The User-Agent."),
    Variable::read(&["Au"], |cx, _, _| account(cx, true), "Who to account to: user and host of From."),
    Variable::read(&["AU"], |cx, _, _| account(cx, false), "Who to account to: the user of From."),
    one_of(
        &["msg"],
        KeyKind::Custom(|text, _| pick(text, PARTS)),
        "A part of the message as it arrived: buf all of it, len its length, fline its first line, hdrs its headers, body its body, fpart all before the body, lpart all after the first line; hdrs_len, body_len and hdrc count.",
    ),
];

const PARTS: &[(&str, super::Get)] = &[
    ("buf", |cx| Value::Text(cx.message.message.bytes().clone())),
    ("len", |cx| Value::Int(cx.message.message.bytes().len() as i64)),
    ("body", |cx| body(cx)),
    ("body_len", |cx| Value::Int(cx.message.message.body().len() as i64)),
    ("hdrs", |cx| Value::Text(header_lines(cx))),
    ("hdrs_len", |cx| Value::Int(header_lines(cx).len() as i64)),
    ("hdrc", |cx| Value::Int(cx.message.message.headers().len() as i64)),
    ("fline", |cx| {
        let message = &cx.message.message;
        within(message.bytes(), message.text(message.start_line()).trim_ascii_end())
    }),
    ("fpart", |cx| slice(cx, Extent { start: 0, ..headers(cx) })),
    ("lpart", |cx| {
        let message = &cx.message.message;
        let start = usize::from(message.start_line().end);
        Value::Text(message.bytes().slice(start.min(message.bytes().len())..))
    }),
];

fn headers(cx: &Context) -> Extent {
    let message = &cx.message.message;
    Extent::new(usize::from(message.start_line().end), usize::from(message.end_of_headers()))
}

/// The header lines, the last without its line end.
fn header_lines(cx: &Context) -> Bytes {
    let message = &cx.message.message;
    let lines = message.text(headers(cx));
    let lines = lines.strip_suffix(b"\n").unwrap_or(lines);
    message.bytes().slice_ref(lines.strip_suffix(b"\r").unwrap_or(lines))
}

fn slice(cx: &Context, extent: Extent) -> Value {
    Value::Text(cx.message.message.slice(extent))
}

fn body(cx: &mut Context) -> Value {
    let message = &cx.message.message;
    Value::Text(message.slice(message.body_extent()))
}

fn plain(cx: &mut Context, name: HeaderName) -> Value {
    let message = &cx.message.message;
    message.header(name).map_or(Value::Null, |header| Value::Text(message.unfolded_bytes(header)))
}

fn method(cx: &mut Context) -> Value {
    let message = &cx.message.message;
    let text = match message.cseq() {
        _ if message.is_request() => within(message.bytes(), message.method_text()),
        Some(cseq) => within_or_null(message.bytes(), cseq.method_text),
        None => Value::Null,
    };
    // Where an integer is wanted it is the number of the method.
    match text {
        Value::Text(text) => Value::Both(method_number(cx).to_int(), text),
        other => other,
    }
}

/// The bit of the method; 0 for one without a name here.
fn method_number(cx: &mut Context) -> Value {
    let message = &cx.message.message;
    let method = message.method().or_else(|| message.cseq().map(|cseq| cseq.method)).unwrap_or(Method::Other);
    if method == Method::Other { Value::Int(0) } else { Value::Int(method.bit().into()) }
}

fn version(cx: &mut Context) -> Value {
    match cx.message.message.start() {
        crate::sip::StartLine::Request { version, .. } => slice(cx, version),
        crate::sip::StartLine::Status { .. } => Value::text("SIP/2.0"),
    }
}

fn sequence(cx: &mut Context) -> Value {
    let message = &cx.message.message;
    let Some(value) = message.value(HeaderName::CSeq) else { return Value::Null };
    let digits = value.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    number(digits).map_or(Value::Null, |_| within(message.bytes(), digits))
}

fn updated(cx: &mut Context) -> Value {
    let mut edits = cx.message.edits.clone();
    edits.new_uri = cx.message.target.uri.clone().or(edits.new_uri);
    let written = apply(&cx.message.message, &edits);
    Value::Text(written.map_or_else(|_| cx.message.message.bytes().clone(), |message| message.bytes().clone()))
}

fn account(cx: &mut Context, with_host: bool) -> Value {
    let message = &cx.message.message;
    let Some(uri) = message.from().and_then(|from| from.uri().ok()) else { return Value::Null };
    let user = uri.user.unwrap_or_default();
    if !with_host {
        return within_or_null(message.bytes(), user);
    }
    Value::Text(Bytes::from([user, b"@", uri.host].concat()))
}
