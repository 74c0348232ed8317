//! Expressions.

use super::Compiler;
use crate::builtin::{Extension, Reference, Regex};
use crate::config::ast::{BinaryOperator, Expression, ExpressionKind, UnaryOperator};
use crate::config::variable::word_reference;
use crate::script::Op;
use crate::source::{Diagnostic, Span};
use bytes::Bytes;
use std::sync::Arc;

impl Compiler<'_> {
    /// Emits what pushes the value of an expression.
    pub(super) fn value(&mut self, expression: &Expression) {
        let span = expression.span;
        match &expression.kind {
            ExpressionKind::Int(number) => {
                self.emit(Op::Int(*number as i32), span);
            }
            ExpressionKind::Text(text) => {
                let place = self.constant(text);
                self.emit(Op::Constant(place), span);
            }
            ExpressionKind::Variable(variable) => match self.reference(variable) {
                Some(reference) => self.load(reference, span),
                None => {
                    self.emit(Op::Null, span);
                }
            },
            ExpressionKind::Select(path) => {
                self.error("unsupported-select", format!("the select @{path} is not supported"), span);
                self.emit(Op::Null, span);
            }
            ExpressionKind::Word(word) => self.word(word, span),
            ExpressionKind::Address(text) => {
                let place = self.constant(&Bytes::from(text.clone()));
                self.emit(Op::Constant(place), span);
            }
            ExpressionKind::Call(call) => {
                self.call(call);
                self.emit(Op::LoadTruth, span);
            }
            ExpressionKind::Assign(assign) => {
                self.assign(assign);
                self.emit(Op::LoadTruth, span);
            }
            ExpressionKind::Block(block) => {
                self.nested(block);
                self.emit(Op::LoadTruth, span);
            }
            ExpressionKind::Unary(operator, operand) => self.unary(*operator, operand, span),
            ExpressionKind::Binary(operator, left, right) => self.binary(*operator, left, right, span),
            ExpressionKind::Choose(three) => self.choose(three, span),
        }
    }

    fn load(&mut self, reference: Reference, span: Span) {
        let place = self.keep(reference);
        self.emit(Op::Load(place), span);
    }

    /// A bare word: an operand such as `src_ip`, a flag, or plain text.
    fn word(&mut self, word: &str, span: Span) {
        if let Some(place) = self.flags.get(word) {
            let place = *place as i32;
            self.emit(Op::Int(place), span);
            return;
        }
        match word_reference(&mut self.names, word, None) {
            Ok(reference) => self.load(reference, span),
            Err(_) => {
                let place = self.constant(&Bytes::from(word.to_owned()));
                self.emit(Op::Constant(place), span);
            }
        }
    }

    fn unary(&mut self, operator: UnaryOperator, operand: &Expression, span: Span) {
        match (operator, &operand.kind) {
            // Folded, so that -5 is a constant.
            (UnaryOperator::Negate, ExpressionKind::Int(number)) => {
                self.emit(Op::Int((*number as i32).wrapping_neg()), span);
            }
            // Only a variable can be undefined.
            (UnaryOperator::Defined, ExpressionKind::Variable(_) | ExpressionKind::Select(_)) => {
                self.value(operand);
                self.emit(Op::Unary(operator), span);
            }
            (UnaryOperator::Defined, _) => {
                self.emit(Op::Int(1), span);
            }
            _ => {
                self.value(operand);
                self.emit(Op::Unary(operator), span);
            }
        }
    }

    fn binary(&mut self, operator: BinaryOperator, left: &Expression, right: &Expression, span: Span) {
        match operator {
            BinaryOperator::And | BinaryOperator::Or => {
                self.value(left);
                let jump = if operator == BinaryOperator::And { Op::JumpIfZero(0) } else { Op::JumpIfNotZero(0) };
                let end = self.emit(jump, left.span);
                self.value(right);
                self.emit(Op::Truth, span);
                self.land(end);
            }
            BinaryOperator::Match => self.matches(left, right, span),
            BinaryOperator::Equal | BinaryOperator::NotEqual => self.equality(operator, left, right, span),
            _ => {
                self.value(left);
                self.value(right);
                self.emit(Op::Binary(operator), span);
            }
        }
    }

    fn matches(&mut self, left: &Expression, right: &Expression, span: Span) {
        self.value(left);
        if let ExpressionKind::Text(pattern) = &right.kind {
            if let Some((at, _)) = self.regex(pattern, right.span) {
                self.emit(Op::Match(at), span);
            }
            return;
        }
        self.value(right);
        self.emit(Op::MatchComputed, span);
    }

    /// Compiles a constant pattern of `=~`; gives its place and how many groups it has.
    pub(super) fn regex(&mut self, pattern: &Bytes, span: Span) -> Option<(u32, usize)> {
        match Regex::new(pattern, true, self.names.extensions) {
            Ok(regex) => {
                if regex.is_perl() {
                    self.extensions.push((Extension::PerlRegex, span));
                }
                let groups = regex.groups();
                self.program.regexes.push(Arc::new(regex));
                Some((self.program.regexes.len() as u32 - 1, groups))
            }
            Err(why) => {
                let mut diagnostic = Diagnostic::error("bad-regex", format!("bad regular expression: {why}"), span);
                if why.contains("Perl") {
                    diagnostic =
                        diagnostic.help("=~ ignores case by itself; write [0-9] for \\d and [[:space:]] for \\s");
                }
                self.diagnostics.push(diagnostic);
                None
            }
        }
    }

    /// `==` and `!=`: with `$null` on the right a test for being undefined, with `myself` or a network a question about addresses.
    fn equality(&mut self, operator: BinaryOperator, left: &Expression, right: &Expression, span: Span) {
        let negated = operator == BinaryOperator::NotEqual;
        if let ExpressionKind::Variable(variable) = &right.kind
            && &*variable.text == b"null"
        {
            self.value(left);
            self.emit(Op::IsNull, span);
        } else if let Some(reference) = self.address_test(left, right) {
            self.load(reference, span);
        } else {
            self.value(left);
            self.value(right);
            self.emit(Op::Binary(operator), span);
            return;
        }
        if negated {
            self.emit(Op::Unary(UnaryOperator::Not), span);
        }
    }

    fn address_test(&mut self, left: &Expression, right: &Expression) -> Option<Reference> {
        let (word, test, param) = match (&left.kind, &right.kind) {
            (ExpressionKind::Word(word), ExpressionKind::Word(myself)) if myself == "myself" => (word, "myself", None),
            (ExpressionKind::Word(myself), ExpressionKind::Word(word)) if myself == "myself" => (word, "myself", None),
            (ExpressionKind::Word(word), ExpressionKind::Address(network)) => (word, "network", Some(network.as_str())),
            (ExpressionKind::Word(word), ExpressionKind::Text(text)) if word.ends_with("_ip") => {
                let network = std::str::from_utf8(text).ok()?;
                (word, "network", Some(network))
            }
            _ => return None,
        };
        word_reference(&mut self.names, word, Some((test, param))).ok()
    }

    fn choose(&mut self, three: &[Expression; 3], span: Span) {
        let [condition, then, otherwise] = three;
        self.value(condition);
        let unless = self.emit(Op::JumpUnless(0), condition.span);
        self.value(then);
        let end = self.emit(Op::Jump(0), span);
        self.land(unless);
        self.value(otherwise);
        self.land(end);
    }
}
