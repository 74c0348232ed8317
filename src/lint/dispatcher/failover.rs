//! Failover that has nothing to fail over to.

use super::{DOCS, algorithms};
use crate::builtin::Does;
use crate::config::ast::RouteKind;
use crate::lint::script::{CallAt, Script, argument};
use crate::lint::{Findings, Rule, Severity, Subject};
use rustc_hash::FxHashSet;

/// The other destinations are not kept.
pub(super) static FLAG_MISSING: Rule = Rule {
    code: "ds-failover-flag-missing",
    severity: Severity::Warning,
    finds: "ds_next_dst or ds_next_domain while the parameter flags of dispatcher lacks bit 2.",
    why: "Only with bit 2 does a selection keep the other destinations of the set. Without it ds_next_dst is false at once: the failover in the \
          config is silently gone, and every failed gateway is a failed call.",
    instead: "Add modparam(\"dispatcher\", \"flags\", 2).",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/dispatcher.html#dispatcher.p.flags",
    check: flag_missing,
};

/// Parallel forking and then the next.
pub(super) static PARALLEL: Rule = Rule {
    code: "ds-parallel-with-failover",
    severity: Severity::Warning,
    finds: "Algorithm 12 together with ds_next_dst, ds_next_domain or ds_mark_dst.",
    why: "Algorithm 12 sends the request to every destination of the set at once. It keeps no list to take the next from, and no single destination \
          that could be marked: both functions are false.",
    instead: "Use a serial algorithm such as 4 or 8 with failover, or leave out what comes after a failure.",
    reference: DOCS,
    check: parallel,
};

fn flag_missing(subject: &Subject, findings: &mut Findings) {
    let given = subject.param("dispatcher", "flags");
    let flags = given.map_or(Some(0), |given| given.int());
    if subject.loaded("dispatcher").is_none() || flags.is_none_or(|flags| flags & 2 != 0) {
        return;
    }
    let Some(first) = subject.script().calls_that(Does::NextDestination).next() else { return };
    let found = findings.add(format!("{} never finds another destination", first.call.name.text), first.call.span);
    match given {
        Some(given) => {
            let help = format!("write {}", given.int().unwrap_or_default() | 2);
            found.add_label(given.span(), "bit 2 keeps the destinations that were not chosen").add_help(help);
        }
        None => {
            found.add_help("add modparam(\"dispatcher\", \"flags\", 2)");
        }
    }
    found.add_note("without it the selection keeps only the destination it chose");
}

fn parallel(subject: &Subject, findings: &mut Findings) {
    let script = subject.script();
    let after: Vec<&CallAt> =
        script.calls_that(Does::NextDestination).chain(script.calls_that(Does::MarkDestination)).collect();
    let mut reported = FxHashSet::default();
    for (select, _) in algorithms(subject).filter(|(_, algorithm)| *algorithm == 12) {
        let armed = armed_behind(script, select);
        let reached = script.reached_from(|route| {
            route.kind == RouteKind::Failure && route.name.as_ref().is_some_and(|name| armed.contains(&name.text))
        });
        for at in &after {
            if reached.get(at.route) != Some(&true) || !reported.insert(at.call.span) {
                continue;
            }
            let name = &at.call.name.text;
            let message = if at.does.contains(&Does::MarkDestination) {
                "no single destination can be marked after a parallel selection".to_owned()
            } else {
                format!("{name} finds no destination after a parallel selection")
            };
            findings
                .add(message, at.call.span)
                .add_label(select.call.span, "algorithm 12 sends to all destinations at once")
                .add_help("for one destination after the other choose algorithm 4, 8 or 0");
        }
    }
}

/// The failure routes that may count for a selection: set behind it before another one, or, when there is none, before it in its route.
fn armed_behind(script: &Script, select: &CallAt) -> Vec<String> {
    let steps: Vec<&CallAt> = script.calls.iter().filter(|at| at.route == select.route).collect();
    let place = steps.iter().position(|at| at.call.span == select.call.span).unwrap_or(0);
    let sets = |at: &&&CallAt| at.does.contains(&Does::Arm(RouteKind::Failure));
    let behind = steps[place..].iter().skip(1).take_while(|at| !at.does.contains(&Does::SelectDestination));
    let names: Vec<String> = behind.filter(sets).filter_map(|at| argument(at.call, 0)).collect();
    if !names.is_empty() {
        return names;
    }
    steps[..place].iter().rev().find(sets).and_then(|at| argument(at.call, 0)).into_iter().collect()
}
