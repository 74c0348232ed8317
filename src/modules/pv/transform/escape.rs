//! `s`: escaping for other languages and for URIs.

use super::coding::{hex_byte, push_hex};
use super::{of_text, owned, plain};
use crate::builtin::{Transformation, Value};

/// The transformations.
pub(super) const ROWS: &[Transformation] = &[
    plain(
        "s",
        "escape.common",
        |_, value, _| of_text(value, |text| Some(owned(backslashed(text)))),
        "The text with a backslash before quotes, backslashes and zero bytes.",
    ),
    plain(
        "s",
        "unescape.common",
        |_, value, _| of_text(value, |text| Some(owned(unbackslashed(text)))),
        "The text without the backslashes that escape.common adds.",
    ),
    plain(
        "s",
        "escape.crlf",
        |_, value, _| of_text(value, |text| Some(owned(lines_escaped(text)))),
        "The text with \\r and \\n in place of line ends.",
    ),
    plain(
        "s",
        "unescape.crlf",
        |_, value, _| of_text(value, |text| Some(owned(lines_unescaped(text)))),
        "The text with line ends in place of \\r and \\n.",
    ),
    plain(
        "s",
        "escape.user",
        |_, value, _| printable(value, b"-_.!~*'()&=+$,;?"),
        "The text as the user of a URI: what may not stand there becomes %xx. Undefined with a byte that is not printable.",
    ),
    plain(
        "s",
        "escape.param",
        |_, value, _| printable(value, PARAM),
        "The text as a parameter of a URI: what may not stand there becomes %xx. Undefined with a byte that is not printable.",
    ),
    plain(
        "s",
        "urlencode.param",
        |_, value, _| percent(value, b"-_.~"),
        "The text as a value in a URL: all but letters, digits and -_.~ becomes %xx.",
    ),
    plain(
        "s",
        "unescape.user",
        |_, value, _| of_text(value, |text| unpercent(text, false).map(owned)),
        "The text with characters in place of %xx; undefined when a % has no digits or stands for what is not printable.",
    ),
    plain(
        "s",
        "unescape.param",
        |_, value, _| of_text(value, |text| unpercent(text, false).map(owned)),
        "The text with characters in place of %xx; undefined when a % has no digits or stands for what is not printable.",
    ),
    plain(
        "s",
        "urldecode.param",
        |_, value, _| of_text(value, |text| unpercent(text, true).map(owned)),
        "The text with characters in place of %xx, and blanks in place of +.",
    ),
    plain(
        "s",
        "escape.csv",
        |_, value, _| of_text(value, |text| Some(owned(csv(text)))),
        "The text as a field of a CSV file: in quotes, its own quotes doubled.",
    ),
];

fn backslashed(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 8);
    for byte in text {
        match byte {
            b'\'' | b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            0 => out.extend_from_slice(b"\\0"),
            _ => out.push(*byte),
        }
    }
    out
}

fn unbackslashed(text: &[u8]) -> Vec<u8> {
    unescaped(text, |byte| match byte {
        b'\'' | b'"' | b'\\' => Some(byte),
        b'0' => Some(0),
        _ => None,
    })
}

fn lines_escaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 8);
    for byte in text {
        match byte {
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\n' => out.extend_from_slice(b"\\n"),
            _ => out.push(*byte),
        }
    }
    out
}

fn lines_unescaped(text: &[u8]) -> Vec<u8> {
    unescaped(text, |byte| match byte {
        b'r' => Some(b'\r'),
        b'n' => Some(b'\n'),
        _ => None,
    })
}

/// Replaces a backslash and the byte behind it where `meaning` knows one; others stay.
fn unescaped(text: &[u8], meaning: fn(u8) -> Option<u8>) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        match rest.peek().copied().and_then(meaning) {
            Some(meant) if byte == b'\\' => {
                out.push(meant);
                rest.next();
            }
            _ => out.push(byte),
        }
    }
    out
}

/// The same, but a byte that is not printable ASCII makes the value undefined, as in Kamailio.
fn printable(value: Value, allowed: &[u8]) -> Value {
    let printable = match &value {
        Value::Text(text) | Value::Both(_, text) => text.iter().all(|byte| (b' '..=b'~').contains(byte)),
        Value::Int(_) | Value::Null | Value::Unset => true,
    };
    if printable { percent(value, allowed) } else { Value::Null }
}

fn percent(value: Value, allowed: &[u8]) -> Value {
    of_text(value, |text| {
        let mut out = Vec::with_capacity(text.len() + 16);
        push_percent(text, allowed, &mut out);
        Some(owned(out))
    })
}

/// What may stand in a parameter of a URI beside letters and digits.
const PARAM: &[u8] = b"-_.!~*'()&+$/[]:";

/// Appends text as a parameter of a URI: what may not stand there becomes %xx.
pub(in crate::modules) fn push_escaped_param(text: &[u8], out: &mut Vec<u8>) {
    push_percent(text, PARAM, out);
}

fn push_percent(text: &[u8], allowed: &[u8], out: &mut Vec<u8>) {
    for byte in text {
        if byte.is_ascii_alphanumeric() || allowed.contains(byte) {
            out.push(*byte);
        } else {
            out.push(b'%');
            push_hex(&[*byte], out);
        }
    }
}

/// In a URL `+` is a blank and any byte may be escaped; in a SIP URI only printable ones.
fn unpercent(text: &[u8], in_url: bool) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.iter().copied();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let meant = hex_byte(rest.next()?, rest.next()?)?;
                if !in_url && !(b' '..=b'~').contains(&meant) {
                    return None;
                }
                out.push(meant);
            }
            b'+' if in_url => out.push(b' '),
            _ => out.push(byte),
        }
    }
    Some(out)
}

fn csv(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 2);
    out.push(b'"');
    for byte in text {
        if *byte == b'"' {
            out.push(b'"');
        }
        out.push(*byte);
    }
    out.push(b'"');
    out
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn escapes() {
        check(&[
            ("s.escape.common", "it's \"a\"", "it\\'s \\\"a\\\""),
            ("s.unescape.common", "a\\\"b\\x", "a\"b\\x"),
            ("s.escape.crlf", "a\r\nb", "a\\r\\nb"),
            ("s.unescape.crlf", "a\\r\\nb", "a\r\nb"),
            ("s.escape.user", "-_.!~*()&=+$,;?[]:@#%^ab c", "-_.!~*()&=+$,;?%5b%5d%3a%40%23%25%5eab%20c"),
            ("s.escape.param", "-&=+$,;?/[]:@ ", "-&%3d+$%2c%3b%3f/[]:%40%20"),
            ("s.escape.user", "a\tb", "<null>"),
            ("s.urlencode.param", "-_.!~*a b", "-_.%21~%2aa%20b"),
            ("s.unescape.user", "a%20b+c", "a b+c"),
            ("s.unescape.user", "a%zz", "<null>"),
            ("s.unescape.user", "%7e%7f", "<null>"),
            ("s.unescape.param", "a%9b", "<null>"),
            ("s.urldecode.param", "a+b%41", "a bA"),
            ("s.escape.csv", "a\"b", "\"a\"\"b\""),
        ]);
    }
}
