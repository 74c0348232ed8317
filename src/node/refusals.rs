//! What was refused, counted and told in the log once in a while.

use crate::sip::Malformed;
use crate::time::Tick;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// How long a sender's fault is not told again.
const WHILE: Duration = Duration::from_secs(60);
/// Senders and faults that are remembered; in a flood of more, the others are counted only.
const REMEMBERED: usize = 256;

/// What was refused, and of whom it was told.
#[derive(Default)]
pub(super) struct Refusals {
    reported: BTreeMap<(IpAddr, Malformed), Tick>,
    counts: Vec<(Malformed, u64)>,
}

impl Refusals {
    /// How many messages had each fault.
    pub(super) fn counts(&self) -> &[(Malformed, u64)] {
        &self.counts
    }

    /// Counts a fault; gives whether it is to be told.
    pub(super) fn note(&mut self, now: Tick, sender: IpAddr, fault: Malformed) -> bool {
        match self.counts.iter_mut().find(|(its, _)| *its == fault) {
            Some((_, count)) => *count += 1,
            None => self.counts.push((fault, 1)),
        }
        let fresh = |at: &Tick| now.since(*at) < WHILE;
        if self.reported.get(&(sender, fault)).is_some_and(fresh) {
            return false;
        }
        if self.reported.len() >= REMEMBERED {
            self.reported.retain(|_, at| fresh(at));
        }
        self.reported.len() < REMEMBERED && self.reported.insert((sender, fault), now).is_none_or(|at| !fresh(&at))
    }
}

/// Code and reason for a request with this fault; the reason names the fault (RFC 3261 section 21.4.1). Three of them are those of Kamailio's `sanity_check`.
pub(super) fn answer(fault: Malformed) -> (u16, String) {
    match fault {
        Malformed::BadVersion => (505, "Version Not Supported".to_owned()),
        Malformed::BodyTooShort => (400, "Content-Length mis-match".to_owned()),
        Malformed::NoEndOfHeaders => (400, "Content-Length Body Failure".to_owned()),
        Malformed::NoNumber(name) => (400, format!("{} number is illegal", name.as_str())),
        Malformed::BadRequestLine => (400, "Bad Request-Line".to_owned()),
        Malformed::HeaderWithoutColon | Malformed::HeaderWithoutName => (400, "Bad Header".to_owned()),
        Malformed::TooManyHeaders => (400, "Too Many Headers".to_owned()),
        Malformed::Missing(name) => (400, format!("Missing {} Header", name.as_str())),
        Malformed::Unreadable(name) => (400, format!("Bad {} Header", name.as_str())),
        Malformed::Twice(name) => (400, format!("Several {} Headers", name.as_str())),
        // Such a packet is no request.
        Malformed::TooLarge | Malformed::NoStartLine | Malformed::NotSip | Malformed::BadStatus => {
            (400, "Bad Request".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::HeaderName;

    #[test]
    fn a_fault_is_told_once_in_a_while_and_a_flood_is_bounded() {
        let mut refusals = Refusals::default();
        let sender = |number: u32| IpAddr::from(number.to_be_bytes());
        let fault = Malformed::Twice(HeaderName::CSeq);
        assert!(refusals.note(Tick::ZERO, sender(1), fault));
        assert!(!refusals.note(Tick::ZERO, sender(1), fault));
        assert!(refusals.note(Tick::ZERO, sender(1), Malformed::NotSip));
        assert!(refusals.note(Tick::ZERO, sender(2), fault));
        let later = Tick::ZERO.after(WHILE);
        assert!(refusals.note(later, sender(1), fault));
        let reported = (0..10_000).filter(|number| refusals.note(later, sender(*number), fault)).count();
        assert_eq!((reported, refusals.reported.len()), (REMEMBERED - 1, REMEMBERED));
        assert_eq!(refusals.counts(), [(fault, 10_004), (Malformed::NotSip, 1)]);
        assert!(refusals.note(later.after(WHILE), sender(1), fault));
    }
}
