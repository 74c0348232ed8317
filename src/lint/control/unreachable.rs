//! Statements behind a jump.

use crate::config::ast::{Statement, StatementKind};
use crate::lint::{Findings, Rule, Severity, Subject};
use crate::source::Span;

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "unreachable",
    severity: Severity::Hint,
    finds: "Statements behind exit, drop, return or break in the same block.",
    why: "They never run. Often the jump was put in for a test, or a condition around it got lost.",
    instead: "Take out the jump or what stands behind it.",
    reference: "https://www.kamailio.org/wikidocs/cookbooks/devel/core/",
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    for (_, list) in &subject.script().lists {
        let Some(at) = list.iter().position(leaves) else { continue };
        let mut rest = list[at + 1..].iter().filter(|statement| !matches!(statement.kind, StatementKind::Empty));
        let Some(first) = rest.next() else { continue };
        // A closing jump behind another, or what a define leaves between the two, is meant.
        let is_jump = matches!(first.kind, StatementKind::Jump(..) | StatementKind::Break);
        if is_jump && rest.next().is_none() || divided(subject, list[at].span, first.span) {
            continue;
        }
        findings.add("this never runs", first.span).add_label(list[at].span, "the block ends here");
    }
}

fn leaves(statement: &Statement) -> bool {
    match &statement.kind {
        StatementKind::Jump(..) | StatementKind::Break => true,
        StatementKind::If { first, more, otherwise: Some(otherwise) } => {
            let all = std::iter::once(first).chain(more).map(|branch| &branch.then).chain([otherwise]);
            all.into_iter().all(|block| block.statements.iter().any(leaves))
        }
        _ => false,
    }
}

/// Whether a directive stands between two places, or they are of two files.
fn divided(subject: &Subject, from: Span, to: Span) -> bool {
    if from.file != to.file || from.end > to.start {
        return true;
    }
    let between = subject.sources.slice(Span { file: from.file, start: from.end, end: to.start });
    memchr::memmem::find(between, b"#!").is_some() || memchr::memmem::find(between, b"!!").is_some()
}
