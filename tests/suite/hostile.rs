//! Whatever peers send, a node neither panics nor keeps growing: mutated messages through both configs, with databases that answer, fail or
//! never answer.

use alanui::builtin::{
    Connected, Core, DatabaseId, Extensions, Memory, QueryFault, Random, Rows, Socket, SocketId, Sockets, Value, World,
};
use alanui::config::{Additions, has_errors, load};
use alanui::modules::MODULES;
use alanui::node::Node;
use alanui::sip::{Message, Transport};
use alanui::source::{Files, Sources, render};
use alanui::time::{Now, Tick};
use alanui::world::{Answer, Datagram, Flow, Given, Kept, Question, Ticket, drive};
use bytes::Bytes;
use proptest::prelude::*;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }
}

/// A database with one domain, one destination and one endpoint, whatever it is asked.
struct Canned;

impl World for Canned {
    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn connect(&mut self, _: &str, _: Extensions) -> Result<Connected, QueryFault> {
        Ok(Connected { id: DatabaseId(0), dialect: &alanui::modules::db_sqlite::DIALECT })
    }

    fn address(&mut self, _: &str) -> Option<std::net::IpAddr> {
        None
    }

    fn query(&mut self, _: DatabaseId, sql: &str) -> Result<Rows, QueryFault> {
        if sql.contains("version") {
            return Err(QueryFault::Refused("no such table".to_owned()));
        }
        let columns =
            ["setid", "destination", "flags", "priority", "attrs"].map(|name| Bytes::from(name.to_owned())).into();
        let destination = Value::Text(Bytes::from_static(b"sip:10.0.1.10:5060"));
        Ok(Rows { columns, cells: vec![Value::Int(10), destination, Value::Int(0), Value::Int(0), Value::Null] })
    }
}

pub(super) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A node, and what it wanted.
pub(super) struct Driven {
    pub(super) node: Node,
    pub(super) kept: Kept,
}

impl Driven {
    pub(super) fn give(&mut self, millis: u64, given: Given) {
        drive(&mut self.node, &mut self.kept, now(millis), given);
    }

    pub(super) fn receive(&mut self, millis: u64, bytes: Bytes) {
        let source = "192.0.2.1:5060".parse().unwrap();
        self.give(millis, Given::Arrived(Datagram { bytes, flow: Flow::to(source, SocketId(0)) }));
    }

    /// Answers a question about a set with these rows, any other as one who takes no more.
    fn answer(&mut self, millis: u64, (ticket, question): (Ticket, Question), rows: Result<Rows, QueryFault>) {
        let answer = match question {
            Question::Query(_) => Answer::Rows(rows),
            other => other.refused(),
        };
        self.give(millis, Given::Answered(ticket, answer));
    }
}

fn node(config: &str, seed: u64) -> Driven {
    node_of(&root().join("configs").join(config).join("kamailio.cfg"), seed)
}

/// A node that runs this config.
pub(super) fn node_of(path: &Path, seed: u64) -> Driven {
    let (mut sources, mut found) = (Sources::default(), Vec::new());
    let extensions = Extensions::default();
    let config = load(path, &Disk, &Additions::default(), MODULES, extensions, &mut sources, &mut found);
    let started = config.start(Some(&mut Canned), &mut found);
    assert!(!has_errors(&found), "{}", render::human(&sources, &found, false));
    let sockets = Sockets {
        list: vec![Socket {
            transport: Transport::Udp,
            address: "198.51.100.1:5060".parse().unwrap(),
            advertise: None,
            name: None,
        }],
        ..Sockets::default()
    };
    let core = Core {
        settings: Arc::new(started.settings),
        extensions,
        sockets: Arc::new(sockets),
        random: Random::repeatable(seed),
        regexes: Default::default(),
        meter: Default::default(),
        reported: Default::default(),
        log: Vec::new(),
        commands: Vec::new(),
        trace: None,
        counters: Default::default(),
        zone: jiff::tz::TimeZone::UTC,
        memory: || Memory { total: 64 << 20, free: 32 << 20 },
        modules: Arc::from(started.states),
    };
    Driven { node: Node::new(config.program.clone(), core, true, now(0)), kept: Kept::default() }
}

fn now(millis: u64) -> Now {
    Now { tick: Tick::from_micros(millis * 1000), unix: Duration::from_millis(1_700_000_000_000 + millis) }
}

/// Requests of a call in all states, replies among them, and the fixtures.
fn messages() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for method in ["INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "NOTIFY"] {
        for (to, route) in [("", ""), (";tag=b", "Route: <sip:198.51.100.1;lr;ftag=a>\r\n")] {
            all.push(
                format!(
                    "{method} sip:bob@tenant1.example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-x;rport\r\n\
                     {route}Max-Forwards: 70\r\nFrom: <sip:alice@tenant1.example.com>;tag=a\r\nTo: <sip:bob@tenant1.example.com>{to}\r\n\
                     Call-ID: call@x\r\nCSeq: 1 {method}\r\nContact: <sip:alice@192.0.2.1:5060>\r\nExpires: 60\r\nContent-Length: 0\r\n\r\n"
                )
                .into_bytes(),
            );
        }
    }
    for entry in std::fs::read_dir(root().join("fixtures/messages")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            all.push(std::fs::read(path).unwrap());
        }
    }
    all
}

#[derive(Clone, Debug)]
enum Step {
    /// One of the messages, with bytes changed.
    Send { which: usize, changes: Vec<(usize, u8)>, cut: Option<usize> },
    /// The node's own last packet comes back: as it is, or as a reply with this code.
    Echo(Option<u16>),
    /// The oldest query is answered: with rows, without, or not at all.
    Answer(u8),
    /// Time passes.
    Wait(u32),
}

fn step() -> impl Strategy<Value = Step> {
    let changes = prop::collection::vec((0..2000usize, any::<u8>()), 0..4);
    prop_oneof![
        6 => (any::<usize>(), changes, prop::option::weighted(0.1, 0..900usize))
            .prop_map(|(which, changes, cut)| Step::Send { which, changes, cut }),
        4 => prop::option::of(100..700u16).prop_map(Step::Echo),
        4 => (0..3u8).prop_map(Step::Answer),
        2 => (0..40_000u32).prop_map(Step::Wait),
    ]
}

fn reply_to(packet: &[u8], code: u16) -> Option<Vec<u8>> {
    let message = Message::parse(Bytes::copy_from_slice(packet)).ok().filter(Message::is_request)?;
    Some(alanui::sip::Reply { code, reason: b"Answer", to_tag: Some(b"c"), ..Default::default() }.to_bytes(&message))
}

fn play(config: &str, steps: &[Step], messages: &[Vec<u8>]) {
    let mut node = node(config, 1);
    let (mut millis, mut questions, mut last) = (0u64, Vec::<(Ticket, Question)>::new(), Bytes::new());
    for step in steps {
        match step {
            Step::Send { which, changes, cut } => {
                let mut bytes = messages[which % messages.len()].clone();
                for (at, byte) in changes {
                    let length = bytes.len();
                    bytes[at % length] = *byte;
                }
                bytes.truncate(cut.unwrap_or(bytes.len()));
                node.receive(millis, bytes.into());
            }
            Step::Echo(None) => node.receive(millis, last.clone()),
            Step::Echo(Some(code)) => {
                if let Some(reply) = reply_to(&last, *code) {
                    node.receive(millis, reply.into());
                }
            }
            Step::Answer(how) if !questions.is_empty() => {
                let rows = match how {
                    0 => {
                        Ok(Rows { columns: vec![Bytes::from_static(b"dispatcher_setid")], cells: vec![Value::Int(10)] })
                    }
                    1 => Ok(Rows { columns: vec![Bytes::from_static(b"dispatcher_setid")], cells: Vec::new() }),
                    _ => Err(QueryFault::Locked("busy".to_owned())),
                };
                node.answer(millis, questions.remove(0), rows);
            }
            Step::Answer(_) => {}
            Step::Wait(wait) => {
                millis += u64::from(*wait);
                node.give(millis, Given::Due);
            }
        }
        questions.append(&mut node.kept.questions);
        for packet in node.kept.packets.drain(..) {
            last = packet.bytes;
        }
        node.node.core_mut().log.clear();
    }
    // Every query is answered and time goes by: nothing of all that is left but the node's own pings.
    for _ in 0..200 {
        for question in std::mem::take(&mut questions) {
            node.answer(millis, question, Err(QueryFault::Overloaded));
        }
        millis += 5000;
        node.give(millis, Given::Due);
        node.kept.packets.clear();
        questions.append(&mut node.kept.questions);
    }
    let node = node.node;
    assert!(node.is_idle(), "something still waits for an answer");
    assert!(node.transactions() <= 4, "{} transactions are left", node.transactions());
    let [transactions, parked, queued, _] = node.held().map(|(_, held)| held);
    assert!(transactions.bytes <= node.transactions() * 8192, "{transactions} are left");
    assert_eq!((parked.bytes, queued.bytes), (0, 0), "of what has ended nothing is left");
}

/// INVITEs of 60 kB to a backend that never answers fill a table that is bounded in bytes; once they have ended there is room.
#[test]
fn large_requests_are_refused_once_they_fill_the_memory_they_may() {
    const RETRY_AFTER: &[u8] = b"\r\nRetry-After: 5\r\n";
    let mut node = node("edge-router", 1);
    node.node.limits.bytes = 8 << 20;
    let invite = |call: usize| {
        let body = "x".repeat(60_000);
        Bytes::from(format!(
            "INVITE sip:bob@tenant1.example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-{call};rport\r\nMax-Forwards: 70\r\n\
             From: <sip:alice@tenant1.example.com>;tag=a\r\nTo: <sip:bob@tenant1.example.com>\r\nCall-ID: {call}@x\r\nCSeq: 1 INVITE\r\n\
             Contact: <sip:alice@192.0.2.1:5060>\r\nUser-Agent: phone\r\nContent-Type: text/plain\r\nContent-Length: 60000\r\n\r\n{body}"
        ))
    };
    let send = |node: &mut Driven, call: usize, millis: u64| {
        node.receive(millis, invite(call));
        while let Some(question) = node.kept.questions.pop() {
            let rows = Rows { columns: vec![Bytes::from_static(b"dispatcher_setid")], cells: vec![Value::Int(10)] };
            node.answer(millis, question, Ok(rows));
        }
        let sent: Vec<Bytes> = node.kept.packets.drain(..).map(|packet| packet.bytes).collect();
        let is_refusal = |bytes: &&Bytes| bytes.windows(RETRY_AFTER.len()).any(|part| part == RETRY_AFTER);
        sent.iter().find(is_refusal).cloned()
    };
    let refused = (0..1000).find_map(|call| Some((call, send(&mut node, call, 0)?)));
    let (call, refused) = refused.expect("one that does not fit");
    assert!((30..140).contains(&call), "after {call}");
    assert!(refused.starts_with(b"SIP/2.0 503 "), "{}", String::from_utf8_lossy(&refused));
    let held = node.node.held()[0].1;
    assert!(held.bytes >= 8 << 20 && held.bytes < 9 << 20, "{held}");
    for minute in 1..10 {
        node.give(minute * 60_000, Given::Due);
        node.kept.packets.clear();
    }
    assert_eq!(send(&mut node, 5000, 600_000), None, "there is room");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_node_takes_whatever_comes(steps in prop::collection::vec(step(), 1..60)) {
        let messages = messages();
        play("edge-router", &steps, &messages);
        play("endpoint-tracking", &steps, &messages);
    }
}
