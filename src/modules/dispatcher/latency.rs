//! How long a destination takes to answer its pings.

/// Statistics over the answers to pings, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Latency {
    /// Mean.
    pub average: f64,
    /// Standard deviation.
    pub deviation: f64,
    /// Exponentially weighted mean.
    pub estimate: f64,
    /// Smallest.
    pub min: f64,
    /// Largest.
    pub max: f64,
    /// Pings without an answer.
    pub timeouts: u64,
    count: u32,
    squares: f64,
}

// Past this many samples the mean forgets old ones.
const MEMORY: u32 = 1 << 21;
// A mean that is stable after ten samples counts as if it had this many.
const TRAINED: u32 = 10_000;

impl Latency {
    /// A latency that is known beforehand.
    pub fn known(milliseconds: i64) -> Latency {
        let known = milliseconds as f64;
        Latency { average: known, estimate: known, min: known, max: known, count: TRAINED, ..Latency::default() }
    }

    /// Another answer; `alpha` is how much of the old estimate stays.
    pub fn add(&mut self, milliseconds: f64, alpha: f64) {
        if self.count < MEMORY {
            self.count += 1;
        } else {
            self.squares -= self.squares / f64::from(self.count);
        }
        if self.count == 1 {
            *self = Latency { timeouts: self.timeouts, ..Latency::known(milliseconds as i64) };
            self.count = 1;
            return;
        }
        if self.count > 10 && self.count < TRAINED && self.deviation < 0.5 {
            self.count = TRAINED;
        }
        self.min = self.min.min(milliseconds);
        self.max = self.max.max(milliseconds);
        let before = milliseconds - self.average;
        self.average += before / f64::from(self.count);
        self.squares += before * (milliseconds - self.average);
        self.deviation = (self.squares / f64::from(self.count - 1)).max(0.0).sqrt();
        self.estimate = match self.count < 10 {
            true => self.average,
            false => self.estimate * alpha + milliseconds * (1.0 - alpha),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_follows_faster_than_the_average() {
        let mut latency = Latency::known(20);
        for _ in 0..20 {
            latency.add(100.0, 0.9);
        }
        assert!(latency.estimate > 80.0 && latency.average < 25.0, "{latency:?}");
        assert_eq!(latency.max, 100.0);
    }
}
