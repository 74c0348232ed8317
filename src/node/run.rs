//! Runs of the script: started, put aside while they wait, and followed by what their kind asks for.

use super::driver::Node;
use super::generation::Generation;
use super::parked::{Commanding, Turn, Waiting};
use super::relay::Forking;
use super::share::call_id;
use super::transaction::{Due, Transaction};
use crate::builtin::{
    Armed, Avps, Background, Effect, Extension, Locals, LogLevel, RouteId, Statements, TraceEvent, TransactionId, Working,
};
use crate::script::{End, Step, Task};
use crate::time::Now;
use crate::world::{Answer, Datagram, ModuleId, QueryFault, Question, Ticket, Want};
use std::any::Any;
use std::sync::Arc;

/// A run of the script, and what it is for.
pub(super) struct Run {
    pub(super) task: Task,
    pub(super) role: Role,
    /// Its call, whose other messages wait while it waits.
    pub(super) call: u64,
    /// What it took when it was put aside.
    pub(super) weight: usize,
    /// The config that it goes on in once it was put aside.
    pub(super) generation: Option<Arc<Generation>>,
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

impl Run {
    /// Goes on with what its transaction has for it.
    pub(super) fn take_from(&mut self, transaction: &Transaction, avps: Avps) {
        self.task.locals.avps = avps;
        let message = &mut self.task.message;
        if let Some(view) = message.transaction.filter(|view| view.id == transaction.id) {
            message.transaction = Some(transaction.view(view.branch, view.reply_code));
        }
        match self.role {
            Role::Reply(_, branch, _) => {
                message.flags = transaction.flags;
                message.armed.reply = transaction.armed.reply;
                message.target.flags = transaction.branches.get(branch as usize).map_or(0, |branch| branch.flags);
            }
            Role::Failure(..) | Role::BranchFailure(..) => {
                message.flags = transaction.flags;
                let Armed { failure, reply, .. } = transaction.armed;
                message.armed = Armed { failure, reply, ..message.armed };
            }
            // A request hands these over when it is relayed.
            Role::Request | Role::Branch(_) | Role::Event => {}
            Role::CoreReply | Role::StrayReply | Role::BeforeRouting => {}
        }
    }

    /// The transaction that it runs for.
    pub(super) fn transaction(&self) -> Option<TransactionId> {
        match &self.role {
            Role::Request | Role::Event => self.task.message.transaction.map(|view| view.id),
            role => role.transaction(),
        }
    }
}

impl Role {
    /// The transaction whose block it is.
    fn transaction(&self) -> Option<TransactionId> {
        match self {
            Role::Reply(id, ..) | Role::Failure(id, _) | Role::BranchFailure(id, _) => Some(*id),
            Role::Branch(forking) => Some(forking.id),
            Role::Request | Role::Event | Role::CoreReply | Role::StrayReply | Role::BeforeRouting => None,
        }
    }
}

impl Node {
    /// Starts a run of a route and carries it as far as it goes.
    pub(super) fn start(&mut self, now: Now, message: Box<Working>, avps: Avps, route: RouteId, role: Role, call: u64) {
        let id = role.transaction();
        // A CANCEL of today may end a call of yesterday.
        let outer = id.and_then(|id| self.enter_that_of(id));
        let run = self.make_run(message, avps, route, role, call);
        self.drive(now, run, None);
        if let Some(outer) = outer {
            self.enter(outer);
        }
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
        Box::new(Run { task: self.make_task(message, locals, route), role, call, weight: 0, generation: None })
    }

    /// A run of a block, which takes what earlier ones carried along.
    pub(super) fn make_task(&mut self, message: Box<Working>, mut locals: Locals, route: RouteId) -> Task {
        self.hand_over(&mut locals);
        let block = &self.generation.program().routes[route.0 as usize];
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
            let step = crate::script::run(self.generation.program(), &mut run.task, &mut self.core, now, answer.take());
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
            Effect::Ask(question) if self.parked.is_crowded(&self.limits) => question.refused(),
            Effect::Ask(question) => {
                let ticket = self.park(run);
                self.wants.push_back(Want::Ask(ticket, question));
                return Performed::Parked;
            }
            Effect::Abort => {
                self.wants.push_back(Want::Abort);
                return Performed::Parked;
            }
            Effect::Sleep(_) if self.parked.is_crowded(&self.limits) => Answer::Code(-1),
            Effect::Sleep(time) => {
                let id = self.park(run);
                self.layer.wheel.insert(now.tick.after(time), Due::Wake(id));
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
        self.ask(Question::Execute(queries), Waiting::Statements(self.generation.clone(), statements.module, about));
    }

    /// Asks what no run waits for.
    pub(super) fn ask(&mut self, question: Question, waiting: Waiting) {
        let ticket = self.parked.park(waiting);
        self.wants.push_back(Want::Ask(ticket, question));
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

    /// Puts a run aside, with what it carries, and with it the messages of its call that come behind. What it holds of its transaction goes back there:
    /// timers, and what they bring about, act on it meanwhile.
    fn park(&mut self, mut run: Box<Run>) -> Ticket {
        self.hand_over(&mut run.task.locals);
        self.give_back(&mut run);
        if let Some(id) = run.transaction() {
            if let Some(transaction) = self.layer.table.get(id) {
                transaction.waiting = transaction.waiting.saturating_add(1);
            }
            self.layer.table.weigh(id);
        }
        run.weight = size_of::<Run>() + run.task.message.message.bytes().len() + run.task.size();
        run.generation = Some(self.generation.clone());
        self.parked.park(Waiting::Run(run))
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
                self.give_back(&mut run);
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

    /// Goes on with whoever waits for an answer.
    pub(super) fn resume(&mut self, now: Now, ticket: Ticket, answer: Answer) {
        match (self.parked.take(ticket), answer) {
            (Some(Waiting::Run(mut run)), answer) => {
                let call = run.call;
                if let Some(generation) = run.generation.take() {
                    self.enter(generation);
                }
                self.take_again(&mut run);
                self.drive(now, run, Some(answer));
                self.end_step();
                self.enter_current();
                while let Some(datagram) = self.parked.next_of(call) {
                    self.take_in(now, datagram);
                }
            }
            (Some(Waiting::Statements(generation, module, about)), Answer::Executed(refused)) => {
                self.enter(generation);
                self.executed(module, about, refused);
            }
            (Some(Waiting::Service(generation, module, tag)), Answer::Found(found)) => {
                self.enter(generation);
                if let Some(state) = self.core.modules.get(module.0 as usize).cloned() {
                    state.found(tag, found, &mut Background { now, core: &mut self.core, module });
                }
            }
            (Some(Waiting::Command(generation, command, then)), answer) => {
                self.enter(generation);
                let Commanding { module, .. } = command;
                let came = then(&mut Background { now, core: &mut self.core, module }, answer);
                self.commanded(now, command, came);
            }
            // Its call was dropped, or the answer is none to what was asked.
            (Some(Waiting::Statements(..) | Waiting::Service(..)) | None, _) => {}
        }
    }

    /// Whether a message of this call must wait; it is kept then, or dropped when too many wait already. What a transaction takes by itself does not
    /// wait: an ACK stops a final reply from being sent again, a request that comes again brings the last reply once more.
    pub(super) fn must_wait(&mut self, now: Now, datagram: &Datagram) -> bool {
        if self.parked.is_quiet() {
            return false;
        }
        let Some(call) = call_id(&datagram.bytes).map(|call_id| self.layer.seed.call(call_id)) else { return false };
        if self.parked.holds(call) && self.is_absorbed(now, datagram) {
            return true;
        }
        let turn = self.parked.turn(call, datagram, &self.limits);
        self.statistics.overloaded += u64::from(turn == Turn::Never);
        turn != Turn::Now
    }

    /// Gives what a run holds of its transaction back to it: AVPs, flags, and the blocks that are armed.
    fn give_back(&mut self, run: &mut Run) {
        let Some(id) = run.transaction() else { return };
        let Some(transaction) = self.layer.table.get(id) else { return };
        transaction.avps = std::mem::take(&mut run.task.locals.avps);
        let message = &run.task.message;
        match run.role {
            Role::Reply(_, branch, _) => {
                transaction.flags = message.flags;
                transaction.armed.reply = message.armed.reply;
                if let Some(branch) = transaction.branches.get_mut(branch as usize) {
                    branch.flags = message.target.flags;
                }
            }
            Role::Failure(..) | Role::BranchFailure(..) => transaction.take_from(message),
            // A request hands these over when it is relayed.
            Role::Request | Role::Branch(_) | Role::Event => {}
            Role::CoreReply | Role::StrayReply | Role::BeforeRouting => {}
        }
    }

    /// Takes them again, as they are by now.
    fn take_again(&mut self, run: &mut Run) {
        if let Some(id) = run.transaction()
            && let Some(transaction) = self.layer.table.get(id)
        {
            transaction.waiting = transaction.waiting.saturating_sub(1);
            let avps = std::mem::take(&mut transaction.avps);
            run.take_from(transaction, avps);
        }
    }
}
