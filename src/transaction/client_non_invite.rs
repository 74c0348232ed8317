//! The non-INVITE client transaction: one branch of any request but INVITE and ACK (RFC 3261 17.1.2). A CANCEL is one too.
//!
//! As in `tm`, the branch also absorbs for `wait` on a reliable transport (timer K would be zero), and after a timeout,
//! when a late final reply is shown to `onreply_route` and goes no further.

use super::{Action, Actions, Resend, Timer, Timers};
use crate::time::Tick;

/// What happens to a branch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// A 1xx reply.
    Provisional,
    /// A final reply.
    Final,
    /// A timer fired.
    Timer(Timer),
    /// The request could not be sent.
    TransportFailed,
}

/// Where a branch stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum State {
    /// No reply yet.
    Trying(Trying),
    /// A provisional reply came.
    Proceeding(Proceeding),
    /// A final reply came, or none in time.
    Completed(Completed),
    /// Over.
    Terminated,
}

/// See [`State::Trying`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trying {
    resend: Resend,
}

/// See [`State::Proceeding`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proceeding {
    resend: Resend,
}

/// See [`State::Completed`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Completed;

impl State {
    /// Sends the request. `born` is when the whole transaction was created, which may be earlier than this branch.
    pub fn start(now: Tick, born: Tick, reliable: bool, timers: &Timers, out: &mut Actions) -> State {
        out.push(Action::Send);
        let resend = Resend::start(now, reliable, timers, out);
        let ends = born.after(timers.max_noninv_lifetime);
        out.push(Action::Set(Timer::Deadline, now.after(timers.fr).min(ends)));
        State::Trying(Trying { resend })
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
    /// RFC 3261 17.1.2.2, "Trying".
    fn on(mut self, now: Tick, event: Event, timers: &Timers, out: &mut Actions) -> State {
        match event {
            Event::Provisional => {
                out.push(Action::PassUp);
                self.resend.slow_down(now, timers, out);
                State::Proceeding(Proceeding { resend: self.resend })
            }
            Event::Final => completed(&self.resend, now, timers, out),
            // Timer E.
            Event::Timer(Timer::Retransmit) => {
                self.resend.again(now, timers, out);
                State::Trying(self)
            }
            // Timer F.
            Event::Timer(Timer::Deadline) => timed_out(&self.resend, now, timers, out),
            // 17.1.4.
            Event::TransportFailed => {
                self.resend.stop(out);
                out.extend([Action::Clear(Timer::Deadline), Action::TransportFailed, Action::Terminated]);
                State::Terminated
            }
            Event::Timer(Timer::Wait) => State::Trying(self),
        }
    }
}

impl Proceeding {
    /// RFC 3261 17.1.2.2, "Proceeding". The RFC resets timer E to T2 when it next fires; `tm` starts it anew, at T2, with
    /// every provisional reply. Timer F runs on.
    fn on(mut self, now: Tick, event: Event, timers: &Timers, out: &mut Actions) -> State {
        match event {
            Event::Provisional => {
                out.push(Action::PassUp);
                self.resend.slow_down(now, timers, out);
                State::Proceeding(self)
            }
            Event::Final => completed(&self.resend, now, timers, out),
            Event::Timer(Timer::Retransmit) => {
                self.resend.again(now, timers, out);
                State::Proceeding(self)
            }
            Event::Timer(Timer::Deadline) => timed_out(&self.resend, now, timers, out),
            // The peer has the request: its final reply may still come.
            Event::TransportFailed => State::Proceeding(self),
            Event::Timer(Timer::Wait) => State::Proceeding(self),
        }
    }
}

impl Completed {
    /// RFC 3261 17.1.2.2, "Completed".
    fn on(self, event: Event, out: &mut Actions) -> State {
        match event {
            Event::Provisional | Event::Final => {
                out.push(Action::Show);
                State::Completed(self)
            }
            // Timer K.
            Event::Timer(Timer::Wait) => {
                out.push(Action::Terminated);
                State::Terminated
            }
            Event::TransportFailed | Event::Timer(Timer::Retransmit | Timer::Deadline) => State::Completed(self),
        }
    }
}

fn completed(resend: &Resend, now: Tick, timers: &Timers, out: &mut Actions) -> State {
    resend.stop(out);
    out.extend([Action::PassUp, Action::Clear(Timer::Deadline)]);
    out.push(Action::Set(Timer::Wait, now.after(timers.wait)));
    State::Completed(Completed)
}

fn timed_out(resend: &Resend, now: Tick, timers: &Timers, out: &mut Actions) -> State {
    resend.stop(out);
    out.extend([Action::Timeout, Action::Set(Timer::Wait, now.after(timers.wait))]);
    State::Completed(Completed)
}

#[cfg(test)]
mod tests {
    use super::Event::{Final, Provisional, TransportFailed};
    use super::*;
    use crate::transaction::drive::{Drive, short};
    use proptest::prelude::*;
    use std::time::Duration;

    fn drive(timers: Timers, reliable: bool) -> Drive<State, Event> {
        Drive::new(timers, State::on, Event::Timer, |out| State::start(Tick::ZERO, Tick::ZERO, reliable, &timers, out))
    }

    fn sends(drive: &Drive<State, Event>) -> Vec<u64> {
        let again = drive.done.iter().filter(|(_, action)| *action == Action::SendAgain);
        again.map(|(at, _)| at.as_micros() / 1000).collect()
    }

    #[test]
    fn an_unanswered_request_is_sent_again_until_fr() {
        let mut drive = drive(Timers::default(), false);
        drive.run_out();
        assert_eq!(sends(&drive), [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500]);
        assert_eq!(drive.reported()[10..], ["30000 Timeout", "35000 Terminated"]);
    }

    #[test]
    fn a_provisional_slows_the_retransmissions_to_t2() {
        let mut first = drive(Timers::default(), false);
        first.at(700, Provisional).run_out();
        assert_eq!(sends(&first), [500, 4700, 8700, 12700, 16700, 20700, 24700, 28700]);
        assert_eq!(first.count(Action::Timeout), 1);

        let mut second = drive(Timers::default(), false);
        second.at(700, Provisional).at(2700, Provisional).at(7000, Final).run_out();
        let expected = [
            "0 Send",
            "500 SendAgain",
            "700 PassUp",
            "2700 PassUp",
            "6700 SendAgain",
            "7000 PassUp",
            "12000 Terminated",
        ];
        assert_eq!(second.reported(), expected);
    }

    #[test]
    fn the_lifetime_ends_the_wait_before_fr() {
        let timers =
            Timers { fr: Duration::from_secs(10), max_noninv_lifetime: Duration::from_secs(3), ..Timers::default() };
        let expected = ["0 Send", "500 SendAgain", "1500 SendAgain", "3000 Timeout", "8000 Terminated"];
        assert_eq!(drive(timers, false).run_out().reported(), expected);
    }

    #[test]
    fn a_late_reply_is_only_shown() {
        let mut drive = drive(short(), true);
        drive.at(3000, Final).at(3500, Provisional).run_out();
        assert_eq!(drive.reported(), ["0 Send", "2000 Timeout", "3000 Show", "3500 Show", "7000 Terminated"]);
    }

    #[test]
    fn only_the_first_final_reply_counts() {
        let mut drive = drive(short(), false);
        drive.at(300, Final).at(1000, Final).at(1200, Final).run_out();
        assert_eq!(drive.reported(), ["0 Send", "300 PassUp", "1000 Show", "1200 Show", "5300 Terminated"]);
    }

    #[test]
    fn a_request_that_cannot_be_sent_ends_the_branch() {
        let mut drive = drive(short(), false);
        drive.at(0, TransportFailed).run_out();
        assert_eq!(drive.reported(), ["0 Send", "0 TransportFailed", "0 Terminated"]);
    }

    proptest! {
        #[test]
        fn any_sequence(
            events in prop::collection::vec(
                (0..3000u64, prop_oneof![3 => Just(Provisional), 2 => Just(Final), 1 => Just(TransportFailed)]),
                0..30,
            ),
            reliable: bool,
        ) {
            let mut drive = drive(short(), reliable);
            let (mut at, mut finals) = (0, 0);
            for (gap, event) in events {
                at += gap;
                drive.run_until(at);
                let before = drive.count(Action::PassUp);
                drive.report(event);
                if event == Final {
                    finals += drive.count(Action::PassUp) - before;
                }
            }
            drive.run_out();
            prop_assert_eq!(drive.count(Action::Terminated), 1);
            let failed = drive.count(Action::TransportFailed);
            prop_assert_eq!(finals + drive.count(Action::Timeout) + failed, 1, "exactly one outcome");
            prop_assert!(!reliable || drive.count(Action::SendAgain) == 0);
        }
    }
}
