//! Sets of rtpengines, which of them is asked, and which one has a call.

use crate::builtin::{AskedServer, parse_int};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// One rtpengine.
#[derive(Debug)]
pub(super) struct Node {
    /// As the config names it: `udp:10.0.0.5:2223`.
    pub(super) url: Bytes,
    pub(super) server: AskedServer,
    pub(super) weight: u32,
    /// 0: it is asked. Else the moment, in milliseconds of the Unix epoch that all workers share, from which it may be tried again; the largest number for never.
    disabled_until: AtomicU64,
}

/// Never tried again: the table says so.
const FOR_EVER: u64 = u64::MAX;

/// The port of an rtpengine that names none.
const PORT: u16 = 22_222;

impl Node {
    /// Reads `udp:host:port` and `udp6:[address]:port`.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub(super) fn new(url: &[u8], weight: u32, disabled: bool, from: Option<IpAddr>) -> Result<Node, &'static str> {
        let text = std::str::from_utf8(url).map_err(|_| "it is no UTF-8")?;
        let Some((kind, address)) = text.split_once(':') else { return Err("it begins with no kind: udp:host:port") };
        let is_v6 = match kind.to_ascii_lowercase().as_str() {
            "udp" => false,
            "udp6" => true,
            "unix" | "ws" | "wss" => return Err("only udp: and udp6: are served"),
            _ => return Err("it begins with no known kind: udp:host:port"),
        };
        let colon =
            address.rfind(':').filter(|colon| !is_v6 || address.get(..*colon).is_some_and(|host| host.ends_with(']')));
        let (host, port) = match colon.and_then(|colon| address.split_at_checked(colon)) {
            None | Some((_, ":")) => (address.trim_end_matches(':'), PORT),
            Some((host, port)) => {
                let port = port.get(1..).and_then(|port| port.parse().ok());
                (host, port.filter(|port| *port > 0).ok_or("it ends with no port")?)
            }
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err("it names no host");
        }
        Ok(Node {
            url: Bytes::copy_from_slice(url),
            server: AskedServer { host, port, is_v6, from },
            weight,
            disabled_until: AtomicU64::new(if disabled { FOR_EVER } else { 0 }),
        })
    }

    pub(super) fn is_disabled(&self) -> bool {
        self.disabled_until.load(Ordering::Relaxed) != 0
    }

    /// It did not answer: it is left alone for so long, unless it is off for good.
    pub(super) fn disable(&self, now: Duration, time: Duration) {
        let until = millis(now.saturating_add(time)).max(1);
        // One that is off for good stays so.
        let _ = self
            .disabled_until
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |old| (old != FOR_EVER).then_some(until));
    }

    pub(super) fn enable(&self) {
        self.disabled_until.store(0, Ordering::Relaxed);
    }

    /// Whether a disabled one may be tried again.
    fn is_due(&self, now: Duration) -> bool {
        let until = self.disabled_until.load(Ordering::Relaxed);
        until != 0 && until <= millis(now)
    }

    pub(super) fn is_off(&self) -> bool {
        self.disabled_until.load(Ordering::Relaxed) == FOR_EVER
    }
}

fn millis(at: Duration) -> u64 {
    u64::try_from(at.as_millis()).unwrap_or(FOR_EVER - 1)
}

/// Rtpengines that serve the same calls.
#[derive(Debug, Default)]
pub(super) struct Set {
    pub(super) id: u32,
    pub(super) nodes: Vec<Arc<Node>>,
}

impl Set {
    /// Adds an rtpengine, or replaces what is known of the one with its URL.
    pub(super) fn add(&mut self, node: Node) {
        match self.nodes.iter_mut().find(|known| known.url == node.url) {
            Some(known) => *known = Arc::new(node),
            None => self.nodes.push(Arc::new(node)),
        }
    }

    pub(super) fn active(&self) -> usize {
        self.nodes.iter().filter(|node| !node.is_disabled()).count()
    }

    /// Those that have to be tried before one is chosen: disabled, due, and not tried yet.
    pub(super) fn due(&self, now: Duration, tried: &[Arc<Node>]) -> Option<Arc<Node>> {
        self.nodes.iter().find(|node| node.is_due(now) && !has(tried, node)).cloned()
    }

    /// Those that are tried when none is left.
    pub(super) fn revivable(&self) -> Vec<Arc<Node>> {
        self.nodes.iter().filter(|node| !node.is_off()).cloned().collect()
    }

    /// The one for a call: by the sum of the bytes of its Call-ID and the weights of those that are enabled and were not asked yet.
    pub(super) fn choose(&self, call_id: &[u8], asked: &[Arc<Node>]) -> Option<Arc<Node>> {
        let sum = call_id.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
        let open = || self.nodes.iter().filter(|node| !node.is_disabled() && !has(asked, node));
        let weights: u64 = open().map(|node| u64::from(node.weight)).sum();
        let mut left = u64::from(sum).checked_rem(weights)?;
        open()
            .find(|node| {
                let weight = u64::from(node.weight);
                let is_it = left < weight;
                left = left.saturating_sub(weight);
                is_it
            })
            .cloned()
    }
}

/// Whether a node is among these.
pub(super) fn has(nodes: &[Arc<Node>], node: &Arc<Node>) -> bool {
    nodes.iter().any(|known| known.url == node.url)
}

/// All sets.
#[derive(Debug, Default)]
pub(super) struct Sets(pub(super) Vec<Arc<Set>>);

impl Sets {
    pub(super) fn find(&self, id: u32) -> Option<Arc<Set>> {
        self.0.iter().find(|set| set.id == id).cloned()
    }

    /// How many rtpengines there are.
    pub(super) fn count(&self) -> usize {
        self.0.iter().map(|set| set.nodes.len()).sum()
    }
}

/// Reads the value of `rtpengine_sock`: `[set ==] url[=weight] ...`; what cannot be used is told to `ignored`.
///
/// # Errors
/// The set cannot be read, or no rtpengine follows.
pub(super) fn read_list(
    text: &[u8],
    default_set: u32,
    from: Option<IpAddr>,
    sets: &mut Vec<Set>,
    mut ignored: impl FnMut(String),
) -> Result<(), &'static str> {
    let (id, list) = match memchr::memmem::find(text, b"==") {
        Some(end) => {
            let id = text.get(..end).unwrap_or_default().trim_ascii();
            let id = parse_int(id).filter(|_| !id.is_empty()).and_then(|id| u32::try_from(id).ok());
            (id.ok_or("the set in front of == is no number")?, text.get(end + 2..).unwrap_or_default())
        }
        None => (default_set, text),
    };
    if list.trim_ascii().is_empty() {
        return Err("it names no rtpengine");
    }
    let set = set_of(sets, id);
    for word in list.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()) {
        let (url, weight) = match memchr::memchr(b'=', word) {
            Some(end) => {
                let (url, weight) = word.split_at_checked(end).unwrap_or((word, b""));
                let weight = weight.get(1..).and_then(parse_int).and_then(|weight| u32::try_from(weight).ok());
                (url, weight.unwrap_or(0))
            }
            None => (word, 1),
        };
        match Node::new(url, weight, false, from) {
            Ok(node) => set.add(node),
            Err(why) => ignored(format!("{} is left out: {why}", String::from_utf8_lossy(url))),
        }
    }
    Ok(())
}

/// The set of this id, made when there is none.
pub(super) fn set_of(sets: &mut Vec<Set>, id: u32) -> &mut Set {
    let at = sets.iter().position(|set| set.id == id).unwrap_or_else(|| {
        sets.push(Set { id, nodes: Vec::new() });
        sets.len() - 1
    });
    &mut sets[at]
}

/// Which rtpengine has which call: by Call-ID, then by what tells its branches apart. One lock for each share of the calls, held for moments.
#[derive(Debug)]
pub(super) struct Calls {
    shares: Vec<Mutex<BTreeMap<Bytes, Vec<Kept>>>>,
    /// How long a call is remembered that is never deleted: `hash_table_tout`.
    time: Duration,
}

/// One branch of a call.
#[derive(Debug)]
struct Kept {
    via_branch: Bytes,
    node: Arc<Node>,
    until: Duration,
}

/// Shares of the calls.
const SHARES: usize = 64;
/// The most calls of one share, the most branches of one call, and the longest name of either: peers choose all. A call that is not remembered is
/// found by its sum.
const MOST: usize = 4096;
const MOST_BRANCHES: usize = 8;
const LONGEST: usize = 128;

impl Calls {
    pub(super) fn new(time: Duration) -> Calls {
        Calls { shares: std::iter::repeat_with(Mutex::default).take(SHARES).collect(), time }
    }

    fn share(&self, call_id: &[u8]) -> MutexGuard<'_, BTreeMap<Bytes, Vec<Kept>>> {
        let hash = crate::modules::hash::core_hash(&[call_id]) as usize;
        self.shares[hash % SHARES].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The one that has this branch; for a delete without a branch one that has any of the call.
    pub(super) fn node(&self, call_id: &[u8], via_branch: &[u8], any: bool, now: Duration) -> Option<Arc<Node>> {
        let share = self.share(call_id);
        let kept = share.get(call_id)?.iter().filter(|kept| kept.until > now);
        let mut fits = kept.filter(|kept| kept.via_branch == via_branch || any && via_branch.is_empty());
        fits.next().map(|kept| kept.node.clone())
    }

    /// Remembers, unless the branch is known already.
    pub(super) fn keep(&self, call_id: &Bytes, via_branch: &Bytes, node: &Arc<Node>, now: Duration) {
        if call_id.len() > LONGEST || via_branch.len() > LONGEST {
            return;
        }
        let mut share = self.share(call_id);
        if share.len() >= MOST && !share.contains_key(call_id) {
            share.retain(|_, kept| kept.iter().any(|kept| kept.until > now));
            if share.len() >= MOST {
                return;
            }
        }
        // Copies of their own: a slice would keep the whole message.
        let own = |text: &Bytes| Bytes::copy_from_slice(text);
        let branches = share.entry(own(call_id)).or_default();
        branches.retain(|kept| kept.until > now);
        if branches.len() < MOST_BRANCHES && !branches.iter().any(|kept| kept.via_branch == via_branch) {
            branches.push(Kept {
                via_branch: own(via_branch),
                node: node.clone(),
                until: now.saturating_add(self.time),
            });
        }
    }

    /// Forgets a branch; without one the whole call.
    pub(super) fn forget(&self, call_id: &[u8], via_branch: &[u8]) {
        let mut share = self.share(call_id);
        let Some(branches) = share.get_mut(call_id) else { return };
        branches.retain(|kept| !via_branch.is_empty() && kept.via_branch != via_branch);
        if branches.is_empty() {
            share.remove(call_id);
        }
    }
}
