//! From packets to what happened: who is the server, who its peers, which packets are repetitions, which are pings.

use super::gathered::{Capture, Packet, Transport, is_sip, value};
use super::log::via_address;
use crate::sip::{HeaderName, Message};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::hash_map::Entry;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Which of the ends of all packets are the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// Every port of this address.
    Host(IpAddr),
    /// This port only.
    Port(SocketAddr),
}

impl std::str::FromStr for Server {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Server, Self::Err> {
        let text = text.strip_prefix("udp:").unwrap_or(text);
        let port = text.parse().map(Server::Port);
        port.or_else(|_| text.parse().map(Server::Host)).map_err(|_| "write ADDRESS or ADDRESS:PORT")
    }
}

impl Server {
    fn is(&self, address: SocketAddr) -> bool {
        match self {
            Server::Host(ip) => *ip == address.ip(),
            Server::Port(port) => *port == address,
        }
    }
}

/// Somebody whom the server talks to.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) address: SocketAddr,
    /// The address of the server it talks to.
    pub(super) server: SocketAddr,
    /// It left a ping of the server without an answer.
    pub(super) silent: bool,
}

/// A peer by its place in [`Traffic::peers`].
pub(super) type PeerId = usize;

/// What happened, as the server's surroundings see it.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) at: Duration,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// A peer sends this: to the server, or to another peer.
    Sends(PeerId, Option<PeerId>, Packet),
    /// The server sends this to a peer.
    Gets(PeerId, Packet),
    /// A peer sends the same bytes once more.
    SendsAgain(PeerId, String),
    /// The server does.
    GetsAgain(PeerId, String),
    /// From here on a peer answers pings of the server so, or not at all; the last says whether this is the first ping.
    AnswersPings(PeerId, String, Option<u16>, bool),
}

/// What happened, and between whom.
#[derive(Debug)]
pub(super) struct Traffic {
    /// The server's addresses, most used first.
    pub(super) servers: Vec<SocketAddr>,
    pub(super) peers: Vec<Seen>,
    pub(super) events: Vec<Event>,
    /// When what happened began.
    pub(super) start: Duration,
    /// Packets between two others.
    pub(super) foreign: usize,
    /// Packets that came over TCP.
    pub(super) streamed: usize,
}

/// Finds out what happened. `given` are the server's addresses, when the user says them; `calls` those that are wanted.
pub(super) fn traffic(capture: &Capture, given: &[Server], calls: &[String]) -> Traffic {
    let packets = with_lasting_ports(&capture.packets);
    let servers = match (given, capture.server) {
        ([], Some(known)) => vec![Server::Port(known)],
        ([], None) => guess(&packets).map(Server::Port).into_iter().collect(),
        (given, _) => given.to_vec(),
    };
    let is_server = |address| servers.iter().any(|server: &Server| server.is(address));
    let (servers_seen, peers, events) = (Vec::new(), Vec::new(), Vec::new());
    let start = Duration::ZERO;
    let mut traffic = Traffic { servers: servers_seen, peers, events, start, foreign: 0, streamed: 0 };
    let mut uses: Vec<(SocketAddr, usize)> = Vec::new();
    let mut places: FxHashMap<SocketAddr, PeerId> = FxHashMap::default();
    for packet in &packets {
        let (own, peer) = match (is_server(packet.source), is_server(packet.destination)) {
            (true, false) => (packet.source, packet.destination),
            (false, true) => (packet.destination, packet.source),
            _ => continue,
        };
        if let Entry::Vacant(place) = places.entry(peer) {
            place.insert(traffic.peers.len());
            traffic.peers.push(Seen { address: peer, server: own, silent: false });
        }
        match uses.iter_mut().find(|(address, _)| *address == own) {
            Some((_, count)) => *count += 1,
            None => uses.push((own, 1)),
        }
    }
    uses.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    traffic.servers = uses.into_iter().map(|(address, _)| address).collect();
    let pings = Pings::of(&packets, &is_server);
    let mut seen = FxHashSet::default();
    for packet in packets {
        let place = |address| places.get(&address).copied();
        let (from, to) = (place(packet.source), place(packet.destination));
        let at = packet.at;
        let again = !seen.insert((packet.source, packet.destination, packet.bytes.clone()));
        let call = value(&packet.bytes, HeaderName::CallId).unwrap_or_default();
        if let Some(ping) = pings.calls.get(call) {
            if let Some(peer) = to.filter(|_| is_server(packet.source) && ping.changes && !again) {
                let kind = Kind::AnswersPings(peer, ping.method.clone(), ping.answer, ping.first);
                traffic.events.push(Event { at: at.saturating_sub(pings.notice()), kind });
            }
            continue;
        }
        // Pings were read whatever calls are wanted; other OPTIONS with them.
        if !calls.is_empty() && !calls.iter().any(|wanted| wanted.as_bytes() == call) {
            continue;
        }
        traffic.streamed += usize::from(packet.transport == Transport::Tcp);
        let kind = match (from, to) {
            (Some(from), _) if again => Kind::SendsAgain(from, title(&packet.bytes)),
            (None, Some(to)) if again => Kind::GetsAgain(to, title(&packet.bytes)),
            (Some(from), to) if to.is_some() || is_server(packet.destination) => Kind::Sends(from, to, packet),
            (None, Some(to)) => Kind::Gets(to, packet),
            _ => {
                traffic.foreign += 1;
                continue;
            }
        };
        traffic.events.push(Event { at, kind });
    }
    traffic.events.sort_by_key(|event| event.at);
    for ping in pings.calls.values().filter(|ping| ping.answer.is_none()) {
        if let Some(seen) = places.get(&ping.peer).and_then(|at| traffic.peers.get_mut(*at)) {
            seen.silent = true;
        }
    }
    let first = traffic.events.first().map(|event| event.at);
    let starts = first.into_iter().chain(pings.start().filter(|_| traffic.peers.iter().any(|seen| seen.silent)));
    traffic.start = starts.min().unwrap_or_default();
    traffic
}

/// What is neither a method nor a code.
pub(super) const NO_TITLE: &str = "what is no SIP";

/// The method of a request, or the code of a reply.
pub(super) fn title(bytes: &[u8]) -> String {
    let line = bytes.split(|byte| *byte == b'\r' || *byte == b'\n').next().unwrap_or_default();
    let mut words = line.split(|byte| *byte == b' ');
    let word = match (words.next(), words.next()) {
        (Some(b"SIP/2.0"), Some(code)) => code,
        (Some(method), _) if is_sip(bytes) => method,
        _ => b"",
    };
    // RFC 3261 section 25.1, token.
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(byte);
    let plain = !word.is_empty() && word.iter().all(is_token);
    if plain { String::from_utf8_lossy(word).into_owned() } else { NO_TITLE.to_owned() }
}

/// The packets, where a TCP connection's short-lived port gives way to the one that its Via names (RFC 3261 section
/// 18.1.1): who calls back connects there.
fn with_lasting_ports(packets: &[Packet]) -> Vec<Packet> {
    let mut lasting: FxHashMap<SocketAddr, SocketAddr> = FxHashMap::default();
    for packet in packets.iter().filter(|packet| packet.transport == Transport::Tcp) {
        let named = via_address(&packet.bytes).filter(|_| !packet.bytes.starts_with(b"SIP/2.0"));
        if let Some(named) = named.filter(|named| named.ip() == packet.source.ip()) {
            lasting.insert(packet.source, named);
        }
    }
    let port = |address: SocketAddr| lasting.get(&address).copied().unwrap_or(address);
    let moved = |packet: &Packet| match packet.transport.is_over_tcp() {
        true => Packet { source: port(packet.source), destination: port(packet.destination), ..packet.clone() },
        false => packet.clone(),
    };
    packets.iter().map(moved).collect()
}

/// The address that most messages go to or come from; of equals the one that the first request goes to.
pub(super) fn guess(packets: &[Packet]) -> Option<SocketAddr> {
    let mut counts: FxHashMap<SocketAddr, usize> = FxHashMap::default();
    for packet in packets.iter().filter(|packet| is_sip(&packet.bytes)) {
        *counts.entry(packet.source).or_default() += 1;
        *counts.entry(packet.destination).or_default() += 1;
    }
    let most = counts.values().copied().max()?;
    let asked = packets.iter().filter(|packet| is_sip(&packet.bytes) && !packet.bytes.starts_with(b"SIP/2.0"));
    let ends = asked.flat_map(|packet| [packet.destination, packet.source]);
    let ends = ends.chain(packets.iter().map(|packet| packet.source));
    ends.into_iter().find(|address| counts.get(address) == Some(&most))
}

/// Pings of the server.
struct Pings {
    /// By their Call-ID.
    calls: FxHashMap<Vec<u8>, Ping>,
    first: Option<Duration>,
    /// The time between two to the same peer.
    period: Option<Duration>,
}

struct Ping {
    method: String,
    at: Duration,
    peer: SocketAddr,
    answer: Option<u16>,
    /// The peer answers it otherwise than the one before.
    changes: bool,
    /// There was none before.
    first: bool,
}

/// Methods that servers ask whether somebody is there with.
const PING_METHODS: [&str; 3] = ["OPTIONS", "INFO", "NOTIFY"];

impl Pings {
    /// Requests outside dialogs that the server begins by itself.
    fn of(packets: &[Packet], is_server: &impl Fn(SocketAddr) -> bool) -> Pings {
        let mut theirs = FxHashSet::default();
        let mut found: FxHashMap<Vec<u8>, Ping> = FxHashMap::default();
        let mut order = Vec::new();
        for packet in packets {
            let Ok(message) = Message::parse(packet.bytes.clone()) else { continue };
            let call = message.call_id().to_vec();
            if !is_server(packet.source) {
                match (message.status(), found.get_mut(&call)) {
                    (Some(code), Some(ping)) => ping.answer = Some(code),
                    (None, None) => {
                        theirs.insert(call);
                    }
                    _ => {}
                }
                continue;
            }
            let method = String::from_utf8_lossy(message.method_text()).into_owned();
            let outside = message.to_tag().is_none();
            if outside
                && PING_METHODS.contains(&method.as_str())
                && !theirs.contains(&call)
                && !found.contains_key(&call)
            {
                order.push(call.clone());
                found.insert(
                    call,
                    Ping {
                        at: packet.at,
                        method,
                        peer: packet.destination,
                        answer: None,
                        changes: false,
                        first: false,
                    },
                );
            }
        }
        let (first, mut period) = (order.first().and_then(|call| found.get(call)).map(|ping| ping.at), None);
        let mut last: FxHashMap<(SocketAddr, String), (Option<u16>, Duration)> = FxHashMap::default();
        for call in order {
            let Some(ping) = found.get_mut(&call) else { continue };
            let before = last.insert((ping.peer, ping.method.clone()), (ping.answer, ping.at));
            ping.first = before.is_none();
            // Silence is how everybody begins.
            ping.changes = before.and_then(|(answer, _)| answer) != ping.answer;
            period = period.or(before.map(|(_, at)| ping.at.saturating_sub(at)));
        }
        Pings { calls: found, first, period }
    }

    /// How long before a ping its answer is decided: pings of the simulator come a little earlier or later.
    fn notice(&self) -> Duration {
        const MOST: Duration = Duration::from_secs(1);
        self.period.map_or(Duration::ZERO, |period| MOST.min(period / 2))
    }

    /// When a server that has just started would have to start to ping as this one did: one period before the first.
    fn start(&self) -> Option<Duration> {
        Some(self.first?.saturating_sub(self.period?))
    }
}
