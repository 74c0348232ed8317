//! Ways that packets come and go by.

use std::net::SocketAddr;
use std::num::NonZeroU32;

/// A socket by its place among the server's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct SocketId(pub u16);

/// A connection of a stream transport: `$conid`. No other of this server has had its number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConnectionId(pub NonZeroU32);

/// The way between a socket of ours and a peer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Flow {
    /// The other end.
    pub peer: SocketAddr,
    /// Our socket, which says by which transport.
    pub socket: SocketId,
    /// The connection that a message has come by, and that its replies go back by (RFC 3261 section 18.2.2). One that is gone, or none, is any to
    /// the peer's address, which is opened when there is none.
    pub connection: Option<ConnectionId>,
}

impl Flow {
    /// The way to a peer, by whatever connection there is.
    pub const fn to(peer: SocketAddr, socket: SocketId) -> Flow {
        Flow { peer, socket, connection: None }
    }
}

/// What a script wants of the connection that a message leaves by; datagrams have none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SendFlags {
    /// None is opened for it: `set_forward_no_connect`, `set_reply_no_connect`.
    pub existing: bool,
    /// It is closed behind it: `set_forward_close`, `set_reply_close`.
    pub closing: bool,
}

impl SendFlags {
    /// What either wants.
    #[must_use]
    pub const fn or(self, other: SendFlags) -> SendFlags {
        SendFlags { existing: self.existing | other.existing, closing: self.closing | other.closing }
    }
}
