//! SIP in TCP streams: segments in their order, messages by their Content-Length (RFC 3261 section 18.3).

use super::gathered::{Packet, Transport, is_sip, value};
use crate::sip::{HeaderName, MAX_MESSAGE, number};
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

/// One segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub(super) at: Duration,
    pub(super) source: SocketAddr,
    pub(super) destination: SocketAddr,
    /// Its sequence number.
    pub(super) number: u32,
    /// SYN is set.
    pub(super) begins: bool,
    /// FIN or RST is set.
    pub(super) ends: bool,
}

/// Streams, one a direction.
#[derive(Debug, Default)]
pub(super) struct Streams(VecDeque<((SocketAddr, SocketAddr), Stream)>);

/// Streams that are followed at the same time.
const MOST_STREAMS: usize = 512;
/// Segments that may wait for an earlier one before that is given up.
const MOST_WAITING: usize = 64;

#[derive(Debug, Default)]
struct Stream {
    /// The number of the next byte; unknown until it begins, or something in it begins like SIP.
    next: Option<u32>,
    /// Bytes in order of which no message is whole yet.
    bytes: Vec<u8>,
    /// Segments that came before an earlier one, by their distance from the next byte when they came.
    waiting: BTreeMap<u32, Vec<u8>>,
}

impl Streams {
    /// Adds a segment; gives the messages that are whole with it.
    pub(super) fn add(&mut self, segment: &Segment, bytes: &[u8]) -> Vec<Packet> {
        let key = (segment.source, segment.destination);
        let mut place = self.0.iter().position(|(its, _)| *its == key);
        if let Some(at) = place.filter(|_| segment.begins) {
            self.0.remove(at);
            place = None;
        }
        let at = match place {
            Some(at) => at,
            None if bytes.is_empty() && !segment.begins => return Vec::new(),
            None => {
                if self.0.len() >= MOST_STREAMS {
                    self.0.pop_front();
                }
                self.0.push_back((key, Stream::default()));
                self.0.len() - 1
            }
        };
        let Some((_, stream)) = self.0.get_mut(at) else { return Vec::new() };
        if segment.begins {
            stream.next = Some(segment.number.wrapping_add(1));
        }
        let first = if segment.begins { segment.number.wrapping_add(1) } else { segment.number };
        stream.add(first, bytes);
        let messages = stream.messages();
        if segment.ends {
            self.0.remove(at);
        }
        let packet = |bytes| Packet {
            at: segment.at,
            source: segment.source,
            destination: segment.destination,
            transport: Transport::Tcp,
            bytes,
        };
        messages.into_iter().map(packet).collect()
    }
}

impl Stream {
    fn add(&mut self, first: u32, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let next = match self.next {
            Some(next) => next,
            None if is_sip(bytes) => first,
            None => return,
        };
        self.next = Some(next);
        let ahead = first.wrapping_sub(next);
        if ahead < u32::MAX / 2 && ahead > 0 {
            self.waiting.insert(first, bytes.to_vec());
            if self.waiting.len() > MOST_WAITING {
                self.give_up();
            }
        } else {
            self.append(first, bytes);
        }
        while let Some(first) = self.waiting.keys().copied().find(|first| self.joins(*first)) {
            let Some(bytes) = self.waiting.remove(&first) else { break };
            self.append(first, &bytes);
        }
    }

    /// Whether a segment begins at or before the next byte.
    fn joins(&self, first: u32) -> bool {
        self.next.is_some_and(|next| next.wrapping_sub(first) < u32::MAX / 2)
    }

    /// Appends what of a segment is behind the bytes so far.
    fn append(&mut self, first: u32, bytes: &[u8]) {
        let Some(next) = self.next else { return };
        let known = next.wrapping_sub(first) as usize;
        let fresh = bytes.get(known..).unwrap_or_default();
        self.bytes.extend_from_slice(fresh);
        self.next = Some(next.wrapping_add(fresh.len() as u32));
    }

    /// Goes on behind bytes that the capture does not hold.
    fn give_up(&mut self) {
        self.bytes.clear();
        let next = self.next.unwrap_or(0);
        self.next = self.waiting.keys().copied().min_by_key(|first| first.wrapping_sub(next));
    }

    /// Takes out the messages that are whole.
    fn messages(&mut self) -> Vec<Bytes> {
        let mut found = Vec::new();
        loop {
            let skipped = self.bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            self.bytes.drain(..skipped);
            let head = self.bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4);
            let Some(head) = head else { break };
            if !is_sip(&self.bytes) {
                self.bytes.drain(..head);
                continue;
            }
            let length = value(&self.bytes, HeaderName::ContentLength).and_then(number).unwrap_or(0) as usize;
            if head + length > MAX_MESSAGE {
                self.bytes.drain(..head);
                continue;
            }
            let Some(message) = self.bytes.get(..head + length) else { break };
            found.push(Bytes::copy_from_slice(message));
            self.bytes.drain(..head + length);
        }
        if self.bytes.len() > MAX_MESSAGE {
            self.bytes.clear();
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(number: u32, begins: bool) -> Segment {
        let address = |last| SocketAddr::from(([10, 0, 0, last], 5060));
        Segment { at: Duration::ZERO, source: address(1), destination: address(2), number, begins, ends: false }
    }

    fn texts(packets: Vec<Packet>) -> Vec<String> {
        packets.iter().map(|packet| String::from_utf8_lossy(&packet.bytes).into_owned()).collect()
    }

    const ONE: &str = "OPTIONS sip:a SIP/2.0\r\nContent-Length: 3\r\n\r\nabc";
    const TWO: &str = "SIP/2.0 200 OK\r\nl: 0\r\n\r\n";

    #[test]
    fn segments_come_in_any_order_and_cut_messages_anywhere() {
        let text = format!("\r\n\r\n{ONE}{TWO}");
        for cut in 1..text.len() {
            let mut streams = Streams::default();
            // The numbers wrap around in the middle of the text.
            let start = u32::MAX - 20;
            assert!(streams.add(&segment(start.wrapping_sub(1), true), b"").is_empty());
            let (first, second) = text.as_bytes().split_at(cut);
            assert!(streams.add(&segment(start.wrapping_add(cut as u32), false), second).is_empty());
            let found = texts(streams.add(&segment(start, false), first));
            assert_eq!(found, [ONE, TWO], "cut at {cut}");
            assert!(streams.add(&segment(start, false), first).is_empty(), "a repetition says nothing");
        }
    }

    #[test]
    fn a_stream_is_taken_up_in_its_middle_and_goes_on_behind_a_hole() {
        let mut streams = Streams::default();
        assert!(streams.add(&segment(100, false), b"the end of something\r\n\r\n").is_empty());
        assert_eq!(texts(streams.add(&segment(500, false), ONE.as_bytes())), [ONE]);
        let mut found = Vec::new();
        for at in 0..=MOST_WAITING as u32 {
            found.extend(texts(streams.add(&segment(10_000 + at * TWO.len() as u32, false), TWO.as_bytes())));
        }
        assert_eq!(found.len(), MOST_WAITING + 1);
    }

    #[test]
    fn absurd_lengths_take_no_room() {
        let mut streams = Streams::default();
        let text = "OPTIONS sip:a SIP/2.0\r\nContent-Length: 4000000000\r\n\r\n";
        assert!(streams.add(&segment(0, false), text.as_bytes()).is_empty());
        assert_eq!(texts(streams.add(&segment(text.len() as u32, false), TWO.as_bytes())), [TWO]);
    }
}
