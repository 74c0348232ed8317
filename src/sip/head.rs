//! The one reader of heads: where a line, a header, the head and the body end, in a datagram as in a stream. Whoever else read them might
//! read them differently, and what one takes for a body would be the next request for the other.

use super::extent::is_blank;
use super::number::number;
use memchr::{memchr, memchr_iter};
use std::ops::Range;

/// A header with the lines folded onto it (RFC 3261 section 7.3.1).
pub(super) struct Line {
    /// Where it begins.
    pub(super) start: usize,
    /// Where it ends, before its line end.
    pub(super) end: usize,
    /// Where the next one begins.
    pub(super) next: usize,
    /// Whether it goes on over several lines.
    pub(super) folded: bool,
}

/// The headers of a head, from behind its first line on.
pub(super) struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    end: Option<Range<usize>>,
}

impl<'a> Lines<'a> {
    /// The headers of `text`, whose first line ends before `at`.
    pub(super) fn new(text: &'a [u8], at: usize) -> Lines<'a> {
        Lines { text, at, end: None }
    }

    /// Where the empty line behind the last header stands, once that was read; the body begins where it ends.
    pub(super) fn end(&self) -> Option<Range<usize>> {
        self.end.clone()
    }
}

impl Iterator for Lines<'_> {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        if self.end.is_some() || self.at >= self.text.len() {
            return None;
        }
        let start = self.at;
        let (line, mut next) = line_at(self.text, start);
        if line.is_empty() {
            self.end = Some(start..next);
            return None;
        }
        let (mut end, mut folded) = (line.end, false);
        while matches!(self.text.get(next), Some(b' ' | b'\t')) {
            let (more, after) = line_at(self.text, next);
            (end, next, folded) = (more.end, after, true);
        }
        self.at = next;
        Some(Line { start, end, next, folded })
    }
}

/// The line at `at` without its line end, and where the next one begins.
pub(super) fn line_at(text: &[u8], at: usize) -> (Range<usize>, usize) {
    let rest = text.get(at..).unwrap_or_default();
    match memchr(b'\n', rest) {
        Some(length) => {
            let carriage = length > 0 && rest.get(length - 1) == Some(&b'\r');
            (at..at + length - usize::from(carriage), at + length + 1)
        }
        None => (at..text.len(), text.len()),
    }
}

/// Where the body begins in `text`, of which nothing before `from` ends the head: behind the first empty line that follows another.
pub(super) fn end_of_head(text: &[u8], from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    memchr_iter(b'\n', rest).find_map(|at| {
        let behind = from + at + 1;
        match text.get(behind..)? {
            [b'\n', ..] => Some(behind + 1),
            [b'\r', b'\n', ..] => Some(behind + 2),
            _ => None,
        }
    })
}

/// The name of a header as written and the offset of its colon, in its line. `None` without a colon, or with one before any name.
pub(super) fn name_and_colon(line: &[u8]) -> Option<(&[u8], usize)> {
    // Names are short: a plain walk beats a vector search.
    let length = line.iter().position(|byte| *byte == b':' || *byte <= b' ')?;
    let (name, rest) = line.split_at_checked(length)?;
    let blanks = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    (rest.get(blanks) == Some(&b':')).then_some((name, length + blanks))
}

/// `value` up to its first line end that does not go on with a blank: what may stand in a header without beginning another (RFC 3261 section 7.3.1).
pub fn one_line(value: &[u8]) -> &[u8] {
    let mut from = 0;
    while let Some(at) = memchr::memchr2(b'\r', b'\n', value.get(from..).unwrap_or_default()).map(|at| from + at) {
        let behind = match value.get(at..) {
            Some([b'\r', b'\n', ..]) => at + 2,
            Some([b'\n', ..]) => at + 1,
            _ => return value.get(..at).unwrap_or_default(),
        };
        if !matches!(value.get(behind), Some(b' ' | b'\t')) {
            return value.get(..at).unwrap_or_default();
        }
        from = behind;
    }
    value
}

/// What the Content-Length headers of a head say together (RFC 3261 section 20.14).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum BodyLength {
    /// There is none.
    #[default]
    Unsaid,
    /// So many bytes.
    Bytes(usize),
    /// It is no number.
    Unreadable,
    /// There are several, which is refused even where they agree: the next reader may see only one of them (RFC 4475 section 3.3.9).
    Several,
}

impl BodyLength {
    /// This and what one more Content-Length with this value says.
    pub(super) fn and(self, value: &[u8]) -> BodyLength {
        let start = value.iter().position(|byte| !is_blank(*byte)).unwrap_or(value.len());
        let end = value.iter().rposition(|byte| !is_blank(*byte)).map_or(start, |last| last + 1);
        let length = number(value.get(start..end).unwrap_or_default()).and_then(|length| usize::try_from(length).ok());
        match (self, length) {
            (BodyLength::Unsaid, Some(length)) => BodyLength::Bytes(length),
            (BodyLength::Unsaid, None) => BodyLength::Unreadable,
            _ => BodyLength::Several,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_end_at_an_empty_line_of_either_kind() {
        for (text, end) in [
            ("a\r\nb: c\r\n\r\nbody", Some(11)),
            ("a\nb: c\n\nbody", Some(8)),
            ("a\nb: c\r\n\nbody", Some(9)),
            ("a\r\nb: c\n\r\nbody", Some(10)),
            ("a\r\nb: c\r\n \r\n\r\n", Some(14)),
            ("a\r\nb: c\r\n\r", None),
            ("a\r\nb: c\r\n", None),
            ("\r\r\n", None),
        ] {
            assert_eq!(end_of_head(text.as_bytes(), 0), end, "{text:?}");
            let mut lines = Lines::new(text.as_bytes(), line_at(text.as_bytes(), 0).1);
            while lines.next().is_some() {}
            assert_eq!(lines.end().map(|line| line.end), end, "{text:?}");
        }
    }

    #[test]
    fn values_end_where_another_header_would_begin() {
        for (value, kept) in [
            ("a b", "a b"),
            ("a\r\n b\n\tc", "a\r\n b\n\tc"),
            ("a\r\nX: y", "a"),
            ("a\n b\nX: y", "a\n b"),
            ("a\rb", "a"),
            ("a\r\n", "a"),
            ("a\r\n \r\n\r\n", "a\r\n "),
            ("\r\nX: y", ""),
        ] {
            assert_eq!(one_line(value.as_bytes()), kept.as_bytes(), "{value:?}");
        }
    }

    #[test]
    fn lengths_are_digits_and_stand_once() {
        let read = |values: &[&str]| values.iter().fold(BodyLength::Unsaid, |sum, value| sum.and(value.as_bytes()));
        assert_eq!(read(&[]), BodyLength::Unsaid);
        for good in ["3", " 3\t", "003", "\r\n 3"] {
            assert_eq!(read(&[good]), BodyLength::Bytes(3), "{good:?}");
        }
        for bad in ["", "+3", "-3", "-0", "0x3", "3,3", "3, 3", "3 3", "3;x", "3.0", "4294967296", "3\0", "3\r\n 3"] {
            assert_eq!(read(&[bad]), BodyLength::Unreadable, "{bad:?}");
        }
        assert_eq!(read(&["3", "3"]), BodyLength::Several);
        assert_eq!(read(&["x", "3"]), BodyLength::Several);
    }
}
