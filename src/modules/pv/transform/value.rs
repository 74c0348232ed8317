//! `val` and `num`: what to make of nothing, and digits of a number.

use super::{empty, of_text, owned, plain};
use crate::builtin::{Transformation, Value, parse_int};

/// The transformations.
pub(super) const ROWS: &[Transformation] = &[
    plain(
        "val",
        "n0",
        |_, value, _| if value.is_null() { Value::Int(0) } else { value },
        "The value, 0 when it is undefined.",
    ),
    plain(
        "val",
        "ne",
        |_, value, _| if value.is_null() { empty() } else { value },
        "The value, empty when it is undefined.",
    ),
    plain(
        "val",
        "json",
        |_, value, _| match value {
            Value::Text(text) | Value::Both(_, text) => owned(json(&text)),
            Value::Int(_) | Value::Null | Value::Unset => value,
        },
        "The text with what JSON wants escaped.",
    ),
    plain(
        "val",
        "jsonqe",
        |_, value, _| match value {
            Value::Text(text) | Value::Both(_, text) => owned([b"\"", &json(&text)[..], b"\""].concat()),
            Value::Null => Value::text("\"\""),
            Value::Int(_) | Value::Unset => value,
        },
        "The text as a JSON string, in quotes; empty quotes when it is undefined. A number stays one.",
    ),
    plain(
        "num",
        "fdigit",
        |_, value, _| digit(value, |digits| digits.first().copied()),
        "The first digit of a number.",
    ),
    plain("num", "ldigit", |_, value, _| digit(value, |digits| digits.last().copied()), "The last digit of a number."),
];

fn json(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 8);
    for byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            0..0x20 => {
                out.extend_from_slice(b"\\u00");
                super::coding::push_hex(&[*byte], &mut out);
            }
            _ => out.push(*byte),
        }
    }
    out
}

fn digit(value: Value, pick: fn(&[u8]) -> Option<u8>) -> Value {
    of_text(value, |text| {
        parse_int(text)?;
        let digits = text.strip_prefix(b"-").unwrap_or(text);
        Some(Value::Int(i64::from(pick(digits)?.wrapping_sub(b'0'))))
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, run};
    use crate::builtin::Value;

    #[test]
    fn values() {
        check(&[
            ("val.n0", "a", "a"),
            ("val.json", "a\"b\n\u{1}", "a\\\"b\\n\\u0001"),
            ("val.jsonqe", "a", "\"a\""),
            ("num.fdigit", "-471", "4"),
            ("num.ldigit", "471", "1"),
            ("num.ldigit", "x", "<null>"),
        ]);
        assert_eq!(run("val.n0", Value::Null), Value::Int(0));
        assert_eq!(run("val.ne", Value::Null), Value::text(""));
        assert_eq!(run("val.jsonqe", Value::Null), Value::text("\"\""));
        assert_eq!(run("val.jsonqe", Value::Int(5)), Value::Int(5));
    }
}
