//! Locks that runs of a script hold from one statement to another: `lock`, `sht_lock`.
//!
//! Nothing blocks. A run that finds a lock taken is put aside for a moment and tries again; a run that ends gives back what it still holds.

use crate::builtin::{Effect, Random};
use rustc_hash::FxHashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a run waits before it tries again.
const PAUSE: Duration = Duration::from_millis(1);
/// How often it tries: two runs that wait for each other must not wait for ever.
const MOST_TRIES: u32 = 10_000;

/// Locks by number, shared by all workers.
#[derive(Debug, Default)]
pub(super) struct Locks {
    held: Mutex<FxHashMap<u32, Hold>>,
}

/// Who holds a lock, and how often it took it.
#[derive(Debug)]
struct Hold {
    holder: u64,
    depth: u32,
}

impl Locks {
    fn held(&self) -> MutexGuard<'_, FxHashMap<u32, Hold>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, number: u32, holder: u64) -> bool {
        let mut held = self.held();
        let hold = held.entry(number).or_insert(Hold { holder, depth: 0 });
        let is_ours = hold.holder == holder;
        if is_ours {
            hold.depth = hold.depth.saturating_add(1);
        }
        is_ours
    }

    fn release(&self, number: u32, holder: u64) {
        let mut held = self.held();
        let Some(hold) = held.get_mut(&number).filter(|hold| hold.holder == holder) else { return };
        hold.depth -= 1;
        if hold.depth == 0 {
            held.remove(&number);
        }
    }
}

/// The locks that the blocks of one message hold.
#[derive(Debug, Default)]
pub(super) struct Holding {
    /// The run's own number; 0 until it takes its first lock.
    holder: u64,
    taken: Vec<(Arc<Locks>, u32)>,
    tries: u32,
}

impl Holding {
    /// Takes a lock when nobody else holds it.
    pub(super) fn take(&mut self, locks: &Arc<Locks>, number: u32, random: &mut Random) -> bool {
        while self.holder == 0 {
            self.holder = random.bits();
        }
        let taken = locks.take(number, self.holder);
        if taken {
            self.taken.push((locks.clone(), number));
            self.tries = 0;
        }
        taken
    }

    /// Whether this run holds a lock.
    pub(super) fn has(&self, locks: &Arc<Locks>, number: u32) -> bool {
        self.taken.iter().any(|(its, place)| Arc::ptr_eq(its, locks) && *place == number)
    }

    /// Gives a lock back; nothing happens when this run does not hold it.
    pub(super) fn release(&mut self, locks: &Arc<Locks>, number: u32) {
        let held = |(its, place): &(Arc<Locks>, u32)| Arc::ptr_eq(its, locks) && *place == number;
        if let Some(at) = self.taken.iter().rposition(held) {
            self.taken.swap_remove(at);
            locks.release(number, self.holder);
        }
    }

    /// What a function wants that found its lock taken, before it tries again; `None` when it has tried for too long.
    pub(super) fn wait(&mut self) -> Option<Effect> {
        self.tries += 1;
        if self.tries > MOST_TRIES {
            self.tries = 0;
            return None;
        }
        Some(Effect::Sleep(PAUSE))
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        for (locks, number) in self.taken.drain(..) {
            locks.release(number, self.holder);
        }
    }
}
