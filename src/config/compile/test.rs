//! Old-style tests: a word, an operator, and what the word may be compared with.

use super::Compiler;
use super::known::{Type, sign};
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

/// `word operator right`, while it is compiled.
pub(super) struct WordTest<'c, 'a> {
    pub(super) compiler: &'c mut Compiler<'a>,
    pub(super) word: &'c str,
    /// Where the word stands.
    pub(super) at: Span,
    pub(super) operator: BinaryOperator,
    pub(super) right: &'c Expression,
    /// Where the whole test stands.
    pub(super) span: Span,
}

impl WordTest<'_, '_> {
    /// Emits what pushes whether it holds.
    pub(super) fn emit(self) {
        let WordTest { word, at, right, .. } = self;
        // `myself == uri` is `uri == myself`.
        if let (MYSELF, ExpressionKind::Word(other)) = (word, &right.kind)
            && other != MYSELF
        {
            let myself = Expression { kind: ExpressionKind::Word(MYSELF.to_owned()), span: at };
            return WordTest { word: other, at: right.span, right: &myself, ..self }.emit();
        }
        let Some((_, row)) = self.compiler.names.registry.word(word).filter(|(_, row)| row.kind != WordKind::Value)
        else {
            return self.compiler.no_value(word, at);
        };
        if !row.routes.allows(self.compiler.kind) {
            let message = format!("{word} cannot be used in {}", article(self.compiler.kind));
            self.compiler.error("wrong-route", message, at);
        }
        if !allows(row.kind, self.operator) {
            let message = format!("{word} cannot be compared with {}", sign(self.operator));
            self.compiler.error("bad-test", message, self.span);
        }
        self.compare(row);
    }

    fn compare(mut self, row: &Word) {
        let WordTest { word, operator, right, span, .. } = self;
        let negated = matches!(operator, BinaryOperator::NotEqual | BinaryOperator::TextNotEqual);
        let asks_myself = matches!(&right.kind, ExpressionKind::Word(word) if word == MYSELF);
        let Some(reference) = word_reference(&self.compiler.names, word, asks_myself) else { return };
        self.compiler.load(reference, right.span);
        if asks_myself {
            if !matches!(row.kind, WordKind::Uri | WordKind::Address) || operator == BinaryOperator::Match {
                self.compiler.error("bad-test", format!("{word} cannot be compared so with myself"), span);
            }
            if negated {
                self.compiler.emit(Op::Unary(UnaryOperator::Not), span);
            }
            return;
        }
        if operator == BinaryOperator::Match {
            return self.compiler.matches(right, span);
        }
        let kind = self.right_side(row.kind);
        self.compiler.emit(Op::Test(kind, operator), span);
    }

    /// Emits what pushes the right side; gives how the word is compared with it.
    fn right_side(&mut self, kind: WordKind) -> Test {
        let WordTest { word, right, .. } = *self;
        let mut compared = match kind {
            WordKind::Text | WordKind::Uri => Test::Text,
            WordKind::Address => Test::Address,
            WordKind::Number | WordKind::Protocol | WordKind::Value => Test::Number,
        };
        match (&right.kind, kind) {
            (ExpressionKind::Word(host), WordKind::Text | WordKind::Address) => self.fixed(host),
            (ExpressionKind::Address(network), WordKind::Address) => {
                if !is_network(network.as_bytes()) {
                    let message = format!("{network} is no address and no network");
                    self.compiler.error("bad-address", message, right.span);
                }
                self.fixed(network);
            }
            (ExpressionKind::Word(protocol), WordKind::Protocol) => {
                let known = self.compiler.names.registry.word(protocol).filter(|(_, row)| row.kind == WordKind::Value);
                match known.and_then(|_| word_reference(&self.compiler.names, protocol, false)) {
                    Some(reference) => self.compiler.load(reference, right.span),
                    None => self.compiler.no_value(protocol, right.span),
                }
            }
            _ => {
                if compared == Test::Number && matches!(self.compiler.folded(right), Some(Value::Text(_))) {
                    compared = Test::Constant;
                    let message = format!("{word} is a number, and this is a string: the test always fails");
                    self.compiler.diagnostics.push(Diagnostic::warning("failing-test", message, right.span));
                }
                if self.compiler.value(right) == Type::Int && compared == Test::Address {
                    let message = format!("{word} is an address, and this is an integer");
                    self.compiler.error("type-mismatch", message, right.span);
                }
            }
        }
        compared
    }

    /// Emits what pushes the text of the right side as it is.
    fn fixed(&mut self, text: &str) {
        let place = self.compiler.constant(&Bytes::from(text.to_owned()));
        self.compiler.emit(Op::Constant(place), self.right.span);
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
