//! Packets, and the places they come from and go to.

use bytes::Bytes;
use std::net::SocketAddr;

/// A socket by its place among the server's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct SocketId(pub u16);

/// A module by its place among those loaded.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct ModuleId(pub u16);

/// A packet that arrived.
#[derive(Debug, Clone)]
pub struct Datagram {
    /// Its bytes.
    pub bytes: Bytes,
    /// The sender.
    pub source: SocketAddr,
    /// The socket it arrived on.
    pub socket: SocketId,
}

/// A packet to send.
#[derive(Debug, Clone)]
pub struct Transmit {
    /// Its bytes.
    pub bytes: Bytes,
    /// The receiver.
    pub destination: SocketAddr,
    /// The socket to send from.
    pub socket: SocketId,
}
