//! Messages in a stream: each ends where its Content-Length says (RFC 3261 section 18.3).

use super::{HeaderName, MAX_MESSAGE};
use bytes::{Bytes, BytesMut};

/// Cuts what a connection brings into messages, however it is split on its way.
#[derive(Debug, Default)]
pub struct Framer {
    bytes: BytesMut,
    /// How many bytes are known to hold no end of a head.
    searched: usize,
    /// The length of the message at the front, once its head is whole.
    length: Option<usize>,
}

/// Something whole in a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A message.
    Message(Bytes),
    /// An empty line twice, which asks for one in return (RFC 5626 section 3.5.1).
    Ping,
}

/// Why nothing more can be read from a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameFault {
    /// A message has no Content-Length, or one that is no number: nobody knows where it ends.
    Endless,
    /// A message is longer than any may be.
    TooLong,
}

/// A head longer than this is no message's.
const LONGEST_HEAD: usize = MAX_MESSAGE;

impl Framer {
    /// Adds what has arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next thing that is whole; `None` until more arrives.
    ///
    /// # Errors
    /// When the connection is of no further use.
    pub fn frame(&mut self) -> Result<Option<Frame>, FrameFault> {
        if self.length.is_none() {
            if self.searched == 0 && self.bytes.starts_with(b"\r\n\r\n") {
                let _ = self.bytes.split_to(4);
                return Ok(Some(Frame::Ping));
            }
            if self.searched == 0 && b"\r\n\r\n".starts_with(&self.bytes) {
                return Ok(None);
            }
            // What stands before a message is none of it: single empty lines, and zeros that some phones send.
            let idle = self.bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n' | 0)).count();
            let _ = self.bytes.split_to(idle);
            self.length = self.head()?;
        }
        match self.length {
            Some(length) if self.bytes.len() >= length => {
                (self.searched, self.length) = (0, None);
                Ok(Some(Frame::Message(self.bytes.split_to(length).freeze())))
            }
            _ => Ok(None),
        }
    }

    /// The length of the message at the front, when its head is whole.
    fn head(&mut self) -> Result<Option<usize>, FrameFault> {
        let from = self.searched.saturating_sub(3);
        let rest = self.bytes.get(from..).unwrap_or_default();
        let Some(end) = memchr::memmem::find(rest, b"\r\n\r\n").map(|at| from + at + 4) else {
            self.searched = self.bytes.len();
            return if self.searched > LONGEST_HEAD { Err(FrameFault::TooLong) } else { Ok(None) };
        };
        let head = self.bytes.get(..end).unwrap_or_default();
        let length = content_length(head).ok_or(FrameFault::Endless)?;
        if end + length > MAX_MESSAGE { Err(FrameFault::TooLong) } else { Ok(Some(end + length)) }
    }
}

/// Adds the Content-Length that a message from a datagram may lack, and without which nobody knows where it ends in a stream (RFC 3261 section 20.14).
pub fn delimit(message: &mut Vec<u8>) {
    let Some(end) = memchr::memmem::find(message, b"\r\n\r\n").map(|at| at + 4) else { return };
    let head = message.get(..end).unwrap_or_default();
    if content_length(head).is_none() {
        let line = format!("Content-Length: {}\r\n", message.len() - end);
        message.splice(end - 2..end - 2, line.into_bytes());
    }
}

/// The value of the first Content-Length of a head.
fn content_length(head: &[u8]) -> Option<usize> {
    let mut lines = head.split(|byte| *byte == b'\n').skip(1);
    lines.find_map(|line| {
        let colon = memchr::memchr(b':', line)?;
        let (name, value) = (line.get(..colon)?.trim_ascii(), line.get(colon + 1..)?.trim_ascii());
        (HeaderName::parse(name) == HeaderName::ContentLength)
            .then(|| super::number(value).map(|number| number as usize))
    })?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ONE: &str = "OPTIONS sip:a SIP/2.0\r\nl: 3\r\n\r\nabc";
    const TWO: &str = "BYE sip:b SIP/2.0\r\nContent-Length : 0\r\n\r\n";

    fn all(parts: &[&[u8]]) -> Result<Vec<Frame>, FrameFault> {
        let mut framer = Framer::default();
        let mut found = Vec::new();
        for part in parts {
            framer.push(part);
            while let Some(frame) = framer.frame()? {
                found.push(frame);
            }
        }
        Ok(found)
    }

    #[test]
    fn what_cannot_end_is_a_fault() {
        for (text, fault) in [
            ("OPTIONS sip:a SIP/2.0\r\nTo: a\r\n\r\n".to_owned(), FrameFault::Endless),
            ("OPTIONS sip:a SIP/2.0\r\nContent-Length: x\r\n\r\n".to_owned(), FrameFault::Endless),
            ("OPTIONS sip:a SIP/2.0\r\nl: 99999999\r\n\r\n".to_owned(), FrameFault::TooLong),
            ("x".repeat(MAX_MESSAGE + 2), FrameFault::TooLong),
        ] {
            assert_eq!(all(&[text.as_bytes()]), Err(fault), "{}", &text[..20]);
        }
    }

    #[test]
    fn a_message_of_a_datagram_gets_its_length() {
        for (text, with) in [
            (TWO, TWO),
            ("BYE sip:b SIP/2.0\r\nTo: a\r\n\r\nabcd", "BYE sip:b SIP/2.0\r\nTo: a\r\nContent-Length: 4\r\n\r\nabcd"),
            ("no head", "no head"),
        ] {
            let mut message = text.as_bytes().to_vec();
            delimit(&mut message);
            assert_eq!(String::from_utf8_lossy(&message), with);
        }
    }

    proptest! {
        #[test]
        fn cuts_on_the_way_change_nothing(cuts in proptest::collection::vec(0usize..120, 0..6)) {
            let text = format!("{ONE}\r\n{TWO}\r\n\r\n{ONE}");
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.sort_unstable();
            let mut parts = Vec::new();
            let mut from = 0;
            for cut in cuts.into_iter().chain([text.len()]) {
                parts.push(&text.as_bytes()[from..cut]);
                from = cut;
            }
            let message = |text: &'static str| Frame::Message(Bytes::from_static(text.as_bytes()));
            prop_assert_eq!(all(&parts), Ok(vec![message(ONE), message(TWO), Frame::Ping, message(ONE)]));
        }

        #[test]
        fn random_bytes_end(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = all(&[&bytes]);
        }
    }
}
