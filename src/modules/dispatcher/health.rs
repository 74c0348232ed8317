//! Whether a destination may be used: its flags, and how results of pings and marks move them.

use std::sync::atomic::{AtomicU64, Ordering};

/// Not used until it answers again.
pub(super) const INACTIVE: u32 = 1;
/// Used, but it has failed.
pub(super) const TRYING: u32 = 2;
/// Taken out by an administrator.
pub(super) const DISABLED: u32 = 4;
/// Pinged.
pub(super) const PROBING: u32 = 8;
/// Its host name is not to be resolved.
pub(super) const NO_DNS: u32 = 16;
const STATES: u32 = INACTIVE | TRYING | DISABLED | PROBING;

/// Flags, and how many results in a row spoke for a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Health {
    /// The flags.
    pub flags: u32,
    /// The counter.
    pub count: u32,
}

/// How many results in a row it takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Thresholds {
    /// Failures until it is inactive.
    pub failures: u32,
    /// Successes until it is active again.
    pub successes: u32,
}

impl Health {
    /// Whether selection passes it over.
    pub const fn is_skipped(self) -> bool {
        skipped(self.flags)
    }

    /// The two letters Kamailio shows: A, T, I or D, and P or X.
    pub const fn letters(self) -> [u8; 2] {
        let state = match self.flags {
            flags if flags & INACTIVE != 0 => b'I',
            flags if flags & DISABLED != 0 => b'D',
            flags if flags & TRYING != 0 => b'T',
            _ => b'A',
        };
        [state, if self.flags & PROBING != 0 { b'P' } else { b'X' }]
    }

    /// What it becomes when `wanted` flags are reported: none for a success, trying for a failure, inactive or disabled for a mark.
    pub fn reported(self, wanted: u32, thresholds: Thresholds) -> Health {
        let old = self.flags;
        let was_inactive = old & INACTIVE != 0;
        let failed = wanted & TRYING != 0;
        // What is inactive has to become active before it can be on trial.
        let wanted = if failed && was_inactive { wanted & !TRYING | INACTIVE } else { wanted };
        let kept = old & !STATES;
        let mut flags = kept | if wanted & DISABLED != 0 { DISABLED } else { wanted & STATES };
        let mut count = 0;
        if wanted & TRYING != 0 {
            count = self.count.saturating_add(1);
            if count >= thresholds.failures {
                flags = flags & !TRYING | INACTIVE;
                count = 0;
            }
        } else if !failed && was_inactive {
            count = self.count.saturating_add(1);
            if count < thresholds.successes {
                flags |= INACTIVE | old & PROBING;
            } else {
                count = 0;
            }
        }
        Health { flags, count }
    }
}

/// Whether selection passes a destination with these flags over.
pub(super) const fn skipped(flags: u32) -> bool {
    flags & (INACTIVE | DISABLED) != 0
}

/// The flags that letters such as `ip` mean.
pub(super) fn flags_of(letters: &[u8]) -> Option<u32> {
    letters.iter().try_fold(0, |flags, letter| match letter.to_ascii_lowercase() {
        b'a' => Some(flags & !STATES),
        b'i' => Some(flags | INACTIVE),
        b't' => Some(flags | TRYING),
        b'd' => Some(flags | DISABLED),
        b'p' => Some(flags | PROBING),
        _ => None,
    })
}

/// A [`Health`] that all workers see and change.
#[derive(Debug, Default)]
pub struct SharedHealth(AtomicU64);

impl SharedHealth {
    /// With these flags.
    pub fn new(flags: u32) -> SharedHealth {
        SharedHealth(AtomicU64::new(pack(Health { flags, count: 0 })))
    }

    /// As it stands.
    pub fn load(&self) -> Health {
        unpack(self.0.load(Ordering::Relaxed))
    }

    /// Replaces it.
    pub fn store(&self, health: Health) {
        self.0.store(pack(health), Ordering::Relaxed);
    }

    /// Changes it; gives what it was and is.
    pub fn change(&self, change: impl Fn(Health) -> Health) -> (Health, Health) {
        let mut old = self.0.load(Ordering::Relaxed);
        loop {
            let becomes = change(unpack(old));
            match self.0.compare_exchange_weak(old, pack(becomes), Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return (unpack(old), becomes),
                Err(meanwhile) => old = meanwhile,
            }
        }
    }
}

const fn pack(health: Health) -> u64 {
    (health.count as u64) << 32 | health.flags as u64
}

const fn unpack(bits: u64) -> Health {
    Health { flags: bits as u32, count: (bits >> 32) as u32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Marks in a row and the states that Kamailio 5.6.3 shows after each, with thresholds of 3 failures and 2 successes.
    #[test]
    fn marks_move_the_state_as_observed() {
        let observed = [
            ("d p i td ip tp t i i a ip dp", "DX AP IX DX IP IP IX IX IX IX IP IP"),
            ("p a d dp dp ap p t i p d a", "AP AX DX DX DX AP AP TX IX IP DX AX"),
            ("ad p p d t p p ad td ap i it", "DX AP AP DX TX AP AP DX DX AP IX IX"),
            ("ap ad ip dp d t d tp p i dp p", "AP DX IP IP DX TX DX TP AP IX IX AP"),
            ("a p it td p dp d ip ip it p ip", "AX AP IX DX AP DX DX IP IP IX IP IP"),
            ("tp t d p p a i a tp ad p dp", "TP TX DX AP AP AX IX IX IP IP AP DX"),
        ];
        let thresholds = Thresholds { failures: 3, successes: 2 };
        for (marks, states) in observed {
            let mut health = Health::default();
            for (mark, state) in marks.split(' ').zip(states.split(' ')) {
                health = health.reported(flags_of(mark.as_bytes()).unwrap(), thresholds);
                assert_eq!(health.letters(), state.as_bytes(), "{mark} of {marks}");
            }
        }
    }
}
