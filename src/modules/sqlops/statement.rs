//! An SQL text with variables, prepared once: what can be bound becomes a parameter, so that no value is ever read as SQL.

use super::binding;
use crate::builtin::{ConnectionId, Context, Part, Query, Template, Value, parse_int};
use bytes::Bytes;
use std::sync::Arc;

/// A statement as a call site prepared it.
#[derive(Debug)]
pub struct Statement {
    template: Template,
    sql: Vec<Piece>,
    parameters: Vec<Parameter>,
    // The text when nothing is pasted.
    fixed: Option<Arc<str>>,
}

/// A piece of the SQL text.
#[derive(Debug, PartialEq)]
pub(super) enum Piece {
    /// As written.
    Text(String),
    /// The value of this part of the template, read as SQL.
    Pasted(usize),
}

/// Where the value of a `?` comes from.
#[derive(Debug, PartialEq)]
pub(super) enum Parameter {
    /// A literal: its pieces put together.
    Literal(Vec<Literal>),
    /// A variable where an expression may stand.
    Expression(usize),
    /// The same, but its value is an SQL literal that `{sql.val}` made.
    Escaped(usize),
}

/// A piece of a literal.
#[derive(Debug, PartialEq)]
pub(super) enum Literal {
    /// As written.
    Text(Vec<u8>),
    /// The value of this part of the template.
    Variable(usize),
}

impl Statement {
    /// Finds out what of the text can be bound.
    pub fn new(template: &Template) -> Statement {
        let (sql, parameters) = binding::bind(template);
        let fixed = match &*sql {
            [] => Some(Arc::from("")),
            [Piece::Text(text)] => Some(Arc::from(text.as_str())),
            _ => None,
        };
        Statement { template: template.clone(), sql, parameters, fixed }
    }

    /// The variables whose values are read as SQL because they stand where nothing can be bound.
    pub fn pasted(&self) -> impl Iterator<Item = &str> {
        self.sql.iter().filter_map(|piece| match piece {
            Piece::Pasted(at) => self.variable(*at).map(|reference| &*reference.text),
            Piece::Text(_) => None,
        })
    }

    /// The text that is the same at each call; `None` when values are pasted into it.
    pub fn fixed(&self) -> Option<&Arc<str>> {
        self.fixed.as_ref()
    }

    /// The statement with the values of this moment.
    pub fn query(&self, cx: &mut Context, connection: ConnectionId) -> Query {
        let parameters = self.parameters.iter().map(|parameter| self.bind(cx, parameter)).collect();
        match &self.fixed {
            Some(text) => Query { connection, statement: text.clone(), fixed: true, parameters },
            None => Query { connection, statement: self.expand(cx), fixed: false, parameters },
        }
    }

    fn variable(&self, at: usize) -> Option<&crate::builtin::Reference> {
        match self.template.parts().get(at) {
            Some(Part::Variable(reference)) => Some(reference),
            _ => None,
        }
    }

    fn value(&self, cx: &mut Context, at: usize) -> Value {
        self.variable(at).map_or(Value::Null, |reference| reference.value(cx))
    }

    fn expand(&self, cx: &mut Context) -> Arc<str> {
        let mut out = Vec::with_capacity(128);
        for piece in &self.sql {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
                Piece::Pasted(at) => self.value(cx, *at).print(&mut out),
            }
        }
        Arc::from(String::from_utf8_lossy(&out))
    }

    fn bind(&self, cx: &mut Context, parameter: &Parameter) -> Value {
        match parameter {
            Parameter::Literal(pieces) => match &**pieces {
                [Literal::Variable(at)] => match self.value(cx, *at) {
                    Value::Null => Value::text("<null>"),
                    value => Value::Text(value.to_text()),
                },
                pieces => {
                    let mut out = Vec::with_capacity(64);
                    for piece in pieces {
                        match piece {
                            Literal::Text(text) => out.extend_from_slice(text),
                            Literal::Variable(at) => self.value(cx, *at).print(&mut out),
                        }
                    }
                    Value::Text(Bytes::from(out))
                }
            },
            Parameter::Expression(at) => number_or_text(self.value(cx, *at)),
            Parameter::Escaped(at) => unescape(self.value(cx, *at)),
        }
    }
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
