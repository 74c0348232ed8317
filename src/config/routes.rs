//! Which routes call which, and what that makes wrong: functions reached from blocks in which they mean nothing.

use super::ast::Call;
use super::reach::{Reach, address};
use crate::builtin::{Does, Function, MessageKind, RouteId, RouteKind};
use crate::script::Program;
use crate::source::{Diagnostic, Level, Span};
use rustc_hash::FxHashSet;

/// Which routes and functions each route calls.
#[derive(Debug, Default)]
pub struct CallGraph {
    /// Each with what tells its call apart; a bare word has no call of its own.
    uses: Vec<Vec<(RouteUse, Option<usize>)>>,
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

    /// Notes what a call uses.
    pub(super) fn add(&mut self, route: RouteId, used: RouteUse, call: &Call) {
        if let Some(uses) = self.uses.get_mut(route.0 as usize) {
            uses.push((used, call.parentheses.then(|| address(call))));
        }
    }

    /// What a route calls, in the order of the text.
    #[cfg_attr(feature = "closed", expect(dead_code, reason = "for tests and benchmarks"))]
    pub fn uses(&self, route: RouteId) -> impl Iterator<Item = &RouteUse> {
        self.all(route).iter().map(|(used, _)| used)
    }

    fn all(&self, route: RouteId) -> &[(RouteUse, Option<usize>)] {
        self.uses.get(route.0 as usize).map_or(&[], Vec::as_slice)
    }
}

/// Follows `route()` calls from every block that the server runs by itself, and reports functions that are reached from a kind of block in
/// which they cannot work. Kamailio looks only at the block in which a call is written, and most functions run all the same where they find the
/// kind of message they are for; so what is reported is an error for functions that want a request of their own, and a warning for others that
/// are reached with a reply.
pub(super) fn check(program: &Program, graph: &CallGraph, reach: &Reach, diagnostics: &mut Vec<Diagnostic>) {
    let mut reported = FxHashSet::default();
    let mut seen = vec![usize::MAX; program.routes.len()];
    for (at, block) in program.routes.iter().enumerate() {
        let holds = match block.kind {
            RouteKind::Request | RouteKind::Event => continue,
            RouteKind::Reply | RouteKind::CoreReply => MessageKind::Reply,
            RouteKind::Failure | RouteKind::Branch | RouteKind::Onsend => MessageKind::Request,
        };
        if reach.is_run_by_others(&block.name) {
            continue;
        }
        let mut open: Vec<(RouteId, Option<Span>)> = vec![(RouteId(at as u16), None)];
        while let Some((route, way)) = open.pop() {
            if std::mem::replace(&mut seen[route.0 as usize], at) == at {
                continue;
            }
            let reached =
                graph.all(route).iter().filter(|(_, call)| call.is_none_or(|call| reach.reaches(call, holds)));
            for (used, _) in reached {
                match used {
                    RouteUse::Route(next, span) => open.push((*next, way.or(Some(*span)))),
                    RouteUse::Function(function, name, span) => {
                        let Some(way) = way else { continue };
                        if function.routes.allows(block.kind) || !reported.insert((*span, block.kind)) {
                            continue;
                        }
                        let is_error = function.does.contains(&Does::WantRequest) && block.kind != RouteKind::Failure;
                        if is_error || holds == MessageKind::Reply {
                            diagnostics.push(reached_from(function, name, *span, block.kind, way, is_error));
                        }
                    }
                }
            }
        }
    }
}

fn reached_from(function: &Function, name: &str, span: Span, kind: RouteKind, way: Span, is_error: bool) -> Diagnostic {
    let level = if is_error { Level::Error } else { Level::Warning };
    let message = format!(
        "{name} is reached from {} and {} there",
        article(kind),
        if is_error { "cannot be used" } else { "is not meant to be used" }
    );
    Diagnostic::new(level, "wrong-route", message, span)
        .label(way, format!("{} comes here", article(kind)))
        .note(format!("allowed in: {}", allowed(function)))
        .note("Kamailio looks only at the block in which the call is written, and says nothing")
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
pub fn allowed(function: &Function) -> String {
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
