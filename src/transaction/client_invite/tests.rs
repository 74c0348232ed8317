use super::Event::{CancelRequested, Failure, Provisional, Success, TransportFailed};
use super::*;
use crate::transaction::drive::{Drive, short};
use proptest::prelude::*;
use std::time::Duration;

fn drive(timers: Timers, reliable: bool) -> Drive<State, Event> {
    Drive::new(timers, State::on, Event::Timer, |out| State::start(Tick::ZERO, Tick::ZERO, reliable, &timers, out))
}

#[test]
fn an_unanswered_invite_is_sent_again_until_fr() {
    let mut drive = drive(Timers::default(), false);
    let mut expected = vec!["0 Send".to_owned()];
    for at in [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500] {
        expected.push(format!("{at} SendAgain"));
    }
    expected.extend(["30000 Timeout".to_owned(), "35000 Terminated".to_owned()]);
    assert_eq!(drive.run_out().reported(), expected);
}

#[test]
fn the_interval_grows_up_to_t2() {
    let (retr_t1, retr_t2) = (Duration::from_millis(300), Duration::from_secs(1));
    let mut drive = drive(Timers { retr_t1, retr_t2, ..short() }, false);
    let expected = ["0 Send", "300 SendAgain", "900 SendAgain", "1900 SendAgain", "2000 Timeout"];
    assert_eq!(drive.run_until(3000).reported(), expected);
}

#[test]
fn a_reliable_transport_needs_no_retransmission() {
    assert_eq!(drive(short(), true).run_out().reported(), ["0 Send", "2000 Timeout", "7000 Terminated"]);
}

#[test]
fn every_provisional_restarts_fr_inv() {
    let mut drive = drive(short(), false);
    drive.at(1000, Provisional).at(2500, Provisional).at(4000, Provisional).run_out();
    let expected = [
        "0 Send",
        "500 SendAgain",
        "1000 PassUp",
        "2500 PassUp",
        "4000 PassUp",
        "8000 Timeout",
        "8000 SendCancel",
        "13000 Terminated",
    ];
    assert_eq!(drive.reported(), expected);
}

#[test]
fn only_the_first_provisional_starts_fr_inv_when_told_so() {
    let mut drive = drive(Timers { restart_fr_on_each_reply: false, ..short() }, true);
    drive.at(1000, Provisional).at(2500, Provisional).run_until(6000);
    assert_eq!(drive.reported(), ["0 Send", "1000 PassUp", "2500 PassUp", "5000 Timeout", "5000 SendCancel"]);
}

#[test]
fn the_lifetime_counts_from_the_creation_of_the_transaction() {
    let timers = Timers { max_inv_lifetime: Duration::from_secs(6), ..short() };
    let mut first = drive(timers, true);
    for second in 1..6 {
        first.at(second * 1000, Provisional);
    }
    assert_eq!(first.run_until(6500).reported()[6..], ["6000 Timeout", "6000 SendCancel"]);

    let now = Tick::from_micros(5_000_000);
    let mut out = Actions::new();
    State::start(now, Tick::ZERO, true, &timers, &mut out);
    assert_eq!(out[1], Action::Set(Timer::Deadline, Tick::from_micros(6_000_000)));
}

#[test]
fn a_non_2xx_is_acknowledged_every_time_and_passed_up_once() {
    let mut drive = drive(short(), false);
    drive.at(200, Failure).at(600, Success).at(800, Provisional).at(1000, Failure).run_out();
    let expected = [
        "0 Send",
        "200 SendAck",
        "200 PassUp",
        "600 PassUp",
        "800 Show",
        "1000 SendAck",
        "1000 Show",
        "5200 Terminated",
    ];
    assert_eq!(drive.reported(), expected);
}

#[test]
fn every_2xx_is_passed_up() {
    let mut drive = drive(short(), false);
    drive.at(100, Provisional).at(500, Success).at(1000, Success).at(2400, Provisional).at(2600, Failure).run_out();
    let expected = [
        "0 Send",
        "100 PassUp",
        "500 PassUp",
        "1000 PassUp",
        "2400 Show",
        "2600 SendAck",
        "2600 Show",
        "5500 Terminated",
    ];
    assert_eq!(drive.reported(), expected);
}

#[test]
fn a_cancel_waits_for_the_first_provisional() {
    let mut drive = drive(short(), false);
    drive.at(200, CancelRequested).at(900, Provisional).at(1200, Provisional).run_until(3000);
    let expected = ["0 Send", "500 SendAgain", "900 SendCancel", "1200 SendCancel", "2000 Timeout"];
    assert_eq!(drive.reported(), expected);
}

#[test]
fn a_cancel_that_never_finds_a_provisional_is_never_sent() {
    let mut drive = drive(short(), false);
    drive.at(200, CancelRequested).run_until(3000);
    assert_eq!(drive.reported(), ["0 Send", "500 SendAgain", "1500 SendAgain", "2000 Timeout"]);
}

#[test]
fn a_cancel_changes_no_deadline() {
    let mut drive = drive(short(), false);
    drive.at(200, Provisional).at(500, CancelRequested).at(1000, Provisional).run_until(5000);
    assert_eq!(drive.reported(), ["0 Send", "200 PassUp", "500 SendCancel", "1000 SendCancel", "4200 Timeout"]);
}

#[test]
fn a_cancelled_branch_ends_by_its_own_reply() {
    let mut drive = drive(short(), false);
    drive.at(200, Provisional).at(500, CancelRequested).at(1400, Failure).run_until(5000);
    assert_eq!(drive.reported(), ["0 Send", "200 PassUp", "500 SendCancel", "1400 SendAck", "1400 PassUp"]);
}

#[test]
fn replies_after_the_timeout_find_the_branch() {
    let mut first = drive(short(), true);
    first.at(2500, Provisional).at(2700, Provisional).at(3000, Success).at(3200, Success).run_out();
    let expected = ["2500 SendCancel", "2700 SendCancel", "3000 PassUp", "3200 PassUp", "7000 Terminated"];
    assert_eq!(first.reported()[2..], expected);

    let mut second = drive(short(), true);
    second.at(3000, Failure).at(4000, Failure).at(4500, Success).run_out();
    let expected = ["3000 SendAck", "3000 Show", "4000 SendAck", "4000 Show", "4500 PassUp", "7000 Terminated"];
    assert_eq!(second.reported()[2..], expected);
}

#[test]
fn an_invite_that_cannot_be_sent_ends_the_branch() {
    let mut drive = drive(short(), false);
    drive.at(500, TransportFailed).run_out();
    assert_eq!(drive.reported(), ["0 Send", "500 SendAgain", "500 TransportFailed", "500 Terminated"]);
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => Just(Provisional),
        2 => Just(Success),
        3 => Just(Failure),
        2 => Just(CancelRequested),
        1 => Just(TransportFailed),
    ]
}

proptest! {
    #[test]
    fn any_sequence(events in prop::collection::vec((0..3000u64, event()), 0..30), reliable: bool) {
        let mut drive = drive(short(), reliable);
        let (mut at, mut acks, mut successes) = (0, 0, 0);
        let mut cancel = false;
        for (gap, event) in events {
            at += gap;
            drive.run_until(at);
            if drive.ended() {
                break;
            }
            acks += usize::from(event == Failure);
            successes += usize::from(event == Success);
            cancel |= event == CancelRequested;
            let before = drive.done.len();
            drive.report(event);
            let passed = drive.done[before..].contains(&(drive.now, Action::PassUp));
            prop_assert!(event != Success || passed, "a 2xx always reaches the caller");
        }
        drive.run_out();
        prop_assert!(drive.ended());
        prop_assert_eq!(drive.count(Action::Terminated), 1);
        prop_assert_eq!(drive.count(Action::SendAck), acks);
        prop_assert!(drive.count(Action::PassUp) >= successes);
        prop_assert!(drive.count(Action::Timeout) <= 1);
        prop_assert!(cancel || drive.count(Action::SendCancel) == 0 || drive.count(Action::Timeout) == 1);
        prop_assert!(!reliable || drive.count(Action::SendAgain) == 0);
    }
}
