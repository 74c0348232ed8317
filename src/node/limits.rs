//! What a node keeps at most.

/// What a node keeps at most, because peers or scripts want it kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Transactions; requests beyond are answered 503 without one.
    pub transactions: usize,
    /// Bytes of transactions, likewise.
    pub bytes: usize,
    /// Runs that wait for an answer; the queries of more fail at once.
    pub parked: usize,
    /// Bytes of such runs, and of the packets that wait behind them, each.
    pub waiting: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { transactions: 200_000, bytes: 1 << 30, parked: 50_000, waiting: 256 << 20 }
    }
}
