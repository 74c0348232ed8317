//! Destinations of the dispatcher, as a list file or statements for its table hold them: rows that do not do what is written beside them.
//!
//! These rules look at rows and not at the config alone, so they run when rows are at hand ([`super::check_destinations`]).

mod addresses;
mod flags;
mod list;
mod priorities;
mod sockets;
mod weights;

pub use list::of_list;

use super::script::{CallAt, argument};
use super::{Rule, Subject};
use crate::builtin::Does;
use crate::source::Span;

pub(super) static RULES: &[&Rule] =
    &[&weights::RULE, &priorities::RULE, &flags::CONFUSION, &flags::UNRESOLVED, &addresses::RULE, &sockets::RULE];

const DOCS: &str = "https://www.kamailio.org/docs/modules/stable/modules/dispatcher.html";

/// One destination as it is written.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Destination {
    /// The set it belongs to.
    pub set: i64,
    /// Its address as written.
    pub uri: String,
    /// Its state: 1 inactive, 2 trying, 4 disabled, 8 probing, 16 not resolved at start.
    pub flags: i64,
    /// Its place in the set: the highest number is first.
    pub priority: i64,
    /// `name=value` pairs, between semicolons.
    pub attributes: String,
    /// What is said of it: its description and the comments beside it, in small letters.
    pub words: String,
    /// Where it stands.
    pub span: Span,
}

impl Destination {
    /// The value of an attribute.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        let mut pairs = self.attributes.split(';').filter_map(|pair| pair.split_once('='));
        pairs.find(|(its, _)| its.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// The first of some words that is said of it.
    fn says<'w>(&self, words: &[&'w str]) -> Option<&'w str> {
        let mut said = self.words.split(|letter: char| !letter.is_alphanumeric());
        said.find_map(|said| words.iter().find(|word| **word == said)).copied()
    }
}

/// The sets, each with its destinations in the order of the text.
pub(super) fn sets<'s>(subject: &'s Subject) -> Vec<(i64, Vec<&'s Destination>)> {
    let mut sets: Vec<(i64, Vec<&Destination>)> = Vec::new();
    for its in subject.destinations {
        match sets.iter_mut().find(|(set, _)| *set == its.set) {
            Some((_, members)) => members.push(its),
            None => sets.push((its.set, vec![its])),
        }
    }
    sets
}

/// The call that may choose from a set by one of some algorithms: what is not a constant may be any set and any algorithm.
pub(super) fn chooses<'s>(subject: &'s Subject, set: i64, algorithms: &[i64]) -> Option<&'s CallAt<'s>> {
    let number = |at: &CallAt, place| argument(at.call, place).and_then(|text| text.trim().parse::<i64>().ok());
    let mut calls = subject.script().calls_that(Does::SelectByAlgorithm);
    calls.find(|at| {
        let by = number(at, 1);
        number(at, 0).is_none_or(|its| its == set) && by.is_some_and(|by| algorithms.contains(&by))
    })
}
