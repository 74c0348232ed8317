//! Visits every call of a syntax tree.

use super::ast::{Block, Call, CaseLabel, Config, Expression, ExpressionKind, Item, Statement, StatementKind};

/// Hands every call in the config to `visit`, outer calls first.
pub(super) fn calls(config: &Config, visit: &mut dyn FnMut(&Call)) {
    for item in &config.items {
        if let Item::Route(route) = item {
            block(&route.body, visit);
        }
    }
}

fn block(body: &Block, visit: &mut dyn FnMut(&Call)) {
    statements(&body.statements, visit);
}

fn statements(list: &[Statement], visit: &mut dyn FnMut(&Call)) {
    for statement in list {
        match &statement.kind {
            StatementKind::Empty | StatementKind::Break | StatementKind::Jump(_, None) => {}
            StatementKind::Call(its) => call(its, visit),
            StatementKind::Assign(assign) => expression(&assign.value, visit),
            StatementKind::If { condition, then, otherwise } => {
                expression(condition, visit);
                block(then, visit);
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

fn call(its: &Call, visit: &mut dyn FnMut(&Call)) {
    visit(its);
    for arg in &its.args {
        expression(arg, visit);
    }
}

fn expression(its: &Expression, visit: &mut dyn FnMut(&Call)) {
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
        ExpressionKind::Assign(assign) => expression(&assign.value, visit),
        ExpressionKind::Block(body) => block(body, visit),
    }
}
