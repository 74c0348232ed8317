//! The body and its type.

use crate::builtin::{
    Arg, Args, Context, Fault, Function, LogLevel, Outcome, Prepare, Prepared, Routes, Template, Value,
};
use crate::modules::sdpops;
use crate::sip::{HeaderName, Message};
use bytes::Bytes;

pub(super) const HAS_BODY: Function = Function {
    names: &["has_body"],
    args: &[Arg::custom("type", prepare_type).optional()],
    routes: Routes::ANY,
    run: has_body,
    does: &[],
    doc: "True when the message has a body, and of this type when one is given. A body without Content-Type is taken for `application/sdp`.",
};

/// A type and subtype, such as `text/plain`.
struct MimeType(Bytes);

fn prepare_type(text: &Template, _: &mut Prepare) -> Result<Prepared, Fault> {
    let kind = text.constant().unwrap_or_default();
    if kind.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).count() != 2 {
        return Err(Fault::new(format!("{text:?} is no MIME type")).help("write it as type/subtype"));
    }
    Ok(Box::new(MimeType(kind)))
}

fn has_body(cx: &mut Context, args: &Args) -> Outcome {
    let message = &cx.message.message;
    if message.body().is_empty() {
        return Outcome::FALSE;
    }
    Outcome::truth(match args.prepared::<MimeType>(0) {
        Some(MimeType(wanted)) => mime_type(message).eq_ignore_ascii_case(wanted),
        None => true,
    })
}

/// The type of the body without its parameters.
fn mime_type(message: &Message) -> &[u8] {
    let value = message.content_type().unwrap_or(b"application/sdp");
    let end = value.iter().position(|byte| *byte == b';').unwrap_or(value.len());
    value.get(..end).unwrap_or_default().trim_ascii()
}

pub(super) const SET_BODY: Function = Function {
    names: &["set_body"],
    args: &[Arg::text("body"), Arg::text("content_type")],
    routes: Routes::REQUEST.or(Routes::FAILURE).or(Routes::BRANCH).or(Routes::ONREPLY),
    run: set_body,
    does: &[],
    doc: "Gives the message this body. Content-Length follows; a Content-Type that differs is replaced by one behind the last header.",
};

fn set_body(cx: &mut Context, args: &Args) -> Outcome {
    let (body, kind) = (args.text(cx, 0), args.header_value(cx, 1));
    give_body(cx, body, &kind)
}

pub(super) const SET_BODY_HEX: Function = Function {
    names: &["set_body_hex"],
    args: &[Arg::text("body"), Arg::text("content_type")],
    routes: Routes::ANY,
    run: |cx, args| {
        let (body, kind) = (hexadecimal(cx, args), args.header_value(cx, 1));
        body.map_or(Outcome::FALSE, |body| give_body(cx, body, &kind))
    },
    does: &[],
    doc: "Gives the message this body, written in hexadecimal digits.",
};

/// The bytes that the first argument writes in hexadecimal digits.
pub(super) fn hexadecimal(cx: &mut Context, args: &Args) -> Option<Bytes> {
    let text = args.text(cx, 0);
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let pairs = text.chunks(2).map(|pair| match pair {
        [high, low] => Some((digit(high)? << 4 | digit(low)?) as u8),
        _ => None,
    });
    let bytes: Option<Vec<u8>> = pairs.collect();
    if bytes.is_none() {
        let text = format!("{}: the body is not written in hexadecimal digits", args.name());
        cx.log(LogLevel::Error, text);
    }
    bytes.map(Bytes::from)
}

fn give_body(cx: &mut Context, body: Bytes, kind: &Bytes) -> Outcome {
    if body.is_empty() || kind.is_empty() {
        cx.log(LogLevel::Error, "set_body: the body or its type is empty");
        return Outcome::FALSE;
    }
    let message = &mut *cx.message;
    if message.message.content_type() != Some(kind) {
        if let Some(header) = message.message.header(HeaderName::ContentType) {
            message.edits.remove_header(header);
        }
        message.edits.append(&message.message, [b"Content-Type: ", &kind[..], b"\r\n"].concat());
    }
    message.edits.replace_body(&message.message, body);
    Outcome::TRUE
}

const REPLYING: Routes = Routes::REQUEST.or(Routes::FAILURE).or(Routes::BRANCH);

pub(super) const SET_REPLY_BODY: Function = Function {
    names: &["set_reply_body"],
    args: &[Arg::text("body"), Arg::text("content_type")],
    routes: REPLYING,
    run: |cx, args| {
        let (body, kind) = (args.text(cx, 0), args.header_value(cx, 1));
        give_reply_body(cx, body, &kind)
    },
    does: &[],
    doc: "Gives replies that are made here this body.",
};

pub(super) const SET_REPLY_BODY_HEX: Function = Function {
    names: &["set_reply_body_hex"],
    args: &[Arg::text("body"), Arg::text("content_type")],
    routes: REPLYING,
    run: |cx, args| {
        let (body, kind) = (hexadecimal(cx, args), args.header_value(cx, 1));
        body.map_or(Outcome::FALSE, |body| give_reply_body(cx, body, &kind))
    },
    does: &[],
    doc: "Gives replies that are made here this body, written in hexadecimal digits.",
};

fn give_reply_body(cx: &mut Context, body: Bytes, kind: &[u8]) -> Outcome {
    if body.is_empty() || kind.is_empty() {
        cx.log(LogLevel::Error, "the body of a reply or its type is empty");
        return Outcome::FALSE;
    }
    cx.message.replies.body = body;
    let line = [b"Content-Type: ", kind, b"\r\n"].concat();
    cx.message.replies.headers.extend_from_slice(&line);
    Outcome::TRUE
}

const PART: &[Arg] = &[Arg::text("content_type"), Arg::target("target")];
const READING: Routes = Routes::REQUEST.or(Routes::FAILURE).or(Routes::BRANCH).or(Routes::ONREPLY);

pub(super) const GET_BODY_PART: Function = Function {
    names: &["get_body_part"],
    args: PART,
    routes: READING,
    run: |cx, args| get_body_part(cx, args, false),
    does: &[],
    doc: "Stores what the first part of this type of a multipart body holds, with the line end behind its headers; of another body all.",
};

pub(super) const GET_BODY_PART_RAW: Function = Function {
    names: &["get_body_part_raw"],
    args: PART,
    routes: READING,
    run: |cx, args| get_body_part(cx, args, true),
    does: &[],
    doc: "Stores the first part of this type of a multipart body from its Content-Type on, with the delimiter behind it; of another body all.",
};

fn get_body_part(cx: &mut Context, args: &Args, raw: bool) -> Outcome {
    let wanted = args.text(cx, 0);
    let message = &cx.message.message;
    let body = message.slice(message.body_extent());
    if body.is_empty() {
        return Outcome::FALSE;
    }
    let found = match boundary(message) {
        None => Some(body),
        Some(boundary) => part_of_type(&body, &boundary, &wanted, raw),
    };
    match (found, args.target(1)) {
        (Some(text), Some(target)) => Outcome::truth(target.assign(cx, Value::Text(text)).is_ok()),
        _ => {
            cx.log(LogLevel::Warning, "get_body_part: the body has no such part");
            Outcome::FALSE
        }
    }
}

/// What begins the lines between the parts of a multipart body.
fn boundary(message: &Message) -> Option<Vec<u8>> {
    let kind = message.content_type()?;
    let plain = kind.split(|byte| *byte == b';').next().unwrap_or_default();
    if !plain.get(..10).is_some_and(|start| start.eq_ignore_ascii_case(b"multipart/")) {
        return None;
    }
    crate::sip::delimiter(message)
}

/// The part whose `Content-Type` line is just this type: from behind that line to the delimiter, or with `raw` from that line to the end of the delimiter's.
fn part_of_type(body: &Bytes, boundary: &[u8], wanted: &[u8], raw: bool) -> Option<Bytes> {
    const NAME: &[u8] = b"Content-Type: ";
    let mut start = 0;
    let lines: Vec<(usize, &[u8])> = body
        .split_inclusive(|byte| *byte == b'\n')
        .map(|line| {
            start += line.len();
            (start - line.len(), line)
        })
        .collect();
    let is_wanted = |line: &[u8]| {
        let (name, value) = line.split_at_checked(NAME.len()).unwrap_or_default();
        name.eq_ignore_ascii_case(NAME)
            && value.strip_suffix(b"\r\n").is_some_and(|its| its.eq_ignore_ascii_case(wanted))
    };
    let first = lines.iter().position(|(_, line)| is_wanted(line))?;
    let (end_at, end) = lines.iter().skip(first + 1).find(|(_, line)| line.starts_with(boundary))?;
    let (first_at, first) = lines.get(first)?;
    Some(if raw { body.slice(*first_at..end_at + end.len()) } else { body.slice(first_at + first.len()..*end_at) })
}

pub(super) const IS_AUDIO_ON_HOLD: Function = Function {
    names: &["is_audio_on_hold"],
    args: &[],
    routes: Routes::ANY,
    run: |cx, _| Outcome::Return(sdpops::audio_on_hold(&cx.message.message)),
    does: &[],
    doc: "True when the session description puts audio on hold: 1 by the address 0.0.0.0, 2 by `sendonly` or `inactive`.",
};

pub(super) const FILTER_BODY: Function = Function {
    names: &["filter_body"],
    args: &[Arg::literal("content_type")],
    routes: Routes::ANY,
    run: filter_body,
    does: &[],
    doc: "Leaves of a `multipart/mixed` body only the first part of this type, without its headers. Content-Type stays.",
};

fn filter_body(cx: &mut Context, args: &Args) -> Outcome {
    let wanted = args.text(cx, 0);
    let message = &mut *cx.message;
    match part(&message.message, &wanted) {
        Some(part) => {
            let part = Bytes::copy_from_slice(part);
            message.edits.replace_body(&message.message, part);
            Outcome::TRUE
        }
        None => {
            cx.log(LogLevel::Warning, "filter_body: the body has no such part");
            Outcome::FALSE
        }
    }
}

/// The content of the first part of a type (RFC 2046 section 5.1).
fn part<'a>(message: &'a Message, wanted: &[u8]) -> Option<&'a [u8]> {
    if !mime_type(message).eq_ignore_ascii_case(b"multipart/mixed") {
        return None;
    }
    let delimiter = crate::sip::delimiter(message)?;
    let body = message.body();
    let mut marks =
        memchr::memmem::find_iter(body, &delimiter).filter(|at| *at == 0 || body.get(at - 1) == Some(&b'\n'));
    let mut start = marks.next()?;
    for next in marks {
        let inner = body.get(start + delimiter.len()..next)?;
        start = next;
        // The line end before a delimiter belongs to it.
        let inner = inner.strip_suffix(b"\n").unwrap_or(inner);
        let inner = inner.strip_suffix(b"\r").unwrap_or(inner);
        let (headers, content) = split_headers(inner)?;
        let is_wanted = headers.split(|byte| *byte == b'\n').any(|line| {
            let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
            let (name, value) = line.split_at_checked(colon).unwrap_or_default();
            let value = value.strip_prefix(b":").unwrap_or_default().trim_ascii();
            let kind = value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
            name.trim_ascii().eq_ignore_ascii_case(b"Content-Type") && kind.eq_ignore_ascii_case(wanted)
        });
        if is_wanted {
            return Some(content);
        }
    }
    None
}

fn split_headers(part: &[u8]) -> Option<(&[u8], &[u8])> {
    let blank = memchr::memmem::find(part, b"\r\n\r\n").map(|at| (at, 4));
    let (at, length) = blank.or_else(|| memchr::memmem::find(part, b"\n\n").map(|at| (at, 2)))?;
    Some((part.get(..at)?, part.get(at + length..)?))
}
