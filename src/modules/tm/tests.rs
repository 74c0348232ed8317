//! What the rows ask of the node.

use super::*;
use crate::builtin::{Argument, Effect, RouteId, TransactionId, TransactionView, bench::Bench};
use std::sync::Arc;

const REQUEST: &str = "INVITE sip:bob@b.com SIP/2.0\nVia: SIP/2.0/UDP a;branch=z9hG4bK\n\n";

fn function(name: &str, count: usize) -> &'static Function {
    FUNCTIONS.iter().find(|row| row.names.contains(&name) && (row.arity().0..=row.arity().1).contains(&count)).unwrap()
}

fn bench() -> Bench {
    Bench::new(REQUEST, Arc::new(()))
}

fn next_hop(name: &str, args: &[&str]) -> String {
    match bench().call(function(name, args.len()), args) {
        Outcome::Wait(Effect::Relay(relay), _) => {
            relay.next_hop.map(|hop| String::from_utf8(hop.to_vec()).unwrap()).unwrap_or_default()
        }
        _ => panic!("no relay"),
    }
}

#[test]
fn next_hops() {
    assert_eq!(next_hop("t_relay", &[]), "");
    assert_eq!(next_hop("t_relay", &["127.0.0.1", "5070"]), "sip:127.0.0.1:5070;transport=udp");
    assert_eq!(next_hop("t_relay_to_udp", &["h.com", ""]), "sip:h.com;transport=udp");
    assert_eq!(next_hop("t_relay_to_tcp", &[]), "sip:b.com;transport=tcp");
    assert_eq!(next_hop("t_relay_to", &["0x01"]), "");
    assert_eq!(next_hop("t_relay_to", &["udp:1.2.3.4:5"]), "sip:1.2.3.4:5;transport=udp");
    assert_eq!(next_hop("t_forward_nonack_to", &["TCP", "1.2.3.4:5"]), "sip:1.2.3.4:5;transport=tcp");
}

#[test]
fn t_reply_needs_a_transaction() {
    let mut bench = bench();
    assert!(matches!(bench.call(function("t_reply", 2), &["404", "x"]), Outcome::Return(-1)));
    bench.message.transaction = Some(view(0));
    let Outcome::Wait(Effect::Reply(reply), _) = bench.call(function("t_reply", 2), &["404", "x"]) else {
        panic!("no reply")
    };
    assert_eq!((reply.code, reply.mode), (404, ReplyMode::Transaction));
}

fn view(sent_code: u16) -> TransactionView {
    TransactionView {
        id: TransactionId(1),
        reply_code: 486,
        branch: None,
        canceled: true,
        timed_out: false,
        replied: true,
        branch_timed_out: false,
        branch_replied: true,
        branches: 1,
        sent_code,
    }
}

fn code(outcome: Outcome) -> i32 {
    match outcome {
        Outcome::Return(code) => code,
        Outcome::Wait(..) => panic!("it waits"),
    }
}

#[test]
fn questions_about_the_transaction() {
    let mut bench = bench();
    assert_eq!(code(bench.call(function("t_check_status", 1), &["."])), -1);
    assert_eq!(code(bench.call(function("t_any_replied", 0), &[])), -1);
    bench.message.transaction = Some(view(302));
    assert_eq!(code(bench.call(function("t_check_status", 1), &["^3"])), 1);
    assert_eq!(code(bench.call(function("t_get_status_code", 0), &[])), 302);
    for (name, result) in [("t_is_canceled", 1), ("t_any_timeout", -1), ("t_any_replied", 1), ("t_branch_timeout", -1)]
    {
        assert_eq!(code(bench.call(function(name, 0), &[])), result, "{name}");
    }
}

#[test]
fn routes_and_timers_are_kept_for_the_node() {
    let mut bench = bench();
    bench.call_with(function("t_on_failure", 1), vec![Argument::Route(Some(RouteId(3)), "F".into())]);
    bench.call_with(function("t_set_fr", 2), vec![Argument::Int(0), Argument::Int(2000)]);
    bench.call_with(function("t_set_fr", 1), vec![Argument::Int(5000)]);
    assert_eq!(bench.message.armed.failure, Some(RouteId(3)));
    assert_eq!(bench.message.timers, Some((Some(5000), Some(2000))));
    bench.call(function("t_reset_fr", 0), &[]);
    assert_eq!(bench.message.timers, None);
}
