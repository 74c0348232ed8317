//! What is taken out of a URI.

use super::{bracket, of_text, within, within_or_null};
use crate::builtin::{Bracket, Step, Value};
use crate::sip::{Scheme, Transport, Uri};
use bytes::Bytes;

/// A step that reads one part.
macro_rules! part {
    ($name:expr, $read:expr, $doc:expr $(,)?) => {
        Step::named($name, |_, value, _| parsed(value, $read), &[], $doc)
    };
}

/// The steps behind a URI.
pub(super) static STEPS: &[Step] = &[
    part!(
        "user",
        |text, uri| digits(&uri, text, uri.user?),
        "The user; a telephone number without its visual separators."
    ),
    part!(
        "rn_user",
        |text, uri| {
            let routing = uri.identity_parameters().lookup(b"rn").or_else(|| uri.parameter(b"rn"));
            match routing {
                Some(number) => without_separators(text, number.unwrap_or_default()),
                None => digits(&uri, text, uri.user?),
            }
        },
        "The routing number among the parameters, else the user; a telephone number without its visual separators.",
    ),
    part!("pwd", |text, uri| Some(within(text, uri.password?)), "The password."),
    part!("host", |text, uri| Some(within(text, uri.host)), "The host."),
    part!("port", |text, uri| Some(within_or_null(text, uri.port_text)), "The port as written."),
    part!(
        "hostport",
        |_, uri| {
            if uri.host.is_empty() {
                return None;
            }
            let usual: &[u8] = if secure(&uri) { b"5061" } else { b"5060" };
            let port = if uri.port_text.is_empty() { usual } else { uri.port_text };
            Some(Value::Text([uri.host, b":", port].concat().into()))
        },
        "Host and port, the port also when it is not written.",
    ),
    part!(
        "transport",
        |_, uri| {
            let written = uri.transport().map(|transport| Bytes::from(transport.to_ascii_lowercase()));
            let usual = if secure(&uri) { Transport::Tls } else { Transport::Udp };
            Some(Value::Text(written.unwrap_or(Bytes::from_static(usual.name().as_bytes()))))
        },
        "The transport, udp or tls when none is written.",
    ),
    part!(
        "type",
        |_, uri| Some(Value::text(uri.kind().as_str())),
        "The scheme; tel also for a user that is a telephone number.",
    ),
    Step::named(
        "params",
        |cx, value, params| {
            let name = bracket(cx, params);
            of_text(value, |text| Some(within_or_null(text, Uri::parse(text).ok()?.parameter(&name)??)))
        },
        &[],
        "The parameter of this name.",
    )
    .bracketed(Bracket::Text),
];

/// Takes the URI apart and reads something of it.
fn parsed(value: Value, read: impl FnOnce(&Bytes, Uri) -> Option<Value>) -> Value {
    of_text(value, |text| read(text, Uri::parse(text).ok()?))
}

fn secure(uri: &Uri) -> bool {
    uri.kind() == Scheme::Sips
}

/// The user, a telephone number without its visual separators.
fn digits(uri: &Uri, text: &Bytes, user: &[u8]) -> Option<Value> {
    match uri.kind() {
        Scheme::Tel | Scheme::Tels => without_separators(text, user),
        Scheme::Sip | Scheme::Sips | Scheme::Urn => Some(within_or_null(text, user)),
    }
}

/// A number without the characters that only help the eye (RFC 3966 section 5.1.1).
fn without_separators(text: &Bytes, number: &[u8]) -> Option<Value> {
    let seen = |byte: &u8| matches!(byte, b'-' | b'.' | b'(' | b')');
    if !number.iter().any(seen) {
        return Some(within_or_null(text, number));
    }
    let digits: Vec<u8> = number.iter().copied().filter(|byte| !seen(byte)).collect();
    Some(digits).filter(|digits| !digits.is_empty()).map(|digits| Value::Text(digits.into()))
}
