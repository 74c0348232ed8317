//! The ways that lead to a place, told apart as far as that matters.

use super::names::Change;
use super::state::State;

/// How many ways are told apart at one place.
const MOST: usize = 12;

/// One way: what is known of the message, and what happened to names.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) state: State,
    pub(super) change: Change,
}

/// All ways to a place; none when it is not reached.
pub(super) type Worlds = Vec<World>;

/// Puts ways together that differ in nothing that matters; when there are still too many, also others.
pub(super) fn join(worlds: &mut Worlds) {
    if worlds.len() < 2 {
        return;
    }
    pairwise(worlds, |one, other| {
        if one.state.key() == other.state.key() {
            return Some(World { state: one.state, change: one.change.or(&other.change) });
        }
        if one.change == other.change {
            let state = one.state.exactly_with(&other.state)?;
            return Some(World { state, change: one.change.clone() });
        }
        None
    });
    if worlds.len() <= MOST {
        return;
    }
    pairwise(worlds, |one, other| {
        let state = one.state.exactly_with(&other.state)?;
        Some(World { state, change: one.change.or_blurred(&other.change) })
    });
    while worlds.len() > MOST {
        let Some(last) = worlds.pop() else { return };
        // Ways of the same methods are put together first.
        let alike = worlds.iter_mut().rev().find(|its| its.state.methods == last.state.methods);
        let Some(into) = (match alike {
            Some(into) => Some(into),
            None => worlds.last_mut(),
        }) else {
            return;
        };
        into.state = into.state.with(&last.state);
        into.change = into.change.or_blurred(&last.change);
    }
}

fn pairwise(worlds: &mut Worlds, merge: impl Fn(&World, &World) -> Option<World>) {
    let mut at = 0;
    while at < worlds.len() {
        let mut other = at + 1;
        let mut merged = false;
        while other < worlds.len() {
            if let Some(both) = merge(&worlds[at], &worlds[other]) {
                worlds[at] = both;
                worlds.swap_remove(other);
                merged = true;
            } else {
                other += 1;
            }
        }
        if merged {
            // What was put together may fit an earlier one.
            at = 0;
        } else {
            at += 1;
        }
    }
}
