//! The node as its driver sees it.

use super::aside::Sharing;
use super::generation::{Config, Generation};
use super::layer::{ClientEvent, Layer, ServerEvent};

use super::parked::Parked;
use super::refuse::Refusals;
use super::share::Shares;
use super::table::{Found, Table};
use super::transaction::{Due, Transaction};
use crate::builtin::{Answer, CancelSilent, Carried, Core, Held, TraceEvent, TransactionId};
use crate::script::Program;
use crate::sip::{Malformed, Message};
use crate::time::{Now, Tick};
use crate::transaction::{Seed, Timer, Wheel, client_non_invite};
use crate::world::{Contract, Datagram, Given, Server, Ticket, Transmit, Want};
use std::collections::VecDeque;
use std::sync::Arc;

/// What a node has counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Requests received.
    pub requests: u64,
    /// Replies received.
    pub replies: u64,
    /// Packets that are not SIP, or cannot be answered.
    pub garbage: u64,
    /// Requests that came back as they were.
    pub loops: u64,
    /// Messages, timers and answers that a fault of ours ended.
    pub broken: u64,
    /// Packets dropped because too much waits already.
    pub overloaded: u64,
}

/// What a node keeps at most, because peers or scripts want it kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Transactions; requests beyond are answered 503 without one.
    pub transactions: usize,
    /// Bytes of transactions, likewise.
    pub bytes: usize,
    /// Runs that wait for an answer; the queries of more fail at once.
    pub parked: usize,
    /// Bytes of such runs, and of the packets that wait behind them, each.
    pub waiting: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { transactions: 200_000, bytes: 1 << 30, parked: 50_000, waiting: 256 << 20 }
    }
}

/// The whole server for one worker's share of the calls.
pub struct Node {
    /// What scripts see of the worker; `core.log` and `core.trace` are taken by the driver.
    pub core: Core,
    /// What it keeps at most.
    pub limits: Limits,
    /// Which calls are its own, where there are several nodes: those of its own requests are, so that their replies come back to it.
    pub share: Option<(Shares, usize)>,
    /// What it wants, in order.
    pub(super) wants: VecDeque<Want>,
    contract: Contract,
    /// The config that what arrives anew belongs to.
    pub(super) current: Arc<Generation>,
    /// The one at work: that of the transaction, or run, at hand. `core` has its settings, extensions and modules.
    pub(super) generation: Arc<Generation>,
    /// What the run at hand shares with blocks that run aside.
    pub(super) sharing: Sharing,
    pub(super) layer: Layer,
    pub(super) tag_prefix: [u8; 32],
    /// What waits for an answer.
    pub(super) parked: Parked,
    pub(super) next_message: u64,
    pub(super) stopping: bool,
    pub(super) statistics: Statistics,
    pub(super) refusals: Refusals,
    /// What blocks hand on to each other, while none of them runs.
    pub(super) carried: Carried,
    /// Reused for writing.
    pub(super) buffer: Vec<u8>,
    pub(super) via: Vec<u8>,
    due: VecDeque<(Tick, Due)>,
    /// What is being handled.
    pub(super) at_hand: Option<AtHand>,
}

/// What a node is in the middle of: a fault of ours ends it, and nothing else.
#[derive(Debug, Clone)]
pub(super) enum AtHand {
    /// A packet, of this call once that is known.
    Packet(Datagram, Option<u64>),
    /// A run of a call that goes on.
    Run(u64),
    /// What was due.
    Due(Due),
}

impl Node {
    /// A node that runs `program`. `background` is whether modules work by the clock here: on one worker of a server.
    pub fn new(program: Arc<Program>, mut core: Core, background: bool, now: Now) -> Node {
        let (settings, extensions, modules) = (core.settings.clone(), core.extensions, core.modules.clone());
        let generation = Arc::new(Generation::new(0, Config { program, settings, extensions, modules }));
        core.modules = generation.config.modules.clone();
        let seed = Seed::new(core.random.bits(), core.random.bits());
        let mut digits = Vec::with_capacity(32);
        core.random.hex(&mut digits);
        core.random.hex(&mut digits);
        let mut tag_prefix = [b'0'; 32];
        tag_prefix.copy_from_slice(&digits[..32]);
        let first = tag_prefix[..8].iter().fold(0u32, |number, digit| number.rotate_left(4) ^ u32::from(*digit));
        let mut node = Node {
            core,
            limits: Limits::default(),
            share: None,
            wants: VecDeque::new(),
            contract: Contract::default(),
            current: generation.clone(),
            generation,
            sharing: Sharing::default(),
            layer: Layer { table: Table::new(first), wheel: Wheel::new(), seed },
            tag_prefix,
            parked: Parked::default(),
            next_message: 0,
            stopping: false,
            statistics: Statistics::default(),
            refusals: Refusals::default(),
            carried: Carried::default(),
            buffer: Vec::with_capacity(2048),
            via: Vec::with_capacity(128),
            due: VecDeque::new(),
            at_hand: None,
        };
        if background {
            // What comes before the first message is due at once.
            node.layer.wheel.insert(now.tick, Due::Begin);
            node.start_clocks(now);
        }
        node
    }

    /// Handles a packet.
    fn receive(&mut self, now: Now, datagram: Datagram) {
        self.core.meter.begin();
        self.at_hand = Some(AtHand::Packet(datagram.clone(), None));
        if !self.must_wait(now, &datagram) {
            self.take_in(now, datagram);
        }
        self.obey(now);
        self.at_hand = None;
    }

    /// Handles a packet that its call does not hold back, with all that follows from it.
    pub(super) fn take_in(&mut self, now: Now, datagram: Datagram) {
        if let Some(avps) = self.lets_in(now, &datagram) {
            self.handle(now, datagram, avps);
        }
        self.end_step();
    }

    /// Handles the answer to a question.
    fn answer(&mut self, now: Now, id: Ticket, answer: Answer) {
        self.core.meter.begin();
        self.at_hand = self.parked.call(id).map(AtHand::Run);
        self.resume(now, id, answer);
        self.obey(now);
        self.at_hand = None;
    }

    /// Handles that a packet could not be sent: its network is unreachable, or the system refused it. A reply is sent again when its request comes
    /// again; a request ends its branch.
    fn unsent(&mut self, now: Now, packet: &Transmit) {
        let Ok(message) = Message::parse(packet.bytes.clone()) else { return };
        let branch = message.via().and_then(|via| via.branch());
        let (Some(branch), true) = (branch, message.is_request()) else { return };
        let key = self.layer.seed.client(branch, message.method_text());
        let Some(Found::Branch(id, index)) = self.layer.table.find(&key) else { return };
        self.enter_that_of(id);
        let Some(transaction) = self.layer.table.get(id) else { return };
        if transaction.owner.is_none() && self.core.settings.transaction.failure_exec_mode {
            return;
        }
        let verdict = self.client_event(now, id, index, ClientEvent::TransportFailed, None);
        if verdict.unsent {
            // A connection that cannot be had shows later, when Kamailio's scripts have been told of success.
            let reliable = self.core.sockets.transport(packet.flow.socket).is_reliable();
            let at_once = !reliable || packet.flags.existing;
            self.branch_unsent(now, id, index, at_once);
            self.end_step();
        }
        self.obey(now);
    }

    /// Does what is due.
    fn expire(&mut self, now: Now) {
        let mut due = Vec::new();
        self.layer.wheel.expire(now.tick, &mut due);
        self.due.extend(due);
        // Each is taken before it is done: what a fault of ours leaves comes with the next call.
        while let Some((at, what)) = self.due.pop_front() {
            self.core.meter.begin();
            self.at_hand = Some(AtHand::Due(what));
            self.timer(now, at, what);
            self.end_step();
        }
        self.obey(now);
        self.at_hand = None;
    }

    /// When it wants to be given [`Given::Due`] next, at the latest.
    pub fn next(&self) -> Option<Tick> {
        self.layer.wheel.next()
    }

    fn abandon(&mut self, now: Now) {
        for id in self.layer.table.ids() {
            let waits = self.layer.table.get(id).is_some_and(|its| its.owner.is_none() && !its.is_answered());
            if waits {
                self.reply_through(now, id, 503, b"Service Unavailable", &[]);
                self.cancel_branches(now, id, None, CancelSilent::Awaited);
            }
        }
    }

    /// Whether no caller waits for a reply, no callee for its ACK, and no module for a database.
    pub fn is_idle(&self) -> bool {
        self.parked.is_idle() && self.layer.table.iter().all(Transaction::is_settled)
    }

    /// What it has counted.
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }

    /// What it keeps, by part.
    pub fn held(&self) -> [(&'static str, Held); 4] {
        let (transactions, regexes) = (&self.layer.table, &self.core.regexes);
        let [runs, packets] = self.parked.held(&self.limits);
        [
            ("transactions", Held { count: transactions.len(), bytes: transactions.bytes(), most: self.limits.bytes }),
            ("runs put aside", runs),
            ("packets behind them", packets),
            ("patterns", regexes.held()),
        ]
    }

    /// How many messages could not be served for each cause.
    pub fn refusals(&self) -> &[(Malformed, u64)] {
        self.refusals.counts()
    }

    /// How many transactions are alive.
    #[cfg_attr(feature = "closed", expect(dead_code, reason = "for tests and benchmarks"))]
    pub fn transactions(&self) -> usize {
        self.layer.table.len()
    }

    /// How many configs what is in flight belongs to, the current one among them.
    #[cfg_attr(feature = "closed", expect(dead_code, reason = "for tests and benchmarks"))]
    pub fn generations(&self) -> usize {
        let mut numbers: Vec<u32> = self.layer.table.iter().map(|its| its.generation.number).collect();
        numbers.push(self.current.number);
        numbers.sort_unstable();
        numbers.dedup();
        numbers.len()
    }

    fn timer(&mut self, now: Now, at: Tick, due: Due) {
        match due {
            Due::Server(id, _) | Due::Branch(id, ..) | Due::Cancel(id, ..) => drop(self.enter_that_of(id)),
            Due::Module(..) | Due::Begin | Due::Wake(_) => self.enter_current(),
        }
        if !self.layer.fires(due) {
            return;
        }
        match due {
            Due::Module(module, generation) if self.is_current(generation) => self.tick(now, module),
            Due::Module(..) => {}
            Due::Begin => self.begin(now),
            Due::Wake(ticket) => self.resume(now, ticket, Answer::Code(1)),
            Due::Server(id, timer) => self.server_event(now, id, ServerEvent::Timer(timer), None),
            Due::Branch(id, index, timer) => self.branch_timer(now, at, (id, index), timer),
            Due::Cancel(id, index, timer) => {
                self.cancel_event(now, id, index, client_non_invite::Event::Timer(timer));
            }
        }
    }

    fn branch_timer(&mut self, now: Now, at: Tick, (id, index): (TransactionId, u16), timer: Timer) {
        let Some(transaction) = self.layer.table.get(id) else { return };
        let (born, own) = (transaction.born, transaction.owner.is_some());
        let replied = transaction.branches.get(index as usize).is_some_and(|branch| branch.replied);
        let ringing = replied && transaction.is_invite;
        if timer != Timer::Wait {
            let name = match timer {
                Timer::Retransmit => "retr_timer",
                Timer::Deadline if ringing => "fr_inv_timer",
                Timer::Deadline | Timer::Wait => "fr_timer",
            };
            self.core.trace(|| TraceEvent::Timer { name, after: at.since(born) });
        }
        let verdict = self.client_event(now, id, index, ClientEvent::Timer(timer), None);
        if verdict.timed_out && self.ends_quietly(id) {
            return self.end_transaction(id);
        }
        if verdict.timed_out {
            self.branch_failed(now, id, index, 408, true);
        }
        if verdict.ended && own {
            self.end_transaction(id);
        }
    }
}

impl Server for Node {
    fn give(&mut self, now: Now, given: Given) {
        self.contract.given(now, &given, self.wants.len());
        self.enter_current();
        match given {
            Given::Arrived(datagram) => self.receive(now, datagram),
            Given::Answered(ticket, answer) => self.answer(now, ticket, answer),
            Given::Unsent(packet) => self.unsent(now, &packet),
            Given::Gone(flow) => self.gone(now, flow),
            Given::Command(caller, call) => self.command(now, caller, &call),
            Given::Due => self.expire(now),
            Given::Stop => self.stopping = true,
            Given::Abandon => self.abandon(now),
        }
    }

    fn want(&mut self) -> Option<Want> {
        let want = self.wants.pop_front()?;
        self.contract.wanted(&want);
        Some(want)
    }
}
