//! Sets of destinations, in the order of selection.

use super::health::SharedHealth;
use super::latency::Latency;
use crate::builtin::{Socket, SocketId, Sockets, Value, parse_int};
use crate::sip::{Parameters, Transport, Uri, parse_ip};
use arc_swap::ArcSwap;
use bytes::Bytes;
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// All sets, by id.
#[derive(Debug, Default)]
pub struct Sets {
    list: Vec<Arc<Set>>,
}

impl Sets {
    /// The set with this id.
    pub fn set(&self, id: i64) -> Option<&Arc<Set>> {
        self.list.binary_search_by_key(&id, |set| set.id).ok().and_then(|at| self.list.get(at))
    }

    /// Every set.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Set>> {
        self.list.iter()
    }

    /// Sets of these destinations, which stand in the order they were read: the highest priority comes first, and among equals the one read
    /// last, as Kamailio has it.
    pub fn new(destinations: Vec<Destination>) -> Sets {
        let mut list: Vec<(i64, Vec<Arc<Destination>>)> = Vec::new();
        for destination in destinations.into_iter().rev() {
            let at = match list.binary_search_by_key(&destination.set, |(id, _)| *id) {
                Ok(at) => at,
                Err(at) => {
                    list.insert(at, (destination.set, Vec::new()));
                    at
                }
            };
            if let Some((_, members)) = list.get_mut(at) {
                members.push(Arc::new(destination));
            }
        }
        let list = list.into_iter().map(|(id, mut destinations)| {
            destinations.sort_by_key(|destination| std::cmp::Reverse(destination.priority));
            Arc::new(Set::new(id, destinations))
        });
        Sets { list: list.collect() }
    }

    /// Takes over what was learnt of the destinations that were there before and whose flags in the table are the same.
    pub fn inherit(&mut self, before: &Sets, latency_too: bool) {
        for set in &mut self.list {
            let Some(old) = before.set(set.id) else { continue };
            let members = set.destinations.iter().map(|destination| {
                let same = old.destinations.iter().find(|its| its.uri == destination.uri);
                let Some(same) = same.filter(|its| its.loaded_flags == destination.loaded_flags) else {
                    return destination.clone();
                };
                let mut kept = (**destination).clone();
                kept.live = same.live.clone();
                if !latency_too && let Ok(mut latency) = kept.live.latency.lock() {
                    *latency = kept.attributes.latency();
                }
                Arc::new(kept)
            });
            let renewed = Set::new(set.id, members.collect());
            renewed.next.store(old.next.load(Ordering::Relaxed), Ordering::Relaxed);
            *set = Arc::new(renewed);
        }
    }
}

/// A set: destinations, and the turns of the algorithms.
#[derive(Debug)]
pub struct Set {
    /// Its id.
    pub id: i64,
    /// Its destinations in the order of selection.
    pub destinations: Vec<Arc<Destination>>,
    /// Whose turn it is in round robin.
    pub next: AtomicU32,
    weights: Box<[u16]>,
    next_weight: AtomicU32,
    relative: ArcSwap<Box<[u16]>>,
    next_relative: AtomicU32,
}

impl Set {
    /// A set of these, in order.
    pub fn new(id: i64, destinations: Vec<Arc<Destination>>) -> Set {
        let weights = weight_slots(&destinations);
        let relative = relative_slots(&destinations).unwrap_or_else(|| vec![0; SLOTS].into());
        Set {
            id,
            destinations,
            next: AtomicU32::new(0),
            weights,
            next_weight: AtomicU32::new(0),
            relative: ArcSwap::from_pointee(relative),
            next_relative: AtomicU32::new(0),
        }
    }

    /// The next destination by weight.
    pub fn by_weight(&self) -> usize {
        turn(&self.weights, &self.next_weight)
    }

    /// The next destination by relative weight.
    pub fn by_relative_weight(&self) -> usize {
        turn(&self.relative.load(), &self.next_relative)
    }

    /// Shares the relative weights out again, after a destination came or went.
    pub fn share_out(&self) {
        if let Some(slots) = relative_slots(&self.destinations) {
            self.relative.store(Arc::new(slots));
        }
    }
}

const SLOTS: usize = 100;

fn turn(slots: &[u16], next: &AtomicU32) -> usize {
    // The counter wraps at 2^32, where the order of a hundred slots jumps once.
    let at = next.fetch_add(1, Ordering::Relaxed) as usize % SLOTS;
    slots.get(at).copied().unwrap_or(0) as usize
}

/// A hundred turns shared out by weight; what is missing goes to the last. The first has to have a weight.
fn weight_slots(destinations: &[Arc<Destination>]) -> Box<[u16]> {
    if destinations.first().is_none_or(|first| first.attributes.weight == 0) {
        return vec![0; SLOTS].into();
    }
    let mut shares: Vec<usize> = Vec::with_capacity(destinations.len());
    let mut left = SLOTS;
    for destination in destinations {
        let share = left.min(destination.attributes.weight as usize);
        left -= share;
        shares.push(share);
    }
    if let Some(last) = shares.last_mut() {
        *last += left;
    }
    spread(&shares)
}

/// A hundred turns shared out among the active by relative weight, truncated; the rest goes to the last of them.
fn relative_slots(destinations: &[Arc<Destination>]) -> Option<Box<[u16]>> {
    let weight = |destination: &Arc<Destination>| match destination.live.health.load().is_skipped() {
        true => 0,
        false => destination.attributes.relative_weight as usize,
    };
    let sum: usize = destinations.iter().map(weight).sum();
    if sum == 0 || destinations.len() < 2 {
        return None;
    }
    let mut shares: Vec<usize> = destinations.iter().map(|destination| weight(destination) * SLOTS / sum).collect();
    let left = SLOTS - shares.iter().sum::<usize>();
    if let Some(last) = shares.iter_mut().rev().find(|share| **share > 0) {
        *last += left;
    }
    Some(spread(&shares))
}

// Mixed evenly, so that ten calls in a row are already about right: at each turn, whoever is furthest behind its share.
fn spread(shares: &[usize]) -> Box<[u16]> {
    let mut behind = vec![0i64; shares.len()];
    let mut slots = Vec::with_capacity(SLOTS);
    for _ in 0..SLOTS {
        for (debt, share) in behind.iter_mut().zip(shares) {
            *debt += *share as i64;
        }
        let chosen = (0..shares.len()).max_by_key(|at| (behind.get(*at).copied().unwrap_or(0), std::cmp::Reverse(*at)));
        let chosen = chosen.unwrap_or(0);
        if let Some(debt) = behind.get_mut(chosen) {
            *debt -= SLOTS as i64;
        }
        slots.push(chosen as u16);
    }
    slots.into()
}

/// A destination as it was read, and what is learnt of it.
#[derive(Debug, Clone)]
pub struct Destination {
    /// The set it belongs to.
    pub set: i64,
    /// Where to send.
    pub uri: Bytes,
    /// The higher, the earlier.
    pub priority: i64,
    /// The flags that stood in the table.
    pub loaded_flags: u32,
    /// Special attributes.
    pub attributes: Attributes,
    /// Its address, when the host is one.
    pub address: Option<IpAddr>,
    /// Its port; 0 matches any.
    pub port: u16,
    /// The number, among those of Kamailio, of the transport that its URI names; 0 when it names none.
    pub protocol: i64,
    /// What is learnt.
    pub live: Arc<Live>,
}

/// What is learnt of a destination; it outlives a reload.
#[derive(Debug, Default)]
pub struct Live {
    /// Flags and counter.
    pub health: SharedHealth,
    /// Calls that it carries.
    pub load: AtomicI64,
    /// When the last ping left, in microseconds of the node's clock.
    pub pinged: AtomicU64,
    /// How long it takes to answer.
    pub latency: Mutex<Latency>,
}

impl Destination {
    /// A destination of a set; `None` when its URI is none. A bare address or host gets `sip:` in front, as in Kamailio.
    pub fn new(set: i64, uri: &[u8], flags: u32, priority: i64, attributes: Attributes) -> Option<Destination> {
        let uri = match Uri::parse(uri) {
            Ok(_) => Bytes::copy_from_slice(uri),
            Err(_) => Bytes::from([b"sip:", uri].concat()),
        };
        let parsed = Uri::parse(&uri).ok()?;
        let protocol = protocol(&parsed);
        let (address, port) = (parsed.host_ip(), parsed.port.unwrap_or(0));
        let address = if flags & super::health::NO_DNS != 0 { None } else { address };
        let live =
            Live { health: SharedHealth::new(flags), latency: Mutex::new(attributes.latency()), ..Live::default() };
        Some(Destination {
            set,
            priority,
            loaded_flags: flags,
            attributes,
            address,
            port,
            protocol,
            live: Arc::new(live),
            uri: uri.clone(),
        })
    }

    /// Whether selection passes it over.
    pub fn is_skipped(&self) -> bool {
        self.live.health.load().is_skipped()
    }

    /// Whether it carries as many calls as it may.
    pub fn is_full(&self) -> bool {
        let limit = self.attributes.max_load;
        limit != 0 && self.live.load.load(Ordering::Relaxed) >= limit
    }

    /// The socket its attributes ask for.
    pub fn socket(&self, sockets: &Sockets) -> Option<SocketId> {
        match (&self.attributes.socket_name, &self.attributes.socket) {
            (Some(name), _) => socket_named(sockets, name),
            (None, Some(socket)) => socket_at(sockets, socket),
            (None, None) => None,
        }
    }
}

/// The number of the transport that a URI names, among Kamailio's transports: 0 when it names none that Kamailio knows.
pub(super) fn protocol(uri: &Uri) -> i64 {
    // In a URI wss is none of them.
    uri.transport().and_then(Transport::of).filter(|its| *its != Transport::Wss).map_or(0, Transport::number)
}

/// The socket with this name.
pub(super) fn socket_named(sockets: &Sockets, name: &[u8]) -> Option<SocketId> {
    let at = sockets.list.iter().position(|socket| socket.name.as_deref() == Some(name))?;
    u16::try_from(at).ok().map(SocketId)
}

/// The socket at `[proto:]host:port`.
pub(super) fn socket_at(sockets: &Sockets, text: &[u8]) -> Option<SocketId> {
    let given = Transport::ALL
        .into_iter()
        .find_map(|transport| Some((transport, text.strip_prefix(transport.name().as_bytes())?.strip_prefix(b":")?)));
    let (transport, rest) = given.map_or((None, text), |(transport, rest)| (Some(transport), rest));
    let (host, port) = match rest.iter().rposition(|byte| *byte == b':') {
        Some(at) if !rest.ends_with(b"]") => (rest.get(..at)?, parse_int(rest.get(at + 1..)?)?),
        _ => (rest, 5060),
    };
    let address = parse_ip(host)?;
    let own = |ip: IpAddr| ip == address || ip.is_unspecified();
    let fits = |socket: &Socket| {
        let its = transport.is_none_or(|transport| transport == socket.transport);
        its && i64::from(socket.address.port()) == port && own(socket.address.ip())
    };
    let at = sockets.list.iter().position(fits)?;
    u16::try_from(at).ok().map(SocketId)
}

/// What the attributes column says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    /// The whole text.
    pub text: Bytes,
    /// Names it for call load.
    pub duid: Option<Bytes>,
    /// Most calls at a time; 0 for any number.
    pub max_load: i64,
    /// Percent of calls.
    pub weight: u16,
    /// Share among the active.
    pub relative_weight: u16,
    /// Socket to send from.
    pub socket: Option<Bytes>,
    /// Name of the socket to send from.
    pub socket_name: Option<Bytes>,
    /// From URI of pings.
    pub ping_from: Option<Bytes>,
    /// Outbound proxy of pings.
    pub proxy: Option<Bytes>,
    /// Milliseconds it is thought to take to answer.
    pub first_latency: Option<i64>,
    /// Latency counts as congestion over the average.
    pub congestion: bool,
}

impl Attributes {
    /// Reads `name=value;name=value`.
    pub fn parse(text: &[u8]) -> Attributes {
        let text = text.strip_suffix(b";").unwrap_or(text);
        let mut attributes = Attributes { text: Bytes::copy_from_slice(text), ..Attributes::default() };
        let number = |value: &[u8]| parse_int(value).unwrap_or(0);
        let percent =
            |value: &[u8]| u16::try_from(number(value)).ok().filter(|share| (1..=100).contains(share)).unwrap_or(0);
        for parameter in Parameters::new(text) {
            let Some(value) = parameter.value else { continue };
            let value = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
            let kept = || Some(Bytes::copy_from_slice(value));
            match parameter.name.to_ascii_lowercase().as_slice() {
                b"duid" => attributes.duid = kept(),
                b"maxload" => attributes.max_load = number(value),
                b"weight" => attributes.weight = percent(value),
                b"rweight" => attributes.relative_weight = percent(value),
                b"socket" => attributes.socket = kept(),
                b"sockname" => attributes.socket_name = kept(),
                b"ping_from" => attributes.ping_from = kept(),
                b"obproxy" => attributes.proxy = kept(),
                b"latency" => attributes.first_latency = parse_int(value),
                b"cc" => attributes.congestion = number(value) != 0,
                _ => {}
            }
        }
        attributes
    }

    fn latency(&self) -> Latency {
        self.first_latency.map_or_else(Latency::default, Latency::known)
    }

    /// The text as a value; `None` when there is none.
    pub fn value(&self) -> Option<Value> {
        (!self.text.is_empty()).then(|| Value::Text(self.text.clone()))
    }
}
