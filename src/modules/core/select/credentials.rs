//! `@authorization["realm"]`: the credentials for a realm.

use super::{of_text, within, within_or_null};
use crate::builtin::{Bracket, Context, Key, KeyKind, Select, Step, Value, Variable};
use crate::sip::{HeaderName, Uri, auth_parameter};
use bytes::Bytes;

/// The roots.
pub(super) const ROWS: &[Select] = &[
    credentials(
        &["authorization"],
        |cx, key, _| read(cx, key, HeaderName::Authorization),
        "The Authorization header for a realm.",
    ),
    credentials(
        &["proxy_authorization"],
        |cx, key, _| read(cx, key, HeaderName::ProxyAuthorization),
        "The Proxy-Authorization header for a realm.",
    ),
];

const fn credentials(names: &'static [&'static str], get: super::Get, doc: &'static str) -> Select {
    Select::root(Variable::read(names, get, doc).keyed(KeyKind::Text), STEPS).bracketed(Bracket::Text)
}

/// A step that reads one parameter.
macro_rules! field {
    ($name:expr, $steps:expr, $doc:expr) => {
        Step::named($name, |_, value, _| of_text(value, |text| field(text, $name.as_bytes())), $steps, $doc)
    };
}

static STEPS: &[Step] = &[
    field!("username", USERNAME, "The username."),
    field!("realm", &[], "The realm."),
    field!("nonce", &[], "The nonce."),
    field!("uri", &[], "The URI."),
    field!("cnonce", &[], "The nonce of the client."),
    field!("nc", &[], "How often the nonce was used."),
    field!("response", &[], "The response."),
    field!("opaque", &[], "The opaque value."),
    field!("algorithm", &[], "The algorithm."),
    field!("qop", &[], "The quality of protection."),
];

static USERNAME: &[Step] = &[
    Step::named("user", |_, value, _| of_text(value, |text| named(text, |parts| parts.0)), &[], "Its user."),
    Step::named("domain", |_, value, _| of_text(value, |text| named(text, |parts| parts.1)), &[], "Its domain."),
];

fn read(cx: &mut Context, key: &Key, name: HeaderName) -> Value {
    let realm = key.text(cx);
    let message = &cx.message.message;
    let mut all = message.headers_named(name).map(|header| message.slice(header.value));
    let found = all.find(|text| parameter(text, b"realm").is_some_and(|its| its == realm));
    found.map_or(Value::Null, Value::Text)
}

fn field(text: &Bytes, name: &[u8]) -> Option<Value> {
    Some(within(text, parameter(text, name)?))
}

/// A parameter behind the scheme.
fn parameter<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let scheme = text.iter().position(u8::is_ascii_whitespace)?;
    auth_parameter(text.get(scheme..)?, name)
}

type UserAndDomain<'a> = (&'a [u8], &'a [u8]);

/// A part of a username: of a URI, of `user@domain`, or of a user alone.
fn named(text: &Bytes, part: for<'a> fn(UserAndDomain<'a>) -> &'a [u8]) -> Option<Value> {
    let parts: UserAndDomain = match Uri::parse(text) {
        Ok(uri) => (uri.user.unwrap_or_default(), uri.host),
        Err(_) => match memchr::memchr(b'@', text) {
            Some(at) => (text.get(..at)?, text.get(at + 1..)?),
            None => (text, b""),
        },
    };
    Some(within_or_null(text, part(parts)))
}
