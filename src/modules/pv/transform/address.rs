//! `nameaddr` and `tobody`: parts of an address with a display name and parameters.

use super::{empty, of_text, part, plain};
use crate::builtin::{Transformation, Value};
use crate::sip::{NameAddr, Parameter, Uri};
use bytes::Bytes;

/// The transformations.
pub(super) const ROWS: &[Transformation] = &[
    plain(
        "nameaddr",
        "uri",
        |_, value, _| {
            named(value, |text, brackets| match brackets {
                Some((open, close)) => part(text, &text[open + 1..close]),
                None => Value::Text(text.clone()),
            })
        },
        "The URI of the first address; the whole text when none is in brackets. Undefined when the brackets do not end.",
    ),
    plain(
        "nameaddr",
        "name",
        |_, value, _| named(value, |text, brackets| part(text, brackets.map_or(b"", |(open, _)| &text[..open]))),
        "What stands before the < of the first address.",
    ),
    plain(
        "nameaddr",
        "len",
        |_, value, _| {
            named(value, |text, brackets| Value::Int(brackets.map_or(text.len(), |(_, close)| close + 1) as i64))
        },
        "How long the first address is, without its parameters; the whole text when none is in brackets.",
    ),
    plain(
        "tobody",
        "uri",
        |_, value, _| body(value, |text, address| part(text, address.uri_text())),
        "The URI of a From or To.",
    ),
    plain(
        "tobody",
        "tag",
        |_, value, _| {
            body(value, |text, address| {
                let is_tag = |parameter: &Parameter| parameter.name.eq_ignore_ascii_case(b"tag");
                let last = address.parameters().filter(is_tag).last().and_then(|parameter| parameter.value);
                optional(text, last.map(|tag| bare(tag).unwrap_or(tag)))
            })
        },
        "The tag of a From or To.",
    ),
    plain(
        "tobody",
        "user",
        |_, value, _| body(value, |text, address| uri(address, |uri| optional(text, uri.user))),
        "The user in a From or To.",
    ),
    plain(
        "tobody",
        "host",
        |_, value, _| body(value, |text, address| uri(address, |uri| part(text, uri.host))),
        "The host in a From or To.",
    ),
    plain(
        "tobody",
        "params",
        |_, value, _| {
            body(value, |text, address| {
                let all = text.get(usize::from(address.parameters_extent().start)..).unwrap_or_default();
                part(text, all.strip_prefix(b";").unwrap_or(all).trim_ascii_start())
            })
        },
        "The parameters of a From or To.",
    ),
    plain(
        "tobody",
        "display",
        |_, value, _| body(value, |text, address| part(text, address.display())),
        "The display name of a From or To.",
    ),
];

/// Reads a text and the places of the first `<` in it that is in no quotes and of its `>`.
fn named(value: Value, read: fn(&Bytes, Option<(usize, usize)>) -> Value) -> Value {
    of_text(value, |text| match unquoted(text, b'<') {
        _ if text.is_empty() => None,
        Some(open) => memchr::memchr(b'>', &text[open..]).map(|length| read(text, Some((open, open + length)))),
        None => Some(read(text, None)),
    })
}

/// The place of a byte that is in no quotes.
fn unquoted(text: &[u8], wanted: u8) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    text.iter().position(|byte| {
        quoted ^= *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && quoted && !escaped;
        *byte == wanted && !quoted
    })
}

/// A header that holds one address, strictly written: Kamailio lets nothing pass here that it would not in a From.
fn body(value: Value, read: fn(&Bytes, &NameAddr) -> Value) -> Value {
    of_text(value, |text| {
        let address = NameAddr::parse(text).ok()?;
        let is_one = is_display(address.display()) && is_parameters(address.parameters_text()) && address.uri().is_ok();
        is_one.then(|| read(text, &address))
    })
}

/// A quoted string, or words.
fn is_display(text: &[u8]) -> bool {
    match text.strip_prefix(b"\"") {
        Some(inner) => {
            let mut escaped = false;
            let end = inner.iter().position(|byte| {
                let ends = *byte == b'"' && !escaped;
                escaped = *byte == b'\\' && !escaped;
                ends
            });
            end.is_some_and(|end| end + 1 == inner.len())
        }
        None => text.iter().all(|byte| !matches!(byte, b'"' | b';' | b'>')),
    }
}

/// Names with a value or without, each a token or a quoted string.
fn is_parameters(text: &[u8]) -> bool {
    let is_token = |text: &[u8]| !text.iter().any(|byte| byte.is_ascii_whitespace() || b"=,\"".contains(byte));
    let is_parameter = |text: &[u8]| {
        let (name, value) = match memchr::memchr(b'=', text) {
            Some(equals) => (text[..equals].trim_ascii_end(), text[equals + 1..].trim_ascii_start()),
            None => (text, &text[text.len()..]),
        };
        !name.is_empty() && is_token(name) && (bare(value).is_some() || is_token(value))
    };
    let mut quoted = false;
    let between = |byte: &u8| {
        quoted ^= *byte == b'"';
        *byte == b';' && !quoted
    };
    text.split(between).skip(1).all(|parameter| is_parameter(parameter.trim_ascii()))
}

/// The inside of a quoted string.
fn bare(text: &[u8]) -> Option<&[u8]> {
    text.strip_prefix(b"\"").and_then(|inner| inner.strip_suffix(b"\""))
}

fn uri(address: &NameAddr, read: impl FnOnce(&Uri) -> Value) -> Value {
    address.uri().map_or(Value::Null, |uri| read(&uri))
}

fn optional(text: &Bytes, found: Option<&[u8]>) -> Value {
    found.map_or_else(empty, |found| part(text, found))
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn parts_of_addresses() {
        let bob = "\"Bob\" <sip:bob@x.com;p=1>;tag=t1;q=2";
        check(&[
            ("nameaddr.name", bob, "\"Bob\" "),
            ("nameaddr.uri", bob, "sip:bob@x.com;p=1"),
            ("nameaddr.len", bob, "25"),
            ("nameaddr.uri", "alice", "alice"),
            ("nameaddr.uri", "tel:+123;phone-context=x", "tel:+123;phone-context=x"),
            ("nameaddr.len", "  a b  ", "7"),
            ("nameaddr.name", "<sip:a@b>", ""),
            ("nameaddr.uri", "<sip:a@b>;expires=60, <sip:c@d>", "sip:a@b"),
            ("tobody.uri", bob, "sip:bob@x.com;p=1"),
            ("tobody.user", bob, "bob"),
            ("tobody.host", bob, "x.com"),
            ("tobody.tag", bob, "t1"),
            ("tobody.params", bob, "tag=t1;q=2"),
            ("tobody.display", bob, "\"Bob\""),
            ("tobody.tag", "<sip:a@b>", ""),
            ("tobody.uri", "sip:b@c;tag=1", "sip:b@c"),
            ("tobody.uri", "<sip:a@b>;expires=60, <sip:c@d>", "<null>"),
            ("tobody.uri", "alice", "<null>"),
        ]);
    }
}
