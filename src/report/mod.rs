//! What came of scenarios, for people and for machines: which lines of the config they reached, what changed.

mod coverage;
mod difference;
mod explain;
mod outcome;

pub use coverage::{Branch, Coverage, FileCoverage, RouteCoverage, Share};
pub use difference::difference;
pub use explain::{Reason, reasons};
pub use outcome::{Outcome, Run, Verdict};
