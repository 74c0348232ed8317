//! What leaves: the way to a next hop, and the bytes of what is forwarded.

use super::address::{NoHop, next_hop};
use super::fault::Fault;
use super::stack::Stack;
use super::via::{Leaving, push_via};
use crate::builtin::{Located, LogLevel, Packet, SocketId, Working, print_int};
use crate::script::Task;
use crate::sip::{Edits, HeaderName, Message, Transport, delimit, write_reply, write_request};
use crate::world::{Flow, SendFlags, Transmit, Want};
use bytes::Bytes;

impl Stack {
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

    pub(super) fn send(&mut self, bytes: Bytes, flow: Flow, flags: SendFlags) {
        self.wants.push_back(Want::Send(Transmit { bytes, flow, flags }));
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
}
