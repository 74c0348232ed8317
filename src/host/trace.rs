//! A trace of the messages that come and go, written by a thread of its own as a pcap file: whoever waits for the disk,
//! workers do not.

use super::log;
use super::pcap::{pcap_header, pcap_packet};
use crate::builtin::{LogLevel, LogLine, SocketId, Sockets};
use crate::node::{Datagram, Transmit, call_id};
use bytes::Bytes;
use std::fs::File;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Packets that may wait for the disk; what comes beyond is counted and left out.
const WAITING: usize = 4096;
/// Bytes that are gathered before they are written.
const GATHERED: usize = 1 << 16;

/// A trace that is being written.
#[derive(Debug)]
pub struct MessageTrace {
    packets: SyncSender<Packet>,
    call_id: Option<Bytes>,
    counts: Arc<Counts>,
    thread: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Counts {
    written: AtomicU64,
    lost: AtomicU64,
}

/// A packet on its way to the file.
#[derive(Debug)]
struct Packet {
    at: Duration,
    source: SocketAddr,
    destination: SocketAddr,
    bytes: Bytes,
}

/// A worker's end of a trace.
#[derive(Clone, Debug)]
pub(super) struct Tracer {
    packets: SyncSender<Packet>,
    call_id: Option<Bytes>,
    counts: Arc<Counts>,
    sockets: Arc<Sockets>,
}

impl MessageTrace {
    /// Begins a file for all messages, or those of one call.
    ///
    /// # Errors
    /// The file cannot be made, or the system has no thread.
    pub fn begin(path: &Path, call_id: Option<&str>) -> io::Result<MessageTrace> {
        let mut file = File::create(path)?;
        file.write_all(&pcap_header())?;
        let (packets, waiting) = sync_channel(WAITING);
        let counts = Arc::new(Counts::default());
        let counted = counts.clone();
        let write = move || write(&waiting, &mut file, &counted);
        let thread = std::thread::Builder::new().name("trace".to_owned()).spawn(write)?;
        Ok(MessageTrace {
            packets,
            call_id: call_id.map(|text| Bytes::copy_from_slice(text.as_bytes())),
            counts,
            thread,
        })
    }

    /// An end for a worker with these sockets.
    pub(super) fn tracer(&self, sockets: &Arc<Sockets>) -> Tracer {
        Tracer {
            packets: self.packets.clone(),
            call_id: self.call_id.clone(),
            counts: self.counts.clone(),
            sockets: sockets.clone(),
        }
    }

    /// What was written so far, for the log.
    pub(super) fn report(&self) -> String {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        format!("trace: {} packets written, {} left out", count(&self.counts.written), count(&self.counts.lost))
    }

    /// Ends the file once every worker has let go of it.
    pub(super) fn end(self) {
        let MessageTrace { packets, counts, thread, .. } = self;
        drop(packets);
        // A writer that broke has said so.
        let _ = thread.join();
        let lost = counts.lost.load(Ordering::Relaxed);
        if lost > 0 {
            say(format!("trace: {lost} packets are missing: the disk did not keep up"));
        }
    }
}

impl Tracer {
    /// Takes note of a packet that arrived.
    pub(super) fn arrived(&self, at: Duration, datagram: &Datagram) {
        self.trace(at, datagram.source, datagram.socket, true, &datagram.bytes);
    }

    /// Takes note of a packet that left.
    pub(super) fn left(&self, at: Duration, packet: &Transmit) {
        self.trace(at, packet.destination, packet.socket, false, &packet.bytes);
    }

    fn trace(&self, at: Duration, peer: SocketAddr, socket: SocketId, arrived: bool, bytes: &Bytes) {
        if self.call_id.as_ref().is_some_and(|wanted| call_id(bytes) != Some(wanted)) {
            return;
        }
        let port = self.sockets.socket(socket).map_or(0, |socket| socket.address.port());
        let own = SocketAddr::new(self.sockets.address_towards(socket, peer.ip()), port);
        let (source, destination) = if arrived { (peer, own) } else { (own, peer) };
        let packet = Packet { at, source, destination, bytes: bytes.clone() };
        if self.packets.try_send(packet).is_err() {
            self.counts.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Writes packets until there is nobody left who could send one.
fn write(waiting: &Receiver<Packet>, file: &mut impl Write, counts: &Counts) {
    let mut gathered = Vec::with_capacity(2 * GATHERED);
    while let Ok(first) = waiting.recv() {
        let mut count = 0;
        let mut next = Some(first);
        // As much as there is, so that the file is whole whenever nothing happens.
        while let Some(packet) = next {
            pcap_packet(packet.at, packet.source, packet.destination, &packet.bytes, &mut gathered);
            count += 1;
            next = if gathered.len() < GATHERED { waiting.try_recv().ok() } else { None };
        }
        if let Err(error) = file.write_all(&gathered) {
            say(format!("trace: {error}; nothing more is written"));
            counts.lost.fetch_add(count, Ordering::Relaxed);
            return;
        }
        counts.written.fetch_add(count, Ordering::Relaxed);
        gathered.clear();
    }
}

fn say(text: String) {
    log::write(0, &LogLine { level: LogLevel::Error, from_script: false, text });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::Socket;

    #[test]
    fn a_slow_disk_loses_packets_and_holds_up_nobody() {
        let (packets, waiting) = sync_channel(1);
        let sockets = Sockets {
            list: vec![Socket {
                transport: crate::sip::Transport::Udp,
                address: "127.0.0.1:5060".parse().unwrap(),
                advertise: None,
                name: None,
            }],
            interfaces: Vec::new(),
            default_address: None,
        };
        let call_id = Some(Bytes::from_static(b"1@here"));
        let counts = Arc::new(Counts::default());
        let tracer = Tracer { packets, call_id, counts: counts.clone(), sockets: Arc::new(sockets) };
        let datagram = |text: &'static str| Datagram {
            bytes: Bytes::from_static(text.as_bytes()),
            source: "127.0.0.1:6000".parse().unwrap(),
            socket: SocketId(0),
        };
        let at = Duration::from_millis(1500);
        for _ in 0..3 {
            tracer.arrived(at, &datagram("OPTIONS sip:a SIP/2.0\r\nCall-ID: 1@here\r\n\r\n"));
            tracer.arrived(at, &datagram("OPTIONS sip:a SIP/2.0\r\nCall-ID: 2@here\r\n\r\n"));
        }
        drop(tracer);
        let mut file = pcap_header().to_vec();
        write(&waiting, &mut file, &counts);
        assert_eq!((counts.written.load(Ordering::Relaxed), counts.lost.load(Ordering::Relaxed)), (1, 2));
        assert_eq!(file.len(), 24 + 16 + 20 + 8 + 42);
        assert_eq!(file[24..32], [1, 0, 0, 0, 0x20, 0xa1, 7, 0]);
    }
}
