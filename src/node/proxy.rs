//! Blocks that run aside, in the middle of something else: `onsend_route` before a packet leaves, and the event routes of
//! the core, of `sl` and of `tm`. They run to their end at once: what they would wait for, a query or a sleep, fails. None of
//! them brings about another: what they send, the stack sends by itself.

use super::own_reply::LocalResponse;
use super::run::{Run, Start};
use super::stack::Stack;
use crate::builtin::{Avps, Carried, Effect, Locals, LogLevel, Received, RouteId, TraceEvent, Wire, Working};
use crate::script::{End, Step, Task};
use crate::sip::Message;
use crate::time::Now;
use crate::world::{Answer, Datagram, Flow, Question};
use bytes::Bytes;

/// Kamailio looks at no packet that is shorter.
const SHORTEST: usize = 32;

/// The stack together with the blocks of the script that see what it receives and sends. Runs that somebody has to wait for it does not start: it says
/// which are to start, and its methods whose names end in `done` go on behind their end.
pub(super) struct Proxy {
    pub(super) stack: Stack,
    /// What blocks hand on to each other, while none of them runs.
    pub(super) carried: Carried,
}

impl Proxy {
    /// The run that is to start.
    pub(super) fn make_run(&mut self, start: Start) -> Box<Run> {
        let Start { message, avps, route, role, call } = start;
        let locals = Locals { avps, ..Locals::default() };
        Box::new(Run { task: self.make_task(message, locals, route), role, call, weight: 0, generation: None })
    }

    /// A task of a block, which takes what earlier ones carried along.
    fn make_task(&mut self, message: Box<Working>, mut locals: Locals, route: RouteId) -> Task {
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

    /// Whether the `onsend_route` lets a request leave.
    pub(super) fn lets_request_go(&mut self, now: Now, task: &mut Task, packet: (&Bytes, Flow)) -> bool {
        let Some(route) = self.stack.generation.asides.onsend else { return true };
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
        let Some(route) = self.stack.generation.asides.onsend_reply else { return true };
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

    /// `event_route[sl:local-response]` or `event_route[tm:local-response]`, once a reply made here is sent. It shares AVPs and branch flags with the run that
    /// had it sent; where that was none, AVPs with the transaction.
    pub(super) fn tell(&mut self, now: Now, response: LocalResponse, run: Option<&mut Task>) {
        let LocalResponse { bytes, received, transaction } = response;
        let asides = &self.stack.generation.asides;
        let route = if transaction.is_some() { asides.transaction_response } else { asides.local_response };
        let Some(route) = route else { return };
        let Ok(reply) = Message::parse(bytes) else { return };
        let mut message = Box::new(Working::new(reply, received, self.stack.next_message));
        if let Some(run) = run {
            message.target.flags = run.message.target.flags;
            let locals = Locals { avps: std::mem::take(&mut run.locals.avps), ..Locals::default() };
            let (task, _) = self.run_aside(now, message, locals, route);
            (run.locals.avps, run.message.target.flags) = (task.locals.avps, task.message.target.flags);
            return;
        }
        let its = transaction.and_then(|id| self.stack.layer.table.get(id));
        let avps = its.map(|its| std::mem::take(&mut its.avps)).unwrap_or_default();
        let (task, _) = self.run_aside(now, message, Locals { avps, ..Locals::default() }, route);
        if let Some(its) = transaction.and_then(|id| self.stack.layer.table.get(id)) {
            its.avps = task.locals.avps;
        }
    }

    /// `event_route[sl:filtered-ack]`, for an ACK that ends here because `sl` refused its request.
    pub(super) fn filtered_ack(&mut self, now: Now, ack: Box<Working>, avps: Avps) {
        if let Some(route) = self.stack.generation.asides.filtered_ack {
            self.run_aside(now, ack, Locals { avps, ..Locals::default() }, route);
        }
    }

    /// `event_route[tm:local-request]`, for a request made here that is about to leave.
    pub(super) fn local_request(&mut self, now: Now, request: Box<Working>) -> Option<(Task, End)> {
        let route = self.stack.generation.asides.local_request?;
        Some(self.run_aside(now, request, Locals::default(), route))
    }

    fn wire(&self, (bytes, flow): (&Bytes, Flow)) -> Option<Box<Wire>> {
        let own = self.stack.core.sockets.socket(flow.socket)?;
        Some(Box::new(Wire { bytes: bytes.clone(), transport: own.transport, own: own.address, peer: flow.peer }))
    }

    /// Runs a block to its end.
    fn run_aside(&mut self, now: Now, message: Box<Working>, locals: Locals, route: RouteId) -> (Task, End) {
        let mut task = self.make_task(message, locals, route);
        let mut answer = None;
        loop {
            let program = self.stack.generation.program();
            match crate::script::run(program, &mut task, &mut self.stack.core, now, answer.take()) {
                Step::Done(end) => {
                    self.hand_over(&mut task.locals);
                    return (task, end);
                }
                Step::Wait(effect) => answer = Some(self.perform_aside(now, &mut task, effect)),
            }
        }
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
            effect => Answer::Code(self.stack.perform(now, task, effect).0),
        }
    }
}

/// A message for event routes, which run without one of a peer's.
pub(super) fn stand_in(uri: &[u8]) -> Option<Message> {
    let mut text = b"OPTIONS ".to_vec();
    text.extend_from_slice(if super::address::is_uri(uri) { uri } else { b"sip:you@kamailio.org" });
    text.extend_from_slice(
        b" SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKevent\r\nFrom: <sip:event@localhost.invalid>;tag=event\r\n\
        To: <sip:event@localhost.invalid>\r\nCall-ID: event@localhost.invalid\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
    );
    Message::parse(Bytes::from(text)).ok()
}
