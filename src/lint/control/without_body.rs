//! A condition with nothing behind it.

use crate::config::ast::{Block, StatementKind};
use crate::config::walk::{self, Node};
use crate::lint::{Findings, Rule, Severity, Subject};
use crate::source::Span;

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "condition-without-body",
    severity: Severity::Warning,
    finds: "An if or while of which the body is a lone `;` behind it.",
    why: "The `;` is the whole body. The statements or the block that follow run for every message, whatever the condition says.",
    instead: "Take the `;` out; where nothing is to be done, write { ; } or leave the condition out.",
    reference: "https://www.kamailio.org/wikidocs/cookbooks/devel/core/",
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    for route in &subject.script().routes {
        walk::block(&route.body, &mut |node| {
            let Node::Statement(statement) = node else { return };
            let found = match &statement.kind {
                StatementKind::If { first, more, otherwise: None } => lone(subject, &more.last().unwrap_or(first).then)
                    .map(|place| (place, "this `;` is all that the if guards")),
                StatementKind::While { body, .. } => {
                    lone(subject, body).map(|place| (place, "this `;` is all that the loop repeats"))
                }
                _ => None,
            };
            if let Some((place, message)) = found {
                findings.add(message, place).add_help("take it out, or write { ; } if nothing is to be done");
            }
        });
    }
}

/// The place of a body that is a `;` directly behind its condition. One behind a define that is empty is meant.
fn lone(subject: &Subject, body: &Block) -> Option<Span> {
    let [only] = body.statements.as_slice() else { return None };
    let is_empty = matches!(only.kind, StatementKind::Empty);
    let before = subject.sources.text(body.span.file).get(..body.span.start as usize).filter(|_| is_empty)?;
    let is_plain = subject.sources.slice(body.span) == b";" && before.trim_ascii_end().ends_with(b")");
    is_plain.then_some(body.span)
}
