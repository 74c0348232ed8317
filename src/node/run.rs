//! Runs of the script: started, put aside while they wait, and followed by what their kind asks for.

use super::driver::{Awaited, Node};
use super::relay::Forking;
use super::share::call_id;
use super::transaction::Due;
use crate::builtin::{
    Avps, Background, Effect, Extension, Locals, LogLevel, RouteId, Statements, TraceEvent, TransactionId, Working,
};
use crate::script::{End, Step, Task};
use crate::time::Now;
use crate::world::{Answer, Datagram, ModuleId, QueryFault, Question, Ticket, Want};
use std::any::Any;
use std::collections::VecDeque;

/// A run of the script, and what it is for.
pub(super) struct Run {
    pub(super) task: Task,
    pub(super) role: Role,
    /// Its call, whose other messages wait while it waits.
    pub(super) call: u64,
    /// What it took when it was put aside.
    pub(super) weight: usize,
}

/// What a run is for: what follows its end.
pub(super) enum Role {
    /// `request_route` on a request.
    Request,
    /// `reply_route` on a reply, before its transaction sees it.
    CoreReply,
    /// `onreply_route[...]` on a reply of this branch; whether the reply counts for it.
    Reply(TransactionId, u16, bool),
    /// The `onreply_route[...]` of `on_sl_reply` on a reply that belongs to no transaction.
    StrayReply,
    /// `failure_route[...]` of a transaction, with the reply that ended its last branch.
    Failure(TransactionId, Option<Box<Working>>),
    /// `branch_route[...]` on one destination of a relay.
    Branch(Box<Forking>),
    /// `event_route[core:pre-routing]` on a message, before its own block.
    BeforeRouting,
    /// `event_route[tm:branch-failure:...]` on a branch that has failed, with the reply that ended it.
    BranchFailure(TransactionId, Option<Box<Working>>),
    /// `event_route[...]`.
    Event,
}

/// What became of an effect.
pub(super) enum Performed {
    /// It is answered; the run goes on.
    Answered(Box<Run>, Answer),
    /// The run was put aside.
    Parked,
    /// Another run comes first.
    Instead(Box<Run>),
}

/// Messages of one call that wait because an earlier one is put aside.
#[derive(Default)]
pub(super) struct Queue {
    pub(super) waiting: VecDeque<Datagram>,
    /// Runs of this call that are put aside.
    pub(super) parked: u32,
}

/// Messages of one call that may wait; more are dropped, for their sender repeats them.
const MAX_QUEUE: usize = 64;

impl Node {
    /// Starts a run of a route and carries it as far as it goes.
    pub(super) fn start(&mut self, now: Now, message: Box<Working>, avps: Avps, route: RouteId, role: Role, call: u64) {
        let run = self.make_run(message, avps, route, role, call);
        self.drive(now, run, None);
    }

    pub(super) fn make_run(
        &mut self,
        message: Box<Working>,
        avps: Avps,
        route: RouteId,
        role: Role,
        call: u64,
    ) -> Box<Run> {
        let locals = Locals { avps, ..Locals::default() };
        Box::new(Run { task: self.make_task(message, locals, route), role, call, weight: 0 })
    }

    /// A run of a block, which takes what earlier ones carried along.
    pub(super) fn make_task(&mut self, message: Box<Working>, mut locals: Locals, route: RouteId) -> Task {
        self.hand_over(&mut locals);
        let block = &self.program.routes[route.0 as usize];
        let (kind, entry) = (block.kind, block.entry);
        self.core.trace(|| TraceEvent::Route { kind, name: block.name.clone(), span: block.head });
        Task::new(message, locals, kind, entry)
    }

    /// Hands what a run carries to the blocks that it brings about, or takes it back from them.
    pub(super) fn hand_over(&mut self, locals: &mut Locals) {
        std::mem::swap(&mut self.carried, &mut locals.carried);
    }

    /// Nothing follows from what arrived, or came due: what its blocks carried ends here. Only to the letter, `$var` outlives it.
    pub(super) fn end_step(&mut self) {
        self.carried.forget(self.core.extensions.allows(Extension::VariablePerMessage));
    }

    /// Carries a run, and those that it brings about, as far as they go.
    pub(super) fn drive(&mut self, now: Now, mut run: Box<Run>, mut answer: Option<Answer>) {
        loop {
            let step = crate::script::run(&self.program, &mut run.task, &mut self.core, now, answer.take());
            match step {
                Step::Wait(effect) => {
                    self.hand_over(&mut run.task.locals);
                    match self.perform(now, run, effect) {
                        Performed::Answered(same, given) => {
                            run = same;
                            self.hand_over(&mut run.task.locals);
                            answer = Some(given);
                        }
                        Performed::Instead(other) => run = other,
                        Performed::Parked => return,
                    }
                }
                Step::Done(end) => {
                    self.hand_over(&mut run.task.locals);
                    match self.finish(now, *run, end) {
                        Some((outer, given)) => {
                            run = outer;
                            answer = given;
                        }
                        None => return,
                    }
                }
            }
        }
    }

    fn perform(&mut self, now: Now, mut run: Box<Run>, effect: Effect) -> Performed {
        let answer = match effect {
            Effect::Ask(question) if self.is_crowded() => question.refused(),
            Effect::Ask(question) => {
                let ticket = self.park(run);
                self.wants.push_back(Want::Ask(ticket, question));
                return Performed::Parked;
            }
            Effect::Abort => {
                self.wants.push_back(Want::Abort);
                return Performed::Parked;
            }
            Effect::Sleep(_) if self.is_crowded() => Answer::Code(-1),
            Effect::Sleep(time) => {
                let id = self.park(run);
                self.wheel.insert(now.tick.after(time), Due::Wake(id));
                return Performed::Parked;
            }
            Effect::Relay(relay) => return self.relay(now, run, relay),
            effect => self.perform_now(now, &mut run.task, effect),
        };
        Performed::Answered(run, answer)
    }

    /// Performs an effect that is answered at once.
    pub(super) fn perform_now(&mut self, now: Now, task: &mut Task, effect: Effect) -> Answer {
        Answer::Code(match effect {
            Effect::Forward(relay) => self.forward(now, task, &relay),
            Effect::ForwardReply => {
                self.forward_stray(now, &task.message);
                1
            }
            Effect::Alias(port) => {
                self.alias(&task.message, port);
                1
            }
            Effect::Send(packet) => self.send_packet(&task.message, packet),
            Effect::Reply(reply) => self.lending(task, |node, task| node.reply_from_script(now, task, reply)),
            Effect::Transaction(step) => self.transaction_step(now, task, step),
            // The callers know these, and the machine keeps the last to itself.
            Effect::Abort => {
                self.wants.push_back(Want::Abort);
                -1
            }
            Effect::Ask(_) | Effect::Sleep(_) | Effect::Relay(_) | Effect::Enter(_) => -1,
        })
    }

    /// Has a database take statements that no run waits for.
    pub(super) fn execute(&mut self, statements: Statements) {
        if statements.list.is_empty() {
            return;
        }
        let (queries, about) = statements.list.into_iter().map(|its| (its.query, its.about)).unzip();
        self.ask(Question::Execute(queries), Awaited::Statements(statements.module, about));
    }

    /// Asks what no run waits for.
    pub(super) fn ask(&mut self, question: Question, awaited: Awaited) {
        let ticket = self.new_ticket();
        self.awaited.insert(ticket, awaited);
        self.wants.push_back(Want::Ask(ticket, question));
    }

    fn new_ticket(&mut self) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        ticket
    }

    /// An answer that no run waits for.
    fn tell_module(&mut self, now: Now, ticket: Ticket, answer: Answer) {
        match (self.awaited.remove(&ticket), answer) {
            (Some(Awaited::Statements(module, about)), Answer::Executed(refused)) => {
                self.executed(module, about, refused);
            }
            (Some(Awaited::Service(module, tag)), Answer::Found(found)) => {
                if let Some(state) = self.core.modules.get(module.0 as usize).cloned() {
                    state.found(tag, found, &mut Background { now, core: &mut self.core, module });
                }
            }
            (Some(Awaited::Statements(..) | Awaited::Service(..)) | None, _) => {}
        }
    }

    /// Which of a module's statements the database did not take.
    fn executed(
        &mut self,
        module: ModuleId,
        mut about: Vec<Option<Box<dyn Any + Send>>>,
        refused: Vec<(usize, QueryFault)>,
    ) {
        let Some((_, fault)) = refused.first() else { return };
        let which = match about.len() {
            1 => String::new(),
            all => format!(", {} of {all} statements", refused.len()),
        };
        self.core.log(LogLevel::Error, format!("the database did not take what a module tells it{which}: {fault}"));
        let Some(state) = self.core.modules.get(module.0 as usize) else { return };
        for (at, _) in refused {
            if let Some(about) = about.get_mut(at).and_then(Option::take) {
                state.refused(about);
            }
        }
    }

    /// Whether no further run may be put aside.
    fn is_crowded(&self) -> bool {
        self.parked.len() >= self.limits.parked || self.parked_bytes >= self.limits.waiting
    }

    /// Puts a run aside, with what it carries, and with it the messages of its call that come behind.
    fn park(&mut self, mut run: Box<Run>) -> Ticket {
        self.hand_over(&mut run.task.locals);
        run.weight = size_of::<Run>() + run.task.message.message.bytes().len() + run.task.size();
        self.parked_bytes += run.weight;
        let id = self.new_ticket();
        self.calls.entry(run.call).or_default().parked += 1;
        self.parked.insert(id, run);
        id
    }

    /// What follows the end of a run; gives the run that waited for it.
    fn finish(&mut self, now: Now, mut run: Run, end: End) -> Option<(Box<Run>, Option<Answer>)> {
        match run.role {
            Role::Request => {
                self.warn_of(end, "request_route");
                self.request_done(now, run.task, end.broken);
            }
            Role::CoreReply => {
                self.warn_of(end, "reply_route");
                // Kamailio discards a reply whose route drops it, or ends with a result of 0 or less without exit.
                if !end.dropped && (end.exited && end.value != 0 || end.value > 0) {
                    self.reply_to_transaction(now, run.task.message, run.call);
                }
            }
            Role::StrayReply => {
                if !end.dropped && end.value != 0 {
                    self.forward_stray(now, &run.task.message);
                }
            }
            Role::Reply(id, branch, counts) => {
                self.heed_timers(now, id, &run.task.message);
                self.give_back(id, branch, &mut run.task);
                let provisional = run.task.message.message.status().unwrap_or(0) < 200;
                if counts && !(end.dropped && provisional) {
                    self.count_reply(now, id, branch, run.task.message, run.call);
                }
            }
            Role::Failure(id, reply) => self.failure_done(now, id, run.task, reply),
            Role::BeforeRouting => {
                // Whatever else its result is, only `drop` ends the message here.
                if end.broken && run.task.message.message.is_request() {
                    self.request_done(now, run.task, true);
                } else if !end.dropped {
                    self.route_message(now, run.task.message, run.task.locals.avps, run.call);
                }
            }
            Role::BranchFailure(id, reply) => self.branch_failure_done(now, id, run.task, reply, run.call),
            Role::Branch(forking) => return self.branch_done(now, *forking, run.task, end.dropped || end.broken),
            Role::Event => {}
        }
        None
    }

    /// Kamailio warns of a main route that ends with a negative result.
    fn warn_of(&mut self, end: End, route: &str) {
        if end.value < 0 && !end.exited {
            self.core.log(LogLevel::Warning, format!("{route} has ended with the result {}", end.value));
        }
    }

    /// Goes on with a run whose effect is answered.
    pub(super) fn resume(&mut self, now: Now, id: Ticket, answer: Answer) {
        let Some(run) = self.parked.remove(&id) else {
            return self.tell_module(now, id, answer);
        };
        self.parked_bytes = self.parked_bytes.saturating_sub(run.weight);
        let call = run.call;
        if let Some(queue) = self.calls.get_mut(&call) {
            queue.parked = queue.parked.saturating_sub(1);
        }
        self.drive(now, run, Some(answer));
        self.end_step();
        self.release(now, call);
    }

    /// Lets the messages of a call go on that waited for an earlier one.
    fn release(&mut self, now: Now, call: u64) {
        while let Some(queue) = self.calls.get_mut(&call) {
            if queue.parked > 0 {
                return;
            }
            let Some(datagram) = queue.waiting.pop_front() else {
                self.calls.remove(&call);
                return;
            };
            self.queued -= 1;
            self.queued_bytes = self.queued_bytes.saturating_sub(datagram.bytes.len());
            self.take_in(now, datagram);
        }
    }

    /// Whether a message of this call must wait; it is kept then, or dropped when too many wait already.
    pub(super) fn must_wait(&mut self, datagram: &Datagram) -> bool {
        if self.calls.is_empty() {
            return false;
        }
        let Some(call) = call_id(&datagram.bytes).map(|call_id| self.seed.call(call_id)) else { return false };
        let Some(queue) = self.calls.get_mut(&call) else { return false };
        if queue.parked == 0 {
            return false;
        }
        if queue.waiting.len() < MAX_QUEUE && self.queued_bytes < self.limits.waiting {
            queue.waiting.push_back(datagram.clone());
            self.queued += 1;
            self.queued_bytes += datagram.bytes.len();
        } else {
            self.statistics.overloaded += 1;
        }
        true
    }

    /// Gives what a run on a reply held of its transaction back to it.
    fn give_back(&mut self, id: TransactionId, branch: u16, task: &mut Task) {
        if let Some(transaction) = self.transactions.get(id) {
            transaction.avps = std::mem::take(&mut task.locals.avps);
            transaction.flags = task.message.flags;
            transaction.on_reply = task.message.on_reply;
            if let Some(branch) = transaction.branches.get_mut(branch as usize) {
                branch.flags = task.message.branch_flags;
            }
        }
    }
}
