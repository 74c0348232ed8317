//! What rules ask of statements and expressions: constant text, variables, comparisons, whether the return code is read.

use super::mentions::{self, Mention};
use crate::config::ast::{BinaryOperator, Branch, Expression, ExpressionKind, Statement, StatementKind};
use crate::config::walk::{self, Node};
use crate::source::Span;

/// Whether a statement reads the return code of what ran before it, at its start.
pub fn reads_code(statement: &Statement) -> bool {
    let reads = |its: &Expression| {
        let mut found = false;
        mentions::in_expression(its, &mut |mention| found |= is_code(&mention));
        found
    };
    match &statement.kind {
        StatementKind::If { first: Branch { condition: its, .. }, .. }
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

/// Hands every variable whose value becomes part of an argument to `visit`. One in the parentheses of another only chooses what is read there, as
/// the key of a table does; the text in those of `$_s` is put together.
pub fn contents<'a>(arg: &'a Expression, visit: &mut dyn FnMut(Mention<'a>)) {
    let mut end: *const u8 = std::ptr::null();
    let mut start = end;
    in_argument(arg, &mut |mention| {
        let its = mention.text.as_ptr_range();
        if start <= its.start && its.start < end {
            return;
        }
        if mention.name != "_s" {
            (start, end) = (its.start, its.end);
        }
        visit(mention);
    });
}

/// Hands every variable that an argument mentions to `visit`, in its text too.
pub fn in_argument<'a>(arg: &'a Expression, visit: &mut dyn FnMut(Mention<'a>)) {
    match &arg.kind {
        ExpressionKind::Text(text) => mentions::in_text(text, visit),
        _ => mentions::in_expression(arg, visit),
    }
}
