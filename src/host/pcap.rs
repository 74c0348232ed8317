//! The pcap format, for writing: IP packets that carry one datagram, or a piece of a TCP stream, each.

use etherparse::{PacketBuilder, PacketBuilderStep, err::packet::BuildWriteError};
use std::collections::BTreeMap;
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

/// The most bytes of a stream in one packet.
const PIECE: usize = 32_768;
/// Streams whose numbers are remembered; one that is forgotten begins anew.
const STREAMS: usize = 4096;
/// What every segment says of the room at its sender; nobody reads it.
const WINDOW: u16 = u16::MAX;

/// How far the TCP streams of a file have come: the number of the next byte from one end to the other.
#[derive(Clone, Debug, Default)]
pub struct StreamNumbers(BTreeMap<(SocketAddr, SocketAddr), u32>);

/// Appends one datagram, seen at `at` since the Unix epoch. One whose ends are of two families, or that is longer than a
/// datagram can be, is left out.
pub fn pcap_packet(at: Duration, source: SocketAddr, destination: SocketAddr, bytes: &[u8], out: &mut Vec<u8>) {
    let Some(ip) = between(source, destination) else { return };
    let builder = ip.udp(source.port(), destination.port());
    record(at, builder.size(bytes.len()), out, |out| builder.write(out, bytes));
}

/// Appends a message that went through a TCP connection. Its bytes follow those before it between the same ends, so that a reader puts the stream
/// together; opening and closing are not shown.
pub fn pcap_stream(
    at: Duration,
    source: SocketAddr,
    destination: SocketAddr,
    bytes: &[u8],
    numbers: &mut StreamNumbers,
    out: &mut Vec<u8>,
) {
    for piece in bytes.chunks(PIECE) {
        let Some(ip) = between(source, destination) else { return };
        let back = numbers.0.get(&(destination, source)).copied().unwrap_or(1);
        if numbers.0.len() >= STREAMS {
            numbers.0.pop_first();
        }
        let next = numbers.0.entry((source, destination)).or_insert(1);
        let builder = ip.tcp(source.port(), destination.port(), *next, WINDOW).ack(back).psh();
        *next = next.wrapping_add(piece.len() as u32);
        record(at, builder.size(piece.len()), out, |out| builder.write(out, piece));
    }
}

/// A packet between two ends of one family.
fn between(source: SocketAddr, destination: SocketAddr) -> Option<PacketBuilderStep<etherparse::IpHeaders>> {
    match (source, destination) {
        (SocketAddr::V4(source), SocketAddr::V4(destination)) => {
            Some(PacketBuilder::ipv4(source.ip().octets(), destination.ip().octets(), HOPS))
        }
        (SocketAddr::V6(source), SocketAddr::V6(destination)) => {
            Some(PacketBuilder::ipv6(source.ip().octets(), destination.ip().octets(), HOPS))
        }
        _ => None,
    }
}

/// Appends a packet of this length with what the file says of it; nothing when it cannot be written.
fn record(
    at: Duration,
    length: usize,
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), BuildWriteError>,
) {
    let start = out.len();
    // A file in the format of 1998 has 32 bits for seconds, until 2106.
    for word in [at.as_secs() as u32, at.subsec_micros(), length as u32, length as u32] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    if write(out).is_err() {
        out.truncate(start);
    }
}
