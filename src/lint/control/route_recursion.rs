//! Routes that call each other for ever.

use crate::config::ast::{Call, RouteKind, Statement, StatementKind};
use crate::config::walk::{self, Node};
use crate::lint::flow::effect::literal;
use crate::lint::{Findings, Rule, Severity, Subject};
use rustc_hash::FxHashMap;

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "route-recursion",
    severity: Severity::Warning,
    finds: "Routes that call each other in a circle, with no condition on the way.",
    why: "The circle ends at max_recursive_level (256) with an error, in the middle of whatever it was doing, and the worker is busy until then.",
    instead: "Put a condition around one of the calls, or return before it.",
    reference: "https://www.kamailio.org/wikidocs/cookbooks/devel/core/",
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    let mut always: FxHashMap<&str, Vec<(&str, &Call)>> = FxHashMap::default();
    for route in subject.routes() {
        let (RouteKind::Request, Some(name)) = (route.kind, &route.name) else { continue };
        let mut calls = Vec::new();
        for statement in &route.body.statements {
            if let StatementKind::Call(call) = &statement.kind
                && call.name.text == "route"
                && let Some(crate::config::ast::ExpressionKind::Word(to)) = call.args.first().map(|arg| &arg.kind)
            {
                calls.push((to.as_str(), call));
            } else if may_leave(statement) {
                break;
            }
        }
        always.entry(name.text.as_str()).or_insert(calls);
    }
    let mut told: Vec<&str> = Vec::new();
    for (start, calls) in &always {
        for (to, call) in calls {
            if told.contains(start) {
                continue;
            }
            if let Some(circle) = circle(&always, start, to) {
                // Each circle once, at the name that comes first.
                if circle.iter().any(|name| name < start) {
                    continue;
                }
                told.push(start);
                let shown = circle.join(" -> ");
                let found =
                    findings.add(format!("these routes call each other without end: {start} -> {shown}"), call.span);
                found.add_note("Kamailio stops it at a depth of 256 with an error, in the middle of routing");
            }
        }
    }
}

/// The way from `at` back to `start` along calls that always run.
fn circle<'n>(always: &FxHashMap<&'n str, Vec<(&'n str, &Call)>>, start: &str, at: &'n str) -> Option<Vec<&'n str>> {
    let mut seen: FxHashMap<&str, Option<&str>> = FxHashMap::default();
    let mut open = vec![at];
    seen.insert(at, None);
    while let Some(name) = open.pop() {
        if name == start {
            let mut way = vec![name];
            while let Some(Some(before)) = seen.get(way[way.len() - 1]) {
                way.push(*before);
            }
            way.reverse();
            return Some(way);
        }
        for (to, _) in always.get(name).into_iter().flatten() {
            if !seen.contains_key(to) {
                seen.insert(to, Some(name));
                open.push(to);
            }
        }
    }
    None
}

/// Whether a statement may end the route or the script.
fn may_leave(statement: &Statement) -> bool {
    let mut leaves = false;
    walk::statements(std::slice::from_ref(statement), &mut |node| match node {
        Node::Statement(Statement { kind: StatementKind::Jump(..) | StatementKind::Break, .. }) => leaves = true,
        Node::Call(call) if call.name.text == "route" => leaves |= literal(call, 0).is_none(),
        _ => {}
    });
    leaves
}
