//! The expressions of `#!ifexp`, `#!defexp` and `#!defexps`.

use super::lexer::{is_word_start, skip_blanks, string_end, word_end};
use crate::config::literal;
use std::cmp::Ordering;

/// What an expression yields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// A number.
    Int(i64),
    /// A string.
    Text(Vec<u8>),
}

/// What stands behind an id.
pub(super) enum Id {
    /// Not defined.
    Unknown,
    /// Defined, with this text or none.
    Known(Option<Vec<u8>>),
}

impl Value {
    /// Whether a condition holds.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Value::Int(value) => *value != 0,
            Value::Text(text) => !text.is_empty(),
        }
    }

    /// As text.
    pub(super) fn text(&self) -> Vec<u8> {
        match self {
            Value::Int(value) => value.to_string().into_bytes(),
            Value::Text(text) => text.clone(),
        }
    }

    fn int(&self) -> i64 {
        match self {
            Value::Int(value) => *value,
            Value::Text(text) => literal::number(text),
        }
    }
}

/// Computes `text`; `id` tells what a word stands for. `Err` holds the offset of what could not be read.
pub(super) fn evaluate(text: &[u8], id: &dyn Fn(&[u8]) -> Id) -> Result<Value, usize> {
    let mut reader = Reader { text, at: 0, depth: 0, id };
    let value = reader.binary(0)?;
    reader.blanks();
    if reader.at < text.len() { Err(reader.at) } else { Ok(value) }
}

/// Operators by precedence, weakest first; the longer of a common beginning comes first.
const LEVELS: [&[&[u8]]; 5] =
    [&[b"||"], &[b"&&"], &[b"==", b"!=", b"<=", b">=", b"<", b">"], &[b"+", b"-"], &[b"*", b"/", b"%"]];

/// Parentheses and prefixes nest no deeper.
const DEEPEST: usize = 40;

/// No string that is put together is longer.
const LONGEST_TEXT: usize = 1 << 16;

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
    id: &'a dyn Fn(&[u8]) -> Id,
}

impl Reader<'_> {
    fn blanks(&mut self) {
        self.at = skip_blanks(self.text, self.at, true);
    }

    fn binary(&mut self, level: usize) -> Result<Value, usize> {
        let Some(operators) = LEVELS.get(level) else { return self.operand() };
        let mut left = self.binary(level + 1)?;
        loop {
            self.blanks();
            let rest = &self.text[self.at..];
            let Some(operator) = operators.iter().find(|operator| rest.starts_with(operator)) else { return Ok(left) };
            self.at += operator.len();
            let right = self.binary(level + 1)?;
            left = apply(operator, &left, &right);
            if matches!(&left, Value::Text(text) if text.len() > LONGEST_TEXT) {
                return Err(self.at);
            }
        }
    }

    fn operand(&mut self) -> Result<Value, usize> {
        self.blanks();
        if self.depth > DEEPEST {
            return Err(self.at);
        }
        let start = self.at;
        match self.text.get(start).copied() {
            Some(sign @ (b'!' | b'-')) => {
                self.at += 1;
                self.depth += 1;
                let value = self.operand()?;
                self.depth -= 1;
                Ok(Value::Int(if sign == b'!' { i64::from(!value.is_true()) } else { value.int().wrapping_neg() }))
            }
            Some(b'(') => {
                self.at += 1;
                self.depth += 1;
                let value = self.binary(0)?;
                self.depth -= 1;
                self.blanks();
                if self.text.get(self.at) != Some(&b')') {
                    return Err(self.at);
                }
                self.at += 1;
                Ok(value)
            }
            Some(b'"' | b'\'') => {
                self.at = string_end(self.text, start).ok_or(start)?;
                Ok(Value::Text(literal::string(&self.text[start..self.at])))
            }
            Some(byte) if byte.is_ascii_digit() => {
                self.at = word_end(self.text, start);
                Ok(Value::Int(literal::number(&self.text[start..self.at])))
            }
            Some(byte) if is_word_start(byte) => {
                self.at = word_end(self.text, start);
                Ok(word(&self.text[start..self.at], self.id))
            }
            _ => Err(start),
        }
    }
}

/// The value of a word: what it is defined as, 1 for an empty define, 0 for an unknown one.
fn word(name: &[u8], id: &dyn Fn(&[u8]) -> Id) -> Value {
    let text = match id(name) {
        Id::Unknown => return Value::Int(literal::number_word(name).unwrap_or(0)),
        Id::Known(None) => return Value::Int(1),
        Id::Known(Some(text)) => text,
    };
    let text = text.trim_ascii();
    let quoted = matches!(text.first(), Some(b'"' | b'\'')) && string_end(text, 0) == Some(text.len());
    if quoted {
        Value::Text(literal::string(text))
    } else if !text.is_empty() && text.iter().all(u8::is_ascii_digit) {
        Value::Int(literal::number(text))
    } else {
        Value::Text(text.to_vec())
    }
}

fn apply(operator: &[u8], left: &Value, right: &Value) -> Value {
    let order = || match (left, right) {
        (Value::Text(left), right) => left.cmp(&right.text()),
        (left, right) => left.int().cmp(&right.int()),
    };
    let (a, b) = (left.int(), right.int());
    Value::Int(match operator {
        b"||" => i64::from(left.is_true() || right.is_true()),
        b"&&" => i64::from(left.is_true() && right.is_true()),
        b"==" => i64::from(order() == Ordering::Equal),
        b"!=" => i64::from(order() != Ordering::Equal),
        b"<=" => i64::from(order() != Ordering::Greater),
        b">=" => i64::from(order() != Ordering::Less),
        b"<" => i64::from(order() == Ordering::Less),
        b">" => i64::from(order() == Ordering::Greater),
        b"+" => match left {
            Value::Text(left) => return Value::Text([&left[..], &right.text()].concat()),
            Value::Int(_) => a.wrapping_add(b),
        },
        b"-" => a.wrapping_sub(b),
        b"*" => a.wrapping_mul(b),
        b"/" => a.checked_div(b).unwrap_or(0),
        _ => a.checked_rem(b).unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Result<Value, usize> {
        evaluate(text.as_bytes(), &|name| match name {
            b"FIVE" => Id::Known(Some(b"5".to_vec())),
            b"HOST" => Id::Known(Some(b"\"a.b\"".to_vec())),
            b"SET" => Id::Known(None),
            _ => Id::Unknown,
        })
    }

    #[test]
    fn values() {
        assert_eq!(value("3600/2-100"), Ok(Value::Int(1700)));
        assert_eq!(value("FIVE >= 5 && !NOTHING"), Ok(Value::Int(1)));
        assert_eq!(value("\"sip:\" + HOST + \":\" + FIVE"), Ok(Value::Text(b"sip:a.b:5".to_vec())));
        assert_eq!(value("HOST != \"\""), Ok(Value::Int(1)));
        assert_eq!(value("(SET == 1) * 2"), Ok(Value::Int(2)));
        assert_eq!(value("1 +"), Err(3));
        assert!(value(&"(".repeat(10_000)).is_err());
    }
}
