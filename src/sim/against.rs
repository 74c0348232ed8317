//! The same scenario against a real server: the peers send from real sockets, and only what they see is told.

use super::expect::Expectation;
use super::peer::{Packet, Peer};
use super::scenario::{Action, PeerId, Scenario};
use super::scene::{Deed, Scene};
use super::story::{Entry, Event, Sent, Story};
use crate::builtin::SocketId;
use crate::source::{Diagnostic, Sources, Span};
use crate::time::Tick;
use bytes::Bytes;
use std::time::Duration;

/// The sockets of the peers, and the real clock.
pub trait PeerSockets {
    /// Sends a packet from a peer, by its place in the scenario, to the server.
    ///
    /// # Errors
    /// Says why it cannot be sent.
    fn send(&mut self, peer: usize, bytes: &Bytes) -> Result<(), String>;

    /// Waits for a packet to any of the peers, at most this long.
    fn receive(&mut self, within: Duration) -> Option<(usize, Bytes)>;

    /// The time since the start.
    fn now(&self) -> Tick;

    /// Letters and digits that no other run has.
    fn mark(&self) -> String;
}

/// How long nothing comes until everything that was under way has arrived: shorter than T1 (RFC 3261 section 17.1.1.1).
const QUIET: Duration = Duration::from_millis(200);

/// Plays a scenario against whoever is at the other end of the wire. What is about the insides of the server, such as SQL or log lines, is left
/// out.
pub fn against(scenario: &Scenario, wire: &mut dyn PeerSockets, sources: &Sources) -> (Vec<Entry>, Vec<Diagnostic>) {
    let peers = scenario.peers.iter().map(|line| Peer::new(line, SocketId::default())).collect();
    let scene = Scene::new(scenario, peers, Story::new(scenario, 0, sources));
    let marked = format!("{}{}-", String::from_utf8_lossy(COOKIE), wire.mark());
    let mut live = Live { scene, wire, marked };
    for step in &scenario.steps {
        live.settle(step.span);
        if matches!(step.action, Action::Expect(Expectation::Log(_) | Expectation::NoLog(_))) {
            continue;
        }
        match live.scene.step(step) {
            Deed::Sends(peer, packet) => live.peer_sends(peer, packet, step.span),
            Deed::Host(Action::Wait(time)) => live.wait(live.scene.now.after(*time), step.span),
            Deed::Host(Action::WaitUntil(time)) => live.wait(Tick::ZERO.after(*time), step.span),
            Deed::Host(_) | Deed::Done => {}
        }
        if live.scene.is_stuck() {
            break;
        }
    }
    live.settle(scenario.steps.last().map_or(scenario.config_span, |step| step.span));
    (live.scene.story.entries, live.scene.failures)
}

struct Live<'a> {
    scene: Scene<'a>,
    wire: &'a mut dyn PeerSockets,
    /// What the peers' branches begin with on the wire: the server may remember those of another run for half a minute.
    marked: String,
}

/// What the branches of peers begin with.
const COOKIE: &[u8] = b"z9hG4bK-";

/// Bytes with one text in place of another.
fn replaced(bytes: &Bytes, from: &[u8], to: &[u8]) -> Bytes {
    let (mut made, mut told) = (Vec::with_capacity(bytes.len() + 64), 0);
    for at in memchr::memmem::find_iter(bytes, from) {
        made.extend_from_slice(bytes.get(told..at).unwrap_or_default());
        made.extend_from_slice(to);
        told = at + from.len();
    }
    made.extend_from_slice(bytes.get(told..).unwrap_or_default());
    Bytes::from(made)
}

impl Live<'_> {
    fn peer_sends(&mut self, from: PeerId, packet: Packet, span: Span) {
        self.scene.now = self.wire.now();
        match self.scene.peer_sends(from, &packet) {
            Ok(Some(near)) => self.peer_gets(near, &packet.bytes, span),
            Ok(None) => {
                self.scene.story.arrives(&packet.bytes);
                let bytes = replaced(&packet.bytes, COOKIE, self.marked.as_bytes());
                if let Err(fault) = self.wire.send(from, &bytes) {
                    self.scene.stuck(span, fault);
                }
            }
            Err(_) => {}
        }
    }

    fn peer_gets(&mut self, peer: PeerId, bytes: &Bytes, span: Span) {
        let by_hand = self.scene.acknowledges(peer);
        for packet in self.scene.peers[peer].receive(bytes, SocketId::default(), by_hand) {
            self.peer_sends(peer, packet, span);
        }
    }

    fn take(&mut self, peer: PeerId, bytes: Bytes, span: Span) {
        self.scene.now = self.wire.now();
        let bytes = replaced(&bytes, self.marked.as_bytes(), COOKIE);
        if self.scene.server_sends(Some(peer), "", &bytes).is_ok() {
            self.peer_gets(peer, &bytes, span);
        }
    }

    /// Lets everything arrive that is under way.
    fn settle(&mut self, span: Span) {
        while let Some((peer, bytes)) = self.wire.receive(QUIET) {
            self.take(peer, bytes, span);
        }
        self.scene.now = self.wire.now();
    }

    fn wait(&mut self, until: Tick, span: Span) {
        loop {
            let left = until.since(self.wire.now());
            if left.is_zero() {
                return;
            }
            if let Some((peer, bytes)) = self.wire.receive(left) {
                self.take(peer, bytes, span);
            }
        }
    }
}

/// What was decided, without times and copies: what left the server between two lines of the scenario, peer by peer. Two servers that decide
/// alike give the same text.
pub fn decisions(entries: &[Entry]) -> String {
    let (mut text, mut batch) = (String::new(), Vec::new());
    for entry in entries {
        match &entry.event {
            Event::Gap => told(&mut batch, &mut text),
            Event::Note(note) => {
                told(&mut batch, &mut text);
                text.push_str(&format!("== {note}\n\n"));
            }
            Event::Message(sent) if !sent.again => batch.push(&**sent),
            _ => {}
        }
    }
    told(&mut batch, &mut text);
    text
}

fn told(batch: &mut Vec<&Sent>, text: &mut String) {
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
