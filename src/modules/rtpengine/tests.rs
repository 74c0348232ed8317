//! What no message from outside shows.

use super::nodes::{Calls, Node, Set, Sets, read_list};
use super::{FUNCTIONS, RtpEngine};
use crate::builtin::bench::Bench;
use crate::builtin::{
    Answer, Args, Background, CallSite, Command, Effect, Found, ModuleId, Outcome, OwnQuestion, Question, Service,
    State, Unanswered,
};
use crate::source::Span;
use arc_swap::ArcSwap;
use bytes::Bytes;
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn sets(lists: &[&str]) -> (Vec<Set>, Vec<String>) {
    let (mut sets, mut ignored) = (Vec::new(), Vec::new());
    for list in lists {
        read_list(list.as_bytes(), 7, None, &mut sets, |why| ignored.push(why)).unwrap();
    }
    (sets, ignored)
}

#[test]
fn lists_are_read_as_kamailio_reads_them() {
    let (sets, ignored) = sets(&[
        "udp:10.0.0.1:2223=3 udp6:[::1]:2224  UDP:host",
        " 2 == udp:host: udp:10.0.0.1:2223",
        "unix:/run/x sip:1 udp:h:0 udp:h:99999 udp:",
    ]);
    let shown: Vec<String> = sets
        .iter()
        .flat_map(|set| {
            set.nodes.iter().map(|node| {
                let server = &node.server;
                format!("{} {} {} {} {}", set.id, server.host, server.port, server.is_v6, node.weight)
            })
        })
        .collect();
    let expected = [
        "7 10.0.0.1 2223 false 3",
        "7 ::1 2224 true 1",
        "7 host 22222 false 1",
        "2 host 22222 false 1",
        "2 10.0.0.1 2223 false 1",
    ];
    assert_eq!(shown, expected);
    assert_eq!(ignored.len(), 5, "{ignored:?}");
    for bad in ["", " ", "2==", "x == udp:h:1", "== udp:h:1"] {
        assert!(read_list(bad.as_bytes(), 0, None, &mut Vec::new(), |_| {}).is_err(), "{bad}");
    }
}

fn node(name: &str) -> Arc<Node> {
    Arc::new(Node::new(format!("udp:{name}:1").as_bytes(), 1, false, None).unwrap())
}

#[test]
fn calls_are_remembered_and_bounded() {
    let calls = Calls::new(Duration::from_secs(10));
    let (one, other) = (node("one"), node("other"));
    let now = Duration::from_secs(100);
    let id = |text: &'static str| Bytes::from_static(text.as_bytes());
    calls.keep(&id("a"), &id(""), &one, now);
    calls.keep(&id("a"), &id(""), &other, now);
    calls.keep(&id("a"), &id("b"), &other, now);
    let found = |call: &str, via: &str, any, at| {
        calls.node(call.as_bytes(), via.as_bytes(), any, at).map(|node| node.url.clone())
    };
    assert_eq!(found("a", "", false, now), Some(one.url.clone()));
    assert_eq!(found("a", "b", false, now), Some(other.url.clone()));
    assert_eq!(found("a", "c", true, now), None);
    assert_eq!(found("a", "", false, now + Duration::from_secs(10)), None);
    calls.forget(b"a", b"b");
    assert_eq!(found("a", "b", false, now), None);
    calls.forget(b"a", b"");
    assert_eq!(found("a", "", true, now), None);
    let long = Bytes::from("x".repeat(300));
    calls.keep(&long, &id(""), &one, now);
    assert!(calls.node(&long, b"", false, now).is_none());
    for number in 0..1000 {
        calls.keep(&id("many"), &Bytes::from(number.to_string()), &one, now);
    }
    assert!(calls.node(b"many", b"7", false, now).is_some() && calls.node(b"many", b"8", false, now).is_none());
}

/// An engine with these rtpengines.
fn engine(list: &str) -> Arc<RtpEngine> {
    let (sets, _) = sets(&[list]);
    Arc::new(RtpEngine {
        sets: ArcSwap::from(Arc::new(Sets(sets.into_iter().map(Arc::new).collect()))),
        table: None,
        default_set: 7,
        pings_at_start: true,
        ping_interval: None,
        pinged: Mutex::default(),
        patience: Duration::from_secs(1),
        tries: 1,
        rest: Duration::from_secs(60),
        most_asked: 30,
        revives: false,
        allow_op: 0,
        calls: None,
        set_of: None,
        extra_id: None,
        instance: None,
        read_sdp: None,
        write_sdp: None,
        duration: None,
    })
}

/// What comes of `rtpengine_offer` when the questions are answered so.
fn offered(state: &Arc<RtpEngine>, mut answer: impl FnMut(&str) -> Result<Found, Unanswered>) -> i32 {
    let head = "INVITE sip:b SIP/2.0\nFrom: <sip:a@b>;tag=f\nTo: <sip:b>\nCall-ID: c\nContent-Type: application/sdp\n";
    let mut bench = Bench::new(&format!("{head}Content-Length: 5\n\nv=0\n"), state.clone());
    let function = FUNCTIONS.iter().find(|row| row.names[0] == "rtpengine_offer").unwrap();
    let (name, module, span) = (function.names[0], ModuleId(0), Span::default());
    let site = CallSite { function, name, module, args: Box::new([]), span };
    let args = Args::new(&site, &[]);
    let mut outcome = (function.run)(&mut bench.context(), &args);
    loop {
        match outcome {
            Outcome::Return(code) => return code,
            Outcome::Wait(Effect::Ask(Question::Service(Service::Ask(ask))), then) => {
                let found = answer(&ask.server.host);
                outcome = then(&mut bench.context(), &args, Answer::Found(found));
            }
            Outcome::Wait(..) => panic!("it wants something else"),
        }
    }
}

#[test]
fn one_that_could_not_be_asked_is_not_given_up() {
    let state = engine("udp:one:1 udp:two:1");
    assert_eq!(offered(&state, |_| Err(Unanswered::Overloaded)), -1);
    assert!(state.sets.load().find(7).is_some_and(|set| set.active() == 2));
    assert_eq!(offered(&state, |_| Err(Unanswered::Failed("nobody answers".into()))), -1);
    assert!(state.sets.load().find(7).is_some_and(|set| set.active() == 0));
}

#[test]
fn all_are_asked_at_start_and_who_does_not_answer_is_disabled() {
    let state = engine("udp:one:1 udp:two:1 udp:three:1");
    let mut bench = Bench::new("OPTIONS sip:a SIP/2.0\nVia: SIP/2.0/UDP h\n\n", state.clone());
    let mut cx = Background { now: bench.now, core: &mut bench.core, module: ModuleId(0) };
    state.begin(&mut cx);
    let asked = std::mem::take(&mut cx.core.commands);
    assert_eq!(asked.len(), 3);
    for command in asked {
        let Command::Ask(OwnQuestion { tag, service: Service::Ask(ask), .. }) = command else { panic!("{command:?}") };
        let found = match &*ask.server.host {
            "one" => Ok(Found::Answer(Bytes::from_static(b" d6:result4:ponge"))),
            "two" => Err(Unanswered::Failed("Connection refused".into())),
            _ => Err(Unanswered::Overloaded),
        };
        state.found(tag, found, &mut cx);
    }
    let set = state.sets.load().find(7).unwrap();
    assert_eq!(set.nodes.iter().map(|node| node.is_disabled()).collect::<Vec<_>>(), [false, true, false]);
}

#[test]
fn no_answer_breaks_it() {
    let answers: [&[u8]; 9] =
        [b"", b" ", b"x", b" d", b" de", b" d6:resulti1ee", b" d6:result2:oke", b" d6:result2:ok3:sdple", b" l2:oke"];
    for bytes in answers {
        let state = engine("udp:one:1");
        let answer = |_: &str| Ok(Found::Answer(Bytes::from_static(bytes)));
        assert_eq!(offered(&state, answer), -1, "{bytes:?}");
        // It did answer.
        assert!(state.sets.load().find(7).is_some_and(|set| set.active() == 1));
    }
    let good = |_: &str| Ok(Found::Answer(Bytes::from_static(b" d6:result2:ok3:sdp3:v=1e")));
    assert_eq!(offered(&engine("udp:one:1"), good), 1);
}
