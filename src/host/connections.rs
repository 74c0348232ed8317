//! Connections of TCP: one task each cuts what arrives into messages and writes what leaves. Each worker has those that the system gives it and those
//! that it opens; their numbers say whose they are. A reply names the connection that its request came by; what names none goes by one to its peer's
//! address, or to an alias of that.
//!
//! What waits to be written is bounded in bytes, for each connection and for all. A peer whose answers wait is not read from, so that one who asks
//! faster than he listens holds up himself; requests of ours do not count for that, or two servers could each wait for the other.

mod directory;
mod line;

use crate::builtin::{ConnectionSettings, Sockets};
use crate::world::{ConnectionId, Datagram, Flow, SocketId, Transmit};
pub(super) use directory::Directory;
use line::{Backlog, Leaving, Line, Origin};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{Receiver, Sender, UnboundedSender, channel, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// What the tasks may have told without the worker listening; beyond it the system holds the peers back.
const EVENTS: usize = 1024;
/// How long the last messages may take once the server ends, or once a peer has sent what nobody can read.
const FAREWELL: Duration = Duration::from_secs(1);
/// How long no connection is taken when the system has no room for one.
const PAUSE: Duration = Duration::from_millis(100);

/// Other addresses of its peer that a connection may have.
const ALIASES: usize = 12;

/// All connections.
pub(super) struct Connections {
    open: BTreeMap<ConnectionId, Connection>,
    directory: Arc<Directory>,
    /// Whose these are.
    worker: usize,
    events: Receiver<Event>,
    telling: Sender<Event>,
    tasks: JoinSet<()>,
    /// Those of the tasks that take connections.
    accepting: usize,
    settings: ConnectionSettings,
    sockets: Arc<Sockets>,
    last: Option<ConnectionId>,
    /// Those that the server has closed, of which the node is not told yet.
    closed: Vec<Flow>,
    counts: ConnectionCounts,
}

struct Connection {
    /// The ends.
    peer: SocketAddr,
    socket: SocketId,
    /// Other addresses under which it is found: `force_tcp_alias`.
    aliases: Vec<SocketAddr>,
    /// Nothing more is read from it; it waits for answers that its peer is owed.
    ending: bool,
    leaving: UnboundedSender<Leaving>,
    backlog: Arc<Backlog>,
}

/// What is counted of connections.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ConnectionCounts {
    /// Refused because there were as many as there may be.
    pub(super) refused: u64,
    /// Closed because nobody could tell where a message ends.
    pub(super) broken: u64,
    /// Closed because a message did not become whole in time.
    pub(super) slow: u64,
}

/// What a task tells.
enum Event {
    /// A peer has opened a connection.
    Accepted(Flow, TcpStream),
    /// A message has arrived.
    Arrived(Datagram),
    /// A message could not be sent.
    Unsent(Transmit, io::Error),
    /// Nothing more is read from a connection.
    Read(ConnectionId, ReadingEnd),
    /// A connection has ended.
    Closed(ConnectionId),
}

/// Why nothing more is read from a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum ReadingEnd {
    /// The peer has closed its side, or all of it.
    Closed,
    /// Nobody knows where a message ends.
    Broken,
    /// A message has not become whole in time.
    Slow,
    /// The peer has been silent for too long.
    Silent,
}

/// Why a packet is not sent here.
pub(super) enum Unsent {
    /// It cannot be sent.
    Failed(Transmit, io::Error),
    /// Its connection is this worker's.
    Elsewhere(Transmit, usize),
}

/// What a worker learns.
pub(super) enum News {
    /// A message has arrived.
    Arrived(Datagram),
    /// A message could not be sent.
    Unsent(Transmit, io::Error),
    /// A connection is gone.
    Gone(Flow),
}

impl Connections {
    /// Takes connections at these listeners.
    ///
    /// # Errors
    /// When the runtime cannot watch a listener.
    pub(super) fn start(
        listeners: Vec<(SocketId, std::net::TcpListener)>,
        settings: ConnectionSettings,
        sockets: Arc<Sockets>,
        (directory, worker): (Arc<Directory>, usize),
    ) -> io::Result<Connections> {
        let (telling, events) = channel(EVENTS);
        let mut tasks = JoinSet::new();
        let accepting = listeners.len();
        for (id, listener) in listeners {
            tasks.spawn(accept(id, TcpListener::from_std(listener)?, telling.clone()));
        }
        Ok(Connections {
            open: BTreeMap::default(),
            directory,
            worker,
            events,
            telling,
            tasks,
            accepting,
            settings,
            sockets,
            last: None,
            closed: Vec::new(),
            counts: ConnectionCounts::default(),
        })
    }

    /// What was counted.
    pub(super) fn counts(&self) -> ConnectionCounts {
        self.counts
    }

    /// How many are open.
    pub(super) fn count(&self) -> usize {
        self.open.len()
    }

    /// The next thing to know.
    pub(super) fn poll(&mut self, cx: &mut Context) -> Poll<News> {
        while self.tasks.try_join_next().is_some() {}
        if let Some(flow) = self.closed.pop() {
            return Poll::Ready(News::Gone(flow));
        }
        loop {
            match self.events.poll_recv(cx) {
                Poll::Ready(Some(Event::Accepted(flow, stream))) => {
                    if self.has_room() {
                        self.spawn(flow, Origin::Peer(stream), None);
                    } else {
                        self.counts.refused += 1;
                        tracing::debug!(target: "alanui", "refused a connection from {}: there are {} already", flow.peer, self.directory.count());
                    }
                }
                Poll::Ready(Some(Event::Arrived(datagram))) => return Poll::Ready(News::Arrived(datagram)),
                Poll::Ready(Some(Event::Unsent(packet, error))) => {
                    if let Some(packet) = self.to_open_side(packet) {
                        return Poll::Ready(News::Unsent(packet, error));
                    }
                }
                Poll::Ready(Some(Event::Read(id, why))) => {
                    if let Some(flow) = self.read_to_its_end(id, why) {
                        return Poll::Ready(News::Gone(flow));
                    }
                }
                Poll::Ready(Some(Event::Closed(id))) => {
                    let was_ending = self.open.get(&id).is_none_or(|connection| connection.ending);
                    if let Some(flow) = self.close(id).filter(|_| !was_ending) {
                        return Poll::Ready(News::Gone(flow));
                    }
                }
                // It keeps an end itself: the channel never closes.
                Poll::Ready(None) | Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Sends a packet by its connection, or by one to its destination, which is opened when there is none and the script has nothing against it. Gives
    /// the address that it goes to.
    ///
    /// # Errors
    /// The packet, and why it cannot be sent here. What fails later comes by [`Connections::poll`].
    pub(super) fn send(&mut self, packet: Transmit) -> Result<SocketAddr, Unsent> {
        let Flow { peer, socket, connection } = packet.flow;
        // Nobody can tell whether a peer that closes its side listens to what is written to it. An answer goes to the address in its Via first, where
        // one who is gone is found, and to the open side when nobody is there.
        let named = connection.filter(|id| packet.flags.existing || !self.is_ending(*id));
        let mut packet = packet;
        for id in [named, self.to_address(peer, socket)].into_iter().flatten() {
            let Some(connection) = self.open.get(&id) else {
                let owner = self.directory.owner(id);
                if owner != self.worker {
                    // Named from here on, it goes there and nowhere else.
                    packet.flow.connection = Some(id);
                    return Err(Unsent::Elsewhere(packet, owner));
                }
                continue;
            };
            if !self.has_place_for(&packet, &connection.backlog) {
                return Err(Unsent::Failed(packet, io::ErrorKind::WouldBlock.into()));
            }
            let (closing, there) = (packet.flags.closing, connection.peer);
            packet = match connection.push(packet, &self.directory.backlog) {
                Ok(()) => {
                    if closing {
                        self.close_for_good(id);
                    }
                    return Ok(there);
                }
                // It has just ended.
                Err(packet) => packet,
            };
        }
        if packet.flags.existing || self.settings.opens_none {
            return Err(Unsent::Failed(packet, io::ErrorKind::NotConnected.into()));
        }
        if !self.has_room() {
            return Err(Unsent::Failed(packet, io::ErrorKind::QuotaExceeded.into()));
        }
        let own = self.sockets.socket(socket).map(|socket| socket.address);
        let closing = packet.flags.closing;
        let id = self.spawn(Flow::to(peer, socket), Origin::Own(own), Some(packet));
        if closing {
            self.close_for_good(id);
        }
        Ok(peer)
    }

    /// Whether there is one that a packet would leave by, here or with another worker.
    pub(super) fn has(&self, flow: &Flow) -> bool {
        let is_open = |id: ConnectionId| self.open.contains_key(&id) || self.directory.owner(id) != self.worker;
        flow.connection.into_iter().chain(self.to_address(flow.peer, flow.socket)).any(is_open)
    }

    fn is_ending(&self, id: ConnectionId) -> bool {
        self.open.get(&id).is_some_and(|connection| connection.ending)
    }

    /// Sends an answer that nobody takes at its peer's address to the side of its connection that is open; gives it back when there is none.
    fn to_open_side(&self, packet: Transmit) -> Option<Transmit> {
        let ending = packet.flow.connection.and_then(|id| self.open.get(&id)).filter(|connection| connection.ending);
        match ending.filter(|connection| self.has_place_for(&packet, &connection.backlog)) {
            // What that does not take either comes back once it has ended.
            Some(connection) => connection.push(packet, &self.directory.backlog).err(),
            None => Some(packet),
        }
    }

    /// The connection that takes requests to an address: from this socket, or from another one where both ends need not be those wanted.
    fn to_address(&self, peer: SocketAddr, socket: SocketId) -> Option<ConnectionId> {
        let exact = self.directory.exactly(peer, socket);
        if exact.is_some() || self.settings.matches_both_ends {
            return exact;
        }
        let transport = self.sockets.transport(socket);
        self.directory.by_any(peer, |its| self.sockets.transport(its) == transport)
    }

    /// Lets a connection be found under another port of its peer, too.
    pub(super) fn alias(&mut self, id: ConnectionId, port: u16) {
        let Some(connection) = self.open.get_mut(&id).filter(|its| !its.ending && its.aliases.len() < ALIASES) else {
            return;
        };
        let alias = SocketAddr::new(connection.peer.ip(), port);
        if self.directory.put_if_free((alias, connection.socket), id) {
            connection.aliases.push(alias);
        }
    }

    /// Closes a connection that its peer would keep; the node is told as if the peer were gone.
    pub(super) fn close_for_good(&mut self, id: ConnectionId) {
        let was_open = self.open.get(&id).is_some_and(|connection| !connection.ending);
        let flow = self.close(id).filter(|_| was_open);
        self.closed.extend(flow);
    }

    /// Lets go of a connection: its task ends once it has written what waits.
    fn close(&mut self, id: ConnectionId) -> Option<Flow> {
        self.take_no_requests(id);
        let Connection { peer, socket, .. } = self.open.remove(&id)?;
        self.directory.closed();
        Some(Flow { peer, socket, connection: Some(id) })
    }

    /// Has nobody find a connection by an address any more.
    fn take_no_requests(&mut self, id: ConnectionId) {
        let Some(connection) = self.open.get(&id) else { return };
        let addresses = connection.aliases.iter().copied().chain([connection.peer]);
        self.directory.remove(addresses.map(|address| (address, connection.socket)), id);
    }

    /// Whether this packet may wait beside what waits already.
    fn has_place_for(&self, packet: &Transmit, backlog: &Backlog) -> bool {
        let length = packet.bytes.len();
        backlog.bytes() + length <= self.settings.queue
            && self.directory.backlog.bytes() + length <= self.settings.queues
    }

    /// Whether there is room for one more among those of all workers. One that only waits for answers makes room for it.
    fn has_room(&mut self) -> bool {
        if self.directory.count() >= self.settings.most {
            let oldest = self.open.iter().find(|(_, connection)| connection.ending).map(|(id, _)| *id);
            oldest.and_then(|id| self.close(id));
        }
        self.directory.count() < self.settings.most
    }

    fn read_to_its_end(&mut self, id: ConnectionId, why: ReadingEnd) -> Option<Flow> {
        let Connection { peer, socket, .. } = *self.open.get(&id)?;
        match why {
            ReadingEnd::Broken => self.counts.broken += 1,
            ReadingEnd::Slow => {
                self.counts.slow += 1;
                tracing::debug!(target: "alanui", "closed the connection to {peer}: a message did not become whole in time");
            }
            ReadingEnd::Closed | ReadingEnd::Silent => {}
        }
        // A request would be lost where the peer is gone for good; an answer is what it may wait for.
        self.take_no_requests(id);
        self.open.get_mut(&id)?.ending = true;
        Some(Flow { peer, socket, connection: Some(id) })
    }

    fn spawn(&mut self, ends: Flow, origin: Origin, first: Option<Transmit>) -> ConnectionId {
        let id = self.new_id();
        let (leaving, queue) = unbounded_channel();
        let backlog: Arc<Backlog> = Arc::default();
        let line = Line {
            id,
            flow: Flow { connection: Some(id), ..ends },
            events: self.telling.clone(),
            pongs: leaving.downgrade(),
            settings: self.settings,
            backlog: backlog.clone(),
            total: self.directory.backlog.clone(),
            owed: Default::default(),
            active: Default::default(),
            ending: Default::default(),
        };
        let Flow { peer, socket, .. } = ends;
        let connection = Connection { peer, socket, aliases: Vec::new(), ending: false, leaving, backlog };
        if let Some(first) = first {
            // Its task has its end of the queue.
            let _ = connection.push(first, &self.directory.backlog);
        }
        self.open.insert(id, connection);
        self.directory.opened();
        self.directory.put((peer, socket), id);
        self.tasks.spawn(line.serve(origin, queue));
        id
    }

    /// A number that no connection has: round once, past those that are still open.
    fn new_id(&mut self) -> ConnectionId {
        loop {
            let next = self.directory.following(self.last, self.worker);
            self.last = Some(next);
            if !self.open.contains_key(&next) {
                return next;
            }
        }
    }

    /// Writes what waits, for a moment.
    pub(super) async fn end(mut self) {
        // Without their queues the tasks end once they have written what is in them.
        while let Some(id) = self.open.keys().next().copied() {
            self.close(id);
        }
        self.events.close();
        // What is not written by then is lost, as with a peer that does not read.
        let written = async { while self.tasks.len() > self.accepting && self.tasks.join_next().await.is_some() {} };
        let _ = timeout(FAREWELL, written).await;
    }
}

impl Connection {
    /// Puts a packet behind what waits; gives it back when the connection has ended.
    fn push(&self, packet: Transmit, total: &Backlog) -> Result<(), Transmit> {
        if self.leaving.is_closed() {
            return Err(packet);
        }
        let leaving = Leaving::Packet(packet);
        self.backlog.add(&leaving);
        total.add(&leaving);
        // The other end closes only while another task runs.
        let _ = self.leaving.send(leaving);
        Ok(())
    }
}

async fn accept(id: SocketId, listener: TcpListener, events: Sender<Event>) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                if events.send(Event::Accepted(Flow::to(peer, id), stream)).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::debug!(target: "alanui", "accept: {error}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
