//! Forwarding requests: destinations, `branch_route`, what has to be asked before a branch leaves, and the branches.

use super::fault::{BAD_URI, Fault, UNREADABLE};
use super::leave::{NextHop, sockets_of};
use super::loops::Breadth;
use super::names::Resolution;
use super::proxy::Proxy;
use super::run::{About, Asking, Forking, Performed, Ready, Role, Run, Sending, Start};
use super::transaction::{Branch, Client};
use crate::builtin::{Answer, LogLevel, Relay, RouteId, SocketId, Target, TransactionId, UnmatchedCancel, Working};
use crate::script::Task;
use crate::sip::Method;
use crate::time::Now;
use crate::transaction::{Actions, client_invite, client_non_invite};
use crate::world::Flow;
use std::collections::VecDeque;

impl Proxy {
    /// `t_relay`.
    pub(super) fn relay(&mut self, now: Now, mut run: Box<Run>, relay: Relay) -> Performed {
        let method = run.task.message.message.method().unwrap_or(Method::Other);
        let within = relay.within;
        if within && run.task.message.transaction.is_none() {
            return Performed::Answered(run, Answer::Code(-1));
        }
        if method == Method::Ack {
            return self.forward(now, run, &relay);
        }
        if method == Method::Cancel && self.stack.cancel(now, &mut run.task.message) {
            return Performed::Answered(run, Answer::Code(1));
        }
        if method == Method::Cancel && !within {
            // One that is for no INVITE known here.
            match self.stack.core.settings.transaction.unmatched_cancel {
                UnmatchedCancel::Stateful => {}
                UnmatchedCancel::Stateless => return self.forward(now, run, &relay),
                UnmatchedCancel::Dropped => return Performed::Answered(run, Answer::Code(1)),
            }
        }
        let known = run.task.message.transaction.map(|view| view.id);
        match known {
            Some(id) => self.stack.heed_timers(now, id, &run.task.message),
            None => self.stack.take_timers(&mut run.task),
        }
        let Some(id) = known.or_else(|| self.stack.new_transaction(now, &mut run.task.message)) else {
            run.task.set_error(UNREADABLE);
            return Performed::Answered(run, Answer::Code(BAD_URI));
        };
        if !within && self.stack.layer.table.get(id).is_some_and(|transaction| transaction.sent_code == 0) {
            self.trying(now, id, &mut run.task);
        }
        let mut targets = targets(&mut run.task.message, relay);
        // A later relay runs it only when it is named again.
        let route = run.task.message.armed.branch.take();
        self.keep_for_failure(id, &mut run.task, route);
        let mut fault = targets.is_empty().then_some(Fault::Internal);
        let breadth = self.stack.layer.breadth(self.stack.core.extensions, id, &run.task.message, targets.len());
        if breadth.is_none() {
            targets.clear();
            fault = fault.or(Some(Fault::Breadth));
        }
        let breadth = breadth.unwrap_or(Breadth::Free);
        let (ready, begun, sent) = (VecDeque::new(), false, 0);
        let mut forking =
            Box::new(Forking { outer: run, route, id, targets, breadth, ready, begun, sent, fault, within });
        if forking.route.is_none() {
            let ready = |target| Ready { target, task: None };
            forking.ready = std::mem::take(&mut forking.targets).into_iter().map(ready).collect();
        }
        self.next_branch(now, forking)
    }

    /// Starts the `branch_route` of the next destination; when none is left, all leave.
    fn next_branch(&mut self, now: Now, mut forking: Box<Forking>) -> Performed {
        let (Some(route), Some(target)) = (forking.route, forking.targets.pop_front()) else {
            self.keep_flags(&forking);
            return self.send_ready(now, forking);
        };
        let mut message = forking.outer.task.message.clone();
        message.target = Target { uri: target.uri.or(message.target.uri), ..target };
        if let Some(transaction) = self.stack.layer.table.get(forking.id) {
            let branch = (transaction.branches.len() + forking.ready.len()) as u16;
            message.transaction = Some(transaction.view(Some(branch), 0));
        }
        let avps = std::mem::take(&mut forking.outer.task.locals.avps);
        let call = forking.outer.call;
        let start = Start { message, avps, route, role: Role::Branch(forking), call };
        Performed::Instead(self.make_run(start))
    }

    /// What follows the end of a `branch_route`.
    pub(super) fn branch_done(
        &mut self,
        now: Now,
        mut forking: Box<Forking>,
        mut task: Task,
        dropped: bool,
    ) -> Performed {
        forking.outer.task.locals.avps = std::mem::take(&mut task.locals.avps);
        forking.outer.task.message.adopt(&mut task.message);
        self.stack.heed_timers(now, forking.id, &task.message);
        if dropped {
            forking.fault = forking.fault.or(Some(Fault::NoBranch));
        } else {
            forking.ready.push_back(Ready { target: task.message.target.clone(), task: Some(task) });
        }
        self.next_branch(now, forking)
    }

    /// Sends the branches that are ready, one after another; what has to be asked for one is asked first.
    fn send_ready(&mut self, now: Now, mut forking: Box<Forking>) -> Performed {
        while let Some(ready) = forking.ready.pop_front() {
            match self.way_of_branch(&forking, &ready) {
                Ok(NextHop::Known(flow)) if self.has_to_be_there(forking.message(&ready), flow) => {
                    return ask(About::Connection(flow), forking, ready);
                }
                Ok(NextHop::Known(flow)) => self.send_next(now, &mut forking, ready, flow),
                Ok(NextHop::Named(name)) => return ask(About::Name(name), forking, ready),
                Err(fault) => forking.fault = Some(fault),
            }
        }
        self.relayed(*forking)
    }

    /// Goes on with what waited for an answer.
    pub(super) fn send_on(&mut self, now: Now, asking: Asking, answer: Answer) -> Performed {
        let Asking { about, what } = asking;
        match what {
            Sending::Branch(mut forking) => {
                let Some(ready) = forking.ready.pop_front() else { return self.relayed(*forking) };
                match about {
                    About::Connection(flow) if answer.code() > 0 => self.send_next(now, &mut forking, ready, flow),
                    About::Connection(_) => forking.fault = Some(Fault::Dropped),
                    About::Name(name) => {
                        let sockets = self.sockets_of_branch(&forking, &ready);
                        match self.stack.resolve(name, answer.found(), sockets) {
                            Resolution::Next(name) => return ask(About::Name(name), forking, ready),
                            Resolution::Found(flow) if self.has_to_be_there(forking.message(&ready), flow) => {
                                return ask(About::Connection(flow), forking, ready);
                            }
                            Resolution::Found(flow) => self.send_next(now, &mut forking, ready, flow),
                            Resolution::Failed => forking.fault = Some(Fault::Unresolvable),
                        }
                    }
                }
                self.send_ready(now, forking)
            }
            Sending::Stateless(run) => match about {
                // Nobody asks this for one of these: Kamailio's forward() does not tell whether there was one.
                About::Connection(flow) => self.forward_by(now, run, flow),
                About::Name(name) => match self.stack.resolve(name, answer.found(), sockets_of(&run.task.message)) {
                    Resolution::Next(name) => {
                        Performed::Asks(Box::new(Asking { about: About::Name(name), what: Sending::Stateless(run) }))
                    }
                    Resolution::Found(flow) => self.forward_by(now, run, flow),
                    Resolution::Failed => not_forwarded(run, Fault::Unresolvable),
                },
            },
        }
    }

    /// Whether a request leaves by a connection that is there, or not at all.
    fn has_to_be_there(&self, message: &Working, flow: Flow) -> bool {
        self.stack.core.sockets.transport(flow.socket).is_reliable()
            && (message.forward_flags.existing || self.stack.core.settings.connections.opens_none)
    }

    /// The sockets that the next branch of a relay may leave by: the one that is wanted, and the one that its request came by.
    fn sockets_of_branch(&mut self, forking: &Forking, ready: &Ready) -> (Option<SocketId>, Option<SocketId>) {
        let message = forking.message(ready);
        let transaction = self.stack.layer.table.get(forking.id).filter(|transaction| transaction.failing);
        // A route on a failure goes on from where the first branch left by.
        let first = transaction.and_then(|its| its.branches.first()).map(|branch| branch.flow.socket);
        let arrived = first.unwrap_or(message.received.flow.socket);
        (ready.target.socket.or(message.target.socket), Some(arrived))
    }

    fn way_of_branch(&mut self, forking: &Forking, ready: &Ready) -> Result<NextHop, Fault> {
        let sockets = self.sockets_of_branch(forking, ready);
        let message = forking.message(ready);
        match ready.target.next_hop.as_ref().or(ready.target.uri.as_ref()) {
            Some(hop) => self.stack.way(hop, sockets),
            None => self.stack.way(&message.request_uri(), sockets),
        }
    }

    /// Sends the next branch of a relay this way.
    fn send_next(&mut self, now: Now, forking: &mut Forking, ready: Ready, flow: Flow) {
        let Ready { target, task } = ready;
        let (id, breadth) = (forking.id, forking.breadth);
        let begins_relay = !std::mem::replace(&mut forking.begun, true);
        let its = &mut forking.outer.task;
        let sent = match task {
            None => self.send_branch(now, id, its, (target, flow, begins_relay), breadth),
            Some(mut task) => {
                its.swap_sending(&mut task);
                let sent = self.send_branch(now, id, &mut task, (target, flow, begins_relay), breadth);
                its.swap_sending(&mut task);
                sent
            }
        };
        match sent {
            Ok(()) => forking.sent += 1,
            Err(fault) => forking.fault = Some(fault),
        }
    }

    /// The result of a relay.
    fn relayed(&mut self, mut forking: Forking) -> Performed {
        let code = if forking.sent > 0 {
            forking.outer.task.set_error(0);
            1
        } else {
            let fault = forking.fault.unwrap_or(Fault::NoBranch);
            forking.outer.task.set_error(fault.error());
            if !forking.within
                && let Some(transaction) = self.stack.layer.table.get(forking.id)
            {
                transaction.fault = Some(fault);
            }
            fault.code()
        };
        if let Some(transaction) = self.stack.layer.table.get(forking.id) {
            let message = &mut forking.outer.task.message;
            transaction.armed = message.armed.lasting();
            message.transaction = Some(transaction.view(None, 0));
        }
        self.stack.layer.table.weigh(forking.id);
        Performed::Answered(forking.outer, Answer::Code(code))
    }

    /// The flags that the request has when its branches leave are those that its replies see.
    fn keep_flags(&mut self, forking: &Forking) {
        if let Some(transaction) = self.stack.layer.table.get(forking.id) {
            transaction.flags = forking.outer.task.message.flags;
        }
    }

    /// The 100 that tells the caller to stop repeating itself.
    fn trying(&mut self, now: Now, id: TransactionId, task: &mut Task) {
        let settings = &self.stack.core.settings.transaction;
        if task.message.message.method() != Some(Method::Invite) || !settings.auto_inv_100 {
            return;
        }
        let (uri, reason) = (task.message.target.uri.clone(), settings.auto_inv_100_reason.clone());
        self.answer(now, id, uri, (100, &reason), Some(task));
    }

    /// Keeps the message as it stands, when a `failure_route` may want it.
    fn keep_for_failure(&mut self, id: TransactionId, task: &mut Task, branch_route: Option<RouteId>) {
        let message = &task.message;
        let armed = message.armed.failure.or(branch_route).or(message.armed.branch_failure).is_some();
        // What a failure_route changes belongs to the branches it adds: the next one starts from the request as it was first relayed.
        if let Some(transaction) = self.stack.layer.table.get(id)
            && armed
            && transaction.relayed.is_none()
        {
            let mut kept = task.message.clone();
            kept.armed.failure = None;
            kept.armed.branch_failure = None;
            transaction.relayed = Some(kept);
        }
    }

    /// Sends a request on a branch of its own, to a target that is the first of its relay or not.
    fn send_branch(
        &mut self,
        now: Now,
        id: TransactionId,
        task: &mut Task,
        (target, flow, begins_relay): (Target, Flow, bool),
        breadth: Breadth,
    ) -> Result<(), Fault> {
        let message = &mut task.message;
        message.breadth = match breadth {
            Breadth::Share(share) => Some(share),
            Breadth::Free | Breadth::Whole(_) => None,
        };
        let uri = target.uri.clone().unwrap_or_else(|| message.request_uri());
        let most = self.stack.core.settings.max_branches;
        let Some(transaction) = self.stack.layer.table.get(id) else { return Err(Fault::Internal) };
        if transaction.branches.len() >= most {
            self.stack
                .core
                .log(LogLevel::Error, format!("a transaction has no more than {most} branches (max_branches)"));
            return Err(Fault::NoBranch);
        }
        let (index, timers, born, is_invite) =
            (transaction.branches.len() as u16, transaction.timers, transaction.born, transaction.is_invite);
        let branch = self.stack.layer.new_branch(&mut self.stack.core.random, message.visit.course, index);
        let located = target.located.as_deref();
        let (sent, flow) = self.stack.write_forwarded(task, &uri, flow, &branch, located);
        let message = &task.message;
        let key = self.stack.layer.seed.client(&branch, message.message.method_text());
        if !self.lets_request_go(now, task, (&sent, flow)) {
            return Err(Fault::Dropped);
        }
        let mut actions = Actions::new();
        let reliable = self.stack.core.sockets.transport(flow.socket).is_reliable();
        let machine = if is_invite {
            Client::Invite(client_invite::State::start(now.tick, born, reliable, &timers, &mut actions))
        } else {
            Client::Other(client_non_invite::State::start(now.tick, born, reliable, &timers, &mut actions))
        };
        let mut branch = Branch::new(machine, key, sent, flow);
        branch.send_flags = task.message.forward_flags;
        branch.flags = target.flags;
        branch.breadth = breadth.held();
        branch.begins_relay = begins_relay;
        branch.armed = task.message.armed;
        if let Some(mut work) = self.stack.work(now, id) {
            work.begin_branch(branch, &actions);
        }
        Ok(())
    }

    /// `forward`, and the way of an ACK: without a transaction.
    pub(super) fn forward(&mut self, now: Now, run: Box<Run>, relay: &Relay) -> Performed {
        let message = &run.task.message;
        let hop = self.stack.hop_of_forwarded(message, relay);
        match self.stack.way(&hop, sockets_of(message)) {
            Ok(NextHop::Known(flow)) => self.forward_by(now, run, flow),
            Ok(NextHop::Named(name)) => {
                Performed::Asks(Box::new(Asking { about: About::Name(name), what: Sending::Stateless(run) }))
            }
            Err(fault) => not_forwarded(run, fault),
        }
    }

    fn forward_by(&mut self, now: Now, mut run: Box<Run>, flow: Flow) -> Performed {
        let (bytes, flow) = self.stack.forwarded(&mut run.task, flow);
        run.task.set_error(0);
        if self.lets_request_go(now, &mut run.task, (&bytes, flow)) {
            self.stack.send_forwarded(&mut run.task.message, (bytes, flow));
        }
        Performed::Answered(run, Answer::Code(1))
    }
}

/// Has something asked before the next branch of a relay leaves.
fn ask(about: About, mut forking: Box<Forking>, ready: Ready) -> Performed {
    forking.ready.push_front(ready);
    Performed::Asks(Box::new(Asking { about, what: Sending::Branch(forking) }))
}

/// The script is told why a message was not forwarded.
fn not_forwarded(mut run: Box<Run>, fault: Fault) -> Performed {
    run.task.set_error(fault.error());
    Performed::Answered(run, Answer::Code(fault.code()))
}

/// The destinations of a relay: the message's own first, unless it has its branch, then those that the script appended.
fn targets(message: &mut Working, relay: Relay) -> VecDeque<Target> {
    let mut targets = VecDeque::with_capacity(1 + message.branches.len());
    if !message.is_taken() {
        let own = message.target.clone();
        targets.push_back(Target { next_hop: relay.next_hop.or(own.next_hop), ..own });
        message.take_uri();
    }
    targets.extend(message.branches.drain(..));
    targets
}
