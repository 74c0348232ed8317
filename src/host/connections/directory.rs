//! What all workers know of connections: whose each is, and by which addresses they are found.

use super::line::Backlog;
use crate::world::{ConnectionId, SocketId};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

type Places = BTreeMap<(SocketAddr, SocketId), ConnectionId>;

/// Shared by the workers of a server.
pub(in crate::host) struct Directory {
    workers: u32,
    /// Those that take requests, by their peers' addresses and our sockets. It is read for a message that names no connection, and written when one opens
    /// or closes.
    places: RwLock<Places>,
    /// How many are open.
    open: AtomicUsize,
    /// What waits to be written to all of them.
    pub(super) backlog: Arc<Backlog>,
}

impl Directory {
    /// Of this many workers.
    pub(in crate::host) fn new(workers: usize) -> Arc<Directory> {
        let workers = u32::try_from(workers).unwrap_or(u32::MAX).max(1);
        let (places, open, backlog) = (RwLock::default(), AtomicUsize::new(0), Arc::default());
        Arc::new(Directory { workers, places, open, backlog })
    }

    /// The worker whose connection this is.
    pub(in crate::host) fn owner(&self, id: ConnectionId) -> usize {
        ((id.0.get() - 1) % self.workers) as usize
    }

    /// The number of a worker's connection that follows this one; its first follows none. It goes round after four thousand million of them.
    pub(super) fn following(&self, last: Option<ConnectionId>, worker: usize) -> ConnectionId {
        let first = NonZeroU32::MIN.saturating_add(worker as u32);
        let next = last.and_then(|last| last.0.checked_add(self.workers));
        ConnectionId(next.unwrap_or(first))
    }

    /// The connection that takes requests to this address, by this socket.
    pub(super) fn exactly(&self, peer: SocketAddr, socket: SocketId) -> Option<ConnectionId> {
        self.read().get(&(peer, socket)).copied()
    }

    /// The first that takes requests to this address by a socket that fits.
    pub(super) fn by_any(&self, peer: SocketAddr, fits: impl Fn(SocketId) -> bool) -> Option<ConnectionId> {
        let places = self.read();
        let mut all = places.range((peer, SocketId(0))..=(peer, SocketId(u16::MAX)));
        all.find(|((_, socket), _)| fits(*socket)).map(|(_, id)| *id)
    }

    /// Lets a connection be found; the newest of several to one place is.
    pub(super) fn put(&self, place: (SocketAddr, SocketId), id: ConnectionId) {
        self.write().insert(place, id);
    }

    /// Lets a connection be found at a place that no other has; gives whether none had. A peer takes nobody's messages by saying so.
    pub(super) fn put_if_free(&self, place: (SocketAddr, SocketId), id: ConnectionId) -> bool {
        match self.write().entry(place) {
            Entry::Vacant(free) => {
                free.insert(id);
                true
            }
            Entry::Occupied(_) => false,
        }
    }

    /// Has a connection not be found at these places any more.
    pub(super) fn remove(&self, places: impl Iterator<Item = (SocketAddr, SocketId)>, id: ConnectionId) {
        let mut all = self.write();
        for place in places {
            if all.get(&place) == Some(&id) {
                all.remove(&place);
            }
        }
    }

    /// How many are open.
    pub(super) fn count(&self) -> usize {
        self.open.load(Relaxed)
    }

    pub(super) fn opened(&self) {
        self.open.fetch_add(1, Relaxed);
    }

    pub(super) fn closed(&self) {
        self.open.fetch_sub(1, Relaxed);
    }

    fn read(&self) -> RwLockReadGuard<'_, Places> {
        self.places.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Places> {
        self.places.write().unwrap_or_else(PoisonError::into_inner)
    }
}
