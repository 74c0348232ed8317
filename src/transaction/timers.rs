//! How long a transaction waits for what.

use std::time::Duration;

/// The timers of a transaction, by the names of `tm`'s parameters.
///
/// The defaults are `tm`'s and not those of RFC 3261 (in brackets below). What Kamailio 5.6.3 does with them was measured
/// on loopback; its clock has ticks of 62.5 ms and it is up to one tick early (the first retransmission left after 440
/// to 500 ms). The machines keep to the exact times.
///
/// | measured | at (seconds) |
/// |---|---|
/// | INVITE or OPTIONS never answered, defaults | again at 0.5 1.5 3.5 7.5 11.5 15.5 19.5 23.5 27.5; 408 at 30 |
/// | the same, `retr_timer1` 300, `retr_timer2` 1000 | again at 0.3 0.9 1.9 2.9 3.9 .. |
/// | the same, `fr_timer` 2000 | again at 0.5 1.5; 408 at 2.0 |
/// | INVITE, 100 or 180 at 1.0 2.5 4.0, `fr_inv_timer` 4000 | again at 0.5; CANCEL and 408 at 8.0 |
/// | the same, `restart_fr_on_each_reply` 0 | CANCEL and 408 at 5.0 |
/// | INVITE, 180 every second, `max_inv_lifetime` 6000 | CANCEL and 408 at 6.0 |
/// | OPTIONS, `fr_timer` 10000, `max_noninv_lifetime` 3000 | again at 0.5 1.5; 408 at 3.0 |
/// | OPTIONS, 100 or 180 at 0.7 | again at 0.5, then 4.7 8.7 12.7 .. 28.7; 408 at 30 |
/// | OPTIONS, 180 at 0.7 and 2.7 | again at 0.5, then 6.7 |
/// | CANCEL at 0.5 after 180 at 0.2, `fr_timer` 2000, `fr_inv_timer` 4000 | CANCEL again at 1.0 2.0; 487 at 4.2 |
/// | CANCEL at 0.2, no reply ever, `fr_timer` 2000 | INVITE again at 0.5 1.5; 487 at 2.0, no CANCEL sent |
/// | 404 to an INVITE, no ACK, defaults | 404 again at 0.5 1.5 3.5; forgotten at 5 |
/// | the same, `fr_timer` 8000, `wt_timer` 20000 | 404 again at 0.5 1.5 3.5 7.5; forgotten at 20 |
/// | INVITE again within 5 s of a relayed 2xx, or of an acknowledged 404 | that reply once more |
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timers {
    /// `retr_timer1`: T1, the first interval of timers A, E and G. 500 ms \[500 ms\].
    pub retr_t1: Duration,
    /// `retr_timer2`: T2, the longest interval of timers E and G, and in `tm` of timer A too, which
    /// RFC 3261 17.1.1.2 lets double without end. 4 s \[4 s\].
    pub retr_t2: Duration,
    /// `fr_timer`: timers B and F (nothing, or nothing final, came for a request), and timer H (no ACK came; the
    /// retransmissions of the final reply stop). 30 s \[64*T1 = 32 s\].
    pub fr: Duration,
    /// `fr_inv_timer`: timer C, an INVITE after a provisional reply. 120 s \[more than 3 min\].
    pub fr_inv: Duration,
    /// `wt_timer`: how long a finished transaction absorbs, counted from its final reply: timers D \[32 s\], I and K
    /// \[T4 = 5 s\], J \[32 s\], and L and M of RFC 6026 \[32 s\]. It also ends the retransmissions of a final reply
    /// that nobody acknowledges, before timer H when it is the shorter, as by default. 5 s.
    pub wait: Duration,
    /// `max_inv_lifetime`: no INVITE waits for a final reply for longer, counted from the creation of the transaction,
    /// whatever restarts the other timers. 180 s \[no such timer\].
    pub max_inv_lifetime: Duration,
    /// `max_noninv_lifetime`: the same for every other request. 32 s \[no such timer\].
    pub max_noninv_lifetime: Duration,
    /// `restart_fr_on_each_reply`: every provisional reply to an INVITE, 100 included, starts `fr_inv` anew, and not
    /// only the first. True.
    pub restart_fr_on_each_reply: bool,
}

impl Default for Timers {
    fn default() -> Timers {
        Timers {
            retr_t1: Duration::from_millis(500),
            retr_t2: Duration::from_secs(4),
            fr: Duration::from_secs(30),
            fr_inv: Duration::from_secs(120),
            wait: Duration::from_secs(5),
            max_inv_lifetime: Duration::from_secs(180),
            max_noninv_lifetime: Duration::from_secs(32),
            restart_fr_on_each_reply: true,
        }
    }
}
