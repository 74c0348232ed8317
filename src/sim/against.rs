//! The same scenario against a real server: the peers send from real sockets, and only what they see is told.

use super::Played;
use super::expect::Expectation;
use super::peer::{Packet, Peer};
use super::scenario::{Action, PeerId, Scenario};
use super::scene::{Scene, StepEffect};
use crate::builtin::SocketId;
use crate::sip::Transport;
use crate::source::{Diagnostic, Sources, Span};
use crate::story::{Entry, Event, Sent, Story, renumbered};
use crate::time::Tick;
use bytes::Bytes;
use jiff::tz::TimeZone;
use std::net::SocketAddr;
use std::time::Duration;

/// The sockets of the peers, and the real clock.
pub trait PeerSockets {
    /// Sends a message from a peer, by its place in the scenario, to an address of the server.
    ///
    /// # Errors
    /// Says why it cannot be sent.
    fn send(&mut self, peer: usize, to: SocketAddr, bytes: &Bytes) -> Result<(), String>;

    /// Waits for a message to any of the peers, at most this long; gives to whom it is and where it came from.
    fn receive(&mut self, within: Duration) -> Option<(usize, SocketAddr, Bytes)>;

    /// Breaks the connections of a peer, which takes none until it sends something.
    fn disconnect(&mut self, peer: usize);

    /// The time since the start.
    fn now(&self) -> Tick;

    /// Letters and digits that no other run has.
    fn mark(&self) -> String;
}

/// How long nothing comes until everything that was under way has arrived: shorter than T1 (RFC 3261 section 17.1.1.1).
const QUIET: Duration = Duration::from_millis(200);

/// How long is waited at most for as many messages as came in memory: a busy server takes its time.
const PATIENCE: Duration = Duration::from_secs(3);

/// Far ends that are told apart beside the server's listeners: more than connections that are kept.
const MOST_PLACES: usize = 4096;

/// Plays a scenario against whoever is at the other end of the wire, as it was played in memory. What is about the insides of the server is left out:
/// see [`left_out`].
pub fn against(
    scenario: &Scenario,
    played: &Played,
    wire: &mut dyn PeerSockets,
    sources: &Sources,
) -> (Vec<Entry>, Vec<Diagnostic>) {
    let used = played.uses.iter().copied().chain(std::iter::repeat(SocketId::default()));
    let peers = scenario.peers.iter().zip(used).map(|(line, socket)| Peer::new(line, socket)).collect();
    let scene = Scene::new(scenario, peers, Story::new(scenario.calls(), 0, sources));
    let marked = format!("{}{}-", String::from_utf8_lossy(COOKIE), wire.mark());
    let expected = played.entries.split(is_gap).map(|batch| came(scenario, batch)).collect();
    let (places, listeners) = (played.listeners.clone(), played.listeners.len());
    let mut live = Live { scene, wire, marked, expected, places, listeners };
    for step in &scenario.steps {
        live.settle(step.span);
        if matches!(step.action, Action::Expect(Expectation::Log(_) | Expectation::NoLog(_))) {
            continue;
        }
        match live.scene.step(step) {
            StepEffect::Sends(peer, packet) => live.peer_sends(peer, packet, step.span),
            StepEffect::Wait(until) => live.wait(until, step.span),
            StepEffect::Host(_) | StepEffect::Done => {}
        }
        if live.scene.is_stuck() {
            break;
        }
        if let Action::Disconnect(peer) = step.action {
            live.wire.disconnect(peer);
        }
    }
    live.settle(scenario.steps.last().map_or(scenario.config_span, |step| step.span));
    (live.scene.story.entries, live.scene.failures)
}

/// Whether a step is about the insides of the server or what it asks others, which nobody can see or set from outside.
fn is_inside(action: &Action) -> bool {
    matches!(action, Action::Expect(Expectation::Log(_) | Expectation::NoLog(_)) | Action::Host(_))
}

/// What of a scenario is not played against a real server: what it says of the stage, and lines that are about the insides of the server.
pub fn left_out(scenario: &Scenario, sources: &Sources) -> Vec<String> {
    let stage = [
        ("the clock that it sets", scenario.clock != Scenario::CLOCK),
        ("the time zone that it sets", scenario.zone != TimeZone::UTC),
        ("what its DNS knows", !scenario.records.is_empty()),
        ("the databases that it makes", !scenario.databases.is_empty()),
        ("the files that it puts in the place of others", !scenario.files.is_empty()),
        ("what its databases answer", !scenario.canned.is_empty()),
        ("what its servers of HTTP answer", !scenario.pages.is_empty()),
        ("copies and jitter of its wires", scenario.faults.doubled > 0 || !scenario.faults.jitter.is_zero()),
    ];
    let stage = stage.iter().filter(|(_, is)| *is).map(|(what, _)| (*what).to_owned());
    let steps = scenario.steps.iter().filter(|step| is_inside(&step.action)).map(|step| {
        let text = String::from_utf8_lossy(sources.slice(step.span));
        let (line, _) = sources.line_column(step.span.file, step.span.start);
        format!("line {line}: {}", text.lines().next().unwrap_or_default())
    });
    stage.chain(steps).collect()
}

struct Live<'a> {
    scene: Scene<'a>,
    wire: &'a mut dyn PeerSockets,
    /// What the peers' branches begin with on the wire: the server may remember those of another run for half a minute.
    marked: String,
    /// How many messages the peers got in memory, between each two lines of the scenario.
    expected: Vec<usize>,
    /// Where the peers' messages go to, by the socket that they name: the server's listeners, then the far ends of connections that it opened.
    places: Vec<(Transport, SocketAddr)>,
    /// How many of them are listeners.
    listeners: usize,
}

/// What the branches of peers begin with.
const COOKIE: &[u8] = b"z9hG4bK-";

/// Bytes with one text in place of another.
fn replaced(bytes: &Bytes, from: &[u8], to: &[u8]) -> Bytes {
    let (mut made, mut copied) = (Vec::with_capacity(bytes.len() + 64), 0);
    for at in memchr::memmem::find_iter(bytes, from) {
        made.extend_from_slice(bytes.get(copied..at).unwrap_or_default());
        made.extend_from_slice(to);
        copied = at + from.len();
    }
    made.extend_from_slice(bytes.get(copied..).unwrap_or_default());
    Bytes::from(made)
}

impl Live<'_> {
    fn peer_sends(&mut self, from: PeerId, packet: Packet, span: Span) {
        self.scene.now = self.wire.now();
        match self.scene.peer_sends(from, &packet) {
            Ok(Some(near)) => {
                let socket = self.scene.peers[near].socket;
                self.peer_gets(near, &packet.bytes, socket, span);
            }
            Ok(None) => {
                self.scene.story.arrives(&packet.bytes);
                let bytes = replaced(&packet.bytes, COOKIE, self.marked.as_bytes());
                if let Err(fault) = self.send(from, packet.socket, &bytes) {
                    self.scene.stuck(span, fault);
                }
            }
            Err(_) => {}
        }
    }

    /// Sends to the place that the packet names, which is where a request came from when it answers one; to the peer's own listener when that is gone.
    fn send(&mut self, from: PeerId, socket: SocketId, bytes: &Bytes) -> Result<(), String> {
        let (asked, own) = (usize::from(socket.0), usize::from(self.scene.peers[from].socket.0));
        let place = |at: usize| self.places.get(at).map(|(_, place)| *place).ok_or("the server does not listen there");
        let (first, second) = (place(asked)?, place(own)?);
        match self.wire.send(from, first, bytes) {
            Err(_) if asked >= self.listeners => self.wire.send(from, second, bytes),
            sent => sent,
        }
    }

    fn peer_gets(&mut self, peer: PeerId, bytes: &Bytes, socket: SocketId, span: Span) {
        let by_hand = self.scene.acknowledges(peer);
        let sent = self.scene.peers[peer].receive(bytes, socket, by_hand);
        self.scene.tell_puzzled(peer);
        for packet in sent {
            self.peer_sends(peer, packet, span);
        }
    }

    fn take(&mut self, peer: PeerId, from: SocketAddr, bytes: Bytes, span: Span) {
        self.scene.now = self.wire.now();
        let bytes = replaced(&bytes, self.marked.as_bytes(), COOKIE);
        if self.scene.server_sends(Some(peer), "", &bytes).is_ok() {
            let socket = self.socket(peer, from);
            self.peer_gets(peer, &bytes, socket, span);
        }
    }

    /// The place that a message to a peer came from.
    fn socket(&mut self, peer: PeerId, from: SocketAddr) -> SocketId {
        let Peer { transport, socket, .. } = self.scene.peers[peer];
        let known = self.places.iter().position(|place| *place == (transport, from));
        match known {
            Some(at) => SocketId(at as u16),
            // Datagrams are answered where the server listens, whatever they come from.
            None if transport == Transport::Udp || self.places.len() >= MOST_PLACES => socket,
            None => {
                self.places.push((transport, from));
                SocketId((self.places.len() - 1) as u16)
            }
        }
    }

    /// Lets everything arrive that is under way.
    fn settle(&mut self, span: Span) {
        let deadline = self.wire.now().after(PATIENCE);
        loop {
            let left = if self.lacks() { deadline.since(self.wire.now()) } else { QUIET };
            let Some((peer, from, bytes)) = self.wire.receive(left.max(QUIET)) else { break };
            self.take(peer, from, bytes, span);
        }
        self.scene.now = self.wire.now();
    }

    /// Whether fewer messages have come since the last line of the scenario than in memory.
    fn lacks(&self) -> bool {
        let entries = &self.scene.story.entries;
        let lines = entries.iter().filter(|entry| is_gap(entry)).count();
        let batch = entries.rsplit(is_gap).next().unwrap_or_default();
        self.expected.get(lines).is_some_and(|expected| came(self.scene.scenario, batch) < *expected)
    }

    fn wait(&mut self, until: Tick, span: Span) {
        loop {
            let left = until.since(self.wire.now());
            if left.is_zero() {
                return;
            }
            if let Some((peer, from, bytes)) = self.wire.receive(left) {
                self.take(peer, from, bytes, span);
            }
        }
    }
}

fn is_gap(entry: &Entry) -> bool {
    matches!(entry.event, Event::Gap)
}

/// How many messages came to peers from the server, copies left out.
fn came(scenario: &Scenario, entries: &[Entry]) -> usize {
    let came = entries.iter().filter(|entry| match &entry.event {
        Event::Message(sent) => {
            !sent.again && !sent.unsent && sent.from == "alanui" && scenario.peer(&sent.to).is_some()
        }
        _ => false,
    });
    came.count()
}

/// What was decided, without times and copies: what left the server for the peers of the scenario between two of its lines, peer by peer. Two servers
/// that decide alike give the same text. Nobody sees what goes to somebody else, or cannot be sent.
pub fn decisions(scenario: &Scenario, entries: &[Entry]) -> String {
    let (mut text, mut batch) = (String::new(), Vec::new());
    let is_seen = |sent: &Sent| [&sent.from, &sent.to].iter().any(|name| scenario.peer(name).is_some());
    for entry in entries {
        match &entry.event {
            Event::Gap => write_batch(&mut batch, &mut text),
            Event::Note(note) => {
                write_batch(&mut batch, &mut text);
                text.push_str(&format!("== {note}\n\n"));
            }
            Event::Message(sent) if !sent.again && !sent.unsent && is_seen(sent) => batch.push(&**sent),
            _ => {}
        }
    }
    write_batch(&mut batch, &mut text);
    renumbered(&text)
}

fn write_batch(batch: &mut Vec<&Sent>, text: &mut String) {
    if batch.is_empty() {
        return;
    }
    // Which of two peers is sent to first says nothing.
    batch.sort_by_key(|sent| (sent.from == "alanui", sent.to.clone()));
    for sent in batch.drain(..) {
        text.push_str(&format!("{} -> {}  {}\n", sent.from, sent.to, sent.title));
        sent.changes.iter().for_each(|line| text.push_str(&format!("  {line}\n")));
    }
    text.push('\n');
}
