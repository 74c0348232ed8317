//! The INVITE server transaction (RFC 3261 17.2.1, RFC 6026 7.1).
//!
//! Where `tm` differs from the RFCs, this follows `tm`:
//!
//! - `wait` runs from the final reply: nobody's ACK prolongs it, and when it ends the retransmissions end (by default
//!   before timer H). Timer H only stops them; the transaction absorbs on until `wait` is over.
//! - An INVITE that comes again is answered by the final reply again, also after the ACK (the RFC absorbs it) and after a
//!   2xx (RFC 6026 absorbs it). After several 2xx it is the first of them.
//! - A 2xx that was relayed is retransmitted by whoever sent it; one of our own (`t_reply`) by this machine, until its ACK
//!   comes (RFC 3261 13.3.1.4 puts this into the user of the transaction).
//! - A 2xx after a non-2xx goes out, once; what is retransmitted stays the non-2xx.

use super::{Action, Actions, Resend, Timer, Timers};
use crate::time::Tick;

/// Where a 2xx comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// A branch: the callee retransmits it.
    Relayed,
    /// The script: nobody else retransmits it.
    Local,
}

/// What happens to the transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// The INVITE came again.
    RequestAgain,
    /// An ACK came: for the non-2xx final reply, or (matched by the owner, see [`super::Seed::success_ack`]) for our own
    /// 2xx.
    Ack,
    /// A 1xx reply is to be sent.
    Provisional,
    /// A 2xx reply is to be sent.
    Success(Origin),
    /// A final reply of 300 or more is to be sent.
    Failure,
    /// A timer fired.
    Timer(Timer),
}

/// Where the transaction stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum State {
    /// Nothing was replied yet.
    Trying(Trying),
    /// A provisional reply was sent.
    Proceeding(Proceeding),
    /// A non-2xx was sent and waits for its ACK.
    Completed(Completed),
    /// A non-2xx was sent; its ACK came, or is not expected any more.
    Confirmed(Confirmed),
    /// A 2xx of our own was sent and waits for its ACK.
    Answered(Answered),
    /// A 2xx was sent.
    Accepted(Accepted),
    /// Over.
    Terminated,
}

/// See [`State::Trying`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trying {
    reliable: bool,
}

/// See [`State::Proceeding`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proceeding {
    reliable: bool,
}

/// See [`State::Completed`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Completed {
    resend: Resend,
}

/// See [`State::Confirmed`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Confirmed;

/// See [`State::Answered`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answered {
    resend: Resend,
}

/// See [`State::Accepted`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Accepted;

impl State {
    /// An INVITE has come. Should nobody ever reply, `Timeout` comes when even the branches must have given up.
    pub fn start(now: Tick, reliable: bool, timers: &Timers, out: &mut Actions) -> State {
        let ends = now.after(timers.max_inv_lifetime).after(timers.wait);
        out.push(Action::Set(Timer::Deadline, ends));
        State::Trying(Trying { reliable })
    }

    /// The next state; what is to be done is appended to `out`.
    pub fn on(self, now: Tick, event: Event, timers: &Timers, out: &mut Actions) -> State {
        match self {
            State::Trying(state) => state.on(now, event, timers, out),
            State::Proceeding(state) => state.on(now, event, timers, out),
            State::Completed(state) => state.on(now, event, timers, out),
            State::Confirmed(state) => state.on(event, out),
            State::Answered(state) => state.on(now, event, timers, out),
            State::Accepted(state) => state.on(event, out),
            State::Terminated => State::Terminated,
        }
    }
}

impl Trying {
    /// RFC 3261 17.2.1 enters "Proceeding" at once; but until the first reply there is nothing to send again.
    fn on(self, now: Tick, event: Event, timers: &Timers, out: &mut Actions) -> State {
        match event {
            Event::Provisional => {
                out.push(Action::Send);
                State::Proceeding(Proceeding { reliable: self.reliable })
            }
            Event::Success(origin) => success(origin, now, self.reliable, timers, out),
            Event::Failure => failure(now, self.reliable, timers, out),
            Event::Timer(Timer::Deadline) => nobody_replied(out),
            Event::RequestAgain | Event::Ack | Event::Timer(Timer::Retransmit | Timer::Wait) => State::Trying(self),
        }
    }
}

impl Proceeding {
    /// RFC 3261 17.2.1, "Proceeding".
    fn on(self, now: Tick, event: Event, timers: &Timers, out: &mut Actions) -> State {
        match event {
            Event::RequestAgain => {
                out.push(Action::SendAgain);
                State::Proceeding(self)
            }
            Event::Provisional => {
                out.push(Action::Send);
                State::Proceeding(self)
            }
            Event::Success(origin) => success(origin, now, self.reliable, timers, out),
            Event::Failure => failure(now, self.reliable, timers, out),
            Event::Timer(Timer::Deadline) => nobody_replied(out),
            Event::Ack | Event::Timer(Timer::Retransmit | Timer::Wait) => State::Proceeding(self),
        }
    }
}

impl Completed {
    /// RFC 3261 17.2.1, "Completed".
    fn on(mut self, now: Tick, event: Event, timers: &Timers, out: &mut Actions) -> State {
        match event {
            Event::RequestAgain => out.push(Action::SendAgain),
            Event::Success(Origin::Relayed | Origin::Local) => out.push(Action::SendOnce),
            // Timer G.
            Event::Timer(Timer::Retransmit) => self.resend.again(now, timers, out),
            Event::Ack => {
                self.resend.stop(out);
                out.push(Action::Clear(Timer::Deadline));
                return State::Confirmed(Confirmed);
            }
            // Timer H.
            Event::Timer(Timer::Deadline) => {
                self.resend.stop(out);
                return State::Confirmed(Confirmed);
            }
            Event::Timer(Timer::Wait) => {
                self.resend.stop(out);
                out.push(Action::Clear(Timer::Deadline));
                return terminated(out);
            }
            Event::Provisional | Event::Failure => {}
        }
        State::Completed(self)
    }
}

impl Confirmed {
    /// RFC 3261 17.2.1, "Confirmed".
    fn on(self, event: Event, out: &mut Actions) -> State {
        match event {
            Event::RequestAgain => out.push(Action::SendAgain),
            Event::Success(Origin::Relayed | Origin::Local) => out.push(Action::SendOnce),
            // Timer I.
            Event::Timer(Timer::Wait) => return terminated(out),
            Event::Ack | Event::Provisional | Event::Failure | Event::Timer(Timer::Retransmit | Timer::Deadline) => {}
        }
        State::Confirmed(self)
    }
}

impl Answered {
    /// RFC 3261 13.3.1.4.
    fn on(mut self, now: Tick, event: Event, timers: &Timers, out: &mut Actions) -> State {
        match event {
            Event::RequestAgain => out.push(Action::SendAgain),
            Event::Success(Origin::Relayed | Origin::Local) => out.push(Action::SendOnce),
            Event::Timer(Timer::Retransmit) => self.resend.again(now, timers, out),
            Event::Ack => {
                self.resend.stop(out);
                out.extend([Action::Clear(Timer::Deadline), Action::PassUp]);
                return State::Accepted(Accepted);
            }
            Event::Timer(Timer::Deadline) => {
                self.resend.stop(out);
                return State::Accepted(Accepted);
            }
            Event::Timer(Timer::Wait) => {
                self.resend.stop(out);
                out.push(Action::Clear(Timer::Deadline));
                return terminated(out);
            }
            Event::Provisional | Event::Failure => {}
        }
        State::Answered(self)
    }
}

impl Accepted {
    /// RFC 6026 7.1, "Accepted".
    fn on(self, event: Event, out: &mut Actions) -> State {
        match event {
            Event::RequestAgain => out.push(Action::SendAgain),
            Event::Success(Origin::Relayed | Origin::Local) => out.push(Action::SendOnce),
            Event::Ack => out.push(Action::PassUp),
            // Timer L.
            Event::Timer(Timer::Wait) => return terminated(out),
            Event::Provisional | Event::Failure | Event::Timer(Timer::Retransmit | Timer::Deadline) => {}
        }
        State::Accepted(self)
    }
}

fn success(origin: Origin, now: Tick, reliable: bool, timers: &Timers, out: &mut Actions) -> State {
    out.push(Action::Send);
    let state = match origin {
        Origin::Relayed => {
            out.push(Action::Clear(Timer::Deadline));
            State::Accepted(Accepted)
        }
        Origin::Local => {
            let resend = Resend::start(now, reliable, timers, out);
            out.push(Action::Set(Timer::Deadline, now.after(timers.fr)));
            State::Answered(Answered { resend })
        }
    };
    out.push(Action::Set(Timer::Wait, now.after(timers.wait)));
    state
}

fn failure(now: Tick, reliable: bool, timers: &Timers, out: &mut Actions) -> State {
    out.push(Action::Send);
    let resend = Resend::start(now, reliable, timers, out);
    out.push(Action::Set(Timer::Deadline, now.after(timers.fr)));
    out.push(Action::Set(Timer::Wait, now.after(timers.wait)));
    State::Completed(Completed { resend })
}

fn nobody_replied(out: &mut Actions) -> State {
    out.push(Action::Timeout);
    terminated(out)
}

fn terminated(out: &mut Actions) -> State {
    out.push(Action::Terminated);
    State::Terminated
}

#[cfg(test)]
mod tests;
