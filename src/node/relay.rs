//! Forwarding requests: destinations, branches, `branch_route`, CANCEL.

use super::address::{NoHop, next_hop};
use super::driver::Node;
use super::loops::Breadth;
use super::run::{Performed, Role, Run};
use super::via::{Leaving, push_via};
use crate::builtin::{
    Answer, Counter, Located, LogLevel, Packet, Relay, RouteId, SocketId, Target, TransactionId, Working, print_int,
};
use crate::script::Task;
use crate::sip::{HeaderName, Method, Transport, Uri, delimit, write_request};
use crate::time::Now;
use crate::world::{Flow, SendFlags, Transmit, Want};
use bytes::Bytes;
use std::collections::VecDeque;

/// Why a request could not be forwarded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    /// The next hop is no address.
    Unresolvable,
    /// It wants a transport that is not served.
    Transport,
    /// No branch was left.
    NoBranch,
    /// It would be forked wider than it may be.
    Breadth,
    /// The `onsend_route` kept it back.
    Dropped,
    /// Anything else.
    Internal,
}

impl Fault {
    /// Its number in Kamailio's `core/error.h`.
    pub(super) fn error(self) -> i32 {
        match self {
            Fault::Unresolvable => -478,
            Fault::Transport => -7,
            Fault::NoBranch => -6,
            Fault::Breadth => -440,
            Fault::Dropped => -477,
            Fault::Internal => -1,
        }
    }

    fn code(self) -> i32 {
        match self {
            Fault::NoBranch => -6,
            Fault::Transport => -7,
            Fault::Unresolvable => -478,
            Fault::Breadth | Fault::Dropped | Fault::Internal => -1,
        }
    }
}

/// What functions of `tm` return for a Request-URI that cannot be read: `E_BAD_URI`.
pub(super) const BAD_URI: i32 = -400;
/// The number of that error.
pub(super) const UNREADABLE: i32 = -479;

/// Code and reason that Kamailio answers for an error; `by` is `SL` or `TM`.
pub(super) fn error_reply(error: i32, by: &str) -> (u16, String) {
    let (code, words) = match error {
        0 => (500, "No error"),
        // RFC 5393 section 6; Kamailio has no such error.
        -440 => (440, "Max-Breadth Exceeded"),
        -477 => (477, "Unfortunately error on sending to next hop occurred"),
        -478 => (478, "Unresolvable destination"),
        UNREADABLE => (479, "Regretfully, we were not able to process the URI"),
        _ => (500, "I'm terribly sorry, server error occurred"),
    };
    (code, format!("{words} ({}/{by})", error.unsigned_abs()))
}

/// A relay on its way.
pub(super) struct Forking {
    outer: Box<Run>,
    /// The `branch_route`.
    route: Option<RouteId>,
    pub(super) id: TransactionId,
    targets: VecDeque<Target>,
    /// How far each of them may spread.
    breadth: Breadth,
    /// Those whose `branch_route` has run: they leave together.
    ready: Vec<Task>,
    sent: usize,
    fault: Option<Fault>,
    /// Nobody but the script learns what failed.
    within: bool,
}

impl Node {
    /// `t_relay`.
    pub(super) fn relay(&mut self, now: Now, mut run: Box<Run>, relay: Relay) -> Performed {
        let method = run.task.message.message.method().unwrap_or(Method::Other);
        let within = relay.within;
        if within && run.task.message.transaction.is_none() {
            return Performed::Answered(run, Answer::Code(-1));
        }
        if method == Method::Ack {
            let code = self.forward(now, &mut run.task, &relay);
            return Performed::Answered(run, Answer::Code(code));
        }
        if method == Method::Cancel && self.lending(&mut run.task, |node, task| node.cancel(now, &mut task.message)) {
            return Performed::Answered(run, Answer::Code(1));
        }
        if method == Method::Cancel
            && !within
            && let Some(code) = self.unmatched_cancel(now, &mut run.task, &relay)
        {
            return Performed::Answered(run, Answer::Code(code));
        }
        let known = run.task.message.transaction.map(|view| view.id);
        match known {
            Some(id) => self.heed_timers(now, id, &run.task.message),
            None => self.take_timers(&mut run.task),
        }
        let Some(id) = known.or_else(|| self.new_transaction(now, &mut run.task.message)) else {
            run.task.set_error(UNREADABLE);
            return Performed::Answered(run, Answer::Code(BAD_URI));
        };
        if !within && self.layer.table.get(id).is_some_and(|transaction| transaction.sent_code == 0) {
            self.lending(&mut run.task, |node, task| node.trying(now, id, method, task.message.target.uri.clone()));
        }
        let mut targets = targets(&mut run.task.message, relay);
        // A later relay runs it only when it is named again.
        let route = run.task.message.armed.branch.take();
        self.keep_for_failure(id, &mut run.task, route);
        let mut fault = targets.is_empty().then_some(Fault::Internal);
        let breadth = self.breadth(id, &run.task.message, targets.len());
        if breadth.is_none() {
            targets.clear();
            fault = fault.or(Some(Fault::Breadth));
        }
        let breadth = breadth.unwrap_or(Breadth::Free);
        let mut forking =
            Forking { outer: run, route, id, targets, breadth, ready: Vec::new(), sent: 0, fault, within };
        if forking.route.is_some() {
            return self.next_branch(now, forking);
        }
        self.keep_flags(&forking);
        for (index, target) in std::mem::take(&mut forking.targets).into_iter().enumerate() {
            let Forking { outer, sent, fault, breadth, .. } = &mut forking;
            match self.send_branch(now, id, &mut outer.task, (target, index == 0), *breadth) {
                Ok(()) => *sent += 1,
                Err(why) => *fault = Some(why),
            }
        }
        let (outer, answer) = self.relayed(forking);
        Performed::Answered(outer, answer)
    }

    /// Starts the `branch_route` of the next destination; when none is left, all leave.
    fn next_branch(&mut self, now: Now, mut forking: Forking) -> Performed {
        let (Some(route), Some(target)) = (forking.route, forking.targets.pop_front()) else {
            self.keep_flags(&forking);
            for (index, mut task) in std::mem::take(&mut forking.ready).into_iter().enumerate() {
                let target = (task.message.target.clone(), index == 0);
                forking.outer.task.swap_sending(&mut task);
                match self.send_branch(now, forking.id, &mut task, target, forking.breadth) {
                    Ok(()) => forking.sent += 1,
                    Err(why) => forking.fault = Some(why),
                }
                forking.outer.task.swap_sending(&mut task);
            }
            let (outer, answer) = self.relayed(forking);
            return Performed::Answered(outer, answer);
        };
        let mut message = forking.outer.task.message.clone();
        message.target = Target { uri: target.uri.or(message.target.uri), ..target };
        if let Some(transaction) = self.layer.table.get(forking.id) {
            let branch = (transaction.branches.len() + forking.ready.len()) as u16;
            message.transaction = Some(transaction.view(Some(branch), 0));
        }
        let avps = std::mem::take(&mut forking.outer.task.locals.avps);
        let call = forking.outer.call;
        Performed::Instead(self.make_run(message, avps, route, Role::Branch(Box::new(forking)), call))
    }

    /// What follows the end of a `branch_route`.
    pub(super) fn branch_done(
        &mut self,
        now: Now,
        mut forking: Forking,
        mut task: Task,
        dropped: bool,
    ) -> Option<(Box<Run>, Option<Answer>)> {
        forking.outer.task.locals.avps = std::mem::take(&mut task.locals.avps);
        forking.outer.task.message.adopt(&mut task.message);
        self.heed_timers(now, forking.id, &task.message);
        if dropped {
            forking.fault = forking.fault.or(Some(Fault::NoBranch));
        } else {
            forking.ready.push(task);
        }
        match self.next_branch(now, forking) {
            Performed::Answered(mut outer, answer) => {
                self.hand_over(&mut outer.task.locals);
                Some((outer, Some(answer)))
            }
            Performed::Instead(run) => Some((run, None)),
            Performed::Parked => None,
        }
    }

    /// The result of a relay.
    fn relayed(&mut self, mut forking: Forking) -> (Box<Run>, Answer) {
        let code = if forking.sent > 0 {
            forking.outer.task.set_error(0);
            1
        } else {
            let fault = forking.fault.unwrap_or(Fault::NoBranch);
            forking.outer.task.set_error(fault.error());
            if !forking.within
                && let Some(transaction) = self.layer.table.get(forking.id)
            {
                transaction.fault = Some(fault);
            }
            fault.code()
        };
        if let Some(transaction) = self.layer.table.get(forking.id) {
            let message = &mut forking.outer.task.message;
            transaction.armed = message.armed.lasting();
            message.transaction = Some(transaction.view(None, 0));
        }
        self.layer.table.weigh(forking.id);
        (forking.outer, Answer::Code(code))
    }

    /// The flags that the request has when its branches leave are those that its replies see.
    fn keep_flags(&mut self, forking: &Forking) {
        if let Some(transaction) = self.layer.table.get(forking.id) {
            transaction.flags = forking.outer.task.message.flags;
        }
    }

    /// The 100 that tells the caller to stop repeating itself.
    fn trying(&mut self, now: Now, id: TransactionId, method: Method, uri: Option<Bytes>) {
        let settings = &self.core.settings.transaction;
        if method == Method::Invite && settings.auto_inv_100 {
            let reason = settings.auto_inv_100_reason.clone();
            self.reply_with_uri(now, id, uri, (100, &reason), &[]);
        }
    }

    /// Keeps the message as it stands, when a `failure_route` may want it.
    fn keep_for_failure(&mut self, id: TransactionId, task: &mut Task, branch_route: Option<RouteId>) {
        let message = &task.message;
        let armed = message.armed.failure.or(branch_route).or(message.armed.branch_failure).is_some();
        // What a failure_route changes belongs to the branches it adds: the next one starts from the request as it was first relayed.
        if let Some(transaction) = self.layer.table.get(id)
            && armed
            && transaction.relayed.is_none()
        {
            let mut kept = task.message.clone();
            kept.armed.failure = None;
            kept.armed.branch_failure = None;
            transaction.relayed = Some(kept);
        }
    }

    /// `forward`, and the way of an ACK: without a transaction.
    pub(super) fn forward(&mut self, now: Now, task: &mut Task, relay: &Relay) -> i32 {
        let message = &mut task.message;
        let uri = message.request_uri();
        let hop = relay.next_hop.clone().or_else(|| message.target.next_hop.clone()).unwrap_or_else(|| uri.clone());
        let flow = match self.route(&hop, message.target.socket, Some(message.received.flow.socket)) {
            Ok(flow) => flow,
            Err(fault) => {
                task.set_error(fault.error());
                return fault.code();
            }
        };
        let branch = self.stateless_branch(message);
        let located = message.target.located.clone();
        let (bytes, flow) = self.write_forwarded(task, &uri, flow, &branch, located.as_deref());
        task.set_error(0);
        if self.lets_request_go(now, task, (&bytes, flow)) {
            self.send(bytes, flow, task.message.forward_flags);
            task.message.settled = true;
            if task.message.message.method() != Some(Method::Ack) {
                self.core.counters.count(const { Counter::named("fwd_requests") });
            }
        }
        1
    }

    /// Sends a packet of the script's own; gives 1, or -1 when its address cannot be reached.
    pub(super) fn send_packet(&mut self, message: &Working, packet: Packet) -> i32 {
        self.send_by(packet, Some(message.received.flow.socket))
    }

    /// Sends a packet that belongs to no message.
    pub(super) fn send_bare(&mut self, packet: Packet) {
        self.send_by(packet, None);
    }

    fn send_by(&mut self, packet: Packet, arrived: Option<SocketId>) -> i32 {
        match self.route(&packet.next_hop, packet.socket, arrived) {
            Ok(flow) => {
                self.send(packet.bytes, flow, SendFlags::default());
                1
            }
            Err(_) => -1,
        }
    }

    /// The way to a next hop.
    pub(super) fn route(
        &mut self,
        hop: &[u8],
        wanted: Option<SocketId>,
        arrived: Option<SocketId>,
    ) -> Result<Flow, Fault> {
        let destination = next_hop(hop).map_err(|why| match why {
            NoHop::Unresolvable => Fault::Unresolvable,
            NoHop::Transport => Fault::Transport,
        });
        let (transport, destination) = match destination {
            Ok(found) => found,
            Err(fault) => {
                let hop = String::from_utf8_lossy(hop).into_owned();
                self.core.log(LogLevel::Error, format!("the next hop {hop} is no address that can be reached"));
                return Err(fault);
            }
        };
        let socket = self.core.sockets.towards(transport, destination, wanted, arrived).ok_or(Fault::Transport)?;
        Ok(Flow::to(destination, socket))
    }

    /// The bytes of a forwarded request, and the way it goes: by another transport where a datagram would be too long.
    pub(super) fn write_forwarded(
        &mut self,
        task: &mut Task,
        uri: &Bytes,
        flow: Flow,
        branch: &[u8],
        located: Option<&Located>,
    ) -> (Bytes, Flow) {
        let Flow { peer: destination, socket, .. } = flow;
        let message = &mut task.message;
        if !message.record_routes.is_empty() {
            let leaving = self.core.leaving_route_text(socket, Some(message), destination.ip());
            message.settle_record_routes(socket, &leaving);
        }
        self.write_via_request(task, uri, flow, branch, located);
        // As in Kamailio our Via says so, and Record-Route does not.
        if let Some(longest) = self.core.settings.longest_datagram
            && self.buffer.len() > longest
            && self.core.sockets.transport(socket) == Transport::Udp
            && let Some(other) = self.core.sockets.towards(Transport::Tcp, destination, Some(socket), None)
        {
            let flow = Flow::to(destination, other);
            self.write_via_request(task, uri, flow, branch, located);
            return (Bytes::copy_from_slice(&self.buffer), flow);
        }
        (Bytes::copy_from_slice(&self.buffer), flow)
    }

    fn write_via_request(
        &mut self,
        task: &mut Task,
        uri: &Bytes,
        Flow { peer: destination, socket, .. }: Flow,
        branch: &[u8],
        located: Option<&Located>,
    ) {
        let message = &mut task.message;
        self.via.clear();
        self.via.extend_from_slice(b"Via: ");
        let leaving = Leaving { socket, next: destination.ip(), branch };
        push_via(&self.core, message, &task.locals.avps, &leaving, &mut self.via);
        self.via.extend_from_slice(b"\r\n");
        let stamp = message
            .message
            .via()
            .map(|via| via.stamp(message.received.flow.peer, message.replies.force_rport))
            .unwrap_or_default();
        self.buffer.clear();
        let changed = message.target.uri.is_some() || **uri != *message.message.request_uri();
        let uri = changed.then_some(&uri[..]);
        let path = located.filter(|located| !located.path.is_empty());
        let mut lines = path.map(|located| [b"Route: ", &located.path[..], b"\r\n"].concat()).unwrap_or_default();
        if let Some(breadth) = message.breadth {
            for header in message.message.headers_named(HeaderName::MaxBreadth) {
                message.edits.remove_header(header);
            }
            lines.extend_from_slice(b"Max-Breadth: ");
            print_int(i64::from(breadth), &mut lines);
            lines.extend_from_slice(b"\r\n");
        }
        write_request(&message.message, &message.edits, uri, (&self.via, &lines), stamp, &mut self.buffer);
        if self.core.sockets.transport(socket).is_reliable() {
            delimit(&mut self.buffer);
        }
    }

    /// Lets the connection of a message be found under this port of its peer, or under the one in Via.
    pub(super) fn alias(&mut self, message: &Working, port: Option<u16>) {
        let Some(connection) = message.received.flow.connection else { return };
        let in_via = || message.message.via().and_then(|via| via.port());
        self.wants.push_back(Want::Alias(connection, port.or_else(in_via).unwrap_or(5060)));
    }

    pub(super) fn send(&mut self, bytes: Bytes, flow: Flow, flags: SendFlags) {
        self.wants.push_back(Want::Send(Transmit { bytes, flow, flags }));
    }
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

/// Whether a URI reads as one: used before it is put into a request line.
pub(super) fn is_uri(uri: &[u8]) -> bool {
    Uri::parse(uri).is_ok()
}
