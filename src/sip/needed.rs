//! What every message must have before anybody can serve it.

use std::fmt;

use super::extent::is_blank;
use super::header::{HeaderName, Via};
use super::message::{Malformed, Message};
use super::parameters::Values;

impl Message {
    /// Why nobody can serve this message, though its lines read well: a header that all need is missing, unreadable or there twice (RFC 4475
    /// sections 3.3.1 and 3.3.8). From, and the number in CSeq, are read by those who ask for them.
    pub fn shortcoming(&self) -> Option<Malformed> {
        use HeaderName::{CSeq, CallId, From, To, Via};
        if let Some(name) = self.twice {
            return Some(Malformed::Twice(name));
        }
        if let Some(name) = [Via, From, To, CallId, CSeq].into_iter().find(|name| !self.has(*name)) {
            return Some(Malformed::Missing(name));
        }
        let readable = [(Via, self.vias_read()), (To, self.to().is_some()), (CSeq, self.cseq_method().is_some())];
        readable.into_iter().find(|(_, readable)| !readable).map(|(name, _)| Malformed::Unreadable(name))
    }

    /// The method in CSeq, whatever number stands before it; `None` unless there are two words.
    pub fn cseq_method(&self) -> Option<&[u8]> {
        if let Some(cseq) = self.cseq() {
            return Some(cseq.method_text);
        }
        let value = self.value(HeaderName::CSeq)?;
        let mut words = value.split(|byte| is_blank(*byte)).filter(|word| !word.is_empty());
        let (_, method) = (words.next()?, words.next()?);
        words.next().is_none().then_some(method)
    }

    /// Whether the first Via header reads, with nothing empty between its separators (RFC 4475 section 3.1.2.1).
    fn vias_read(&self) -> bool {
        let (Some(header), Some(top)) = (self.header(HeaderName::Via), self.via()) else { return false };
        if top.has_empty_parameter() || top.branch().is_some_and(<[u8]>::is_empty) {
            return false;
        }
        let value = self.text(header.value);
        if top.text().len() == value.len() {
            return true;
        }
        let mut values = Values::new(value);
        let reads =
            |range| value.get(range).is_some_and(|via| Via::parse(via).is_ok_and(|via| !via.has_empty_parameter()));
        values.by_ref().skip(1).all(reads) && !values.skipped_empty()
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Malformed::TooLarge => f.write_str("it is longer than 65535 bytes"),
            Malformed::NoStartLine => f.write_str("it is empty"),
            Malformed::NotSip => f.write_str("its first line is none of SIP"),
            Malformed::BadRequestLine => f.write_str("its first line has blanks where none belong"),
            Malformed::BadVersion => f.write_str("its SIP version is not 2.0"),
            Malformed::BadStatus => f.write_str("its status code is no number from 100 to 999"),
            Malformed::HeaderWithoutColon => f.write_str("a header line has no colon behind its name"),
            Malformed::HeaderWithoutName => f.write_str("a header line begins with its colon"),
            Malformed::NoEndOfHeaders => f.write_str("no empty line ends its headers"),
            Malformed::TooManyHeaders => f.write_str("it has more than 256 header lines"),
            Malformed::Missing(name) => write!(f, "it has no {} header", name.as_str()),
            Malformed::Unreadable(name) => write!(f, "its {} header cannot be read", name.as_str()),
            Malformed::NoNumber(name) => write!(f, "its {} header has no number of 32 bits", name.as_str()),
            Malformed::Twice(name) => write!(f, "it has several {} headers", name.as_str()),
            Malformed::BodyTooShort => f.write_str("its body is shorter than Content-Length says"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    const GOOD: &str = "OPTIONS sip:a SIP/2.0\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\nFrom: <sip:a@b>;tag=1\nTo: <sip:c@d>\nCall-ID: 1\nCSeq: 1 OPTIONS\n";

    fn shortcoming(text: &str) -> Option<Malformed> {
        Message::parse(Bytes::from(format!("{text}\n"))).expect(text).shortcoming()
    }

    #[test]
    fn what_all_need_stands_there_once() {
        use HeaderName::{CSeq, CallId, From, MaxForwards, To, Via};
        assert_eq!(shortcoming(GOOD), None);
        for (name, text) in [(Via, "Via"), (From, "From"), (To, "To"), (CallId, "Call-ID"), (CSeq, "CSeq")] {
            let line = GOOD.lines().find(|line| line.starts_with(text)).unwrap();
            let without = GOOD.replace(&format!("{line}\n"), "");
            assert_eq!(shortcoming(&without), Some(Malformed::Missing(name)));
            let twice = (name != Via).then_some(Malformed::Twice(name));
            assert_eq!(shortcoming(&format!("{GOOD}{line}\n")), twice, "{line}");
        }
        assert_eq!(shortcoming(&format!("{GOOD}i: 2\n")), Some(Malformed::Twice(CallId)));
        let hops = "Max-Forwards: 70\n";
        assert_eq!(shortcoming(&format!("{GOOD}{hops}{hops}")), Some(Malformed::Twice(MaxForwards)));
    }

    /// What Kamailio 5.6.3 reads of each, and what it does not.
    #[test]
    fn values_that_all_need_are_readable() {
        use HeaderName::{CSeq, To, Via};
        let via = "SIP/2.0/UDP h;branch=z9hG4bK1";
        for (name, from, values, readable) in [
            (
                Via,
                via,
                &[
                    "SIP/2.0/UDP h",
                    "SIP/2.0/UDP h;x=;y",
                    "SIP/2.0/UDP h ; branch = b, SIP/2.0/TCP k",
                    "SIP/2.0/UDP h;x=\";;\"",
                ][..],
                true,
            ),
            (
                Via,
                via,
                &[
                    "",
                    "SIP/2.0/UDP h;;branch=b",
                    "SIP/2.0/UDP h;branch=b;",
                    "SIP/2.0/UDP h;branch=b,",
                    "SIP/2.0/UDP h;branch=b,,",
                ],
                false,
            ),
            (Via, via, &["SIP/2.0/UDP h;branch=", "SIP/2.0/UDP h, x", "SIP/3.0/UDP h", "SIP/2.0/UDP [::1"], false),
            (
                CSeq,
                "1 OPTIONS",
                &["x OPTIONS", "-1 OPTIONS", "36893488147419103232 OPTIONS", "1\tOPTIONS", "1 OTHER"],
                true,
            ),
            (CSeq, "1 OPTIONS", &["", "1", "1 OPTIONS x"], false),
            (To, "<sip:c@d>", &["Watson, Thomas <sip:c@d>", "sip:c@d;x"], true),
            (To, "<sip:c@d>", &["", "\"a <sip:c@d>", "<sip:c@d", "<sip:c@d> x", "<sip:c@d>, <sip:e@f>"], false),
        ] {
            for value in values {
                let expected = (!readable).then_some(Malformed::Unreadable(name));
                assert_eq!(shortcoming(&GOOD.replace(from, value)), expected, "{value}");
            }
        }
    }
}
