//! The server on its bench: takes a message, and says what came of it.

use super::Ground;
use super::letter::Letter;
use super::properties::{Left, Trial, broken_forms};
use crate::builtin::{Answer, Query, Reached, SocketId};
use crate::node::{Datagram, Node, Transmit};
use crate::sim::server;
use crate::sim::world::Stage;
use crate::sip::{Message, Method, Reply};
use crate::time::{Now, Tick};
use bytes::Bytes;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A server that was started for this.
pub(super) struct Bench<'a> {
    ground: &'a Ground<'a>,
    node: Node,
    stage: Stage<'a>,
    now: Tick,
    server: SocketAddr,
    /// Places that were sent something.
    pub(super) contacted: Vec<SocketAddr>,
    /// The forms that messages of a call did not keep, by Call-ID.
    excused: FxHashMap<Bytes, u16>,
    numbers: FxHashSet<u32>,
}

/// What goes round between the server and the world because of one message before it counts as endless: replies to a request that the server sends to
/// itself until Max-Forwards is used up may be 70 times 70 and no mistake.
const MOST_AT_ONCE: usize = 6000;
/// So much of what leaves because of one message is looked at.
const MOST_LEFT: usize = 400;
/// Times that the clock stops on its way through one pause.
const MOST_STOPS: usize = 2000;

impl<'a> Bench<'a> {
    pub(super) fn new(ground: &'a Ground<'a>) -> Bench<'a> {
        let mut unheard = Vec::new();
        let mut stage = Stage::new(ground.scenario, ground.reading.files, &mut unheard);
        // It started once without mistakes, and starting depends on nothing that changes.
        let begun = server::begin(ground.config, ground.scenario, &mut stage, ground.sources, &mut unheard);
        let now = Now { tick: Tick::ZERO, unix: ground.scenario.clock };
        let server = begun.core.sockets.list.first().map(|socket| socket.address);
        let server = server.filter(|its| !its.ip().is_unspecified());
        Bench {
            server: server.unwrap_or_else(|| SocketAddr::new(ground.scenario.machine, 5060)),
            node: Node::new(begun.program, begun.core, true, now),
            ground,
            stage,
            now: Tick::ZERO,
            contacted: Vec::new(),
            excused: FxHashMap::default(),
            numbers: FxHashSet::default(),
        }
    }

    /// What the program reached before counts, too.
    pub(super) fn begin_with(&mut self, reached: Reached) {
        if let Some(trace) = &mut self.node.core.trace {
            trace.reached = reached;
        }
    }

    pub(super) fn take_reached(&mut self) -> Reached {
        self.node.core.trace.as_mut().map(|trace| std::mem::take(&mut trace.reached)).unwrap_or_default()
    }

    /// How many instructions and ways were reached.
    pub(super) fn extent(&self) -> usize {
        let reached = self.node.core.trace.as_ref().map(|trace| &trace.reached);
        reached.map_or(0, |reached| reached.runs.iter().filter(|runs| **runs > 0).count() + reached.ways.len())
    }

    /// Who sends a letter.
    pub(super) fn source(&self, letter: &Letter) -> SocketAddr {
        letter.source.unwrap_or(self.ground.words.foreign.outside)
    }

    /// The bytes of a letter as they leave its sender.
    pub(super) fn lines(&self, letter: &Letter) -> Vec<Vec<u8>> {
        letter.filled(self.source(letter), self.server)
    }

    /// Sends a letter and lets its pause pass.
    pub(super) fn send(&mut self, letter: &Letter) -> Trial {
        let source = self.source(letter);
        let bytes = letter.bytes(source, self.server);
        let words = self.ground.words;
        let arrived = Message::parse(bytes.clone()).ok();
        let excused = arrived.as_ref().map_or(0, |message| {
            let call = self.excused.entry(Bytes::copy_from_slice(message.call_id())).or_default();
            *call |= broken_forms(message);
            *call
        });
        let mut trial = Trial {
            arrived,
            excused,
            again: !self.numbers.insert(letter.number),
            source,
            is_outside: letter.source.is_none(),
            elsewhere: words.foreign.elsewhere,
            records_routes: words.records_routes,
            left: Vec::new(),
            endless: Vec::new(),
            goes_round: false,
            crashed: None,
        };
        let done = catch_unwind(AssertUnwindSafe(|| {
            self.take(letter, Datagram { bytes, source, socket: SocketId(0) }, &mut trial)
        }));
        if let Err(thrown) = done {
            let text = thrown.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| thrown.downcast_ref::<&str>().copied());
            trial.crashed = Some(text.unwrap_or("a panic").to_owned());
        }
        if let Some(trace) = &mut self.node.core.trace {
            trial.endless = std::mem::take(&mut trace.endless);
        }
        trial
    }

    fn take(&mut self, letter: &Letter, datagram: Datagram, trial: &mut Trial) {
        let now = self.time();
        self.node.receive(now, datagram);
        self.settle(letter, false, trial);
        let until = self.now.after(letter.pause);
        for _ in 0..MOST_STOPS {
            let Some(next) = self.node.next().filter(|next| *next <= until) else { break };
            self.now = next.max(self.now);
            self.stage.calendar.set(self.time().unix);
            let now = self.time();
            self.node.expire(now);
            self.settle(letter, true, trial);
        }
        self.now = until;
        self.stage.calendar.set(self.time().unix);
    }

    /// Does what the server wants, and has the world answer, until nothing is under way.
    fn settle(&mut self, letter: &Letter, by_timer: bool, trial: &mut Trial) {
        let mut under_way = VecDeque::new();
        for round in 0.. {
            self.serve();
            for packet in std::mem::take(&mut self.node.output.packets) {
                let left = self.leaves(packet, letter, by_timer, &mut under_way);
                if trial.left.len() < MOST_LEFT {
                    trial.left.push(left);
                }
            }
            let Some(datagram) = under_way.pop_front() else { return };
            if round > MOST_AT_ONCE {
                trial.goes_round = true;
                return;
            }
            let now = self.time();
            self.node.receive(now, datagram);
        }
    }

    /// Answers the questions of the server.
    fn serve(&mut self) {
        loop {
            self.node.core.log.clear();
            if let Some(trace) = &mut self.node.core.trace {
                trace.events.clear();
            }
            for module in std::mem::take(&mut self.node.output.reloads) {
                if let Some(state) = self.node.core.modules.get(usize::from(module.0)).cloned() {
                    // A reload that fails leaves what was there.
                    let _ = state.reload(&mut self.stage);
                }
            }
            let queries = std::mem::take(&mut self.node.output.queries);
            let errands = std::mem::take(&mut self.node.output.errands);
            let told = std::mem::take(&mut self.node.output.told);
            if queries.is_empty() && errands.is_empty() && told.is_empty() {
                return;
            }
            let now = self.time();
            for (id, queries) in told {
                let ask = |query: &Query| self.stage.ask(query.connection, &query.statement, &query.parameters);
                let said = queries.iter().map(ask).enumerate();
                let refused = said.filter_map(|(at, said)| Some((at, said.err()?))).collect();
                self.node.answer(now, id, Answer::Told(refused));
            }
            for (id, errand) in errands {
                let found = self.stage.errand(&errand);
                self.node.answer(now, id, Answer::Errand(found));
            }
            for (id, query) in queries {
                let said = self.stage.ask(query.connection, &query.statement, &query.parameters);
                self.node.answer(now, id, Answer::Rows(said));
            }
        }
    }

    fn leaves(
        &mut self,
        packet: Transmit,
        letter: &Letter,
        by_timer: bool,
        under_way: &mut VecDeque<Datagram>,
    ) -> Left {
        let to = packet.destination;
        let message = Message::parse(packet.bytes.clone()).ok();
        let sockets = &self.node.core.sockets;
        let transport = sockets.transport(packet.socket);
        if let Some(socket) = sockets.listening_on(Some(transport), to.ip(), Some(to.port())) {
            let port = sockets.socket(packet.socket).map_or(5060, |socket| socket.address.port());
            let source = SocketAddr::new(sockets.address_towards(packet.socket, to.ip()), port);
            under_way.push_back(Datagram { bytes: packet.bytes, source, socket });
        } else if let Some(request) =
            message.as_ref().filter(|its| its.is_request() && its.method() != Some(Method::Ack))
        {
            let ours = request.method_text() == letter.method();
            for code in if ours { letter.answers } else { &[200] } {
                under_way.push_back(Datagram { bytes: answer(request, *code), source: to, socket: packet.socket });
            }
            if !self.contacted.contains(&to) && self.contacted.len() < 32 {
                self.contacted.push(to);
            }
        }
        let call = message.as_ref().and_then(|message| self.excused.get(message.call_id()).copied());
        Left { to, message, by_timer, excused: call.unwrap_or(0) }
    }

    fn time(&self) -> Now {
        Now { tick: self.now, unix: self.ground.scenario.clock + self.now.since(Tick::ZERO) }
    }
}

/// The reply of somebody in the world.
fn answer(request: &Message, code: u16) -> Bytes {
    let contact: &[u8] = if code < 400 { b"Contact: <sip:world@10.0.0.9>\r\n" } else { b"" };
    let to_tag = (code > 100).then_some(&b"world"[..]);
    let reply = Reply { code, reason: b"So", to_tag, extra_headers: contact, ..Reply::default() };
    Bytes::from(reply.to_bytes(request))
}
