//! What has been found of a capture so far.

use crate::sip::HeaderName;
use bytes::Bytes;
use rustc_hash::FxHashSet;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

pub use crate::sip::Transport;

/// One message as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// When: time since the Unix epoch.
    pub at: Duration,
    /// Who sent it.
    pub source: SocketAddr,
    /// Who it was sent to.
    pub destination: SocketAddr,
    /// How it travelled.
    pub transport: Transport,
    /// The message.
    pub bytes: Bytes,
}

/// What was captured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capture {
    /// The messages in the order of their times.
    pub packets: Vec<Packet>,
    /// What the user should know about how they were read.
    pub remarks: Vec<String>,
    /// Who is the server, when the format says it: sipp is never.
    pub server: Option<SocketAddr>,
}

impl Capture {
    /// Takes in what was captured elsewhere of the same calls.
    pub fn join(&mut self, other: Capture) {
        self.packets.extend(other.packets);
        self.packets.sort_by_key(|packet| packet.at);
        self.remarks.extend(other.remarks);
        self.server = self.server.or(other.server);
    }
}

/// Why nothing can be taken from a file.
#[derive(Debug)]
pub enum CaptureFault {
    /// The system does not give its bytes.
    Unreadable(io::Error),
    /// It holds nothing.
    Empty,
    /// It begins like none of the formats that are read.
    UnknownFormat,
    /// It begins like a capture, and goes on like none.
    Broken(&'static str),
    /// More messages than are kept in memory.
    TooMuch,
    /// It was read, and no SIP message that is wanted is in it.
    NoSip(Vec<String>),
}

impl fmt::Display for CaptureFault {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            CaptureFault::Unreadable(error) => write!(f, "cannot be read: {error}"),
            CaptureFault::Empty => f.write_str("is empty"),
            CaptureFault::UnknownFormat => f.write_str(
                "is none of what can be read: pcap, pcapng, a stream of HEP3 packets, a message log of sipp, or text as sngrep saves it",
            ),
            CaptureFault::Broken(what) => f.write_str(what),
            CaptureFault::TooMuch => {
                write!(f, "holds more than {MOST_MESSAGES} messages, or {} MB of them", MOST_BYTES >> 20)?;
                f.write_str("; choose calls by --call-id")
            }
            CaptureFault::NoSip(remarks) => {
                f.write_str("holds no SIP message that is wanted")?;
                remarks.iter().try_for_each(|remark| write!(f, "; {remark}"))
            }
        }
    }
}

impl std::error::Error for CaptureFault {}

/// Messages that are kept, at most.
const MOST_MESSAGES: usize = 100_000;
/// Bytes of messages that are kept, at most.
const MOST_BYTES: usize = 128 << 20;
/// What has been found so far.
pub(super) struct Gathered<'a> {
    calls: &'a [String],
    pub(super) packets: Vec<Packet>,
    bytes: usize,
    /// Where SIP was spoken: what else goes there is of interest, too.
    speakers: FxHashSet<SocketAddr>,
    pub(super) remarks: Vec<String>,
    /// Messages that the capture holds only the beginning of.
    pub(super) cut: usize,
    /// Who is the server, when the format says it.
    pub(super) server: Option<SocketAddr>,
}

impl<'a> Gathered<'a> {
    pub(super) fn new(calls: &'a [String]) -> Gathered<'a> {
        let (packets, remarks, speakers) = (Vec::new(), Vec::new(), FxHashSet::default());
        Gathered { calls, packets, bytes: 0, speakers, remarks, cut: 0, server: None }
    }

    /// Takes what is or may be a SIP message.
    pub(super) fn take(&mut self, packet: Packet) -> Result<(), CaptureFault> {
        if is_sip(&packet.bytes) {
            if !self.is_wanted(&packet.bytes) {
                return Ok(());
            }
            if self.speakers.len() < MOST_MESSAGES {
                self.speakers.extend([packet.source, packet.destination]);
            }
        } else {
            // Of other packets only those to where SIP is spoken: scanners, and what they try.
            let spoken = self.speakers.contains(&packet.destination) || packet.destination.port() == 5060;
            let keep_alive = packet.bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n' | b' ' | 0));
            if !spoken || keep_alive || !self.calls.is_empty() || packet.transport == Transport::Tcp {
                return Ok(());
            }
        }
        self.bytes += packet.bytes.len();
        self.packets.push(packet);
        if self.packets.len() > MOST_MESSAGES || self.bytes > MOST_BYTES {
            return Err(CaptureFault::TooMuch);
        }
        Ok(())
    }

    /// Whether the user wants it; pings are always kept, for they decide who is alive.
    fn is_wanted(&self, message: &[u8]) -> bool {
        let is = |call: &[u8]| self.calls.iter().any(|wanted| wanted.as_bytes() == call);
        self.calls.is_empty()
            || value(message, HeaderName::CallId).is_some_and(is)
            || value(message, HeaderName::CSeq).is_some_and(|cseq| cseq.ends_with(b"OPTIONS"))
    }

    pub(super) fn finish(mut self) -> Result<Capture, CaptureFault> {
        if self.cut > 0 {
            let text =
                format!("{} packets were captured only in part and are left out (tcpdump -s 0 takes all)", self.cut);
            self.remarks.push(text);
        }
        if !self.packets.iter().any(|packet| is_sip(&packet.bytes)) {
            return Err(CaptureFault::NoSip(self.remarks));
        }
        self.packets.sort_by_key(|packet| packet.at);
        Ok(Capture { packets: self.packets, remarks: self.remarks, server: self.server })
    }
}

/// Whether bytes begin like a SIP message.
pub(super) fn is_sip(bytes: &[u8]) -> bool {
    let text = bytes.trim_ascii_start();
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii_end();
    let mut words = line.splitn(3, |byte| *byte == b' ');
    let is_method = |word: &[u8]| !word.is_empty() && word.iter().all(|byte| byte.is_ascii_graphic());
    line.starts_with(b"SIP/2.0 ") || words.next().is_some_and(is_method) && line.ends_with(b" SIP/2.0")
}

/// The value of the first header `name` of what looks like a SIP message.
pub(super) fn value(message: &[u8], name: HeaderName) -> Option<&[u8]> {
    let lines = message.trim_ascii_start().split(|byte| *byte == b'\n').skip(1);
    let head = lines.map(<[u8]>::trim_ascii_end).take_while(|line| !line.is_empty());
    head.filter_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (its, value) = (line.get(..colon)?.trim_ascii(), line.get(colon + 1..)?.trim_ascii());
        (HeaderName::parse(its) == name).then_some(value)
    })
    .next()
}
