//! `$re` taken for the group of a regular expression.

use crate::config::ast::{BinaryOperator, Expression, ExpressionKind, StatementKind, Variable};
use crate::config::walk::{self, Node};
use crate::lint::mentions::variables;
use crate::lint::{Findings, Rule, Severity, Subject};
use crate::source::Span;
use rustc_hash::FxHashSet;

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "capture-pv-misread",
    severity: Severity::Warning,
    finds: "$re read in a block that a match by =~ guards.",
    why: "$re is the URI of the Remote-Party-ID header. Kamailio keeps no groups of a match, so $re is null, and a $var that gets it is 0. alanui \
          reads $re as the first group in such a block.",
    instead: "Cut the part out with a transformation: $(var(x){re.subst,/^.*@([0-9.]+).*$/\\1/}).",
    reference: "https://www.kamailio.org/wikidocs/cookbooks/devel/pseudovariables/#re-remote-party-id-header-uri",
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    let mut reported: FxHashSet<Span> = FxHashSet::default();
    for route in &subject.script().routes {
        walk::block(&route.body, &mut |node| {
            let Node::Statement(statement) = node else { return };
            let StatementKind::If { first, more, .. } = &statement.kind else { return };
            for branch in std::iter::once(first).chain(more) {
                let Some(pattern) = pattern(&branch.condition) else { continue };
                let mut tell = |span: Span, place: Span| {
                    if reported.insert(span) {
                        findings
                            .add("in Kamailio $re is the Remote-Party-ID URI, not a group of the match", place)
                            .add_label(pattern, "the match that leaves no groups")
                            .add_note("without that header it is null, and a $var that gets it becomes 0")
                            .add_help("use {re.subst,/pattern/\\1/} on the value that was matched");
                    }
                };
                walk::block(&branch.then, &mut |node| match node {
                    Node::Expression(Expression { kind: ExpressionKind::Variable(variable), .. })
                        if is_re(variable) =>
                    {
                        tell(variable.span, variable.span);
                    }
                    Node::Call(call) => {
                        for arg in &call.args {
                            let ExpressionKind::Text(text) = &arg.kind else { continue };
                            if let Some(written) = variables(text).iter().find(|written| written.name == "re") {
                                tell(arg.span, subject.narrow(arg.span, written.text));
                            }
                        }
                    }
                    _ => {}
                });
            }
        });
    }
}

fn is_re(variable: &Variable) -> bool {
    &*variable.text == b"re" || variable.text.starts_with(b"re{")
}

/// The pattern of a match in a condition that does not read `$re` itself.
fn pattern(condition: &Expression) -> Option<Span> {
    let (mut found, mut reads) = (None, false);
    walk::expression(condition, &mut |node| match node {
        Node::Expression(Expression { kind: ExpressionKind::Binary(BinaryOperator::Match, _, right), .. }) => {
            found = found.or(Some(right.span));
        }
        Node::Expression(Expression { kind: ExpressionKind::Variable(variable), .. }) => reads |= is_re(variable),
        _ => {}
    });
    found.filter(|_| !reads)
}
