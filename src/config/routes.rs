//! Which routes call which, and what that makes wrong: functions reached from blocks in which they mean nothing.

use crate::builtin::{Function, RouteId, RouteKind};
use crate::script::Program;
use crate::source::{Diagnostic, Span};

/// Which routes and functions each route calls.
#[derive(Debug, Default)]
pub struct CallGraph {
    uses: Vec<Vec<RouteUse>>,
}

/// Something a route calls.
#[derive(Debug, Clone)]
pub enum RouteUse {
    /// A function.
    Function(&'static Function, String, Span),
    /// Another route.
    Route(RouteId, Span),
}

impl CallGraph {
    pub(super) fn resize(&mut self, routes: usize) {
        self.uses.resize_with(routes, Vec::new);
    }

    pub(super) fn add(&mut self, route: RouteId, used: RouteUse) {
        if let Some(uses) = self.uses.get_mut(route.0 as usize) {
            uses.push(used);
        }
    }

    /// What a route calls, in the order of the text.
    pub fn uses(&self, route: RouteId) -> &[RouteUse] {
        self.uses.get(route.0 as usize).map_or(&[], Vec::as_slice)
    }
}

/// Follows `route()` calls from every block that the server runs by itself, and reports functions that are reached from a kind of block in
/// which they cannot be called. A request function reached with a reply in hand is an error; elsewhere Kamailio runs it all the same, so it is
/// a warning.
pub(super) fn check(program: &Program, graph: &CallGraph, diagnostics: &mut Vec<Diagnostic>) {
    let mut reported = Vec::new();
    for (at, block) in program.routes.iter().enumerate() {
        if block.kind == RouteKind::Request {
            continue;
        }
        let mut seen = vec![false; program.routes.len()];
        let mut open: Vec<(RouteId, Option<Span>)> = vec![(RouteId(at as u16), None)];
        while let Some((route, way)) = open.pop() {
            if std::mem::replace(&mut seen[route.0 as usize], true) {
                continue;
            }
            for used in graph.uses(route) {
                match used {
                    RouteUse::Route(next, span) => open.push((*next, way.or(Some(*span)))),
                    RouteUse::Function(function, name, span) => {
                        let Some(way) = way else { continue };
                        if function.routes.allows(block.kind) || reported.contains(&(*span, block.kind)) {
                            continue;
                        }
                        reported.push((*span, block.kind));
                        diagnostics.push(reached(function, name, *span, block.kind, way));
                    }
                }
            }
        }
    }
}

fn reached(function: &Function, name: &str, span: Span, kind: RouteKind, way: Span) -> Diagnostic {
    let message = format!("{name} is reached from {} and cannot be used there", article(kind));
    let is_reply = matches!(kind, RouteKind::Reply | RouteKind::CoreReply);
    let diagnostic = if is_reply {
        Diagnostic::error("wrong-route", message, span)
    } else {
        Diagnostic::warning("wrong-route", message, span)
    };
    diagnostic.label(way, format!("{} comes here", article(kind))).note(format!("allowed in: {}", allowed(function)))
}

/// The kind with its article: "an onreply_route".
pub(super) fn article(kind: RouteKind) -> &'static str {
    match kind {
        RouteKind::Request => "a request_route",
        RouteKind::CoreReply => "a reply_route",
        RouteKind::Reply => "an onreply_route",
        RouteKind::Failure => "a failure_route",
        RouteKind::Branch => "a branch_route",
        RouteKind::Onsend => "an onsend_route",
        RouteKind::Event => "an event_route",
    }
}

/// The kinds in which a function may be called, in words.
pub(super) fn allowed(function: &Function) -> String {
    let kinds = [
        (RouteKind::Request, "request_route"),
        (RouteKind::CoreReply, "reply_route"),
        (RouteKind::Reply, "onreply_route[...]"),
        (RouteKind::Failure, "failure_route"),
        (RouteKind::Branch, "branch_route"),
        (RouteKind::Onsend, "onsend_route"),
        (RouteKind::Event, "event_route"),
    ];
    let names: Vec<_> = kinds.iter().filter(|(kind, _)| function.routes.allows(*kind)).map(|(_, name)| *name).collect();
    names.join(", ")
}
