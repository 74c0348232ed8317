//! Where a parameter stands in a value, or would.

use std::ops::Range;

/// Where a parameter stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// What its value takes, from the `=` on, and what goes with the whole parameter.
    Here {
        /// From behind the name to the end of the value.
        value: Range<usize>,
        /// The whole, with what separates it.
        whole: Range<usize>,
    },
    /// Where it would go, and what would come before it.
    Missing {
        /// The place.
        at: usize,
        /// What separates it, when something must.
        delimiter: Option<u8>,
    },
}

/// Finds `;name=value` behind the address of a value, from an offset on.
pub(super) fn semicolon(text: &[u8], name: &[u8], from: usize) -> Found {
    let mut at = from.max(behind_address(text));
    loop {
        let start = at;
        at = skip(text, at, |byte| byte.is_ascii_whitespace());
        if text.get(at) != Some(&b';') {
            return Found::Missing { at: start, delimiter: Some(b';') };
        }
        at = skip(text, at + 1, |byte| byte.is_ascii_whitespace());
        let word = at;
        at = skip(text, at, |byte| !byte.is_ascii_whitespace() && byte != b'=' && byte != b';');
        let value = at;
        let is_it = text.get(word..at).is_some_and(|its| its.eq_ignore_ascii_case(name));
        at = behind_value(text, at, b';').unwrap_or_else(|| skip(text, at, |byte| byte.is_ascii_whitespace()));
        if is_it {
            return Found::Here { value: value..at, whole: start..at };
        }
    }
}

/// Finds `name=value` among others separated by commas, behind a word that tells the scheme: the form of credentials.
pub(super) fn comma(text: &[u8], name: &[u8], from: usize) -> Found {
    let (mut at, mut delimiter) = (from, None);
    while at < text.len() {
        let start = at;
        at = skip(text, at, |byte| byte.is_ascii_whitespace());
        let has_comma = text.get(at) == Some(&b',');
        at = skip(text, at + usize::from(has_comma), |byte| byte.is_ascii_whitespace());
        let word = at;
        at = skip(text, at, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        if at == word {
            at = skip(text, at, |byte| !byte.is_ascii_whitespace() && byte != b',');
            at += usize::from(text.get(at) == Some(&b','));
            continue;
        }
        delimiter = delimiter.or(Some(b' '));
        let is_it = text.get(word..at).is_some_and(|its| its.eq_ignore_ascii_case(name));
        let value = skip(text, at, |byte| byte.is_ascii_whitespace());
        let Some(end) = behind_value(text, at, b',') else {
            at = value;
            continue;
        };
        delimiter = Some(b',');
        at = end;
        if is_it {
            let next = skip(text, at, |byte| byte.is_ascii_whitespace());
            let takes_next = !has_comma && text.get(next) == Some(&b',');
            return Found::Here { value: value..end, whole: start..if takes_next { next + 1 } else { end } };
        }
    }
    Found::Missing { at: text.len(), delimiter }
}

/// The offset behind name and address, where parameters begin.
fn behind_address(text: &[u8]) -> usize {
    let (mut quoted, mut inside, mut escaped) = (false, false, false);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'"' if !(quoted && escaped) => quoted = !quoted,
            b'<' if !quoted => inside = true,
            b'>' if !quoted => inside = false,
            b';' if !quoted && !inside => {
                let before = text.get(..at).unwrap_or_default().trim_ascii_end().len();
                return before;
            }
            _ => {}
        }
        escaped = *byte == b'\\' && !escaped;
    }
    text.len()
}

/// The offset behind `= value`, when that comes next.
fn behind_value(text: &[u8], from: usize, separator: u8) -> Option<usize> {
    let at = skip(text, from, |byte| byte.is_ascii_whitespace());
    if text.get(at) != Some(&b'=') {
        return None;
    }
    let at = skip(text, at + 1, |byte| byte.is_ascii_whitespace());
    Some(if text.get(at) == Some(&b'"') {
        let end = skip(text, at + 1, |byte| byte != b'"');
        (end + 1).min(text.len())
    } else {
        skip(text, at, |byte| !byte.is_ascii_whitespace() && byte != separator)
    })
}

fn skip(text: &[u8], from: usize, what: impl Fn(u8) -> bool) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    from + rest.iter().position(|byte| !what(*byte)).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found() {
        let text = b"\"a;b\" <sip:x;y=1>;y=2 ; z = \"q;\" ;w";
        assert_eq!(semicolon(text, b"y", 0), Found::Here { value: 19..21, whole: 17..21 });
        assert_eq!(semicolon(text, b"Z", 0), Found::Here { value: 25..32, whole: 21..32 });
        assert_eq!(semicolon(text, b"w", 0), Found::Here { value: 35..35, whole: 32..35 });
        assert_eq!(semicolon(text, b"v", 0), Found::Missing { at: 35, delimiter: Some(b';') });
        let text = b"Digest realm=\"a,b\", nonce=1";
        assert_eq!(comma(text, b"realm", 0), Found::Here { value: 12..18, whole: 7..19 });
        assert_eq!(comma(text, b"nonce", 0), Found::Here { value: 25..27, whole: 18..27 });
        assert_eq!(comma(text, b"qop", 0), Found::Missing { at: 27, delimiter: Some(b',') });
        assert_eq!(comma(b"Digest", b"qop", 0), Found::Missing { at: 6, delimiter: Some(b' ') });
        assert_eq!(comma(b"", b"qop", 0), Found::Missing { at: 0, delimiter: None });
    }
}
