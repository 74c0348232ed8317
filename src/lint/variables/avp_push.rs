//! An AVP that grows.

use crate::builtin::Does;
use crate::config::ast::{Expression, ExpressionKind, Statement, StatementKind};
use crate::lint::mentions::{self, Mention};
use crate::lint::{Findings, Rule, Severity, Subject};
use crate::source::Span;

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "avp-push-not-set",
    severity: Severity::Warning,
    finds: "An $avp that is assigned twice in a row, while something deletes or counts its values.",
    why: "Assigning adds a value on top and keeps the old ones. After a delete, or where all values are read, the old one shows again: a call goes \
          to the gateway that was replaced.",
    instead: "Replace all values: $(avp(n)[*]) = v;",
    reference: "https://www.kamailio.org/wikidocs/cookbooks/devel/pseudovariables/",
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    for (_, list) in &subject.script().lists {
        let mut set: Vec<(&str, Span)> = Vec::new();
        for statement in *list {
            let StatementKind::Assign(assign) = &statement.kind else { continue };
            let Some(target) = mentions::of(&assign.target).filter(|its| its.name == "avp") else { continue };
            let name = target.inner.unwrap_or_default();
            if !target.rest.is_empty() || is_null(&assign.value) {
                set.retain(|(its, _)| *its != name);
                continue;
            }
            match set.iter().find(|(its, _)| *its == name) {
                // Reading the old value for the new one, or between the two, says that a list is meant.
                Some((_, first)) if pops(subject, name) && !reads_between(list, *first, statement.span, name) => {
                    let found = findings
                        .add(format!("this adds a value to $avp({name}) and keeps the one before"), statement.span);
                    found.add_label(*first, "the value that stays below");
                    found.add_help(format!("to replace it, write $(avp({name})[*]) = ...;"));
                }
                Some(_) => {}
                None => set.push((name, statement.span)),
            }
        }
    }
}

fn is_null(value: &Expression) -> bool {
    matches!(&value.kind, ExpressionKind::Variable(variable) if &*variable.text == b"null")
}

/// Whether something takes the top value off, or reads others than that.
fn pops(subject: &Subject, name: &str) -> bool {
    let deleted = subject.script().assigns.iter().any(|its| {
        let target = mentions::of(&its.assign.target);
        is_null(&its.assign.value)
            && target.is_some_and(|its| its.name == "avp" && its.inner == Some(name) && its.rest.is_empty())
    });
    let shown = format!("$avp({name})");
    deleted
        || subject.script().calls_that(Does::PopValue).any(|its| {
            its.call
                .args
                .iter()
                .any(|arg| crate::lint::expressions::text(arg).is_some_and(|text| text.starts_with(&shown)))
        })
}

fn reads_between(list: &[Statement], first: Span, second: Span, name: &str) -> bool {
    let mut reads = false;
    let between = |span: Span| span.file == first.file && span.start > first.start && span.start <= second.start;
    for statement in list.iter().filter(|statement| between(statement.span)) {
        let mut look = |mention: Mention| reads |= mention.name == "avp" && mention.inner == Some(name);
        match &statement.kind {
            StatementKind::Assign(assign) => mentions::in_expression(&assign.value, &mut look),
            StatementKind::Empty => {}
            _ => reads = true,
        }
    }
    reads
}
