//! Where a request goes.

use crate::world::SocketId;
use bytes::Bytes;
use std::sync::Arc;

/// Where a request goes, by one branch.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// Its Request-URI: `$ru`; `None` for that of the message as it arrived.
    pub uri: Option<Bytes>,
    /// Where it is sent instead of to the Request-URI: `$du`.
    pub next_hop: Option<Bytes>,
    /// The socket it leaves by, when the script chose one: `$fs`.
    pub socket: Option<SocketId>,
    /// Flags 0 to 31 of the branch: `setbflag`.
    pub flags: u32,
    /// What a location service knows of the destination, when one named it: `lookup`.
    pub located: Option<Arc<Located>>,
}

impl Target {
    /// About how many bytes it takes beside itself.
    pub fn size(&self) -> usize {
        [&self.uri, &self.next_hop].into_iter().flatten().map(Bytes::len).sum()
    }
}

/// What a location service knows of a destination beside its addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Located {
    /// The proxies before it, as the value of a Route header (RFC 3327); empty when there are none.
    pub path: Bytes,
    /// How much it is preferred, in thousandths (RFC 3261 section 20.10); `None` when that is not said.
    pub q: Option<u16>,
    /// What names its record: `$ruid`.
    pub ruid: Bytes,
    /// Its `+sip.instance` (RFC 5626 section 4.1), with the angle brackets; empty without one.
    pub instance: Bytes,
    /// Its `reg-id` (RFC 5626 section 4.2); 0 without one.
    pub reg_id: u32,
    /// The User-Agent that registered it: `$location_ua`.
    pub user_agent: Bytes,
}
