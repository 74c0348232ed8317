//! Contacts, and the record of an address with its contacts in order.

use super::{Matching, Rules};
use crate::builtin::{ConnectionId, Located, SocketId};
use bytes::Bytes;
use std::cmp::Ordering;
use std::sync::Arc;

/// Contacts of one address at most: peers choose how many they register. Kamailio has no limit but `max_contacts`.
pub const MOST_OF_RECORD: usize = 1000;

/// When a contact that was removed, or whose connection is lost, is said to have expired, for as long as it is still there.
pub const REMOVED: u64 = 10;

/// Where an address can be reached.
#[derive(Debug, Clone)]
pub struct Contact {
    /// Its URI.
    pub uri: Bytes,
    /// The URI that its REGISTER came from, when it is behind NAT; empty otherwise.
    pub received: Bytes,
    /// What goes with a request to it.
    pub located: Arc<Located>,
    /// The second of the epoch at which it expires; 0 for never.
    pub expires: u64,
    /// The Call-ID that registered it last.
    pub call_id: Bytes,
    /// The CSeq that registered it last.
    pub cseq: u32,
    /// It is not written to the database: a flag of `save`.
    pub memory_only: bool,
    /// Branch flags of requests to it.
    pub branch_flags: u32,
    /// The socket that its REGISTER came in on.
    pub socket: Option<SocketId>,
    /// The connection that its REGISTER came by, as long as the server runs.
    pub connection: Option<ConnectionId>,
    /// Methods it takes, as in [`super::methods`].
    pub methods: u32,
    /// When it was registered last.
    pub modified: u64,
    /// When it was last known to be there: registered, read from the database, or an answer to a ping.
    pub answered: u64,
    /// The number of the server that it registered with.
    pub server_id: u32,
    /// What the database knows of it.
    pub kept: Kept,
}

/// What the database knows of a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kept {
    /// Nothing.
    #[default]
    New,
    /// All of it.
    Same,
    /// Older values.
    Changed,
}

impl Contact {
    /// About how many bytes it takes.
    pub fn size(&self) -> usize {
        let Located { path, ruid, instance, user_agent, .. } = &*self.located;
        let texts = [&self.uri, &self.received, &self.call_id, path, ruid, instance, user_agent];
        size_of::<Contact>() + size_of::<Located>() + texts.into_iter().map(Bytes::len).sum::<usize>()
    }

    /// Whether it can be used.
    pub fn is_valid(&self, now: u64) -> bool {
        self.expires == 0 || self.expires > now
    }
}

/// What a record says about a contact that somebody registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// It stands at this place.
    At(usize),
    /// It is not there.
    Missing,
    /// It is there, registered by a later request (RFC 3261 section 10.3).
    Stale,
    /// It is there, registered by the same request a moment ago.
    Repeated,
}

/// What tells a contact from others.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Its URI.
    pub uri: &'a [u8],
    /// Of the request.
    pub call_id: &'a [u8],
    /// Of the request.
    pub cseq: u32,
    /// Empty without one.
    pub path: &'a [u8],
    /// Empty without one.
    pub instance: &'a [u8],
    /// 0 without one.
    pub reg_id: u32,
}

/// The contacts of one address, in the order in which they are tried.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// The contacts.
    pub contacts: Vec<Contact>,
}

impl Record {
    /// About how many bytes its contacts take.
    pub fn size(&self) -> usize {
        self.contacts.iter().map(Contact::size).sum()
    }

    /// Finds a contact: by its instance when it has one (RFC 5626 section 6), else as the rules say.
    pub fn find(&self, wanted: &Wanted, rules: &Rules, now: u64) -> Match {
        if !wanted.instance.is_empty() {
            let same = |its: &Contact| {
                its.located.reg_id == wanted.reg_id && same_instance(&its.located.instance, wanted.instance)
            };
            return self.contacts.iter().position(same).map_or(Match::Missing, Match::At);
        }
        let fits = |its: &Contact| match rules.matching {
            Matching::Contact => its.uri == wanted.uri,
            Matching::ContactAndCallId => its.uri == wanted.uri && its.call_id == wanted.call_id,
            Matching::ContactAndPath => {
                its.uri == wanted.uri && (wanted.path.is_empty() || its.located.path == wanted.path)
            }
            Matching::CallId => its.call_id == wanted.call_id,
        };
        let found = self.contacts.iter().enumerate().find(|(_, its)| fits(its));
        let Some((at, found)) = found else { return Match::Missing };
        if found.call_id != wanted.call_id {
            return Match::At(at);
        }
        match wanted.cseq.cmp(&found.cseq) {
            Ordering::Less => Match::Stale,
            Ordering::Equal if found.modified + rules.cseq_delay > now => Match::Repeated,
            Ordering::Equal => Match::Stale,
            Ordering::Greater => Match::At(at),
        }
    }

    /// Puts a contact among the others; gives its place, or `None` when there are too many.
    pub fn insert(&mut self, contact: Contact, rules: &Rules) -> Option<usize> {
        if self.contacts.len() >= MOST_OF_RECORD {
            return None;
        }
        let at = if rules.newest_first {
            0
        } else {
            let lower = |its: &Contact| its.located.q < contact.located.q;
            self.contacts.iter().position(lower).unwrap_or(self.contacts.len())
        };
        self.contacts.insert(at, contact);
        Some(at)
    }

    /// Registers a contact anew; gives its place from there on.
    pub fn update(&mut self, at: usize, fresh: Contact, rules: &Rules) -> usize {
        let Some(old) = self.contacts.get_mut(at) else { return at };
        let uri = if fresh.located.instance.is_empty() { old.uri.clone() } else { fresh.uri };
        // What names it, and what it was first told apart by, stays.
        let kept = Located {
            ruid: old.located.ruid.clone(),
            instance: old.located.instance.clone(),
            reg_id: old.located.reg_id,
            ..Located::clone(&fresh.located)
        };
        let state = if old.kept == Kept::Same && rules.stores { Kept::Changed } else { old.kept };
        *old = Contact { uri, located: Arc::new(kept), kept: state, ..fresh };
        self.settle(at, rules)
    }

    /// Moves a contact to where it belongs. As in Kamailio, one whose q has changed goes before the first that has no lower one, which is not always its
    /// place in the order of [`Record::insert`].
    fn settle(&mut self, at: usize, rules: &Rules) -> usize {
        let q = |at: usize| self.contacts.get(at).map(|its| its.located.q);
        let own = q(at);
        let in_order = match (at.checked_sub(1).and_then(q), q(at + 1)) {
            _ if rules.newest_first => at == 0,
            (before, after) => before.is_none_or(|its| own <= Some(its)) && after.is_none_or(|its| own >= Some(its)),
        };
        if in_order || at >= self.contacts.len() {
            return at;
        }
        let contact = self.contacts.remove(at);
        let to = if rules.newest_first {
            0
        } else {
            let no_lower = |its: &Contact| its.located.q >= contact.located.q;
            self.contacts.iter().position(no_lower).unwrap_or(self.contacts.len())
        };
        self.contacts.insert(to, contact);
        to
    }

    /// Removes a contact. Where the database is written later it stays, as expired, until then; gives it when it has gone.
    pub fn remove(&mut self, at: usize, rules: &Rules) -> Option<Contact> {
        let contact = self.contacts.get_mut(at)?;
        if rules.writes_later && contact.kept != Kept::New {
            contact.expires = REMOVED;
            return None;
        }
        Some(self.contacts.remove(at))
    }
}

/// Whether two instances are the same, angle brackets or not.
pub fn same_instance(one: &[u8], other: &[u8]) -> bool {
    !one.is_empty() && !other.is_empty() && bare_instance(one) == bare_instance(other)
}

/// An instance without its angle brackets.
pub fn bare_instance(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"<").and_then(|text| text.strip_suffix(b">")).unwrap_or(text)
}
