//! Changes of the Request-URI, as statements and assignments to `$rU` and its kin make them.

use crate::builtin::{Context, Fault, LogLevel, Outcome};
use crate::sip::{Scheme, Uri};
use bytes::Bytes;

/// Takes the Request-URI apart, lets `change` make another of it, and keeps that.
///
/// # Errors
/// When the Request-URI does not parse, or `change` finds nothing to make of it.
pub(crate) fn rewrite(cx: &mut Context, change: impl FnOnce(&Uri) -> Vec<u8>) -> Result<(), Fault> {
    let old = cx.message.request_uri();
    let Ok(uri) = Uri::parse(&old) else {
        return Err(Fault::new(format!("bad uri <{}>", String::from_utf8_lossy(&old))));
    };
    cx.message.target.uri = Some(Bytes::from(change(&uri)));
    Ok(())
}

/// The same as the outcome of a statement: a URI that does not parse is logged, and the statement fails.
pub(super) fn statement(cx: &mut Context, change: impl FnOnce(&Uri) -> Vec<u8>) -> Outcome {
    match rewrite(cx, change) {
        Ok(()) => Outcome::TRUE,
        Err(fault) => {
            cx.log(LogLevel::Error, fault.message);
            Outcome::FALSE
        }
    }
}

/// Another user; an empty one takes user and password away.
pub(crate) fn user(uri: &Uri, user: &[u8]) -> Vec<u8> {
    if user.is_empty() { uri.without_user() } else { uri.with_user(user) }
}

/// User and password in one text; the parameters of a telephone number stay with it.
pub(super) fn user_and_password(uri: &Uri, text: &[u8]) -> Vec<u8> {
    let (name, password) = match memchr::memchr(b':', text) {
        Some(colon) => (text.get(..colon).unwrap_or_default(), text.get(colon + 1..)),
        None => (text, None),
    };
    user(&Uri { password, ..*uri }, name)
}

/// Host and port in one text.
pub(super) fn host_and_port(uri: &Uri, text: &[u8]) -> Vec<u8> {
    Uri { port: None, port_text: b"", ..*uri }.with_host(text)
}

/// Host, port and `;transport=` in one text; a transport that was there goes.
pub(super) fn host_port_transport(uri: &Uri, text: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(uri.parameters_text.len());
    for parameter in uri.parameters().filter(|parameter| !parameter.name.eq_ignore_ascii_case(b"transport")) {
        let written = uri.parameters_text.get(parameter.range).unwrap_or_default();
        if !kept.is_empty() {
            kept.push(b';');
        }
        kept.extend_from_slice(written.strip_prefix(b";").unwrap_or(written));
    }
    host_and_port(&Uri { parameters_text: &kept, ..*uri }, text)
}

/// The URI with `;user=phone`, unless it says so already.
pub(super) fn user_phone(uri: &Uri) -> Vec<u8> {
    if matches!(uri.kind(), Scheme::Tel | Scheme::Tels) {
        return uri.text.to_vec();
    }
    let mut parameters = uri.parameters_text.to_vec();
    if !parameters.is_empty() {
        parameters.push(b';');
    }
    parameters.extend_from_slice(b"user=phone");
    uri.with_parameters(&parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_change_as_kamailio_changes_them() {
        type Change = fn(&Uri) -> Vec<u8>;
        let cases: &[(&str, Change, &str)] = &[
            ("sip:a:pw@h:5;t=1?x=y", |uri| user(uri, b"b"), "sip:b:pw@h:5;t=1?x=y"),
            ("sip:a:pw@h:5;t=1?x=y", |uri| user(uri, b""), "sip:h:5;t=1?x=y"),
            ("sip:a:pw@h:5;t=1", |uri| user_and_password(uri, b"c:d"), "sip:c:d@h:5;t=1"),
            ("sip:a@h:5;t=1", |uri| host_and_port(uri, b"g"), "sip:a@g;t=1"),
            (
                "sip:a@h:5;transport=udp;t=1",
                |uri| host_port_transport(uri, b"g:1;transport=tcp"),
                "sip:a@g:1;transport=tcp;t=1",
            ),
            ("sip:a@h;x=1?h=2", user_phone, "sip:a@h;x=1;user=phone?h=2"),
            ("sip:a@h;user=phone", user_phone, "sip:a@h;user=phone"),
        ];
        for (before, change, after) in cases {
            let uri = Uri::parse(before.as_bytes()).unwrap();
            assert_eq!(String::from_utf8(change(&uri)).unwrap(), *after);
        }
    }
}
