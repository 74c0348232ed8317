//! How a peer speaks: datagrams, or connections that it opens and takes at one and the same address.

use alanui::sip::{Frame, Framer, Transport};
use socket2::{Domain, Socket, Type};
use std::io::{ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};

pub(super) enum Line {
    Udp(UdpSocket),
    Tcp { listener: TcpListener, streams: Vec<(TcpStream, SocketAddr, Framer)> },
}

impl Line {
    pub(super) fn open(transport: Transport) -> Result<(Self, SocketAddr)> {
        match transport {
            Transport::Udp => {
                let socket = UdpSocket::bind("127.0.0.1:0")?;
                socket.set_nonblocking(true)?;
                let address = socket.local_addr()?;
                Ok((Self::Udp(socket), address))
            }
            Transport::Tcp => {
                let socket = shared(SocketAddr::from(([127, 0, 0, 1], 0)))?;
                socket.listen(8)?;
                let listener = TcpListener::from(socket);
                listener.set_nonblocking(true)?;
                let address = listener.local_addr()?;
                Ok((Self::Tcp { listener, streams: Vec::new() }, address))
            }
            _ => Err(ErrorKind::Unsupported.into()),
        }
    }

    pub(super) fn transport(&self) -> Transport {
        match self {
            Self::Udp(_) => Transport::Udp,
            Self::Tcp { .. } => Transport::Tcp,
        }
    }

    pub(super) fn send(&mut self, bytes: &[u8], to: SocketAddr) -> Result<()> {
        let (listener, streams) = match self {
            Self::Udp(socket) => return socket.send_to(bytes, to).map(|_| ()),
            Self::Tcp { listener, streams } => (listener, streams),
        };
        if let Some((stream, ..)) = streams.iter_mut().find(|(_, peer, _)| *peer == to) {
            return stream.write_all(bytes);
        }
        let socket = shared(listener.local_addr()?)?;
        socket.connect(&to.into())?;
        let mut stream = TcpStream::from(socket);
        stream.set_nodelay(true)?;
        stream.write_all(bytes)?;
        stream.set_nonblocking(true)?;
        streams.push((stream, to, Framer::default()));
        Ok(())
    }

    /// Whether there is a way to an address without opening one.
    pub(super) fn reaches(&self, to: SocketAddr) -> bool {
        match self {
            Self::Udp(_) => true,
            Self::Tcp { streams, .. } => streams.iter().any(|(_, peer, _)| *peer == to),
        }
    }

    /// Closes all connections. Whoever opens one is taken.
    pub(super) fn disconnect(&mut self) {
        if let Self::Tcp { streams, .. } = self {
            streams.clear();
        }
    }

    /// What has arrived, and from whom.
    pub(super) fn collect(&mut self) -> Vec<(Vec<u8>, SocketAddr)> {
        let mut found = Vec::new();
        let mut buffer = vec![0; 65_536];
        match self {
            // A port of a server that has gone answers with an ICMP message; the record shows the silence.
            Self::Udp(socket) => {
                while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                    found.push((buffer[..length].to_vec(), from));
                }
            }
            Self::Tcp { listener, streams } => {
                while let Ok((stream, from)) = listener.accept() {
                    if stream.set_nonblocking(true).is_ok() {
                        streams.push((stream, from, Framer::default()));
                    }
                }
                streams.retain_mut(|(stream, from, framer)| {
                    let open = loop {
                        match stream.read(&mut buffer) {
                            Ok(0) => break false,
                            Ok(length) => framer.push(&buffer[..length]),
                            Err(_) => break true,
                        }
                    };
                    while let Ok(Some(frame)) = framer.frame() {
                        if let Frame::Message(bytes) = frame {
                            found.push((bytes.to_vec(), *from));
                        }
                    }
                    open
                });
            }
        }
        found
    }
}

/// A socket that may share its address with others of its kind.
fn shared(address: SocketAddr) -> Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}
