//! Old-style tests: a word, an operator, and what the word may be compared with.

use super::Compiler;
use super::expression::{Type, sign};
use crate::builtin::{Value, Word, WordKind};
use crate::config::ast::{BinaryOperator, Expression, ExpressionKind, UnaryOperator};
use crate::config::routes::article;
use crate::config::variable::word_reference;
use crate::language::Test;
use crate::script::Op;
use crate::sip::is_network;
use crate::source::{Diagnostic, Span};
use bytes::Bytes;

/// The word for the server itself.
const MYSELF: &str = "myself";

impl Compiler<'_> {
    /// `word operator right`: pushes whether it holds.
    pub(super) fn test(&mut self, word: &str, operator: BinaryOperator, at: Span, right: &Expression, span: Span) {
        // `myself == uri` is `uri == myself`.
        if let (MYSELF, ExpressionKind::Word(other)) = (word, &right.kind)
            && other != MYSELF
        {
            let myself = Expression { kind: ExpressionKind::Word(MYSELF.to_owned()), span: at };
            return self.test(other, operator, right.span, &myself, span);
        }
        let Some((_, row)) = self.names.registry.word(word).filter(|(_, row)| row.kind != WordKind::Value) else {
            return self.no_value(word, at);
        };
        if !row.routes.allows(self.kind) {
            let message = format!("{word} cannot be used in {}", article(self.kind));
            self.error("wrong-route", message, at);
        }
        if !allows(row.kind, operator) {
            let message = format!("{word} cannot be compared with {}", sign(operator));
            self.error("bad-test", message, span);
        }
        self.compare(word, row, operator, right, span);
    }

    fn compare(&mut self, word: &str, row: &Word, operator: BinaryOperator, right: &Expression, span: Span) {
        let negated = matches!(operator, BinaryOperator::NotEqual | BinaryOperator::TextNotEqual);
        let asks_myself = matches!(&right.kind, ExpressionKind::Word(word) if word == MYSELF);
        let Some(reference) = word_reference(&self.names, word, asks_myself) else { return };
        self.load(reference, right.span);
        if asks_myself {
            if !matches!(row.kind, WordKind::Uri | WordKind::Address) || operator == BinaryOperator::Match {
                self.error("bad-test", format!("{word} cannot be compared so with myself"), span);
            }
            if negated {
                self.emit(Op::Unary(UnaryOperator::Not), span);
            }
            return;
        }
        if operator == BinaryOperator::Match {
            return self.matches(right, span);
        }
        let mut kind = match row.kind {
            WordKind::Text | WordKind::Uri => Test::Text,
            WordKind::Address => Test::Address,
            WordKind::Number | WordKind::Protocol | WordKind::Value => Test::Number,
        };
        match (&right.kind, row.kind) {
            (ExpressionKind::Word(host), WordKind::Text | WordKind::Address) => {
                let place = self.constant(&Bytes::from(host.clone()));
                self.emit(Op::Constant(place), right.span);
            }
            (ExpressionKind::Address(network), WordKind::Address) => {
                if !is_network(network.as_bytes()) {
                    self.error("bad-address", format!("{network} is no address and no network"), right.span);
                }
                let place = self.constant(&Bytes::from(network.clone()));
                self.emit(Op::Constant(place), right.span);
            }
            (ExpressionKind::Word(protocol), WordKind::Protocol) => {
                let known = self.names.registry.word(protocol).filter(|(_, row)| row.kind == WordKind::Value);
                match known.and_then(|_| word_reference(&self.names, protocol, false)) {
                    Some(reference) => self.load(reference, right.span),
                    None => self.no_value(protocol, right.span),
                }
            }
            _ => {
                if kind == Test::Number && matches!(self.folded(right), Some(Value::Text(_))) {
                    kind = Test::Constant;
                    let message = format!("{word} is a number, and this is a string: the test always fails");
                    self.diagnostics.push(Diagnostic::warning("failing-test", message, right.span));
                }
                if self.value(right) == Type::Int && kind == Test::Address {
                    let message = format!("{word} is an address, and this is an integer");
                    self.error("type-mismatch", message, right.span);
                }
            }
        }
        self.emit(Op::Test(kind, operator), span);
    }
}

/// Which operators a word may stand on the left of.
fn allows(kind: WordKind, operator: BinaryOperator) -> bool {
    use BinaryOperator as O;
    match operator {
        O::Equal | O::NotEqual | O::TextEqual | O::TextNotEqual => true,
        O::Match => matches!(kind, WordKind::Text | WordKind::Uri | WordKind::Address),
        O::Less | O::Greater | O::LessEqual | O::GreaterEqual => kind == WordKind::Number,
        _ => false,
    }
}
