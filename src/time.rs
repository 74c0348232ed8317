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
