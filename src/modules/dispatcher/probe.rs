//! Pings: who is asked, what an answer means, and what changes by it.

use super::Dispatcher;
use super::health::{DISABLED, INACTIVE, PROBING, TRYING};
use super::set::{Destination, Set, socket_at, socket_named};
use crate::builtin::{Background, Command, Core, Event, Extension, LogLevel, OwnRequest};
use bytes::Bytes;
use rustc_hash::FxHashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// `ds_probing_mode`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Mode {
    /// Only those with the probing flag, which a result takes away.
    #[default]
    Flagged,
    /// All but the disabled.
    All,
    /// Only the inactive with the probing flag.
    Inactive,
    /// Only those with the probing flag, which stays.
    AlwaysFlagged,
}

/// Every ping ends in a reply or a timeout; should answers be lost all the same, they are forgotten past this number.
const LOST: usize = 1 << 20;

/// How to ping.
#[derive(Debug)]
pub(super) struct Probing {
    pub(super) mode: Mode,
    pub(super) interval: Duration,
    pub(super) method: Bytes,
    pub(super) from: Bytes,
    pub(super) proxy: Option<Bytes>,
    pub(super) good: Vec<(u16, u16)>,
    pub(super) latency: bool,
    pub(super) alpha: f64,
    pub(super) waiting: Mutex<Waiting>,
}

/// Pings without an answer yet.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    next: u64,
    by_tag: FxHashMap<u64, (Arc<Destination>, Arc<Set>)>,
}

impl Probing {
    /// Whether all are pinged.
    pub(super) fn all(&self) -> bool {
        self.mode == Mode::All
    }

    fn wants(&self, flags: u32) -> bool {
        let probing = flags & PROBING != 0;
        flags & DISABLED == 0
            && match self.mode {
                Mode::All => true,
                Mode::Inactive => probing && flags & INACTIVE != 0,
                Mode::Flagged | Mode::AlwaysFlagged => probing,
            }
    }

    /// Whether a code says that the destination is well.
    pub(super) fn is_good(&self, code: u16) -> bool {
        (200..300).contains(&code) || self.good.iter().any(|(from, to)| (*from..=*to).contains(&code))
    }
}

impl Dispatcher {
    /// Sends a ping to every destination that is due.
    pub(super) fn ping(&self, cx: &mut Background) {
        let sets = self.sets.load();
        let mut waiting = self.probing.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.by_tag.len() > LOST {
            waiting.by_tag.clear();
        }
        for set in sets.iter() {
            for destination in &set.destinations {
                if !self.probing.wants(destination.live.health.load().flags) {
                    continue;
                }
                let tag = waiting.next;
                waiting.next += 1;
                waiting.by_tag.insert(tag, (destination.clone(), set.clone()));
                destination.live.pinged.store(cx.now.tick.as_micros(), Ordering::Relaxed);
                let attributes = &destination.attributes;
                let sockets = &cx.core.sockets;
                let socket = destination
                    .socket(sockets)
                    .or_else(|| self.socket_name.as_ref().and_then(|name| socket_named(sockets, name)))
                    .or_else(|| self.socket.as_ref().and_then(|text| socket_at(sockets, text)));
                cx.core.commands.push(Command::Request(OwnRequest {
                    module: cx.module,
                    tag,
                    method: self.probing.method.clone(),
                    uri: destination.uri.clone(),
                    from: attributes.ping_from.clone().unwrap_or_else(|| self.probing.from.clone()),
                    next_hop: attributes.proxy.clone().or_else(|| self.probing.proxy.clone()),
                    socket,
                    headers: Bytes::new(),
                }));
            }
        }
    }

    /// Waits no longer for the reply to a ping; gives what it went to.
    pub(super) fn forget(&self, tag: u64) -> Option<(Arc<Destination>, Arc<Set>)> {
        self.probing.waiting.lock().unwrap_or_else(PoisonError::into_inner).by_tag.remove(&tag)
    }

    /// Takes the answer to a ping.
    pub(super) fn answered(&self, tag: u64, code: u16, cx: &mut Background) {
        let Some((destination, set)) = self.forget(tag) else { return };
        // A reload may have put another set in place; what is learnt of the destination is shared with it.
        let sets = self.sets.load();
        let set = sets.set(set.id).unwrap_or(&set);
        let flags = destination.live.health.load().flags;
        if self.probing.latency && flags & PROBING != 0 {
            self.measure(&destination, code, cx);
        }
        if flags & DISABLED != 0 || self.probing.mode == Mode::AlwaysFlagged && flags & PROBING == 0 {
            return;
        }
        let keeps_probing = match self.probing.mode {
            Mode::All => true,
            Mode::AlwaysFlagged => flags & PROBING != 0,
            Mode::Flagged | Mode::Inactive => false,
        };
        let wanted = match self.probing.is_good(code) {
            true if keeps_probing => PROBING,
            true => 0,
            false if self.probing.mode == Mode::Flagged => TRYING,
            false => TRYING | PROBING,
        };
        self.report(&destination, set, wanted, code, cx.core);
    }

    fn measure(&self, destination: &Destination, code: u16, cx: &Background) {
        let mut latency = destination.live.latency.lock().unwrap_or_else(PoisonError::into_inner);
        if code == 408 {
            latency.timeouts += 1;
        } else {
            let sent = destination.live.pinged.load(Ordering::Relaxed);
            let waited = cx.now.tick.as_micros().saturating_sub(sent) / 1000;
            latency.add(waited as f64, self.probing.alpha);
        }
    }

    /// Moves the state of a destination and tells the event routes when it goes or comes.
    pub(super) fn report(&self, destination: &Destination, set: &Set, wanted: u32, code: u16, core: &mut Core) {
        let change = |health: super::health::Health| health.reported(wanted, self.thresholds);
        let (old, new) = destination.live.health.change(change);
        let name = match (old.is_skipped(), new.is_skipped()) {
            (false, true) => "dispatcher:dst-down",
            (true, false) => "dispatcher:dst-up",
            (true, true) | (false, false) => return,
        };
        if destination.attributes.relative_weight > 0 {
            set.share_out();
        }
        core.log(
            LogLevel::Debug,
            format!("{name}: {} of set {}", String::from_utf8_lossy(&destination.uri), destination.set),
        );
        let uri = destination.uri.clone();
        let destination = core.extensions.allows(Extension::EventDestination).then(|| uri.clone());
        core.commands.push(Command::Event(Event { uri, destination, code, ..Event::new(name) }));
    }
}
