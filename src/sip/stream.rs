//! Messages in a stream: each ends where its Content-Length says (RFC 3261 section 18.3).

use super::head::{BodyLength, Lines, end_of_head, line_at, name_and_colon};
use super::header::HeaderName;
use super::message::{MAX_MESSAGE, Malformed};
use bytes::{Bytes, BytesMut};

/// Cuts what a connection brings into messages, however it is split on its way.
#[derive(Debug, Default)]
pub struct Framer {
    bytes: BytesMut,
    /// How many bytes are known to hold no end of a head.
    searched: usize,
    /// The length of the head at the front, once it is whole.
    head: Option<usize>,
    /// The length of the message at the front, once its head is whole.
    length: Option<usize>,
    /// A message that does not say how long its body is has none.
    takes_unsaid: bool,
}

/// Something whole in a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A message.
    Message(Bytes),
    /// An empty line twice, which asks for one in return (RFC 5626 section 3.5.1).
    Ping,
}

impl Framer {
    /// One for a stream whose messages need not say how long their bodies are: such a message has none.
    pub fn taking_unsaid(takes_unsaid: bool) -> Framer {
        Framer { takes_unsaid, ..Framer::default() }
    }

    /// Adds what has arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next thing that is whole; `None` until more arrives.
    ///
    /// # Errors
    /// When nobody knows where the message at the front ends: its Content-Length is missing, no number, or there twice, or it is longer than a
    /// message may be. The connection is of no further use, and [`Framer::broken`] gives what there is of the message.
    pub fn frame(&mut self) -> Result<Option<Frame>, Malformed> {
        if self.length.is_none() {
            if self.searched == 0 && self.bytes.starts_with(b"\r\n\r\n") {
                let _ = self.bytes.split_to(4);
                return Ok(Some(Frame::Ping));
            }
            if self.searched == 0 && b"\r\n\r\n".starts_with(&self.bytes) {
                return Ok(None);
            }
            // What stands before a message is none of it: single empty lines, and zeros that some phones send.
            let idle = self.bytes.iter().take_while(|byte| is_idle(**byte)).count();
            let _ = self.bytes.split_to(idle);
            self.length = self.measure()?;
        }
        match self.length {
            Some(length) if self.bytes.len() >= length => {
                (self.searched, self.head, self.length) = (0, None, None);
                Ok(Some(Frame::Message(self.bytes.split_to(length).freeze())))
            }
            _ => Ok(None),
        }
    }

    /// What there is of the message that broke the stream: its head, from which it can be answered, or all bytes when not even that has an end.
    pub fn broken(&mut self) -> Bytes {
        let length = self.head.unwrap_or(self.bytes.len());
        self.bytes.split_to(length).freeze()
    }

    /// Whether a message has begun and is not whole.
    pub fn is_within_message(&self) -> bool {
        self.bytes.first().is_some_and(|byte| !is_idle(*byte))
    }

    /// The length of the message at the front, when its head is whole.
    fn measure(&mut self) -> Result<Option<usize>, Malformed> {
        let Some(end) = end_of_head(&self.bytes, self.searched.saturating_sub(3)) else {
            self.searched = self.bytes.len();
            return if self.searched > MAX_MESSAGE { Err(Malformed::TooLarge) } else { Ok(None) };
        };
        self.head = Some(end);
        match read(self.bytes.get(..end).unwrap_or_default()).0 {
            BodyLength::Bytes(length) if end.saturating_add(length) <= MAX_MESSAGE => Ok(Some(end + length)),
            BodyLength::Bytes(_) => Err(Malformed::TooLarge),
            BodyLength::Unsaid if self.takes_unsaid => Ok(Some(end)),
            BodyLength::Unsaid => Err(Malformed::Missing(HeaderName::ContentLength)),
            BodyLength::Unreadable => Err(Malformed::Unreadable(HeaderName::ContentLength)),
            BodyLength::Several => Err(Malformed::Twice(HeaderName::ContentLength)),
        }
    }
}

fn is_idle(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n' | 0)
}

/// Adds the Content-Length that a message from a datagram may lack, and without which nobody knows where it ends in a stream (RFC 3261 section 20.14).
pub fn delimit(message: &mut Vec<u8>) {
    let Some(end) = end_of_head(message, 0) else { return };
    let (BodyLength::Unsaid, Some(empty_line)) = read(message.get(..end).unwrap_or_default()) else { return };
    let line = format!("Content-Length: {}\r\n", message.len() - end);
    message.splice(empty_line..empty_line, line.into_bytes());
}

/// What a head says of its body, and where its empty line stands.
fn read(head: &[u8]) -> (BodyLength, Option<usize>) {
    let mut lines = Lines::new(head, line_at(head, 0).1);
    let mut length = BodyLength::Unsaid;
    for line in &mut lines {
        let line = head.get(line.start..line.end).unwrap_or_default();
        if let Some((name, colon)) = name_and_colon(line)
            && HeaderName::parse(name) == HeaderName::ContentLength
        {
            length = length.and(line.get(colon + 1..).unwrap_or_default());
        }
    }
    (length, lines.end().map(|line| line.start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ONE: &str = "OPTIONS sip:a SIP/2.0\r\nl: 3\r\n\r\nabc";
    const TWO: &str = "BYE sip:b SIP/2.0\r\nContent-Length : 0\r\n\r\n";

    fn all(parts: &[&[u8]]) -> Result<Vec<Frame>, Malformed> {
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
        let length = HeaderName::ContentLength;
        for (headers, fault) in [
            ("To: a\r\n", Malformed::Missing(length)),
            ("To: a\r\n Content-Length: 0\r\n", Malformed::Missing(length)),
            ("Content-Length\r\n", Malformed::Missing(length)),
            ("Content-Length: x\r\n", Malformed::Unreadable(length)),
            ("l: +3\r\n", Malformed::Unreadable(length)),
            ("l: 3, 3\r\n", Malformed::Unreadable(length)),
            ("l: 3\r\nContent-Length: 3\r\n", Malformed::Twice(length)),
            ("l: 3\r\nTo: a\r\nCONTENT-LENGTH \t: 4\r\n", Malformed::Twice(length)),
            ("l: 99999999\r\n", Malformed::TooLarge),
        ] {
            let head = format!("OPTIONS sip:a SIP/2.0\r\n{headers}\r\n");
            let mut framer = Framer::default();
            framer.push(head.as_bytes());
            framer.push(b"abc");
            assert_eq!(framer.frame(), Err(fault), "{headers}");
            assert_eq!(framer.broken(), head.as_bytes());
        }
        assert_eq!(all(&["x".repeat(MAX_MESSAGE + 2).as_bytes()]), Err(Malformed::TooLarge));
    }

    #[test]
    fn line_ends_of_either_kind_end_a_head() {
        let texts = [ONE.replace("\r\n", "\n"), ONE.replace("\r\n\r\n", "\n\r\n"), ONE.to_owned()];
        let found = all(&[texts.concat().as_bytes()]).unwrap();
        assert_eq!(found, texts.map(|text| Frame::Message(Bytes::from(text))));
    }

    #[test]
    fn what_is_not_whole_is_known() {
        let mut framer = Framer::default();
        for (bytes, within) in [(&b"\r\n"[..], false), (b"\0", false), (b"O", true), (ONE.as_bytes(), false)] {
            framer.push(bytes);
            let _ = framer.frame();
            assert_eq!(framer.is_within_message(), within, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn a_message_may_be_let_off_saying_its_length() {
        let mut framer = Framer::taking_unsaid(true);
        framer.push(format!("OPTIONS sip:a SIP/2.0\r\nTo: a\r\n\r\n{TWO}").as_bytes());
        let mut next = || framer.frame().unwrap().map(|frame| frame == Frame::Message(Bytes::from(TWO)));
        assert_eq!([next(), next(), next()], [Some(false), Some(true), None]);
    }

    #[test]
    fn a_message_of_a_datagram_gets_its_length() {
        for (text, with) in [
            (TWO, TWO),
            ("BYE sip:b SIP/2.0\r\nTo: a\r\n\r\nabcd", "BYE sip:b SIP/2.0\r\nTo: a\r\nContent-Length: 4\r\n\r\nabcd"),
            ("BYE sip:b SIP/2.0\nTo: a\n\nabcd", "BYE sip:b SIP/2.0\nTo: a\nContent-Length: 4\r\n\nabcd"),
            ("BYE sip:b SIP/2.0\r\nl: 0\n\r\n", "BYE sip:b SIP/2.0\r\nl: 0\n\r\n"),
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
