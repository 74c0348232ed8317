//! The body and its type.

use crate::builtin::{Arg, Args, Context, Fault, Function, LogLevel, Outcome, Prepare, Prepared, Routes, Template};
use crate::sip::{HeaderName, Message};
use bytes::Bytes;

pub(super) const HAS_BODY: Function = Function {
    names: &["has_body"],
    args: &[Arg::custom("type", prepare_type).optional()],
    routes: Routes::ANY,
    run: has_body,
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
    doc: "Gives the message this body. Content-Length follows; a Content-Type that differs is replaced by one behind the last header.",
};

fn set_body(cx: &mut Context, args: &Args) -> Outcome {
    let (body, kind) = (args.text(cx, 0), args.text(cx, 1));
    if body.is_empty() || kind.is_empty() {
        cx.log(LogLevel::Error, "set_body: the body or its type is empty");
        return Outcome::FALSE;
    }
    let message = &mut *cx.message;
    if message.message.content_type() != Some(&kind) {
        if let Some(header) = message.message.header(HeaderName::ContentType) {
            message.edits.remove_header(header);
        }
        message.edits.append(&message.message, [b"Content-Type: ", &kind[..], b"\r\n"].concat());
    }
    message.edits.replace_body(&message.message, body);
    Outcome::TRUE
}

pub(super) const FILTER_BODY: Function = Function {
    names: &["filter_body"],
    args: &[Arg::literal("content_type")],
    routes: Routes::ANY,
    run: filter_body,
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
    let parameters = crate::sip::Parameters::new(message.content_type()?);
    let boundary = parameters.lookup(b"boundary")??;
    let boundary = boundary.strip_prefix(b"\"").and_then(|inner| inner.strip_suffix(b"\"")).unwrap_or(boundary);
    let delimiter = [b"--", boundary].concat();
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
