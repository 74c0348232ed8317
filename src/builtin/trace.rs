//! What happened, for those who watch: `alanui test` writes it into ladders.

use super::module::RouteKind;
use std::time::Duration;

/// One thing that happened inside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TraceEvent {
    /// A route block was entered.
    Route {
        /// Its kind.
        kind: RouteKind,
        /// Its name; empty for the main block of its kind.
        name: String,
    },
    /// A function of a module returned.
    Call {
        /// Its name.
        name: &'static str,
        /// The arguments as they were read, separated by commas.
        args: String,
        /// The return code.
        code: i32,
    },
    /// A timer ran out.
    Timer {
        /// Its name: `fr_timer`, `retr_timer1`.
        name: &'static str,
        /// How long it had run.
        after: Duration,
    },
}
