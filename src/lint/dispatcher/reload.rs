//! Reloading the destinations from a route.

use super::{DOCS, algorithms};
use crate::builtin::Does;
use crate::config::ast::RouteKind;
use crate::lint::script::{CallAt, argument};
use crate::lint::{Findings, Rule, Severity, Subject};

/// While calls are counted.
pub(super) static WITH_LOAD: Rule = Rule {
    code: "ds-reload-with-load-alg",
    severity: Severity::Warning,
    finds: "ds_reload, or the command dispatcher.reload given by jsonrpc_exec, in a config that uses algorithm 10.",
    why: "The calls that algorithm 10 counts belong to the destinations that were loaded when they began. Kamailio's documentation rules a reload \
          out: counts are lost, or belong to destinations that are gone.",
    instead: "Reload only when no call is up, or choose an algorithm that counts no calls.",
    reference: DOCS,
    check: with_load,
};

/// For each message.
pub(super) static FROM_SCRIPT: Rule = Rule {
    code: "ds-reload-from-script",
    severity: Severity::Performance,
    finds: "ds_reload, or the command dispatcher.reload given by jsonrpc_exec, in a route that requests or replies reach.",
    why: "The reload reads the file or the database while the message waits, and several messages may start one at the same time: released \
          versions of Kamailio have damaged their shared memory that way.",
    instead: "Reload by RPC (dispatcher.reload), or from a timer.",
    reference: "https://github.com/kamailio/kamailio/issues/4807",
    check: from_script,
};

/// The calls that load the destinations again.
fn reloads<'s>(subject: &'s Subject) -> impl Iterator<Item = &'s CallAt<'s>> {
    let script = subject.script();
    let orders = |at: &&CallAt| argument(at.call, 0).is_some_and(|text| text.contains("dispatcher.reload"));
    script.calls_that(Does::ReloadDestinations).chain(script.calls_of("jsonrpc_exec").filter(orders))
}

fn with_load(subject: &Subject, findings: &mut Findings) {
    let Some((select, _)) = algorithms(subject).find(|(_, algorithm)| *algorithm == 10) else { return };
    for at in reloads(subject) {
        findings
            .add("a reload loses the calls that algorithm 10 has counted", at.call.span)
            .add_label(select.call.span, "calls are counted here");
    }
}

fn from_script(subject: &Subject, findings: &mut Findings) {
    if reloads(subject).next().is_none() {
        return;
    }
    let reached = subject.script().reached_from(|route| {
        route.kind != RouteKind::Event && (route.kind != RouteKind::Request || route.name.is_none())
    });
    for at in reloads(subject).filter(|at| reached.get(at.route) == Some(&true)) {
        findings
            .add("the destinations are loaded again while a message waits", at.call.span)
            .add_help("use the RPC command dispatcher.reload, or a timer of rtimer");
    }
}
