//! The frames of pcap and pcapng files.

use super::gathered::{CaptureFault, Gathered};
use super::network::Network;
use pcap_parser::{Block, PcapBlockOwned, PcapError, create_reader};
use std::io::Read;
use std::time::Duration;

/// The first bytes of pcap in its two precisions and byte orders, and of pcapng.
const BEGINNINGS: [[u8; 4]; 5] = [
    [0xa1, 0xb2, 0xc3, 0xd4],
    [0xd4, 0xc3, 0xb2, 0xa1],
    [0xa1, 0xb2, 0x3c, 0x4d],
    [0x4d, 0x3c, 0xb2, 0xa1],
    [0x0a, 0x0d, 0x0d, 0x0a],
];

/// Room for one block: four times what tcpdump writes at most.
const LONGEST_BLOCK: usize = 1 << 20;
/// Interfaces of one pcapng section that are told apart.
const MOST_INTERFACES: usize = 1024;

/// Whether a file begins like pcap or pcapng.
pub(super) fn begins(start: &[u8]) -> bool {
    BEGINNINGS.iter().any(|beginning| start.starts_with(beginning))
}

/// How frames of an interface are to be read.
#[derive(Clone, Copy)]
struct Interface {
    link: i32,
    /// Ticks in a second.
    resolution: u128,
    /// Seconds to be added.
    offset: i64,
}

/// Reads all frames.
pub(super) fn read(source: impl Read + Send, gathered: &mut Gathered) -> Result<(), CaptureFault> {
    let mut reader = match create_reader(LONGEST_BLOCK, source) {
        Ok(reader) => reader,
        Err(PcapError::ReadError) => return Err(CaptureFault::Unreadable(std::io::ErrorKind::Other.into())),
        Err(_) => return Err(CaptureFault::Broken("begins like a pcap file, but its header is cut or broken")),
    };
    let mut network = Network::default();
    let mut interfaces: Vec<Interface> = Vec::new();
    let mut exhausted = false;
    loop {
        let consumed = match reader.next() {
            Ok((consumed, block)) => {
                exhausted = false;
                take(&block, &mut interfaces, &mut network, gathered)?;
                consumed
            }
            Err(PcapError::Eof) => return Ok(()),
            Err(PcapError::Incomplete(_)) if !exhausted => {
                exhausted = true;
                if reader.refill().is_err() {
                    return Err(CaptureFault::Unreadable(std::io::ErrorKind::Other.into()));
                }
                continue;
            }
            Err(PcapError::Incomplete(_) | PcapError::UnexpectedEof) => {
                gathered.remarks.push("the capture ends in the middle of a packet".to_owned());
                return Ok(());
            }
            Err(_) => {
                gathered.remarks.push("the capture is broken; what stands behind that place is left out".to_owned());
                return Ok(());
            }
        };
        if consumed == 0 {
            return Err(CaptureFault::Broken("holds a block without length"));
        }
        reader.consume(consumed);
    }
}

fn take(
    block: &PcapBlockOwned,
    interfaces: &mut Vec<Interface>,
    network: &mut Network,
    gathered: &mut Gathered,
) -> Result<(), CaptureFault> {
    match block {
        PcapBlockOwned::LegacyHeader(header) => {
            let resolution = if header.is_nanosecond_precision() { 1_000_000_000 } else { 1_000_000 };
            // The upper half says how many bytes of checksum a frame has.
            *interfaces = vec![Interface { link: header.network.0 & 0xffff, resolution, offset: 0 }];
            Ok(())
        }
        PcapBlockOwned::Legacy(block) => {
            let Some(interface) = interfaces.first() else { return Ok(()) };
            let part = u128::from(block.ts_usec) * 1_000_000_000 / interface.resolution;
            let at = Duration::from_secs(block.ts_sec.into()) + Duration::from_nanos(part as u64);
            let bytes = block.data.get(..block.caplen as usize).unwrap_or(block.data);
            network.frame(at, interface.link, bytes, gathered)
        }
        PcapBlockOwned::NG(Block::SectionHeader(_)) => {
            interfaces.clear();
            Ok(())
        }
        PcapBlockOwned::NG(Block::InterfaceDescription(block)) => {
            if interfaces.len() < MOST_INTERFACES {
                let resolution = resolution(block.if_tsresol);
                interfaces.push(Interface { link: block.linktype.0, resolution, offset: block.if_tsoffset });
            }
            Ok(())
        }
        PcapBlockOwned::NG(Block::EnhancedPacket(block)) => {
            let Some(interface) = interfaces.get(block.if_id as usize) else { return Ok(()) };
            let ticks = u128::from(block.ts_high) << 32 | u128::from(block.ts_low);
            let bytes = block.data.get(..block.caplen as usize).unwrap_or(block.data);
            network.frame(interface.time(ticks), interface.link, bytes, gathered)
        }
        PcapBlockOwned::NG(Block::SimplePacket(block)) => {
            let Some(interface) = interfaces.first() else { return Ok(()) };
            network.frame(Duration::ZERO, interface.link, block.data, gathered)
        }
        PcapBlockOwned::NG(_) => Ok(()),
    }
}

impl Interface {
    /// The time since the Unix epoch that a count of ticks means.
    fn time(&self, ticks: u128) -> Duration {
        let nanos = ticks.saturating_mul(1_000_000_000) / self.resolution;
        let seconds = u64::try_from(nanos / 1_000_000_000).unwrap_or(0);
        Duration::new(seconds.saturating_add_signed(self.offset), (nanos % 1_000_000_000) as u32)
    }
}

/// Ticks in a second: a power of ten, or of two when the highest bit is set (pcapng, option `if_tsresol`).
fn resolution(option: u8) -> u128 {
    let power = u32::from(option & 0x7f);
    let found = if option & 0x80 != 0 { 2u128.checked_pow(power) } else { 10u128.checked_pow(power) };
    found.unwrap_or(1_000_000)
}
