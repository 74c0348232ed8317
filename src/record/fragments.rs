//! IP packets that arrive in pieces (RFC 791 section 3.2, RFC 8200 section 4.5).

use std::collections::VecDeque;
use std::net::IpAddr;

/// What tells the pieces of one packet from those of others: source, destination, protocol, identification.
type Key = (IpAddr, IpAddr, u8, u32);

/// Where a piece belongs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fragment {
    /// The packet's identification.
    pub(super) id: u32,
    /// Where it begins, in bytes.
    pub(super) offset: usize,
    /// It is not the last.
    pub(super) more: bool,
}

/// Packets of which pieces are missing: the newest ones.
#[derive(Debug, Default)]
pub(super) struct Fragments(VecDeque<(Key, Pieces)>);

#[derive(Debug, Default)]
struct Pieces {
    pieces: Vec<(usize, Vec<u8>)>,
    end: Option<usize>,
}

/// Packets that may wait for pieces.
const MOST_PACKETS: usize = 64;
/// Pieces of one packet; the shortest path for packets (RFC 791) makes 140 of the longest packet.
const MOST_PIECES: usize = 256;
/// No IP packet is longer.
const LONGEST: usize = 65_535;

impl Fragments {
    /// Adds a piece; gives the packet's payload once it is whole.
    pub(super) fn add(&mut self, key: Key, fragment: Fragment, bytes: &[u8]) -> Option<Vec<u8>> {
        let at = match self.0.iter().position(|(its, _)| *its == key) {
            Some(at) => at,
            None => {
                if self.0.len() >= MOST_PACKETS {
                    self.0.pop_front();
                }
                self.0.push_back((key, Pieces::default()));
                self.0.len() - 1
            }
        };
        let (_, packet) = self.0.get_mut(at)?;
        let end = fragment.offset + bytes.len();
        if end > LONGEST || packet.pieces.len() >= MOST_PIECES {
            self.0.remove(at);
            return None;
        }
        if !fragment.more {
            packet.end = Some(end);
        }
        packet.pieces.push((fragment.offset, bytes.to_vec()));
        let whole = packet.whole()?;
        self.0.remove(at);
        Some(whole)
    }
}

impl Pieces {
    /// The payload, when no byte is missing. Of bytes that came twice the first stay.
    fn whole(&mut self) -> Option<Vec<u8>> {
        let end = self.end?;
        self.pieces.sort_by_key(|(offset, _)| *offset);
        let mut whole = Vec::new();
        for (offset, bytes) in &self.pieces {
            // Sorted: what begins behind the bytes so far leaves a hole.
            let known = whole.len().checked_sub(*offset)?;
            whole.extend_from_slice(bytes.get(known..).unwrap_or_default());
        }
        whole.truncate(end);
        (whole.len() == end).then_some(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_come_in_any_order() {
        let (mut fragments, key) = (Fragments::default(), |id| ([10, 0, 0, 1].into(), [10, 0, 0, 2].into(), 17, id));
        let piece = |offset, more| Fragment { id: 7, offset, more };
        assert_eq!(fragments.add(key(7), piece(16, false), b"tail"), None);
        assert_eq!(fragments.add(key(8), piece(0, true), b"another!"), None);
        assert_eq!(fragments.add(key(7), piece(8, true), b"middle.."), None);
        assert_eq!(fragments.add(key(7), piece(8, true), b"repeated"), None);
        assert_eq!(fragments.add(key(7), piece(0, true), b"head...."), Some(b"head....middle..tail".to_vec()));
        assert_eq!(fragments.add(key(7), piece(65_528, true), b"beyond the end"), None);
        assert_eq!(fragments.0.len(), 1);
    }

    #[test]
    fn pieces_of_packets_that_never_end_take_bounded_room() {
        let mut fragments = Fragments::default();
        for id in 0..1000 {
            let key = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into(), 17, id);
            assert_eq!(fragments.add(key, Fragment { id, offset: 8, more: true }, b"12345678"), None);
        }
        assert_eq!(fragments.0.len(), MOST_PACKETS);
    }
}
