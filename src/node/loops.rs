//! Requests that come back: one that comes back unchanged is a loop and is refused, any other a spiral, which goes on but may not spread without
//! end (RFC 3261 16.3 and 16.6 step 8, RFC 5393).
//!
//! The branches that a node makes tell it. The 36 digits of one are a nonce (16), the course of its request (12): a hash of what decides where it goes, as it
//! arrived, and a mark (8) by which the node knows its own work. All of it follows from secrets of the node; to anybody else they are digits.

use super::layer::Layer;
use super::transaction::Transaction;
use crate::builtin::{Extension, Extensions, Random, Received, Sockets, TransactionId, Visit, Working, print_int};
use crate::sip::{HeaderName, Message, Values, Via, number};
use std::net::IpAddr;

/// What begins a branch (RFC 3261 8.1.1.7).
const COOKIE: &[u8] = b"z9hG4bK";
/// Bits of a course.
const COURSE: u64 = (1 << 48) - 1;
/// Branches that a request may have at once when it says nothing else (RFC 5393 5.3.3).
const BREADTH: u32 = 60;

/// How many branches each branch of a relay may have in turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Breadth {
    /// As many as it likes: the request has not been here before and brings no limit.
    Free,
    /// As many as the request itself: nothing is written.
    Whole(u32),
    /// This share of them, which is written.
    Share(u32),
}

impl Breadth {
    /// What a branch holds of its request's breadth while it is pending.
    pub(super) fn held(self) -> u32 {
        match self {
            Breadth::Free => 0,
            Breadth::Whole(breadth) | Breadth::Share(breadth) => breadth,
        }
    }
}

impl Layer {
    /// What tells whether a request has been here, and whether it comes back as it was.
    pub(super) fn visit(&self, sockets: &Sockets, message: &Message, received: &Received) -> (Visit, bool) {
        let course = self.course(sockets, message, received);
        let (is_again, loops) = self.past(message, course);
        (Visit { course, is_again }, loops)
    }

    /// What decides where a request goes, as far as that can be told: the fields that RFC 3261 16.6 step 8 and RFC 5393 4.2.1 name, and the way it came. What
    /// scripts add on the way is not among them, else a loop that adds something would never be seen.
    fn course(&self, sockets: &Sockets, message: &Message, received: &Received) -> u64 {
        let from = message.from_tag().unwrap_or_default();
        let to = message.to_tag().unwrap_or_default();
        // The port of a stream is another one for each connection.
        let port = if sockets.transport(received.flow.socket).is_reliable() { 0 } else { received.flow.peer.port() };
        let octets = match received.flow.peer.ip() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
            IpAddr::V6(ip) => ip.octets(),
        };
        let ([high, low], [first, second]) = (port.to_be_bytes(), received.flow.socket.0.to_be_bytes());
        let way = [high, low, first, second];
        let named = [HeaderName::Route, HeaderName::ProxyRequire, HeaderName::ProxyAuthorization];
        let headers = message.headers().iter().filter(|header| named.contains(&header.name));
        let headers = headers.map(|header| message.text(header.value));
        let fixed = [message.request_uri(), message.call_id(), from, to, &octets, &way];
        let number = message.cseq().map_or(0, |cseq| cseq.number);
        self.seed.course(number, fixed.into_iter().chain(headers)) & COURSE
    }

    /// Whether a request has been here, and whether it was the same.
    fn past(&self, message: &Message, course: u64) -> (bool, bool) {
        let course_of = |via: &Via<'_>| self.course_of(via.branch()?);
        // The topmost one is read already, and most requests have no other.
        let top = message.via().and_then(|via| course_of(&via));
        let values = message.headers_named(HeaderName::Via).flat_map(|header| {
            let value = message.text(header.value);
            Values::new(value).map(|range| value.get(range).unwrap_or_default())
        });
        let below = values.skip(1).filter_map(|value| course_of(&Via::parse(value).ok()?));
        let (mut is_again, mut loops) = (false, false);
        for its in top.into_iter().chain(below) {
            is_again = true;
            loops |= its == course;
        }
        (is_again, loops)
    }

    /// The course that a branch of this node's carries; `None` for anybody else's.
    fn course_of(&self, branch: &[u8]) -> Option<u64> {
        let digits = branch.strip_prefix(COOKIE)?;
        let (head, rest) = (digits.get(..4)?, digits.get(5..37)?);
        if digits.get(4) != Some(&b'.') || digits.get(37) != Some(&b'.') {
            return None;
        }
        let mut all = head.iter().chain(rest);
        let mut next = |count: usize| {
            all.by_ref().take(count).try_fold(0, |number, digit| {
                let value = char::from(*digit).to_digit(16)?;
                Some(number << 4 | u64::from(value))
            })
        };
        let (nonce, course, mark) = (next(16)?, next(12)?, next(8)?);
        (mark == u64::from(self.seed.mark(nonce, course))).then_some(course)
    }

    /// Whether a branch is of this node's making.
    pub(super) fn is_own_branch(&self, branch: &[u8]) -> bool {
        self.course_of(branch).is_some()
    }

    /// A branch of a transaction, in the form of Kamailio's: the cookie, 4 and 32 digits, and the number of the branch.
    pub(super) fn new_branch(&self, random: &mut Random, course: u64, index: u16) -> Vec<u8> {
        let nonce = random.bits();
        self.branch_text(nonce, course, index)
    }

    /// The branch of a message forwarded without a transaction: the same for the same message (RFC 3261 16.11).
    pub(super) fn stateless_branch(&self, message: &Working) -> Vec<u8> {
        let via = message.message.via().map(|via| via.text()).unwrap_or_default();
        self.branch_text(self.seed.client(via, b"").low(), message.visit.course, 0)
    }

    fn branch_text(&self, nonce: u64, course: u64, index: u16) -> Vec<u8> {
        let mark = self.seed.mark(nonce, course);
        let nonce = digits::<16>(nonce);
        let (first, second) = nonce.split_at(4);
        let mut branch = Vec::with_capacity(48);
        for part in [COOKIE, first, b".", second, &digits::<12>(course), &digits::<8>(u64::from(mark))] {
            branch.extend_from_slice(part);
        }
        branch.push(b'.');
        print_int(i64::from(index), &mut branch);
        branch
    }

    /// How far `count` further branches of a transaction may spread (RFC 5393 5.3.3); `None` when that is more than their request may. What ordinary calls
    /// look like does not change: only a request that has been here before, or that brings a limit, is limited.
    pub(super) fn breadth(
        &mut self,
        extensions: Extensions,
        id: TransactionId,
        message: &Working,
        count: usize,
    ) -> Option<Breadth> {
        if !extensions.allows(Extension::LoopDetection) {
            return Some(Breadth::Free);
        }
        let said = message.message.value(HeaderName::MaxBreadth).map(|value| {
            // What is no number limits like no header.
            number(value).unwrap_or(BREADTH)
        });
        let limit = match said {
            Some(limit) => limit,
            None if message.visit.is_again => BREADTH,
            None => return Some(Breadth::Free),
        };
        let held = self.table.get(id).map_or(0, |transaction| transaction.breadth_held());
        let left = limit.saturating_sub(held);
        let share = left.checked_div(u32::try_from(count).unwrap_or(u32::MAX)).unwrap_or(left);
        match share {
            0 => None,
            share if share == limit => Some(Breadth::Whole(share)),
            share => Some(Breadth::Share(share)),
        }
    }
}

/// The last `N` hexadecimal digits of a number.
fn digits<const N: usize>(number: u64) -> [u8; N] {
    std::array::from_fn(|at| b"0123456789abcdef"[(number >> (4 * (N - 1 - at))) as usize & 15])
}

impl Transaction {
    /// What its pending branches hold of the breadth of its request.
    fn breadth_held(&self) -> u32 {
        let pending = self.branches.iter().filter(|branch| branch.code == 0);
        pending.fold(0, |sum, branch| sum.saturating_add(branch.breadth))
    }
}
