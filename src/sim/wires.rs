//! What is under way, in the order of its arrival.

use crate::time::Tick;
use crate::world::{Datagram, Question, SocketId, Ticket, Unanswered};
use bytes::Bytes;
use std::collections::BTreeMap;

use super::scenario::PeerId;

/// Something that arrives.
#[derive(Debug, Clone)]
pub(super) enum Arrival {
    /// A packet, at the server.
    Server(Datagram),
    /// A packet, at a peer.
    Peer {
        /// The peer.
        peer: PeerId,
        /// The packet.
        bytes: Bytes,
        /// The server's socket it came from.
        socket: SocketId,
    },
    /// A question, at a slow database.
    Question(Ticket, Question),
    /// The end of patience: nobody has answered.
    Silence(Ticket, Unanswered),
}

/// All that is under way. Things that arrive at one moment arrive in the order they were sent.
#[derive(Debug, Default)]
pub(super) struct Wires {
    under_way: BTreeMap<(Tick, u64), Arrival>,
    sent: u64,
}

impl Wires {
    /// Sends something that arrives at `at`.
    pub(super) fn send(&mut self, at: Tick, arrival: Arrival) {
        self.sent += 1;
        self.under_way.insert((at, self.sent), arrival);
    }

    /// When the next thing arrives.
    pub(super) fn next(&self) -> Option<Tick> {
        self.under_way.keys().next().map(|(at, _)| *at)
    }

    /// When the last packet that is under way arrives; questions are none.
    pub(super) fn last_packet(&self) -> Option<Tick> {
        let is_packet = |arrival: &Arrival| matches!(arrival, Arrival::Server(_) | Arrival::Peer { .. });
        let packets = self.under_way.iter().filter(|(_, arrival)| is_packet(arrival));
        packets.map(|((at, _), _)| *at).next_back()
    }

    /// What has arrived by `now`.
    pub(super) fn arrived(&mut self, now: Tick) -> Option<Arrival> {
        let entry = self.under_way.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }
}
