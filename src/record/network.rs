//! From frames to what UDP and TCP carry.

use super::fragments::{Fragment, Fragments};
use super::gathered::{CaptureFault, Gathered, Packet, Transport};
use super::hep;
use super::tcp::{Segment, Streams};
use bytes::Bytes;
use etherparse::{
    EtherType, IpNumber, Ipv6ExtensionSlice, LaxNetSlice, LaxSlicedPacket, TcpSlice, UdpSlice, ip_number,
};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// What is remembered between frames.
#[derive(Default)]
pub(super) struct Network {
    fragments: Fragments,
    streams: Streams,
    /// A link type that is not read was told of.
    reported: bool,
}

/// Link types as <https://www.tcpdump.org/linktypes.html> numbers them.
mod link {
    pub(super) const NULL: i32 = 0;
    pub(super) const ETHERNET: i32 = 1;
    pub(super) const RAW: [i32; 5] = [12, 14, 101, 228, 229];
    pub(super) const LOOP: i32 = 108;
    pub(super) const LINUX_SLL: i32 = 113;
    pub(super) const LINUX_SLL2: i32 = 276;
}

impl Network {
    /// Takes one frame; what is no UDP or TCP says nothing to us.
    pub(super) fn frame(
        &mut self,
        at: Duration,
        link: i32,
        bytes: &[u8],
        gathered: &mut Gathered,
    ) -> Result<(), CaptureFault> {
        let number = |at: usize| bytes.get(at..at + 2).map(|two| EtherType(u16::from_be_bytes([two[0], two[1]])));
        let behind = |start: usize| bytes.get(start..).unwrap_or_default();
        let sliced = match link {
            link::ETHERNET => LaxSlicedPacket::from_ethernet(bytes).ok(),
            // The address family in front differs between systems; the IP version says the same.
            link::NULL | link::LOOP => LaxSlicedPacket::from_ip(behind(4)).ok(),
            link::LINUX_SLL => number(14).map(|kind| LaxSlicedPacket::from_ether_type(kind, behind(16))),
            link::LINUX_SLL2 => number(0).map(|kind| LaxSlicedPacket::from_ether_type(kind, behind(20))),
            raw if link::RAW.contains(&raw) => LaxSlicedPacket::from_ip(bytes).ok(),
            other => {
                if !std::mem::replace(&mut self.reported, true) {
                    gathered.remarks.push(format!("frames of link type {other} are not read"));
                }
                None
            }
        };
        let Some(net) = sliced.and_then(|sliced| sliced.net) else { return Ok(()) };
        let (source, destination, fragment) = match &net {
            LaxNetSlice::Ipv4(ip) => {
                let header = ip.header();
                let fragment = Fragment {
                    id: header.identification().into(),
                    offset: header.fragments_offset().byte_offset().into(),
                    more: header.more_fragments(),
                };
                (IpAddr::V4(header.source_addr()), IpAddr::V4(header.destination_addr()), fragment)
            }
            LaxNetSlice::Ipv6(ip) => {
                let mut fragment = Fragment::default();
                for extension in ip.extensions().clone() {
                    if let Ipv6ExtensionSlice::Fragment(found) = extension {
                        fragment = Fragment {
                            id: found.identification(),
                            offset: found.fragment_offset().byte_offset().into(),
                            more: found.more_fragments(),
                        };
                    }
                }
                (IpAddr::V6(ip.header().source_addr()), IpAddr::V6(ip.header().destination_addr()), fragment)
            }
            LaxNetSlice::Arp(_) => return Ok(()),
        };
        let Some(payload) = net.ip_payload_ref() else { return Ok(()) };
        let ends = Ends { at, source, destination };
        if payload.incomplete {
            gathered.cut += usize::from(matches!(payload.ip_number, ip_number::UDP | ip_number::TCP));
            Ok(())
        } else if payload.fragmented {
            let key = (source, destination, payload.ip_number.0, fragment.id);
            match self.fragments.add(key, fragment, payload.payload) {
                Some(whole) => self.payload(&ends, payload.ip_number, &whole, gathered),
                None => Ok(()),
            }
        } else {
            self.payload(&ends, payload.ip_number, payload.payload, gathered)
        }
    }

    fn payload(
        &mut self,
        ends: &Ends,
        kind: IpNumber,
        bytes: &[u8],
        gathered: &mut Gathered,
    ) -> Result<(), CaptureFault> {
        match kind {
            ip_number::UDP => {
                let Ok(udp) = UdpSlice::from_slice_lax(bytes) else { return Ok(()) };
                let bytes = udp.payload();
                if let Some(inner) = hep::packet(bytes, ends.at) {
                    return gathered.take(inner);
                }
                gathered.take(Packet {
                    at: ends.at,
                    source: SocketAddr::new(ends.source, udp.source_port()),
                    destination: SocketAddr::new(ends.destination, udp.destination_port()),
                    transport: Transport::Udp,
                    bytes: Bytes::copy_from_slice(bytes),
                })
            }
            ip_number::TCP => {
                let Ok(tcp) = TcpSlice::from_slice(bytes) else { return Ok(()) };
                let segment = Segment {
                    at: ends.at,
                    source: SocketAddr::new(ends.source, tcp.source_port()),
                    destination: SocketAddr::new(ends.destination, tcp.destination_port()),
                    number: tcp.sequence_number(),
                    begins: tcp.syn(),
                    ends: tcp.fin() || tcp.rst(),
                };
                for packet in self.streams.add(&segment, tcp.payload()) {
                    gathered.take(packet)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// When a packet was seen, and between whom.
struct Ends {
    at: Duration,
    source: IpAddr,
    destination: IpAddr,
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::{PacketBuilder, VlanId};

    const MESSAGE: &[u8] = b"OPTIONS sip:a SIP/2.0\r\nCall-ID: 1@a\r\nContent-Length: 0\r\n\r\n";

    fn seen(frames: &[(i32, Vec<u8>)]) -> Vec<String> {
        let (mut network, mut gathered) = (Network::default(), Gathered::new(&[]));
        for (link, frame) in frames {
            network.frame(Duration::from_secs(1), *link, frame, &mut gathered).expect("there is room");
        }
        let line = |packet: &Packet| {
            let text = if packet.bytes == MESSAGE { "the message" } else { "something else" };
            format!("{:?} {} {} {text}", packet.transport, packet.source, packet.destination)
        };
        gathered.packets.iter().map(line).collect()
    }

    fn udp(payload: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        let builder = PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64).udp(5061, 5060);
        builder.write(&mut frame, payload).expect("it fits");
        frame
    }

    fn behind(head: &[u8], packet: &[u8]) -> Vec<u8> {
        [head, packet].concat()
    }

    #[test]
    fn every_kind_of_frame_gives_the_same() {
        let ip = udp(MESSAGE);
        let mut tagged = Vec::new();
        let ethernet = PacketBuilder::ethernet2([1; 6], [2; 6]).single_vlan(VlanId::ZERO);
        let builder = ethernet.ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64).udp(5061, 5060);
        builder.write(&mut tagged, MESSAGE).expect("it fits");
        let sll = [&[0, 0, 3, 4, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0][..], &[8, 0]].concat();
        let sll2 = [&[8, 0][..], &[0; 18]].concat();
        let frames = [
            (link::ETHERNET, tagged),
            (link::LINUX_SLL, behind(&sll, &ip)),
            (link::LINUX_SLL2, behind(&sll2, &ip)),
            (link::NULL, behind(&[2, 0, 0, 0], &ip)),
            (link::LOOP, behind(&[0, 0, 0, 2], &ip)),
            (101, ip.clone()),
            (228, ip),
        ];
        for (link, frame) in frames {
            assert_eq!(seen(&[(link, frame)]), ["Udp 10.0.0.1:5061 10.0.0.2:5060 the message"], "link type {link}");
        }
    }

    #[test]
    fn fragments_are_put_together() {
        let whole = udp(MESSAGE);
        let (head, payload) = whole.split_at(20);
        let fragment = |offset: usize, end: usize, more: u8| {
            let mut frame = head.to_vec();
            let total = (20 + end - offset) as u16;
            frame[2..4].copy_from_slice(&total.to_be_bytes());
            frame[4..6].copy_from_slice(&[1, 2]);
            frame[6] = more << 5;
            frame[7] = (offset / 8) as u8;
            frame.extend_from_slice(&payload[offset..end]);
            (101, frame)
        };
        let frames = [fragment(40, payload.len(), 0), fragment(0, 16, 1), fragment(16, 40, 1)];
        assert_eq!(seen(&frames), ["Udp 10.0.0.1:5061 10.0.0.2:5060 the message"]);
    }

    #[test]
    fn version_6_and_streams() {
        let mut frame = Vec::new();
        let ends = |last: u8| std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last.into()).octets();
        let builder = PacketBuilder::ipv6(ends(1), ends(2), 64).tcp(5061, 5060, 77, 1000);
        builder.write(&mut frame, MESSAGE).expect("it fits");
        assert_eq!(seen(&[(229, frame)]), ["Tcp [2001:db8::1]:5061 [2001:db8::2]:5060 the message"]);
    }

    #[test]
    fn packets_that_are_cut_are_counted() {
        let (mut network, mut gathered) = (Network::default(), Gathered::new(&[]));
        let frame = udp(MESSAGE);
        network.frame(Duration::ZERO, 101, &frame[..40], &mut gathered).expect("there is room");
        network.frame(Duration::ZERO, 9999, &frame, &mut gathered).expect("there is room");
        assert_eq!((gathered.packets.len(), gathered.cut), (0, 1));
        assert_eq!(gathered.remarks, ["frames of link type 9999 are not read"]);
    }
}
