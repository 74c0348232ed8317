//! `uri` and `urialias`: parts of a URI.

use super::{empty, of_text, owned, part, plain, text_param, with};
use crate::builtin::{Context, LogLevel, Transformation, Value, int_text, parse_int};
use crate::sip::{Transport, Uri, port};
use bytes::Bytes;

type Read = fn(&Bytes, &Uri) -> Value;

/// A row that reads one part of a URI.
macro_rules! uri_row {
    ($name:expr, $read:expr, $doc:expr) => {
        plain("uri", $name, |cx, value, _| parsed(cx, value, |text, uri| Some(($read as Read)(text, uri))), $doc)
    };
}

/// The transformations.
pub(super) const ROWS: &[Transformation] = &[
    uri_row!("user", |text, uri| optional(text, uri.user), "The user of a URI."),
    uri_row!("host", |text, uri| part(text, uri.host), "The host of a URI."),
    uri_row!("domain", |text, uri| part(text, uri.host), "The host of a URI."),
    uri_row!("passwd", |text, uri| optional(text, uri.password), "The password of a URI."),
    uri_row!(
        "port",
        |_, uri| uri.port.map_or(Value::Both(0, Bytes::new()), |port| Value::Int(port.into())),
        "The port of a URI; empty when none is written."
    ),
    uri_row!(
        "params",
        |text, uri| if uri.host.is_empty() { empty() } else { part(text, uri.parameters_text) },
        "All parameters of a URI; none of a telephone number."
    ),
    uri_row!("headers", |text, uri| part(text, uri.headers_text), "The headers of a URI."),
    uri_row!("scheme", |text, uri| part(text, scheme_as_written(uri)), "The scheme of a URI, as written."),
    uri_row!("transport", |text, uri| optional(text, uri.transport()), "The parameter transport of a URI."),
    uri_row!("ttl", |text, uri| named(text, uri, b"ttl"), "The parameter ttl of a URI."),
    uri_row!("maddr", |text, uri| named(text, uri, b"maddr"), "The parameter maddr of a URI."),
    uri_row!("method", |text, uri| named(text, uri, b"method"), "The parameter method of a URI."),
    uri_row!("lr", |text, uri| named(text, uri, b"lr"), "The value of the parameter lr of a URI."),
    uri_row!("r2", |text, uri| named(text, uri, b"r2"), "The parameter r2 of a URI."),
    uri_row!("uparam", |text, uri| named(text, uri, b"user"), "The parameter user of a URI."),
    with(
        "uri",
        "param",
        (1, 1),
        |cx, value, params| {
            let name = text_param(cx, params, 0);
            parsed(cx, value, |text, uri| Some(named(text, uri, &name)))
        },
        "The parameter of this name; empty without one.",
    ),
    with(
        "uri",
        "rmparam",
        (1, 1),
        |cx, value, params| {
            let name = text_param(cx, params, 0);
            parsed(cx, value, |_, uri| Some(owned(without(uri, &name))))
        },
        "The URI without the parameter of this name.",
    ),
    uri_row!("saor", |_, uri| owned(short(uri, true, false)), "The URI without port, parameters and headers."),
    uri_row!("suri", |_, uri| owned(short(uri, true, true)), "The URI with nothing behind the port but its transport."),
    uri_row!(
        "duri",
        |_, uri| owned(short(uri, false, true)),
        "The URI without its user, and nothing behind the port but its transport."
    ),
    plain(
        "uri",
        "tosocket",
        |cx, value, _| parsed(cx, value, |_, uri| socket(uri)),
        "The URI in the form of a socket, proto:host:port; undefined when it names no transport.",
    ),
    plain(
        "urialias",
        "encode",
        |cx, value, _| parsed(cx, value, |_, uri| Some(alias(uri))),
        "The URI in the form host~port~transport that the parameter alias carries.",
    ),
    plain("urialias", "decode", |_, value, _| of_text(value, unalias), "The URI that host~port~transport stands for."),
];

fn optional(text: &Bytes, found: Option<&[u8]>) -> Value {
    found.map_or_else(empty, |found| part(text, found))
}

/// A parameter of a SIP address; those of a `tel:` are none.
fn named(text: &Bytes, uri: &Uri, name: &[u8]) -> Value {
    if uri.host.is_empty() {
        return empty();
    }
    optional(text, uri.parameter(name).flatten())
}

/// Takes the URI apart; what is none makes the value undefined, with a line in the log.
fn parsed(cx: &mut Context, value: Value, read: impl FnOnce(&Bytes, &Uri) -> Option<Value>) -> Value {
    of_text(value, |text| match Uri::parse(text) {
        Ok(uri) => read(text, &uri),
        Err(_) => {
            if cx.core.logs(LogLevel::Error) {
                cx.log(LogLevel::Error, format!("invalid uri [{}]", String::from_utf8_lossy(text)));
            }
            None
        }
    })
}

fn scheme_as_written<'a>(uri: &Uri<'a>) -> &'a [u8] {
    uri.text.get(..uri.scheme.as_str().len()).unwrap_or_default()
}

fn short(uri: &Uri, user: bool, port_and_transport: bool) -> Vec<u8> {
    let mut out = uri.scheme.as_str().as_bytes().to_vec();
    out.push(b':');
    if let Some(name) = uri.user.filter(|_| user) {
        out.extend_from_slice(name);
        if !uri.host.is_empty() {
            out.push(b'@');
        }
    }
    out.extend_from_slice(uri.host);
    if port_and_transport {
        if !uri.port_text.is_empty() {
            out.push(b':');
            out.extend_from_slice(uri.port_text);
        }
        if let Some(transport) = uri.transport() {
            out.extend_from_slice(b";transport=");
            out.extend_from_slice(transport);
        }
    }
    out
}

fn without(uri: &Uri, name: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(uri.parameters_text.len());
    for parameter in uri.parameters().filter(|parameter| !parameter.name.eq_ignore_ascii_case(name)) {
        let written = uri.parameters_text.get(parameter.range).unwrap_or_default();
        if !kept.is_empty() {
            kept.push(b';');
        }
        kept.extend_from_slice(written.strip_prefix(b";").unwrap_or(written));
    }
    uri.with_parameters(&kept)
}

/// The URI's transport; `None` for an unknown one.
fn transport(uri: &Uri) -> Option<Transport> {
    Transport::of(uri.transport()?)
}

fn socket(uri: &Uri) -> Option<Value> {
    let name = transport(uri)?.name();
    let port = int_text(uri.port_or_default().into());
    Some(owned([name.as_bytes(), b":", uri.host, b":", &port].concat()))
}

fn alias(uri: &Uri) -> Value {
    let number = int_text(transport(uri).unwrap_or_default().number());
    let port = int_text(uri.port.unwrap_or(5060).into());
    owned([uri.host, b"~", &port, b"~", &number].concat())
}

fn unalias(text: &Bytes) -> Option<Value> {
    let mut pieces = text.rsplitn(3, |byte| *byte == b'~');
    let (number, its_port, host) = (pieces.next()?, pieces.next()?, pieces.next()?);
    port(its_port)?;
    let number = parse_int(number).filter(|number| *number >= 0)?;
    let mut out = [b"sip:", host, b":", its_port].concat();
    if number > 1 {
        out.extend_from_slice(b";transport=");
        out.extend_from_slice(Transport::numbered(number)?.name().as_bytes());
    }
    Some(owned(out))
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn parts_of_uris() {
        let uri = "sip:bob:pw@Example.com:5070;transport=TCP;lr;x=y?h1=v1&h2=v2";
        check(&[
            ("uri.user", uri, "bob"),
            ("uri.passwd", uri, "pw"),
            ("uri.host", uri, "Example.com"),
            ("uri.port", uri, "5070"),
            ("uri.transport", uri, "TCP"),
            ("uri.params", uri, "transport=TCP;lr;x=y"),
            ("uri.headers", uri, "h1=v1&h2=v2"),
            ("uri.param,x", uri, "y"),
            ("uri.param,lr", uri, ""),
            ("uri.param,zz", uri, ""),
            ("uri.rmparam,lr", uri, "sip:bob:pw@Example.com:5070;transport=TCP;x=y?h1=v1&h2=v2"),
            ("uri.scheme", uri, "sip"),
            ("uri.scheme", "SIPS:a@b", "SIPS"),
            ("uri.tosocket", uri, "tcp:Example.com:5070"),
            ("uri.saor", uri, "sip:bob@Example.com"),
            ("uri.suri", uri, "sip:bob@Example.com:5070;transport=TCP"),
            ("uri.duri", uri, "sip:Example.com:5070;transport=TCP"),
            ("uri.ttl", uri, ""),
            ("uri.user", "not a uri", "<null>"),
            ("uri.host", "<sip:a@b>", "<null>"),
            ("uri.host", "tel:+123;phone-context=x", ""),
            ("uri.user", "sip:example.com", ""),
            ("uri.port", "sip:example.com", ""),
            ("uri.tosocket", "sip:example.com", "<null>"),
            ("urialias.encode", "sip:a@[::1]:9;transport=tcp;x", "[::1]~9~2"),
            ("urialias.encode", "sip:127.0.0.1:16211", "127.0.0.1~16211~1"),
            ("urialias.encode", "sips:h", "h~5060~1"),
            ("uri.params", "tel:+123;phone-context=x", ""),
            ("uri.param,phone-context", "tel:+123;phone-context=x", ""),
            ("urialias.decode", "1.2.3.4~5~1", "sip:1.2.3.4:5"),
            ("urialias.decode", "1.2.3.4~5~3", "sip:1.2.3.4:5;transport=tls"),
            ("urialias.decode", "junk", "<null>"),
        ]);
    }
}
