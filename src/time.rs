//! Time as an argument. Only [`host`](crate::host) asks the operating system; everything else is told.

use std::time::Duration;

/// A point on a node's own clock: whole microseconds since the node was made.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Tick(u64);

impl Tick {
    /// The moment the node was made.
    pub const ZERO: Tick = Tick(0);

    /// The tick `micros` microseconds after [`Tick::ZERO`].
    pub const fn from_micros(micros: u64) -> Tick {
        Tick(micros)
    }

    /// Microseconds since [`Tick::ZERO`].
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// The tick `wait` later; saturates at the end of time.
    pub fn after(self, wait: Duration) -> Tick {
        Tick(self.0.saturating_add(u64::try_from(wait.as_micros()).unwrap_or(u64::MAX)))
    }

    /// This, or the next one that is a multiple of `step` after [`Tick::ZERO`]; saturates at the end of time.
    pub fn rounded_up(self, step: Duration) -> Tick {
        let step = u64::try_from(step.as_micros()).unwrap_or(u64::MAX);
        Tick(self.0.checked_next_multiple_of(step).unwrap_or(u64::MAX))
    }

    /// How long ago `earlier` was; zero when it lies in the future.
    pub fn since(self, earlier: Tick) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// The present, as the host sees it: the node's clock for timers, the calendar for what people and databases read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Now {
    /// The node's own clock.
    pub tick: Tick,
    /// Time since the Unix epoch.
    pub unix: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_up_to_whole_steps() {
        let round = |micros, step| Tick(micros).rounded_up(Duration::from_micros(step)).as_micros();
        assert_eq!([round(0, 4), round(1, 4), round(4, 4), round(5, 4)], [0, 4, 4, 8]);
        assert_eq!([round(u64::MAX - 1, 4), round(7, 0)], [u64::MAX; 2]);
    }
}
