//! An SQL text with variables, prepared once: what can be bound becomes a parameter, so that no value is ever read as SQL.

use crate::builtin::sql::{self, Piece, Symbol};
use crate::builtin::{Context, DatabaseId, KeyKind, Part, Query, Reference, Template, Value, parse_int};
use bytes::Bytes;
use std::sync::Arc;

/// A statement as a call site prepared it.
#[derive(Debug)]
pub(super) struct Statement {
    template: Template,
    pieces: Vec<Piece>,
    // The text when it is the same at each call.
    fixed: Option<Arc<str>>,
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
        let mut statement = Statement { template: template.clone(), pieces, fixed: None };
        if !statement.pieces.iter().any(varies) {
            let text: Vec<u8> = statement.pieces.iter().flat_map(|piece| sql::constant(piece).to_vec()).collect();
            statement.fixed = Some(Arc::from(String::from_utf8_lossy(&text)));
        }
        statement
    }

    /// The text that is the same at each call; `None` when it holds names that variables give.
    pub(super) fn fixed(&self) -> Option<&Arc<str>> {
        self.fixed.as_ref()
    }

    /// The statement with the values of this moment.
    ///
    /// # Errors
    /// A value that is no name, where one must stand.
    pub(super) fn query(&self, cx: &mut Context, database: DatabaseId) -> Result<Query, NoName> {
        let (statement, fixed) = match &self.fixed {
            Some(text) => (text.clone(), true),
            None => {
                let text =
                    sql::write(&self.pieces, &mut |at| self.value(cx, at).to_text()).map_err(|at| self.no_name(at))?;
                (Arc::from(String::from_utf8_lossy(&text)), false)
            }
        };
        let parameters = self.pieces.iter().filter_map(|piece| self.bind(cx, piece)).collect();
        Ok(Query { database, statement, fixed, parameters })
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
