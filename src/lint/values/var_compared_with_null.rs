//! `$var` is never null.

use super::PV;
use crate::config::ast::BinaryOperator;
use crate::lint::expressions::variable;
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "var-compared-with-null",
    severity: Severity::Warning,
    finds: "A comparison of $var(x) with $null.",
    why: "In Kamailio a $var is never null: it begins as the number 0, and assigning null makes it 0 again. The comparison is the same for every \
          message, so a check for \"not found\" lets everything through or nothing.",
    instead: "Use $vn(x), which can be null, or compare with the value that was assigned: 0 or \"\".",
    reference: PV,
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    for its in &subject.script().operations {
        let equal = match its.operator {
            BinaryOperator::Equal | BinaryOperator::TextEqual | BinaryOperator::IntEqual => true,
            BinaryOperator::NotEqual | BinaryOperator::TextNotEqual | BinaryOperator::IntNotEqual => false,
            _ => continue,
        };
        let (Some(left), Some(right)) = (variable(its.left), variable(its.right)) else { continue };
        if left.name != "var" || right.name != "null" || left.transformations().next().is_some() {
            continue;
        }
        let always = if equal { "false" } else { "true" };
        let name = left.as_written();
        let key = left.inner.unwrap_or_default();
        findings
            .add(format!("{name} is never null in Kamailio: this is always {always}"), its.span)
            .add_note("a $var that was assigned null is the number 0")
            .add_help(format!("use $vn({key}) in its place, or compare with 0"));
    }
}
