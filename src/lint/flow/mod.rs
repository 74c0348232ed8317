//! What may happen on the ways through a config: an abstract walk from every block that the server enters.
//!
//! Each way carries what is known on it ([`State`]): which methods the request may have, whether it stands in a dialog, whether it was answered,
//! who vouches for its sender. Conditions split ways, `exit` ends them, `route()` is followed. A route is walked once for each state in which it
//! is called, so the work grows with the config and not with the number of ways. Where ways get too many they are put together; what is then
//! not certain is said of none, so that a rule that asks for certainty stays silent rather than wrong.

mod condition;
pub mod effect;
mod names;
mod state;
mod walk;
mod worlds;

pub use names::Mark;
pub use state::{Fact, Methods, State};

use super::Subject;
use crate::builtin::Does;
use crate::config::ast::{Call, RouteKind};
use crate::source::Span;
use rustc_hash::{FxHashMap, FxHashSet};

/// What a walk found out.
#[derive(Debug, Default)]
pub struct Flow<'a> {
    sites: Vec<Site<'a>>,
    by_call: FxHashMap<usize, usize>,
    drops: Vec<(Span, State)>,
    broken: Vec<Broken<'a>>,
    falls: FxHashSet<usize>,
    sets: FxHashMap<(&'a str, RouteKind), Span>,
}

/// A call with what is known each time it is reached.
#[derive(Debug)]
pub struct Site<'a> {
    /// The call.
    pub call: &'a Call,
    /// What its function does.
    pub does: &'static [Does],
    /// What is known, one for each kind of way to it.
    pub states: Vec<State>,
}

/// A place where a name should have a mark and has not, or the other way round, on some way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken<'a> {
    /// The mark.
    pub mark: Mark<'a>,
    /// The place.
    pub place: Span,
    /// The block that the server entered.
    pub entry: RouteKind,
    /// It stands in a condition.
    pub asked: bool,
}

impl<'a> Flow<'a> {
    /// Walks a config.
    pub(super) fn of(subject: &Subject<'a>) -> Flow<'a> {
        let flow = walk::Walk::new(subject).run();
        let flags = flow.vetted_flags();
        if flags.is_empty() { flow } else { walk::Walk::new(subject).knowing(flags).run() }
    }

    /// Flags that are set on a way on which somebody vouches for the sender.
    fn vetted_flags(&self) -> FxHashSet<String> {
        let sets = self.sites.iter().filter(|site| site.does(Does::SetFlag));
        let vetted = sets.filter(|site| site.states.iter().any(|state| state.is(Fact::Vetted)));
        vetted.filter_map(|site| effect::literal(site.call, 0).map(|flag| flag.into_owned())).collect()
    }

    /// Every call that is reached, in the order of the walk; those of log lines and simple tests are left out.
    pub fn sites(&self) -> impl Iterator<Item = &Site<'a>> {
        self.sites.iter()
    }

    /// The calls of some functions that are reached, in the order of the text.
    pub fn calls(&self, names: &[&str]) -> Vec<&Site<'a>> {
        let mut sites: Vec<_> = self.sites.iter().filter(|its| names.contains(&its.call.name.text.as_str())).collect();
        sites.sort_by_key(|its| its.call.span);
        sites
    }

    /// The calls that do something and are reached, in the order of the text.
    pub fn that(&self, does: Does) -> Vec<&Site<'a>> {
        let mut sites: Vec<_> = self.sites.iter().filter(|its| its.does(does)).collect();
        sites.sort_by_key(|its| its.call.span);
        sites
    }

    /// A call, when it is reached.
    pub fn site(&self, call: &Call) -> Option<&Site<'a>> {
        self.sites.get(*self.by_call.get(&address(call))?)
    }

    /// Every `drop` with what is known there.
    pub fn drops(&self) -> &[(Span, State)] {
        &self.drops
    }

    /// Every place at which a mark on a name is not what it should be.
    pub fn broken(&self) -> &[Broken<'a>] {
        &self.broken
    }

    /// Whether the route at this place of [`Subject::routes`] can run off its end.
    pub fn falls_off(&self, route: usize) -> bool {
        self.falls.contains(&route)
    }

    /// The first place that sets `$var(name)` when the server enters a block of this kind.
    pub fn set_in(&self, name: &str, entry: RouteKind) -> Option<Span> {
        self.sets.get(&(name, entry)).copied()
    }

    fn sets(&mut self, name: &'a str, entry: RouteKind, place: Span) {
        let first = self.sets.entry((name, entry)).or_insert(place);
        *first = place.min(*first);
    }

    fn reached(&mut self, call: &'a Call, does: &'static [Does], state: &State) {
        let at = *self.by_call.entry(address(call)).or_insert_with(|| {
            self.sites.push(Site { call, does, states: Vec::new() });
            self.sites.len() - 1
        });
        let states = &mut self.sites[at].states;
        if states.len() < MOST_STATES && !states.iter().any(|its| its.key() == state.key()) {
            states.push(*state);
        }
    }
}

impl Site<'_> {
    /// Whether its function does this.
    pub fn does(&self, does: Does) -> bool {
        self.does.contains(&does)
    }

    /// The first state of which something holds, on a way that entered in one of these blocks.
    pub fn find(&self, entry: RouteKind, holds: impl Fn(&State) -> bool) -> Option<&State> {
        self.states.iter().find(|state| state.entry == entry && holds(state))
    }
}

/// How many states are kept for one call.
const MOST_STATES: usize = 32;

/// What tells calls apart: two that come from one define share their place in the text.
fn address(call: &Call) -> usize {
    std::ptr::from_ref(call).addr()
}

#[cfg(test)]
mod tests;
