//! HEP, in which probes and servers send copies of messages to Homer (HEP3: <https://github.com/sipcapture/HEP>).

use super::gathered::{CaptureFault, Gathered, Packet, Transport, is_sip};
use bytes::Bytes;
use std::io::Read;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

const MAGIC: &[u8] = b"HEP3";
/// What stands before the first chunk: the magic and the length of all.
const HEAD: usize = 6;
/// What stands before the data of a chunk: vendor, type, length.
const CHUNK_HEAD: usize = 6;

/// The chunks that are read, of vendor 0.
mod chunk {
    pub(super) const PROTOCOL: u16 = 0x02;
    pub(super) const SOURCE: [u16; 2] = [0x03, 0x05];
    pub(super) const DESTINATION: [u16; 2] = [0x04, 0x06];
    pub(super) const SOURCE_PORT: u16 = 0x07;
    pub(super) const DESTINATION_PORT: u16 = 0x08;
    pub(super) const SECONDS: u16 = 0x09;
    pub(super) const MICROSECONDS: u16 = 0x0a;
    pub(super) const KIND: u16 = 0x0b;
    pub(super) const PAYLOAD: u16 = 0x0f;
}

/// Whether a file begins like a stream of HEP3 packets.
pub(super) fn begins(start: &[u8]) -> bool {
    start.starts_with(MAGIC)
}

/// Reads a stream of HEP3 packets.
pub(super) fn read(mut source: impl Read, gathered: &mut Gathered) -> Result<(), CaptureFault> {
    loop {
        let mut head = [0; HEAD];
        match taken(&mut source, &mut head)? {
            0 => return Ok(()),
            HEAD if head.starts_with(MAGIC) => {}
            HEAD => {
                gathered.remarks.push("the stream is broken; what stands behind that place is left out".to_owned());
                return Ok(());
            }
            _ => break,
        }
        let length = usize::from(u16::from_be_bytes([head[4], head[5]]));
        let mut chunks = vec![0; length.saturating_sub(HEAD)];
        if taken(&mut source, &mut chunks)? < chunks.len() {
            break;
        }
        if let Some(packet) = version_3(&chunks, Duration::ZERO) {
            gathered.take(packet)?;
        }
    }
    gathered.remarks.push("the stream ends in the middle of a packet".to_owned());
    Ok(())
}

/// Fills a buffer as far as there are bytes.
fn taken(source: &mut impl Read, buffer: &mut [u8]) -> Result<usize, CaptureFault> {
    let mut count = 0;
    while let Some(rest) = buffer.get_mut(count..).filter(|rest| !rest.is_empty()) {
        match source.read(rest).map_err(CaptureFault::Unreadable)? {
            0 => break,
            more => count += more,
        }
    }
    Ok(count)
}

/// The message in a datagram when that is HEP; `at` is when it was seen, for one that does not say.
pub(super) fn packet(datagram: &[u8], at: Duration) -> Option<Packet> {
    let length = || Some(usize::from(u16::from_be_bytes(datagram.get(4..HEAD)?.try_into().ok()?)));
    match datagram.first()? {
        b'H' if datagram.starts_with(MAGIC) => version_3(datagram.get(HEAD..length()?)?, at),
        1 | 2 => version_2(datagram, at),
        _ => None,
    }
}

fn version_3(mut chunks: &[u8], at: Duration) -> Option<Packet> {
    let (mut source, mut destination) = (None, None);
    let (mut source_port, mut destination_port) = (0, 0);
    let (mut seconds, mut micros) = (None, 0);
    let (mut transport, mut sip, mut payload) = (Transport::Udp, true, None);
    while let Some(head) = chunks.get(..CHUNK_HEAD) {
        let word = |at: usize| Some(u16::from_be_bytes(head.get(at..at + 2)?.try_into().ok()?));
        let (vendor, kind, length) = (word(0)?, word(2)?, usize::from(word(4)?));
        let data = chunks.get(CHUNK_HEAD..length)?;
        chunks = chunks.get(length..)?;
        match kind {
            _ if vendor != 0 => {}
            chunk::PROTOCOL if data == [6] => transport = Transport::Tcp,
            kind if chunk::SOURCE.contains(&kind) => source = address(data),
            kind if chunk::DESTINATION.contains(&kind) => destination = address(data),
            chunk::SOURCE_PORT => source_port = u16::from_be_bytes(data.try_into().ok()?),
            chunk::DESTINATION_PORT => destination_port = u16::from_be_bytes(data.try_into().ok()?),
            chunk::SECONDS => seconds = Some(u32::from_be_bytes(data.try_into().ok()?)),
            chunk::MICROSECONDS => micros = u32::from_be_bytes(data.try_into().ok()?),
            chunk::KIND => sip = data == [1],
            chunk::PAYLOAD => payload = Some(data),
            _ => {}
        }
    }
    let seen = seconds.map(|seconds| Duration::from_secs(seconds.into()) + Duration::from_micros(micros.into()));
    let bytes = payload.filter(|bytes| sip && is_sip(bytes))?;
    Some(Packet {
        at: seen.unwrap_or(at),
        source: SocketAddr::new(source?, source_port),
        destination: SocketAddr::new(destination?, destination_port),
        transport,
        bytes: Bytes::copy_from_slice(bytes),
    })
}

/// Versions 1 and 2: a fixed header of version, its length, address family, protocol, two ports and two addresses.
/// Version 2 adds a time in the byte order of who sent it, which the time of the capture says better.
fn version_2(datagram: &[u8], at: Duration) -> Option<Packet> {
    let [_, length, family, protocol, ports @ ..] = datagram.get(..8)? else { return None };
    let size = match family {
        2 => 4,
        10 | 28 | 30 => 16,
        _ => return None,
    };
    let port = |at: usize| Some(u16::from_be_bytes(ports.get(at..at + 2)?.try_into().ok()?));
    let bytes = datagram.get(usize::from(*length)..).filter(|bytes| is_sip(bytes))?;
    Some(Packet {
        at,
        source: SocketAddr::new(address(datagram.get(8..8 + size)?)?, port(0)?),
        destination: SocketAddr::new(address(datagram.get(8 + size..8 + 2 * size)?)?, port(2)?),
        transport: if *protocol == 6 { Transport::Tcp } else { Transport::Udp },
        bytes: Bytes::copy_from_slice(bytes),
    })
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => Some(IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?)),
        16 => Some(IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &[u8] = b"OPTIONS sip:a SIP/2.0\r\n\r\n";

    fn version_3_packet() -> Vec<u8> {
        let mut chunks = Vec::new();
        let mut add = |kind: u16, data: &[u8]| {
            chunks.extend([0u16.to_be_bytes(), kind.to_be_bytes()].concat());
            chunks.extend(((data.len() + CHUNK_HEAD) as u16).to_be_bytes());
            chunks.extend(data);
        };
        add(0x01, &[2]);
        add(0x02, &[17]);
        add(0x03, &[192, 0, 2, 1]);
        add(0x04, &[192, 0, 2, 2]);
        add(0x07, &5061u16.to_be_bytes());
        add(0x08, &5060u16.to_be_bytes());
        add(0x09, &1_767_225_600u32.to_be_bytes());
        add(0x0a, &250_000u32.to_be_bytes());
        add(0x0b, &[1]);
        add(0x0c, &7u32.to_be_bytes());
        add(0x0f, MESSAGE);
        [MAGIC, &((chunks.len() + HEAD) as u16).to_be_bytes(), &chunks].concat()
    }

    fn expected(at: Duration) -> Packet {
        Packet {
            at,
            source: "192.0.2.1:5061".parse().unwrap(),
            destination: "192.0.2.2:5060".parse().unwrap(),
            transport: Transport::Udp,
            bytes: Bytes::from_static(MESSAGE),
        }
    }

    #[test]
    fn all_versions_are_unwrapped() {
        let at = Duration::from_millis(1_767_225_600_250);
        assert_eq!(packet(&version_3_packet(), Duration::ZERO), Some(expected(at)));
        let head = [&[1, 16, 2, 17][..], &5061u16.to_be_bytes(), &5060u16.to_be_bytes(), &[192, 0, 2, 1, 192, 0, 2, 2]];
        let version_1 = [head.concat().as_slice(), MESSAGE].concat();
        assert_eq!(packet(&version_1, at), Some(expected(at)));
        assert_eq!(packet(MESSAGE, at), None);
    }

    #[test]
    fn a_stream_is_packet_after_packet() {
        let stream = [version_3_packet(), version_3_packet()].concat();
        let read = |bytes: &[u8]| super::super::capture::read(std::io::Cursor::new(bytes.to_vec()), &[]);
        assert_eq!(read(&stream).unwrap().packets.len(), 2);
        let cut = read(&stream[..stream.len() - 1]).unwrap();
        assert_eq!((cut.packets.len(), cut.remarks.len()), (1, 1));
        for end in 0..stream.len() {
            let _ = read(&stream[..end]);
            let _ = packet(&stream[..end], Duration::ZERO);
        }
    }
}
