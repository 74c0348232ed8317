//! The dispatcher: health checks, failover and algorithms that do not do what they promise.

mod algorithms;
mod comment_mismatch;
mod failover;
mod mark_on_any_failure;
mod next_result_ignored;
mod probing;
mod reload;
mod reply_codes_syntax;
mod sql_instead_of_from_list;
mod unarmed;

pub(super) use algorithms::ATTRIBUTE_MISSING;

use super::script::{CallAt, argument};
use super::{Rule, Subject};
use crate::builtin::Does;
use crate::source::Span;

pub(super) static RULES: &[&Rule] = &[
    &probing::NEVER_RUNS,
    &probing::THRESHOLDS,
    &probing::WITHOUT_TM,
    &failover::FLAG_MISSING,
    &unarmed::NO_FAILURE_ROUTE,
    &unarmed::NOT_REARMED,
    &next_result_ignored::RULE,
    &mark_on_any_failure::RULE,
    &failover::PARALLEL,
    &algorithms::ATTRIBUTE_MISSING,
    &algorithms::LOAD_NOT_TRACKED,
    &reload::WITH_LOAD,
    &reply_codes_syntax::RULE,
    &sql_instead_of_from_list::RULE,
    &comment_mismatch::RULE,
    &reload::FROM_SCRIPT,
];

const DOCS: &str = "https://www.kamailio.org/docs/modules/stable/modules/dispatcher.html";

/// Calls that choose a destination with an algorithm that is a constant, with that.
fn algorithms<'s>(subject: &'s Subject) -> impl Iterator<Item = (&'s CallAt<'s>, i64)> {
    let calls = subject.script().calls_that(Does::SelectByAlgorithm);
    calls.filter_map(|at| Some((at, argument(at.call, 1)?.trim().parse().ok()?)))
}

/// Calls of interest on a path, each with a mark of its own as far as marks go.
struct Sites {
    spans: Vec<Span>,
    most: usize,
}

impl Sites {
    fn new(most: usize) -> Sites {
        Sites { spans: Vec::new(), most }
    }

    /// The mark of a place: the last mark is that of all that come late.
    fn mark(&mut self, span: Span) -> u8 {
        let known = self.spans.iter().position(|known| *known == span);
        let at = known.unwrap_or_else(|| {
            self.spans.push(span);
            self.spans.len() - 1
        });
        1 << at.min(self.most - 1)
    }

    /// The places of some marks.
    fn marked(&self, marks: u8) -> impl Iterator<Item = Span> {
        let most = self.most;
        self.spans
            .iter()
            .enumerate()
            .filter(move |(at, _)| marks & (1 << (*at).min(most - 1)) != 0)
            .map(|(_, span)| *span)
    }
}

/// Places found, each with the place that shows the fault.
#[derive(Default)]
struct Faults(Vec<(Span, Span)>);

impl Faults {
    fn add(&mut self, site: Span, other: Span) {
        if !self.0.iter().any(|(known, _)| *known == site) {
            self.0.push((site, other));
        }
    }
}
