//! One scenario file: read, played, compared.

use super::{TestOptions, Variable};
use crate::host::{Disk, Stopwatch};
use crate::modules::MODULES;
use crate::report::{Coverage, Outcome, Run, Verdict, reasons};
use crate::sim::{self, Reading};
use crate::source::{Diagnostic, Sources, render};
use crate::story::{Detail, ladder};
use std::path::Path;

/// Plays a scenario file and compares what happens with what was accepted.
pub(super) fn play(path: &Path, options: &TestOptions, variable: Variable, color: bool) -> Outcome {
    let watch = Stopwatch::start();
    let mut outcome = Outcome::unplayed(path.to_owned());
    let (mut sources, mut diagnostics) = (Sources::default(), Vec::new());
    let reading = Reading { files: &Disk, variable, unbuilt: options.unbuilt.allowed() };
    let scenarios = sim::parse(path, &reading, &mut sources, &mut diagnostics);
    outcome.about = about(&sources);
    let mut failures = Vec::new();
    for scenario in scenarios.iter().flatten() {
        match sim::play(scenario, &reading, MODULES, options.strict, &mut sources) {
            Ok(played) => {
                let titled = |ladder: &str| match &scenario.row {
                    Some(row) => format!("== {row}\n\n{ladder}\n"),
                    None => ladder.to_owned(),
                };
                outcome.ladder.push_str(&titled(&played.ladder));
                if options.flow {
                    let flow = ladder(scenario.names(), &played.entries, Some(Detail::Flow));
                    outcome.flow.get_or_insert_default().push_str(&titled(&flow));
                }
                outcome.coverage.add(&Coverage::of(&played.program, &played.reached, &sources));
                let peers = scenario.peers.iter().map(|peer| peer.name.clone()).collect();
                let reasons = reasons(&played.entries, &played.settings, &sources);
                let (row, places) = (scenario.row.clone(), Default::default());
                let mut run = Run { row, peers, entries: played.entries, reasons, places };
                if options.reports.tell_places() {
                    run.locate(&sources);
                }
                outcome.runs.push(run);
                let row = scenario.row.as_ref().map(|row| format!("in the row: {row}"));
                failures.extend(
                    played.failures.into_iter().map(|failure| row.iter().cloned().fold(failure, Diagnostic::note)),
                );
            }
            Err(faults) => {
                diagnostics = faults;
                break;
            }
        }
    }
    outcome.ladder.truncate(outcome.ladder.trim_end().len());
    outcome.ladder.push('\n');
    outcome.accepted = std::fs::read_to_string(path.with_extension("ladder")).ok();
    outcome.verdict = match &outcome.accepted {
        _ if !diagnostics.is_empty() => Verdict::Unreadable,
        _ if !failures.is_empty() => Verdict::Unmet,
        Some(accepted) if *accepted == outcome.ladder => Verdict::Passed,
        Some(_) => Verdict::Changed,
        None => Verdict::New,
    };
    diagnostics.extend(failures);
    outcome.faults = if diagnostics.is_empty() { String::new() } else { render::human(&sources, &diagnostics, color) };
    if options.accept && matches!(outcome.verdict, Verdict::Changed | Verdict::New) {
        accept(&mut outcome);
    }
    outcome.time = watch.elapsed();
    outcome
}

/// The first comment of a scenario: which question it asks.
fn about(sources: &Sources) -> String {
    let text = sources.files().next().map(|file| String::from_utf8_lossy(sources.text(file))).unwrap_or_default();
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    first.trim().strip_prefix('#').unwrap_or_default().trim().to_owned()
}

/// Writes what happens as what is accepted.
pub(super) fn accept(outcome: &mut Outcome) {
    let place = outcome.path.with_extension("ladder");
    match std::fs::write(&place, &outcome.ladder) {
        Ok(()) => outcome.verdict = Verdict::Accepted,
        Err(fault) => outcome.faults = format!("{} cannot be written: {fault}\n", place.display()),
    }
}
