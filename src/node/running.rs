//! Runs of the script: started, put aside while they wait, and followed by what their kind asks for.

use super::Node;
use super::parked::{Turn, Waiting};
use super::run::{Performed, Role, Run, Start};
use super::share::call_id;
use super::transaction::Due;
use super::work::{Ended, Follow};
use crate::builtin::{Effect, Extension, LogLevel, Statements};
use crate::script::{End, Step, Task};
use crate::time::Now;
use crate::world::{Answer, Datagram, ModuleId, QueryFault, Question, Ticket, Want};
use std::any::Any;

impl Node {
    /// Starts a run of a route and carries it as far as it goes.
    pub(super) fn start(&mut self, now: Now, start: Start) {
        // A CANCEL of today may end a call of yesterday.
        let outer = start.role.transaction().and_then(|id| self.proxy.stack.enter_that_of(id));
        let run = self.proxy.make_run(start);
        self.drive(now, run, None);
        if let Some(outer) = outer {
            self.proxy.stack.enter(outer);
        }
    }

    /// Sees to what follows from a step, which may be that of a run.
    pub(super) fn follow(&mut self, now: Now, mut run: Option<&mut Task>) {
        while let Some(follow) = self.proxy.stack.layer.follows.pop_front() {
            let (Follow::Ended(Ended { id, .. }) | Follow::Answer(id, ..)) = follow;
            let outer = self.proxy.stack.enter_that_of(id);
            match follow {
                Follow::Ended(ended) => {
                    if let Some(start) = self.proxy.branch_ended(now, ended) {
                        self.start(now, start);
                    }
                }
                Follow::Answer(id, code, reason) => {
                    let uri = self.proxy.stack.uri_at_first(id);
                    self.proxy.answer(now, id, uri, (code, reason), run.as_deref_mut());
                }
            }
            if let Some(outer) = outer {
                self.proxy.stack.enter(outer);
            }
        }
    }

    /// Nothing follows from what arrived, or came due, beyond this: what its blocks carried ends here. Only to the letter, `$var` outlives it.
    pub(super) fn end_step(&mut self, now: Now) {
        self.follow(now, None);
        self.proxy.carried.forget(self.proxy.stack.core.extensions.allows(Extension::VariablePerMessage));
        self.leave_to_runs();
    }

    /// Whoever runs for a transaction that has ended, and waits, goes on with what it left.
    pub(super) fn leave_to_runs(&mut self) {
        for transaction in self.proxy.stack.left.drain(..) {
            let runs = self.parked.of_transaction(transaction.id);
            runs.for_each(|run| run.take_from(&transaction, transaction.avps.clone()));
        }
    }

    /// Carries a run, and those that it brings about, as far as they go.
    pub(super) fn drive(&mut self, now: Now, mut run: Box<Run>, mut answer: Option<Answer>) {
        loop {
            let step = crate::script::run(
                self.proxy.stack.generation.program(),
                &mut run.task,
                &mut self.proxy.stack.core,
                now,
                answer.take(),
            );
            self.proxy.hand_over(&mut run.task.locals);
            let performed = match step {
                Step::Wait(effect) => self.perform(now, run, effect),
                Step::Done(end) => self.finish(now, *run, end),
            };
            match self.go_on(now, performed) {
                Some((next, given)) => (run, answer) = (next, given),
                None => return,
            }
        }
    }

    /// The run that goes on behind what was done, with its answer; `None` when none does.
    pub(super) fn go_on(&mut self, now: Now, mut performed: Performed) -> Option<(Box<Run>, Option<Answer>)> {
        loop {
            match performed {
                Performed::Answered(mut run, answer) => {
                    self.follow(now, Some(&mut run.task));
                    self.proxy.hand_over(&mut run.task.locals);
                    return Some((run, Some(answer)));
                }
                Performed::Instead(run) => return Some((run, None)),
                Performed::Asks(asking) if self.parked.is_crowded(&self.limits) => {
                    let refused = asking.about.question().refused();
                    performed = self.proxy.send_on(now, *asking, refused);
                }
                Performed::Asks(asking) => {
                    let question = asking.about.question();
                    let ticket = self.park(Waiting::Sending(asking));
                    self.proxy.stack.wants.push_back(Want::Ask(ticket, question));
                    return None;
                }
                Performed::Done => return None,
            }
        }
    }

    fn perform(&mut self, now: Now, mut run: Box<Run>, effect: Effect) -> Performed {
        let answer = match effect {
            Effect::Ask(question) if self.parked.is_crowded(&self.limits) => question.refused(),
            Effect::Ask(question) => {
                let ticket = self.park(Waiting::Run(run));
                self.proxy.stack.wants.push_back(Want::Ask(ticket, question));
                return Performed::Done;
            }
            Effect::Abort => {
                self.proxy.stack.wants.push_back(Want::Abort);
                return Performed::Done;
            }
            Effect::Sleep(_) if self.parked.is_crowded(&self.limits) => Answer::Code(-1),
            Effect::Sleep(time) => {
                let id = self.park(Waiting::Run(run));
                self.proxy.stack.layer.wheel.insert(now.tick.after(time), Due::Wake(id));
                return Performed::Done;
            }
            Effect::Relay(relay) => return self.proxy.relay(now, run, relay),
            Effect::Forward(relay) => return self.proxy.forward(now, run, &relay),
            Effect::ForwardReply => {
                self.proxy.forward_stray(now, &run.task.message);
                Answer::Code(1)
            }
            effect => self.proxy.perform(now, &mut run.task, effect),
        };
        Performed::Answered(run, answer)
    }

    /// Has a database take statements that no run waits for.
    pub(super) fn execute(&mut self, statements: Statements) {
        if statements.list.is_empty() {
            return;
        }
        let (queries, about) = statements.list.into_iter().map(|its| (its.query, its.about)).unzip();
        self.ask(
            Question::Execute(queries),
            Waiting::Statements(self.proxy.stack.generation.clone(), statements.module, about),
        );
    }

    /// Asks what no run waits for.
    pub(super) fn ask(&mut self, question: Question, waiting: Waiting) {
        let ticket = self.parked.park(waiting);
        self.proxy.stack.wants.push_back(Want::Ask(ticket, question));
    }

    /// Which of a module's statements the database did not take.
    pub(super) fn executed(
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
        self.proxy
            .stack
            .core
            .log(LogLevel::Error, format!("the database did not take what a module tells it{which}: {fault}"));
        let Some(state) = self.proxy.stack.core.modules.get(module.0 as usize) else { return };
        for (at, _) in refused {
            if let Some(about) = about.get_mut(at).and_then(Option::take) {
                state.refused(about);
            }
        }
    }

    /// Puts a run aside, with what it carries, and with it the messages of its call that come behind. What it holds of its transaction goes back there:
    /// timers, and what they bring about, act on it meanwhile.
    fn park(&mut self, mut waiting: Waiting) -> Ticket {
        let weight = waiting.size();
        if let Some(run) = waiting.run() {
            self.proxy.hand_over(&mut run.task.locals);
            self.give_back(run);
            if let Some(id) = run.transaction() {
                if let Some(transaction) = self.proxy.stack.layer.table.get(id) {
                    transaction.waiting = transaction.waiting.saturating_add(1);
                }
                self.proxy.stack.layer.table.weigh(id);
            }
            run.weight = weight;
            run.generation = Some(self.proxy.stack.generation.clone());
        }
        self.parked.park(waiting)
    }

    /// What follows the end of a run.
    fn finish(&mut self, now: Now, mut run: Run, end: End) -> Performed {
        let start = match run.role {
            Role::Request => {
                self.warn_of(end, "request_route");
                self.proxy.request_done(now, run.task, end.broken);
                None
            }
            Role::CoreReply => {
                self.warn_of(end, "reply_route");
                // Kamailio discards a reply whose route drops it, or ends with a result of 0 or less without exit.
                let goes_on = !end.dropped && (end.exited && end.value != 0 || end.value > 0);
                if goes_on { self.proxy.reply_to_transaction(now, run.task.message, run.call) } else { None }
            }
            Role::StrayReply => {
                if !end.dropped && end.value != 0 {
                    self.proxy.forward_stray(now, &run.task.message);
                }
                None
            }
            Role::Reply(id, branch, counts) => {
                self.proxy.stack.heed_timers(now, id, &run.task.message);
                self.give_back(&mut run);
                let provisional = run.task.message.message.status().unwrap_or(0) < 200;
                if counts && !(end.dropped && provisional) {
                    self.proxy.count_reply(now, id, branch, run.task.message);
                }
                None
            }
            Role::Failure(id, reply) => {
                self.proxy.failure_done(now, id, run.task, reply);
                None
            }
            Role::BeforeRouting => {
                // Whatever else its result is, only `drop` ends the message here.
                if end.broken && run.task.message.message.is_request() {
                    self.proxy.request_done(now, run.task, true);
                    None
                } else if !end.dropped {
                    self.route_message(now, run.task.message, run.task.locals.avps, run.call)
                } else {
                    None
                }
            }
            Role::BranchFailure(id, reply) => self.proxy.branch_failure_done(now, id, run.task, reply),
            Role::Branch(forking) => return self.proxy.branch_done(now, forking, run.task, end.dropped || end.broken),
            Role::Event => None,
        };
        start.map_or(Performed::Done, |start| Performed::Instead(self.proxy.make_run(start)))
    }

    /// Kamailio warns of a main route that ends with a negative result.
    fn warn_of(&mut self, end: End, route: &str) {
        if end.value < 0 && !end.exited {
            self.proxy.stack.core.log(LogLevel::Warning, format!("{route} has ended with the result {}", end.value));
        }
    }

    /// Whether a message of this call must wait; it is kept then, or dropped when too many wait already. What a transaction takes by itself does not
    /// wait: an ACK stops a final reply from being sent again, a request that comes again brings the last reply once more.
    pub(super) fn must_wait(&mut self, now: Now, datagram: &Datagram) -> bool {
        if self.parked.is_quiet() {
            return false;
        }
        let Some(call) = call_id(&datagram.bytes).map(|call_id| self.proxy.stack.layer.seed.call(call_id)) else {
            return false;
        };
        if self.parked.holds(call) && self.is_absorbed(now, datagram) {
            return true;
        }
        let turn = self.parked.turn(call, datagram, &self.limits);
        self.proxy.stack.statistics.overloaded += u64::from(turn == Turn::Never);
        turn != Turn::Now
    }

    /// Gives what a run holds of its transaction back to it: AVPs, flags, and the blocks that are armed.
    fn give_back(&mut self, run: &mut Run) {
        let Some(id) = run.transaction() else { return };
        let Some(transaction) = self.proxy.stack.layer.table.get(id) else { return };
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
    pub(super) fn take_again(&mut self, run: &mut Run) {
        if let Some(id) = run.transaction()
            && let Some(transaction) = self.proxy.stack.layer.table.get(id)
        {
            transaction.waiting = transaction.waiting.saturating_sub(1);
            let avps = std::mem::take(&mut transaction.avps);
            run.take_from(transaction, avps);
        }
    }
}
