//! What the work on one message may use: bytes that its runs make and hold, lines that it logs.

/// Bytes that a run of a script may hold: variables, changes of its message, what it wants in replies.
pub const MOST_HELD: usize = 8 << 20;
/// Bytes that the lines of one message may have; what comes beyond is left out.
const MOST_LOGGED: usize = 4 << 20;
/// What a line takes beside its text.
const LINE: usize = 64;

/// Counts what the work at hand makes.
#[derive(Debug, Default)]
pub struct Meter {
    made: usize,
    logged: usize,
}

/// What becomes of a line for the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Line {
    /// It is kept.
    Kept,
    /// It is the first of those that are left out.
    First,
    /// It is left out.
    LeftOut,
}

impl Meter {
    /// Takes note of bytes that a variable, a transformation or an operator made.
    pub fn make(&mut self, bytes: usize) {
        self.made = self.made.saturating_add(bytes);
    }

    /// Whether one instruction has made so much that it need not go on: its run is about to be ended.
    pub fn is_spent(&self) -> bool {
        self.made > MOST_HELD
    }

    /// What was made since this was last asked.
    pub fn take_made(&mut self) -> usize {
        std::mem::take(&mut self.made)
    }

    /// Another message, or timer, or answer: its lines count anew.
    pub fn begin(&mut self) {
        *self = Meter::default();
    }

    pub(super) fn line(&mut self, bytes: usize) -> Line {
        if self.logged > MOST_LOGGED {
            return Line::LeftOut;
        }
        self.logged = self.logged.saturating_add(bytes).saturating_add(LINE);
        if self.logged > MOST_LOGGED { Line::First } else { Line::Kept }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_kept_until_they_are_too_many_or_too_long() {
        let mut meter = Meter::default();
        let kept = (0..100_000).filter(|_| meter.line(36) == Line::Kept).count();
        assert_eq!(kept, MOST_LOGGED / 100);
        assert_eq!(meter.line(0), Line::LeftOut);
        meter.begin();
        assert_eq!(meter.line(MOST_LOGGED - LINE), Line::Kept);
        assert_eq!(meter.line(1), Line::First);
        assert_eq!(meter.line(1), Line::LeftOut);
    }
}
