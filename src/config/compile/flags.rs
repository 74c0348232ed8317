//! Flags that the config declares: names that are numbers in calls below.

use crate::config::ast;
use rustc_hash::FxHashMap;

/// A declared flag.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flag {
    pub(super) number: i64,
    /// The place of the declaration among the items of the text: only what stands below may use it.
    pub(super) item: usize,
}

/// Flags declared with `flags`: given positions first, the rest take the free places from 0 on.
pub(super) fn of_messages(config: &ast::Config) -> FxHashMap<String, Flag> {
    let all: Vec<_> = declared(config, false).collect();
    let given =
        all.iter().filter_map(|(item, name, place)| Some((name.text.clone(), Flag { number: (*place)?, item: *item })));
    let mut places: FxHashMap<String, Flag> = given.collect();
    let mut taken = places.values().fold(0u32, |taken, flag| taken | 1u32.checked_shl(flag.number as u32).unwrap_or(0));
    for (item, name, place) in &all {
        if place.is_none() {
            let free = (!taken).trailing_zeros().min(31);
            taken |= 1 << free;
            places.insert(name.text.clone(), Flag { number: i64::from(free), item: *item });
        }
    }
    places
}

/// Flags of AVPs, numbered in the order of the text.
pub(super) fn of_avps(config: &ast::Config) -> FxHashMap<String, Flag> {
    let mut places = FxHashMap::default();
    for (item, name, _) in declared(config, true) {
        let number = places.len() as i64;
        places.entry(name.text.clone()).or_insert(Flag { number, item });
    }
    places
}

/// The names of flags, of AVPs or of messages, each with its item and the number that is given.
fn declared(config: &ast::Config, avps: bool) -> impl Iterator<Item = (usize, &ast::Name, Option<i64>)> {
    config.items.iter().enumerate().flat_map(move |(at, item)| {
        let names = match item {
            ast::Item::Flags(flags) if flags.avp == avps => flags.names.as_slice(),
            _ => &[],
        };
        names.iter().map(move |(name, number)| (at, name, *number))
    })
}
