//! Where a config calls, assigns and asks: gathered once for all rules that need no walk along its ways.

use super::Subject;
use super::mentions::{self, Mention};
use crate::config::ast::{
    Assign, BinaryOperator, Block, Call, CaseLabel, Expression, ExpressionKind, RouteKind, Statement, StatementKind,
};
use crate::config::walk::{self, Node};
use crate::source::Span;
use rustc_hash::{FxHashMap, FxHashSet};

/// Calls, assignments and questions of a config.
#[derive(Debug, Default)]
pub struct Uses<'a> {
    calls: Vec<CallUse<'a>>,
    by_name: FxHashMap<&'a str, Vec<usize>>,
    assigns: Vec<AssignUse<'a>>,
    questions: Vec<&'a Expression>,
    lists: Vec<(usize, &'a [Statement])>,
    names: FxHashSet<&'a str>,
}

/// A call with what stands around it.
#[derive(Clone, Copy, Debug)]
pub struct CallUse<'a> {
    /// The call.
    pub call: &'a Call,
    /// The kind of block it is written in.
    pub kind: RouteKind,
    /// The place of its route among all routes.
    pub route: usize,
    /// It stands as a statement: nobody asks for its result at once.
    pub bare: bool,
    /// It stands in a condition.
    pub asked: bool,
    /// The statement after the one that holds it.
    pub next: Option<&'a Statement>,
}

/// An assignment with its route.
#[derive(Clone, Copy, Debug)]
pub struct AssignUse<'a> {
    /// The assignment.
    pub assign: &'a Assign,
    /// The place of its route among all routes.
    pub route: usize,
}

impl<'a> Uses<'a> {
    pub(super) fn of(subject: &Subject<'a>) -> Uses<'a> {
        let mut uses = Uses::default();
        for (at, route) in subject.routes().enumerate() {
            uses.list(&route.body.statements, at, route.kind);
        }
        for (at, its) in uses.calls.iter().enumerate() {
            uses.by_name.entry(its.call.name.text.as_str()).or_default().push(at);
        }
        uses
    }

    /// Every call, in the order of the text of its file.
    pub fn calls(&self) -> &[CallUse<'a>] {
        &self.calls
    }

    /// The calls of a function.
    pub fn named(&self, name: &str) -> impl Iterator<Item = CallUse<'a>> {
        self.by_name.get(name).into_iter().flatten().map(|at| self.calls[*at])
    }

    /// The calls of some functions.
    pub fn any_of(&self, names: &[&'a str]) -> impl Iterator<Item = CallUse<'a>> {
        names.iter().flat_map(|name| self.named(name))
    }

    /// Whether one of some functions is called anywhere.
    pub fn calls_any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.by_name.contains_key(name))
    }

    /// Every assignment.
    pub fn assigns(&self) -> &[AssignUse<'a>] {
        &self.assigns
    }

    /// Every condition of an `if` or `while`, and what a `switch` compares.
    pub fn questions(&self) -> &[&'a Expression] {
        &self.questions
    }

    /// Every list of statements, with its route.
    pub fn lists(&self) -> &[(usize, &'a [Statement])] {
        &self.lists
    }

    /// Whether a variable of this name is mentioned in a route.
    pub fn mentions(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    fn list(&mut self, list: &'a [Statement], route: usize, kind: RouteKind) {
        self.lists.push((route, list));
        for (at, statement) in list.iter().enumerate() {
            let around = Around { route, kind, next: list.get(at + 1) };
            self.statement(statement, around);
        }
    }

    fn statement(&mut self, statement: &'a Statement, around: Around<'a>) {
        match &statement.kind {
            StatementKind::Empty | StatementKind::Break | StatementKind::Jump(_, None) => {}
            StatementKind::Call(call) => {
                self.call(call, around, true, false);
                call.args.iter().for_each(|arg| self.expression(arg, around, false));
            }
            StatementKind::Assign(assign) => {
                self.assign(assign, around);
                self.expression(&assign.value, around, false);
            }
            StatementKind::If { condition, then, otherwise } => {
                self.questions.push(condition);
                self.expression(condition, Around { next: then.statements.first(), ..around }, true);
                self.block(then, around);
                if let Some(otherwise) = otherwise {
                    self.block(otherwise, around);
                }
            }
            StatementKind::While { condition, body } => {
                self.questions.push(condition);
                self.expression(condition, around, true);
                self.block(body, around);
            }
            StatementKind::Switch { value, cases } => {
                self.questions.push(value);
                self.expression(value, around, true);
                for case in cases {
                    if let CaseLabel::Value(label) | CaseLabel::Regex(label) = &case.label {
                        self.expression(label, around, true);
                    }
                    self.list(&case.body, around.route, around.kind);
                }
            }
            StatementKind::Jump(_, Some(value)) => self.expression(value, around, false),
        }
    }

    fn block(&mut self, block: &'a Block, around: Around<'a>) {
        self.list(&block.statements, around.route, around.kind);
    }

    fn expression(&mut self, its: &'a Expression, around: Around<'a>, asked: bool) {
        walk::expression(its, &mut |node| match node {
            Node::Call(call) => self.call(call, around, false, asked),
            Node::Assign(assign) => self.assign(assign, around),
            Node::Expression(Expression { kind: ExpressionKind::Variable(variable), .. }) => {
                mentions::in_variable(variable, &mut |mention| _ = self.names.insert(mention.name));
            }
            Node::Expression(_) | Node::Statement(_) => {}
        });
    }

    fn call(&mut self, call: &'a Call, around: Around<'a>, bare: bool, asked: bool) {
        for arg in &call.args {
            if let ExpressionKind::Text(text) = &arg.kind {
                mentions::in_text(text, &mut |mention| _ = self.names.insert(mention.name));
            }
        }
        let Around { route, kind, next } = around;
        self.calls.push(CallUse { call, kind, route, bare, asked, next });
    }

    fn assign(&mut self, assign: &'a Assign, around: Around<'a>) {
        mentions::in_variable(&assign.target, &mut |mention| _ = self.names.insert(mention.name));
        self.assigns.push(AssignUse { assign, route: around.route });
    }
}

#[derive(Clone, Copy)]
struct Around<'a> {
    route: usize,
    kind: RouteKind,
    next: Option<&'a Statement>,
}

impl CallUse<'_> {
    /// Nobody looks at the result: it stands as a statement, and what follows does not read the return code.
    pub fn is_ignored(&self) -> bool {
        self.bare && !self.next.is_some_and(reads_code)
    }
}

/// Whether a statement reads the return code of what ran before it, at its start.
pub fn reads_code(statement: &Statement) -> bool {
    let reads = |its: &Expression| {
        let mut found = false;
        mentions::in_expression(its, &mut |mention| found |= is_code(&mention));
        found
    };
    match &statement.kind {
        StatementKind::If { condition: its, .. }
        | StatementKind::While { condition: its, .. }
        | StatementKind::Switch { value: its, .. }
        | StatementKind::Jump(_, Some(its)) => reads(its),
        StatementKind::Assign(assign) => reads(&assign.value),
        StatementKind::Call(call) => call.args.iter().any(|arg| match &arg.kind {
            ExpressionKind::Text(text) => {
                let mut found = false;
                mentions::in_text(text, &mut |mention| found |= is_code(&mention));
                found
            }
            _ => reads(arg),
        }),
        StatementKind::Empty | StatementKind::Break | StatementKind::Jump(_, None) => false,
    }
}

/// Whether it is the return code.
pub fn is_code(mention: &Mention) -> bool {
    matches!(mention.name, "rc" | "retcode" | "?")
}

/// Hands each comparison in a condition to `visit`: operator, left, right.
pub fn comparisons<'a>(
    its: &'a Expression,
    visit: &mut dyn FnMut(BinaryOperator, &'a Expression, &'a Expression, Span),
) {
    walk::expression(its, &mut |node| {
        if let Node::Expression(Expression { kind: ExpressionKind::Binary(operator, left, right), span }) = node {
            visit(*operator, left, right, *span);
        }
    });
}

/// The variable that an expression is.
pub fn variable(its: &Expression) -> Option<Mention<'_>> {
    match &its.kind {
        ExpressionKind::Variable(variable) => mentions::of(variable),
        _ => None,
    }
}

/// The constant text of an expression.
pub fn text(its: &Expression) -> Option<&str> {
    match &its.kind {
        ExpressionKind::Text(text) => std::str::from_utf8(text).ok(),
        ExpressionKind::Word(word) => Some(word),
        _ => None,
    }
}

/// Hands every variable that an argument mentions to `visit`, in its text too.
pub fn in_argument<'a>(arg: &'a Expression, visit: &mut dyn FnMut(Mention<'a>)) {
    match &arg.kind {
        ExpressionKind::Text(text) => mentions::in_text(text, visit),
        _ => mentions::in_expression(arg, visit),
    }
}
