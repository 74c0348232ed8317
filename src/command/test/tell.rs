//! What a terminal shows of each scenario.

use super::TestOptions;
use crate::report::{Outcome, Reason, Verdict, difference};
use crate::story::{Event, stamp};
use std::io::{self, Write};

/// Tells of scenarios, one after another.
pub(super) struct Teller<'a> {
    explain: bool,
    review: bool,
    color: bool,
    out: &'a mut dyn Write,
    /// Faults told already: scenarios of one config that has mistakes would all repeat them.
    reported: Vec<String>,
}

impl<'a> Teller<'a> {
    pub(super) fn new(options: &TestOptions, color: bool, out: &'a mut dyn Write) -> Teller<'a> {
        Teller { explain: options.explain, review: options.review, color, out, reported: Vec::new() }
    }

    /// Why it happened, a sentence each.
    fn reasons(&mut self, outcome: &Outcome) -> io::Result<()> {
        writeln!(self.out)?;
        for run in &outcome.runs {
            if let Some(row) = &run.row {
                writeln!(self.out, "== {row}\n")?;
            }
            let again = |reason: &&Reason| match run.entries.get(reason.entry).map(|entry| &entry.event) {
                Some(Event::Message(sent)) => sent.again,
                _ => false,
            };
            for reason in run.reasons.iter().filter(|reason| !again(reason)) {
                writeln!(self.out, "{:<9} {}\n            because {}", stamp(reason.at), reason.what, reason.why)?;
            }
            writeln!(self.out)?;
        }
        Ok(())
    }

    /// Tells of one.
    pub(super) fn tell(&mut self, outcome: &Outcome) -> io::Result<()> {
        let path = outcome.path.display();
        match outcome.verdict {
            Verdict::Passed => writeln!(self.out, "ok     {path}")?,
            Verdict::Accepted => writeln!(self.out, "accept {path}")?,
            Verdict::Unreadable => {
                writeln!(self.out, "cannot play {path}")?;
                if self.reported.contains(&outcome.faults) {
                    writeln!(self.out, "  for the reasons given above")?;
                } else {
                    write!(self.out, "{}", outcome.faults)?;
                    self.reported.push(outcome.faults.clone());
                }
                return Ok(());
            }
            Verdict::Unmet => {
                writeln!(self.out, "FAILED {path}")?;
                write!(self.out, "{}", outcome.faults)?;
                if outcome.flow.is_none() {
                    writeln!(self.out, "its ladder, which is not accepted:\n\n{}", outcome.ladder)?;
                }
            }
            // Their differences are shown one by one.
            Verdict::Changed | Verdict::New if self.review => writeln!(self.out, "FAILED {path}")?,
            Verdict::Changed => {
                writeln!(self.out, "FAILED {path}")?;
                let accepted = outcome.accepted.as_deref().unwrap_or_default();
                writeln!(self.out, "{}", difference(["accepted", "happens"], accepted, &outcome.ladder, self.color))?;
            }
            Verdict::New => {
                writeln!(self.out, "FAILED {path}")?;
                let shown = outcome.flow.as_ref().unwrap_or(&outcome.ladder);
                writeln!(self.out, "  nothing is accepted yet: read this, then give --accept\n\n{shown}")?;
                return Ok(());
            }
        }
        if let Some(flow) = &outcome.flow {
            writeln!(self.out, "\n{flow}")?;
        }
        if self.explain {
            self.reasons(outcome)?;
        }
        Ok(())
    }
}
