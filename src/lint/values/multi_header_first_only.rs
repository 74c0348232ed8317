//! One value of a header that comes several times.

use super::PV;
use crate::config::ast::{BinaryOperator, ExpressionKind};
use crate::lint::expressions::variable;
use crate::lint::script::Place;
use crate::lint::{Findings, Rule, Severity, Subject};
use crate::source::Span;
use rustc_hash::FxHashSet;

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "multi-header-first-only",
    severity: Severity::Hint,
    finds: "$hdr(X) without an index for a header that ordinary messages repeat: Diversion, History-Info, Via, Route, Record-Route, Path.",
    why: "The value is that of the first header field only. What other proxies added further down is not seen, and a check of it can be passed by \
          putting another one on top.",
    instead: "Name the one that is meant: $(hdr(X)[0]) for the first, $(hdr(X)[-1]) for the last, $(hdr(X)[*]) for all.",
    reference: PV,
    check,
};

static HEADERS: &[&str] = &["diversion", "history-info", "via", "v", "route", "record-route", "path", "service-route"];

fn check(subject: &Subject, findings: &mut Findings) {
    let script = subject.script();
    // Whether there is one at all does not depend on how many there are.
    let mut tests: FxHashSet<Span> = FxHashSet::default();
    for its in &script.operations {
        let against_nothing = match &its.right.kind {
            ExpressionKind::Text(text) => text.is_empty(),
            _ => variable(its.right).is_some_and(|right| right.name == "null"),
        };
        if against_nothing && matches!(its.operator, BinaryOperator::Equal | BinaryOperator::NotEqual) {
            tests.insert(its.left.span);
        }
    }
    for mention in script.mentions_of("hdr") {
        let written = &mention.written;
        let key = written.inner.unwrap_or_default().trim().to_ascii_lowercase();
        let counts = mention.place == Place::Expression && !tests.contains(&mention.span);
        if !counts || written.index().is_some() || !HEADERS.contains(&key.as_str()) {
            continue;
        }
        let name = written.inner.unwrap_or_default();
        findings
            .add(format!("only the first {name} of the message is read"), mention.span)
            .add_help(format!("write $(hdr({name})[0]) if the first is meant, $(hdr({name})[-1]) for the last"));
    }
}
