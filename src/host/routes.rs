//! By which of its addresses the machine sends to another.

use super::clock::Stopwatch;
use rustc_hash::FxHashMap;
use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::time::Duration;

/// A port to ask the system about routes with.
const SIP_PORT: u16 = 5060;
/// How long an answer holds: routes change by hand, or with a link.
const HOLDS: Duration = Duration::from_secs(5);
/// Answers that one thread keeps; all are forgotten when there would be more.
const MOST: usize = 4096;

/// An answer, and since when it holds.
type Known = (Stopwatch, Option<IpAddr>);

thread_local! {
    /// The answers of this thread: workers share nothing.
    static KNOWN: RefCell<FxHashMap<IpAddr, Known>> = RefCell::default();
}

/// The address that a packet to `far` leaves by, as the system said a few seconds ago at most.
pub(super) fn leaving_by(far: IpAddr) -> Option<IpAddr> {
    KNOWN.with_borrow_mut(|known| {
        if let Some((since, answer)) = known.get(&far)
            && since.elapsed() < HOLDS
        {
            return *answer;
        }
        if known.len() >= MOST {
            known.clear();
        }
        let answer = ask(far);
        known.insert(far, (Stopwatch::start(), answer));
        answer
    })
}

/// The same as the system says now. Connecting a UDP socket makes it choose, without waiting; no packet leaves.
pub(super) fn ask(far: IpAddr) -> Option<IpAddr> {
    let own: IpAddr = if far.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((own, 0)).ok()?;
    socket.connect((far, SIP_PORT)).ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|ip| !ip.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_left_by_loopback() {
        let own = Some(IpAddr::from(Ipv4Addr::LOCALHOST));
        for _ in 0..2 {
            assert_eq!(leaving_by(Ipv4Addr::LOCALHOST.into()), own);
        }
        assert_eq!(KNOWN.with_borrow(|known| known.len()), 1);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        for last in 0..=u32::try_from(MOST).unwrap() {
            leaving_by(Ipv4Addr::from(0x7f00_0001 + last).into());
        }
        assert_eq!(KNOWN.with_borrow(|known| known.len()), 1);
    }
}
