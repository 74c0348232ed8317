//! The non-INVITE server transaction (RFC 3261 17.2.2). A CANCEL is one too.
//!
//! As in `tm`, the final reply is sent again for `wait` on every transport (timer J would be zero on a reliable one).

use super::{Action, Actions, Timer, Timers};
use crate::time::Tick;

/// What happens to the transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// The request came again.
    RequestAgain,
    /// A 1xx reply is to be sent.
    Provisional,
    /// A final reply is to be sent.
    Final,
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
    /// The final reply was sent.
    Completed(Completed),
    /// Over.
    Terminated,
}

/// See [`State::Trying`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trying;

/// See [`State::Proceeding`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proceeding;

/// See [`State::Completed`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Completed;

impl State {
    /// A request has come. Should nobody ever reply, `Timeout` comes when even the branches must have given up.
    pub fn start(now: Tick, timers: &Timers, out: &mut Actions) -> State {
        let ends = now.after(timers.max_noninv_lifetime).after(timers.wait);
        out.push(Action::Set(Timer::Deadline, ends));
        State::Trying(Trying)
    }

    /// The next state; what is to be done is appended to `out`.
    pub fn on(self, now: Tick, event: Event, timers: &Timers, out: &mut Actions) -> State {
        match self {
            State::Trying(state) => state.on(now, event, timers, out),
            State::Proceeding(state) => state.on(now, event, timers, out),
            State::Completed(state) => state.on(event, out),
            State::Terminated => State::Terminated,
        }
    }
}

impl Trying {
    /// RFC 3261 17.2.2, "Trying": retransmissions of the request are discarded.
    fn on(self, now: Tick, event: Event, timers: &Timers, out: &mut Actions) -> State {
        match event {
            Event::Provisional => {
                out.push(Action::Send);
                State::Proceeding(Proceeding)
            }
            Event::Final => completed(now, timers, out),
            Event::Timer(Timer::Deadline) => nobody_replied(out),
            Event::RequestAgain | Event::Timer(Timer::Retransmit | Timer::Wait) => State::Trying(self),
        }
    }
}

impl Proceeding {
    /// RFC 3261 17.2.2, "Proceeding".
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
            Event::Final => completed(now, timers, out),
            Event::Timer(Timer::Deadline) => nobody_replied(out),
            Event::Timer(Timer::Retransmit | Timer::Wait) => State::Proceeding(self),
        }
    }
}

impl Completed {
    /// RFC 3261 17.2.2, "Completed": any other final reply is discarded.
    fn on(self, event: Event, out: &mut Actions) -> State {
        match event {
            Event::RequestAgain => {
                out.push(Action::SendAgain);
                State::Completed(self)
            }
            // Timer J.
            Event::Timer(Timer::Wait) => {
                out.push(Action::Terminated);
                State::Terminated
            }
            Event::Provisional | Event::Final | Event::Timer(Timer::Retransmit | Timer::Deadline) => {
                State::Completed(self)
            }
        }
    }
}

fn completed(now: Tick, timers: &Timers, out: &mut Actions) -> State {
    out.extend([Action::Send, Action::Clear(Timer::Deadline)]);
    out.push(Action::Set(Timer::Wait, now.after(timers.wait)));
    State::Completed(Completed)
}

fn nobody_replied(out: &mut Actions) -> State {
    out.extend([Action::Timeout, Action::Terminated]);
    State::Terminated
}

#[cfg(test)]
mod tests {
    use super::Event::{Final, Provisional, RequestAgain};
    use super::*;
    use crate::transaction::drive::{Drive, short};
    use proptest::prelude::*;

    fn drive() -> Drive<State, Event> {
        Drive::new(short(), State::on, Event::Timer, |out| State::start(Tick::ZERO, &short(), out))
    }

    #[test]
    fn a_request_that_comes_again_gets_the_last_reply() {
        let mut drive = drive();
        drive.at(200, RequestAgain).at(500, Provisional).at(800, RequestAgain);
        drive.at(1500, Final).at(2000, RequestAgain).at(2500, Final).at(2600, Provisional).run_out();
        let expected = ["500 Send", "800 SendAgain", "1500 Send", "2000 SendAgain", "6500 Terminated"];
        assert_eq!(drive.reported(), expected);
    }

    #[test]
    fn a_transaction_without_any_reply_ends() {
        assert_eq!(drive().run_out().reported(), ["37000 Timeout", "37000 Terminated"]);
    }

    proptest! {
        #[test]
        fn any_sequence(
            events in prop::collection::vec(
                (0..4000u64, prop_oneof![Just(RequestAgain), Just(Provisional), Just(Final)]),
                0..20,
            ),
        ) {
            let mut drive = drive();
            let (mut at, mut provisionals, mut finals) = (0, 0, 0);
            for (gap, event) in events {
                at += gap;
                drive.run_until(at);
                if drive.ended() {
                    break;
                }
                let before = drive.count(Action::Send);
                drive.report(event);
                let sent = drive.count(Action::Send) - before;
                match event {
                    Provisional => provisionals += sent,
                    Final => finals += sent,
                    RequestAgain | Event::Timer(_) => prop_assert_eq!(sent, 0),
                }
                prop_assert!(event != Provisional || finals == 0 || sent == 0);
            }
            drive.run_out();
            prop_assert_eq!(drive.count(Action::Terminated), 1);
            prop_assert_eq!(finals + drive.count(Action::Timeout), 1);
            prop_assert_eq!(drive.count(Action::Send), provisionals + finals);
        }
    }
}
