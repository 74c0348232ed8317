//! Headers that hold plain text, and CSeq.

use super::address::header;
use super::{of_text, root, rooted, within};
use crate::builtin::{Context, Select, Step, Value};
use crate::sip::{CSeq, HeaderName};
use bytes::Bytes;

/// A root that is the text of the first header of a name.
macro_rules! text {
    ($path:expr, $name:expr, $doc:expr) => {
        root(&[$path], |cx, _, _| header(cx, $name), $doc)
    };
}

/// A root that is the text of the first header of a name that has no number of its own.
macro_rules! called {
    ($path:expr, $name:expr, $doc:expr) => {
        root(&[$path], |cx, _, _| header_called(cx, $name), $doc)
    };
}

/// The roots.
pub(super) const ROWS: &[Select] = &[
    text!("call_id", HeaderName::CallId, "The Call-ID."),
    text!("content_type", HeaderName::ContentType, "The Content-Type."),
    text!("content_length", HeaderName::ContentLength, "The Content-Length."),
    text!("user_agent", HeaderName::UserAgent, "The User-Agent."),
    text!("expires", HeaderName::Expires, "The Expires header."),
    text!("max_forwards", HeaderName::MaxForwards, "The Max-Forwards header."),
    called!("subject", b"Subject", "The Subject."),
    called!("organization", b"Organization", "The Organization."),
    called!("priority", b"Priority", "The Priority."),
    called!("session_expires", b"Session-Expires", "The Session-Expires header."),
    called!("min_se", b"Min-SE", "The Min-SE header."),
    called!("sip_if_match", b"SIP-If-Match", "The SIP-If-Match header."),
    called!("date", b"Date", "The Date."),
    called!("identity", b"Identity", "The Identity header."),
    called!("identity_info", b"Identity-Info", "The Identity-Info header."),
    root(
        &["event"],
        |cx, _, _| {
            of_text(header_called(cx, b"Event"), |text| {
                Some(within(text, text.split(|byte| *byte == b';').next()?.trim_ascii()))
            })
        },
        "The package of the Event header, without parameters.",
    ),
    rooted(&["cseq"], |cx, _, _| header(cx, HeaderName::CSeq), CSEQ, "The CSeq."),
];

static CSEQ: &[Step] = &[
    Step::named(
        "num",
        |_, value, _| of_text(value, |text| Some(within(text, text.split(u8::is_ascii_whitespace).next()?))),
        &[],
        "Its number.",
    ),
    Step::named("method", |_, value, _| of_text(value, method), &[], "Its method."),
];

fn method(text: &Bytes) -> Option<Value> {
    Some(within(text, CSeq::parse(text)?.method_text))
}

fn header_called(cx: &mut Context, name: &[u8]) -> Value {
    let message = &cx.message.message;
    let found = message.headers_called(name).next();
    found.map_or(Value::Null, |header| Value::Text(message.slice(header.value)))
}
