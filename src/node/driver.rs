//! The node as its driver sees it.

use super::generation::{Config, Generation};
use super::layer::{ClientEvent, ServerEvent};
use super::run::Sharing;

use super::limits::Limits;
use super::parked::Parked;
use super::refusals::Refusals;
use super::share::Shares;
use super::stack::{AtHand, Stack};
use super::table::Found;
use super::transaction::{Due, Transaction};
use crate::builtin::{Answer, CancelSilent, Carried, Core, Held, TraceEvent, TransactionId};
use crate::script::Program;
use crate::sip::{Malformed, Message};
use crate::time::{Now, Tick};
use crate::transaction::{Timer, client_non_invite};
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

/// The whole server for one worker's share of the calls.
pub struct Node {
    pub(super) stack: Stack,
    /// What it keeps at most.
    pub limits: Limits,
    /// Which calls are its own, where there are several nodes: those of its own requests are, so that their replies come back to it.
    pub share: Option<(Shares, usize)>,
    contract: Contract,
    /// The config that what arrives anew belongs to.
    pub(super) current: Arc<Generation>,
    /// What the run at hand shares with blocks that run aside.
    pub(super) sharing: Sharing,
    /// What waits for an answer.
    pub(super) parked: Parked,
    pub(super) stopping: bool,
    pub(super) statistics: Statistics,
    pub(super) refusals: Refusals,
    /// What blocks hand on to each other, while none of them runs.
    pub(super) carried: Carried,
    due: VecDeque<(Tick, Due)>,
}

impl Node {
    /// A node that runs `program`. `background` is whether modules work by the clock here: on one worker of a server.
    pub fn new(program: Arc<Program>, mut core: Core, background: bool, now: Now) -> Node {
        let (settings, extensions, modules) = (core.settings.clone(), core.extensions, core.modules.clone());
        let generation = Arc::new(Generation::new(0, Config { program, settings, extensions, modules }));
        core.modules = generation.config.modules.clone();
        let current = generation.clone();
        let stack = Stack::new(core, generation);
        let mut node = Node {
            stack,
            limits: Limits::default(),
            share: None,
            contract: Contract::default(),
            current,
            sharing: Sharing::default(),
            parked: Parked::default(),
            stopping: false,
            statistics: Statistics::default(),
            refusals: Refusals::default(),
            carried: Carried::default(),
            due: VecDeque::new(),
        };
        if background {
            // What comes before the first message is due at once.
            node.stack.layer.wheel.insert(now.tick, Due::Begin);
            node.start_clocks(now);
        }
        node
    }

    /// Handles a packet.
    fn receive(&mut self, now: Now, datagram: Datagram) {
        self.stack.core.meter.begin();
        self.stack.at_hand = Some(AtHand::Packet(datagram.clone(), None));
        if !self.must_wait(now, &datagram) {
            self.take_in(now, datagram);
        }
        self.obey(now);
        self.stack.at_hand = None;
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
        self.stack.core.meter.begin();
        self.stack.at_hand = self.parked.call(id).map(AtHand::Run);
        self.resume(now, id, answer);
        self.obey(now);
        self.stack.at_hand = None;
    }

    /// Handles that a packet could not be sent: its network is unreachable, or the system refused it. A reply is sent again when its request comes
    /// again; a request ends its branch.
    fn unsent(&mut self, now: Now, packet: &Transmit) {
        let Ok(message) = Message::parse(packet.bytes.clone()) else { return };
        let branch = message.via().and_then(|via| via.branch());
        let (Some(branch), true) = (branch, message.is_request()) else { return };
        let key = self.stack.layer.seed.client(branch, message.method_text());
        let Some(Found::Branch(id, index)) = self.stack.layer.table.find(&key) else { return };
        self.stack.enter_that_of(id);
        let Some(transaction) = self.stack.layer.table.get(id) else { return };
        if transaction.owner.is_none() && self.stack.core.settings.transaction.failure_exec_mode {
            return;
        }
        let verdict = self.stack.client_event(now, id, index, ClientEvent::TransportFailed, None);
        if verdict.unsent {
            // A connection that cannot be had shows later, when Kamailio's scripts have been told of success.
            let reliable = self.stack.core.sockets.transport(packet.flow.socket).is_reliable();
            let at_once = !reliable || packet.flags.existing;
            self.branch_unsent(now, id, index, at_once);
            self.end_step();
        }
        self.obey(now);
    }

    /// Does what is due.
    fn expire(&mut self, now: Now) {
        let mut due = Vec::new();
        self.stack.layer.wheel.expire(now.tick, &mut due);
        self.due.extend(due);
        // Each is taken before it is done: what a fault of ours leaves comes with the next call.
        while let Some((at, what)) = self.due.pop_front() {
            self.stack.core.meter.begin();
            self.stack.at_hand = Some(AtHand::Due(what));
            self.timer(now, at, what);
            self.end_step();
        }
        self.obey(now);
        self.stack.at_hand = None;
    }

    /// What scripts see of the worker.
    pub fn core(&self) -> &Core {
        &self.stack.core
    }

    /// What scripts see of the worker: its log and its trace are taken from here.
    pub fn core_mut(&mut self) -> &mut Core {
        &mut self.stack.core
    }

    /// When it wants to be given [`Given::Due`] next, at the latest.
    pub fn next(&self) -> Option<Tick> {
        self.stack.layer.wheel.next()
    }

    fn abandon(&mut self, now: Now) {
        for id in self.stack.layer.table.ids() {
            let waits = self.stack.layer.table.get(id).is_some_and(|its| its.owner.is_none() && !its.is_answered());
            if waits {
                self.reply_through(now, id, 503, b"Service Unavailable", &[]);
                self.cancel_branches(now, id, None, CancelSilent::Awaited);
            }
        }
    }

    /// Whether no caller waits for a reply, no callee for its ACK, and no module for a database.
    pub fn is_idle(&self) -> bool {
        self.parked.is_idle() && self.stack.layer.table.iter().all(Transaction::is_settled)
    }

    /// What it has counted.
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }

    /// What it keeps, by part.
    pub fn held(&self) -> [(&'static str, Held); 4] {
        let (transactions, regexes) = (&self.stack.layer.table, &self.stack.core.regexes);
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
        self.stack.layer.table.len()
    }

    /// How many configs what is in flight belongs to, the current one among them.
    #[cfg_attr(feature = "closed", expect(dead_code, reason = "for tests and benchmarks"))]
    pub fn generations(&self) -> usize {
        let mut numbers: Vec<u32> = self.stack.layer.table.iter().map(|its| its.generation.number).collect();
        numbers.push(self.current.number);
        numbers.sort_unstable();
        numbers.dedup();
        numbers.len()
    }

    fn timer(&mut self, now: Now, at: Tick, due: Due) {
        match due {
            Due::Server(id, _) | Due::Branch(id, ..) | Due::Cancel(id, ..) => drop(self.stack.enter_that_of(id)),
            Due::Module(..) | Due::Begin | Due::Wake(_) => self.enter_current(),
        }
        if !self.stack.layer.fires(due) {
            return;
        }
        match due {
            Due::Module(module, generation) if self.is_current(generation) => self.tick(now, module),
            Due::Module(..) => {}
            Due::Begin => self.begin(now),
            Due::Wake(ticket) => self.resume(now, ticket, Answer::Code(1)),
            Due::Server(id, timer) => self.stack.server_event(now, id, ServerEvent::Timer(timer), None),
            Due::Branch(id, index, timer) => self.branch_timer(now, at, (id, index), timer),
            Due::Cancel(id, index, timer) => {
                self.stack.cancel_event(now, id, index, client_non_invite::Event::Timer(timer));
            }
        }
    }

    fn branch_timer(&mut self, now: Now, at: Tick, (id, index): (TransactionId, u16), timer: Timer) {
        let Some(transaction) = self.stack.layer.table.get(id) else { return };
        let (born, own) = (transaction.born, transaction.owner.is_some());
        let replied = transaction.branches.get(index as usize).is_some_and(|branch| branch.replied);
        let ringing = replied && transaction.is_invite;
        if timer != Timer::Wait {
            let name = match timer {
                Timer::Retransmit => "retr_timer",
                Timer::Deadline if ringing => "fr_inv_timer",
                Timer::Deadline | Timer::Wait => "fr_timer",
            };
            self.stack.core.trace(|| TraceEvent::Timer { name, after: at.since(born) });
        }
        let verdict = self.stack.client_event(now, id, index, ClientEvent::Timer(timer), None);
        let quiet = !self.stack.core.settings.transaction.noisy_ctimer;
        if verdict.timed_out && quiet && self.stack.layer.table.get(id).is_some_and(|its| its.ends_quietly()) {
            return self.stack.end_transaction(id);
        }
        if verdict.timed_out {
            self.branch_failed(now, id, index, 408, true);
        }
        if verdict.ended && own {
            self.stack.end_transaction(id);
        }
    }

    /// Has whatever arrives from here on handled by another config; what is in flight ends as it began. `background` is whether modules work by the clock
    /// here, as in [`Node::new`]. The listeners stay those that were opened.
    #[cfg_attr(feature = "closed", expect(dead_code, reason = "for tests, until a command brings it about"))]
    pub fn replace(&mut self, now: Now, config: Config, background: bool) {
        let number = self.current.number.wrapping_add(1);
        self.current = Arc::new(Generation::new(number, config));
        self.enter_current();
        // Names stand at other places in another program.
        self.carried.forget(true);
        if background {
            self.begin_modules(now);
            self.start_clocks(now);
            self.obey(now);
        }
    }

    /// Goes on with what arrives anew.
    pub(super) fn enter_current(&mut self) {
        if !Arc::ptr_eq(&self.stack.generation, &self.current) {
            self.stack.enter(self.current.clone());
        }
    }

    /// What a module of the current generation does by the clock; one of an earlier generation has stopped.
    pub(super) fn is_current(&self, number: u32) -> bool {
        self.current.number == number
    }
}

impl Server for Node {
    fn give(&mut self, now: Now, given: Given) {
        self.contract.given(now, &given, self.stack.wants.len());
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
        let want = self.stack.wants.pop_front()?;
        self.contract.wanted(&want);
        Some(want)
    }
}
