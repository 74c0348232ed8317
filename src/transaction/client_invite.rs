//! The INVITE client transaction: one branch of an INVITE (RFC 3261 17.1.1, RFC 6026 7.2, timer C of RFC 3261 16.6).
//!
//! Where `tm` differs from the RFCs, this follows `tm`:
//!
//! - Asking for a CANCEL changes no deadline: the branch waits on for as long as it would have (RFC 3261 9.1: 64*T1).
//! - Every provisional reply after the CANCEL sends it once more, even when it was answered. It is not shown to anyone.
//! - A branch that ran into its deadline (`Timeout`) lives on for `wait`: a late provisional is answered by CANCEL, a late
//!   non-2xx by ACK, and a late 2xx is passed up.
//! - A 2xx after a non-2xx is passed up (it comes from a fork further on), and a non-2xx after a 2xx is acknowledged.

use super::{Action, Actions, Resend, Timer, Timers};
use crate::time::Tick;

/// What happens to a branch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// A 1xx reply.
    Provisional,
    /// A 2xx reply.
    Success,
    /// A final reply of 300 or more.
    Failure,
    /// The caller has given up, or another branch has won: CANCEL this one.
    CancelRequested,
    /// The same, even when no reply has come yet, against RFC 3261 9.1.
    CancelAtOnce,
    /// The same, but without a reply the branch ends here, and its owner answers for it.
    GiveUp,
    /// A timer fired.
    Timer(Timer),
    /// The INVITE, or an ACK, could not be sent.
    TransportFailed,
}

/// Where a branch stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum State {
    /// No reply yet.
    Calling(Calling),
    /// No reply yet, and a CANCEL that has to wait for one.
    Withdrawing(Withdrawing),
    /// A provisional reply came.
    Proceeding(Proceeding),
    /// The CANCEL is sent; the final reply is awaited.
    Cancelling(Cancelling),
    /// No final reply came in time; the owner has answered for this branch.
    Abandoned(Abandoned),
    /// A non-2xx came and is acknowledged.
    Completed(Completed),
    /// A 2xx came.
    Accepted(Accepted),
    /// Over.
    Terminated,
}

/// See [`State::Calling`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Calling {
    resend: Resend,
    ends: Tick,
}

/// See [`State::Withdrawing`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Withdrawing {
    resend: Resend,
}

/// See [`State::Proceeding`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proceeding {
    ends: Tick,
}

/// See [`State::Cancelling`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cancelling;

/// See [`State::Abandoned`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Abandoned;

/// See [`State::Completed`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Completed;

/// See [`State::Accepted`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Accepted;

impl State {
    /// Sends the INVITE. `born` is when the whole transaction was created, which may be earlier than this branch.
    pub fn start(now: Tick, born: Tick, reliable: bool, timers: &Timers, out: &mut Actions) -> State {
        let ends = born.after(timers.max_inv_lifetime);
        out.push(Action::Send);
        let resend = Resend::start(now, reliable, timers, out);
        out.push(Action::Set(Timer::Deadline, now.after(timers.fr).min(ends)));
        State::Calling(Calling { resend, ends })
    }

    /// The next state; what is to be done is appended to `out`.
    pub fn on(self, now: Tick, event: Event, timers: &Timers, out: &mut Actions) -> State {
        match self {
            State::Calling(state) => state.on(now, event, timers, out),
            State::Withdrawing(state) => state.on(now, event, timers, out),
            State::Proceeding(state) => state.on(now, event, timers, out),
            State::Cancelling(state) => state.on(now, event, timers, out),
            State::Abandoned(state) => state.on(event, out),
            State::Completed(state) => state.on(event, out),
            State::Accepted(state) => state.on(event, out),
            State::Terminated => State::Terminated,
        }
    }
}

impl Calling {
    /// RFC 3261 17.1.1.2, "Calling".
    fn on(mut self, now: Tick, event: Event, timers: &Timers, out: &mut Actions) -> State {
        match event {
            Event::Provisional => {
                self.resend.stop(out);
                out.push(Action::PassUp);
                // Timer C (16.6 step 11). It starts with any provisional, 100 included, as in tm.
                out.push(Action::Set(Timer::Deadline, now.after(timers.fr_inv).min(self.ends)));
                State::Proceeding(Proceeding { ends: self.ends })
            }
            Event::Success => {
                self.resend.stop(out);
                accepted(now, timers, out)
            }
            Event::Failure => {
                self.resend.stop(out);
                completed(now, timers, out)
            }
            // 9.1: the CANCEL must wait for a provisional reply; until then the INVITE is retransmitted as before.
            Event::CancelRequested => State::Withdrawing(Withdrawing { resend: self.resend }),
            Event::CancelAtOnce => {
                self.resend.stop(out);
                out.push(Action::SendCancel);
                State::Cancelling(Cancelling)
            }
            Event::GiveUp => {
                self.resend.stop(out);
                given_up(now, timers, out)
            }
            // Timer A.
            Event::Timer(Timer::Retransmit) => {
                self.resend.again(now, timers, out);
                State::Calling(self)
            }
            // Timer B. There is nobody to CANCEL.
            Event::Timer(Timer::Deadline) => {
                self.resend.stop(out);
                abandoned(now, timers, out)
            }
            Event::TransportFailed => unreachable_peer(&self.resend, out),
            Event::Timer(Timer::Wait) => State::Calling(self),
        }
    }
}

impl Withdrawing {
    /// RFC 3261 9.1: cancelled before any reply.
    fn on(mut self, now: Tick, event: Event, timers: &Timers, out: &mut Actions) -> State {
        match event {
            Event::Provisional => {
                self.resend.stop(out);
                out.push(Action::SendCancel);
                State::Cancelling(Cancelling)
            }
            Event::Success => {
                self.resend.stop(out);
                accepted(now, timers, out)
            }
            Event::Failure => {
                self.resend.stop(out);
                completed(now, timers, out)
            }
            Event::Timer(Timer::Retransmit) => {
                self.resend.again(now, timers, out);
                State::Withdrawing(self)
            }
            Event::Timer(Timer::Deadline) => {
                self.resend.stop(out);
                abandoned(now, timers, out)
            }
            Event::TransportFailed => unreachable_peer(&self.resend, out),
            Event::CancelRequested | Event::CancelAtOnce | Event::GiveUp | Event::Timer(Timer::Wait) => {
                State::Withdrawing(self)
            }
        }
    }
}

impl Proceeding {
    /// RFC 3261 17.1.1.2, "Proceeding", with timer C (16.7 step 2, 16.8).
    fn on(self, now: Tick, event: Event, timers: &Timers, out: &mut Actions) -> State {
        match event {
            Event::Provisional => {
                out.push(Action::PassUp);
                if timers.restart_fr_on_each_reply {
                    out.push(Action::Set(Timer::Deadline, now.after(timers.fr_inv).min(self.ends)));
                }
                State::Proceeding(self)
            }
            Event::Success => accepted(now, timers, out),
            Event::Failure => completed(now, timers, out),
            Event::CancelRequested | Event::CancelAtOnce | Event::GiveUp => {
                out.push(Action::SendCancel);
                State::Cancelling(Cancelling)
            }
            // 16.8: after a provisional reply the branch is cancelled. tm answers 408 first.
            Event::Timer(Timer::Deadline) => {
                let state = abandoned(now, timers, out);
                out.push(Action::SendCancel);
                state
            }
            // Nothing of ours is under way; a reply may still come by another connection (18.2.2).
            Event::TransportFailed => State::Proceeding(self),
            Event::Timer(Timer::Retransmit | Timer::Wait) => State::Proceeding(self),
        }
    }
}

impl Cancelling {
    /// RFC 3261 9.1: the CANCEL is a transaction of its own, this one ends by its own final reply.
    fn on(self, now: Tick, event: Event, timers: &Timers, out: &mut Actions) -> State {
        match event {
            Event::Provisional => {
                out.push(Action::SendCancel);
                State::Cancelling(self)
            }
            Event::Success => accepted(now, timers, out),
            Event::Failure => completed(now, timers, out),
            Event::Timer(Timer::Deadline) => abandoned(now, timers, out),
            Event::CancelRequested
            | Event::CancelAtOnce
            | Event::GiveUp
            | Event::TransportFailed
            | Event::Timer(Timer::Retransmit | Timer::Wait) => State::Cancelling(self),
        }
    }
}

impl Abandoned {
    /// The time after timers B and C. RFC 3261 17.1.1.2 has the transaction gone by then, so that a late reply is a stray.
    fn on(self, event: Event, out: &mut Actions) -> State {
        match event {
            Event::Provisional => {
                out.push(Action::SendCancel);
                State::Abandoned(self)
            }
            Event::Success => {
                out.push(Action::PassUp);
                State::Accepted(Accepted)
            }
            Event::Failure => {
                out.extend([Action::SendAck, Action::Show]);
                State::Completed(Completed)
            }
            Event::Timer(Timer::Wait) => terminated(out),
            Event::CancelRequested
            | Event::CancelAtOnce
            | Event::GiveUp
            | Event::TransportFailed
            | Event::Timer(Timer::Retransmit | Timer::Deadline) => State::Abandoned(self),
        }
    }
}

impl Completed {
    /// RFC 3261 17.1.1.2, "Completed".
    fn on(self, event: Event, out: &mut Actions) -> State {
        match event {
            Event::Provisional => out.push(Action::Show),
            Event::Success => out.push(Action::PassUp),
            Event::Failure => out.extend([Action::SendAck, Action::Show]),
            // Timer D.
            Event::Timer(Timer::Wait) => return terminated(out),
            // The RFC would end here when an ACK cannot be sent; the next retransmission gives it another chance.
            Event::TransportFailed => {}
            Event::CancelRequested
            | Event::CancelAtOnce
            | Event::GiveUp
            | Event::Timer(Timer::Retransmit | Timer::Deadline) => {}
        }
        State::Completed(self)
    }
}

impl Accepted {
    /// RFC 6026 7.2, "Accepted".
    fn on(self, event: Event, out: &mut Actions) -> State {
        match event {
            Event::Provisional => out.push(Action::Show),
            Event::Success => out.push(Action::PassUp),
            Event::Failure => out.extend([Action::SendAck, Action::Show]),
            // Timer M.
            Event::Timer(Timer::Wait) => return terminated(out),
            Event::CancelRequested
            | Event::CancelAtOnce
            | Event::GiveUp
            | Event::TransportFailed
            | Event::Timer(Timer::Retransmit | Timer::Deadline) => {}
        }
        State::Accepted(self)
    }
}

fn accepted(now: Tick, timers: &Timers, out: &mut Actions) -> State {
    out.extend([Action::PassUp, Action::Clear(Timer::Deadline)]);
    out.push(Action::Set(Timer::Wait, now.after(timers.wait)));
    State::Accepted(Accepted)
}

fn completed(now: Tick, timers: &Timers, out: &mut Actions) -> State {
    out.extend([Action::SendAck, Action::PassUp, Action::Clear(Timer::Deadline)]);
    out.push(Action::Set(Timer::Wait, now.after(timers.wait)));
    State::Completed(Completed)
}

fn abandoned(now: Tick, timers: &Timers, out: &mut Actions) -> State {
    out.extend([Action::Timeout, Action::Set(Timer::Wait, now.after(timers.wait))]);
    State::Abandoned(Abandoned)
}

/// Nobody has answered, and nobody waits for it.
fn given_up(now: Tick, timers: &Timers, out: &mut Actions) -> State {
    out.extend([Action::Clear(Timer::Deadline), Action::Set(Timer::Wait, now.after(timers.wait))]);
    State::Abandoned(Abandoned)
}

/// RFC 3261 17.1.4.
fn unreachable_peer(resend: &Resend, out: &mut Actions) -> State {
    resend.stop(out);
    out.extend([Action::Clear(Timer::Deadline), Action::TransportFailed, Action::Terminated]);
    State::Terminated
}

fn terminated(out: &mut Actions) -> State {
    out.push(Action::Terminated);
    State::Terminated
}

#[cfg(test)]
mod tests;
