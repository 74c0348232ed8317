//! Blocks that run aside, in the middle of something else: `onsend_route` before a packet leaves, and the event routes of
//! the core, of `sl` and of `tm`. They run to their end at once: what they would wait for, a query or a sleep, fails. None of
//! them brings about another.

use super::driver::Node;
use super::own::stand_in;
use super::run::Lent;
use crate::builtin::{Avps, Effect, Locals, LogLevel, Received, RouteId, TransactionId, Wire, Working};
use crate::script::{End, Step, Task};
use crate::sip::Message;
use crate::time::Now;
use crate::world::{Answer, Datagram, Flow, Question};
use bytes::Bytes;

/// Kamailio looks at no packet that is shorter.
const SHORTEST: usize = 32;

impl Node {
    /// Whether the `onsend_route` lets a request leave.
    pub(super) fn lets_request_go(&mut self, now: Now, task: &mut Task, packet: (&Bytes, Flow)) -> bool {
        let Some(route) = self.stack.generation.asides.onsend.filter(|_| !self.sharing.running) else { return true };
        let mut message = task.message.clone();
        message.packet = self.wire(packet);
        let locals = Locals {
            avps: std::mem::take(&mut task.locals.avps),
            // It goes on with the flags of the run that sends, where other blocks begin with none.
            script_flags: task.locals.script_flags,
            ..Locals::default()
        };
        let (after, end) = self.run_aside(now, message, locals, route);
        task.locals.avps = after.locals.avps;
        task.locals.script_flags = after.locals.script_flags;
        task.message.flags = after.message.flags;
        task.message.target.flags = after.message.target.flags;
        !end.dropped && !end.broken
    }

    /// Whether the `onsend_route` lets a forwarded reply leave.
    pub(super) fn lets_reply_go(&mut self, now: Now, reply: &Working, packet: (&Bytes, Flow)) -> bool {
        let Some(route) = self.stack.generation.asides.onsend_reply.filter(|_| !self.sharing.running) else {
            return true;
        };
        let mut message = Box::new(reply.clone());
        message.packet = self.wire(packet);
        let (_, end) = self.run_aside(now, message, Locals::default(), route);
        if end.dropped {
            self.stack.core.log(LogLevel::Error, "the onsend_route has dropped a reply");
        }
        !end.dropped
    }

    /// Whether `event_route[core:msg-received]` lets a packet in, with the AVPs that it sets; `None` when not. It sees a message of
    /// nobody's, and the bytes by `$rcv`.
    pub(super) fn lets_in(&mut self, now: Now, datagram: &Datagram) -> Option<Avps> {
        let Some(route) = self.stack.generation.asides.received else { return Some(Avps::default()) };
        let Some((task, end)) = self.run_on_packet(now, datagram, route) else { return Some(Avps::default()) };
        (!end.dropped && end.value >= 0).then_some(task.locals.avps)
    }

    /// `event_route[core:receive-parse-error]`, for a packet that is no message.
    pub(super) fn parse_error(&mut self, now: Now, datagram: &Datagram) {
        if let Some(route) = self.stack.generation.asides.parse_error {
            self.run_on_packet(now, datagram, route);
        }
    }

    fn run_on_packet(&mut self, now: Now, datagram: &Datagram, route: RouteId) -> Option<(Task, End)> {
        let Datagram { bytes, flow } = datagram;
        if bytes.len() < SHORTEST {
            return None;
        }
        let received = Received { flow: *flow, at: now.tick };
        let mut message = Box::new(Working::new(stand_in(b"")?, received, self.stack.next_message));
        message.packet = self.wire((bytes, *flow));
        Some(self.run_aside(now, message, Locals::default(), route))
    }

    /// `event_route[sl:local-response]`, once a reply without a transaction is sent.
    pub(super) fn local_response(&mut self, now: Now, bytes: &Bytes, received: Received) {
        if let Some(route) = self.stack.generation.asides.local_response {
            let lent = self.sharing.lent.take();
            self.sharing.lent = self.run_on_reply(now, bytes, received, (route, lent));
        }
    }

    /// `event_route[tm:local-response]`, once a reply made here is sent through its transaction.
    pub(super) fn transaction_response(&mut self, now: Now, id: TransactionId, bytes: &Bytes, received: Received) {
        let Some(route) = self.stack.generation.asides.transaction_response else { return };
        if let Some(lent) = self.sharing.lent.take() {
            self.sharing.lent = self.run_on_reply(now, bytes, received, (route, Some(lent)));
            return;
        }
        let avps = self.stack.layer.table.get(id).map(|transaction| std::mem::take(&mut transaction.avps));
        let lent = avps.map(|avps| Lent { avps, ..Lent::default() });
        let lent = self.run_on_reply(now, bytes, received, (route, lent));
        if let (Some(transaction), Some(lent)) = (self.stack.layer.table.get(id), lent) {
            transaction.avps = lent.avps;
        }
    }

    /// Has the blocks that a step brings about share AVPs and branch flags with the run whose step it is.
    pub(super) fn lending<T>(&mut self, task: &mut Task, step: impl FnOnce(&mut Node, &mut Task) -> T) -> T {
        let lent = Lent { avps: std::mem::take(&mut task.locals.avps), branch_flags: task.message.target.flags };
        let outer = self.sharing.lent.replace(lent);
        let done = step(self, task);
        let lent = std::mem::replace(&mut self.sharing.lent, outer).unwrap_or_default();
        (task.locals.avps, task.message.target.flags) = (lent.avps, lent.branch_flags);
        done
    }

    /// Runs a block on a reply that was sent; gives back what it was lent.
    fn run_on_reply(
        &mut self,
        now: Now,
        bytes: &Bytes,
        received: Received,
        (route, lent): (RouteId, Option<Lent>),
    ) -> Option<Lent> {
        if self.sharing.running {
            return lent;
        }
        let Ok(reply) = Message::parse(bytes.clone()) else { return lent };
        let Lent { avps, branch_flags } = lent.unwrap_or_default();
        let mut message = Box::new(Working::new(reply, received, self.stack.next_message));
        message.target.flags = branch_flags;
        let (task, _) = self.run_aside(now, message, Locals { avps, ..Locals::default() }, route);
        Some(Lent { avps: task.locals.avps, branch_flags: task.message.target.flags })
    }

    /// `event_route[sl:filtered-ack]`, for an ACK that ends here because `sl` refused its request.
    pub(super) fn filtered_ack(&mut self, now: Now, ack: Box<Working>, avps: Avps) {
        if let Some(route) = self.stack.generation.asides.filtered_ack {
            self.run_aside(now, ack, Locals { avps, ..Locals::default() }, route);
        }
    }

    /// `event_route[tm:local-request]`, for a request made here that is about to leave.
    pub(super) fn local_request(&mut self, now: Now, request: Box<Working>) -> Option<(Task, End)> {
        let route = self.stack.generation.asides.local_request.filter(|_| !self.sharing.running)?;
        Some(self.run_aside(now, request, Locals::default(), route))
    }

    fn wire(&self, (bytes, flow): (&Bytes, Flow)) -> Option<Box<Wire>> {
        let own = self.stack.core.sockets.socket(flow.socket)?;
        Some(Box::new(Wire { bytes: bytes.clone(), transport: own.transport, own: own.address, peer: flow.peer }))
    }

    /// Runs a block to its end.
    fn run_aside(&mut self, now: Now, message: Box<Working>, locals: Locals, route: RouteId) -> (Task, End) {
        self.sharing.running = true;
        let mut task = self.make_task(message, locals, route);
        let mut answer = None;
        let end = loop {
            match crate::script::run(
                self.stack.generation.program(),
                &mut task,
                &mut self.stack.core,
                now,
                answer.take(),
            ) {
                Step::Done(end) => break end,
                Step::Wait(effect) => {
                    self.hand_over(&mut task.locals);
                    answer = Some(self.perform_aside(now, &mut task, effect));
                    self.hand_over(&mut task.locals);
                }
            }
        };
        self.hand_over(&mut task.locals);
        self.sharing.running = false;
        (task, end)
    }

    fn perform_aside(&mut self, now: Now, task: &mut Task, effect: Effect) -> Answer {
        match effect {
            Effect::Ask(question) => {
                if let Question::Query(_) = question {
                    self.stack.core.log(LogLevel::Error, "a block that cannot wait asks a database: it gets no answer");
                }
                question.refused()
            }
            Effect::Relay(_) => {
                self.stack.core.log(LogLevel::Error, "t_relay does nothing in a block that runs aside");
                Answer::Code(-1)
            }
            Effect::Sleep(_) => Answer::Code(-1),
            effect => self.perform_now(now, task, effect),
        }
    }
}
