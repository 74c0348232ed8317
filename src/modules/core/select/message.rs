//! `@msg` and its parts: the first line, headers by name, the body.

use super::{bracket, number, of_text, plain, root, rooted, uri, within};
use crate::builtin::{Bracket, Context, Select, Step, Template, Value};
use crate::sip::{Extent, Parameters, StartLine};
use bytes::Bytes;

/// The roots.
pub(super) const ROWS: &[Select] = &[
    root(
        &["msg", "message", "msg.req", "msg.request", "message.req", "message.request"],
        |cx, _, _| if_request(cx, true, |cx| Value::Text(cx.message.message.bytes().clone())),
        "The message as it arrived.",
    ),
    root(
        &["msg.res", "msg.response", "message.res", "message.response"],
        |cx, _, _| if_request(cx, false, |cx| Value::Text(cx.message.message.bytes().clone())),
        "The reply as it arrived; undefined in a request.",
    ),
    root(
        &["method", "msg.req.method", "msg.request.method", "message.req.method", "message.request.method"],
        |cx, _, _| {
            let message = &cx.message.message;
            let method = message.is_request().then(|| message.bytes().slice_ref(message.method_text()));
            method.map_or(Value::Null, Value::Text)
        },
        "The method of the request; undefined in a reply.",
    ),
    rooted(
        &["msg.req.uri", "msg.request.uri", "message.req.uri", "message.request.uri"],
        |cx, _, _| {
            let message = &cx.message.message;
            let uri = message.is_request().then(|| message.bytes().slice_ref(message.request_uri()));
            uri.map_or(Value::Null, Value::Text)
        },
        uri::STEPS,
        "The Request-URI as it arrived.",
    ),
    root(&["version"], |cx, _, _| version(cx), "The SIP version of the first line."),
    root(
        &["msg.req.version", "msg.request.version", "message.req.version", "message.request.version"],
        |cx, _, _| if_request(cx, true, version),
        "The SIP version of the request; undefined in a reply.",
    ),
    root(
        &["msg.res.version", "msg.response.version", "message.res.version", "message.response.version"],
        |cx, _, _| if_request(cx, false, version),
        "The SIP version of the reply; undefined in a request.",
    ),
    root(
        &["code", "msg.res.code", "msg.response.code", "message.res.code", "message.response.code"],
        |cx, _, _| cx.message.message.status().map_or(Value::Null, |code| number(code.into())),
        "The code of the reply; undefined in a request.",
    ),
    root(
        &["reason", "msg.res.reason", "msg.response.reason", "message.res.reason", "message.response.reason"],
        |cx, _, _| {
            if_request(cx, false, |cx| {
                let message = &cx.message.message;
                Value::Text(message.bytes().slice_ref(message.reason()))
            })
        },
        "The reason phrase of the reply; undefined in a request.",
    ),
    root(
        &["status", "msg.res.status", "msg.response.status", "message.res.status", "message.response.status"],
        |cx, _, _| if_request(cx, false, status),
        "Code and reason phrase of the reply; undefined in a request.",
    ),
    root(
        &["msg.first_line", "message.first_line"],
        |cx, _, _| {
            let message = &cx.message.message;
            Value::Text(message.bytes().slice_ref(message.text(message.start_line()).trim_ascii_end()))
        },
        "The first line.",
    ),
    root(
        &["msg.flags", "message.flags"],
        |cx, _, _| number(cx.message.flags.plain.into()),
        "The flags of the message as a number.",
    ),
    root(&["msg.id", "message.id"], |cx, _, _| number(cx.message.id as i64), "A number that tells messages apart."),
    root(
        &["msg.id.hex", "message.id.hex"],
        |cx, _, _| Value::Text(format!("{:08x}", cx.message.id).into()),
        "The same in hexadecimal digits.",
    ),
    root(
        &["msg.len", "message.len"],
        |cx, _, _| number(cx.message.message.bytes().len() as i64),
        "How many bytes the message has.",
    ),
    root(
        &["msg.type", "message.type"],
        |cx, _, _| number(if cx.message.message.is_request() { 1 } else { 2 }),
        "What the message is: 1 a request, 2 a reply.",
    ),
    rooted(
        &["msg.header", "msg.h", "message.header", "message.h"],
        |cx, _, _| {
            let message = &cx.message.message;
            let start = usize::from(message.start_line().end);
            Value::Text(message.slice(Extent::new(start, usize::from(message.end_of_headers()))))
        },
        HEADERS,
        "All headers. The name of one may follow, with _ for -; an index picks one of several, counted from 1.",
    ),
    rooted(
        &["msg.body", "msg.content", "message.body", "message.content"],
        |cx, _, _| body(cx),
        BODY,
        "The body; undefined when there is none.",
    ),
];

static HEADERS: &[Step] = &[Step::named("*", named, PARAMS, "The header of this name.").bracketed(Bracket::Optional)];

static PARAMS: &[Step] = &[Step::named(
    "params",
    |cx, value, params| {
        let name = bracket(cx, params);
        of_text(value, |text| {
            let start = memchr::memchr(b';', text)?;
            Some(plain(text, Parameters::new(text.get(start..)?).lookup(&name)??))
        })
    },
    &[],
    "The parameter of this name.",
)
.bracketed(Bracket::Text)];

static BODY: &[Step] = &[Step::named(
    "sdp",
    |cx, value, _| {
        let kind = cx.message.message.content_type().unwrap_or_default();
        let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        if kind.eq_ignore_ascii_case(b"application/sdp") { value } else { Value::Null }
    },
    SDP,
    "The body when it describes a session.",
)];

static SDP: &[Step] = &[Step::named(
    "line",
    |cx, value, params| {
        let name = bracket(cx, params);
        of_text(value, |text| {
            let mut lines = text.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
            let found = lines.find_map(|line| line.strip_prefix(&name[..])?.strip_prefix(b"="))?;
            Some(within(text, found))
        })
    },
    &[],
    "The first line of this letter, without it.",
)
.bracketed(Bracket::Text)];

fn if_request(cx: &mut Context, wanted: bool, read: fn(&mut Context) -> Value) -> Value {
    if cx.message.message.is_request() == wanted { read(cx) } else { Value::Null }
}

fn version(cx: &mut Context) -> Value {
    let message = &cx.message.message;
    match message.start() {
        StartLine::Request { version, .. } => Value::Text(message.slice(version)),
        StartLine::Status { .. } => Value::text("SIP/2.0"),
    }
}

/// The first line of a reply without its version.
fn status(cx: &mut Context) -> Value {
    let message = &cx.message.message;
    let line: Bytes = message.bytes().slice_ref(message.text(message.start_line()).trim_ascii_end());
    let blank = memchr::memchr(b' ', &line);
    blank.map_or(Value::Null, |at| within(&line, line.get(at + 1..).unwrap_or_default()))
}

fn body(cx: &mut Context) -> Value {
    let message = &cx.message.message;
    if message.body().is_empty() { Value::Null } else { Value::Text(message.slice(message.body_extent())) }
}

/// One of the headers of a name. An index counts from 1; one that is not above 0 means the last.
fn named(cx: &mut Context, _: Value, params: &[Template]) -> Value {
    let name = params.first().map_or_else(Bytes::new, |param| param.text(cx));
    let index = params.get(1).map_or(1, |param| param.value(cx).to_int());
    let name: Vec<u8> = name.iter().map(|byte| if *byte == b'_' { b'-' } else { *byte }).collect();
    let message = &cx.message.message;
    let mut all = message.headers_called(&name);
    let found = match usize::try_from(index) {
        Ok(index @ 1..) => all.nth(index - 1),
        _ => all.next_back(),
    };
    found.map_or(Value::Null, |header| Value::Text(message.slice(header.value)))
}
