//! The algorithms: which destination of a set a message goes to.

use super::Dispatcher;
use super::set::{Destination, Set};
use crate::builtin::{Context, LogLevel};
use crate::modules::hash::core_hash;
use crate::sip::{HeaderName, Method, Parameters, Uri};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What an algorithm chose.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Choice {
    /// Its place in the set.
    pub(super) at: usize,
    /// The order of the rest, when it is not the circle from the chosen one on.
    pub(super) order: Option<Vec<usize>>,
    /// Its call is counted: the rest is chosen by load as well.
    pub(super) counted: bool,
}

/// Chooses by algorithm; `None` when no destination can be used.
pub(super) fn choose(cx: &mut Context, state: &Dispatcher, set: &Set, algorithm: i64) -> Option<Choice> {
    let count = set.destinations.len();
    let mut counted = false;
    let wish = match algorithm {
        0 => spread(&[cx.message.message.call_id()]),
        1 => uri_hash(cx.message.message.from()?.uri_text(), state.user_only)?,
        2 => uri_hash(cx.message.message.to()?.uri_text(), state.user_only)?,
        3 => uri_hash(&cx.message.request_uri(), state.user_only)?,
        4 => return take_turn(set, |turn| in_order(state, set, turn)),
        5 => match user_name(cx) {
            Some(name) => name,
            None => return take_turn(set, |turn| in_order(state, set, turn)),
        },
        6 => cx.core.random.below(count as u64) as usize,
        7 => written_hash(cx, state)?,
        8 | 12 => 0,
        9 => set.by_weight(),
        10 if cx.message.message.method() != Some(Method::Invite) => 0,
        10 => {
            let least = least_loaded(set)?;
            counted = state.count_call(cx, set.destinations.get(least)?);
            if !counted {
                cx.log(LogLevel::Error, "ds_select: the call cannot be counted: is duid set, and ds_hash_size?");
            }
            least
        }
        11 => set.by_relative_weight(),
        13 => return take_turn(set, |turn| by_latency(state, set, turn)),
        _ => {
            cx.log(LogLevel::Warning, format!("ds_select: there is no algorithm {algorithm}; the first is used"));
            0
        }
    };
    Some(Choice { at: first_active(state, set, wish)?, order: None, counted })
}

// Workers choose at the same time: a turn of the round robin belongs to the one that moves it on.
fn take_turn(set: &Set, choose: impl Fn(usize) -> Option<Choice>) -> Option<Choice> {
    loop {
        let turn = set.next.load(Ordering::Relaxed);
        let choice = choose(turn as usize)?;
        // The one after the one used comes next, whoever was passed over.
        let after = ((choice.at + 1) % set.destinations.len()) as u32;
        if set.next.compare_exchange(turn, after, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            return Some(choice);
        }
    }
}

fn in_order(state: &Dispatcher, set: &Set, turn: usize) -> Option<Choice> {
    Some(Choice { at: first_active(state, set, turn)?, order: None, counted: false })
}

// The destinations that share the work: all but the default one.
fn circle(state: &Dispatcher, set: &Set) -> usize {
    match set.destinations.len() {
        count if state.use_default && count > 1 => count - 1,
        count => count,
    }
}

// From `wish` on around the circle; the default destination when nobody else is active.
fn first_active(state: &Dispatcher, set: &Set, wish: usize) -> Option<usize> {
    let circle = circle(state, set);
    let start = wish.checked_rem(circle)?;
    let active = |at: &usize| set.destinations.get(*at).is_some_and(|destination| !destination.is_skipped());
    let around = (0..circle).map(|step| (start + step) % circle);
    let last = set.destinations.len().checked_sub(1).filter(|_| state.use_default);
    around.chain(last).find(active)
}

fn least_loaded(set: &Set) -> Option<usize> {
    let usable = |destination: &Arc<Destination>| !destination.is_skipped() && !destination.is_full();
    let places = set.destinations.iter().enumerate().filter(|(_, destination)| usable(destination));
    places.min_by_key(|(_, destination)| destination.live.load.load(Ordering::Relaxed)).map(|(at, _)| at)
}

// Round robin among the best, where slowness costs priority: one step for each time the latency exceeds the priority.
fn by_latency(state: &Dispatcher, set: &Set, turn: usize) -> Option<Choice> {
    let count = set.destinations.len();
    let circle = circle(state, set);
    let start = turn.checked_rem(circle)?;
    let mut ranked: Vec<(i64, usize)> = Vec::with_capacity(circle);
    for at in (0..circle).map(|step| (start + step) % circle) {
        let Some(destination) = set.destinations.get(at).filter(|its| !its.is_skipped()) else { continue };
        let latency = match destination.live.latency.lock() {
            Ok(latency) if destination.attributes.congestion => latency.estimate - latency.average,
            Ok(latency) => latency.estimate,
            Err(_) => 0.0,
        } as i64;
        let priority = destination.priority;
        let rank = match priority > 0 && latency > priority {
            true => (priority - latency / priority).max(1),
            false => priority,
        };
        ranked.push((rank, at));
    }
    ranked.sort_by_key(|(rank, _)| std::cmp::Reverse(*rank));
    let order: Vec<usize> = ranked.into_iter().map(|(_, at)| at).collect();
    let default = count.checked_sub(1).filter(|last| {
        state.use_default && set.destinations.get(*last).is_some_and(|destination| !destination.is_skipped())
    });
    let at = order.first().copied().or(default)?;
    Some(Choice { at, order: Some(order), counted: false })
}

/// The number by which keys are spread over destinations; Kamailio's, so that a call goes to the same one.
fn spread(parts: &[&[u8]]) -> usize {
    core_hash(parts).max(1) as usize
}

// User, host, and the port when it is not the usual one.
fn uri_hash(uri: &[u8], user_only: bool) -> Option<usize> {
    let uri = Uri::parse(uri).ok()?;
    let mut place = Vec::new();
    if !user_only {
        place.extend_from_slice(uri.host);
        if !matches!(uri.port, None | Some(5060)) {
            place.push(b':');
            place.extend_from_slice(uri.port_text);
        }
    }
    Some(spread(&[uri.user.unwrap_or_default(), &place]))
}

// Of the digest credentials, when there are some.
fn user_name(cx: &Context) -> Option<usize> {
    let message = &cx.message.message;
    let credentials =
        message.value(HeaderName::ProxyAuthorization).or_else(|| message.value(HeaderName::Authorization))?;
    let digest = credentials.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case(b"digest "));
    let list: Vec<u8> =
        credentials.get(digest?.len()..)?.iter().map(|byte| if *byte == b',' { b';' } else { *byte }).collect();
    let name = Parameters::new(&list).lookup(b"username")??;
    let bare = name.strip_prefix(b"\"").and_then(|name| name.strip_suffix(b"\""));
    Some(spread(&[bare.unwrap_or(name)]))
}

fn written_hash(cx: &mut Context, state: &Dispatcher) -> Option<usize> {
    let Some(hash_of) = &state.hash_of else {
        cx.log(LogLevel::Error, "ds_select: algorithm 7 needs hash_pvar");
        return None;
    };
    let text = hash_of.text(cx);
    let text = text.trim_ascii();
    (!text.is_empty()).then(|| spread(&[text]))
}
