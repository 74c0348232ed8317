//! Record-Route lines that depend on the socket a request leaves by, which is known only when it is sent.

use super::working::Working;
use crate::world::SocketId;
use bytes::Bytes;

/// A Record-Route that the script wants, and how it stands in the edits so far.
#[derive(Clone, Debug)]
pub struct RecordRoute {
    /// The lines as they stand in the edits; empty when they were removed again.
    pub lines: Bytes,
    /// `Record-Route: <sip:user@`
    pub prefix: Vec<u8>,
    /// The socket the request came in on; `None` when `prefix` holds a fixed address.
    pub socket: Option<SocketId>,
    /// Its address; empty without one.
    pub arrived: Vec<u8>,
    /// `;lr;ftag=...`, without the end of the line.
    pub suffix: Vec<u8>,
    /// When there is a second line, for the socket it leaves by.
    pub second: SecondRecordRoute,
}

/// When a second Record-Route line is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SecondRecordRoute {
    /// Never.
    Never,
    /// When the request leaves by another socket than it came in on.
    WhenDifferent,
    /// Always.
    Always,
}

impl RecordRoute {
    /// The lines of a request that leaves by `socket`, called `leaving`: the outgoing side on top, each marked `r2=on` when there are two.
    pub fn write(&self, socket: SocketId, leaving: &[u8]) -> Vec<u8> {
        let two = match self.second {
            SecondRecordRoute::Never => false,
            SecondRecordRoute::WhenDifferent => self.socket != Some(socket),
            SecondRecordRoute::Always => true,
        };
        let mark: &[u8] = if two { b";r2=on" } else { b"" };
        let mut out = Vec::with_capacity(128);
        let addresses = [leaving, &self.arrived];
        for address in if two { &addresses[..] } else { &addresses[1..] } {
            for part in [&self.prefix, *address, mark, &self.suffix, b">\r\n"] {
                out.extend_from_slice(part);
            }
        }
        out
    }
}

impl Working {
    /// Writes the Record-Route lines again for a request that leaves by `socket`, which
    /// [`Core::leaving_route_text`](super::Core::leaving_route_text) calls `leaving`.
    pub fn settle_record_routes(&mut self, socket: SocketId, leaving: &[u8]) {
        for route in &mut self.record_routes {
            let lines = Bytes::from(route.write(socket, leaving));
            if !route.lines.is_empty() && lines != route.lines {
                self.edits.replace_inserted(&route.lines, lines.clone());
                route.lines = lines;
            }
        }
    }
}
