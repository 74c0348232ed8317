//! Variables of the credentials in Proxy-Authorization or Authorization.

use super::{within, within_or_null};
use crate::builtin::{Context, Value, Variable};
use crate::sip::{HeaderName, Uri, auth_parameter};
use bytes::Bytes;

/// The variables.
pub(super) const ROWS: &[Variable] = &[
    Variable::read(&["ar"], |cx, _, _| field(cx, b"realm"), "The realm of the credentials."),
    Variable::read(&["aU"], |cx, _, _| field(cx, b"username"), "The whole username of the credentials."),
    Variable::read(&["au"], |cx, _, _| username(cx, |name| name.0), "The user of the username of the credentials."),
    Variable::read(&["ad"], |cx, _, _| username(cx, |name| name.1), "The domain of the username of the credentials."),
    Variable::read(&["adu"], |cx, _, _| field(cx, b"uri"), "The URI of the credentials."),
    Variable::read(&["aa"], |cx, _, _| field(cx, b"algorithm"), "The algorithm of the credentials."),
    Variable::read(&["adn"], |cx, _, _| field(cx, b"nonce"), "The nonce of the credentials."),
    Variable::read(&["adc"], |cx, _, _| field(cx, b"cnonce"), "The cnonce of the credentials."),
    Variable::read(&["adr"], |cx, _, _| field(cx, b"response"), "The response of the credentials."),
    Variable::read(&["ado"], |cx, _, _| field(cx, b"opaque"), "The opaque value of the credentials."),
];

fn field(cx: &mut Context, name: &[u8]) -> Value {
    let message = &cx.message.message;
    let names = [HeaderName::ProxyAuthorization, HeaderName::Authorization];
    let Some(header) = names.into_iter().find_map(|name| message.header(name)) else { return Value::Null };
    let value = message.unfolded_bytes(header);
    let Some(rest) = value.strip_prefix(b"Digest").or_else(|| value.strip_prefix(b"digest")) else {
        return Value::Null;
    };
    auth_parameter(rest, name).map_or(Value::Null, |found| within(&value, found))
}

type UserAndDomain<'a> = (&'a [u8], &'a [u8]);

/// The username taken apart: a URI, or `user@domain`, or a user alone.
fn username(cx: &mut Context, part: for<'a> fn(UserAndDomain<'a>) -> &'a [u8]) -> Value {
    let Value::Text(whole) = field(cx, b"username") else { return Value::Null };
    let parts = match Uri::parse(&whole) {
        Ok(uri) => (uri.user.unwrap_or_default(), uri.host),
        Err(_) => split(&whole),
    };
    within_or_null(&whole, part(parts))
}

fn split(whole: &Bytes) -> UserAndDomain<'_> {
    match memchr::memchr(b'@', whole) {
        Some(at) => (&whole[..at], &whole[at + 1..]),
        None => (whole, b""),
    }
}
