//! The pcap format, for writing: IP packets that carry one datagram each.

use etherparse::PacketBuilder;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// Frames are IP packets (`LINKTYPE_RAW` of <https://www.tcpdump.org/linktypes.html>).
const LINK_RAW: u32 = 101;
/// What a capture may hold of one packet: all of it.
const SNAP_LENGTH: u32 = 262_144;
/// How far packets may travel; nobody reads it.
const HOPS: u8 = 64;

/// What a file begins with.
pub fn pcap_header() -> [u8; 24] {
    let mut header = [0; 24];
    // Little-endian, microseconds, version 2.4, UTC.
    let words = [0xa1b2_c3d4, 4 << 16 | 2, 0, 0, SNAP_LENGTH, LINK_RAW];
    for (place, word) in header.chunks_exact_mut(4).zip(words) {
        place.copy_from_slice(&u32::to_le_bytes(word));
    }
    header
}

/// Appends one datagram, seen at `at` since the Unix epoch. One whose ends are of two families, or that is longer than a
/// datagram can be, is left out.
pub fn pcap_packet(at: Duration, source: SocketAddr, destination: SocketAddr, bytes: &[u8], out: &mut Vec<u8>) {
    let ip = match (source, destination) {
        (SocketAddr::V4(source), SocketAddr::V4(destination)) => {
            PacketBuilder::ipv4(source.ip().octets(), destination.ip().octets(), HOPS)
        }
        (SocketAddr::V6(source), SocketAddr::V6(destination)) => {
            PacketBuilder::ipv6(source.ip().octets(), destination.ip().octets(), HOPS)
        }
        _ => return,
    };
    let builder = ip.udp(source.port(), destination.port());
    let length = builder.size(bytes.len()) as u32;
    let start = out.len();
    // A file in the format of 1998 has 32 bits for seconds, until 2106.
    for word in [at.as_secs() as u32, at.subsec_micros(), length, length] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    let written: Result<(), io::Error> = builder.write(out, bytes).map_err(io::Error::other);
    if written.is_err() {
        out.truncate(start);
    }
}
