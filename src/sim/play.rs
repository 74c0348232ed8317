//! Plays a scenario.

use super::parse::Reading;
use super::peer::Peer;
use super::scenario::Scenario;
use super::scene::{Scene, StepEffect};
use super::server::{Server, Setting};
use super::surroundings::{Surroundings, Telling};
use super::wires::Arrival;
use super::world::Stage;
use crate::builtin::{Core, Ending, Extensions, Module, Reached, Socket};
use crate::config::has_errors;
use crate::node::Node;
use crate::script::Program;
use crate::sip::Transport;
use crate::source::{Diagnostic, Sources, Span};
use crate::story::{Entry, Story, ladder};
use crate::time::{Now, Tick};
use crate::world::{Answer, Given, RpcCall, SocketId, drive};
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
    let mut story = Story::new(scenario.calls(), server.core.settings.debug, sources);
    for line in &server.log {
        story.log_line(Tick::ZERO, line);
    }
    let now = Now { tick: Tick::ZERO, unix: scenario.clock };
    let scene = Scene::new(scenario, peers, story);
    let play = Play {
        around: Surroundings::new(scene, stage, server.modules, &server.core),
        program: server.program.clone(),
        settings: server.settings,
        node: Node::new(server.program, server.core, true, now),
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

/// Something of a scenario that is about the server and its world: one type beside the word that says it.
pub trait Happens: std::fmt::Debug + Send + Sync {
    /// Does it, for the line at `span`.
    fn happen(&self, play: &mut Play, span: Span);
}

/// A scenario while it is played.
pub struct Play<'a> {
    program: Arc<Program>,
    settings: Vec<Setting>,
    node: Node,
    pub(super) around: Surroundings<'a>,
}

/// What may happen at one moment before the scenario is given up.
const MOST_AT_ONCE: u32 = 10_000;

impl Play<'_> {
    fn all(mut self) -> Played {
        let scenario = self.around.scene.scenario;
        for step in &scenario.steps {
            self.settle(step.span);
            match self.around.scene.step(step) {
                StepEffect::Sends(peer, packet) => self.around.peer_sends(peer, packet),
                StepEffect::Wait(until) => self.advance(until, step.span),
                StepEffect::Host(happens) => happens.happen(&mut self, step.span),
                StepEffect::Done => {}
            }
            self.tell_gone();
            if self.around.scene.is_stuck() {
                break;
            }
        }
        if let Some(last) = scenario.steps.last() {
            self.settle(last.span);
        }
        self.around.end();
        let (entries, failures) = (self.around.scene.story.entries, self.around.scene.failures);
        let reached = self.node.core_mut().trace.take().map(|trace| trace.reached).unwrap_or_default();
        let (program, settings) = (self.program, self.settings);
        let listener = |socket: &Socket| match socket.address {
            any if any.ip().is_unspecified() => (socket.transport, SocketAddr::new(scenario.machine, any.port())),
            address => (socket.transport, address),
        };
        Played {
            ladder: ladder(scenario.names(), &entries, None),
            entries,
            settings,
            program,
            listeners: self.node.core().sockets.list.iter().map(listener).collect(),
            uses: self.around.scene.peers.iter().map(|peer| peer.socket).collect(),
            reached,
            failures,
        }
    }

    /// Whether the server is there; when it has ended the step at `span` cannot be taken.
    pub(super) fn is_running(&mut self, span: Span) -> bool {
        if self.around.stopped {
            self.around.scene.stuck(span, "the server has ended".into());
        }
        !self.around.stopped
    }

    /// Ends the server: modules write what they kept to be written later, and whatever arrives then is lost.
    pub(super) fn stop(&mut self) {
        self.around.moment("the server ends");
        self.around.stopped = true;
        let (now, sockets) = (self.around.time(), self.node.core().sockets.clone());
        let modules = self.around.modules.clone();
        for (module, state) in modules.iter().zip(self.node.core().modules.clone().iter()) {
            let ended = state.end(&mut Ending { now, sockets: &sockets, world: &mut self.around.stage });
            for (query, said) in std::mem::take(&mut self.around.stage.executed) {
                self.around.scene.story.query(self.around.scene.now, &query, Some(&said));
            }
            if let Err(fault) = ended {
                self.around.moment(&format!("{}: {fault}", module.name));
            }
        }
    }

    /// Gives the server a command; what comes of it is told as `telling` says, at once or when it comes.
    pub(super) fn command(&mut self, command: &str, telling: Telling, span: Span) {
        if self.is_running(span) {
            let call = RpcCall::read(command);
            let caller = self.around.call(&call, telling, span);
            self.give(Given::Command(caller, call));
        }
    }

    /// Lets everything arrive that is under way; timers run meanwhile, but nobody waits for one.
    fn settle(&mut self, span: Span) {
        let mut rounds = 0;
        while let Some(last) = self.around.wires.last_packet() {
            self.advance(last, span);
            rounds += 1;
            if rounds > MOST_AT_ONCE {
                return self.around.scene.stuck(span, "messages go round without end".into());
            }
        }
    }

    /// Moves the clock, stopping wherever something is due.
    fn advance(&mut self, until: Tick, span: Span) {
        let mut at_once = 0;
        loop {
            let due = self.node.next().filter(|_| !self.around.stopped);
            let next = [self.around.wires.next(), due].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= until) else { break };
            at_once = if next > self.around.scene.now { 0 } else { at_once + 1 };
            if at_once > MOST_AT_ONCE {
                return self.around.scene.stuck(span, "the server does not come to rest".into());
            }
            self.around.set_clock(next.max(self.around.scene.now));
            match self.around.wires.arrived(self.around.scene.now) {
                Some(arrival) => self.arrive(arrival),
                None => self.give(Given::Due),
            }
        }
        self.around.set_clock(until.max(self.around.scene.now));
    }

    fn arrive(&mut self, arrival: Arrival) {
        let around = &mut self.around;
        match arrival {
            Arrival::Server(_) | Arrival::Silence(..) | Arrival::Question(..) if around.stopped => {}
            Arrival::Server(datagram) => {
                around.scene.story.arrives(&datagram.bytes);
                self.give(Given::Arrived(datagram));
            }
            Arrival::Peer { peer, bytes, socket } => {
                let by_hand = around.scene.acknowledges(peer);
                let sent = around.scene.peers[peer].receive(&bytes, socket, by_hand);
                around.scene.tell_puzzled(peer);
                for packet in sent {
                    around.peer_sends(peer, packet);
                }
            }
            Arrival::Silence(ticket, fault) => {
                around.scene.story.moment(around.scene.now, "nobody has answered");
                self.give(Given::Answered(ticket, Answer::Found(Err(fault))));
            }
            Arrival::Question(ticket, question) => {
                let answer = around.answer_at_last(&question);
                self.give(Given::Answered(ticket, answer));
            }
        }
    }

    /// Gives the server something and does what it wants, with all that follows at once.
    fn give(&mut self, given: Given) {
        let now = self.around.time();
        drive(&mut self.node, &mut self.around, now, given);
        self.tell_gone();
    }

    /// Tells the server of connections that are gone.
    fn tell_gone(&mut self) {
        for flow in self.around.gone() {
            if !self.around.stopped {
                self.give(Given::Gone(flow));
            }
        }
    }
}
