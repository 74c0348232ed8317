//! Runs of the script: started, put aside while they wait, and followed by what their kind asks for.

use super::driver::Node;
use super::parked::{Commanding, Turn, Waiting};
use super::run::{Performed, Role, Run};
use super::share::call_id;
use super::transaction::Due;
use crate::builtin::{Avps, Background, Effect, Extension, Locals, LogLevel, RouteId, Statements, TraceEvent, Working};
use crate::script::{End, Step, Task};
use crate::time::Now;
use crate::world::{Answer, Datagram, ModuleId, QueryFault, Question, Ticket, Want};
use std::any::Any;

impl Node {
    /// Starts a run of a route and carries it as far as it goes.
    pub(super) fn start(&mut self, now: Now, message: Box<Working>, avps: Avps, route: RouteId, role: Role, call: u64) {
        let id = role.transaction();
        // A CANCEL of today may end a call of yesterday.
        let outer = id.and_then(|id| self.stack.enter_that_of(id));
        let run = self.make_run(message, avps, route, role, call);
        self.drive(now, run, None);
        if let Some(outer) = outer {
            self.stack.enter(outer);
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
        let block = &self.stack.generation.program().routes[route.0 as usize];
        let (kind, entry) = (block.kind, block.entry);
        self.stack.core.trace(|| TraceEvent::Route { kind, name: block.name.clone(), span: block.head });
        Task::new(message, locals, kind, entry)
    }

    /// Hands what a run carries to the blocks that it brings about, or takes it back from them.
    pub(super) fn hand_over(&mut self, locals: &mut Locals) {
        std::mem::swap(&mut self.carried, &mut locals.carried);
    }

    /// Nothing follows from what arrived, or came due: what its blocks carried ends here. Only to the letter, `$var` outlives it.
    pub(super) fn end_step(&mut self) {
        self.carried.forget(self.stack.core.extensions.allows(Extension::VariablePerMessage));
        self.leave_to_runs();
    }

    /// Whoever runs for a transaction that has ended, and waits, goes on with what it left.
    fn leave_to_runs(&mut self) {
        for transaction in self.stack.left.drain(..) {
            let runs = self.parked.of_transaction(transaction.id);
            runs.for_each(|run| run.take_from(&transaction, transaction.avps.clone()));
        }
    }

    /// Carries a run, and those that it brings about, as far as they go.
    pub(super) fn drive(&mut self, now: Now, mut run: Box<Run>, mut answer: Option<Answer>) {
        loop {
            let step = crate::script::run(
                self.stack.generation.program(),
                &mut run.task,
                &mut self.stack.core,
                now,
                answer.take(),
            );
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
                self.stack.wants.push_back(Want::Ask(ticket, question));
                return Performed::Parked;
            }
            Effect::Abort => {
                self.stack.wants.push_back(Want::Abort);
                return Performed::Parked;
            }
            Effect::Sleep(_) if self.parked.is_crowded(&self.limits) => Answer::Code(-1),
            Effect::Sleep(time) => {
                let id = self.park(run);
                self.stack.layer.wheel.insert(now.tick.after(time), Due::Wake(id));
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
                self.stack.alias(&task.message, port);
                1
            }
            Effect::Send(packet) => self.stack.send_packet(&task.message, packet),
            Effect::Reply(reply) => self.lending(task, |node, task| node.reply_from_script(now, task, reply)),
            Effect::Transaction(step) => self.transaction_step(now, task, step),
            // The callers know these, and the machine keeps the last to itself.
            Effect::Abort => {
                self.stack.wants.push_back(Want::Abort);
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
        self.ask(
            Question::Execute(queries),
            Waiting::Statements(self.stack.generation.clone(), statements.module, about),
        );
    }

    /// Asks what no run waits for.
    pub(super) fn ask(&mut self, question: Question, waiting: Waiting) {
        let ticket = self.parked.park(waiting);
        self.stack.wants.push_back(Want::Ask(ticket, question));
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
        self.stack
            .core
            .log(LogLevel::Error, format!("the database did not take what a module tells it{which}: {fault}"));
        let Some(state) = self.stack.core.modules.get(module.0 as usize) else { return };
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
            if let Some(transaction) = self.stack.layer.table.get(id) {
                transaction.waiting = transaction.waiting.saturating_add(1);
            }
            self.stack.layer.table.weigh(id);
        }
        run.weight = size_of::<Run>() + run.task.message.message.bytes().len() + run.task.size();
        run.generation = Some(self.stack.generation.clone());
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
                self.stack.heed_timers(now, id, &run.task.message);
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
            self.stack.core.log(LogLevel::Warning, format!("{route} has ended with the result {}", end.value));
        }
    }

    /// Goes on with whoever waits for an answer.
    pub(super) fn resume(&mut self, now: Now, ticket: Ticket, answer: Answer) {
        self.leave_to_runs();
        match (self.parked.take(ticket), answer) {
            (Some(Waiting::Run(mut run)), answer) => {
                let call = run.call;
                if let Some(generation) = run.generation.take() {
                    self.stack.enter(generation);
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
                self.stack.enter(generation);
                self.executed(module, about, refused);
            }
            (Some(Waiting::Service(generation, module, tag)), Answer::Found(found)) => {
                self.stack.enter(generation);
                if let Some(state) = self.stack.core.modules.get(module.0 as usize).cloned() {
                    state.found(tag, found, &mut Background { now, core: &mut self.stack.core, module });
                }
            }
            (Some(Waiting::Command(generation, command, then)), answer) => {
                self.stack.enter(generation);
                let Commanding { module, .. } = command;
                let came = then(&mut Background { now, core: &mut self.stack.core, module }, answer);
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
        let Some(call) = call_id(&datagram.bytes).map(|call_id| self.stack.layer.seed.call(call_id)) else {
            return false;
        };
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
        let Some(transaction) = self.stack.layer.table.get(id) else { return };
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
            && let Some(transaction) = self.stack.layer.table.get(id)
        {
            transaction.waiting = transaction.waiting.saturating_sub(1);
            let avps = std::mem::take(&mut transaction.avps);
            run.take_from(transaction, avps);
        }
    }
}
