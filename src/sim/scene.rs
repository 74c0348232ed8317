//! The peers of a scenario and the story so far: what is the same whether the server is the node in this process or a real one.

use super::peer::{Packet, Peer};
use super::play::Happens;
use super::scenario::{Action, Faults, PeerId, Scenario, Step};
use super::second_reader::disagreement;
use crate::builtin::Random;
use crate::sip::Message;
use crate::source::{Diagnostic, Span};
use crate::story::{Event, Story, stamp, title};
use crate::time::Tick;
use bytes::Bytes;
use std::net::SocketAddr;
use std::time::Duration;

/// The peers of a scenario and the story so far.
pub(super) struct Scene<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) peers: Vec<Peer>,
    pub(super) story: Story<'a>,
    pub(super) now: Tick,
    /// The place of the step that comes next.
    next: usize,
    /// Packets to lose: whose, whether those to the peer, and how many.
    losses: Vec<(PeerId, bool, u32)>,
    pub(super) failures: Vec<Diagnostic>,
    /// The scenario cannot go on, for a reason among the failures.
    over: bool,
    chance: Random,
    /// What left the server since the scenario's last line that is no expectation, and to whom.
    pub(super) recent: Vec<(String, Message)>,
    /// The message that the last expectation spoke of.
    pub(super) focus: Option<Message>,
    /// There is no such message: an expectation that should have found it failed, and what is said of it says nothing more.
    pub(super) missed: bool,
    /// Who sent the last request.
    pub(super) asker: Option<PeerId>,
    /// How many log lines the scenario has looked at.
    pub(super) log_looked: usize,
    /// How many there were before its last line that is no expectation.
    pub(super) log_before: usize,
}

/// What a step of the scenario comes to.
pub(super) enum StepEffect<'a> {
    /// A peer sends a packet.
    Sends(PeerId, Packet),
    /// Nothing more is to be done.
    Done,
    /// Time passes until then.
    Wait(Tick),
    /// It is about the server and its world.
    Host(&'a dyn Happens),
}

impl<'a> Scene<'a> {
    pub(super) fn new(scenario: &'a Scenario, peers: Vec<Peer>, story: Story<'a>) -> Scene<'a> {
        Scene {
            scenario,
            peers,
            story,
            now: Tick::ZERO,
            next: 0,
            losses: Vec::new(),
            failures: Vec::new(),
            over: false,
            // Not that of the server: its choices stay the same when the wires are better.
            chance: Random::repeatable(scenario.seed.rotate_left(32)),
            recent: Vec::new(),
            focus: None,
            missed: false,
            asker: None,
            log_looked: 0,
            log_before: 0,
        }
    }

    /// Takes the next step, after everything that was under way has arrived.
    pub(super) fn step<'s>(&mut self, step: &'s Step) -> StepEffect<'s> {
        let at = self.scenario.steps.iter().position(|its| std::ptr::eq(its, step));
        self.next = at.map_or(self.next, |at| at + 1);
        if !matches!(step.action, Action::Expect(_)) {
            (self.focus, self.recent, self.log_before) = (None, Vec::new(), self.story.log.len());
            self.missed = false;
            self.story.tell(self.now, Event::Gap);
        }
        match &step.action {
            Action::Send(peer, sending) => {
                self.asker = Some(*peer);
                let packet = self.peers[*peer].send(sending);
                return self.sends(*peer, packet, step.span);
            }
            Action::Answer(peer, answering) => {
                let packet = self.peers[*peer].answer(answering);
                return self.sends(*peer, packet, step.span);
            }
            Action::SendVerbatim(peer, bytes) => {
                self.asker = Some(*peer);
                let socket = self.peers[*peer].socket;
                return StepEffect::Sends(*peer, Packet { bytes: bytes.clone(), next_hop: None, socket });
            }
            Action::Always(peer, method, codes) => {
                let always = &mut self.peers[*peer].always;
                always.retain(|(its, _)| its != method);
                always.push((method.clone(), codes.clone()));
            }
            Action::Silent(peer) => self.peers[*peer].always.clear(),
            Action::Disconnect(peer) => self.disconnect(*peer, step.span),
            Action::Expect(expectation) => self.expect(expectation, step.span),
            Action::Lose { peer, to_peer, count } => self.losses.push((*peer, *to_peer, *count)),
            Action::Show(detail) => self.story.tell(self.now, Event::Show(*detail)),
            Action::Note(text) => self.story.tell(self.now, Event::Note(text.clone())),
            Action::Wait(time) => return StepEffect::Wait(self.now.after(*time)),
            Action::WaitUntil(time) => return StepEffect::Wait(Tick::ZERO.after(*time)),
            Action::Host(happens) => return StepEffect::Host(&**happens),
        }
        StepEffect::Done
    }

    /// Whether the scenario goes on with an ACK of this peer, before it begins another call.
    pub(super) fn acknowledges(&self, peer: PeerId) -> bool {
        let steps = self.scenario.steps.get(self.next..).unwrap_or_default();
        let mut sent = steps.iter().filter_map(|step| match &step.action {
            Action::Send(its, sending) if *its == peer => Some((sending.method.as_str(), sending.again)),
            Action::SendVerbatim(its, bytes) if *its == peer && bytes.starts_with(b"ACK ") => Some(("ACK", false)),
            _ => None,
        });
        let next = sent.find(|(method, again)| matches!(*method, "ACK" | "INVITE") && !again);
        next.is_some_and(|(method, _)| method == "ACK")
    }

    fn sends(&mut self, peer: PeerId, packet: Result<Packet, String>, span: Span) -> StepEffect<'static> {
        match packet {
            Ok(packet) => StepEffect::Sends(peer, packet),
            Err(fault) => {
                self.stuck(span, fault);
                StepEffect::Done
            }
        }
    }

    /// Whether the scenario cannot go on.
    pub(super) fn is_stuck(&self) -> bool {
        self.over || self.failures.iter().any(|failure| failure.code == "stuck-scenario")
    }

    pub(super) fn stuck(&mut self, span: Span, fault: String) {
        // What went wrong before is the cause.
        if let Some(cause) = self.failures.pop() {
            let (line, _) = self.story.line_column(span);
            self.failures.push(cause.note(format!("so the scenario cannot go on at its line {line}: {fault}")));
            self.over = true;
            return;
        }
        self.failures.push(
            Diagnostic::error("stuck-scenario", fault, span)
                .note(format!("at {} of the scenario; see its ladder for what happened before", stamp(self.now))),
        );
    }

    /// A packet that a peer sends: to another peer when SIP's rules name one, which is given, else to the server. `Err` when it is lost.
    pub(super) fn peer_sends(&mut self, from: PeerId, packet: &Packet) -> Result<Option<PeerId>, Lost> {
        let lost = self.loses(from, false);
        // It opens a connection.
        self.peers[from].disconnected = false;
        let near = packet.next_hop.as_ref().and_then(|(host, port)| {
            let address = SocketAddr::new(host.parse().ok()?, *port);
            self.peers.iter().position(|peer| peer.address == address)
        });
        let name = self.peers[from].name.clone();
        let to = near.map_or("alanui", |near| self.peers[near].name.as_str()).to_owned();
        self.story.peer_sends(self.now, &name, &to, &packet.bytes, lost);
        if lost { Err(Lost) } else { Ok(near) }
    }

    /// Tells of a challenge that a peer could not answer.
    pub(super) fn tell_puzzled(&mut self, peer: PeerId) {
        if let Some(fault) = self.peers[peer].puzzled.take() {
            let words = format!("{} cannot answer: {fault}", self.peers[peer].name);
            self.story.moment(self.now, &words);
        }
    }

    /// The connections of a peer break.
    fn disconnect(&mut self, peer: PeerId, span: Span) {
        let Peer { name, transport, .. } = &self.peers[peer];
        if !transport.is_reliable() {
            let fault = format!("{name} speaks {transport}, which has no connections");
            return self.stuck(span, fault);
        }
        let words = format!("{name} disconnects");
        self.story.moment(self.now, &words);
        self.peers[peer].disconnected = true;
    }

    /// A packet that the server sends, to a peer or to somebody of this name. `Err` when it is lost.
    pub(super) fn server_sends(&mut self, peer: Option<PeerId>, name: &str, bytes: &Bytes) -> Result<(), Lost> {
        let lost = peer.is_some_and(|peer| self.peers[peer].disconnected || self.loses(peer, true));
        let to = peer.map_or(name, |peer| self.peers[peer].name.as_str()).to_owned();
        self.story.server_sends(self.now, &to, bytes, lost);
        if let Ok(message) = Message::parse(bytes.clone()) {
            let arrived = self.story.behind(&message);
            if let Some(fault) = arrived.and_then(|arrived| disagreement(&message, arrived)) {
                self.misread(&message, fault);
            }
            self.recent.push((to, message));
        }
        if lost { Err(Lost) } else { Ok(()) }
    }

    /// Another reader finds something else in what the server made.
    fn misread(&mut self, message: &Message, fault: String) {
        let step = self.scenario.steps.get(self.next.saturating_sub(1));
        let span = step.map_or(self.scenario.config_span, |step| step.span);
        let text = format!("a peer may not understand {}", title(message.bytes()));
        self.failures.push(Diagnostic::error("misread-message", text, span).note(fault));
    }

    fn loses(&mut self, peer: PeerId, to_peer: bool) -> bool {
        let loss = self.losses.iter_mut().find(|(its, to, count)| *its == peer && *to == to_peer && *count > 0);
        match loss {
            Some((_, _, count)) => {
                *count -= 1;
                true
            }
            None => self.happens(self.scenario.faults.lost),
        }
    }

    /// When copies of a packet that is sent now arrive.
    pub(super) fn arrivals(&mut self) -> Vec<Tick> {
        let Faults { doubled, jitter, .. } = self.scenario.faults;
        let copies = if self.happens(doubled) { 2 } else { 1 };
        let jitter = u64::try_from(jitter.as_micros()).unwrap_or(u64::MAX);
        let mut arrives = || {
            let late = if jitter == 0 { 0 } else { self.chance.below(jitter) };
            self.now.after(self.scenario.latency + Duration::from_micros(late))
        };
        (0..copies).map(|_| arrives()).collect()
    }

    /// Whether something happens that happens to so many of a thousand packets.
    fn happens(&mut self, share: u64) -> bool {
        share > 0 && self.chance.below(1000) < share
    }
}

/// A packet that never arrives.
pub(super) struct Lost;
