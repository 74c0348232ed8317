//! Another config while calls are in flight: each call ends as it began.

use super::simulated::{Server, Stage};
use alanui::sip::{Message, Reply};
use alanui::world::Transmit;
use std::net::SocketAddr;
use std::time::Duration;

const CALLS: usize = 1000;
const TEMPLATE: &str = include_str!("../../fixtures/generations/kamailio.cfg");

fn config(name: &str, timer: &str, hop: &str) -> Vec<u8> {
    TEMPLATE.replace("@NAME@", name).replace("@TIMER@", timer).replace("@HOP@", hop).into_bytes()
}

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn request(method: &str, call: usize) -> String {
    format!(
        "{method} sip:bob@10.0.1.10:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-{call}\r\nMax-Forwards: 70\r\n\
         From: <sip:a@example.com>;tag=a\r\nTo: <sip:bob@example.com>\r\nCall-ID: {call}@generations\r\nCSeq: 1 {method}\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

/// Texts of what was sent, with their destinations.
fn texts(sent: Vec<Transmit>) -> Vec<(SocketAddr, String)> {
    sent.into_iter().map(|packet| (packet.flow.peer, String::from_utf8_lossy(&packet.bytes).into_owned())).collect()
}

fn answered(invite: &str, code: u16) -> Vec<u8> {
    let message = Message::parse(invite.to_owned().into_bytes().into()).unwrap();
    let to_tag = (code > 100).then_some(&b"callee"[..]);
    Reply { code, reason: b"So", to_tag, ..Reply::default() }.to_bytes(&message)
}

/// The INVITE among what was sent, and who gets it.
fn forwarded(sent: Vec<Transmit>) -> (SocketAddr, String) {
    texts(sent).into_iter().find(|(_, text)| text.starts_with("INVITE")).expect("it is forwarded")
}

fn started() -> Server {
    let server = Server::start(&config("old", "5000", "10.0.1.10"), Stage::default(), at("198.51.100.1:5060"));
    server.unwrap_or_else(|refused| panic!("{}", refused.drawn))
}

fn change(server: &mut Server) {
    server.replace(&config("new", "20000", "10.0.2.20")).unwrap_or_else(|refused| panic!("{}", refused.drawn));
}

#[test]
fn a_thousand_calls_end_in_the_config_that_they_began_in() {
    let (mut server, caller) = (started(), at("192.0.2.1:5060"));
    let invites: Vec<_> = (0..CALLS).map(|call| forwarded(server.receive(request("INVITE", call), caller))).collect();
    change(&mut server);
    let mut refused = 0;
    for (call, (hop, invite)) in invites.iter().enumerate() {
        assert_eq!(*hop, at("10.0.1.10:5060"));
        match call % 4 {
            // Its onreply_route sees the reply, and writes who it is.
            0 => {
                let sent = texts(server.receive(answered(invite, 180), *hop));
                assert!(sent.iter().any(|(_, text)| text.contains("X-Reply: old\r\n")), "{sent:?}");
            }
            // Its failure_route answers.
            1 => {
                let sent = texts(server.receive(answered(invite, 486), *hop));
                assert!(sent.iter().any(|(_, text)| text.starts_with("SIP/2.0 480 old\r\n")), "{sent:?}");
                refused += 1;
            }
            // A CANCEL is of today; the call that it ends is not. Its failure_route answers once the callee has.
            2 => {
                let sent = texts(server.receive(request("CANCEL", call), caller));
                assert!(sent.iter().any(|(_, text)| text.starts_with("SIP/2.0 200 ")), "{sent:?}");
                let sent = texts(server.receive(answered(invite, 487), *hop));
                assert!(sent.iter().any(|(_, text)| text.starts_with("SIP/2.0 480 old\r\n")), "{sent:?}");
                refused += 1;
            }
            // Nobody answers: the timer is that of its config, not of the one that runs now.
            _ => {}
        }
    }
    // New calls are of the new config.
    let (hop, invite) = forwarded(server.receive(request("INVITE", CALLS), caller));
    assert_eq!(hop, at("10.0.2.20:5060"));
    let sent = texts(server.receive(answered(&invite, 486), hop));
    assert!(sent.iter().any(|(_, text)| text.starts_with("SIP/2.0 480 new\r\n")), "{sent:?}");
    let mut timed_out = 0;
    let until = server.micros() + 9_000_000;
    while server.micros() < until
        && let Some(sent) = server.wait(Duration::from_secs(9))
    {
        timed_out += texts(sent)
            .iter()
            .filter(|(to, text)| *to == caller && text.starts_with("SIP/2.0 480 old") && text.contains("X-Timer: 1"))
            .count();
    }
    assert!(timed_out >= CALLS / 4, "{timed_out} of those that nobody answers were refused by their own timer");
    assert_eq!(refused, CALLS / 2);
}

#[test]
fn what_is_left_of_a_config_goes_with_its_last_call() {
    let (mut server, caller) = (started(), at("192.0.2.1:5060"));
    let (hop, invite) = forwarded(server.receive(request("INVITE", 1), caller));
    for _ in 0..5 {
        change(&mut server);
    }
    assert_eq!(server.node.generations(), 2, "the one at work, and that of the call");
    server.receive(answered(&invite, 486), hop);
    while server.node.transactions() > 0 {
        server.wait(Duration::from_secs(60)).expect("something is due");
    }
    assert_eq!(server.node.generations(), 1);
}
