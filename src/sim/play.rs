//! Plays a scenario.

use super::ladder::ladder;
use super::parse::Reading;
use super::peer::{Packet, Peer};
use super::scenario::{Action, DatabaseMood, PeerId, Scenario, Step};
use super::server::Setting;
use super::story::{Entry, Event, Story};
use super::wires::{Arrival, Wires};
use super::world::Stage;
use crate::builtin::{Answer, Extensions, Module, Query, Reached, SocketId};
use crate::config::has_errors;
use crate::node::{Datagram, EffectId, Node, Transmit};
use crate::script::Program;
use crate::sip::Message;
use crate::source::{Diagnostic, Sources, Span};
use crate::time::{Now, Tick};
use std::net::SocketAddr;
use std::sync::Arc;

/// What came of playing a scenario.
#[derive(Debug)]
pub struct Played {
    /// What happened.
    pub entries: Vec<Entry>,
    /// The same as the text that is accepted.
    pub ladder: String,
    /// The parameters of modules that the config sets.
    pub settings: Vec<Setting>,
    /// The program that the config became.
    pub program: Arc<Program>,
    /// What of it ran.
    pub reached: Reached,
    /// Expectations of the scenario that were not met, and steps that could not be taken.
    pub failures: Vec<Diagnostic>,
}

/// Plays a scenario with these modules.
///
/// # Errors
/// What is wrong with the config or a database of the scenario; nothing was played.
pub fn play(
    scenario: &Scenario,
    reading: &Reading,
    modules: &'static [&'static Module],
    strict: bool,
    sources: &mut Sources,
) -> Result<Played, Vec<Diagnostic>> {
    let extensions = if strict || scenario.strict { Extensions::STRICT } else { Extensions::default() };
    let mut diagnostics = Vec::new();
    let mut stage = Stage::new(scenario, reading.files, &mut diagnostics);
    if has_errors(&diagnostics) {
        return Err(diagnostics);
    }
    let server = super::server::start(scenario, &mut stage, reading, modules, extensions, sources, &mut diagnostics);
    if has_errors(&diagnostics) {
        diagnostics.retain(|found| found.level == crate::source::Level::Error);
        return Err(diagnostics);
    }
    let socket_of = |address: &SocketAddr| {
        let list = &server.core.sockets.list;
        list.iter().position(|socket| socket.address == *address).map(|at| SocketId(at as u16))
    };
    let peers: Vec<Peer> = scenario
        .peers
        .iter()
        .map(|line| Peer::new(line, line.uses.as_ref().and_then(socket_of).unwrap_or_default()))
        .collect();
    let mut story = Story::new(scenario, server.core.settings.debug, sources);
    for line in &server.log {
        story.log_line(Tick::ZERO, line);
    }
    let now = Now { tick: Tick::ZERO, unix: scenario.clock };
    let program = server.program.clone();
    let play = Play {
        scenario,
        program,
        settings: server.settings,
        node: Node::new(server.program, server.core, true, now),
        modules: server.modules,
        stage,
        peers,
        wires: Wires::default(),
        now: Tick::ZERO,
        story,
        losses: Vec::new(),
        failures: Vec::new(),
        recent: Vec::new(),
        focus: None,
        asker: None,
        log_looked: 0,
    };
    Ok(play.all())
}

/// A scenario while it is played.
pub(super) struct Play<'a> {
    scenario: &'a Scenario,
    program: Arc<Program>,
    settings: Vec<Setting>,
    node: Node,
    /// Names of the modules, by their place.
    modules: Vec<&'static str>,
    stage: Stage<'a>,
    pub(super) peers: Vec<Peer>,
    wires: Wires,
    now: Tick,
    pub(super) story: Story<'a>,
    /// Packets to lose: whose, whether those to the peer, and how many.
    losses: Vec<(PeerId, bool, u32)>,
    pub(super) failures: Vec<Diagnostic>,
    /// What left the server since the scenario's last line that is no expectation, and to whom.
    pub(super) recent: Vec<(String, Message)>,
    /// The message that the last expectation spoke of.
    pub(super) focus: Option<Message>,
    /// Who sent the last request.
    pub(super) asker: Option<PeerId>,
    /// How many log lines the scenario has looked at.
    pub(super) log_looked: usize,
}

/// What may happen at one moment before the scenario is given up.
const MOST_AT_ONCE: u32 = 10_000;

impl Play<'_> {
    fn all(mut self) -> Played {
        for step in &self.scenario.steps {
            self.settle(step.span);
            if !matches!(step.action, Action::Expect(_)) {
                (self.focus, self.recent) = (None, Vec::new());
                self.story.tell(self.now, Event::Gap);
            }
            self.step(step);
            if self.failures.iter().any(|failure| failure.code == "stuck-scenario") {
                break;
            }
        }
        if let Some(last) = self.scenario.steps.last() {
            self.settle(last.span);
        }
        let entries = self.story.entries;
        let reached = self.node.core.trace.take().map(|trace| trace.reached).unwrap_or_default();
        let (program, failures) = (self.program, self.failures);
        Played {
            ladder: ladder(self.scenario, &entries, None),
            entries,
            settings: self.settings,
            program,
            reached,
            failures,
        }
    }

    fn step(&mut self, step: &Step) {
        match &step.action {
            Action::Send(peer, sending) => match self.peers[*peer].send(sending) {
                Ok(packet) => {
                    self.asker = Some(*peer);
                    self.peer_sends(*peer, packet);
                }
                Err(fault) => self.stuck(step.span, fault),
            },
            Action::Answer(peer, answering) => match self.peers[*peer].answer(answering) {
                Ok(packet) => self.peer_sends(*peer, packet),
                Err(fault) => self.stuck(step.span, fault),
            },
            Action::SendVerbatim(peer, bytes) => {
                let socket = self.peers[*peer].socket;
                self.asker = Some(*peer);
                self.peer_sends(*peer, Packet { bytes: bytes.clone(), next_hop: None, socket });
            }
            Action::Always(peer, method, codes) => {
                let always = &mut self.peers[*peer].always;
                always.retain(|(its, _)| its != method);
                always.push((method.clone(), codes.clone()));
            }
            Action::Silent(peer) => self.peers[*peer].always.clear(),
            Action::Wait(time) => self.advance(self.now.after(*time), step.span),
            Action::WaitUntil(time) => self.advance(Tick::ZERO.after(*time), step.span),
            Action::Expect(expectation) => self.expect(expectation, step.span),
            Action::Lose { peer, to_peer, count } => self.losses.push((*peer, *to_peer, *count)),
            Action::Sql(statement) => match self.stage.first() {
                Some(database) => {
                    let said = database.query(statement, &[]);
                    let changed = database.changes();
                    self.story.sql(self.now, statement, &said, changed);
                }
                None => self.stuck(step.span, "the scenario has no database".into()),
            },
            Action::Database(mood) => {
                self.stage.mood = *mood;
                let words = match mood {
                    DatabaseMood::Works => "the database works".to_owned(),
                    DatabaseMood::Fails => "the database fails".to_owned(),
                    DatabaseMood::Slow(time) => format!("the database is slow: {}", super::ladder::seconds(*time)),
                };
                self.story.moment(self.now, &words);
            }
            Action::Reload(name) => self.reload(name, step.span),
            Action::Show(detail) => self.story.tell(self.now, Event::Show(*detail)),
            Action::Note(text) => self.story.tell(self.now, Event::Note(text.clone())),
        }
    }

    fn stuck(&mut self, span: Span, fault: String) {
        self.failures.push(Diagnostic::error("stuck-scenario", fault, span).note(format!(
            "at {} of the scenario; see its ladder for what happened before",
            super::ladder::stamp(self.now)
        )));
    }

    fn reload(&mut self, name: &str, span: Span) {
        let at = self.modules.iter().position(|its| *its == name);
        match at {
            Some(at) => self.reload_module(at),
            None => self.stuck(span, format!("the config loads no module {name}")),
        }
    }

    fn reload_module(&mut self, at: usize) {
        let (Some(name), Some(state)) = (self.modules.get(at), self.node.core.modules.get(at).cloned()) else { return };
        let words = match state.reload(&mut self.stage) {
            Ok(()) => format!("reload {name}"),
            Err(fault) => format!("reload {name} failed: {}", fault.message),
        };
        self.story.moment(self.now, &words);
    }

    /// Sends a packet of a peer: to another peer when SIP's rules name one, else to the server.
    fn peer_sends(&mut self, from: PeerId, packet: Packet) {
        let lost = self.loses(from, false);
        let near = packet.next_hop.as_ref().and_then(|(host, port)| {
            let address = SocketAddr::new(host.parse().ok()?, *port);
            self.peers.iter().position(|peer| peer.address == address)
        });
        let name = self.peers[from].name.clone();
        let to = near.map_or("alanui", |near| self.peers[near].name.as_str()).to_owned();
        self.story.peer_sends(self.now, &name, &to, &packet.bytes, lost);
        if lost {
            return;
        }
        let at = self.now.after(self.scenario.latency);
        let arrival = match near {
            Some(peer) => Arrival::Peer { peer, bytes: packet.bytes, socket: packet.socket },
            None => {
                let source = self.peers[from].address;
                Arrival::Server(Datagram { bytes: packet.bytes, source, socket: packet.socket })
            }
        };
        self.wires.send(at, arrival);
    }

    fn server_sends(&mut self, packet: Transmit) {
        let peer = self.peers.iter().position(|peer| peer.address == packet.destination);
        let lost = peer.is_some_and(|peer| self.loses(peer, true));
        // Packets to the server's own address come back in.
        let target = self.node.core.sockets.listening_on(packet.destination.ip(), Some(packet.destination.port()));
        let to = match (peer, target) {
            (Some(peer), _) => self.peers[peer].name.clone(),
            (None, Some(_)) => "alanui".to_owned(),
            (None, None) => packet.destination.to_string(),
        };
        self.story.server_sends(self.now, &to, &packet.bytes, lost);
        if let Ok(message) = Message::parse(packet.bytes.clone()) {
            self.recent.push((to, message));
        }
        if let Some(peer) = peer.filter(|_| !lost) {
            let arrival = Arrival::Peer { peer, bytes: packet.bytes, socket: packet.socket };
            self.wires.send(self.now.after(self.scenario.latency), arrival);
            return;
        }
        let own = &self.node.core.sockets;
        if let (None, Some(target)) = (peer, target) {
            let port = own.socket(packet.socket).map_or(5060, |socket| socket.address.port());
            let ip = own.address_towards(packet.socket, packet.destination.ip());
            let datagram = Datagram { bytes: packet.bytes, source: SocketAddr::new(ip, port), socket: target };
            self.wires.send(self.now.after(self.scenario.latency), Arrival::Server(datagram));
        }
    }

    fn loses(&mut self, peer: PeerId, to_peer: bool) -> bool {
        let loss = self.losses.iter_mut().find(|(its, to, count)| *its == peer && *to == to_peer && *count > 0);
        match loss {
            Some((_, _, count)) => {
                *count -= 1;
                true
            }
            None => false,
        }
    }

    /// Lets everything arrive that is under way; timers run meanwhile, but nobody waits for one.
    fn settle(&mut self, span: Span) {
        let mut rounds = 0;
        while let Some(last) = self.wires.last_packet() {
            self.advance(last, span);
            rounds += 1;
            if rounds > MOST_AT_ONCE {
                return self.stuck(span, "messages go round without end".into());
            }
        }
    }

    /// Moves the clock, stopping wherever something is due.
    fn advance(&mut self, until: Tick, span: Span) {
        let mut at_once = 0;
        loop {
            let next = [self.wires.next(), self.node.next()].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= until) else { break };
            at_once = if next > self.now { 0 } else { at_once + 1 };
            if at_once > MOST_AT_ONCE {
                return self.stuck(span, "the server does not come to rest".into());
            }
            self.set_clock(next.max(self.now));
            match self.wires.arrived(self.now) {
                Some(arrival) => self.arrive(arrival),
                None => {
                    let now = self.time();
                    self.node.expire(now);
                    self.take_output();
                }
            }
        }
        self.set_clock(until.max(self.now));
    }

    fn arrive(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Server(datagram) => {
                self.story.arrives(&datagram.bytes);
                let now = self.time();
                self.node.receive(now, datagram);
                self.take_output();
            }
            Arrival::Peer { peer, bytes, socket } => {
                for packet in self.peers[peer].receive(&bytes, socket) {
                    self.peer_sends(peer, packet);
                }
            }
            Arrival::Query(id, query) => {
                let said = self.stage.ask(query.connection, &query.statement, &query.parameters);
                self.story.answer(self.now, &said);
                let now = self.time();
                self.node.answer(now, id, Answer::Rows(said));
                self.take_output();
            }
        }
    }

    /// Does what the node wants, until it wants nothing.
    fn take_output(&mut self) {
        loop {
            self.take_trace();
            for packet in std::mem::take(&mut self.node.output.packets) {
                self.server_sends(packet);
            }
            for module in std::mem::take(&mut self.node.output.reloads) {
                self.reload_module(usize::from(module.0));
            }
            if self.node.output.aborted {
                self.story.moment(self.now, "the script ends the server: abort()");
                return;
            }
            let queries = std::mem::take(&mut self.node.output.queries);
            let errands = std::mem::take(&mut self.node.output.errands);
            if queries.is_empty() && errands.is_empty() {
                return;
            }
            for (id, errand) in errands {
                let found = self.stage.errand(&errand);
                self.story.errand(self.now, &errand, &found);
                let now = self.time();
                self.node.answer(now, id, Answer::Errand(found));
                self.take_trace();
            }
            for (id, query) in queries {
                self.query(id, query);
            }
        }
    }

    fn query(&mut self, id: EffectId, query: Query) {
        if let DatabaseMood::Slow(time) = self.stage.mood {
            self.story.query(self.now, &query, None);
            return self.wires.send(self.now.after(time), Arrival::Query(id, query));
        }
        let said = self.stage.ask(query.connection, &query.statement, &query.parameters);
        self.story.query(self.now, &query, Some(&said));
        let now = self.time();
        self.node.answer(now, id, Answer::Rows(said));
        self.take_trace();
    }

    fn take_trace(&mut self) {
        let log = std::mem::take(&mut self.node.core.log);
        let events = self.node.core.trace.as_mut().map(|trace| std::mem::take(&mut trace.events)).unwrap_or_default();
        self.story.inside(self.now, events, log);
    }

    fn set_clock(&mut self, at: Tick) {
        self.now = at;
        self.stage.calendar.set(self.time().unix);
    }

    fn time(&self) -> Now {
        Now { tick: self.now, unix: self.scenario.clock + self.now.since(Tick::ZERO) }
    }
}
