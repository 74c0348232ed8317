//! The server on its bench: takes a message, and says what came of it.

use super::Baseline;
use super::input::Input;
use super::properties::{Left, Trial, broken_forms};
use crate::builtin::{Reached, Sockets, State};
use crate::node::Node;
use crate::sim::server;
use crate::sim::world::Stage;
use crate::sip::{Message, Method, Reply};
use crate::time::{Now, Tick};
use crate::world::{
    Answer, Datagram, Driver, Flow, Given, ModuleId, Question, Server, SocketId, Ticket, Transmit, drive,
};
use bytes::Bytes;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// A server that was started for this.
pub(super) struct Bench<'a> {
    baseline: &'a Baseline<'a>,
    node: Node,
    stage: Stage<'a>,
    /// The script has ended the server: it takes nothing any more.
    ended: bool,
    now: Tick,
    server: SocketAddr,
    /// Places that were sent something.
    pub(super) contacted: Vec<SocketAddr>,
    /// The forms that messages of a call did not keep, by Call-ID.
    allowed: FxHashMap<Bytes, u16>,
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
    pub(super) fn new(baseline: &'a Baseline<'a>) -> Bench<'a> {
        let mut unheard = Vec::new();
        let mut stage = Stage::new(baseline.scenario, baseline.reading.files, &mut unheard);
        // It started once without mistakes, and starting depends on nothing that changes.
        let begun = server::begin(baseline.config, baseline.scenario, &mut stage, baseline.sources, &mut unheard);
        let now = Now { tick: Tick::ZERO, unix: baseline.scenario.clock };
        let server = begun.core.sockets.list.first().map(|socket| socket.address);
        let server = server.filter(|its| !its.ip().is_unspecified());
        Bench {
            server: server.unwrap_or_else(|| SocketAddr::new(baseline.scenario.machine, 5060)),
            node: Node::new(begun.program, begun.core, true, now),
            baseline,
            stage,
            ended: false,
            now: Tick::ZERO,
            contacted: Vec::new(),
            allowed: FxHashMap::default(),
            numbers: FxHashSet::default(),
        }
    }

    /// What the program reached before counts, too.
    pub(super) fn begin_with(&mut self, reached: Reached) {
        if let Some(trace) = &mut self.node.core_mut().trace {
            trace.reached = reached;
        }
    }

    pub(super) fn take_reached(&mut self) -> Reached {
        self.node.core_mut().trace.as_mut().map(|trace| std::mem::take(&mut trace.reached)).unwrap_or_default()
    }

    /// How many instructions and ways were reached.
    pub(super) fn extent(&self) -> usize {
        let reached = self.node.core().trace.as_ref().map(|trace| &trace.reached);
        reached.map_or(0, |reached| reached.runs.iter().filter(|runs| **runs > 0).count() + reached.ways.len())
    }

    /// Who sends an input.
    pub(super) fn source(&self, input: &Input) -> SocketAddr {
        input.source.unwrap_or(self.baseline.words.foreign.outside)
    }

    /// The bytes of an input as they leave its sender.
    pub(super) fn lines(&self, input: &Input) -> Vec<Vec<u8>> {
        input.filled(self.source(input), self.server)
    }

    /// Sends an input and lets its pause pass.
    pub(super) fn send(&mut self, input: &Input) -> Trial {
        let source = self.source(input);
        let bytes = input.bytes(source, self.server);
        let words = self.baseline.words;
        let arrived = Message::parse(bytes.clone()).ok();
        let allowed = arrived.as_ref().map_or(0, |message| {
            let call = self.allowed.entry(Bytes::copy_from_slice(message.call_id())).or_default();
            *call |= broken_forms(message);
            *call
        });
        let mut trial = Trial {
            arrived,
            allowed,
            again: !self.numbers.insert(input.number),
            source,
            is_outside: input.source.is_none(),
            elsewhere: words.foreign.elsewhere,
            records_routes: words.records_routes,
            left: Vec::new(),
            endless: Vec::new(),
            goes_round: false,
            crashed: None,
        };
        let done = catch_unwind(AssertUnwindSafe(|| {
            self.take(input, Datagram { bytes, flow: Flow::to(source, SocketId(0)) }, &mut trial)
        }));
        if let Err(thrown) = done {
            let text = thrown.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| thrown.downcast_ref::<&str>().copied());
            trial.crashed = Some(text.unwrap_or("a panic").to_owned());
        }
        if let Some(trace) = &mut self.node.core_mut().trace {
            trial.endless = std::mem::take(&mut trace.endless);
        }
        trial
    }

    fn take(&mut self, input: &Input, datagram: Datagram, trial: &mut Trial) {
        self.give(input, Given::Arrived(datagram), trial);
        let until = self.now.after(input.pause);
        for _ in 0..MOST_STOPS {
            let Some(next) = self.node.next().filter(|next| *next <= until) else { break };
            self.set_clock(next.max(self.now));
            self.give(input, Given::Due, trial);
        }
        self.set_clock(until);
    }

    /// Gives the server something, and then whatever comes of it, until nothing is under way.
    fn give(&mut self, input: &Input, given: Given, trial: &mut Trial) {
        let now = self.time();
        let by_timer = matches!(given, Given::Due);
        let Bench { node, stage, ended, contacted, allowed, .. } = self;
        let (sockets, states) = (node.core().sockets.clone(), node.core().modules.clone());
        let under_way = VecDeque::new();
        let mut around =
            Around { stage, ended, contacted, allowed, sockets, states, input, by_timer, trial, under_way };
        let mut next = Some(given);
        for round in 0.. {
            let Some(given) = next.filter(|_| !*around.ended) else { return };
            if round > MOST_AT_ONCE {
                around.trial.goes_round = true;
                return;
            }
            drive(node, &mut around, now, given);
            next = around.under_way.pop_front().map(Given::Arrived);
        }
    }

    fn set_clock(&mut self, at: Tick) {
        self.now = at;
        self.stage.calendar.set(self.time().unix);
    }

    fn time(&self) -> Now {
        Now { tick: self.now, unix: self.baseline.scenario.clock + self.now.since(Tick::ZERO) }
    }
}

/// What surrounds the server while it handles one input: whoever it sends something to answers as the input says.
struct Around<'b, 'a> {
    stage: &'b mut Stage<'a>,
    ended: &'b mut bool,
    contacted: &'b mut Vec<SocketAddr>,
    allowed: &'b FxHashMap<Bytes, u16>,
    sockets: Arc<Sockets>,
    states: Arc<[Arc<dyn State>]>,
    input: &'b Input,
    by_timer: bool,
    trial: &'b mut Trial,
    under_way: VecDeque<Datagram>,
}

impl Around<'_, '_> {
    fn leaves(&mut self, packet: Transmit) -> Left {
        let to = packet.flow.peer;
        let message = Message::parse(packet.bytes.clone()).ok();
        let transport = self.sockets.transport(packet.flow.socket);
        if let Some(socket) = self.sockets.listening_on(Some(transport), to.ip(), Some(to.port())) {
            let port = self.sockets.socket(packet.flow.socket).map_or(5060, |socket| socket.address.port());
            let source = SocketAddr::new(self.sockets.address_towards(packet.flow.socket, to.ip()), port);
            self.under_way.push_back(Datagram { bytes: packet.bytes, flow: Flow::to(source, socket) });
        } else if let Some(request) =
            message.as_ref().filter(|its| its.is_request() && its.method() != Some(Method::Ack))
        {
            let ours = request.method_text() == self.input.method();
            for code in if ours { self.input.answers } else { &[200] } {
                let bytes = answer(request, *code);
                self.under_way.push_back(Datagram { bytes, flow: Flow::to(to, packet.flow.socket) });
            }
            if !self.contacted.contains(&to) && self.contacted.len() < 32 {
                self.contacted.push(to);
            }
        }
        let call = message.as_ref().and_then(|message| self.allowed.get(message.call_id()).copied());
        Left { to, message, by_timer: self.by_timer, allowed: call.unwrap_or(0) }
    }
}

impl Driver<Node> for Around<'_, '_> {
    fn hand(&mut self, node: &mut Node, now: Now, given: Given) {
        node.give(now, given);
        node.core_mut().log.clear();
        if let Some(trace) = &mut node.core_mut().trace {
            trace.events.clear();
        }
    }

    fn send(&mut self, _now: Now, packet: Transmit) -> Option<Transmit> {
        let left = self.leaves(packet);
        if self.trial.left.len() < MOST_LEFT {
            self.trial.left.push(left);
        }
        None
    }

    fn ask(&mut self, _now: Now, _ticket: Ticket, question: Question) -> Option<Answer> {
        Some(self.stage.answer(&question, |_, _| {}))
    }

    fn reload(&mut self, _now: Now, module: ModuleId) {
        if let Some(state) = self.states.get(usize::from(module.0)) {
            // A reload that fails leaves what was there.
            let _ = state.reload(self.stage);
        }
    }

    fn abort(&mut self, _now: Now) {
        *self.ended = true;
    }
}

/// The reply of somebody in the world.
fn answer(request: &Message, code: u16) -> Bytes {
    let contact: &[u8] = if code < 400 { b"Contact: <sip:world@10.0.0.9>\r\n" } else { b"" };
    let to_tag = (code > 100).then_some(&b"world"[..]);
    let reply = Reply { code, reason: b"So", to_tag, extra_headers: contact, ..Reply::default() };
    Bytes::from(reply.to_bytes(request))
}
