use std::ops::Range;

/// A stretch of bytes inside a message or a header value, in sixteen bits each way: a message has at most 65535 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Extent {
    /// Offset of the first byte.
    pub start: u16,
    /// Offset behind the last byte.
    pub end: u16,
}

impl Extent {
    /// The extent `start..end`; offsets beyond 65535 are held at that end, a backward one is empty.
    pub fn new(start: usize, end: usize) -> Extent {
        let start = u16::try_from(start).unwrap_or(u16::MAX);
        let end = u16::try_from(end).unwrap_or(u16::MAX);
        Extent { start, end: end.max(start) }
    }

    /// The bytes of `text` in this extent; empty when it lies outside.
    pub fn of(self, text: &[u8]) -> &[u8] {
        text.get(self.range()).unwrap_or_default()
    }

    /// The extent as a range of offsets.
    pub fn range(self) -> Range<usize> {
        usize::from(self.start)..usize::from(self.end)
    }

    /// How many bytes it spans.
    pub fn len(self) -> usize {
        usize::from(self.end) - usize::from(self.start)
    }

    /// Whether it spans nothing.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// The same stretch seen from `base` bytes earlier: from offsets in a value to offsets in the message.
    pub fn shifted(self, base: u16) -> Extent {
        Extent { start: self.start.saturating_add(base), end: self.end.saturating_add(base) }
    }
}

impl From<Range<usize>> for Extent {
    fn from(range: Range<usize>) -> Extent {
        Extent::new(range.start, range.end)
    }
}

impl std::fmt::Debug for Extent {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}..{}", self.start, self.end)
    }
}

/// Whether `byte` is linear white space; line ends count, for a folded value keeps them (RFC 3261 section 25.1, LWS).
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// The part of `range` of `text` without blanks around it.
pub(super) fn trimmed(text: &[u8], range: Range<usize>) -> Range<usize> {
    let Range { mut start, mut end } = range;
    while start < end && text.get(start).copied().is_some_and(is_blank) {
        start += 1;
    }
    while end > start && text.get(end - 1).copied().is_some_and(is_blank) {
        end -= 1;
    }
    start..end
}

/// The first offset at or after `from` in `text` that is not blank.
pub(super) fn skip_blanks(text: &[u8], from: usize) -> usize {
    let mut at = from;
    while text.get(at).copied().is_some_and(is_blank) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_inside() {
        assert_eq!(Extent::new(1, 3).of(b"abcd"), b"bc");
        assert_eq!(Extent::new(3, 9).of(b"abcd"), b"");
        assert_eq!(Extent::new(70_000, 3).len(), 0);
        assert_eq!(trimmed(b" \t ab\r\n ", 0..8), 3..5);
        assert_eq!(trimmed(b"   ", 0..3), 3..3);
    }
}
