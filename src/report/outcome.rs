//! What came of one scenario file.

use super::coverage::Coverage;
use super::explain::Reason;
use crate::sim::Entry;
use std::path::PathBuf;
use std::time::Duration;

/// What came of one scenario file.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The scenario.
    pub path: PathBuf,
    /// Whether all is as it should be.
    pub verdict: Verdict,
    /// What happened, as the text that is accepted.
    pub ladder: String,
    /// The same with how it came to it, when that was asked for.
    pub flow: Option<String>,
    /// What was accepted before.
    pub accepted: Option<String>,
    /// Why it failed or could not be played: diagnostics drawn as text, empty when there are none.
    pub faults: String,
    /// What happened in each run: one, or one for each row of the scenario's table.
    pub runs: Vec<Run>,
    /// What of the config ran.
    pub coverage: Coverage,
    /// How long the machine took.
    pub time: Duration,
}

impl Outcome {
    /// That of a scenario that was not played yet.
    pub fn unplayed(path: PathBuf) -> Outcome {
        Outcome {
            path,
            verdict: Verdict::Unreadable,
            ladder: String::new(),
            flow: None,
            accepted: None,
            faults: String::new(),
            runs: Vec::new(),
            coverage: Coverage::default(),
            time: Duration::ZERO,
        }
    }
}

/// One run of a scenario.
#[derive(Debug, Clone)]
pub struct Run {
    /// The row of the table: `user bob, code 200`.
    pub row: Option<String>,
    /// Those who take part, in the order of the scenario.
    pub peers: Vec<String>,
    /// What happened.
    pub entries: Vec<Entry>,
    /// Why.
    pub reasons: Vec<Reason>,
}

/// Whether all is as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// What happened is what was accepted.
    Passed,
    /// It was accepted just now.
    Accepted,
    /// Something else happens than what was accepted.
    Changed,
    /// Nothing was accepted yet.
    New,
    /// An expectation of the scenario was not met, or a step could not be taken.
    Unmet,
    /// The scenario or its config has mistakes: nothing was played.
    Unreadable,
}

impl Verdict {
    /// Nothing needs to be done.
    pub fn is_good(self) -> bool {
        matches!(self, Verdict::Passed | Verdict::Accepted)
    }
}
