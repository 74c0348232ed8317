//! What holds for the two ways in, a stream and a datagram: they never disagree where a message ends, nor does a reader by other hands disagree
//! with them. Also run by `fuzz/fuzz_targets/stream.rs`.

use super::{Frame, Framer, HeaderName, Malformed, Message, Uri};
use bytes::Bytes;
use rsip::headers::UntypedHeader;

/// Reads `raw` in both ways and holds them against each other.
pub(crate) fn agree(raw: &[u8]) {
    let begin = raw.iter().position(|byte| !matches!(byte, b'\r' | b'\n' | 0)).unwrap_or(raw.len());
    let datagram = Message::parse_lenient(Bytes::copy_from_slice(&raw[begin..]));
    if let Ok((message, None)) = &datagram {
        agree_with_rsip(&raw[begin..], message);
    }
    let mut framer = Framer::default();
    framer.push(raw);
    let mut first = framer.frame();
    while first == Ok(Some(Frame::Ping)) {
        first = framer.frame();
    }
    match first {
        Ok(Some(Frame::Message(bytes))) => {
            if let Ok((message, fault)) = Message::parse_lenient(bytes.clone()) {
                assert_eq!(message.bytes(), &bytes);
                assert!(!message.had_surplus());
                assert_ne!(fault, Some(Malformed::BodyTooShort));
                assert_ne!(fault, Some(Malformed::NoEndOfHeaders));
            }
            if let Ok((message, None)) = datagram {
                assert_eq!(message.bytes(), &bytes);
            }
        }
        // Only a datagram may leave out how long it is.
        Err(Malformed::Missing(HeaderName::ContentLength)) => {
            if let Ok((message, _)) = datagram {
                assert!(!message.has(HeaderName::ContentLength) || message.headers().len() == 256);
            }
        }
        Err(fault) => {
            if let Ok((_, its)) = datagram {
                assert!(its.is_some(), "{fault:?}");
            }
        }
        Ok(_) => assert!(!matches!(datagram, Ok((_, None)))),
    }
}

/// Holds where `message` ends in `raw` against rsip, where that reads it. It knows lines that end with CRLF only, takes the first of several
/// lengths, which are refused before they come here, looks for the first two line ends in a row, which without headers may be in the body, and for the
/// scheme of a Request-URI beyond its line.
fn agree_with_rsip(raw: &[u8], message: &Message) {
    let head = message.bytes().len() - message.body().len();
    let mut lines = raw[..head].split_inclusive(|byte| *byte == b'\n');
    let has_uri = !message.is_request() || Uri::parse(message.request_uri()).is_ok();
    if !has_uri || message.headers().is_empty() || !lines.all(|line| line.ends_with(b"\r\n")) {
        return;
    }
    let (headers, body) = match rsip::SipMessage::try_from(raw) {
        Ok(rsip::SipMessage::Request(request)) => (request.headers, request.body),
        Ok(rsip::SipMessage::Response(response)) => (response.headers, response.body),
        Err(_) => return,
    };
    assert_eq!(raw.len() - body.len(), head, "rsip begins the body elsewhere");
    let lengths = headers
        .iter()
        .find_map(|header| if let rsip::Header::ContentLength(length) = header { Some(length) } else { None });
    if let Some(length) = lengths.and_then(|length| length.value().trim().parse::<usize>().ok()) {
        assert_eq!(head + length, message.bytes().len(), "rsip reads another length");
    }
}
