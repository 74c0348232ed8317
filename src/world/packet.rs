//! Packets.

use super::flow::{Flow, SendFlags};
use bytes::Bytes;

/// A module by its place among those loaded.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct ModuleId(pub u16);

/// A packet that arrived: a datagram, or a message that was cut out of a stream.
#[derive(Debug, Clone)]
pub struct Datagram {
    /// Its bytes.
    pub bytes: Bytes,
    /// The way it came.
    pub flow: Flow,
}

/// A packet to send.
#[derive(Debug, Clone)]
pub struct Transmit {
    /// Its bytes.
    pub bytes: Bytes,
    /// The way it goes.
    pub flow: Flow,
    /// What the script wants of the connection.
    pub flags: SendFlags,
}
