//! What workers hand to each other.

use crate::world::{ConnectionId, Datagram, Transmit};

/// What one worker hands to another.
pub(super) enum Handed {
    /// Packets of calls that are the other's.
    Arrived(Vec<Datagram>),
    /// Packets that leave by connections of the other's.
    Leaving(Vec<Transmit>),
    /// A packet of a call of the other's that could not be sent.
    Unsent(Transmit),
    /// Something about a connection of the other's.
    Settle(ConnectionId, Settle),
}

/// What becomes of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) enum Settle {
    /// It is found under this port of its peer, too.
    Alias(u16),
    /// It is closed.
    Close,
}
