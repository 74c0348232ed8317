//! Statements.

use super::Compiler;
use super::arguments::FunctionCall;
use super::known::{constant, without_neutral};
use super::switch::Labels;
use crate::builtin::{RouteId, RouteKind, Value};
use crate::config::ast::{
    Assign, BinaryOperator, Block, Branch, Call, Case, CaseLabel, Expression, ExpressionKind, Jump, Statement,
    StatementKind,
};
use crate::config::registry::nearest;
use crate::config::routes::RouteUse;
use crate::script::{Op, SwitchLabel};
use crate::source::{Diagnostic, Level, Span};

impl Compiler<'_> {
    pub(super) fn statements(&mut self, statements: &[Statement]) {
        for statement in statements {
            if self.is_full() {
                return;
            }
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &Statement) {
        let span = statement.span;
        self.names.span = span;
        match &statement.kind {
            StatementKind::Empty => {
                self.emit(Op::SetLast(1), span);
            }
            StatementKind::Call(call) => self.call(call),
            StatementKind::Assign(assign) => self.assign(assign),
            StatementKind::If { first, more, otherwise } => self.branches(first, more, otherwise.as_ref()),
            StatementKind::While { condition, body } => self.repeat(condition, body, span),
            StatementKind::Switch { value, cases } => self.switch(value, cases, span),
            StatementKind::Jump(jump, value) => {
                self.action(span);
                let (op, word) = match jump {
                    Jump::Return => (Op::Return, "return"),
                    Jump::Exit => (Op::Exit, "exit"),
                    Jump::Drop => (Op::Drop, "drop"),
                };
                match value {
                    Some(value) => self.number(value, word),
                    None => {
                        self.emit(Op::Int(1), span);
                    }
                }
                self.emit(op, span);
            }
            StatementKind::Break => {
                self.action(span);
                self.emit(Op::SetLast(0), span);
                if self.breaks.is_empty() {
                    self.emit(Op::End, span);
                } else {
                    let jump = self.emit(Op::Jump(0), span);
                    if let Some(out) = self.breaks.last_mut() {
                        out.push(jump);
                    }
                }
            }
        }
    }

    pub(super) fn nested(&mut self, block: &Block) {
        self.depth += 1;
        if block.statements.is_empty() {
            self.emit(Op::SetLast(1), block.span);
        }
        self.statements(&block.statements);
        self.depth -= 1;
    }

    /// A block used as an operand: `return` and `break` in it leave no more than it, and its result is in `last`.
    pub(super) fn operand_block(&mut self, block: &Block) {
        self.action(block.span);
        let enter = self.emit(Op::EnterBlock(0, self.depth), block.span);
        let breaks = std::mem::take(&mut self.breaks);
        let depth = std::mem::take(&mut self.depth);
        self.statements(&block.statements);
        self.emit(Op::End, block.span);
        (self.breaks, self.depth) = (breaks, depth);
        self.land(enter);
    }

    /// An assignment; a call that is the whole right side gives its raw code.
    pub(super) fn assign(&mut self, assign: &Assign) {
        self.action(assign.span);
        let mut made = false;
        match &without_neutral(&assign.value).kind {
            ExpressionKind::Call(call) => {
                self.raw(call.span, |compiler| compiler.call(call));
            }
            ExpressionKind::Assign(inner) => self.raw(inner.span, |compiler| compiler.assign(inner)),
            ExpressionKind::Block(block) => self.raw(block.span, |compiler| compiler.operand_block(block)),
            ExpressionKind::Variable(variable) if matches!(assign.value.kind, ExpressionKind::Variable(_)) => {
                self.value(&assign.value);
                made = variable.long && variable.text.ends_with(b"}");
            }
            _ => {
                self.value(&assign.value);
            }
        }
        let Some(target) = self.reference(&assign.target) else { return };
        if !target.is_writable() {
            let why = if target.transformations.is_empty() { "is read-only" } else { "has a transformation" };
            self.error("read-only", format!("{} {why} and cannot be assigned", target.text), assign.target.span);
        }
        self.names.written(target.key.slot() as u32);
        let place = self.keep(target);
        self.emit(if made { Op::StoreMade(place) } else { Op::Store(place) }, assign.span);
    }

    /// An action as the whole right side: its code stays as it is.
    fn raw(&mut self, span: Span, action: impl FnOnce(&mut Self)) {
        let start = self.emit(Op::Operand(0), span);
        action(self);
        self.emit(Op::LoadLast, span);
        self.land(start);
    }

    fn branches(&mut self, first: &Branch, more: &[Branch], otherwise: Option<&Block>) {
        let mut ends = Vec::with_capacity(1 + more.len());
        for Branch { condition, then, span } in std::iter::once(first).chain(more) {
            if self.is_full() {
                break;
            }
            self.names.span = *span;
            self.action(*span);
            let guard = self.condition(condition);
            let outer = self.names.guard;
            if let Some(level) = guard {
                self.names.guard = Some(level);
                self.guards += 1;
            }
            let unless = self.emit(Op::JumpUnless(0), condition.span);
            self.nested(then);
            self.guards -= u16::from(guard.is_some());
            self.names.guard = outer;
            ends.push(self.emit(Op::Jump(0), *span));
            self.land(unless);
        }
        match otherwise {
            Some(otherwise) => self.nested(otherwise),
            None => {
                let span = more.last().unwrap_or(first).span;
                self.emit(Op::SetLast(1), span);
            }
        }
        ends.into_iter().for_each(|end| self.land(end));
    }

    /// A condition. A single `=~` with a group keeps it for `$re` in the guarded block: the nesting of that guard is given.
    fn condition(&mut self, condition: &Expression) -> Option<u16> {
        if let ExpressionKind::Binary(BinaryOperator::Match, left, right) = &condition.kind
            && let ExpressionKind::Text(pattern) = &right.kind
            && !matches!(left.kind, ExpressionKind::Word(_))
            && !self.names.extensions.is_strict()
        {
            self.value(left);
            let (at, groups) = self.regex(pattern, right.span)?;
            if groups == 0 {
                self.emit(Op::Match(at), condition.span);
                return None;
            }
            self.emit(Op::MatchGroup(at, self.guards), condition.span);
            return Some(self.guards);
        }
        self.int(condition);
        None
    }

    fn repeat(&mut self, condition: &Expression, body: &Block, span: Span) {
        self.action(span);
        self.emit(Op::LoopEnter, span);
        let start = self.here();
        self.number(condition, "while");
        let leave = self.emit(Op::LoopWhile(0), condition.span);
        let count = self.emit(Op::LoopCount(0), span);
        self.breaks.push(Vec::new());
        self.nested(body);
        self.emit(Op::Jump(start), span);
        let breaks = self.breaks.pop().unwrap_or_default();
        for jump in breaks.into_iter().chain([leave, count]) {
            self.land(jump);
        }
        self.emit(Op::LoopLeave, span);
    }

    fn switch(&mut self, value: &Expression, cases: &[Case], span: Span) {
        self.action(span);
        // Where labels are integers, so is the value.
        let first = cases.iter().find_map(|case| match &case.label {
            CaseLabel::Value(label) => constant(label),
            CaseLabel::Regex(_) | CaseLabel::Default => None,
        });
        match first {
            Some(Value::Int(_)) => self.int(value),
            _ => self.value(value),
        };
        let switch = self.emit(Op::Switch(0), span);
        let mut labels = Labels::default();
        self.breaks.push(Vec::new());
        self.depth += 1;
        for case in cases {
            let here = self.here();
            if let CaseLabel::Default = case.label {
                labels.otherwise(here, case.span, self.diagnostics);
            } else if let Some(label) = self.label(&case.label, case.span) {
                labels.case(label, here, case.span, self.diagnostics);
            }
            self.statements(&case.body);
        }
        self.depth -= 1;
        for jump in self.breaks.pop().unwrap_or_default() {
            self.land(jump);
        }
        let table = labels.table(cases, self.here(), self.diagnostics);
        self.program.code[switch] = Op::Switch(self.program.switches.len() as u32);
        self.program.switches.push(table);
    }

    /// The label of a case that is no default.
    fn label(&mut self, label: &CaseLabel, span: Span) -> Option<SwitchLabel> {
        let (expression, is_regex) = match label {
            CaseLabel::Value(expression) => (expression, false),
            CaseLabel::Regex(expression) => (expression, true),
            CaseLabel::Default => return None,
        };
        let Some(value) = self.folded(expression) else {
            self.error("label-not-constant", "the label of a case must be a constant", span);
            return None;
        };
        if !is_regex {
            return Some(match value {
                Value::Int(number) => SwitchLabel::Int(number),
                value => SwitchLabel::Text(value.to_text()),
            });
        }
        match self.patterns.compile(&value.to_text(), false, self.names.extensions) {
            Ok(regex) => Some(SwitchLabel::Regex(regex)),
            Err(why) => {
                self.error("bad-regex", format!("bad regular expression: {why}"), expression.span);
                None
            }
        }
    }

    /// A call for its effect; its code is in `last` afterwards.
    pub(super) fn call(&mut self, call: &Call) {
        self.action(call.span);
        if call.name.text == "route" {
            self.call_route(call);
        } else {
            FunctionCall::new(self, call).emit();
        }
    }

    fn call_route(&mut self, call: &Call) {
        let depth = self.depth;
        if let Some(comma) = call.first_comma {
            self.error("syntax", "route() takes no comma before the name", comma);
        }
        let [arg] = call.args.as_slice() else {
            self.error("wrong-arity", "route() takes one name", call.span);
            return;
        };
        let name = match &arg.kind {
            ExpressionKind::Word(name) if self.reserved(name, arg.span) => return,
            ExpressionKind::Word(name) => name.clone(),
            ExpressionKind::Text(text) => String::from_utf8_lossy(text).into_owned(),
            ExpressionKind::Int(number) => number.to_string(),
            _ => match self.folded(arg) {
                Some(name) => String::from_utf8_lossy(&name.to_text()).into_owned(),
                None => {
                    self.value(arg);
                    self.emit(Op::RouteNamed(depth), call.span);
                    return;
                }
            },
        };
        if let Some(route) = self.route_named(RouteKind::Request, &name, arg.span) {
            self.uses(RouteUse::Route(route, call.span), call);
            self.emit(Op::Route(route.0, depth), call.span);
        }
    }

    /// The route of this kind and name; reported when there is none.
    pub(super) fn route_named(&mut self, kind: RouteKind, name: &str, span: Span) -> Option<RouteId> {
        let plain = if name == "0" { "" } else { name };
        if let Some(route) = self.route_ids.get(&(kind, plain.to_owned())).copied() {
            return Some(route);
        }
        let message = format!("there is no {}[{name}]", kind.word());
        // Kamailio starts when only t_on_failure and its like name a block that is missing.
        let level = if kind == RouteKind::Request { Level::Error } else { Level::Warning };
        let mut diagnostic = Diagnostic::new(level, "unknown-route", message, span);
        let same = self.program.routes.iter().filter(|block| block.kind == kind && !block.name.is_empty());
        if let Some(near) = nearest(name, same.map(|block| block.name.as_str())) {
            diagnostic = diagnostic.help(format!("did you mean {near}?"));
        }
        if kind != RouteKind::Request {
            diagnostic = diagnostic.note("Kamailio starts all the same: what the block should do is never done");
        }
        self.diagnostics.push(diagnostic);
        None
    }
}
