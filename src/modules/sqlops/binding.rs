//! Which variables of an SQL text can be parameters: the text is read as far as literals, words and parentheses go.

use super::statement::{Literal, Parameter, Piece};
use crate::builtin::{Part, Template};

/// The SQL text with a `?` for each parameter, and the parameters.
pub(super) fn bind(template: &Template) -> (Vec<Piece>, Vec<Parameter>) {
    let mut reader = Reader { symbols: symbols(template), ..Reader::default() };
    reader.read(template);
    (reader.sql, reader.parameters)
}

// One byte of the text, or a variable.
#[derive(Clone, Copy, PartialEq)]
enum Symbol {
    Byte(u8),
    Variable(usize),
}

fn symbols(template: &Template) -> Vec<Symbol> {
    let mut symbols = Vec::new();
    for (at, part) in template.parts().iter().enumerate() {
        match part {
            Part::Text(text) => symbols.extend(text.iter().map(|byte| Symbol::Byte(*byte))),
            Part::Variable(_) => symbols.push(Symbol::Variable(at)),
        }
    }
    symbols
}

// What the text before the place says about it.
#[derive(Clone, Copy, PartialEq, Default)]
enum Before {
    // An operator, or a word after which an expression stands.
    Operator,
    // An opening parenthesis or comma of a list of expressions.
    Item,
    // `VALUES`.
    Values,
    // `IN`.
    In,
    // A word that names something.
    Name,
    // Anything else.
    #[default]
    Other,
}

#[derive(Clone, Copy, PartialEq)]
enum List {
    // Arguments of a function, or a row of VALUES.
    Expressions,
    // Columns, subqueries, lists after IN.
    Other,
}

#[derive(Default)]
struct Reader {
    symbols: Vec<Symbol>,
    sql: Vec<Piece>,
    parameters: Vec<Parameter>,
    before: Before,
    lists: Vec<List>,
    // After VALUES every parenthesis at this level opens a row.
    values: bool,
    // After LIMIT a comma is followed by a number.
    limit: bool,
    // After INTO a name is a table, and its parenthesis holds columns.
    into: bool,
}

impl Reader {
    fn read(&mut self, template: &Template) {
        let mut at = 0;
        while let Some(&symbol) = self.symbols.get(at) {
            at = match symbol {
                Symbol::Variable(part) => self.variable(template, at, part),
                Symbol::Byte(quote @ (b'\'' | b'"')) => self.quoted(at, quote),
                Symbol::Byte(b'`') => self.copy_past(at, at + 1, b"`"),
                Symbol::Byte(b'-') if self.byte(at + 1) == Some(b'-') => self.copy_past(at, at + 2, b"\n"),
                Symbol::Byte(b'/') if self.byte(at + 1) == Some(b'*') => self.copy_past(at, at + 2, b"*/"),
                Symbol::Byte(byte) if is_word(byte) => self.word(at),
                Symbol::Byte(byte) => {
                    if !byte.is_ascii_whitespace() {
                        self.punctuation(byte);
                    }
                    self.copy(at, at + 1)
                }
            };
        }
    }

    fn byte(&self, at: usize) -> Option<u8> {
        match self.symbols.get(at) {
            Some(Symbol::Byte(byte)) => Some(*byte),
            _ => None,
        }
    }

    // Takes symbols over as they stand; gives the place after them.
    fn copy(&mut self, from: usize, to: usize) -> usize {
        let to = to.min(self.symbols.len());
        let mut text = Vec::new();
        for symbol in self.symbols.get(from..to).unwrap_or_default() {
            match symbol {
                Symbol::Byte(byte) => text.push(*byte),
                Symbol::Variable(part) => {
                    push_text(&mut self.sql, &std::mem::take(&mut text));
                    self.sql.push(Piece::Pasted(*part));
                }
            }
        }
        push_text(&mut self.sql, &text);
        to
    }

    // The same up to and with the next `end`, or everything when there is none.
    fn copy_past(&mut self, from: usize, start: usize, end: &[u8]) -> usize {
        let mut at = start;
        while at < self.symbols.len() {
            if end.iter().enumerate().all(|(offset, byte)| self.byte(at + offset) == Some(*byte)) {
                return self.copy(from, at + end.len());
            }
            at += 1;
        }
        self.copy(from, at)
    }

    // A literal; in double quotes it is one only where an expression stands, else the name of a column.
    fn quoted(&mut self, from: usize, quote: u8) -> usize {
        let mut pieces: Vec<Literal> = Vec::new();
        let mut at = from + 1;
        loop {
            match self.symbols.get(at) {
                None => return self.copy(from, at),
                Some(Symbol::Variable(part)) => pieces.push(Literal::Variable(*part)),
                Some(Symbol::Byte(byte)) => {
                    if *byte == quote {
                        if self.byte(at + 1) != Some(quote) {
                            break;
                        }
                        at += 1;
                    }
                    match pieces.last_mut() {
                        Some(Literal::Text(text)) => text.push(*byte),
                        _ => pieces.push(Literal::Text(vec![*byte])),
                    }
                }
            }
            at += 1;
        }
        let has_variable = pieces.iter().any(|piece| matches!(piece, Literal::Variable(_)));
        if has_variable && (quote == b'\'' || self.expects_expression()) {
            push_text(&mut self.sql, b"?");
            self.parameters.push(Parameter::Literal(pieces));
        } else {
            self.copy(from, at + 1);
        }
        self.before = Before::Other;
        at + 1
    }

    fn variable(&mut self, template: &Template, at: usize, part: usize) -> usize {
        let touches = |symbol: Option<&Symbol>| match symbol {
            Some(Symbol::Byte(byte)) => is_word(*byte) || b".'\"`".contains(byte),
            Some(Symbol::Variable(_)) => true,
            None => false,
        };
        let before = at.checked_sub(1).and_then(|before| self.symbols.get(before));
        let whole = !touches(before) && !touches(self.symbols.get(at + 1));
        let escaped = match template.parts().get(part) {
            Some(Part::Variable(reference)) => {
                reference.transformations.last().is_some_and(|last| last.row.class == "sql")
            }
            _ => false,
        };
        if whole && (escaped || self.expects_expression()) {
            push_text(&mut self.sql, b"?");
            self.parameters.push(if escaped { Parameter::Escaped(part) } else { Parameter::Expression(part) });
        } else {
            self.sql.push(Piece::Pasted(part));
        }
        self.before = Before::Other;
        at + 1
    }

    fn expects_expression(&self) -> bool {
        match self.before {
            Before::Operator => true,
            Before::Item => self.limit || self.lists.last() == Some(&List::Expressions),
            Before::Values | Before::In | Before::Name | Before::Other => false,
        }
    }

    fn word(&mut self, from: usize) -> usize {
        let mut to = from;
        while self.byte(to).is_some_and(is_word) {
            to += 1;
        }
        let word: Vec<u8> = (from..to).filter_map(|at| self.byte(at)).map(|byte| byte.to_ascii_uppercase()).collect();
        let was_into = self.into;
        self.into = word == b"INTO" || was_into && word != b"VALUES" && word != b"SELECT";
        self.before = match &*word {
            b"LIMIT" | b"OFFSET" => {
                self.limit = true;
                Before::Operator
            }
            b"LIKE" | b"GLOB" | b"REGEXP" | b"MATCH" | b"AND" | b"OR" | b"NOT" | b"BETWEEN" | b"WHEN" | b"THEN"
            | b"ELSE" | b"IS" | b"CASE" => Before::Operator,
            b"VALUES" => {
                self.values = true;
                Before::Values
            }
            b"IN" => Before::In,
            b"SELECT" | b"FROM" | b"WHERE" | b"SET" | b"ON" | b"BY" | b"HAVING" => {
                self.limit = false;
                Before::Other
            }
            _ if word.first().is_some_and(u8::is_ascii_digit) => Before::Other,
            _ => Before::Name,
        };
        self.copy(from, to)
    }

    fn punctuation(&mut self, byte: u8) {
        self.before = match byte {
            b'(' => {
                let row = self.values && self.lists.is_empty() && matches!(self.before, Before::Values | Before::Item);
                let call = self.before == Before::Name && !self.into;
                self.lists.push(if row || call { List::Expressions } else { List::Other });
                Before::Item
            }
            b')' => {
                self.lists.pop();
                Before::Other
            }
            b',' => Before::Item,
            b'=' | b'<' | b'>' | b'!' | b'+' | b'-' | b'*' | b'/' | b'%' | b'|' | b'&' | b'~' => Before::Operator,
            _ => Before::Other,
        };
    }
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn push_text(pieces: &mut Vec<Piece>, text: &[u8]) {
    if text.is_empty() {
        return;
    }
    // A config is UTF-8 text in all but comments; what is not can match no statement anyway.
    let text = String::from_utf8_lossy(text);
    match pieces.last_mut() {
        Some(Piece::Text(before)) => before.push_str(&text),
        _ => pieces.push(Piece::Text(text.into_owned())),
    }
}
