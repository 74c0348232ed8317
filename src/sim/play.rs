//! Plays a scenario.

use super::ladder::ladder;
use super::parse::Reading;
use super::peer::{Packet, Peer};
use super::scenario::{Action, DatabaseMood, PeerId, Scenario};
use super::scene::{Deed, Scene};
use super::server::{Server, Setting};
use super::story::{Entry, Story};
use super::wires::{Arrival, Wires};
use super::world::Stage;
use crate::builtin::{
    Answer, Background, Core, Ending, Errand, Extensions, Module, ModuleId, Query, Reached, Socket, SocketId,
};
use crate::config::has_errors;
use crate::node::{Datagram, EffectId, Node, Transmit};
use crate::script::Program;
use crate::sip::Transport;
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
    /// Where the server listens. A listener on the wildcard has the address of the machine.
    pub listeners: Vec<(Transport, SocketAddr)>,
    /// The listener that each peer uses, by its place.
    pub uses: Vec<SocketId>,
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
    let Some(peers) = peers(scenario, &server, &mut diagnostics) else {
        diagnostics.retain(|found| found.level == crate::source::Level::Error);
        return Err(diagnostics);
    };
    let mut story = Story::new(scenario, server.core.settings.debug, sources);
    for line in &server.log {
        story.log_line(Tick::ZERO, line);
    }
    let now = Now { tick: Tick::ZERO, unix: scenario.clock };
    let play = Play {
        scene: Scene::new(scenario, peers, story),
        program: server.program.clone(),
        settings: server.settings,
        node: Node::new(server.program, server.core, true, now),
        modules: server.modules,
        stage,
        wires: Wires::default(),
        stopped: false,
    };
    Ok(play.all())
}

/// The peers, each with the listener it uses; `None` when the server has none for one of them.
fn peers(scenario: &Scenario, server: &Server, diagnostics: &mut Vec<Diagnostic>) -> Option<Vec<Peer>> {
    let Server { moves, core: Core { sockets, .. }, .. } = server;
    let moved = |place: SocketAddr| moves.iter().find(|(from, _)| *from == place).map_or(place, |(_, to)| *to);
    let first = scenario.stands.first().map(|(_, address)| *address);
    let made = scenario.peers.iter().map(|line| {
        let socket = |test: &dyn Fn(&Socket) -> bool| {
            let fits = |socket: &Socket| socket.transport == line.transport && test(socket);
            sockets.list.iter().position(fits).map(|at| SocketId(at as u16))
        };
        let wanted = line.uses.map(moved).or(first);
        let is_at = |own: SocketAddr, wanted: SocketAddr| {
            own == wanted || own.ip().is_unspecified() && own.port() == wanted.port()
        };
        let used = wanted.and_then(|wanted| socket(&|socket| is_at(socket.address, wanted)));
        match used.or_else(|| socket(&|_| true)) {
            Some(socket) => Some(Peer::new(line, socket)),
            None => {
                let message = format!("the server does not listen by {}, which {} speaks", line.transport, line.name);
                let help =
                    format!("add a line such as listen={}:{}:5060 to the config", line.transport, scenario.machine);
                diagnostics.push(Diagnostic::error("no-listener", message, line.span).help(help));
                None
            }
        }
    });
    // All are looked at, so that each mistake is told.
    made.collect::<Vec<_>>().into_iter().collect()
}

/// A scenario while it is played.
struct Play<'a> {
    scene: Scene<'a>,
    program: Arc<Program>,
    settings: Vec<Setting>,
    node: Node,
    /// The modules, by their place.
    modules: Vec<&'static Module>,
    stage: Stage<'a>,
    wires: Wires,
    /// The server has ended.
    stopped: bool,
}

/// What may happen at one moment before the scenario is given up.
const MOST_AT_ONCE: u32 = 10_000;

impl Play<'_> {
    fn all(mut self) -> Played {
        let scenario = self.scene.scenario;
        for step in &scenario.steps {
            self.settle(step.span);
            match self.scene.step(step) {
                Deed::Sends(peer, packet) => self.peer_sends(peer, packet),
                Deed::Host(action) => self.host(action, step.span),
                Deed::Done => {}
            }
            if self.scene.is_stuck() {
                break;
            }
        }
        if let Some(last) = scenario.steps.last() {
            self.settle(last.span);
        }
        let (entries, failures) = (self.scene.story.entries, self.scene.failures);
        let reached = self.node.core.trace.take().map(|trace| trace.reached).unwrap_or_default();
        let (program, settings) = (self.program, self.settings);
        let listener = |socket: &Socket| match socket.address {
            any if any.ip().is_unspecified() => (socket.transport, SocketAddr::new(scenario.machine, any.port())),
            address => (socket.transport, address),
        };
        Played {
            ladder: ladder(scenario, &entries, None),
            entries,
            settings,
            program,
            listeners: self.node.core.sockets.list.iter().map(listener).collect(),
            uses: self.scene.peers.iter().map(|peer| peer.socket).collect(),
            reached,
            failures,
        }
    }

    /// A step that is about the server and its world.
    fn host(&mut self, action: &Action, span: Span) {
        match action {
            Action::Wait(time) => self.advance(self.scene.now.after(*time), span),
            Action::WaitUntil(time) => self.advance(Tick::ZERO.after(*time), span),
            Action::Sql(statement) => match self.stage.first() {
                Some(database) => {
                    let said = database.query(statement, &[]);
                    let changed = database.changes();
                    self.scene.story.sql(self.scene.now, statement, &said, changed);
                }
                None => self.scene.stuck(span, "the scenario has no database".into()),
            },
            Action::Database(mood) => {
                self.stage.mood = *mood;
                let words = match mood {
                    DatabaseMood::Works => "the database works".to_owned(),
                    DatabaseMood::Fails => "the database fails".to_owned(),
                    DatabaseMood::Slow(time) => format!("the database is slow: {}", super::ladder::seconds(*time)),
                };
                self.scene.story.moment(self.scene.now, &words);
            }
            Action::Reload(_) | Action::Rpc(_) | Action::Location { .. } | Action::Stop if self.stopped => {
                self.scene.stuck(span, "the server has ended".into());
            }
            Action::Reload(name) => self.reload(name, span),
            Action::Stop => self.stop(),
            Action::Rpc(command) => {
                if let Some(lines) = self.rpc(command, span) {
                    self.scene.story.command(self.scene.now, command, lines);
                }
            }
            Action::Location { shown, command } => {
                let done = self.rpc(command, span);
                done.into_iter().for_each(|_| self.scene.story.moment(self.scene.now, shown));
            }
            Action::Relay(line) => {
                self.stage.relays.set(line.clone());
                self.scene.story.relay(self.scene.now, line);
            }
            Action::Canned(canned) => self.stage.canned.insert(0, canned.clone()),
            Action::Page(page) => self.stage.pages.insert(0, page.clone()),
            // The peers do all else.
            _ => {}
        }
    }

    fn reload(&mut self, name: &str, span: Span) {
        let at = self.modules.iter().position(|its| its.name == name);
        match at {
            Some(at) => self.reload_module(at),
            None => self.scene.stuck(span, format!("the config loads no module {name}")),
        }
    }

    /// Ends the server: modules write what they kept to be written later, and whatever arrives then is lost.
    fn stop(&mut self) {
        self.scene.story.moment(self.scene.now, "the server ends");
        self.stopped = true;
        let (now, sockets) = (self.time(), self.node.core.sockets.clone());
        for (module, state) in self.modules.iter().zip(self.node.core.modules.clone().iter()) {
            let ended = state.end(&mut Ending { now, sockets: &sockets, world: &mut self.stage });
            for (query, said) in std::mem::take(&mut self.stage.told) {
                self.scene.story.query(self.scene.now, &query, Some(&said));
            }
            if let Err(fault) = ended {
                self.scene.story.moment(self.scene.now, &format!("{}: {fault}", module.name));
            }
        }
    }

    /// A command for operators; gives what it prints, unless it cannot be done.
    fn rpc(&mut self, command: &str, span: Span) -> Option<Vec<String>> {
        let mut words = command.split_whitespace();
        let (name, args) = (words.next().unwrap_or_default(), words.collect::<Vec<&str>>());
        let mut rows =
            self.modules.iter().enumerate().flat_map(|(at, module)| module.rpc.iter().map(move |row| (at, row)));
        let Some((at, row)) = rows.find(|(_, row)| row.name == name) else {
            let known: Vec<&str> = self.modules.iter().flat_map(|module| module.rpc).map(|row| row.name).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            self.scene.stuck(span, format!("the modules of the config have no command {name}; they have {known}"));
            return None;
        };
        let now = self.time();
        let mut background = Background { now, core: &mut self.node.core, module: ModuleId(at as u16) };
        match (row.run)(&mut background, &args) {
            Ok(lines) => {
                // What the command asks the node for is done at once.
                self.node.expire(now);
                self.take_output();
                Some(lines)
            }
            Err(fault) => {
                self.scene.stuck(span, format!("{name}: {fault} ({name} {})", row.usage));
                None
            }
        }
    }

    fn reload_module(&mut self, at: usize) {
        let (Some(Module { name, .. }), Some(state)) = (self.modules.get(at), self.node.core.modules.get(at).cloned())
        else {
            return;
        };
        let words = match state.reload(&mut self.stage) {
            Ok(()) => format!("reload {name}"),
            Err(fault) => format!("reload {name} failed: {}", fault.message),
        };
        self.scene.story.moment(self.scene.now, &words);
    }

    fn peer_sends(&mut self, from: PeerId, packet: Packet) {
        let Ok(near) = self.scene.peer_sends(from, &packet) else { return };
        let arrival = match near {
            Some(peer) => Arrival::Peer { peer, bytes: packet.bytes, socket: packet.socket },
            None => {
                let source = self.scene.peers[from].address;
                Arrival::Server(Datagram { bytes: packet.bytes, source, socket: packet.socket })
            }
        };
        self.sends(arrival);
    }

    /// Gives a packet back that cannot be sent, and of which the server learns that.
    fn server_sends(&mut self, packet: Transmit) -> Option<Transmit> {
        let transport = self.node.core.sockets.transport(packet.socket);
        let is_meant = |peer: &Peer| peer.transport == transport && peer.address == packet.destination;
        let peer = self.scene.peers.iter().position(is_meant);
        // Packets to the server's own address come back in.
        let port = Some(packet.destination.port());
        let target = self.node.core.sockets.listening_on(Some(transport), packet.destination.ip(), port);
        let name = match target {
            Some(_) => "alanui".to_owned(),
            None => packet.destination.to_string(),
        };
        let sent = self.scene.server_sends(peer, &name, &packet.bytes);
        let is_broken = |peer: usize| self.scene.peers.get(peer).is_some_and(|peer| peer.disconnected);
        if transport.is_reliable() && peer.map_or(target.is_none(), is_broken) {
            return Some(packet);
        }
        if let Some(peer) = peer {
            if sent.is_ok() {
                let arrival = Arrival::Peer { peer, bytes: packet.bytes, socket: packet.socket };
                self.sends(arrival);
            }
            return None;
        }
        let own = &self.node.core.sockets;
        if let Some(target) = target {
            let port = own.socket(packet.socket).map_or(5060, |socket| socket.address.port());
            let ip = own.address_towards(packet.socket, packet.destination.ip());
            let datagram = Datagram { bytes: packet.bytes, source: SocketAddr::new(ip, port), socket: target };
            self.sends(Arrival::Server(datagram));
        }
        None
    }

    /// Sends something on its way, perhaps more than once.
    fn sends(&mut self, arrival: Arrival) {
        for at in self.scene.arrivals() {
            self.wires.send(at, arrival.clone());
        }
    }

    /// Lets everything arrive that is under way; timers run meanwhile, but nobody waits for one.
    fn settle(&mut self, span: Span) {
        let mut rounds = 0;
        while let Some(last) = self.wires.last_packet() {
            self.advance(last, span);
            rounds += 1;
            if rounds > MOST_AT_ONCE {
                return self.scene.stuck(span, "messages go round without end".into());
            }
        }
    }

    /// Moves the clock, stopping wherever something is due.
    fn advance(&mut self, until: Tick, span: Span) {
        let mut at_once = 0;
        loop {
            let due = self.node.next().filter(|_| !self.stopped);
            let next = [self.wires.next(), due].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= until) else { break };
            at_once = if next > self.scene.now { 0 } else { at_once + 1 };
            if at_once > MOST_AT_ONCE {
                return self.scene.stuck(span, "the server does not come to rest".into());
            }
            self.set_clock(next.max(self.scene.now));
            match self.wires.arrived(self.scene.now) {
                Some(arrival) => self.arrive(arrival),
                None => {
                    let now = self.time();
                    self.node.expire(now);
                    self.take_output();
                }
            }
        }
        self.set_clock(until.max(self.scene.now));
    }

    fn arrive(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Server(_) | Arrival::Errand(..) | Arrival::Query(..) | Arrival::Told(..) if self.stopped => {}
            Arrival::Server(datagram) => {
                self.scene.story.arrives(&datagram.bytes);
                let now = self.time();
                self.node.receive(now, datagram);
                self.take_output();
            }
            Arrival::Peer { peer, bytes, socket } => {
                let by_hand = self.scene.acknowledges(peer);
                for packet in self.scene.peers[peer].receive(&bytes, socket, by_hand) {
                    self.peer_sends(peer, packet);
                }
            }
            Arrival::Errand(id, found) => {
                self.scene.story.moment(self.scene.now, "nobody has answered");
                let now = self.time();
                self.node.answer(now, id, Answer::Errand(found));
                self.take_output();
            }
            Arrival::Query(id, query) => {
                let said = self.stage.ask(query.connection, &query.statement, &query.parameters);
                self.scene.story.answer(self.scene.now, &said);
                let now = self.time();
                self.node.answer(now, id, Answer::Rows(said));
                self.take_output();
            }
            Arrival::Told(id, queries) => {
                let mut refused = Vec::new();
                for (at, query) in queries.iter().enumerate() {
                    let said = self.stage.ask(query.connection, &query.statement, &query.parameters);
                    self.scene.story.answer(self.scene.now, &said);
                    refused.extend(said.err().map(|fault| (at, fault)));
                }
                let now = self.time();
                self.node.answer(now, id, Answer::Told(refused));
                self.take_output();
            }
        }
    }

    /// Does what the node wants, until it wants nothing.
    fn take_output(&mut self) {
        loop {
            self.take_trace();
            for packet in std::mem::take(&mut self.node.output.packets) {
                if let Some(unsent) = self.server_sends(packet) {
                    self.scene.story.unsent();
                    let now = self.time();
                    self.node.unsent(now, &unsent);
                    self.take_trace();
                }
            }
            if !self.node.output.packets.is_empty() {
                continue;
            }
            for module in std::mem::take(&mut self.node.output.reloads) {
                self.reload_module(usize::from(module.0));
            }
            if self.node.output.aborted {
                self.scene.story.moment(self.scene.now, "the script ends the server: abort()");
                return;
            }
            let queries = std::mem::take(&mut self.node.output.queries);
            let errands = std::mem::take(&mut self.node.output.errands);
            let told = std::mem::take(&mut self.node.output.told);
            if queries.is_empty() && errands.is_empty() && told.is_empty() {
                return;
            }
            for (id, queries) in told {
                self.tell(id, queries);
            }
            for (id, errand) in errands {
                self.errand(id, &errand);
            }
            for (id, query) in queries {
                self.query(id, query);
            }
        }
    }

    fn errand(&mut self, id: EffectId, errand: &Errand) {
        let found = self.stage.errand(errand);
        if let (Errand::Ask(ask), Err(_)) = (errand, &found) {
            self.scene.story.errand(self.scene.now, errand, None);
            return self.wires.send(self.scene.now.after(ask.longest()), Arrival::Errand(id, found));
        }
        self.scene.story.errand(self.scene.now, errand, Some(&found));
        let now = self.time();
        self.node.answer(now, id, Answer::Errand(found));
        self.take_trace();
    }

    fn query(&mut self, id: EffectId, query: Query) {
        if let DatabaseMood::Slow(time) = self.stage.mood {
            self.scene.story.query(self.scene.now, &query, None);
            return self.wires.send(self.scene.now.after(time), Arrival::Query(id, query));
        }
        let said = self.stage.ask(query.connection, &query.statement, &query.parameters);
        self.scene.story.query(self.scene.now, &query, Some(&said));
        let now = self.time();
        self.node.answer(now, id, Answer::Rows(said));
        self.take_trace();
    }

    fn tell(&mut self, id: EffectId, queries: Vec<Query>) {
        if let DatabaseMood::Slow(time) = self.stage.mood {
            queries.iter().for_each(|query| self.scene.story.query(self.scene.now, query, None));
            return self.wires.send(self.scene.now.after(time), Arrival::Told(id, queries));
        }
        let mut refused = Vec::new();
        for (at, query) in queries.iter().enumerate() {
            let said = self.stage.ask(query.connection, &query.statement, &query.parameters);
            self.scene.story.query(self.scene.now, query, Some(&said));
            refused.extend(said.err().map(|fault| (at, fault)));
        }
        let now = self.time();
        self.node.answer(now, id, Answer::Told(refused));
        self.take_trace();
    }

    fn take_trace(&mut self) {
        let log = std::mem::take(&mut self.node.core.log);
        let events = self.node.core.trace.as_mut().map(|trace| std::mem::take(&mut trace.events)).unwrap_or_default();
        self.scene.story.inside(self.scene.now, events, log);
    }

    fn set_clock(&mut self, at: Tick) {
        self.scene.now = at;
        self.stage.calendar.set(self.time().unix);
    }

    fn time(&self) -> Now {
        Now { tick: self.scene.now, unix: self.scene.scenario.clock + self.scene.now.since(Tick::ZERO) }
    }
}
