//! What came of scenarios, for people and for machines: which lines of the config they reached, what changed.

mod coverage;
mod covered;
mod details;
mod diagram;
mod difference;
mod explain;
mod html;
mod json;
mod junit;
mod outcome;
mod page;
mod steps;
mod tap;

pub use coverage::{Branch, Coverage, FileCoverage, RouteCoverage, Share};
pub use difference::difference;
pub use explain::{Reason, reasons};
pub use html::{coverage_html, html};
pub use json::json;
pub use junit::junit;
pub use outcome::{Outcome, Place, Run, Verdict};
pub use tap::tap;
