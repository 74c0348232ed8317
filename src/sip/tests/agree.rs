//! What holds for the two ways in, a stream and a datagram: they never disagree where a message ends. Also run by `fuzz/fuzz_targets/stream.rs`.

use super::{Frame, Framer, HeaderName, Malformed, Message};
use bytes::Bytes;

/// Reads `raw` in both ways and holds them against each other.
pub(super) fn agree(raw: &[u8]) {
    let begin = raw.iter().position(|byte| !matches!(byte, b'\r' | b'\n' | 0)).unwrap_or(raw.len());
    let datagram = Message::parse_lenient(Bytes::copy_from_slice(&raw[begin..]));
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
