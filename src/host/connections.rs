//! Connections of TCP: one task each cuts what arrives into messages and writes what leaves. One worker has them all; a connection is known by our
//! socket and the peer's address, so a reply goes back by the connection that its request came by.

use crate::builtin::{ConnectionSettings, SocketId, Sockets};
use crate::node::{Datagram, Transmit};
use crate::sip::{Frame, Framer};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// What the tasks may have told without the worker listening; beyond it the system holds the peers back.
const EVENTS: usize = 1024;
/// Messages that may wait for one connection; a peer that reads no faster loses the others.
const QUEUE: usize = 256;
/// How long one message may take to be written.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the last messages may take once the server ends.
const FAREWELL: Duration = Duration::from_secs(1);
/// How long no connection is taken when the system has no room for one.
const PAUSE: Duration = Duration::from_millis(100);
/// Bytes that are read at a time.
const CHUNK: usize = 16_384;

/// Our socket and the peer.
type Key = (SocketId, SocketAddr);

/// All connections.
pub(super) struct Connections {
    open: BTreeMap<Key, Connection>,
    events: Receiver<Event>,
    telling: Sender<Event>,
    tasks: JoinSet<()>,
    /// Those of the tasks that take connections.
    accepting: usize,
    settings: ConnectionSettings,
    sockets: Arc<Sockets>,
    opened: u64,
}

struct Connection {
    /// Tells it from an earlier one with the same ends.
    number: u64,
    leaving: Sender<Leaving>,
}

enum Leaving {
    Packet(Transmit),
    /// The answer to a ping (RFC 5626 section 3.5.1).
    Pong,
}

/// What a task tells.
enum Event {
    /// A peer has opened a connection.
    Accepted(Key, TcpStream),
    /// A message has arrived.
    Arrived(Datagram),
    /// A message could not be sent.
    Unsent(Transmit, io::Error),
    /// A connection has ended.
    Closed(Key, u64),
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
        Ok(Connections { open: BTreeMap::default(), events, telling, tasks, accepting, settings, sockets, opened: 0 })
    }

    /// The next thing to know.
    pub(super) fn poll(&mut self, cx: &mut Context) -> Poll<News> {
        while self.tasks.try_join_next().is_some() {}
        loop {
            match self.events.poll_recv(cx) {
                Poll::Ready(Some(Event::Accepted(key, stream))) => {
                    if self.open.len() < self.settings.most {
                        self.spawn(key, Origin::Peer(stream), None);
                    } else {
                        tracing::debug!(target: "alanui", "refused a connection from {}: there are {} already", key.1, self.open.len());
                    }
                }
                Poll::Ready(Some(Event::Arrived(datagram))) => return Poll::Ready(News::Arrived(datagram)),
                Poll::Ready(Some(Event::Unsent(packet, error))) => return Poll::Ready(News::Unsent(packet, error)),
                Poll::Ready(Some(Event::Closed(key, number))) => {
                    if self.open.get(&key).is_some_and(|connection| connection.number == number) {
                        self.open.remove(&key);
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
        use tokio::sync::mpsc::error::TrySendError;
        let key = (packet.socket, packet.destination);
        let mut packet = Leaving::Packet(packet);
        if let Some(connection) = self.open.get(&key) {
            packet = match connection.leaving.try_send(packet) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Full(Leaving::Packet(packet))) => {
                    return Err((packet, io::ErrorKind::WouldBlock.into()));
                }
                Err(TrySendError::Full(Leaving::Pong)) => return Ok(()),
                // It has just ended.
                Err(TrySendError::Closed(packet)) => packet,
            };
        }
        let Leaving::Packet(packet) = packet else { return Ok(()) };
        if self.open.len() >= self.settings.most {
            return Err((packet, io::ErrorKind::QuotaExceeded.into()));
        }
        let own = self.sockets.socket(key.0).map(|socket| socket.address);
        self.spawn(key, Origin::Own(own), Some(packet));
        Ok(())
    }

    fn spawn(&mut self, key: Key, origin: Origin, first: Option<Transmit>) {
        self.opened += 1;
        let (leaving, queue) = channel(QUEUE);
        if let Some(first) = first {
            // It is empty.
            let _ = leaving.try_send(Leaving::Packet(first));
        }
        let line = Line {
            key,
            number: self.opened,
            events: self.telling.clone(),
            pongs: leaving.downgrade(),
            settings: self.settings,
        };
        self.open.insert(key, Connection { number: self.opened, leaving });
        self.tasks.spawn(line.serve(origin, queue));
    }

    /// Writes what waits, for a moment.
    pub(super) async fn end(mut self) {
        // Without their queues the tasks end once they have written what is in them.
        self.open.clear();
        self.events.close();
        // What is not written by then is lost, as with a peer that does not read.
        let written = async { while self.tasks.len() > self.accepting && self.tasks.join_next().await.is_some() {} };
        let _ = timeout(FAREWELL, written).await;
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

/// Who opened a connection.
enum Origin {
    Peer(TcpStream),
    /// The server, from this address.
    Own(Option<SocketAddr>),
}

/// What the task of one connection knows.
struct Line {
    key: Key,
    number: u64,
    events: Sender<Event>,
    pongs: tokio::sync::mpsc::WeakSender<Leaving>,
    settings: ConnectionSettings,
}

impl Line {
    async fn serve(self, origin: Origin, mut queue: Receiver<Leaving>) {
        let opened = match origin {
            Origin::Peer(stream) => Ok(stream),
            Origin::Own(own) => connect(own, self.key.1, self.settings.connect_timeout).await,
        };
        let fault = match opened {
            Ok(stream) => {
                // Messages are whole: none waits for another.
                let _ = stream.set_nodelay(true);
                let (reader, writer) = stream.into_split();
                let active = AtomicBool::new(true);
                tokio::select! {
                    () = self.read(reader, &active) => io::ErrorKind::ConnectionAborted.into(),
                    error = self.write(writer, &mut queue, &active) => error,
                }
            }
            Err(error) => error,
        };
        queue.close();
        while let Some(leaving) = queue.recv().await {
            if let Leaving::Packet(packet) = leaving {
                self.unsent(packet, &fault).await;
            }
        }
        // A worker that has ended needs no telling.
        let _ = self.events.send(Event::Closed(self.key, self.number)).await;
    }

    async fn unsent(&self, packet: Transmit, error: &io::Error) {
        let error = io::Error::new(error.kind(), error.to_string());
        let _ = self.events.send(Event::Unsent(packet, error)).await;
    }

    /// Reads until the peer closes, sends what is no SIP, or is silent for too long.
    async fn read(&self, mut reader: OwnedReadHalf, active: &AtomicBool) {
        let (mut framer, mut chunk) = (Framer::default(), vec![0; CHUNK]);
        loop {
            let count = match timeout(self.settings.lifetime, reader.read(&mut chunk)).await {
                Ok(Ok(count)) if count > 0 => count,
                Ok(_) => return,
                Err(_) if active.swap(false, Ordering::Relaxed) => continue,
                Err(_) => return,
            };
            active.store(true, Ordering::Relaxed);
            framer.push(chunk.get(..count).unwrap_or_default());
            loop {
                match framer.frame() {
                    Ok(Some(Frame::Message(bytes))) => {
                        // It shares no memory with what comes after it: a transaction may keep it for long.
                        let bytes = Bytes::copy_from_slice(&bytes);
                        let arrived = Datagram { bytes, source: self.key.1, socket: self.key.0 };
                        if self.events.send(Event::Arrived(arrived)).await.is_err() {
                            return;
                        }
                    }
                    Ok(Some(Frame::Ping)) => {
                        if let (true, Some(pongs)) = (self.settings.answers_pings, self.pongs.upgrade()) {
                            // A peer that does not read is not answered.
                            let _ = pongs.try_send(Leaving::Pong);
                        }
                    }
                    Ok(None) => break,
                    Err(fault) => {
                        tracing::debug!(target: "alanui", "closed the connection to {}: {fault:?}", self.key.1);
                        return;
                    }
                }
            }
        }
    }

    /// Writes until that fails, or nothing more can come.
    async fn write(&self, mut writer: OwnedWriteHalf, queue: &mut Receiver<Leaving>, active: &AtomicBool) -> io::Error {
        while let Some(leaving) = queue.recv().await {
            active.store(true, Ordering::Relaxed);
            let bytes = match &leaving {
                Leaving::Packet(packet) => &packet.bytes[..],
                Leaving::Pong => b"\r\n",
            };
            let written = timeout(PATIENCE, writer.write_all(bytes)).await;
            let error = match written {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => error,
                Err(_) => io::ErrorKind::TimedOut.into(),
            };
            if let Leaving::Packet(packet) = leaving {
                self.unsent(packet, &error).await;
            }
            return error;
        }
        io::ErrorKind::ConnectionAborted.into()
    }
}

/// Opens a connection, from the address of our socket by a port that the system chooses.
async fn connect(own: Option<SocketAddr>, peer: SocketAddr, patience: Duration) -> io::Result<TcpStream> {
    let socket = if peer.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(own) = own.filter(|own| !own.ip().is_unspecified()) {
        socket.bind(SocketAddr::new(own.ip(), 0))?;
    }
    match timeout(patience, socket.connect(peer)).await {
        Ok(opened) => opened,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}
