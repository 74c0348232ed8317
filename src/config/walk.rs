//! Visits a syntax tree: every statement, expression and call with its place.

use super::ast::{Assign, Block, Call, CaseLabel, Expression, ExpressionKind, Statement, StatementKind};

/// Something met on the way, an outer thing before what it holds.
#[derive(Clone, Copy, Debug)]
pub enum Node<'a> {
    /// A statement.
    Statement(&'a Statement),
    /// An expression, also each operand of one.
    Expression(&'a Expression),
    /// A call, as a statement or as an operand.
    Call(&'a Call),
    /// An assignment, as a statement or as an operand.
    Assign(&'a Assign),
}

/// Hands everything in a block to `visit`, in the order of the text.
pub fn block<'a>(body: &'a Block, visit: &mut dyn FnMut(Node<'a>)) {
    statements(&body.statements, visit);
}

/// Hands everything in some statements to `visit`, in the order of the text.
pub fn statements<'a>(list: &'a [Statement], visit: &mut dyn FnMut(Node<'a>)) {
    for statement in list {
        visit(Node::Statement(statement));
        match &statement.kind {
            StatementKind::Empty | StatementKind::Break | StatementKind::Jump(_, None) => {}
            StatementKind::Call(its) => call(its, visit),
            StatementKind::Assign(its) => assign(its, visit),
            StatementKind::If { first, more, otherwise } => {
                for branch in std::iter::once(first).chain(more) {
                    expression(&branch.condition, visit);
                    block(&branch.then, visit);
                }
                if let Some(otherwise) = otherwise {
                    block(otherwise, visit);
                }
            }
            StatementKind::While { condition, body } => {
                expression(condition, visit);
                block(body, visit);
            }
            StatementKind::Switch { value, cases } => {
                expression(value, visit);
                for case in cases {
                    match &case.label {
                        CaseLabel::Value(label) | CaseLabel::Regex(label) => expression(label, visit),
                        CaseLabel::Default => {}
                    }
                    statements(&case.body, visit);
                }
            }
            StatementKind::Jump(_, Some(value)) => expression(value, visit),
        }
    }
}

/// Hands an expression and everything in it to `visit`.
pub fn expression<'a>(its: &'a Expression, visit: &mut dyn FnMut(Node<'a>)) {
    visit(Node::Expression(its));
    match &its.kind {
        ExpressionKind::Int(_)
        | ExpressionKind::Text(_)
        | ExpressionKind::Variable(_)
        | ExpressionKind::Select(_)
        | ExpressionKind::Word(_)
        | ExpressionKind::Address(_) => {}
        ExpressionKind::Call(its) => call(its, visit),
        ExpressionKind::Unary(_, operand) => expression(operand, visit),
        ExpressionKind::Binary(_, left, right) => {
            expression(left, visit);
            expression(right, visit);
        }
        ExpressionKind::Choose(three) => three.iter().for_each(|one| expression(one, visit)),
        ExpressionKind::Assign(its) => assign(its, visit),
        ExpressionKind::Block(body) => block(body, visit),
    }
}

fn call<'a>(its: &'a Call, visit: &mut dyn FnMut(Node<'a>)) {
    visit(Node::Call(its));
    for arg in &its.args {
        expression(arg, visit);
    }
}

fn assign<'a>(its: &'a Assign, visit: &mut dyn FnMut(Node<'a>)) {
    visit(Node::Assign(its));
    expression(&its.value, visit);
}
