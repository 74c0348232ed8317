use super::Event::{Ack, Failure, Provisional, RequestAgain, Success};
use super::Origin::{Local, Relayed};
use super::*;
use crate::transaction::drive::{Drive, short};
use proptest::prelude::*;
use std::time::Duration;

fn drive(timers: Timers, reliable: bool) -> Drive<State, Event> {
    Drive::new(timers, State::on, Event::Timer, |out| State::start(Tick::ZERO, reliable, &timers, out))
}

#[test]
fn the_last_provisional_is_sent_again() {
    let mut drive = drive(short(), false);
    drive.at(10, RequestAgain).at(20, Provisional).at(500, RequestAgain).at(600, Provisional);
    assert_eq!(drive.reported(), ["20 Send", "500 SendAgain", "600 Send"]);
}

#[test]
fn an_unacknowledged_failure_is_sent_again_until_wait_is_over() {
    let mut drive = drive(Timers::default(), false);
    drive.at(0, Failure).run_out();
    assert_eq!(drive.reported(), ["0 Send", "500 SendAgain", "1500 SendAgain", "3500 SendAgain", "5000 Terminated"]);
}

#[test]
fn timer_h_only_stops_the_retransmissions() {
    let timers = Timers { fr: Duration::from_secs(8), wait: Duration::from_secs(20), ..Timers::default() };
    let mut drive = drive(timers, false);
    drive.at(0, Failure).at(17000, RequestAgain).run_out();
    let expected = [
        "0 Send",
        "500 SendAgain",
        "1500 SendAgain",
        "3500 SendAgain",
        "7500 SendAgain",
        "17000 SendAgain",
        "20000 Terminated",
    ];
    assert_eq!(drive.reported(), expected);
}

#[test]
fn an_ack_stops_the_retransmissions() {
    let mut drive = drive(short(), false);
    drive.at(0, Failure).at(200, Ack).at(500, RequestAgain).at(4500, RequestAgain).at(4600, Ack).run_out();
    assert_eq!(drive.reported(), ["0 Send", "500 SendAgain", "4500 SendAgain", "5000 Terminated"]);
}

#[test]
fn a_relayed_2xx_is_sent_again_only_for_the_invite() {
    let mut drive = drive(short(), false);
    drive.at(100, Provisional).at(500, Success(Relayed)).at(800, RequestAgain).at(1000, Success(Relayed));
    drive.at(2600, Failure).at(3000, Ack).run_out();
    let expected = ["100 Send", "500 Send", "800 SendAgain", "1000 SendOnce", "3000 PassUp", "5500 Terminated"];
    assert_eq!(drive.reported(), expected);
}

#[test]
fn a_2xx_of_our_own_is_sent_again_until_its_ack() {
    let timers = Timers { fr: Duration::from_secs(8), wait: Duration::from_secs(20), ..Timers::default() };
    let mut first = drive(timers, false);
    first.at(0, Success(Local)).run_out();
    let expected =
        ["0 Send", "500 SendAgain", "1500 SendAgain", "3500 SendAgain", "7500 SendAgain", "20000 Terminated"];
    assert_eq!(first.reported(), expected);

    let mut second = drive(timers, false);
    second.at(0, Success(Local)).at(600, Ack).run_out();
    assert_eq!(second.reported(), ["0 Send", "500 SendAgain", "600 PassUp", "20000 Terminated"]);
}

#[test]
fn a_2xx_after_a_failure_goes_out_once() {
    let mut drive = drive(short(), false);
    drive.at(0, Failure).at(1000, Success(Relayed)).at(1300, RequestAgain).at(3000, Success(Relayed)).run_out();
    let expected = [
        "0 Send",
        "500 SendAgain",
        "1000 SendOnce",
        "1300 SendAgain",
        "1500 SendAgain",
        "3000 SendOnce",
        "5000 Terminated",
    ];
    assert_eq!(drive.reported(), expected);
}

#[test]
fn a_reliable_transport_needs_no_retransmission() {
    assert_eq!(drive(short(), true).at(0, Failure).run_out().reported(), ["0 Send", "5000 Terminated"]);
}

#[test]
fn a_transaction_without_any_reply_ends() {
    assert_eq!(drive(short(), false).run_out().reported(), ["185000 Timeout", "185000 Terminated"]);
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => Just(RequestAgain),
        2 => Just(Ack),
        3 => Just(Provisional),
        1 => Just(Success(Relayed)),
        1 => Just(Success(Local)),
        2 => Just(Failure),
    ]
}

proptest! {
    #[test]
    fn any_sequence(events in prop::collection::vec((0..3000u64, event()), 0..30), reliable: bool) {
        let mut drive = drive(short(), reliable);
        let (mut at, mut ended_at) = (0, None);
        let (mut replied, mut failed, mut kept) = (false, false, 0);
        for (gap, event) in events {
            at += gap;
            drive.run_until(at);
            if drive.ended() {
                break;
            }
            let before = drive.done.len();
            drive.report(event);
            let done: Vec<Action> = drive.done[before..].iter().map(|(_, action)| *action).collect();
            // A model: the first final reply is kept, and every INVITE is answered by what is kept.
            let expected = match event {
                RequestAgain if kept > 0 => vec![Action::SendAgain],
                Provisional if !replied => vec![Action::Send],
                Failure if !replied => vec![Action::Send],
                Success(_) if !replied => vec![Action::Send],
                Success(_) => vec![Action::SendOnce],
                Ack if replied && !failed => vec![Action::PassUp],
                RequestAgain | Provisional | Failure | Ack | Event::Timer(_) => vec![],
            };
            prop_assert_eq!(&done, &expected, "{:?} at {}", event, at);
            kept += usize::from(done.contains(&Action::Send));
            if !replied && matches!(event, Failure | Success(_)) {
                (replied, failed) = (true, event == Failure);
                ended_at = Some(drive.now.after(drive.timers.wait));
            }
        }
        drive.run_out();
        prop_assert_eq!(drive.count(Action::Terminated), 1);
        prop_assert_eq!(drive.count(Action::Timeout), usize::from(!replied));
        let end = drive.done.last().map(|(at, _)| *at);
        prop_assert!(ended_at.is_none() || end == ended_at);
    }
}
