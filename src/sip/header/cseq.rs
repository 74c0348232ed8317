use crate::sip::extent::{Extent, is_blank, trimmed};
use crate::sip::method::Method;
use crate::sip::number::number;

/// The value of a CSeq header (RFC 3261 section 20.16).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CSeq<'a> {
    /// The sequence number.
    pub number: u32,
    /// The method.
    pub method: Method,
    /// The method as written.
    pub method_text: &'a [u8],
}

/// What is remembered of a CSeq: extents in its value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::sip) struct CSeqParts {
    pub(in crate::sip) number: u32,
    pub(in crate::sip) method: Method,
    pub(in crate::sip) method_text: Extent,
}

impl<'a> CSeq<'a> {
    /// Reads the value of a CSeq header; `None` unless it is a number and one word.
    pub fn parse(text: &'a [u8]) -> Option<CSeq<'a>> {
        CSeqParts::parse(text).map(|parts| parts.view(text))
    }
}

impl CSeqParts {
    pub(in crate::sip) fn parse(text: &[u8]) -> Option<CSeqParts> {
        let whole = trimmed(text, 0..text.len());
        let digits = text.get(whole.clone())?.iter().position(|byte| is_blank(*byte))?;
        let split = whole.start + digits;
        let method = trimmed(text, split..whole.end);
        let method_text = text.get(method.clone())?;
        if method_text.is_empty() || method_text.iter().any(|byte| is_blank(*byte)) {
            return None;
        }
        Some(CSeqParts {
            number: number(text.get(whole.start..split)?)?,
            method: Method::parse(method_text),
            method_text: method.into(),
        })
    }

    pub(in crate::sip) fn view(self, text: &[u8]) -> CSeq<'_> {
        CSeq { number: self.number, method: self.method, method_text: self.method_text.of(text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads() {
        let read = |text: &'static str| CSeq::parse(text.as_bytes());
        let invite = CSeq { number: 5, method: Method::Invite, method_text: b"INVITE" };
        assert_eq!(read("5 INVITE"), Some(invite));
        assert_eq!(read(" 0005\r\n  INVITE \t"), Some(invite));
        assert_eq!(read("7 Foo").map(|cseq| (cseq.method, cseq.method_text)), Some((Method::Other, &b"Foo"[..])));
        for text in ["", "5", "INVITE", "x INVITE", "5 ", "4294967296 ACK", "5 A B", "-1 ACK"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
