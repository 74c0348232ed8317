//! A trace of the messages that come and go, written by a thread of its own as a pcap file: whoever waits for the disk,
//! workers do not.

use super::files;
use super::log;
use super::pcap::{StreamNumbers, pcap_header, pcap_packet, pcap_stream};
use super::spool::{Batch, PATIENCE, Spool};
use crate::builtin::{LogLevel, LogLine, SocketId, Sockets};
use crate::node::call_id;
use crate::world::{Datagram, Transmit};
use bytes::Bytes;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Bytes of packets that may wait for the disk; what comes beyond is counted and left out.
const WAITING: usize = 16 << 20;

/// A trace that is being written.
#[derive(Debug)]
pub struct MessageTrace {
    packets: Spool,
    call_id: Option<Bytes>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    written: AtomicU64,
    lost: AtomicU64,
}

/// A worker's end of a trace.
#[derive(Clone, Debug)]
pub(super) struct Tracer {
    packets: Spool,
    call_id: Option<Bytes>,
    counts: Arc<Counts>,
    sockets: Arc<Sockets>,
    /// How far the streams of its connections have come.
    numbers: StreamNumbers,
    /// Where a packet is put together.
    packet: Vec<u8>,
}

impl MessageTrace {
    /// Makes a file for all messages, or those of one call; one that is there is left alone.
    ///
    /// # Errors
    /// The file cannot be made, or the system has no thread.
    pub fn begin(path: &Path, call_id: Option<&str>) -> io::Result<MessageTrace> {
        let mut file = files::create(path)?;
        file.write_all(&pcap_header())?;
        MessageTrace::to(file, call_id)
    }

    fn to(mut file: impl Write + Send + 'static, call_id: Option<&str>) -> io::Result<MessageTrace> {
        let counts = Arc::new(Counts::default());
        let counted = counts.clone();
        let packets = Spool::begin("trace", WAITING, move |batch| write(batch, &mut file, &counted))?;
        Ok(MessageTrace { packets, call_id: call_id.map(|text| Bytes::copy_from_slice(text.as_bytes())), counts })
    }

    /// An end for a worker with these sockets.
    pub(super) fn tracer(&self, sockets: &Arc<Sockets>) -> Tracer {
        Tracer {
            packets: self.packets.clone(),
            call_id: self.call_id.clone(),
            counts: self.counts.clone(),
            sockets: sockets.clone(),
            numbers: StreamNumbers::default(),
            packet: Vec::new(),
        }
    }

    /// What was written so far, for the log.
    pub(super) fn report(&self) -> String {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        format!("trace: {} packets written, {} left out", count(&self.counts.written), count(&self.counts.lost))
    }

    /// Ends the file once every worker has stopped; a disk that is stuck is not waited for.
    pub(super) fn end(self) {
        let whole = self.packets.end(PATIENCE);
        let lost = self.counts.lost.load(Ordering::Relaxed);
        if lost > 0 {
            say(format!("trace: {lost} packets are missing: the disk did not keep up"));
        }
        if !whole {
            say("trace: the end of the file is missing: the disk does not answer".to_owned());
        }
    }
}

impl Tracer {
    /// Takes note of a packet that arrived.
    pub(super) fn arrived(&mut self, at: Duration, datagram: &Datagram) {
        self.trace(at, datagram.flow.peer, datagram.flow.socket, true, &datagram.bytes);
    }

    /// Takes note of a packet that left.
    pub(super) fn left(&mut self, at: Duration, packet: &Transmit) {
        self.trace(at, packet.flow.peer, packet.flow.socket, false, &packet.bytes);
    }

    fn trace(&mut self, at: Duration, peer: SocketAddr, socket: SocketId, arrived: bool, bytes: &Bytes) {
        if self.call_id.as_ref().is_some_and(|wanted| call_id(bytes) != Some(wanted)) {
            return;
        }
        let port = self.sockets.socket(socket).map_or(0, |socket| socket.address.port());
        let own = SocketAddr::new(self.sockets.address_towards(socket, peer.ip()), port);
        let (source, destination) = if arrived { (peer, own) } else { (own, peer) };
        self.packet.clear();
        match self.sockets.transport(socket).is_reliable() {
            true => pcap_stream(at, source, destination, bytes, &mut self.numbers, &mut self.packet),
            false => pcap_packet(at, source, destination, bytes, &mut self.packet),
        }
        if !self.packet.is_empty() && !self.packets.put(&self.packet) {
            self.counts.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Writes what waits. A file that cannot be written ends there: what is behind half a packet nobody can read.
fn write(batch: &Batch, file: &mut impl Write, counts: &Counts) -> ControlFlow<()> {
    if let Err(error) = file.write_all(&batch.bytes) {
        say(format!("trace: {error}; nothing more is written"));
        counts.lost.fetch_add(batch.pieces, Ordering::Relaxed);
        return ControlFlow::Break(());
    }
    counts.written.fetch_add(batch.pieces, Ordering::Relaxed);
    ControlFlow::Continue(())
}

fn say(text: String) {
    log::write(0, &LogLine { level: LogLevel::Error, from_script: false, text });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::Socket;

    /// A disk that takes nothing until it is let go.
    struct Stuck(std::sync::mpsc::Receiver<()>, std::sync::mpsc::Sender<Vec<u8>>);

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            let _ = self.1.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn sockets() -> Arc<Sockets> {
        Arc::new(Sockets {
            list: vec![Socket {
                transport: crate::sip::Transport::Udp,
                address: "127.0.0.1:5060".parse().unwrap(),
                advertise: None,
                name: None,
            }],
            interfaces: Vec::new(),
            default_address: None,
            leaving: Default::default(),
        })
    }

    fn datagram(call_id: &str, length: usize) -> Datagram {
        let text = format!("OPTIONS sip:a SIP/2.0\r\nCall-ID: {call_id}\r\n\r\n{}", "x".repeat(length));
        Datagram { bytes: text.into(), flow: crate::world::Flow::to("127.0.0.1:6000".parse().unwrap(), SocketId(0)) }
    }

    #[test]
    fn packets_of_one_call_are_written_whole() {
        let ((go, wait), (tell, reported)) = (std::sync::mpsc::channel(), std::sync::mpsc::channel());
        drop(go);
        let trace = MessageTrace::to(Stuck(wait, tell), Some("1@here")).unwrap();
        let mut tracer = trace.tracer(&sockets());
        tracer.arrived(Duration::from_millis(1500), &datagram("1@here", 0));
        tracer.arrived(Duration::from_millis(1500), &datagram("2@here", 0));
        trace.end();
        let packet = reported.recv().unwrap();
        assert_eq!(packet.len(), 16 + 20 + 8 + 42);
        assert_eq!(packet[..8], [1, 0, 0, 0, 0x20, 0xa1, 7, 0]);
        assert!(reported.recv().is_err(), "nothing else was written");
    }

    #[test]
    fn a_stuck_disk_loses_packets_and_holds_up_nobody() {
        let ((go, wait), (tell, _told)) = (std::sync::mpsc::channel(), std::sync::mpsc::channel());
        let trace = MessageTrace::to(Stuck(wait, tell), None).unwrap();
        let mut tracer = trace.tracer(&sockets());
        let long = datagram("1@here", 60_000);
        // What it took before it got stuck, and what waits, are one buffer each.
        for _ in 0..4 * WAITING / 60_000 {
            tracer.arrived(Duration::ZERO, &long);
        }
        let lost = trace.counts.lost.load(Ordering::Relaxed) as usize;
        assert!((WAITING / 60_000..4 * WAITING / 60_000).contains(&lost), "{lost}");
        assert!(trace.report().ends_with(&format!(" {lost} left out")), "{}", trace.report());
        drop(go);
    }
}
