//! What a terminal shows of each scenario.

use crate::report::{Outcome, Verdict, difference};
use std::io::{self, Write};

/// Tells of scenarios, one after another.
pub(super) struct Teller<'a> {
    color: bool,
    out: &'a mut dyn Write,
    /// Faults told already: scenarios of one config that has mistakes would all repeat them.
    told: Vec<String>,
}

impl<'a> Teller<'a> {
    pub(super) fn new(color: bool, out: &'a mut dyn Write) -> Teller<'a> {
        Teller { color, out, told: Vec::new() }
    }

    /// Tells of one.
    pub(super) fn tell(&mut self, outcome: &Outcome) -> io::Result<()> {
        let path = outcome.path.display();
        match outcome.verdict {
            Verdict::Passed => writeln!(self.out, "ok     {path}")?,
            Verdict::Accepted => writeln!(self.out, "accept {path}")?,
            Verdict::Unreadable => {
                writeln!(self.out, "cannot play {path}")?;
                if self.told.contains(&outcome.faults) {
                    writeln!(self.out, "  for the reasons given above")?;
                } else {
                    write!(self.out, "{}", outcome.faults)?;
                    self.told.push(outcome.faults.clone());
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
            Verdict::Changed => {
                writeln!(self.out, "FAILED {path}")?;
                let accepted = outcome.accepted.as_deref().unwrap_or_default();
                writeln!(self.out, "{}", difference(accepted, &outcome.ladder, self.color))?;
            }
            Verdict::New => {
                writeln!(self.out, "FAILED {path}")?;
                let shown = outcome.flow.as_ref().unwrap_or(&outcome.ladder);
                writeln!(self.out, "  nothing is accepted yet: read this, then give --accept\n\n{shown}")?;
                return Ok(());
            }
        }
        match &outcome.flow {
            Some(flow) => writeln!(self.out, "\n{flow}"),
            None => Ok(()),
        }
    }
}
