//! Bodies of several parts: made, and changed part by part.

use super::body::hexadecimal;
use crate::builtin::{Arg, Args, Context, Function, LogLevel, Outcome, Routes};
use crate::sip::{Extent, HeaderName, delimiter};
use bytes::Bytes;

/// Where the body may be changed.
const CHANGING: Routes = Routes::REQUEST.or(Routes::FAILURE).or(Routes::BRANCH);

const SET_DOC: &str = "Makes the body the first part of a `multipart/mixed` body, or a text of this type in its place; the boundary is `unique-boundary-1` unless one is given. Content-Type and Mime-Version stand behind the last header. Without a text, a body that is multipart already stays. Call msg_apply_changes before appending parts.";

pub(super) const SET_BODY_MULTIPART: Function = Function {
    names: &["set_body_multipart"],
    args: &[Arg::text("boundary").optional()],
    routes: CHANGING,
    run: |cx, args| {
        let boundary = args.text(cx, 0);
        set(cx, Bytes::new(), Bytes::new(), boundary)
    },
    does: &[],
    doc: SET_DOC,
};

pub(super) const SET_BODY_MULTIPART_WITH: Function = Function {
    names: &["set_body_multipart"],
    args: &[Arg::text("text"), Arg::text("content_type"), Arg::text("boundary").optional()],
    routes: CHANGING,
    run: |cx, args| {
        let (text, kind, boundary) = (args.text(cx, 0), args.header_value(cx, 1), args.header_value(cx, 2));
        set(cx, text, kind, boundary)
    },
    does: &[],
    doc: SET_DOC,
};

pub(super) const APPEND_BODY_PART: Function = Function {
    names: &["append_body_part"],
    args: PART,
    routes: CHANGING,
    run: |cx, args| {
        let text = args.text(cx, 0);
        append(cx, args, &text)
    },
    does: &[],
    doc: "Appends a part of this type to a body of several parts, with this Content-Disposition when one is given.",
};

pub(super) const APPEND_BODY_PART_HEX: Function = Function {
    names: &["append_body_part_hex"],
    args: PART,
    routes: CHANGING,
    run: |cx, args| match hexadecimal(cx, args) {
        Some(text) => append(cx, args, &text),
        None => Outcome::FALSE,
    },
    does: &[],
    doc: "The same, with the part written in hexadecimal digits.",
};

pub(super) const REMOVE_BODY_PART: Function = Function {
    names: &["remove_body_part"],
    args: &[Arg::text("content_type")],
    routes: CHANGING,
    run: remove,
    does: &[],
    doc: "Removes the first part of this type from a body of several parts; false when there is none. The line of its type must hold nothing else.",
};

const PART: &[Arg] = &[Arg::text("part"), Arg::text("content_type"), Arg::text("content_disposition").optional()];

fn set(cx: &mut Context, text: Bytes, kind: Bytes, boundary: Bytes) -> Outcome {
    let message = &mut *cx.message;
    let old = message.message.content_type();
    let is_multipart =
        old.is_some_and(|kind| kind.get(..10).is_some_and(|start| start.eq_ignore_ascii_case(b"multipart/")));
    if is_multipart && text.is_empty() {
        return Outcome::TRUE;
    }
    let boundary = if boundary.is_empty() { Bytes::from_static(b"unique-boundary-1") } else { boundary };
    let kind = match old {
        Some(old) if text.is_empty() => Bytes::copy_from_slice(old),
        _ if kind.is_empty() => Bytes::from_static(b"text/plain"),
        _ => kind,
    };
    let text = if text.is_empty() { message.message.slice(message.message.body_extent()) } else { text };
    if text.is_empty() || boundary.starts_with(b"-") {
        // Kamailio has taken the body away by then.
        if !message.message.body().is_empty() {
            message.edits.replace_body(&message.message, Bytes::new());
        }
        cx.log(LogLevel::Error, "set_body_multipart: there is no body to set, or the boundary begins with a hyphen");
        return Outcome::FALSE;
    }
    let delimiter = [b"--", &boundary[..]].concat();
    let body = [&delimiter[..], b"\r\n", &part(&text, &kind, b"", &delimiter)].concat();
    message.edits.replace_body(&message.message, body);
    message.edits.parts_changed = true;
    if !is_multipart {
        if let Some(header) = message.message.header(HeaderName::ContentType) {
            message.edits.remove_header(header);
        }
        let lines = [b"Content-Type: multipart/mixed;boundary=\"", &boundary[..], b"\"\r\nMime-Version: 1.0\r\n"];
        message.edits.append(&message.message, lines.concat());
    }
    Outcome::TRUE
}

/// A part and the delimiter behind it.
fn part(text: &[u8], kind: &[u8], disposition: &[u8], delimiter: &[u8]) -> Vec<u8> {
    let mut out = [b"Content-Type: ", kind, b"\r\n"].concat();
    if !disposition.is_empty() {
        out.extend_from_slice(&[b"Content-Disposition: ", disposition, b"\r\n"].concat());
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(text);
    if !text.ends_with(b"\r\n\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(delimiter);
    out.extend_from_slice(b"\r\n");
    out
}

fn append(cx: &mut Context, args: &Args, text: &[u8]) -> Outcome {
    let (kind, disposition) = (args.header_value(cx, 1), args.header_value(cx, 2));
    let message = &mut *cx.message;
    let delimiter = delimiter(&message.message).filter(|_| !message.message.body().is_empty());
    let Some(delimiter) = delimiter.filter(|_| !text.is_empty() && !kind.is_empty()) else {
        let text = format!("{}: the body is not one of several parts, or the part or its type is empty", args.name());
        cx.log(LogLevel::Error, text);
        return Outcome::FALSE;
    };
    message.edits.append_to_body(&message.message, part(text, &kind, &disposition, &delimiter));
    message.edits.parts_changed = true;
    Outcome::TRUE
}

fn remove(cx: &mut Context, args: &Args) -> Outcome {
    let kind = args.text(cx, 0);
    let message = &mut *cx.message;
    let found = delimiter(&message.message).and_then(|delimiter| {
        let (start, end) = place_of(message.message.body(), &kind, &delimiter)?;
        Some(Extent::new(start, end).shifted(message.message.body_extent().start))
    });
    match found {
        Some(extent) => {
            message.edits.remove(extent);
            message.edits.parts_changed = true;
            Outcome::TRUE
        }
        None => {
            cx.log(LogLevel::Error, "remove_body_part: the body has no such part");
            Outcome::FALSE
        }
    }
}

/// From the line of the first part of this type to the end of the delimiter behind it. A line that begins with the type and goes on is a fault.
fn place_of(body: &[u8], kind: &[u8], delimiter: &[u8]) -> Option<(usize, usize)> {
    const NAME: &[u8] = b"Content-Type: ";
    let mut end = 0;
    let mut start = None;
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let begin = end;
        end += line.len();
        match start {
            Some(start) if line.starts_with(delimiter) => return Some((start, end)),
            Some(_) => {}
            None => {
                let (name, value) = line.split_at_checked(NAME.len()).unwrap_or_default();
                let (its, rest) = value.split_at_checked(kind.len()).unwrap_or_default();
                if name.eq_ignore_ascii_case(NAME) && !kind.is_empty() && its.eq_ignore_ascii_case(kind) {
                    start = (rest == b"\r\n").then_some(begin);
                    start?;
                }
            }
        }
    }
    None
}
