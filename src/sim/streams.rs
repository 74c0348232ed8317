//! Connections between the server and its peers.

use super::scenario::PeerId;
use crate::world::{ConnectionId, Flow};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;

/// Those that are open: at most one a peer, which both ends use.
#[derive(Debug)]
pub(super) struct Streams {
    open: BTreeMap<PeerId, Flow>,
    /// What peers are found under beside their addresses.
    aliases: BTreeMap<SocketAddr, ConnectionId>,
    next: NonZeroU32,
}

impl Default for Streams {
    fn default() -> Streams {
        Streams { open: BTreeMap::new(), aliases: BTreeMap::new(), next: NonZeroU32::MIN }
    }
}

impl Streams {
    /// The connection of a peer, opened when there is none.
    pub(super) fn open(&mut self, peer: PeerId, ends: Flow) -> Flow {
        let next = &mut self.next;
        *self.open.entry(peer).or_insert_with(|| {
            let id = *next;
            *next = next.saturating_add(1);
            Flow { connection: Some(ConnectionId(id)), ..ends }
        })
    }

    /// Whether a peer has one.
    pub(super) fn has(&self, peer: PeerId) -> bool {
        self.open.contains_key(&peer)
    }

    /// The peer at the other end of the one that a packet names, or, where that is gone, of the one that has its address as an alias.
    pub(super) fn peer(&self, flow: &Flow) -> Option<PeerId> {
        let aliased = || self.of(*self.aliases.get(&flow.peer)?);
        flow.connection.and_then(|id| self.of(id)).or_else(aliased)
    }

    /// The peer at the other end of a connection.
    pub(super) fn of(&self, id: ConnectionId) -> Option<PeerId> {
        self.open.iter().find(|(_, its)| its.connection == Some(id)).map(|(peer, _)| *peer)
    }

    /// Lets a connection be found under this port, too.
    pub(super) fn alias(&mut self, id: ConnectionId, port: u16) {
        if let Some(flow) = self.open.values().find(|its| its.connection == Some(id)) {
            self.aliases.entry(SocketAddr::new(flow.peer.ip(), port)).or_insert(id);
        }
    }

    /// Closes that of a peer.
    pub(super) fn close(&mut self, peer: PeerId) -> Option<Flow> {
        let flow = self.open.remove(&peer)?;
        self.aliases.retain(|_, id| Some(*id) != flow.connection);
        Some(flow)
    }
}
