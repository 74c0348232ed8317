//! What is taken out of a URI.

use super::{bracket, of_text, within, within_or_null};
use crate::builtin::{Bracket, Step, Value};
use crate::sip::{Scheme, Uri};
use bytes::Bytes;

/// A step that reads one part.
macro_rules! part {
    ($name:expr, $read:expr, $doc:expr $(,)?) => {
        Step::named($name, |_, value, _| parsed(value, $read), &[], $doc)
    };
}

/// The steps behind a URI.
pub(super) static STEPS: &[Step] = &[
    part!("user", |text, uri| Some(within_or_null(text, name(&uri, uri.user?))), "The user."),
    part!(
        "rn_user",
        |text, uri| {
            let routing = phone(&uri).then(|| uri.user_parameters().lookup(b"rn")).flatten().flatten();
            let user = uri.user.map(|user| name(&uri, user));
            Some(within_or_null(text, routing.or(user)?))
        },
        "The routing number among the parameters of a telephone number, else the user.",
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
            let usual = if secure(&uri) { "tls" } else { "udp" };
            Some(Value::Text(written.unwrap_or(Bytes::from_static(usual.as_bytes()))))
        },
        "The transport, udp or tls when none is written.",
    ),
    part!(
        "type",
        |_, uri| Some(if phone(&uri) { Value::text("tel") } else { Value::text(uri.scheme.as_str()) }),
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

fn phone(uri: &Uri) -> bool {
    uri.user_kind().is_some_and(|kind| kind.eq_ignore_ascii_case(b"phone"))
}

fn secure(uri: &Uri) -> bool {
    uri.scheme == Scheme::Sips && !phone(uri)
}

/// The user of a telephone number ends where its parameters begin.
fn name<'a>(uri: &Uri<'a>, user: &'a [u8]) -> &'a [u8] {
    if phone(uri) { uri.user_name().unwrap_or(user) } else { user }
}
