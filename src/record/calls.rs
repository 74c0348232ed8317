//! The calls of a capture, by Call-ID.

use super::gathered::value;
use super::traffic::{Event, Kind, PeerId};
use crate::sip::HeaderName;
use rustc_hash::{FxHashMap, FxHashSet};

/// The calls in the order in which they begin.
pub(super) fn in_order(events: &[Event]) -> impl Iterator<Item = &[u8]> {
    let mut seen = FxHashSet::default();
    let packets = events.iter().filter_map(|event| match &event.kind {
        Kind::Sends(_, _, packet) | Kind::Gets(_, packet) => Some(packet),
        _ => None,
    });
    packets.filter_map(|packet| value(&packet.bytes, HeaderName::CallId)).filter(move |call| seen.insert(call.to_vec()))
}

/// A name for each.
pub(super) fn numbered(calls: Vec<Vec<u8>>) -> FxHashMap<Vec<u8>, String> {
    calls.into_iter().enumerate().map(|(at, call)| (call, format!("call{}", at + 1))).collect()
}

/// Calls of which the server sent something.
pub(super) fn heard(events: &[Event]) -> FxHashSet<Vec<u8>> {
    let of_server = events.iter().filter_map(|event| match &event.kind {
        Kind::Gets(_, packet) => value(&packet.bytes, HeaderName::CallId),
        _ => None,
    });
    of_server.map(<[u8]>::to_vec).collect()
}

/// Calls of which one message comes between two of another call of the same peer: they need names to be told apart.
pub(super) fn beside_others(events: &[Event]) -> Vec<Vec<u8>> {
    let mut spans: Vec<(Vec<u8>, PeerId, usize, usize)> = Vec::new();
    let mut places: FxHashMap<(&[u8], PeerId), usize> = FxHashMap::default();
    for (at, event) in events.iter().enumerate() {
        let (Kind::Sends(peer, _, packet) | Kind::Gets(peer, packet)) = &event.kind else { continue };
        let Some(call) = value(&packet.bytes, HeaderName::CallId) else { continue };
        let place = *places.entry((call, *peer)).or_insert(spans.len());
        match spans.get_mut(place) {
            Some((.., last)) => *last = at,
            None => spans.push((call.to_vec(), *peer, at, at)),
        }
    }
    let (mut named, mut known) = (Vec::new(), FxHashSet::default());
    // Ordered by their beginnings: only calls that are not over can overlap the next one.
    let mut open: Vec<usize> = Vec::new();
    for (at, (call, peer, first, _)) in spans.iter().enumerate() {
        open.retain(|other| spans.get(*other).is_some_and(|(.., last)| last > first));
        for other in
            open.iter().filter_map(|other| spans.get(*other)).filter(|(other, on, ..)| on == peer && other != call)
        {
            for call in [&other.0, call] {
                if known.insert(call.clone()) {
                    named.push(call.clone());
                }
            }
        }
        open.push(at);
    }
    named
}
