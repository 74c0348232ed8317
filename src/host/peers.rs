//! Real sockets for the peers of a scenario that is played against a real server.

use super::clock::{Clock, random};
use crate::sip::{Frame, Framer, Transport};
use crate::time::Tick;
use bytes::Bytes;
use socket2::SockRef;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UdpSocket};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Where each peer speaks with the server: a socket of UDP, or a place that takes connections of TCP and the connections there are.
#[derive(Debug)]
pub struct Peers {
    wires: Vec<Wire>,
    events: Receiver<Event>,
    teller: Sender<Event>,
    clock: Clock,
    mark: String,
    /// Connections so far.
    counted: u64,
    /// What reads and takes connections runs only while this is waited on.
    runtime: Runtime,
}

/// How one peer speaks.
#[derive(Debug)]
enum Wire {
    Datagrams(Arc<UdpSocket>),
    Streams {
        own: SocketAddr,
        /// Takes connections; none while the peer is disconnected.
        taker: Option<JoinHandle<()>>,
        lines: Vec<Line>,
    },
}

/// A connection, by the address at its other end.
#[derive(Debug)]
struct Line {
    far: SocketAddr,
    number: u64,
    writer: OwnedWriteHalf,
    reader: JoinHandle<()>,
}

/// What comes from the network.
#[derive(Debug)]
enum Event {
    /// A packet or a message: to whom, from where, and what.
    Message(usize, SocketAddr, Bytes),
    /// A peer was connected to.
    Taken(usize, SocketAddr, TcpStream),
    /// A connection ended, by its peer and its number.
    Ended(usize, u64),
}

/// The longest packet that is taken, and how much of a stream is read at a time.
const CHUNK: usize = 65_535;
/// What came and waits to be looked at; further things wait in the system.
const WAITING: usize = 256;
/// Connections of one peer; further ones are closed at once.
const MOST_LINES: usize = 64;
/// How long opening a connection, and writing to one, may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Connections that may wait to be taken.
const BACKLOG: u32 = 64;

impl Peers {
    /// Binds the peers' addresses.
    ///
    /// # Errors
    /// Says which address cannot be bound, and why.
    pub fn bind(peers: &[(Transport, SocketAddr)]) -> Result<Peers, String> {
        let refused = |fault: io::Error| format!("the system refused: {fault}");
        let mark = random().map_err(refused)?.bits();
        let runtime = Builder::new_current_thread().enable_all().build().map_err(refused)?;
        let (teller, events) = channel(WAITING);
        let (clock, mark) = (Clock::start(), format!("{mark:016x}"));
        let mut all = Peers { wires: Vec::new(), events, teller, clock, mark, counted: 0, runtime };
        for (peer, (transport, address)) in peers.iter().enumerate() {
            let wire = match transport {
                Transport::Udp => all.datagrams(peer, *address),
                // Sockets that share a port let in another program that shares it; one that does not finds it out.
                Transport::Tcp => std::net::TcpListener::bind(address)
                    .map(drop)
                    .and_then(|()| all.taker(peer, *address))
                    .map(|taker| Wire::Streams { own: *address, taker: Some(taker), lines: Vec::new() }),
                _ => Err(io::ErrorKind::Unsupported.into()),
            };
            all.wires.push(wire.map_err(|fault| format!("{transport}:{address} cannot be bound: {fault}"))?);
        }
        Ok(all)
    }

    fn datagrams(&self, peer: usize, own: SocketAddr) -> io::Result<Wire> {
        let socket = Arc::new(self.runtime.block_on(UdpSocket::bind(own))?);
        self.runtime.spawn(receive(peer, socket.clone(), self.teller.clone()));
        Ok(Wire::Datagrams(socket))
    }

    fn taker(&self, peer: usize, own: SocketAddr) -> io::Result<JoinHandle<()>> {
        let _inside = self.runtime.enter();
        let listener = stream_socket(own)?.listen(BACKLOG)?;
        Ok(self.runtime.spawn(take(peer, listener, self.teller.clone())))
    }

    /// Sends a message from a peer to an address of the server: by the connection that there is to it, else by one that is opened.
    ///
    /// # Errors
    /// Says why it cannot be sent.
    pub fn send(&mut self, peer: usize, to: SocketAddr, bytes: &[u8]) -> Result<(), String> {
        let fault = |fault: io::Error| format!("{to} cannot be reached: {fault}");
        let own = match self.wires.get(peer) {
            None => return Err("there is no such peer".to_owned()),
            Some(Wire::Datagrams(socket)) => {
                return self.runtime.block_on(socket.send_to(bytes, to)).map(drop).map_err(fault);
            }
            Some(Wire::Streams { own, .. }) => *own,
        };
        self.listens_again(peer).map_err(|fault| format!("tcp:{own} cannot be bound: {fault}"))?;
        if !self.lines(peer).iter().any(|line| line.far == to) {
            let stream = self.runtime.block_on(within(open(own, to))).map_err(fault)?;
            self.connected(peer, to, stream).map_err(fault)?;
        }
        let Some(Wire::Streams { lines, .. }) = self.wires.get_mut(peer) else { return Ok(()) };
        let Some(line) = lines.iter_mut().rfind(|line| line.far == to) else {
            return Err(format!("the peer has {MOST_LINES} connections already"));
        };
        self.runtime.block_on(within(line.writer.write_all(bytes))).map_err(fault)
    }

    /// Breaks the connections of a peer. It takes none until it sends something.
    pub fn disconnect(&mut self, peer: usize) {
        let Some(Wire::Streams { taker, lines, .. }) = self.wires.get_mut(peer) else { return };
        let mut ended: Vec<JoinHandle<()>> = taker.take().into_iter().collect();
        for line in lines.drain(..) {
            // It breaks: the other end must not see it closed in order before.
            line.writer.forget();
            ended.push(line.reader);
        }
        ended.iter().for_each(JoinHandle::abort);
        self.runtime.block_on(async {
            for task in ended {
                // It was told to end: that it did not end by itself is no news.
                let _ = task.await;
            }
        });
    }

    /// Waits for a message to any of the peers, at most this long; gives to whom it is and where it came from.
    pub fn receive(&mut self, at_most: Duration) -> Option<(usize, SocketAddr, Bytes)> {
        let deadline = self.now().after(at_most);
        loop {
            let (left, events) = (deadline.since(self.clock.now().tick), &mut self.events);
            let event = self.runtime.block_on(async { timeout(left, events.recv()).await });
            match event.ok().flatten()? {
                Event::Message(peer, from, bytes) => return Some((peer, from, bytes)),
                // A connection that cannot be used is none.
                Event::Taken(peer, from, stream) => drop(self.connected(peer, from, stream)),
                Event::Ended(peer, number) => {
                    if let Some(Wire::Streams { lines, .. }) = self.wires.get_mut(peer) {
                        lines.retain(|line| line.number != number);
                    }
                }
            }
        }
    }

    fn lines(&self, peer: usize) -> &[Line] {
        match self.wires.get(peer) {
            Some(Wire::Streams { lines, .. }) => lines,
            _ => &[],
        }
    }

    fn listens_again(&mut self, peer: usize) -> io::Result<()> {
        let Some(Wire::Streams { own, taker: None, .. }) = self.wires.get(peer) else { return Ok(()) };
        let again = self.taker(peer, *own)?;
        if let Some(Wire::Streams { taker, .. }) = self.wires.get_mut(peer) {
            *taker = Some(again);
        }
        Ok(())
    }

    /// Takes note of a connection, unless there are too many or the peer is disconnected.
    fn connected(&mut self, peer: usize, far: SocketAddr, stream: TcpStream) -> io::Result<()> {
        // One that is closed leaves at once. Otherwise the system would keep its two addresses for a minute, and the next scenario could not have them.
        SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
        stream.set_nodelay(true)?;
        let Some(Wire::Streams { taker: Some(_), lines, .. }) = self.wires.get_mut(peer) else { return Ok(()) };
        if lines.len() >= MOST_LINES {
            return Ok(());
        }
        self.counted += 1;
        let (number, (reader, writer)) = (self.counted, stream.into_split());
        let reader = self.runtime.spawn(read(peer, number, far, reader, self.teller.clone()));
        lines.push(Line { far, number, writer, reader });
        Ok(())
    }

    /// Letters and digits that nobody else has.
    pub fn mark(&self) -> String {
        self.mark.clone()
    }

    /// The time since the start.
    pub fn now(&self) -> Tick {
        self.clock.now().tick
    }
}

/// A socket that shares its address with the others of its peer: what it connects to sees where it listens, as the simulator has it.
fn stream_socket(own: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if own.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    socket.bind(own)?;
    Ok(socket)
}

async fn open(own: SocketAddr, to: SocketAddr) -> io::Result<TcpStream> {
    stream_socket(own)?.connect(to).await
}

async fn within<T>(action: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(PATIENCE, action).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

async fn receive(peer: usize, socket: Arc<UdpSocket>, teller: Sender<Event>) {
    let mut space = vec![0; CHUNK];
    loop {
        // The system tells here, too, that an earlier packet found nobody.
        let Ok((length, from)) = socket.recv_from(&mut space).await else { continue };
        let bytes = Bytes::copy_from_slice(space.get(..length).unwrap_or_default());
        if teller.send(Event::Message(peer, from, bytes)).await.is_err() {
            return;
        }
    }
}

async fn take(peer: usize, listener: TcpListener, teller: Sender<Event>) {
    loop {
        match listener.accept().await {
            Ok((stream, from)) => {
                if teller.send(Event::Taken(peer, from, stream)).await.is_err() {
                    return;
                }
            }
            Err(fault) if fault.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(_) => return,
        }
    }
}

/// Cuts what comes by a connection into messages, until it ends or nobody knows where the next one does.
async fn read(peer: usize, number: u64, from: SocketAddr, mut reader: OwnedReadHalf, teller: Sender<Event>) {
    let (mut framer, mut chunk) = (Framer::default(), vec![0; CHUNK]);
    'open: while let Ok(count @ 1..) = reader.read(&mut chunk).await {
        framer.push(chunk.get(..count).unwrap_or_default());
        loop {
            let (bytes, broken) = match framer.frame() {
                Ok(Some(Frame::Message(bytes))) => (bytes, false),
                // No part of a scenario.
                Ok(Some(Frame::Ping)) => continue,
                Ok(None) => break,
                Err(_) => (framer.broken(), true),
            };
            if teller.send(Event::Message(peer, from, bytes)).await.is_err() || broken {
                break 'open;
            }
        }
    }
    // Whoever would be told has ended, too.
    let _ = teller.send(Event::Ended(peer, number)).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener as Listener;

    const LONG: Duration = Duration::from_secs(5);
    const MESSAGE: &[u8] = b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 2\r\n\r\nhi";

    /// A peer, its address, and a server that takes connections.
    fn peer() -> (Peers, SocketAddr, Listener) {
        let free = Listener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        (Peers::bind(&[(Transport::Tcp, free)]).unwrap(), free, Listener::bind("127.0.0.1:0").unwrap())
    }

    #[test]
    fn a_peer_connects_from_where_it_listens_and_keeps_the_connection() {
        let (mut peers, own, server) = peer();
        let to = server.local_addr().unwrap();
        peers.send(0, to, b"one").unwrap();
        peers.send(0, to, b"two").unwrap();
        let (mut line, from) = server.accept().unwrap();
        assert_eq!(from, own);
        let mut got = [0; 6];
        line.read_exact(&mut got).unwrap();
        assert_eq!(&got, b"onetwo");
        line.write_all(&MESSAGE[..30]).unwrap();
        assert_eq!(peers.receive(Duration::ZERO), None);
        line.write_all(&[&MESSAGE[30..], MESSAGE].concat()).unwrap();
        for _ in 0..2 {
            assert_eq!(peers.receive(LONG), Some((0, to, Bytes::from_static(MESSAGE))));
        }
    }

    #[test]
    fn a_peer_is_connected_to_and_answers_there() {
        let (mut peers, own, _server) = peer();
        let mut line = std::net::TcpStream::connect(own).unwrap();
        line.write_all(MESSAGE).unwrap();
        let (_, from, _) = peers.receive(LONG).unwrap();
        assert_eq!(from, line.local_addr().unwrap());
        peers.send(0, from, b"answer").unwrap();
        let mut got = [0; 6];
        line.read_exact(&mut got).unwrap();
        assert_eq!(&got, b"answer");
    }

    #[test]
    fn a_disconnected_peer_takes_nothing_until_it_sends() {
        let (mut peers, own, server) = peer();
        let mut line = std::net::TcpStream::connect(own).unwrap();
        line.write_all(MESSAGE).unwrap();
        peers.receive(LONG).unwrap();
        peers.disconnect(0);
        assert!(line.read(&mut [0; 1]).is_err(), "it is broken, not closed");
        assert!(std::net::TcpStream::connect(own).is_err());
        peers.send(0, server.local_addr().unwrap(), MESSAGE).unwrap();
        assert!(std::net::TcpStream::connect(own).is_ok());
    }

    #[test]
    fn what_nobody_can_cut_is_the_last_of_a_connection() {
        let (mut peers, own, _server) = peer();
        let mut line = std::net::TcpStream::connect(own).unwrap();
        line.write_all(b"OPTIONS sip:a SIP/2.0\r\n\r\n").unwrap();
        let (_, _, bytes) = peers.receive(LONG).unwrap();
        assert_eq!(bytes, "OPTIONS sip:a SIP/2.0\r\n\r\n");
        assert_eq!(peers.receive(Duration::from_millis(50)), None);
        assert!(peers.lines(0).is_empty());
    }
}
