//! The node as its driver sees it.

use super::Node;
use super::generation::{Config, Generation};
use super::limits::Limits;
use super::machine::{ClientEvent, ServerEvent};
use super::parked::{Commanding, Parked, Waiting};
use super::proxy::Proxy;
use super::run::Run;
use super::stack::{AtHand, Stack, Statistics};
use super::table::Found;
use super::transaction::{Due, Transaction};
use crate::builtin::{Answer, Background, Carried, Core, Held, LogLevel, Received, TransactionId, Working};
use crate::script::Program;
use crate::sip::{Malformed, Message};
use crate::time::{Now, Tick};
use crate::transaction::client_non_invite;
use crate::world::{Contract, Datagram, Given, Server, Ticket, Transmit, Want};
use std::collections::VecDeque;
use std::sync::Arc;

impl Node {
    /// A node that runs `program`. `background` is whether modules work by the clock here: on one worker of a server.
    pub fn new(program: Arc<Program>, mut core: Core, background: bool, now: Now) -> Node {
        let (settings, extensions, modules) = (core.settings.clone(), core.extensions, core.modules.clone());
        let generation = Arc::new(Generation::new(0, Config { program, settings, extensions, modules }));
        core.modules = generation.config.modules.clone();
        let current = generation.clone();
        let stack = Stack::new(core, generation);
        let mut node = Node {
            proxy: Proxy { stack, carried: Carried::default() },
            limits: Limits::default(),
            share: None,
            contract: Contract::default(),
            current,
            parked: Parked::default(),
            stopping: false,
            due: VecDeque::new(),
        };
        if background {
            // What comes before the first message is due at once.
            node.proxy.stack.layer.wheel.insert(now.tick, Due::Begin);
            node.start_clocks(now);
        }
        node
    }

    /// Handles a packet.
    fn receive(&mut self, now: Now, datagram: Datagram) {
        self.proxy.stack.core.meter.begin();
        self.proxy.stack.at_hand = Some(AtHand::Packet(datagram.clone(), None));
        if !self.must_wait(now, &datagram) {
            self.take_in(now, datagram);
        }
        self.obey(now);
        self.proxy.stack.at_hand = None;
    }

    /// Handles a packet that its call does not hold back, with all that follows from it.
    pub(super) fn take_in(&mut self, now: Now, datagram: Datagram) {
        if let Some(avps) = self.proxy.lets_in(now, &datagram)
            && let Some(start) = self.handle(now, datagram, avps)
        {
            self.start(now, start);
        }
        self.end_step(now);
    }

    /// Handles the answer to a question.
    fn answer(&mut self, now: Now, id: Ticket, answer: Answer) {
        self.proxy.stack.core.meter.begin();
        self.proxy.stack.at_hand = self.parked.call(id).map(AtHand::Run);
        self.resume(now, id, answer);
        self.obey(now);
        self.proxy.stack.at_hand = None;
    }

    /// Handles that a packet could not be sent: its network is unreachable, or the system refused it. A reply is sent again when its request comes
    /// again; a request ends its branch.
    fn unsent(&mut self, now: Now, packet: &Transmit) {
        let Ok(message) = Message::parse(packet.bytes.clone()) else { return };
        let branch = message.via().and_then(|via| via.branch());
        let (Some(branch), true) = (branch, message.is_request()) else { return };
        let key = self.proxy.stack.layer.seed.client(branch, message.method_text());
        let Some(Found::Branch(id, index)) = self.proxy.stack.layer.table.find(&key) else { return };
        self.proxy.stack.enter_that_of(id);
        let keeps = self.proxy.stack.core.settings.transaction.failure_exec_mode;
        let Some(mut work) = self.proxy.stack.work(now, id) else { return };
        if keeps && work.open.transaction.owner.is_none() {
            return;
        }
        let verdict = work.client_event(index, ClientEvent::TransportFailed, None);
        if verdict.unsent {
            // A connection that cannot be had shows later, when Kamailio's scripts have been told of success.
            let reliable = self.proxy.stack.core.sockets.transport(packet.flow.socket).is_reliable();
            let at_once = !reliable || packet.flags.existing;
            self.proxy.branch_unsent(now, id, index, at_once);
            self.end_step(now);
        }
        self.obey(now);
    }

    /// Goes on with whoever waits for an answer.
    fn resume(&mut self, now: Now, ticket: Ticket, answer: Answer) {
        self.leave_to_runs();
        match (self.parked.take(ticket), answer) {
            (Some(Waiting::Run(mut run)), answer) => {
                self.wake(&mut run);
                let call = run.call;
                self.drive(now, run, Some(answer));
                self.call_goes_on(now, call);
            }
            (Some(Waiting::Sending(mut asking)), answer) => {
                let run = asking.run();
                self.wake(run);
                // As when it was performed: what it carries is with the blocks that it may bring about.
                self.proxy.hand_over(&mut run.task.locals);
                let call = run.call;
                let performed = self.proxy.send_on(now, *asking, answer);
                if let Some((run, answer)) = self.go_on(now, performed) {
                    self.drive(now, run, answer);
                }
                self.call_goes_on(now, call);
            }
            (Some(Waiting::Own(generation, waiting)), answer) => {
                self.proxy.stack.enter(generation);
                self.own_found(now, *waiting, answer.found());
            }
            (Some(Waiting::Statements(generation, module, about)), Answer::Executed(refused)) => {
                self.proxy.stack.enter(generation);
                self.executed(module, about, refused);
            }
            (Some(Waiting::Service(generation, module, tag)), Answer::Found(found)) => {
                self.proxy.stack.enter(generation);
                if let Some(state) = self.proxy.stack.core.modules.get(module.0 as usize).cloned() {
                    state.found(tag, found, &mut Background { now, core: &mut self.proxy.stack.core, module });
                }
            }
            (Some(Waiting::Command(generation, command, then)), answer) => {
                self.proxy.stack.enter(generation);
                let Commanding { module, .. } = command;
                let came = then(&mut Background { now, core: &mut self.proxy.stack.core, module }, answer);
                self.commanded(now, command, came);
            }
            // Its call was dropped, or the answer is none to what was asked.
            (Some(Waiting::Statements(..) | Waiting::Service(..)) | None, _) => {}
        }
    }

    /// Lets a run go on that was put aside.
    fn wake(&mut self, run: &mut Run) {
        if let Some(generation) = run.generation.take() {
            self.proxy.stack.enter(generation);
        }
        self.take_again(run);
    }

    /// Takes the messages of a call in that had to wait for a run of it.
    fn call_goes_on(&mut self, now: Now, call: u64) {
        self.end_step(now);
        self.enter_current();
        while let Some(datagram) = self.parked.next_of(call) {
            self.take_in(now, datagram);
        }
    }

    /// Does what is due.
    fn expire(&mut self, now: Now) {
        let mut due = Vec::new();
        self.proxy.stack.layer.wheel.expire(now.tick, &mut due);
        self.due.extend(due);
        // Each is taken before it is done: what a fault of ours leaves comes with the next call.
        while let Some((at, what)) = self.due.pop_front() {
            self.proxy.stack.core.meter.begin();
            self.proxy.stack.at_hand = Some(AtHand::Due(what));
            self.timer(now, at, what);
            self.end_step(now);
        }
        self.obey(now);
        self.proxy.stack.at_hand = None;
    }

    /// Picks up after a panic while it was given something: the call at hand is dropped, its callers are answered 500. Whatever else there was in the
    /// middle of is as if it had not begun.
    pub fn recover(&mut self, now: Now) {
        self.proxy.stack.statistics.broken += 1;
        self.proxy
            .stack
            .core
            .log(LogLevel::Critical, "a fault of alanui's has ended a message: its call is dropped, all else goes on");
        self.proxy.carried.forget(true);
        let at_hand = self.proxy.stack.at_hand.take();
        let call = match &at_hand {
            Some(AtHand::Packet(_, call)) => *call,
            Some(AtHand::Run(call)) => Some(*call),
            Some(AtHand::Due(Due::Server(id, _) | Due::Branch(id, ..) | Due::Cancel(id, ..))) => self.call_of(*id),
            Some(AtHand::Due(Due::Module(..) | Due::Begin | Due::Wake(_))) | None => None,
        };
        let mut answered = false;
        if let Some(call) = call {
            self.parked.drop_call(call);
            answered = self.proxy.drop_call(now, call);
        }
        if let (Some(AtHand::Packet(datagram, _)), false) = (at_hand, answered)
            && let Ok(message) = Message::parse(datagram.bytes)
            && message.can_be_answered()
        {
            let received = Received { flow: datagram.flow, at: now.tick };
            self.proxy.answer_broken(now, Working::new(message, received, 0));
        }
        self.end_step(now);
    }

    fn call_of(&mut self, id: TransactionId) -> Option<u64> {
        let call_id = self.proxy.stack.layer.table.get(id)?.request.call_id().to_vec();
        Some(self.proxy.stack.layer.seed.call(&call_id))
    }

    /// What scripts see of the worker.
    pub fn core(&self) -> &Core {
        &self.proxy.stack.core
    }

    /// What scripts see of the worker: its log and its trace are taken from here.
    pub fn core_mut(&mut self) -> &mut Core {
        &mut self.proxy.stack.core
    }

    /// When it wants to be given [`Given::Due`] next, at the latest.
    pub fn next(&self) -> Option<Tick> {
        self.proxy.stack.layer.wheel.next()
    }

    /// Whether no caller waits for a reply, no callee for its ACK, and no module for a database.
    pub fn is_idle(&self) -> bool {
        self.parked.is_idle() && self.proxy.stack.layer.table.iter().all(Transaction::is_settled)
    }

    /// What it has counted.
    pub fn statistics(&self) -> Statistics {
        self.proxy.stack.statistics
    }

    /// What it keeps, by part.
    pub fn held(&self) -> [(&'static str, Held); 4] {
        let (transactions, regexes) = (&self.proxy.stack.layer.table, &self.proxy.stack.core.regexes);
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
        self.proxy.stack.refusals.counts()
    }

    /// How many transactions are alive.
    #[cfg_attr(feature = "closed", expect(dead_code, reason = "for tests and benchmarks"))]
    pub fn transactions(&self) -> usize {
        self.proxy.stack.layer.table.len()
    }

    /// How many configs what is in flight belongs to, the current one among them.
    #[cfg_attr(feature = "closed", expect(dead_code, reason = "for tests and benchmarks"))]
    pub fn generations(&self) -> usize {
        let mut numbers: Vec<u32> = self.proxy.stack.layer.table.iter().map(|its| its.generation.number).collect();
        numbers.push(self.current.number);
        numbers.sort_unstable();
        numbers.dedup();
        numbers.len()
    }

    fn timer(&mut self, now: Now, at: Tick, due: Due) {
        match due {
            Due::Server(id, _) | Due::Branch(id, ..) | Due::Cancel(id, ..) => drop(self.proxy.stack.enter_that_of(id)),
            Due::Module(..) | Due::Begin | Due::Wake(_) => self.enter_current(),
        }
        if !self.proxy.stack.layer.fires(due) {
            return;
        }
        match due {
            Due::Module(module, generation) if self.is_current(generation) => self.tick(now, module),
            Due::Module(..) => {}
            Due::Begin => self.begin(now),
            Due::Wake(ticket) => self.resume(now, ticket, Answer::Code(1)),
            Due::Server(id, timer) => self.proxy.stack.server_event(now, id, ServerEvent::Timer(timer), None),
            Due::Branch(id, index, timer) => self.proxy.branch_timer(now, at, (id, index), timer),
            Due::Cancel(id, index, timer) => {
                if let Some(mut work) = self.proxy.stack.work(now, id) {
                    work.cancel_event(index, client_non_invite::Event::Timer(timer));
                }
            }
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
        self.proxy.carried.forget(true);
        if background {
            self.begin_modules(now);
            self.start_clocks(now);
            self.obey(now);
        }
    }

    /// Goes on with what arrives anew.
    pub(super) fn enter_current(&mut self) {
        if !Arc::ptr_eq(&self.proxy.stack.generation, &self.current) {
            self.proxy.stack.enter(self.current.clone());
        }
    }

    /// What a module of the current generation does by the clock; one of an earlier generation has stopped.
    pub(super) fn is_current(&self, number: u32) -> bool {
        self.current.number == number
    }
}

impl Server for Node {
    fn give(&mut self, now: Now, given: Given) {
        self.contract.given(now, &given, self.proxy.stack.wants.len());
        self.enter_current();
        match given {
            Given::Arrived(datagram) => self.receive(now, datagram),
            Given::Answered(ticket, answer) => self.answer(now, ticket, answer),
            Given::Unsent(packet) => self.unsent(now, &packet),
            Given::Gone(flow) => self.gone(now, flow),
            Given::Command(caller, call) => self.command(now, caller, &call),
            Given::Due => self.expire(now),
            Given::Stop => self.stopping = true,
            Given::Abandon => self.proxy.abandon(now),
        }
    }

    fn want(&mut self) -> Option<Want> {
        let want = self.proxy.stack.wants.pop_front()?;
        self.contract.wanted(&want);
        Some(want)
    }
}
