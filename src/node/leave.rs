//! What leaves: the way to a next hop, and the bytes of what is forwarded.

use super::address::{NoHop, Place, next_hop, via_destination};
use super::fault::Fault;
use super::names::{Name, Resolution};
use super::stack::Stack;
use super::via::{Leaving, push_via};
use crate::builtin::{
    Background, Counter, Extension, Located, LogLevel, ModuleId, Packet, Relay, SocketId, Working, print_int,
};
use crate::script::Task;
use crate::sip::{Edits, HeaderName, Message, Method, Transport, Via, delimit, write_reply, write_request};
use crate::time::Now;
use crate::world::{Flow, Found, SendFlags, Transmit, Unanswered, Want};
use bytes::Bytes;

/// What is known of a next hop.
pub(super) enum NextHop {
    Known(Flow),
    /// Behind a name, which is to be asked for.
    Named(Name),
}

impl Stack {
    /// The way to a next hop, by the socket that is `wanted`, or that the message `arrived` by, or another.
    pub(super) fn way(
        &mut self,
        hop: &[u8],
        (wanted, arrived): (Option<SocketId>, Option<SocketId>),
    ) -> Result<NextHop, Fault> {
        match next_hop(hop) {
            Ok(Place::At(transport, peer)) => match self.core.sockets.towards(transport, peer, wanted, arrived) {
                Some(socket) => Ok(NextHop::Known(Flow::to(peer, socket))),
                None => Err(Fault::Transport),
            },
            Ok(Place::Named(name)) => Ok(NextHop::Named(name)),
            Err(NoHop::Transport) => Err(self.is_nowhere(hop, Fault::Transport)),
            Err(NoHop::Unresolvable) => Err(self.is_nowhere(hop, Fault::Unresolvable)),
        }
    }

    /// The same for one who cannot wait for an answer: what a name leads to is not known then.
    fn way_at_once(&mut self, hop: &[u8], sockets: (Option<SocketId>, Option<SocketId>)) -> Result<Flow, Fault> {
        match self.way(hop, sockets)? {
            NextHop::Known(flow) => Ok(flow),
            NextHop::Named(_) => Err(self.is_nowhere(hop, Fault::Unresolvable)),
        }
    }

    /// Goes on towards a name with the answer.
    pub(super) fn resolve(
        &mut self,
        name: Name,
        found: Result<Found, Unanswered>,
        sockets: (Option<SocketId>, Option<SocketId>),
    ) -> Resolution {
        let host = name.host.clone();
        let resolution = name.answered(found, &self.core.sockets, sockets);
        if resolution == Resolution::Failed {
            self.core.log(LogLevel::Error, format!("the next hop {host} has no address that can be reached"));
        }
        resolution
    }

    /// Tells in the log of a next hop that cannot be reached.
    fn is_nowhere(&mut self, hop: &[u8], fault: Fault) -> Fault {
        let hop = String::from_utf8_lossy(hop).into_owned();
        self.core.log(LogLevel::Error, format!("the next hop {hop} is no address that can be reached"));
        fault
    }

    pub(super) fn send(&mut self, bytes: Bytes, flow: Flow, flags: SendFlags) {
        self.wants.push_back(Want::Send(Transmit { bytes, flow, flags }));
    }

    fn send_by(&mut self, packet: Packet, arrived: Option<SocketId>) -> i32 {
        match self.way_at_once(&packet.next_hop, (packet.socket, arrived)) {
            Ok(flow) => {
                self.send(packet.bytes, flow, SendFlags::default());
                1
            }
            Err(_) => -1,
        }
    }

    /// Sends a packet of the script's own; gives 1, or -1 when its address cannot be reached.
    pub(super) fn send_packet(&mut self, message: &Working, packet: Packet) -> i32 {
        self.send_by(packet, Some(message.received.flow.socket))
    }

    /// Sends a packet that belongs to no message.
    pub(super) fn send_bare(&mut self, packet: Packet) {
        self.send_by(packet, None);
    }

    /// Lets the connection of a message be found under this port of its peer, or under the one in Via.
    pub(super) fn alias(&mut self, message: &Working, port: Option<u16>) {
        let Some(connection) = message.received.flow.connection else { return };
        let in_via = || message.message.via().and_then(|via| via.port());
        self.wants.push_back(Want::Alias(connection, port.or_else(in_via).unwrap_or(5060)));
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

    /// The bytes of a forwarded reply that leaves by a socket.
    pub(super) fn reply_bytes(&mut self, message: &Message, edits: &Edits, socket: SocketId) -> Bytes {
        self.buffer.clear();
        write_reply(message, edits, &mut self.buffer);
        if self.core.sockets.transport(socket).is_reliable() {
            delimit(&mut self.buffer);
        }
        Bytes::copy_from_slice(&self.buffer)
    }

    /// The next hop of a request that is forwarded without a transaction: `forward`, and every ACK.
    pub(super) fn hop_of_forwarded(&self, message: &Working, relay: &Relay) -> Bytes {
        relay.next_hop.clone().unwrap_or_else(|| message.next_hop())
    }

    /// Its bytes, and the way they go.
    pub(super) fn forwarded(&mut self, task: &mut Task, flow: Flow) -> (Bytes, Flow) {
        let message = &task.message;
        let (uri, located) = (message.request_uri(), message.target.located.clone());
        let branch = self.layer.stateless_branch(message);
        self.write_forwarded(task, &uri, flow, &branch, located.as_deref())
    }

    /// Forwards it where the way is known at once; gives the code for the script, which is told the error.
    pub(super) fn forward_at_once(&mut self, task: &mut Task, relay: &Relay) -> i32 {
        let hop = self.hop_of_forwarded(&task.message, relay);
        match self.way_at_once(&hop, sockets_of(&task.message)) {
            Ok(flow) => {
                task.set_error(0);
                let packet = self.forwarded(task, flow);
                self.send_forwarded(&mut task.message, packet);
                1
            }
            Err(fault) => {
                task.set_error(fault.error());
                fault.code()
            }
        }
    }

    /// Sends that request.
    pub(super) fn send_forwarded(&mut self, message: &mut Working, (bytes, flow): (Bytes, Flow)) {
        self.send(bytes, flow, message.forward_flags);
        message.settled = true;
        if message.message.method() != Some(Method::Ack) {
            self.core.counters.count(const { Counter::named("fwd_requests") });
        }
    }

    /// The bytes of a reply that belongs to no transaction, and the way they go; `None` when it goes nowhere.
    pub(super) fn stray(&mut self, now: Now, working: &Working) -> Option<(Bytes, Flow)> {
        if !self.is_own_via(&working.message) {
            self.statistics.garbage += 1;
            return None;
        }
        if working.message.vias().nth(1).is_none() {
            self.answered(now, &working.message);
            return None;
        }
        let Some((transport, destination)) = via_destination(&working.message) else {
            self.statistics.garbage += 1;
            return None;
        };
        let arrived = working.received.flow.socket;
        let socket = self.core.sockets.towards(transport, destination, working.target.socket, Some(arrived))?;
        let bytes = self.reply_bytes(&working.message, &working.edits, socket);
        Some((bytes, Flow::to(destination, socket)))
    }

    /// Sends that reply.
    pub(super) fn send_stray(&mut self, working: &Working, (bytes, flow): (Bytes, Flow)) {
        self.send(bytes, flow, working.replies.flags);
        self.core.counters.count(const { Counter::named("fwd_replies") });
    }

    /// Whether the topmost Via of a reply is of this server's making (RFC 3261 18.1.2): anybody could have it send replies to anybody else.
    fn is_own_via(&self, reply: &Message) -> bool {
        if !self.core.settings.check_via && !self.core.extensions.allows(Extension::OwnVia) {
            return true;
        }
        // What scripts have it advertise is known by the branch; what an earlier run of the server sent by its address.
        let own = |via: Via| {
            via.branch().is_some_and(|branch| self.layer.is_own_branch(branch))
                || self.core.is_own(via.host(), Some(via.port().unwrap_or(5060)))
        };
        reply.via().is_some_and(own)
    }

    /// Shows modules a reply that goes nowhere else.
    fn answered(&mut self, now: Now, reply: &Message) {
        self.statistics.garbage += 1;
        for (at, state) in self.core.modules.clone().iter().enumerate() {
            state.answered(reply, &mut Background { now, core: &mut self.core, module: ModuleId(at as u16) });
        }
    }
}

/// The socket that a message is to leave by, where the script wants one, and the one that it came by.
pub(super) fn sockets_of(message: &Working) -> (Option<SocketId>, Option<SocketId>) {
    (message.target.socket, Some(message.received.flow.socket))
}
