//! Tests over the whole of `sip`.

mod agree;
mod corpus;
mod kamailio;
mod properties;
mod snapshots;

use bytes::Bytes;

use super::{Frame, Framer, HeaderName, Malformed, Message, Uri};

/// The message in `text`, whose lines end in bare LF here.
fn message(text: &str) -> Message {
    Message::parse(Bytes::from(text.replace('\n', "\r\n"))).unwrap()
}

/// Shows bytes with bare LF, to compare them with a text.
fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace("\r\n", "\n")
}

#[test]
fn messages_and_edits_go_to_other_threads() {
    fn is_send<T: Send>() {}
    is_send::<Message>();
    is_send::<super::Edits>();
}

#[test]
fn faults_have_names() {
    let fault = |text: &str| Message::parse(Bytes::from(text.to_string())).unwrap_err();
    let many = format!("OPTIONS sip:a SIP/2.0\n{}\n", "a:b\n".repeat(257));
    let large = format!("OPTIONS sip:a SIP/2.0\n\n{}", "x".repeat(65_535));
    for (text, expected) in [
        ("", Malformed::NoStartLine),
        ("\r\n\r\n", Malformed::NoStartLine),
        ("GET / HTTP/1.1\n\n", Malformed::NotSip),
        ("\0\0\0\0", Malformed::NotSip),
        ("OPTIONS SIP/2.0\n\n", Malformed::NotSip),
        ("OPTIONS sip:a SIP/7.0\n\n", Malformed::BadVersion),
        ("SIP/1.0 200 OK\n\n", Malformed::BadVersion),
        ("SIP/2.0 4294967301 x\n\n", Malformed::BadStatus),
        ("SIP/2.0 99 x\n\n", Malformed::BadStatus),
        ("SIP/2.0\n\n", Malformed::BadStatus),
        ("OPTIONS sip:a SIP/2.0\nfoo\n\n", Malformed::HeaderWithoutColon),
        ("OPTIONS sip:a SIP/2.0\nfoo bar: x\n\n", Malformed::HeaderWithoutColon),
        ("OPTIONS sip:a SIP/2.0\n: x\n\n", Malformed::HeaderWithoutName),
        ("OPTIONS sip:a SIP/2.0\nfoo: x\n", Malformed::NoEndOfHeaders),
        ("OPTIONS sip:a SIP/2.0\nl: -1\n\n", Malformed::Unreadable(HeaderName::ContentLength)),
        ("OPTIONS sip:a SIP/2.0\nl: 9\n\nabc", Malformed::BodyTooShort),
        ("OPTIONS sip:a SIP/2.0\nl: 3\nContent-Length: 3\n\nabc", Malformed::Twice(HeaderName::ContentLength)),
        ("OPTIONS  sip:a SIP/2.0\n\n", Malformed::BadRequestLine),
        ("OPTIONS\tsip:a SIP/2.0\n\n", Malformed::BadRequestLine),
        ("OPTIONS sip:a; lr SIP/2.0\n\n", Malformed::BadRequestLine),
        (&many, Malformed::TooManyHeaders),
        (&large, Malformed::TooLarge),
    ] {
        assert_eq!(fault(text), expected, "{}", &text[..text.len().min(40)]);
    }
}

#[test]
fn finds_headers_by_any_of_their_names() {
    let message = message("OPTIONS sip:a SIP/2.0\nv: one\nX-Foo: two\nVia: three\nx-foo: four\n\n");
    let values = |name: &str| -> Vec<String> {
        message.headers_called(name.as_bytes()).map(|header| shown(message.text(header.value))).collect()
    };
    assert_eq!(values("VIA"), ["one", "three"]);
    assert_eq!(values("V"), ["one", "three"]);
    assert_eq!(values("X-FOO"), ["two", "four"]);
    assert!(values("X-Bar").is_empty() && values("From").is_empty());
}
