//! Comparing a call with a return code.

use crate::config::ast::{BinaryOperator, Expression, ExpressionKind, SettingValue, UnaryOperator};
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "function-compared-with-number",
    severity: Severity::Warning,
    finds: "A comparison of a call with a number that comes out the same whatever the call returns.",
    why: "In an expression a call is only 1 or 0, for true or false. Its return code, such as -1 or -2, never gets there, so the comparison is the \
          same for every message.",
    instead: "Call the function as a statement and look at $rc directly behind it, or in a switch.",
    reference: "https://www.kamailio.org/wikidocs/tutorials/faq/main/",
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    let raw =
        subject.settings("return_mode").any(|setting| matches!(setting.values.first(), Some(SettingValue::Int(1, _))));
    if raw {
        return;
    }
    for its in &subject.script().operations {
        let (call, number, swapped) = match (&its.left.kind, &its.right.kind) {
            (ExpressionKind::Call(call), _) => (call, number(its.right), false),
            (_, ExpressionKind::Call(call)) => (call, number(its.left), true),
            _ => continue,
        };
        let Some(number) = number else { continue };
        let result = |value: i64| {
            let (left, right) = if swapped { (number, value) } else { (value, number) };
            compare(its.operator, left, right)
        };
        let (Some(when_false), Some(when_true)) = (result(0), result(1)) else { continue };
        if when_false != when_true {
            continue;
        }
        let name = &call.name.text;
        let code = if name == "route" { "the value a route returns" } else { "its return code" };
        findings
            .add(format!("{name}() is 0 or 1 here, so this is always {when_true}"), its.span)
            .add_note(format!("{code} is in $rc directly behind the call"))
            .add_help(format!("write {name}(...); as a statement, and test $rc in the one behind it"));
    }
}

fn number(expression: &Expression) -> Option<i64> {
    match &expression.kind {
        ExpressionKind::Int(number) => Some(*number),
        ExpressionKind::Unary(UnaryOperator::Negate, inner) => match inner.kind {
            ExpressionKind::Int(number) => number.checked_neg(),
            _ => None,
        },
        _ => None,
    }
}

fn compare(operator: BinaryOperator, left: i64, right: i64) -> Option<bool> {
    Some(match operator {
        BinaryOperator::Equal | BinaryOperator::IntEqual => left == right,
        BinaryOperator::NotEqual | BinaryOperator::IntNotEqual => left != right,
        BinaryOperator::Less => left < right,
        BinaryOperator::Greater => left > right,
        BinaryOperator::LessEqual => left <= right,
        BinaryOperator::GreaterEqual => left >= right,
        _ => return None,
    })
}
