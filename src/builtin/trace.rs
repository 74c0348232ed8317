//! What happened inside, for those who watch: `alanui test` writes it into ladders and counts what was reached.

use super::does::Does;
use crate::language::RouteKind;
use crate::source::Span;
use rustc_hash::FxHashMap;
use std::time::Duration;

/// What somebody who watches is told.
#[derive(Debug, Default)]
pub struct Trace {
    /// What happened since it was last taken: each with the number of lines in `log` before it.
    pub events: Vec<(usize, TraceEvent)>,
    /// What of the program was reached since the start.
    pub reached: Reached,
    /// Where a run was stopped, or a loop ended, because it did not come to an end by itself.
    pub endless: Vec<Span>,
    /// Instructions after which a run is ended, when that is to be sooner than in a server.
    pub budget: Option<u32>,
}

/// How often each instruction of the program ran, and which way it went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    /// By the place of an instruction: how often it ran.
    pub runs: Vec<u32>,
    /// Ways that were taken from instructions with several: the place they were at and the one they went to, and how often.
    pub ways: FxHashMap<(u32, u32), u32>,
}

impl Reached {
    /// Counts a run of the instruction at a place.
    pub fn count(&mut self, place: usize) {
        if self.runs.len() <= place {
            self.runs.resize(place + 1, 0);
        }
        if let Some(runs) = self.runs.get_mut(place) {
            *runs = runs.saturating_add(1);
        }
    }

    /// Counts a way from a place to another.
    pub fn count_way(&mut self, from: u32, to: u32) {
        let ways = self.ways.entry((from, to)).or_default();
        *ways = ways.saturating_add(1);
    }

    /// Adds what another run of the same program reached.
    pub fn add(&mut self, other: &Reached) {
        if self.runs.len() < other.runs.len() {
            self.runs.resize(other.runs.len(), 0);
        }
        for (own, its) in self.runs.iter_mut().zip(&other.runs) {
            *own = own.saturating_add(*its);
        }
        for (way, count) in &other.ways {
            let own = self.ways.entry(*way).or_default();
            *own = own.saturating_add(*count);
        }
    }
}

/// One thing that happened inside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TraceEvent {
    /// A route block was entered.
    Route {
        /// Its kind.
        kind: RouteKind,
        /// Its name; empty for the main block of its kind.
        name: String,
        /// The words that open it.
        span: Span,
    },
    /// A route block goes on behind the call of another.
    Back {
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
        /// What it does.
        does: &'static [Does],
        /// Where it is called.
        span: Span,
    },
    /// The condition of `if`, `while` or `selval` was decided.
    Condition {
        /// The condition.
        span: Span,
        /// Whether it held.
        holds: bool,
    },
    /// A `switch` went to one of its labels.
    Switch {
        /// The value it looked at.
        value: String,
        /// Where it stands.
        span: Span,
    },
    /// A variable was written.
    Set {
        /// The variable as the script writes it: `$avp(x)`.
        name: String,
        /// What was written; `None` when that was undefined, or the variable does not take it.
        value: Option<String>,
        /// The assignment.
        span: Span,
    },
    /// A statement ended the script.
    End {
        /// `exit`, `drop` or `return 0`.
        how: &'static str,
        /// Where it stands.
        span: Span,
    },
    /// A timer ran out.
    Timer {
        /// Its name: `fr_timer`, `retr_timer`.
        name: &'static str,
        /// How long it had run.
        after: Duration,
    },
}
