//! The report for other programs: one JSON object.

use super::coverage::{Coverage, Share};
use super::explain::Reason;
use super::outcome::{Outcome, Run, Verdict};
use crate::story::{Event, Sent};
use crate::time::Tick;
use serde_json::{Value, json};

/// The outcomes as one object: `summary`, `coverage` and `scenarios`. Moments are in seconds since the start of a scenario.
pub fn json(outcomes: &[Outcome], coverage: &Coverage) -> String {
    let count = |meant: &dyn Fn(Verdict) -> bool| outcomes.iter().filter(|outcome| meant(outcome.verdict)).count();
    let report = json!({
        "summary": {
            "passed": count(&Verdict::is_good),
            "failed": count(&|verdict| !verdict.is_good() && verdict != Verdict::Unreadable),
            "unreadable": count(&|verdict| verdict == Verdict::Unreadable),
        },
        "coverage": {
            "lines": share(coverage.lines()),
            "branches": share(coverage.branches()),
            "routes": share(coverage.routes()),
        },
        "scenarios": outcomes.iter().map(scenario).collect::<Vec<_>>(),
    });
    format!("{report:#}\n")
}

fn share(share: Share) -> Value {
    json!({ "reached": share.reached, "all": share.all, "percent": share.percent() })
}

fn scenario(outcome: &Outcome) -> Value {
    let faults = outcome.plain_faults();
    json!({
        "path": outcome.path.display().to_string(),
        "about": outcome.about,
        "verdict": outcome.verdict.word(),
        "seconds": outcome.time.as_secs_f64(),
        "difference": outcome.difference(),
        "faults": (!faults.is_empty()).then_some(faults),
        "runs": outcome.runs.iter().map(run).collect::<Vec<_>>(),
    })
}

fn run(run: &Run) -> Value {
    let messages = run.entries.iter().filter_map(|entry| match &entry.event {
        Event::Message(sent) => Some(message(entry.at, sent)),
        _ => None,
    });
    json!({
        "row": run.row,
        "decisions": messages.collect::<Vec<_>>(),
        "reasons": run.reasons.iter().map(|its| reason(its, run)).collect::<Vec<_>>(),
    })
}

fn message(at: Tick, sent: &Sent) -> Value {
    json!({
        "at": seconds(at),
        "from": sent.from,
        "to": sent.to,
        "title": sent.title,
        "call": sent.call,
        "again": sent.again,
        "lost": sent.lost,
        "changes": sent.changes,
    })
}

fn reason(reason: &Reason, run: &Run) -> Value {
    let place = reason.span.and_then(|span| run.place(span));
    json!({
        "at": seconds(reason.at),
        "what": reason.what,
        "why": reason.why,
        "file": place.map(|place| place.path.display().to_string()),
        "line": place.map(|place| place.line),
    })
}

fn seconds(at: Tick) -> f64 {
    at.as_micros() as f64 / 1e6
}
