//! Routes that call each other for ever.

use crate::config::ast::{Call, RouteKind, Statement, StatementKind};
use crate::config::walk::{self, Node};
use crate::lint::flow::effect::literal;
use crate::lint::{Findings, Rule, Severity, Subject};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;

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
    let mut always = Always::default();
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
    for circle in circles(&always) {
        let Some(&(start, call)) = circle.first() else { continue };
        let way: Vec<&str> = circle.iter().skip(1).take(SHOWN).map(|(name, _)| *name).collect();
        let more = if way.len() + 1 < circle.len() { " -> ..." } else { "" };
        let shown = way.iter().fold(String::new(), |shown, name| shown + " -> " + name);
        let message = format!("these routes call each other without end: {start}{shown}{more} -> {start}");
        let found = findings.add(message, call.span);
        found.add_note("Kamailio stops it at a depth of 256 with an error, in the middle of routing");
    }
}

/// A circle of more routes is not shown whole.
const SHOWN: usize = 20;

/// The calls of each route that always happen.
type Always<'n> = BTreeMap<&'n str, Vec<(&'n str, &'n Call)>>;

/// The circles that a walk along the calls closes, each from the name that comes first, with the call that leaves each of its routes. Every
/// call is followed once: of circles that share calls not all are told.
fn circles<'n>(always: &Always<'n>) -> Vec<Vec<(&'n str, &'n Call)>> {
    let mut circles = Vec::new();
    let mut seen: FxHashSet<&str> = FxHashSet::default();
    for &start in always.keys() {
        // The way from the start: each route with the place of its next call; and where each stands on it.
        let mut way: Vec<(&'n str, usize)> = Vec::new();
        let mut places: FxHashMap<&str, usize> = FxHashMap::default();
        if seen.insert(start) {
            places.insert(start, 0);
            way.push((start, 0));
        }
        while let Some((name, next)) = way.last_mut() {
            let Some(&(to, _)) = always.get(*name).and_then(|calls| calls.get(*next)) else {
                places.remove(*name);
                way.pop();
                continue;
            };
            *next += 1;
            if let Some(&place) = places.get(to) {
                let taken = |(name, next): &(&'n str, usize)| Some((*name, always.get(name)?.get(next - 1)?.1));
                let mut circle: Vec<_> = way[place..].iter().filter_map(taken).collect();
                let first = (0..circle.len()).min_by_key(|&at| circle[at].0).unwrap_or(0);
                circle.rotate_left(first);
                circles.push(circle);
                if circles.len() >= MOST_CIRCLES {
                    return circles;
                }
            } else if always.contains_key(to) && seen.insert(to) {
                places.insert(to, way.len());
                way.push((to, 0));
            }
        }
    }
    circles
}

/// Circles beyond this many say nothing.
const MOST_CIRCLES: usize = 100;

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
