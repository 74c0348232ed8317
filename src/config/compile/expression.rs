//! Expressions: what pushes their value, and whether their types agree.
//!
//! Kamailio knows beforehand whether a constant, a call or most operators give an integer or a string, and refuses what cannot fit. Where an
//! integer is wanted, `+` adds integers whatever its sides look like; elsewhere its left side decides while it runs.

use super::Compiler;
use super::known::{Simpler, Type, constant, is_empty, is_null, is_operator, sign, simpler, static_type};
use super::test::WordTest;
use crate::builtin::{Extension, Fault, Reference, Value};
use crate::catalogue::Kind;
use crate::config::ast::{BinaryOperator, Call, Expression, ExpressionKind, Name, UnaryOperator};
use crate::config::unsupported::Unsupported;
use crate::script::Op;
use crate::source::{Diagnostic, Span};
use bytes::Bytes;

impl Compiler<'_> {
    /// Emits what pushes the value of an expression.
    pub(super) fn value(&mut self, expression: &Expression) -> Type {
        let span = expression.span;
        if let Some((value, its_type)) = self.precomputed(expression) {
            self.program.constants.push(value);
            self.emit(Op::Constant(self.program.constants.len() as u32 - 1), span);
            return its_type;
        }
        match &expression.kind {
            ExpressionKind::Int(number) => {
                self.emit(Op::Int(*number as i32), span);
                Type::Int
            }
            ExpressionKind::Text(text) => {
                let place = self.constant(text);
                self.emit(Op::Constant(place), span);
                Type::Text
            }
            ExpressionKind::Variable(variable) => {
                match self.reference(variable) {
                    Some(reference) => self.load(reference, span),
                    None => {
                        self.emit(Op::Null, span);
                    }
                }
                Type::Unknown
            }
            ExpressionKind::Select(path) => {
                // A select is text; one that is undefined is empty. Only `defined` and `$null` see the difference.
                let empty = self.constant(&Bytes::new());
                self.emit(Op::Constant(empty), span);
                self.select(path, span);
                self.emit(Op::Binary(BinaryOperator::Add), span);
                Type::Text
            }
            ExpressionKind::Word(word) if self.names.registry.is_bare_call(word) => {
                let name = Name { text: word.clone(), span };
                let call = Call { name, args: Vec::new(), parentheses: false, first_comma: None, span };
                self.value(&Expression { kind: ExpressionKind::Call(call), span })
            }
            ExpressionKind::Word(word) | ExpressionKind::Address(word) => {
                self.no_value(word, span);
                Type::Unknown
            }
            ExpressionKind::Call(call) => {
                let start = self.emit(Op::Operand(0), span);
                self.call(call);
                self.emit(Op::LoadTruth, span);
                self.land(start);
                Type::Int
            }
            ExpressionKind::Assign(assign) => {
                let start = self.emit(Op::Operand(0), span);
                self.assign(assign);
                self.emit(Op::LoadTruth, span);
                self.land(start);
                Type::Int
            }
            ExpressionKind::Block(block) => {
                let start = self.emit(Op::Operand(0), span);
                self.operand_block(block);
                self.emit(Op::LoadTruth, span);
                self.land(start);
                Type::Int
            }
            ExpressionKind::Unary(operator, operand) => self.unary(*operator, operand, span),
            ExpressionKind::Binary(operator, left, right) => self.binary(*operator, left, right, span),
            ExpressionKind::Choose(three) => self.choose(three, span, Compiler::value),
        }
    }

    fn select(&mut self, path: &str, span: Span) {
        match self.names.prepare(|cx| cx.select(path)) {
            Ok(reference) => self.load(reference, span),
            Err(Fault { message, help }) => {
                match self.names.registry.foreign_select(path) {
                    Some(module) => {
                        let kind = Some(Kind::Select);
                        self.unsupported.push(Unsupported { kind, name: path.to_owned(), module, span });
                    }
                    None => {
                        let mut diagnostic = Diagnostic::error("unknown-select", message, span);
                        let module = self.names.registry.module_of_select(path);
                        let load = module
                            .map(|module| format!("it belongs to the module {module}: add loadmodule \"{module}.so\""));
                        diagnostic.help = load.or(help);
                        self.diagnostics.push(diagnostic);
                    }
                }
                self.emit(Op::Null, span);
            }
        }
    }

    /// Emits what pushes the value of an expression where an integer is wanted.
    pub(super) fn int(&mut self, expression: &Expression) -> Type {
        match &expression.kind {
            _ if !self.folding && constant(expression).is_some() => self.value(expression),
            // An integer that has a text form is an integer.
            ExpressionKind::Unary(UnaryOperator::ToText, inner) if !self.folding => {
                self.value(inner);
                Type::Text
            }
            // Strings are joined first.
            ExpressionKind::Binary(BinaryOperator::Add, left, _) if static_type(left) == Type::Text => {
                self.value(expression)
            }
            ExpressionKind::Binary(BinaryOperator::Add, left, right) => {
                let types = (self.int(left), self.int(right));
                self.left_decides(BinaryOperator::Add, types, right);
                self.emit(Op::AddInts, expression.span);
                types.0
            }
            ExpressionKind::Choose(three) => self.choose(three, expression.span, Compiler::int),
            _ => self.value(expression),
        }
    }

    /// The same, and what is known to be a string is refused.
    pub(super) fn number(&mut self, expression: &Expression, who: &str) {
        if self.int(expression) == Type::Text {
            self.type_mismatch(format!("{who} takes an integer, and this is a string"), expression.span, "(int)");
        }
    }

    /// The same for a string.
    fn text(&mut self, expression: &Expression, who: &str) {
        if self.value(expression) == Type::Int {
            self.type_mismatch(format!("{who} takes a string, and this is an integer"), expression.span, "(str)");
        }
    }

    fn type_mismatch(&mut self, message: String, span: Span, cast: &str) {
        let found = Diagnostic::error("type-mismatch", message, span).note("Kamailio refuses to start");
        self.diagnostics.push(found.help(format!("write {cast} before it to convert it")));
    }

    /// The value of an expression that is the same whenever it is computed; its types are checked.
    pub(super) fn folded(&mut self, expression: &Expression) -> Option<Value> {
        self.fold(expression).map(|(value, _)| value)
    }

    /// The value of operators between constants, which Kamailio computes once, when it starts.
    fn precomputed(&mut self, expression: &Expression) -> Option<(Value, Type)> {
        let computes = matches!(
            expression.kind,
            ExpressionKind::Unary(..) | ExpressionKind::Binary(..) | ExpressionKind::Choose(_)
        );
        if computes && !self.folding { self.fold(expression) } else { None }
    }

    fn fold(&mut self, expression: &Expression) -> Option<(Value, Type)> {
        let value = constant(expression)?;
        let at = self.program.code.len();
        let outer = std::mem::replace(&mut self.folding, true);
        let its_type = self.value(expression);
        self.folding = outer;
        self.program.code.truncate(at);
        self.program.spans.truncate(at);
        Some((value, its_type))
    }

    pub(super) fn load(&mut self, reference: Reference, span: Span) {
        let place = self.keep(reference);
        self.emit(Op::Load(place), span);
    }

    /// A bare word is no value: it names a flag, a route or a host where such a name is wanted, or begins an old-style test.
    pub(super) fn no_value(&mut self, word: &str, span: Span) {
        let mut found = Diagnostic::error("unknown-word", format!("`{word}` is no value"), span);
        found = match self.names.registry.word(word) {
            Some(_) => found.help(format!("it can only be compared: write for instance `{word} == ...`")),
            None => found.help("put text in quotes; a define must stand above its use"),
        };
        self.diagnostics.push(found);
        self.emit(Op::Null, span);
    }

    fn unary(&mut self, operator: UnaryOperator, operand: &Expression, span: Span) -> Type {
        match operator {
            // Folded, so that -5 is a constant.
            UnaryOperator::Negate if matches!(operand.kind, ExpressionKind::Int(_)) => {
                let ExpressionKind::Int(number) = operand.kind else { return Type::Int };
                self.emit(Op::Int((number as i32).wrapping_neg()), span);
            }
            UnaryOperator::Not => self.number(operand, "`!`"),
            UnaryOperator::Negate => self.number(operand, "`-`"),
            UnaryOperator::BitNot => self.number(operand, "`~`"),
            UnaryOperator::Strlen => self.text(operand, "strlen"),
            UnaryOperator::Strempty => self.text(operand, "strempty"),
            UnaryOperator::ToInt => {
                self.int(operand);
            }
            UnaryOperator::ToText => {
                self.value(operand);
            }
            // Only a variable can be undefined.
            UnaryOperator::Defined => {
                let at = self.program.code.len();
                match &operand.kind {
                    ExpressionKind::Select(path) => self.select(path, operand.span),
                    _ => self.text(operand, "defined"),
                }
                if !matches!(operand.kind, ExpressionKind::Variable(_) | ExpressionKind::Select(_)) {
                    self.program.code.truncate(at);
                    self.program.spans.truncate(at);
                    self.emit(Op::Int(1), span);
                    return Type::Int;
                }
            }
        }
        if !matches!((operator, &operand.kind), (UnaryOperator::Negate, ExpressionKind::Int(_))) {
            self.emit(Op::Unary(operator), span);
        }
        if operator == UnaryOperator::ToText { Type::Text } else { Type::Int }
    }

    fn binary(&mut self, operator: BinaryOperator, left: &Expression, right: &Expression, span: Span) -> Type {
        use BinaryOperator as O;
        if let ExpressionKind::Word(word) = &left.kind
            && !self.names.registry.is_bare_call(word)
        {
            WordTest { compiler: self, word, at: left.span, operator, right, span }.emit();
            return Type::Int;
        }
        match operator {
            _ if self.shortened(operator, left, right, span) => {}
            O::And | O::Or => {
                self.number(left, sign(operator));
                let jump = if operator == O::And { Op::JumpIfZero(0) } else { Op::JumpIfNotZero(0) };
                let end = self.emit(jump, left.span);
                self.number(right, sign(operator));
                self.emit(Op::Truth, span);
                self.land(end);
            }
            O::Match => {
                self.text(left, "`=~`");
                self.matches(right, span);
            }
            O::Equal | O::NotEqual | O::TextEqual | O::TextNotEqual | O::IntEqual | O::IntNotEqual
                if is_null(right) =>
            {
                self.is_undefined(left, span);
                if matches!(operator, O::NotEqual | O::TextNotEqual | O::IntNotEqual) {
                    self.emit(Op::Unary(UnaryOperator::Not), span);
                }
            }
            // Kamailio asks whether the other side is empty.
            O::Equal | O::TextEqual if is_empty(right) => {
                self.text(left, sign(operator));
                self.emit(Op::Unary(UnaryOperator::Strempty), span);
            }
            O::Equal | O::TextEqual if is_empty(left) => {
                self.value(right);
                self.emit(Op::Unary(UnaryOperator::Strempty), span);
            }
            O::Equal | O::NotEqual | O::Add => {
                let types = self.beside_left(operator, left, right, span);
                return if operator == O::Add { types.0 } else { Type::Int };
            }
            // What is no operator is read when both sides are there: after the right one was computed.
            O::TextEqual | O::TextNotEqual if !is_operator(left) && is_operator(right) && constant(right).is_none() => {
                self.value(right);
                self.text(left, sign(operator));
                self.emit(Op::Binary(operator), span);
            }
            O::TextEqual | O::TextNotEqual => {
                self.text(left, sign(operator));
                self.value(right);
                self.emit(Op::Binary(operator), span);
            }
            _ => {
                self.number(left, sign(operator));
                self.number(right, sign(operator));
                self.emit(Op::Binary(operator), span);
            }
        }
        Type::Int
    }

    /// What Kamailio makes shorter when it starts: beside 0 or 1 some operators need not be computed, and what stands there is not run. Nothing is emitted
    /// when it is not so.
    fn shortened(&mut self, operator: BinaryOperator, left: &Expression, right: &Expression, span: Span) -> bool {
        let simple = simpler(operator, (left, constant(left)), (right, constant(right)));
        let (fixed, kept) = match (self.folding, simple) {
            (false, Some(Simpler::Is(number))) => (Some(number), right),
            (false, Some(Simpler::Keeps(kept))) => (None, kept),
            _ => return false,
        };
        // Types are those of the whole.
        let at = self.program.code.len();
        self.number(left, sign(operator));
        let between = self.program.code.len();
        self.number(right, sign(operator));
        match fixed {
            Some(number) => {
                self.program.code.truncate(at);
                self.program.spans.truncate(at);
                self.emit(Op::Int(number), span);
            }
            None if std::ptr::eq(kept, left) => {
                self.program.code.truncate(between);
                self.program.spans.truncate(between);
                self.emit(Op::Unary(UnaryOperator::ToInt), span);
            }
            None => {
                // The constant stands first: it is emitted, and dropped again before what is kept is emitted anew.
                self.program.code.truncate(at);
                self.program.spans.truncate(at);
                self.again(|compiler| {
                    compiler.int(kept);
                });
                self.emit(Op::Unary(UnaryOperator::ToInt), span);
            }
        }
        true
    }

    /// `x == $null`: whether a variable is undefined; anything else is always defined.
    fn is_undefined(&mut self, left: &Expression, span: Span) {
        if let ExpressionKind::Select(path) = &left.kind {
            self.select(path, left.span);
            self.emit(Op::IsNull, span);
            return;
        }
        let at = self.program.code.len();
        self.text(left, "a comparison with $null");
        if matches!(left.kind, ExpressionKind::Variable(_)) {
            self.emit(Op::IsNull, span);
        } else {
            self.program.code.truncate(at);
            self.program.spans.truncate(at);
            self.emit(Op::Int(0), span);
        }
    }

    /// Two operands of which the left one decides: beside an integer the right one is wanted as an integer too, and where only the run tells, both
    /// ways are there.
    fn beside_left(
        &mut self,
        operator: BinaryOperator,
        left: &Expression,
        right: &Expression,
        span: Span,
    ) -> (Type, Type) {
        let left_type = self.value(left);
        let depends = matches!(
            right.kind,
            ExpressionKind::Binary(BinaryOperator::Add, ..)
                | ExpressionKind::Choose(_)
                | ExpressionKind::Unary(UnaryOperator::ToText, _)
        );
        let right_type = match left_type {
            Type::Int => self.int(right),
            Type::Unknown if depends && !self.folding => {
                let branch = self.emit(Op::IfInt(0), span);
                let right_type = self.value(right);
                let end = self.emit(Op::Jump(0), span);
                self.land(branch);
                self.again(|compiler| {
                    compiler.int(right);
                });
                self.land(end);
                right_type
            }
            Type::Text | Type::Unknown => self.value(right),
        };
        self.left_decides(operator, (left_type, right_type), right);
        self.emit(Op::Binary(operator), span);
        (left_type, right_type)
    }

    /// Emits something a second time: what it finds was told the first time.
    fn again(&mut self, emit: impl FnOnce(&mut Self)) {
        let before = (self.diagnostics.len(), self.unsupported.len(), self.extensions.len(), self.names.uses.len());
        emit(self);
        self.diagnostics.truncate(before.0);
        self.unsupported.truncate(before.1);
        self.extensions.truncate(before.2);
        self.names.uses.truncate(before.3);
    }

    /// Beside an integer on the left there must be no string on the right.
    fn left_decides(&mut self, operator: BinaryOperator, types: (Type, Type), right: &Expression) {
        if types == (Type::Int, Type::Text) {
            let who = format!("{} has an integer on its left: it", sign(operator));
            self.type_mismatch(format!("{who} takes an integer, and this is a string"), right.span, "(int)");
        }
    }

    /// The right side of `=~`, its left side being pushed already.
    pub(super) fn matches(&mut self, right: &Expression, span: Span) {
        match self.folded(right) {
            Some(Value::Text(pattern)) => {
                if let Some((at, _)) = self.regex(&pattern, right.span) {
                    self.emit(Op::Match(at), span);
                }
            }
            Some(_) => self.type_mismatch("the pattern of `=~` is a string".into(), right.span, "(str)"),
            None => {
                self.value(right);
                self.emit(Op::MatchComputed, span);
            }
        }
    }

    /// Compiles a constant pattern of `=~`; gives its place and how many groups it has.
    pub(super) fn regex(&mut self, pattern: &Bytes, span: Span) -> Option<(u32, usize)> {
        match self.patterns.compile(pattern, true, self.names.extensions) {
            Ok(regex) => {
                if regex.is_perl() {
                    self.extensions.push((Extension::PerlRegex, span));
                }
                let groups = regex.groups();
                self.program.regexes.push(regex);
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

    /// `selval`: of its last two parts only the chosen one is computed.
    fn choose(&mut self, three: &[Expression; 3], span: Span, part: fn(&mut Self, &Expression) -> Type) -> Type {
        let [condition, then, otherwise] = three;
        self.int(condition);
        let unless = self.emit(Op::ChooseUnless(0), condition.span);
        part(self, then);
        let end = self.emit(Op::Jump(0), span);
        self.land(unless);
        part(self, otherwise);
        self.land(end);
        self.emit(Op::Fill, span);
        Type::Unknown
    }
}
