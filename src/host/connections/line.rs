//! One connection: what arrives is cut into messages, what leaves is written in order.

use super::{Event, FAREWELL, ReadingEnd};
use crate::builtin::{ConnectionSettings, SystemKeepalive};
use crate::host::sockets;
use crate::sip::{Frame, Framer};
use crate::world::{ConnectionId, Datagram, Flow, Transmit};
use bytes::Bytes;
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Notify;
use tokio::sync::mpsc::{Sender, UnboundedReceiver, WeakUnboundedSender};
use tokio::time::{Instant, timeout};

/// Bytes that are read at a time.
const CHUNK: usize = 16_384;
/// Packets that are written at a time.
const BATCH: usize = 64;
/// Bytes of answers that may wait while more is read from a connection.
const ANSWERS: usize = 256 * 1024;
/// What one that waits takes beside its bytes.
const ENTRY: usize = 128;
/// Bytes that are read and thrown away after a message that nobody could read, so that the system does not throw away the answer to it.
const DISCARDED: usize = 1 << 20;

/// What waits to be written.
pub(super) enum Leaving {
    Packet(Transmit),
    /// The answer to a ping (RFC 5626 section 3.5.1).
    Pong,
}

impl Leaving {
    fn bytes(&self) -> &[u8] {
        match self {
            Leaving::Packet(packet) => &packet.bytes,
            Leaving::Pong => b"\r\n",
        }
    }

    fn is_answer(&self) -> bool {
        match self {
            Leaving::Packet(packet) => is_reply(&packet.bytes),
            Leaving::Pong => true,
        }
    }
}

/// How much waits: for one connection, or for those of all workers.
#[derive(Default)]
pub(super) struct Backlog {
    bytes: AtomicUsize,
    answers: AtomicUsize,
    eased: Notify,
}

impl Backlog {
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Relaxed)
    }

    pub(super) fn add(&self, leaving: &Leaving) {
        let size = leaving.bytes().len() + ENTRY;
        self.bytes.fetch_add(size, Relaxed);
        if leaving.is_answer() {
            self.answers.fetch_add(size, Relaxed);
        }
    }

    pub(super) fn take(&self, leaving: &Leaving) {
        let size = leaving.bytes().len() + ENTRY;
        self.bytes.fetch_sub(size, Relaxed);
        if leaving.is_answer() && self.answers.fetch_sub(size, Relaxed) > ANSWERS {
            self.eased.notify_one();
        }
    }

    /// Waits until few answers wait; gives whether it had to.
    async fn ease(&self) -> bool {
        let mut waited = false;
        while self.answers.load(Relaxed) > ANSWERS {
            waited = true;
            self.eased.notified().await;
        }
        waited
    }
}

/// Who opened a connection.
pub(super) enum Origin {
    Peer(TcpStream),
    /// The server, from this address.
    Own(Option<SocketAddr>),
}

/// What the task of one connection knows.
pub(super) struct Line {
    pub(super) id: ConnectionId,
    pub(super) flow: Flow,
    pub(super) events: Sender<Event>,
    pub(super) pongs: WeakUnboundedSender<Leaving>,
    pub(super) settings: ConnectionSettings,
    pub(super) backlog: Arc<Backlog>,
    /// That of all connections.
    pub(super) total: Arc<Backlog>,
    /// Requests that the peer has no final answer to.
    pub(super) owed: AtomicUsize,
    /// Something has moved since the last look.
    pub(super) active: AtomicBool,
    /// Nothing more is read; it ends when nothing is owed.
    pub(super) ending: AtomicBool,
}

impl Line {
    pub(super) async fn serve(self, origin: Origin, mut queue: UnboundedReceiver<Leaving>) {
        let opened = match origin {
            Origin::Peer(stream) => Ok(stream),
            Origin::Own(own) => connect(own, self.flow.peer, &self.settings).await,
        };
        let fault = match opened {
            Ok(stream) => self.carry(stream, &mut queue).await,
            Err(error) => error,
        };
        queue.close();
        while let Some(leaving) = queue.recv().await {
            self.unsent(leaving, &fault).await;
        }
        // A worker that has ended needs no telling.
        let _ = self.events.send(Event::Closed(self.id)).await;
    }

    /// Reads and writes until both have ended; gives what to tell of that which was not written.
    async fn carry(&self, stream: TcpStream, queue: &mut UnboundedReceiver<Leaving>) -> io::Error {
        // Messages are whole: none waits for another.
        let _ = stream.set_nodelay(true);
        if let Some(keepalive) = &self.settings.keepalive {
            // A system that refuses it keeps the connection all the same.
            let _ = SockRef::from(&stream).set_tcp_keepalive(&asked(keepalive));
        }
        let (mut reader, mut writer) = stream.into_split();
        let why = {
            let mut writing = pin!(self.write(&mut writer, queue));
            let why = tokio::select! {
                why = self.read(&mut reader) => why,
                error = &mut writing => return error,
            };
            // A worker that has ended needs no telling.
            let _ = self.events.send(Event::Read(self.id, why)).await;
            self.ending.store(true, Relaxed);
            let patience = match why {
                ReadingEnd::Closed => self.settings.lifetime,
                ReadingEnd::Broken => FAREWELL,
                ReadingEnd::Slow | ReadingEnd::Silent => Duration::ZERO,
            };
            if self.owed.load(Relaxed) > 0 {
                tokio::select! {
                    _ = timeout(patience, writing) => {}
                    () = throw_away(&mut reader, why) => {}
                }
            }
            why
        };
        if why == ReadingEnd::Broken {
            let _ = writer.shutdown().await;
            let _ = timeout(FAREWELL, discard(&mut reader)).await;
        }
        io::ErrorKind::ConnectionAborted.into()
    }

    async fn unsent(&self, leaving: Leaving, error: &io::Error) {
        self.backlog.take(&leaving);
        self.total.take(&leaving);
        if let Leaving::Packet(packet) = leaving {
            let error = io::Error::new(error.kind(), error.to_string());
            let _ = self.events.send(Event::Unsent(packet, error)).await;
        }
    }

    /// Reads until the peer closes, sends what is no SIP, is too slow with a message, or is silent for too long.
    async fn read(&self, reader: &mut OwnedReadHalf) -> ReadingEnd {
        let mut framer = Framer::taking_unsaid(self.settings.takes_no_length);
        let mut chunk = vec![0; CHUNK];
        // Since when a message has been on its way that is not whole.
        let mut began: Option<Instant> = None;
        loop {
            if self.backlog.ease().await && began.is_some() {
                // It was not the peer who kept it waiting.
                began = Some(Instant::now());
            }
            let left = began.map(|began| self.settings.message_time.saturating_sub(began.elapsed()));
            let patience = left.unwrap_or(self.settings.lifetime).min(self.settings.lifetime);
            let count = match timeout(patience, reader.read(&mut chunk)).await {
                Ok(Ok(count)) if count > 0 => count,
                Ok(_) => return ReadingEnd::Closed,
                Err(_) if began.is_some_and(|began| began.elapsed() >= self.settings.message_time) => {
                    return ReadingEnd::Slow;
                }
                Err(_) if self.active.swap(false, Relaxed) => continue,
                Err(_) => return ReadingEnd::Silent,
            };
            self.active.store(true, Relaxed);
            framer.push(chunk.get(..count).unwrap_or_default());
            loop {
                let (bytes, broken) = match framer.frame() {
                    Ok(Some(Frame::Message(bytes))) => (bytes, false),
                    Ok(Some(Frame::Ping)) => {
                        began = None;
                        self.pong();
                        continue;
                    }
                    Ok(None) => break,
                    // The node finds the same fault, tells of it, and may answer.
                    Err(_) => (framer.broken(), true),
                };
                began = None;
                self.owed.fetch_add(usize::from(wants_answer(&bytes)), Relaxed);
                // It shares no memory with what comes after it: a transaction may keep it for long.
                let bytes = Bytes::copy_from_slice(&bytes);
                let arrived = Datagram { bytes, flow: self.flow };
                if self.events.send(Event::Arrived(arrived)).await.is_err() {
                    return ReadingEnd::Closed;
                }
                if broken {
                    return ReadingEnd::Broken;
                }
            }
            began = framer.is_within_message().then(|| began.unwrap_or_else(Instant::now));
        }
    }

    fn pong(&self) {
        if let (true, Some(pongs)) = (self.settings.answers_pings, self.pongs.upgrade()) {
            self.backlog.add(&Leaving::Pong);
            self.total.add(&Leaving::Pong);
            // The worker that lets go of a connection needs no pong.
            let _ = pongs.send(Leaving::Pong);
        }
    }

    /// Writes until that fails, nothing more can come, or nothing more is owed to a peer that has ended.
    async fn write(&self, writer: &mut OwnedWriteHalf, queue: &mut UnboundedReceiver<Leaving>) -> io::Error {
        let (mut batch, mut bytes) = (Vec::with_capacity(BATCH), Vec::new());
        loop {
            if queue.recv_many(&mut batch, BATCH).await == 0 {
                return io::ErrorKind::ConnectionAborted.into();
            }
            self.active.store(true, Relaxed);
            bytes.clear();
            batch.iter().for_each(|leaving| bytes.extend_from_slice(leaving.bytes()));
            let (written, error) = self.write_all(writer, &bytes).await;
            let mut end = 0;
            for leaving in batch.drain(..) {
                end += leaving.bytes().len();
                match &error {
                    Some(error) if end > written => self.unsent(leaving, error).await,
                    _ => self.left(&leaving),
                }
            }
            if let Some(error) = error {
                return error;
            }
            if self.ending.load(Relaxed) && self.owed.load(Relaxed) == 0 {
                return io::ErrorKind::ConnectionAborted.into();
            }
            // What a big message took is not kept.
            bytes.shrink_to(CHUNK);
        }
    }

    /// Writes all of it, as long as some of it goes on: how much was written, and why not all.
    async fn write_all(&self, writer: &mut OwnedWriteHalf, bytes: &[u8]) -> (usize, Option<io::Error>) {
        let mut written = 0;
        while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
            match timeout(self.settings.send_timeout, writer.write(rest)).await {
                Ok(Ok(0)) => return (written, Some(io::ErrorKind::WriteZero.into())),
                Ok(Ok(count)) => written += count,
                Ok(Err(error)) => return (written, Some(error)),
                Err(_) => return (written, Some(io::ErrorKind::TimedOut.into())),
            }
        }
        (written, None)
    }

    /// Counts what was written.
    fn left(&self, leaving: &Leaving) {
        self.backlog.take(leaving);
        self.total.take(leaving);
        if is_final_reply(leaving.bytes()) {
            let owed = self.owed.load(Relaxed);
            self.owed.store(owed.saturating_sub(1), Relaxed);
        }
    }
}

/// Whether a message is a reply, by its first word.
fn is_reply(message: &[u8]) -> bool {
    message.get(..4).is_some_and(|word| word.eq_ignore_ascii_case(b"SIP/"))
}

fn is_final_reply(message: &[u8]) -> bool {
    is_reply(message) && message.get(8).is_some_and(|digit| (b'2'..=b'6').contains(digit))
}

/// Whether the sender of a message waits for an answer: an ACK has none.
fn wants_answer(message: &[u8]) -> bool {
    !is_reply(message) && !message.get(..4).is_some_and(|word| word.eq_ignore_ascii_case(b"ACK "))
}

/// Throws away what follows a message that nobody can read, as long as somebody waits for something else.
async fn throw_away(reader: &mut OwnedReadHalf, why: ReadingEnd) {
    if why == ReadingEnd::Broken {
        discard(reader).await;
    }
    std::future::pending().await
}

/// Reads on until the peer closes, and throws it away.
async fn discard(reader: &mut OwnedReadHalf) {
    let (mut chunk, mut discarded) = (vec![0; CHUNK], 0);
    while discarded < DISCARDED {
        match reader.read(&mut chunk).await {
            Ok(count) if count > 0 => discarded += count,
            _ => break,
        }
    }
}

/// What the system is told of how it asks silent peers.
fn asked(keepalive: &SystemKeepalive) -> TcpKeepalive {
    let mut asked = TcpKeepalive::new();
    if let Some(idle) = keepalive.idle {
        asked = asked.with_time(idle);
    }
    if let Some(interval) = keepalive.interval {
        asked = asked.with_interval(interval);
    }
    if let Some(count) = keepalive.count {
        asked = asked.with_retries(count);
    }
    asked
}

/// Opens a connection, from the address of our socket by a port that the system chooses.
async fn connect(own: Option<SocketAddr>, peer: SocketAddr, settings: &ConnectionSettings) -> io::Result<TcpStream> {
    let socket = if peer.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(own) = own.filter(|own| !own.ip().is_unspecified()) {
        socket.bind(SocketAddr::new(own.ip(), 0))?;
    }
    sockets::mark(&socket, peer, settings.tos);
    match timeout(settings.connect_timeout, socket.connect(peer)).await {
        Ok(opened) => opened,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}
