use std::ops::Range;

use crate::sip::extent::trimmed;
use crate::sip::set::ByteSet;

/// One `;name=value` of a header or URI.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parameter<'a> {
    /// Its name, as written.
    pub name: &'a [u8],
    /// Its value, as written (quotes kept); `None` without `=`.
    pub value: Option<&'a [u8]>,
    /// From its semicolon to the end of its value, in the text the parameters were read from.
    pub range: Range<usize>,
}

/// Reads `;name=value;name...` one by one (RFC 3261 section 25.1, generic-param): quoted values may hold semicolons,
/// blanks around `;` and `=` are skipped, empty parameters too.
#[derive(Clone, Debug)]
pub struct Parameters<'a> {
    text: &'a [u8],
    at: usize,
    skipped: bool,
}

impl<'a> Parameters<'a> {
    /// The parameters in `text`, with or without a semicolon in front.
    pub fn new(text: &'a [u8]) -> Parameters<'a> {
        Parameters { text, at: 0, skipped: false }
    }

    /// Whether an empty one was skipped so far.
    pub fn skipped_empty(&self) -> bool {
        self.skipped
    }

    /// The parameter called `name`, in any case: `Some(None)` when it stands without a value. Of several the last one counts, as for Kamailio.
    pub fn lookup(self, name: &[u8]) -> Option<Option<&'a [u8]>> {
        self.filter(|parameter| parameter.name.eq_ignore_ascii_case(name)).last().map(|parameter| parameter.value)
    }
}

impl<'a> Iterator for Parameters<'a> {
    type Item = Parameter<'a>;

    fn next(&mut self) -> Option<Parameter<'a>> {
        loop {
            let start = self.at;
            let rest = self.text.get(start..).filter(|rest| !rest.is_empty())?;
            let inner = start + usize::from(rest.first() == Some(&b';'));
            let end = next_of(self.text, inner, |rest| memchr::memchr2(b';', b'"', rest));
            self.at = end.max(start + 1);
            let whole = trimmed(self.text, inner..end);
            if whole.is_empty() {
                self.skipped = true;
                continue;
            }
            let inside = self.text.get(..whole.end).unwrap_or_default();
            let equals = next_of(inside, whole.start, |rest| memchr::memchr2(b'=', b'"', rest));
            let name = trimmed(self.text, whole.start..equals);
            let value = (equals < whole.end).then(|| trimmed(self.text, equals + 1..whole.end));
            return Some(Parameter {
                name: self.text.get(name).unwrap_or_default(),
                value: value.and_then(|value| self.text.get(value)),
                range: start..whole.end,
            });
        }
    }
}

/// The offset of the first byte at or after `from` that `stop` accepts outside a quoted string; the end without one.
/// A backslash escapes the next byte inside quotes; an open quote runs to the end.
pub(in crate::sip) fn next_unquoted(text: &[u8], from: usize, stop: impl Fn(u8) -> bool) -> usize {
    let mut at = from;
    let mut quoted = false;
    while let Some(byte) = text.get(at) {
        match byte {
            b'\\' if quoted => at += 1,
            b'"' => quoted = !quoted,
            byte if !quoted && stop(*byte) => return at,
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// The same for bytes that `search` finds many at a time; it also stops at a quote.
pub(in crate::sip) fn next_of(text: &[u8], from: usize, search: impl Fn(&[u8]) -> Option<usize>) -> usize {
    let mut at = from;
    while let Some(length) = text.get(at..).and_then(&search) {
        at += length;
        if text.get(at) != Some(&b'"') {
            return at;
        }
        at = after_quoted(text, at + 1);
    }
    text.len()
}

/// The offset after the quote that ends a string whose text begins at `from`.
fn after_quoted(text: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(length) = text.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += length;
        if text.get(at) == Some(&b'"') {
            return at + 1;
        }
        at += 2;
    }
    text.len()
}

/// Comma-separated values of one header, as trimmed ranges of its text (RFC 3261 section 7.3.1). Commas inside quotes
/// or angle brackets do not separate; empty values are skipped.
#[derive(Clone, Debug)]
pub struct Values<'a> {
    text: &'a [u8],
    at: usize,
    skipped: bool,
}

impl<'a> Values<'a> {
    /// The values in `text`.
    pub fn new(text: &'a [u8]) -> Values<'a> {
        Values { text, at: 0, skipped: false }
    }

    /// Whether an empty one was skipped so far, or is left behind the last comma.
    pub fn skipped_empty(&self) -> bool {
        self.skipped || self.at == self.text.len()
    }
}

impl Iterator for Values<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        while self.at < self.text.len() {
            let start = self.at;
            let mut end = start;
            loop {
                end = next_of(self.text, end, |rest| memchr::memchr3(b',', b'<', b'"', rest));
                if self.text.get(end) != Some(&b'<') {
                    break;
                }
                // Inside angle brackets a quote is a byte like any other.
                match self.text.get(end..).and_then(|rest| memchr::memchr(b'>', rest)) {
                    Some(length) => end += length + 1,
                    None => {
                        end = self.text.len();
                        break;
                    }
                }
            }
            self.at = end + 1;
            let value = trimmed(self.text, start..end.min(self.text.len()));
            if !value.is_empty() {
                return Some(value);
            }
            self.skipped = true;
        }
        None
    }
}

/// Whether `text` holds no blank, control byte or delimiter that would end a token or host.
pub(in crate::sip) fn is_word(text: &[u8]) -> bool {
    const WORD: ByteSet = ByteSet::visible_without(b"<>\",;@");
    !text.is_empty() && WORD.holds(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, Option<String>, Range<usize>)> {
        let string = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Parameters::new(text.as_bytes()).map(|one| (string(one.name), one.value.map(string), one.range)).collect()
    }

    #[test]
    fn reads_parameters() {
        assert_eq!(
            read(";tag=1 ; lr;x=\"a;\\\"b\" ;;q = 0.5"),
            [
                ("tag".into(), Some("1".into()), 0..6),
                ("lr".into(), None, 7..11),
                ("x".into(), Some("\"a;\\\"b\"".into()), 11..21),
                ("q".into(), Some("0.5".into()), 23..31),
            ]
        );
        assert_eq!(read("lr"), [("lr".into(), None, 0..2)]);
        assert_eq!(read(";;"), []);
        assert_eq!(read(";a=")[0].1, Some(String::new()));
        assert_eq!(Parameters::new(b";tag=y;Tag=x;z").lookup(b"tag"), Some(Some(&b"x"[..])));
    }

    #[test]
    fn splits_values() {
        let text = b"\"a,b\" <sip:x,y@h;p=\">, <sip:z@h> ,, *";
        let values: Vec<_> = Values::new(text).map(|range| &text[range]).collect();
        assert_eq!(values, [&b"\"a,b\" <sip:x,y@h;p=\">"[..], b"<sip:z@h>", b"*"]);
        assert_eq!(Values::new(b"").count(), 0);
    }
}
