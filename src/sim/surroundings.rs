//! What surrounds the server in a scenario: peers, wires, databases and the rest of the world.

use super::peer::{Packet, Peer};
use super::scenario::{DatabaseMood, PeerId};
use super::scene::Scene;
use super::wires::{Arrival, Wires};
use super::world::Stage;
use crate::builtin::{Core, Module, Sockets, State};
use crate::node::Node;
use crate::time::{Now, Tick};
use crate::world::{Answer, Datagram, Driver, Given, ModuleId, Question, Server, Service, Ticket, Transmit};
use std::net::SocketAddr;
use std::sync::Arc;

/// All but the server.
pub(super) struct Surroundings<'a> {
    pub(super) scene: Scene<'a>,
    pub(super) stage: Stage<'a>,
    pub(super) wires: Wires,
    /// The modules, by their places, and what they made at start.
    pub(super) modules: Vec<&'static Module>,
    pub(super) states: Arc<[Arc<dyn State>]>,
    pub(super) sockets: Arc<Sockets>,
    /// The server has ended.
    pub(super) stopped: bool,
}

impl<'a> Surroundings<'a> {
    /// What surrounds a server with this core.
    pub(super) fn new(scene: Scene<'a>, stage: Stage<'a>, modules: Vec<&'static Module>, core: &Core) -> Self {
        let (states, sockets) = (core.modules.clone(), core.sockets.clone());
        Surroundings { scene, stage, wires: Wires::default(), modules, states, sockets, stopped: false }
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
                let source = self.scene.peers[from].address;
                Arrival::Server(Datagram { bytes: packet.bytes, source, socket: packet.socket })
            }
        };
        self.sends(arrival);
    }

    /// Gives a packet back that cannot be sent, and of which the server learns that.
    fn server_sends(&mut self, packet: Transmit) -> Option<Transmit> {
        let transport = self.sockets.transport(packet.socket);
        let is_meant = |peer: &Peer| peer.transport == transport && peer.address == packet.destination;
        let peer = self.scene.peers.iter().position(is_meant);
        // Packets to the server's own address come back in.
        let port = Some(packet.destination.port());
        let target = self.sockets.listening_on(Some(transport), packet.destination.ip(), port);
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
        if let Some(target) = target {
            let port = self.sockets.socket(packet.socket).map_or(5060, |socket| socket.address.port());
            let ip = self.sockets.address_towards(packet.socket, packet.destination.ip());
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
        let log = std::mem::take(&mut node.core.log);
        let events = node.core.trace.as_mut().map(|trace| std::mem::take(&mut trace.events)).unwrap_or_default();
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

    fn reload(&mut self, _now: Now, module: ModuleId) {
        self.reload_module(usize::from(module.0));
    }

    fn abort(&mut self, _now: Now) {
        self.moment("the script ends the server: abort()");
        self.stopped = true;
    }
}
