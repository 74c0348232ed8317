//! `nameaddr` and `tobody`: parts of an address with a display name and parameters.

use super::{empty, of_text, part, plain};
use crate::builtin::{Transformation, Value};
use crate::sip::{NameAddr, Uri, Values};
use bytes::Bytes;

/// The transformations.
pub(super) const ROWS: &[Transformation] = &[
    plain(
        "nameaddr",
        "uri",
        |_, value, _| {
            of_text(value, |text| match memchr::memchr(b'<', text) {
                Some(_) => first(text).map(|address| part(text, address.uri_text())),
                None => Some(Value::Text(text.clone())),
            })
        },
        "The URI of the first address; the whole text when none is in brackets.",
    ),
    plain(
        "nameaddr",
        "name",
        |_, value, _| of_text(value, |text| first(text).map(|address| part(text, before_uri(&address)))),
        "What stands before the < of the first address.",
    ),
    plain(
        "nameaddr",
        "len",
        |_, value, _| {
            of_text(value, |text| match memchr::memchr(b'<', text) {
                Some(_) => first(text).map(|address| Value::Int(length(&address))),
                None => (!text.is_empty()).then(|| Value::Int(text.len() as i64)),
            })
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
        |_, value, _| body(value, |text, address| optional(text, address.parameter(b"tag").flatten())),
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
                let all = address.parameters_text();
                part(text, all.strip_prefix(b";").unwrap_or(all))
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

fn first(text: &Bytes) -> Option<NameAddr<'_>> {
    let range = Values::new(text).next()?;
    NameAddr::parse(text.get(range)?).ok()
}

fn before_uri<'a>(address: &NameAddr<'a>) -> &'a [u8] {
    let end = usize::from(address.uri_extent().start).saturating_sub(usize::from(address.is_bracketed()));
    if address.is_bracketed() { address.text().get(..end).unwrap_or_default() } else { b"" }
}

fn length(address: &NameAddr) -> i64 {
    i64::from(address.uri_extent().end) + i64::from(address.is_bracketed())
}

/// A header that holds one address; several make the value undefined.
fn body(value: Value, read: fn(&Bytes, &NameAddr) -> Value) -> Value {
    of_text(value, |text| {
        let several = Values::new(text).nth(1).is_some();
        let address = NameAddr::parse(text).ok().filter(|address| !several && address.uri().is_ok())?;
        Some(read(text, &address))
    })
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
