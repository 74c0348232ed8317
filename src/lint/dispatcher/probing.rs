//! Health checks that never run.

use super::DOCS;
use crate::builtin::Does;
use crate::lint::script::argument;
use crate::lint::{Findings, Given, Rule, Severity, Subject};

/// No mode that pings.
pub(super) static NEVER_RUNS: Rule = Rule {
    code: "ds-probing-never-runs",
    severity: Severity::Warning,
    finds: "A ds_ping_interval without ds_probing_mode, or with mode 0, and nothing that puts destinations into probing state.",
    why: "In mode 0 Kamailio pings only destinations that carry the probing flag, and takes the flag away once they answer. The health check that \
          the interval promises never happens: a dead gateway keeps its calls. alanui takes an interval without any mode for mode 1.",
    instead: "Set ds_probing_mode to 1: every destination is pinged.",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/dispatcher.html#dispatcher.p.ds_probing_mode",
    check: never_runs,
};

/// Thresholds that count nothing.
pub(super) static THRESHOLDS: Rule = Rule {
    code: "ds-thresholds-without-probing",
    severity: Severity::Hint,
    finds: "ds_probing_threshold or ds_inactive_threshold while no destination is pinged.",
    why: "The thresholds count answers to pings. Without pings there is nothing to count, and the numbers have no effect.",
    instead: "Set ds_ping_interval and ds_probing_mode 1, or leave the thresholds out.",
    reference: DOCS,
    check: thresholds,
};

/// Pings need transactions.
pub(super) static WITHOUT_TM: Rule = Rule {
    code: "ds-ping-without-tm",
    severity: Severity::Warning,
    finds: "A ds_ping_interval without the module tm.",
    why: "Pings are transactions. Without tm the parameter is read and nothing is ever sent.",
    instead: "Load tm.",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/dispatcher.html#dispatcher.p.ds_ping_interval",
    check: without_tm,
};

fn interval<'a>(subject: &Subject<'a>) -> Option<Given<'a>> {
    subject.param("dispatcher", "ds_ping_interval").filter(|given| given.int().is_some_and(|seconds| seconds > 0))
}

/// Whether Kamailio pings anything, as far as the config alone tells.
fn pings(subject: &Subject) -> bool {
    let mode = subject.param("dispatcher", "ds_probing_mode").and_then(|given| given.int()).unwrap_or(0);
    let marks = || {
        let mut calls = subject.script().calls_that(Does::MarkDestination);
        calls.any(|at| argument(at.call, 0).is_some_and(|state| state.contains(['p', 'P', '$'])))
    };
    interval(subject).is_some() && (mode != 0 || marks())
}

fn never_runs(subject: &Subject, findings: &mut Findings) {
    let Some(given) = interval(subject).filter(|_| !pings(subject)) else { return };
    let seconds = given.int().unwrap_or_default();
    let mode = subject.param("dispatcher", "ds_probing_mode");
    let found = findings
        .add(format!("Kamailio does not ping every {seconds} s: it never pings an ordinary destination"), given.span());
    if let Some(mode) = mode {
        found.add_label(mode.span(), "only destinations with the probing flag are pinged");
    } else {
        found.add_note(
            "without ds_probing_mode only destinations with the probing flag are pinged; alanui pings all of them",
        );
    }
    found
        .add_note("only rows with flag 8, until they answer once, are an exception")
        .add_help("add modparam(\"dispatcher\", \"ds_probing_mode\", 1)");
}

fn thresholds(subject: &Subject, findings: &mut Findings) {
    if pings(subject) {
        return;
    }
    for name in ["ds_probing_threshold", "ds_inactive_threshold"] {
        let Some(given) = subject.param("dispatcher", name) else { continue };
        let found = findings.add(format!("{name} has nothing to count"), given.span());
        match interval(subject) {
            Some(interval) => {
                found.add_label(interval.span(), "without ds_probing_mode 1 Kamailio sends no pings");
            }
            None => {
                found.add_note("ds_ping_interval is not set: nothing is pinged");
            }
        }
    }
}

fn without_tm(subject: &Subject, findings: &mut Findings) {
    let Some(given) = interval(subject).filter(|_| subject.loaded("tm").is_none()) else { return };
    findings.add("destinations are pinged only when tm is loaded", given.span()).add_help("add loadmodule \"tm.so\"");
}
