//! Call load: which call is carried by which destination.

use super::set::{Destination, Sets};
use crate::time::Tick;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Calls that are followed at most; beyond it they are sent but not counted.
const MOST: usize = 1 << 20;
const SHARDS: usize = 16;
/// The longest Call-ID that is kept: peers choose them.
const LONGEST: usize = 256;

/// Calls by Call-ID.
#[derive(Debug)]
pub(super) struct Loads {
    shards: Box<[Mutex<BTreeMap<Bytes, Call>>]>,
    expire: Option<Duration>,
    initial_expire: Option<Duration>,
}

#[derive(Debug)]
struct Call {
    destination: Arc<Destination>,
    since: Tick,
    confirmed: bool,
}

impl Loads {
    /// No call yet; zero means that calls do not expire.
    pub(super) fn new(expire: Duration, initial_expire: Duration) -> Loads {
        let limit = |limit: Duration| (!limit.is_zero()).then_some(limit);
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Loads { shards, expire: limit(expire), initial_expire: limit(initial_expire) }
    }

    fn shard(&self, call_id: &[u8]) -> MutexGuard<'_, BTreeMap<Bytes, Call>> {
        let at = crate::modules::hash::core_hash(&[call_id]) as usize % SHARDS;
        self.shards[at].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call for a destination, which needs a `duid`; a call counted before moves. False when it cannot be counted.
    pub(super) fn add(&self, call_id: &[u8], destination: &Arc<Destination>, now: Tick) -> bool {
        if destination.attributes.duid.is_none() || call_id.len() > LONGEST {
            return false;
        }
        let mut shard = self.shard(call_id);
        if shard.len() >= MOST / SHARDS && !shard.contains_key(call_id) {
            return false;
        }
        let call = Call { destination: destination.clone(), since: now, confirmed: false };
        destination.live.load.fetch_add(1, Ordering::Relaxed);
        if let Some(before) = shard.insert(Bytes::copy_from_slice(call_id), call) {
            unload(&before);
        }
        true
    }

    /// Moves a call to the destination with this `duid` in its set. `None`: no such call; `Some(false)`: no such destination.
    pub(super) fn replace(&self, call_id: &[u8], duid: &[u8], sets: &Sets, now: Tick) -> Option<bool> {
        let set = self.shard(call_id).get(call_id)?.destination.set;
        let named =
            |its: &&Arc<Destination>| its.attributes.duid.as_ref().is_some_and(|its| its.eq_ignore_ascii_case(duid));
        let target = sets.set(set).and_then(|set| set.destinations.iter().find(named));
        Some(target.is_some_and(|target| self.add(call_id, target, now)))
    }

    /// The call was answered.
    pub(super) fn confirm(&self, call_id: &[u8]) {
        if let Some(call) = self.shard(call_id).get_mut(call_id) {
            call.confirmed = true;
        }
    }

    /// The call is over. False when it was not known.
    pub(super) fn remove(&self, call_id: &[u8]) -> bool {
        let call = self.shard(call_id).remove(call_id);
        if let Some(call) = &call {
            unload(call);
        }
        call.is_some()
    }

    /// Forgets calls that have lasted too long.
    pub(super) fn expire(&self, now: Tick) {
        for shard in &self.shards {
            shard.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, call| {
                let age = now.since(call.since);
                let over = self.expire.is_some_and(|limit| age > limit)
                    || !call.confirmed && self.initial_expire.is_some_and(|limit| age > limit);
                if over {
                    unload(call);
                }
                !over
            });
        }
    }
}

fn unload(call: &Call) {
    let less = |load: i64| Some((load - 1).max(0));
    // It always changes something, so it cannot fail.
    let _ = call.destination.live.load.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
}
