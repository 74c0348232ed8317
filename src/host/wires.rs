//! The sockets of a worker, and what waits at them.

use super::datagram_socket::DatagramSocket;
use super::trace::Tracer;
use super::udp::{BATCH, Inbox, Outbox};
use crate::time::Now;
use crate::world::{Datagram, Flow, SocketId, Transmit};
use std::collections::VecDeque;
use std::io;
use std::task::{Context, Poll};

/// The sockets and what waits at them.
pub(super) struct Wires {
    pub(super) sockets: Vec<DatagramSocket>,
    inbox: Inbox,
    outbox: Outbox,
    /// One batch that arrived.
    pub(super) arrived: Vec<Datagram>,
    /// Packets that the system did not take yet, in order.
    pub(super) held: VecDeque<Transmit>,
    pub(super) counts: Counts,
    pub(super) tracer: Option<Tracer>,
}

/// What a worker counts beside its node.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) sent: u64,
    pub(super) unsent: u64,
    /// Dropped because another worker, or the system, did not keep up.
    pub(super) dropped: u64,
}

/// How sending ended.
pub(super) enum Sending {
    /// Nothing is left.
    Done,
    /// The system takes no more at the moment; it wakes the worker when it does.
    Waits,
    /// This packet cannot be sent.
    Failed(Transmit, io::Error),
}

impl Wires {
    /// Sockets at which nothing waits yet.
    pub(super) fn new(sockets: Vec<DatagramSocket>, tracer: Option<Tracer>) -> Wires {
        Wires {
            sockets,
            inbox: Inbox::new(),
            outbox: Outbox::new(),
            arrived: Vec::with_capacity(BATCH),
            held: VecDeque::new(),
            counts: Counts::default(),
            tracer,
        }
    }

    /// Takes one batch from a socket into `arrived`, when it has something. Gives whether there may be more.
    pub(super) fn receive(&mut self, id: SocketId, now: Now, cx: &mut Context) -> bool {
        let Some(watched) = self.sockets.get(id.0 as usize) else { return false };
        let (inbox, arrived) = (&mut self.inbox, &mut self.arrived);
        let more = watched.poll_receive(cx, |socket| {
            match inbox.receive(socket, |bytes, source| arrived.push(Datagram { bytes, flow: Flow::to(source, id) })) {
                Ok(count) => count < BATCH,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => true,
                Err(error) => {
                    // The ICMP answer to an earlier packet, or a system short of memory for a moment: it is read again.
                    tracing::debug!(target: "alanui", "receive: {error}");
                    false
                }
            }
        });
        if let Some(tracer) = &mut self.tracer {
            self.arrived.iter().for_each(|datagram| tracer.arrived(now.unix, datagram));
        }
        more.is_ready()
    }

    /// Sends what is held, in order.
    pub(super) fn send(&mut self, now: Now, cx: &mut Context) -> Sending {
        while let Some(first) = self.held.front() {
            let id = first.flow.socket;
            let Some(watched) = self.sockets.get_mut(id.0 as usize) else {
                match self.held.pop_front() {
                    Some(packet) => return Sending::Failed(packet, io::ErrorKind::NotConnected.into()),
                    None => return Sending::Done,
                }
            };
            let (held, outbox) = (&self.held, &mut self.outbox);
            let run = || held.iter().take_while(|packet| packet.flow.socket == id);
            let Poll::Ready(sent) = watched.poll_send(cx, |socket| outbox.send(socket, run())) else {
                return Sending::Waits;
            };
            let error = match sent {
                Ok(count) => {
                    if let Some(tracer) = &mut self.tracer {
                        self.held.iter().take(count).for_each(|packet| tracer.left(now.unix, packet));
                    }
                    self.held.drain(..count);
                    self.counts.sent += count as u64;
                    continue;
                }
                Err(error) => error,
            };
            match error.raw_os_error() {
                // The ICMP answer to an earlier packet is told to the next one, which then can be sent.
                Some(libc::EINTR | libc::ECONNREFUSED) => {}
                // What the system has no room for is lost as on the wire; the sender of the request repeats it.
                Some(libc::ENOBUFS | libc::ENOMEM | libc::EMFILE | libc::ENFILE) => {
                    self.held.pop_front();
                    self.counts.dropped += 1;
                }
                _ => {
                    if let Some(packet) = self.held.pop_front() {
                        return Sending::Failed(packet, error);
                    }
                }
            }
        }
        Sending::Done
    }
}
