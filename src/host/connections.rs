//! Connections of TCP: one task each cuts what arrives into messages and writes what leaves. One worker has them all; a connection is known by our
//! socket and the peer's address, so a reply goes back by the connection that its request came by.
//!
//! What waits to be written is bounded in bytes, for each connection and for all. A peer whose answers wait is not read from, so that one who asks
//! faster than he listens holds up himself; requests of ours do not count for that, or two servers could each wait for the other.

mod line;

use crate::builtin::{ConnectionSettings, SocketId, Sockets};
use crate::world::{Datagram, Transmit};
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

/// Our socket and the peer.
type Key = (SocketId, SocketAddr);

/// All connections.
pub(super) struct Connections {
    open: BTreeMap<Key, Connection>,
    /// Those that nothing more is read from, and that wait for answers which their peers are owed.
    ending: BTreeMap<Key, Connection>,
    events: Receiver<Event>,
    telling: Sender<Event>,
    tasks: JoinSet<()>,
    /// Those of the tasks that take connections.
    accepting: usize,
    settings: ConnectionSettings,
    sockets: Arc<Sockets>,
    backlog: Arc<Backlog>,
    opened: u64,
    counts: ConnectionCounts,
}

struct Connection {
    /// Tells it from an earlier one with the same ends.
    number: u64,
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
    Accepted(Key, TcpStream),
    /// A message has arrived.
    Arrived(Datagram),
    /// A message could not be sent.
    Unsent(Transmit, io::Error),
    /// Nothing more is read from a connection.
    Read(Key, u64, ReadingEnd),
    /// A connection has ended.
    Closed(Key, u64),
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

/// What a worker learns.
pub(super) enum News {
    /// A message has arrived.
    Arrived(Datagram),
    /// A message could not be sent.
    Unsent(Transmit, io::Error),
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
    ) -> io::Result<Connections> {
        let (telling, events) = channel(EVENTS);
        let mut tasks = JoinSet::new();
        let accepting = listeners.len();
        for (id, listener) in listeners {
            tasks.spawn(accept(id, TcpListener::from_std(listener)?, telling.clone()));
        }
        Ok(Connections {
            open: BTreeMap::default(),
            ending: BTreeMap::default(),
            events,
            telling,
            tasks,
            accepting,
            settings,
            sockets,
            backlog: Arc::default(),
            opened: 0,
            counts: ConnectionCounts::default(),
        })
    }

    /// What was counted.
    pub(super) fn counts(&self) -> ConnectionCounts {
        self.counts
    }

    /// How many are open.
    pub(super) fn count(&self) -> usize {
        self.open.len() + self.ending.len()
    }

    /// The next thing to know.
    pub(super) fn poll(&mut self, cx: &mut Context) -> Poll<News> {
        while self.tasks.try_join_next().is_some() {}
        loop {
            match self.events.poll_recv(cx) {
                Poll::Ready(Some(Event::Accepted(key, stream))) => {
                    if self.has_room() {
                        self.spawn(key, Origin::Peer(stream), None);
                    } else {
                        self.counts.refused += 1;
                        tracing::debug!(target: "alanui", "refused a connection from {}: there are {} already", key.1, self.count());
                    }
                }
                Poll::Ready(Some(Event::Arrived(datagram))) => return Poll::Ready(News::Arrived(datagram)),
                Poll::Ready(Some(Event::Unsent(packet, error))) => return Poll::Ready(News::Unsent(packet, error)),
                Poll::Ready(Some(Event::Read(key, number, why))) => self.read_to_its_end(key, number, why),
                Poll::Ready(Some(Event::Closed(key, number))) => {
                    for connections in [&mut self.open, &mut self.ending] {
                        if connections.get(&key).is_some_and(|connection| connection.number == number) {
                            connections.remove(&key);
                        }
                    }
                }
                // It keeps an end itself: the channel never closes.
                Poll::Ready(None) | Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Sends a packet over the connection to its destination, which is opened when there is none.
    ///
    /// # Errors
    /// The packet, and why it cannot be sent. What fails later comes by [`Connections::poll`].
    pub(super) fn send(&mut self, packet: Transmit) -> Result<(), (Transmit, io::Error)> {
        let key = (packet.socket, packet.destination);
        // A request would be lost where the peer is gone for good; an answer is what it may wait for.
        let ending = self.ending.get(&key).filter(|_| line::is_reply(&packet.bytes));
        let mut packet = packet;
        for connection in ending.into_iter().chain(self.open.get(&key)) {
            if !self.has_place_for(&packet, &connection.backlog) {
                return Err((packet, io::ErrorKind::WouldBlock.into()));
            }
            packet = match connection.push(packet, &self.backlog) {
                Ok(()) => return Ok(()),
                // It has just ended.
                Err(packet) => packet,
            };
        }
        if !self.has_room() {
            return Err((packet, io::ErrorKind::QuotaExceeded.into()));
        }
        let own = self.sockets.socket(key.0).map(|socket| socket.address);
        self.spawn(key, Origin::Own(own), Some(packet));
        Ok(())
    }

    /// Whether this packet may wait beside what waits already.
    fn has_place_for(&self, packet: &Transmit, backlog: &Backlog) -> bool {
        let length = packet.bytes.len();
        backlog.bytes() + length <= self.settings.queue && self.backlog.bytes() + length <= self.settings.queues
    }

    /// Whether there is room for one more. One that only waits for answers makes room for it.
    fn has_room(&mut self) -> bool {
        if self.count() >= self.settings.most {
            let oldest = self.ending.iter().min_by_key(|(_, connection)| connection.number).map(|(key, _)| *key);
            oldest.and_then(|key| self.ending.remove(&key));
        }
        self.count() < self.settings.most
    }

    fn read_to_its_end(&mut self, key: Key, number: u64, why: ReadingEnd) {
        match why {
            ReadingEnd::Broken => self.counts.broken += 1,
            ReadingEnd::Slow => {
                self.counts.slow += 1;
                tracing::debug!(target: "alanui", "closed the connection to {}: a message did not become whole in time", key.1);
            }
            ReadingEnd::Closed | ReadingEnd::Silent => {}
        }
        if self.open.get(&key).is_some_and(|connection| connection.number == number)
            && let Some(connection) = self.open.remove(&key)
        {
            self.ending.insert(key, connection);
        }
    }

    fn spawn(&mut self, key: Key, origin: Origin, first: Option<Transmit>) {
        self.opened += 1;
        let (leaving, queue) = unbounded_channel();
        let backlog: Arc<Backlog> = Arc::default();
        let line = Line {
            key,
            number: self.opened,
            events: self.telling.clone(),
            pongs: leaving.downgrade(),
            settings: self.settings,
            backlog: backlog.clone(),
            total: self.backlog.clone(),
            owed: Default::default(),
            active: Default::default(),
            ending: Default::default(),
        };
        let connection = Connection { number: self.opened, leaving, backlog };
        if let Some(first) = first {
            // Its task has its end of the queue.
            let _ = connection.push(first, &self.backlog);
        }
        self.open.insert(key, connection);
        self.tasks.spawn(line.serve(origin, queue));
    }

    /// Writes what waits, for a moment.
    pub(super) async fn end(mut self) {
        // Without their queues the tasks end once they have written what is in them.
        self.open.clear();
        self.ending.clear();
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
                if events.send(Event::Accepted((id, peer), stream)).await.is_err() {
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
