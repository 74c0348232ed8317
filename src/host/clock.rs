//! The operating system's clocks and randomness: nothing else asks for them.

use crate::builtin::Random;
use crate::time::{Now, Tick};
use jiff::tz::TimeZone;
use std::io;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The clock that all workers of a server share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that begins at this moment.
    #[allow(clippy::disallowed_methods, reason = "the host is where time comes from")]
    pub(super) fn start() -> Clock {
        Clock { start: Instant::now() }
    }

    /// The present.
    #[allow(clippy::disallowed_methods, reason = "the host is where time comes from")]
    pub(super) fn now(&self) -> Now {
        let tick = Tick::ZERO.after(self.start.elapsed());
        Now { tick, unix: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() }
    }

    /// The moment of a tick, as the runtime's timers count; far away when it cannot be told.
    pub(super) fn instant(&self, tick: Tick) -> Instant {
        const FAR: Duration = Duration::from_secs(86_400);
        let wait = Duration::from_micros(tick.as_micros());
        self.start.checked_add(wait).unwrap_or(self.start + FAR)
    }
}

/// Measures how long something takes.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Begins at this moment.
    #[allow(clippy::disallowed_methods, reason = "the host is where time comes from")]
    pub fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    /// How long ago it began.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// The time zone of the machine: `TZ`, else /etc/localtime; UTC when neither says one.
pub(super) fn zone() -> TimeZone {
    TimeZone::try_system().unwrap_or(TimeZone::UTC)
}

/// A generator under a key of the operating system's, another for each worker and each run.
///
/// # Errors
/// When the system has no randomness to give: what is not secret must not be taken for it.
pub(super) fn random() -> io::Result<Random> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|fault| io::Error::other(format!("it has no randomness: {fault}")))?;
    Ok(Random::secret(key))
}
