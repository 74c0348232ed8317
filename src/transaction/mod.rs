//! SIP transactions: RFC 3261 section 17 as amended by RFC 6026, timed as Kamailio's `tm` times them.
//!
//! Four pure machines, one file each. A machine holds no bytes, no sockets and no clock: its owner says what happened
//! (`on(now, event, ..)`), and does what the [`Actions`] say, in their order. The owner
//!
//! - keeps one message per machine, the one [`Action::Send`] was given for, for [`Action::SendAgain`];
//! - holds at most one timer of each [`Timer`] kind per machine: [`Action::Set`] replaces, [`Action::Clear`] removes;
//!   a timer is reported only while it is set;
//! - forgets the machine on [`Action::Terminated`], which comes once, with no timer left set.
//!
//! `tm` keeps every branch for as long as its transaction. An owner that does so too leaves a branch's [`Timer::Wait`]
//! unarmed and drops the branch with the transaction: each machine absorbs until it is told that `Wait` is over.
//!
//! [`key`] says which transaction a message belongs to, [`wheel`] holds the timers of a worker.

pub mod client_invite;
pub mod client_non_invite;
#[cfg(test)]
mod drive;
pub mod key;
pub mod server_invite;
pub mod server_non_invite;
pub mod timers;
pub mod wheel;

pub use key::{Key, Seed};
pub use timers::Timers;
pub use wheel::{TimerId, Wheel};

use crate::time::Tick;
use smallvec::SmallVec;
use std::time::Duration;

/// What a machine waits for; each machine has at most one timer of each kind.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Timer {
    /// The kept message goes out again (timers A, E, G).
    Retransmit,
    /// The answer, or the ACK, has not come in time (timers B, C, F, H).
    Deadline,
    /// The finished transaction has absorbed for long enough (timers D, I, J, K, L, M).
    Wait,
}

/// What a machine asks of its owner.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Send the message this event is about, and keep it for [`Action::SendAgain`].
    Send,
    /// Send the message this event is about; what is kept stays.
    SendOnce,
    /// Send the kept message once more.
    SendAgain,
    /// Send the ACK for the non-2xx reply of this event (RFC 3261 17.1.1.3).
    SendAck,
    /// Send the CANCEL of this branch (RFC 3261 9.1), or the same CANCEL again.
    SendCancel,
    /// The message of this event counts: the reply for this branch, or the ACK of a 2xx.
    PassUp,
    /// The reply of this event is shown to `onreply_route` and goes no further: the branch has its outcome already.
    Show,
    /// No final reply in time: the branch ends as if it had been answered 408 (487 when it was cancelled).
    /// From a server machine: nobody replied within the transaction's lifetime.
    Timeout,
    /// A message of this machine could not be sent. From a client machine: the branch ends without a reply.
    TransportFailed,
    /// Report this timer at that time, in place of an earlier one of its kind.
    Set(Timer, Tick),
    /// Never mind this timer.
    Clear(Timer),
    /// The machine has ended.
    Terminated,
}

/// What one event asked for, in order. Meant to be reused: the owner clears it before each event.
pub type Actions = SmallVec<[Action; 8]>;

/// Retransmission at T1, doubling up to T2; silent on a reliable transport.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Resend {
    interval: Duration,
    reliable: bool,
}

impl Resend {
    fn start(now: Tick, reliable: bool, timers: &Timers, out: &mut Actions) -> Resend {
        let interval = timers.retr_t1;
        if !reliable {
            out.push(Action::Set(Timer::Retransmit, now.after(interval)));
        }
        Resend { interval, reliable }
    }

    /// The timer fired: send again, and wait twice as long, but no longer than T2.
    fn again(&mut self, now: Tick, timers: &Timers, out: &mut Actions) {
        if self.reliable {
            return;
        }
        self.interval = self.interval.saturating_mul(2).min(timers.retr_t2);
        out.push(Action::SendAgain);
        out.push(Action::Set(Timer::Retransmit, now.after(self.interval)));
    }

    /// A provisional reply to a non-INVITE: the next retransmission is T2 away, counted from this reply.
    fn slow_down(&mut self, now: Tick, timers: &Timers, out: &mut Actions) {
        if self.reliable {
            return;
        }
        self.interval = timers.retr_t2;
        out.push(Action::Set(Timer::Retransmit, now.after(self.interval)));
    }

    fn stop(&self, out: &mut Actions) {
        if !self.reliable {
            out.push(Action::Clear(Timer::Retransmit));
        }
    }
}
