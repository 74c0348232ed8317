//! An SQL text with variables, prepared once: what can be bound becomes a parameter, so that no value is ever read as SQL.

use crate::builtin::sql::{self, Piece, Symbol};
use crate::builtin::{Connected, Context, KeyKind, Part, Query, Reference, Template, Value, parse_int};
use bytes::Bytes;
use std::sync::{Arc, OnceLock};

/// A statement as a call site prepared it.
#[derive(Debug)]
pub(super) struct Statement {
    template: Template,
    pieces: Vec<Piece>,
    /// The text, once it was asked for, when it is the same at each call: `None` when it is not.
    fixed: Option<OnceLock<Arc<str>>>,
}

/// A value that is no name stands where only a name can.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoName {
    /// The variable as written.
    pub(super) variable: Box<str>,
}

impl Statement {
    /// Finds out what of the text can be bound.
    pub(super) fn new(template: &Template) -> Statement {
        let pieces = sql::pieces(&symbols(template));
        let varies = |piece: &Piece| matches!(piece, Piece::Name(..) | Piece::Quoted(..) | Piece::Pasted(_));
        let fixed = (!pieces.iter().any(varies)).then(OnceLock::new);
        Statement { template: template.clone(), pieces, fixed }
    }

    /// The text that is the same at each call, once it was asked for; `None` when it holds names that variables give.
    pub(super) fn fixed(&self) -> Option<&Arc<str>> {
        self.fixed.as_ref()?.get()
    }

    /// The statement with the values of this moment.
    ///
    /// # Errors
    /// A value that is no name, where one must stand.
    pub(super) fn query(&self, cx: &mut Context, connected: Connected) -> Result<Query, NoName> {
        let kept = self.fixed.as_ref().and_then(OnceLock::get).cloned();
        let statement = match kept {
            Some(text) => text,
            None => {
                let mark = connected.dialect.mark;
                let text = sql::write(&self.pieces, mark, &mut |at| self.value(cx, at).to_text());
                let text = Arc::from(String::from_utf8_lossy(&text.map_err(|at| self.no_name(at))?));
                match &self.fixed {
                    // A call has one connection, and so one dialect.
                    Some(fixed) => fixed.get_or_init(|| text).clone(),
                    None => text,
                }
            }
        };
        let parameters = self.pieces.iter().filter_map(|piece| self.bind(cx, piece)).collect();
        Ok(Query { database: connected.id, statement, fixed: self.fixed.is_some(), parameters })
    }

    fn variable(&self, at: usize) -> Option<&Reference> {
        match self.template.parts().get(at) {
            Some(Part::Variable(reference)) => Some(reference),
            _ => None,
        }
    }

    fn no_name(&self, at: usize) -> NoName {
        NoName { variable: self.variable(at).map(|reference| reference.text.clone()).unwrap_or_default() }
    }

    fn value(&self, cx: &mut Context, at: usize) -> Value {
        self.variable(at).map_or(Value::Null, |reference| reference.value(cx))
    }

    /// The value of a parameter.
    fn bind(&self, cx: &mut Context, piece: &Piece) -> Option<Value> {
        match piece {
            Piece::Literal(parts) => Some(match &**parts {
                [sql::Part::Variable(at)] => match self.value(cx, *at) {
                    Value::Null => Value::text("<null>"),
                    value => Value::Text(value.to_text()),
                },
                parts => {
                    let mut out = Vec::with_capacity(64);
                    for part in parts {
                        match part {
                            sql::Part::Text(text) => out.extend_from_slice(text),
                            sql::Part::Variable(at) => self.value(cx, *at).print(&mut out),
                        }
                    }
                    Value::Text(Bytes::from(out))
                }
            }),
            Piece::Value(at) if self.variable(*at).is_some_and(is_literal) => Some(unescape(self.value(cx, *at))),
            Piece::Value(at) => Some(number_or_text(self.value(cx, *at))),
            Piece::Text(_) | Piece::Name(..) | Piece::Quoted(..) | Piece::Pasted(_) => None,
        }
    }
}

fn symbols(template: &Template) -> Vec<Symbol> {
    let mut symbols = Vec::new();
    for (at, part) in template.parts().iter().enumerate() {
        match part {
            Part::Text(text) => symbols.extend(text.iter().map(|byte| Symbol::Byte(*byte))),
            Part::Variable(reference) => {
                let row = reference.variable;
                let kept = row.set.is_some() && !matches!(row.key, KeyKind::None);
                symbols.push(Symbol::Variable { at, kept, literal: is_literal(reference) });
            }
        }
    }
    symbols
}

/// Whether its value is an SQL literal that a transformation made.
fn is_literal(reference: &Reference) -> bool {
    reference.transformations.last().is_some_and(|last| last.row.class == "sql")
}

// A digit string without quotes is a number in SQL; anything else can only have been meant as text.
fn number_or_text(value: Value) -> Value {
    match value {
        Value::Both(number, _) => Value::Int(number),
        Value::Text(text) if !text.is_empty() && !text.starts_with(b"0x") => match parse_int(&text) {
            Some(number) => Value::Int(number),
            None => Value::Text(text),
        },
        value => value,
    }
}

// What `{sql.val}` made, taken apart again, so that the value can be bound whatever the database thinks of backslashes.
fn unescape(value: Value) -> Value {
    let Value::Text(text) = value else { return value };
    if text == "NULL"[..] {
        return Value::Null;
    }
    let Some(inner) = text.strip_prefix(b"'").and_then(|rest| rest.strip_suffix(b"'")) else {
        return number_or_text(Value::Text(text));
    };
    let mut out = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'\\' => match bytes.next() {
                Some(b'0') => out.push(0),
                Some(&escaped) => out.push(escaped),
                None => out.push(b'\\'),
            },
            byte => out.push(byte),
        }
    }
    Value::Text(Bytes::from(out))
}
