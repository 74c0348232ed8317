//! What surrounds the server in a scenario: peers, wires, databases and the rest of the world.

use super::database::DatabaseMood;
use super::peer::{Packet, Peer};
use super::scenario::PeerId;
use super::scene::Scene;
use super::streams::Streams;
use super::wires::{Arrival, Wires};
use super::world::Stage;
use crate::builtin::{Core, Module, Sockets, State};
use crate::node::Node;
use crate::source::Span;
use crate::time::{Now, Tick};
use crate::world::{
    Answer, Caller, ConnectionId, Datagram, Driver, Flow, Given, ModuleId, Question, RpcCall, RpcFault, RpcReply,
    Server, Service, Ticket, Transmit,
};
use std::net::SocketAddr;
use std::sync::Arc;

/// All but the server.
pub(super) struct Surroundings<'a> {
    pub(super) scene: Scene<'a>,
    pub(super) stage: Stage<'a>,
    pub(super) wires: Wires,
    streams: Streams,
    /// Connections that the server has closed, of which it is not told yet.
    closed: Vec<Flow>,
    /// The server opens no connections: `tcp_no_connect`.
    opens_none: bool,
    /// The modules, by their places, and what they made at start.
    pub(super) modules: Vec<&'static Module>,
    pub(super) states: Arc<[Arc<dyn State>]>,
    pub(super) sockets: Arc<Sockets>,
    /// The server has ended.
    pub(super) stopped: bool,
    /// Commands that were not answered yet.
    commands: Vec<Called>,
    /// How many commands were given.
    calls: u64,
}

/// A command that was given.
struct Called {
    caller: Caller,
    name: String,
    telling: Telling,
    span: Span,
}

/// How the ladder tells of a command that was done.
pub(super) enum Telling {
    /// As this command, with what it printed.
    Command(String),
    /// As this line of the scenario.
    Line(String),
}

impl<'a> Surroundings<'a> {
    /// What surrounds a server with this core.
    pub(super) fn new(scene: Scene<'a>, stage: Stage<'a>, modules: Vec<&'static Module>, core: &Core) -> Self {
        let (states, sockets) = (core.modules.clone(), core.sockets.clone());
        Surroundings {
            scene,
            stage,
            wires: Wires::default(),
            streams: Streams::default(),
            closed: Vec::new(),
            opens_none: core.settings.connections.opens_none,
            modules,
            states,
            sockets,
            stopped: false,
            commands: Vec::new(),
            calls: 0,
        }
    }

    /// Takes note of a command that is given now.
    pub(super) fn call(&mut self, call: &RpcCall, telling: Telling, span: Span) -> Caller {
        let caller = Caller(self.calls);
        self.calls += 1;
        self.commands.push(Called { caller, name: call.name.clone(), telling, span });
        caller
    }

    /// The scenario has ended: a command of which nothing has come yet is its mistake, unless another one explains it.
    pub(super) fn end(&mut self) {
        if let Some(called) = self.commands.first().filter(|_| self.scene.failures.is_empty()) {
            let fault = format!("{} has no answer when the scenario ends: let time pass behind it", called.name);
            self.scene.stuck(called.span, fault);
        }
    }

    /// The present.
    pub(super) fn time(&self) -> Now {
        Now { tick: self.scene.now, unix: self.scene.scenario.clock + self.scene.now.since(Tick::ZERO) }
    }

    pub(super) fn set_clock(&mut self, at: Tick) {
        self.scene.now = at;
        self.stage.calendar.set(self.time().unix);
    }

    /// Tells of something that happens now.
    pub(super) fn moment(&mut self, words: &str) {
        self.scene.story.moment(self.scene.now, words);
    }

    pub(super) fn peer_sends(&mut self, from: PeerId, packet: Packet) {
        let Ok(near) = self.scene.peer_sends(from, &packet) else { return };
        let arrival = match near {
            Some(peer) => Arrival::Peer { peer, bytes: packet.bytes, socket: packet.socket },
            None => {
                let Peer { address, transport, .. } = self.scene.peers[from];
                let ends = Flow::to(address, packet.socket);
                let flow = if transport.is_reliable() { self.streams.open(from, ends) } else { ends };
                Arrival::Server(Datagram { bytes: packet.bytes, flow })
            }
        };
        self.sends(arrival);
    }

    /// Gives a packet back that cannot be sent, and of which the server learns that.
    fn server_sends(&mut self, packet: Transmit) -> Option<Transmit> {
        let Flow { peer: to, socket, .. } = packet.flow;
        let transport = self.sockets.transport(socket);
        let peer = self.peer_of(&packet.flow);
        // Packets to the server's own address come back in.
        let target = self.sockets.listening_on(Some(transport), to.ip(), Some(to.port()));
        let name = match target {
            Some(_) => "alanui".to_owned(),
            None => to.to_string(),
        };
        let sent = self.scene.server_sends(peer, &name, &packet.bytes);
        if transport.is_reliable() && !self.reaches(peer, target.is_some(), &packet) {
            return Some(packet);
        }
        if let Some(peer) = peer {
            if sent.is_ok() {
                self.sends(Arrival::Peer { peer, bytes: packet.bytes, socket });
            }
            return None;
        }
        if let Some(target) = target {
            let port = self.sockets.socket(socket).map_or(5060, |socket| socket.address.port());
            let source = SocketAddr::new(self.sockets.address_towards(socket, to.ip()), port);
            self.sends(Arrival::Server(Datagram { bytes: packet.bytes, flow: Flow::to(source, target) }));
        }
        None
    }

    /// Whom a packet goes to.
    fn peer_of(&self, flow: &Flow) -> Option<PeerId> {
        let transport = self.sockets.transport(flow.socket);
        let is_meant = |peer: &Peer| peer.transport == transport && peer.address == flow.peer;
        let named = self.streams.peer(flow).filter(|_| transport.is_reliable());
        named.or_else(|| self.scene.peers.iter().position(is_meant))
    }

    /// Whether there is a connection for a packet, or one can be opened.
    fn reaches(&mut self, peer: Option<PeerId>, is_own: bool, packet: &Transmit) -> bool {
        let Some(peer) = peer else { return is_own };
        let opens_none = packet.flags.existing || self.opens_none;
        if self.scene.peers[peer].disconnected || opens_none && !self.streams.has(peer) {
            return false;
        }
        self.streams.open(peer, Flow::to(packet.flow.peer, packet.flow.socket));
        if packet.flags.closing {
            self.closed.extend(self.streams.close(peer));
        }
        true
    }

    /// The connections that are gone since the last look.
    pub(super) fn gone(&mut self) -> Vec<Flow> {
        let (peers, streams) = (&self.scene.peers, &mut self.streams);
        let gone = peers.iter().enumerate().filter(|(_, peer)| peer.disconnected);
        let broken = gone.filter_map(|(peer, _)| streams.close(peer));
        self.closed.drain(..).chain(broken).collect()
    }

    /// Sends something on its way, perhaps more than once.
    fn sends(&mut self, arrival: Arrival) {
        for at in self.scene.arrivals() {
            self.wires.send(at, arrival.clone());
        }
    }

    /// What a slow database says in the end.
    pub(super) fn answer_at_last(&mut self, question: &Question) -> Answer {
        let (story, at) = (&mut self.scene.story, self.scene.now);
        self.stage.answer(question, |_, said| story.answer(at, said))
    }

    pub(super) fn reload_module(&mut self, at: usize) {
        let (Some(Module { name, .. }), Some(state)) = (self.modules.get(at), self.states.get(at).cloned()) else {
            return;
        };
        let words = match state.reload(&mut self.stage) {
            Ok(()) => format!("reload {name}"),
            Err(fault) => format!("reload {name} failed: {}", fault.message),
        };
        self.moment(&words);
    }

    /// Tells what the server did inside.
    pub(super) fn take_trace(&mut self, node: &mut Node) {
        let log = std::mem::take(&mut node.core_mut().log);
        let events = node.core_mut().trace.as_mut().map(|trace| std::mem::take(&mut trace.events)).unwrap_or_default();
        self.scene.story.inside(self.scene.now, events, log);
    }
}

impl Driver<Node> for Surroundings<'_> {
    fn hand(&mut self, node: &mut Node, now: Now, given: Given) {
        if let Given::Unsent(_) = given {
            self.scene.story.unsent();
        }
        node.give(now, given);
        self.take_trace(node);
    }

    fn send(&mut self, _now: Now, packet: Transmit) -> Option<Transmit> {
        self.server_sends(packet)
    }

    fn ask(&mut self, _now: Now, ticket: Ticket, question: Question) -> Option<Answer> {
        let at = self.scene.now;
        if let Question::Connection(flow) = &question {
            let is_there =
                self.peer_of(flow).is_some_and(|peer| self.streams.has(peer) && !self.scene.peers[peer].disconnected);
            return Some(Answer::Code(if is_there { 1 } else { -1 }));
        }
        let Question::Service(service) = &question else {
            let story = &mut self.scene.story;
            if let DatabaseMood::Slow(time) = self.stage.mood {
                question.statements().iter().for_each(|query| story.query(at, query, None));
                self.wires.send(at.after(time), Arrival::Question(ticket, question));
                return None;
            }
            return Some(self.stage.answer(&question, |query, said| story.query(at, query, Some(said))));
        };
        let found = self.stage.serve(service);
        if let (Service::Ask(ask), Err(fault)) = (service, &found) {
            self.scene.story.service(at, service, None);
            self.wires.send(at.after(ask.longest()), Arrival::Silence(ticket, fault.clone()));
            return None;
        }
        self.scene.story.service(at, service, Some(&found));
        Some(Answer::Found(found))
    }

    fn alias(&mut self, _now: Now, connection: ConnectionId, port: u16) {
        self.streams.alias(connection, port);
    }

    fn close(&mut self, _now: Now, connection: ConnectionId) {
        if let Some(peer) = self.streams.of(connection) {
            let name = self.scene.peers[peer].name.clone();
            self.closed.extend(self.streams.close(peer));
            self.moment(&format!("the connection to {name} is closed"));
        }
    }

    fn reload(&mut self, _now: Now, module: ModuleId) {
        self.reload_module(usize::from(module.0));
    }

    fn answered(&mut self, _now: Now, caller: Caller, reply: RpcReply) {
        let Some(at) = self.commands.iter().position(|called| called.caller == caller) else { return };
        let Called { name, telling, span, .. } = self.commands.remove(at);
        let fault = match (reply, telling) {
            (Ok(lines), Telling::Command(command)) => {
                return self.scene.story.command(self.scene.now, &command, lines);
            }
            (Ok(_), Telling::Line(line)) => return self.moment(&line),
            (Err(RpcFault::Refused { why, usage }), _) => format!("{name}: {why} ({name} {usage})"),
            (Err(RpcFault::Unknown(known)), _) => {
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                format!("the modules of the config have no command {name}; they have {known}")
            }
        };
        self.scene.stuck(span, fault);
    }

    fn abort(&mut self, _now: Now) {
        self.moment("the script ends the server: abort()");
        self.stopped = true;
    }
}
