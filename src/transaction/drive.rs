//! Drives one machine in tests: a clock that jumps from deadline to deadline, and a record of what was asked for.

use super::{Action, Actions, Timer, Timers};
use crate::time::Tick;
use std::time::Duration;

const KINDS: [Timer; 3] = [Timer::Retransmit, Timer::Deadline, Timer::Wait];

/// The `on` of a machine.
pub(super) type On<S, E> = fn(S, Tick, E, &Timers, &mut Actions) -> S;

pub(super) struct Drive<S, E> {
    state: Option<S>,
    on: On<S, E>,
    fired: fn(Timer) -> E,
    pub(super) timers: Timers,
    pub(super) now: Tick,
    set: [Option<Tick>; 3],
    /// Everything but `Set` and `Clear`.
    pub(super) done: Vec<(Tick, Action)>,
    reported: usize,
}

impl<S, E> Drive<S, E> {
    pub(super) fn new(
        timers: Timers,
        on: On<S, E>,
        fired: fn(Timer) -> E,
        start: impl FnOnce(&mut Actions) -> S,
    ) -> Drive<S, E> {
        let mut out = Actions::new();
        let state = Some(start(&mut out));
        let mut drive =
            Drive { state, on, fired, timers, now: Tick::ZERO, set: [None; 3], done: Vec::new(), reported: 0 };
        drive.act(out);
        drive
    }

    /// Lets time pass until `millis`, then reports `event`.
    pub(super) fn at(&mut self, millis: u64, event: E) -> &mut Self {
        self.run_until(millis);
        self.report(event);
        self
    }

    /// Fires every timer due up to `millis`.
    pub(super) fn run_until(&mut self, millis: u64) -> &mut Self {
        let end = Tick::from_micros(millis * 1000);
        while let Some((at, kind)) = self.earliest().filter(|(at, _)| *at <= end) {
            self.now = at;
            self.set[kind as usize] = None;
            self.report((self.fired)(kind));
        }
        self.now = self.now.max(end);
        self
    }

    /// Fires timers until there is none; the machine must not go on for ever.
    pub(super) fn run_out(&mut self) -> &mut Self {
        for _ in 0..10_000 {
            let Some((at, _)) = self.earliest() else { return self };
            self.run_until(at.as_micros().div_ceil(1000));
        }
        panic!("the machine never ends: {:?}", self.done);
    }

    /// What was done since the last call, a line such as `500 SendAgain` each.
    pub(super) fn reported(&mut self) -> Vec<String> {
        let since = self.reported;
        self.reported = self.done.len();
        self.done[since..].iter().map(|(at, action)| format!("{} {action:?}", at.as_micros() / 1000)).collect()
    }

    pub(super) fn count(&self, action: Action) -> usize {
        self.done.iter().filter(|(_, done)| *done == action).count()
    }

    pub(super) fn ended(&self) -> bool {
        self.count(Action::Terminated) > 0
    }

    fn earliest(&self) -> Option<(Tick, Timer)> {
        KINDS.into_iter().filter_map(|kind| Some((self.set[kind as usize]?, kind))).min_by_key(|(at, _)| *at)
    }

    /// Reports `event` at the present time.
    pub(super) fn report(&mut self, event: E) {
        let mut out = Actions::new();
        let state = self.state.take().expect("a state is always put back");
        let ended = self.ended();
        self.state = Some((self.on)(state, self.now, event, &self.timers, &mut out));
        assert!(!ended || out.is_empty(), "an ended machine asks for {out:?}");
        self.act(out);
    }

    fn act(&mut self, out: Actions) {
        assert!(!out.spilled(), "the usual buffer is too small for {out:?}");
        for action in out {
            match action {
                Action::Set(kind, at) => {
                    assert!(at >= self.now, "{kind:?} is set into the past");
                    self.set[kind as usize] = Some(at);
                }
                Action::Clear(kind) => self.set[kind as usize] = None,
                Action::Terminated => {
                    assert_eq!(self.set, [None; 3], "timers are left at the end");
                    self.done.push((self.now, action));
                }
                Action::Send
                | Action::SendOnce
                | Action::SendAgain
                | Action::SendAck
                | Action::SendCancel
                | Action::PassUp
                | Action::Show
                | Action::Timeout
                | Action::TransportFailed => self.done.push((self.now, action)),
            }
        }
    }
}

/// The defaults with a short `fr` and `fr_inv`: 2 s and 4 s, as in most of the measurements.
pub(super) fn short() -> Timers {
    Timers { fr: Duration::from_secs(2), fr_inv: Duration::from_secs(4), ..Timers::default() }
}
