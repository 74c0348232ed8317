//! One table of records, in shards: each is behind a lock that is held for moments.

use super::contact::{Contact, Record};
use crate::builtin::Held;
use crate::modules::hash::core_hash;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Contacts of one table at most: peers choose addresses. What comes beyond is refused as when Kamailio has no memory left.
const MOST: usize = 1 << 20;
/// Bytes that they may take: peers choose their texts.
const MOST_BYTES: usize = 1 << 30;
const SHARDS: usize = 64;

/// A table, `location` in most configs.
#[derive(Debug)]
pub struct Table {
    /// Its name, as functions and the database have it.
    pub name: Bytes,
    shards: Box<[Mutex<BTreeMap<Bytes, Record>>]>,
    contacts: AtomicUsize,
    bytes: AtomicUsize,
}

impl Table {
    /// A table without a record.
    pub fn new(name: Bytes) -> Table {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Table { name, shards, contacts: AtomicUsize::new(0), bytes: AtomicUsize::new(0) }
    }

    fn shard(&self, at: usize) -> MutexGuard<'_, BTreeMap<Bytes, Record>> {
        // Every place is taken modulo their number, or from a walk over them.
        self.shards[at % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shard_of(&self, aor: &[u8]) -> MutexGuard<'_, BTreeMap<Bytes, Record>> {
        self.shard(core_hash(&[aor]) as usize)
    }

    /// Whether no further contact fits.
    pub fn is_full(&self) -> bool {
        self.contacts.load(Ordering::Relaxed) >= MOST || self.bytes.load(Ordering::Relaxed) >= MOST_BYTES
    }

    /// How much is kept.
    pub fn held(&self) -> Held {
        let read = |number: &AtomicUsize| number.load(Ordering::Relaxed);
        Held { count: read(&self.contacts), bytes: read(&self.bytes), most: MOST_BYTES }
    }

    /// Looks at the record of an address, when there is one.
    pub fn read<T>(&self, aor: &[u8], body: impl FnOnce(Option<&Record>) -> T) -> T {
        body(self.shard_of(aor).get(aor))
    }

    /// The contact whose record has this name, among those of addresses with this hash.
    pub fn by_id(&self, hash: u32, ruid: &[u8]) -> Option<Contact> {
        let shard = self.shard(hash as usize);
        let contacts = shard.values().flat_map(|record| &record.contacts);
        contacts.into_iter().find(|contact| contact.located.ruid == ruid).cloned()
    }

    /// Changes the contact whose record has this name, among those of addresses with this hash.
    pub fn edit_by_id(&self, hash: u32, ruid: &[u8], body: impl FnOnce(&mut Contact)) {
        let mut shard = self.shard(hash as usize);
        let mut contacts = shard.values_mut().flat_map(|record| &mut record.contacts);
        if let Some(contact) = contacts.find(|contact| contact.located.ruid == ruid) {
            body(contact);
        }
    }

    /// Goes over the contacts whose turn it is. In a round of so many turns each has one, and no turn has many more than another.
    pub fn in_turn(&self, turn: u64, turns: u64, mut body: impl FnMut(&Bytes, &mut Contact)) {
        let has_turn = |at: &usize| *at as u64 * turns / SHARDS as u64 == turn;
        for at in (0..SHARDS).filter(has_turn) {
            for (aor, record) in self.shard(at).iter_mut() {
                record.contacts.iter_mut().for_each(|contact| body(aor, contact));
            }
        }
    }

    /// Changes the record of an address, an empty one when there is none; one that is left empty goes.
    pub fn edit<T>(&self, aor: &[u8], body: impl FnOnce(&mut Record) -> T) -> T {
        let mut shard = self.shard_of(aor);
        if let Some(record) = shard.get_mut(aor) {
            let before = Size::of(record);
            let done = body(record);
            self.account(before, Size::of(record));
            if record.contacts.is_empty() {
                shard.remove(aor);
            }
            return done;
        }
        let mut record = Record::default();
        let done = body(&mut record);
        self.account(Size::default(), Size::of(&record));
        if !record.contacts.is_empty() {
            shard.insert(Bytes::copy_from_slice(aor), record);
        }
        done
    }

    /// Goes over all contacts, shard by shard; those for which `stays` is false go.
    pub fn sweep(&self, mut stays: impl FnMut(&Bytes, &mut Contact) -> bool) {
        for at in 0..SHARDS {
            self.shard(at).retain(|aor, record| {
                let before = Size::of(record);
                record.contacts.retain_mut(|contact| stays(aor, contact));
                self.account(before, Size::of(record));
                !record.contacts.is_empty()
            });
        }
    }

    /// Goes over all records, in the order of their addresses.
    pub fn each(&self, mut body: impl FnMut(&Bytes, &Record)) {
        let mut all = BTreeMap::new();
        for at in 0..SHARDS {
            all.extend(self.shard(at).iter().map(|(aor, record)| (aor.clone(), record.clone())));
        }
        all.iter().for_each(|(aor, record)| body(aor, record));
    }

    fn account(&self, before: Size, after: Size) {
        // Numbers that wrap are right again once all is added up.
        self.contacts.fetch_add(after.contacts.wrapping_sub(before.contacts), Ordering::Relaxed);
        self.bytes.fetch_add(after.bytes.wrapping_sub(before.bytes), Ordering::Relaxed);
    }
}

/// How much a record is.
#[derive(Clone, Copy, Default)]
struct Size {
    contacts: usize,
    bytes: usize,
}

impl Size {
    fn of(record: &Record) -> Size {
        Size { contacts: record.contacts.len(), bytes: record.size() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::Located;
    use crate::modules::usrloc::contact::{Kept, MOST_OF_RECORD};
    use crate::modules::usrloc::{Matching, Rules, methods};
    use std::sync::Arc;

    const RULES: Rules =
        Rules { matching: Matching::Contact, cseq_delay: 20, newest_first: false, stores: false, writes_later: false };

    fn contact(uri: String, expires: u64, q: Option<u16>) -> Contact {
        Contact {
            uri: Bytes::from(uri),
            received: Bytes::new(),
            located: Arc::new(Located { q, ..Located::default() }),
            expires,
            call_id: Bytes::from_static(b"call"),
            cseq: 1,
            memory_only: false,
            branch_flags: 0,
            socket: None,
            connection: None,
            methods: methods::ALL,
            modified: 0,
            answered: 0,
            server_id: 0,
            kept: Kept::New,
        }
    }

    #[test]
    fn one_address_has_no_more_contacts_than_fit() {
        let table = Table::new(Bytes::from_static(b"location"));
        let insert =
            |at: usize| table.edit(b"bob", |record| record.insert(contact(format!("sip:{at}"), 0, None), &RULES));
        assert!((0..MOST_OF_RECORD).all(|at| insert(at) == Some(at)));
        assert_eq!(insert(MOST_OF_RECORD), None);
    }

    #[test]
    fn each_contact_has_one_turn_in_a_round() {
        let table = Table::new(Bytes::from_static(b"location"));
        for at in 0..500 {
            table
                .edit(format!("user{at}").as_bytes(), |record| record.insert(contact("sip:x".into(), 0, None), &RULES));
        }
        for turns in [1, 2, 30, 64, 65, 600] {
            let visited: Vec<usize> = (0..turns)
                .map(|turn| {
                    let mut count = 0;
                    table.in_turn(turn, turns, |_, _| count += 1);
                    count
                })
                .collect();
            assert_eq!(visited.iter().sum::<usize>(), 500, "{turns} turns");
        }
    }

    #[test]
    fn what_has_expired_goes_and_leaves_no_empty_record() {
        let table = Table::new(Bytes::from_static(b"location"));
        for (aor, expires, q) in [("bob", 10, None), ("bob", 30, Some(500)), ("carol", 20, None), ("dave", 0, None)] {
            let made = contact(format!("sip:{expires}"), expires, q);
            table.edit(aor.as_bytes(), |record| record.insert(made, &RULES));
        }
        table.sweep(|_, contact| contact.is_valid(20));
        let mut left = Vec::new();
        table.each(|aor, record| left.push((aor.clone(), record.contacts.len())));
        assert_eq!(left, [(Bytes::from_static(b"bob"), 1), (Bytes::from_static(b"dave"), 1)]);
        let held = table.held();
        assert_eq!(held.count, 2);
        assert!(held.bytes > 2 * size_of::<Contact>() && held.bytes < 2048, "{held}");
        table.sweep(|_, _| false);
        assert_eq!((table.held().count, table.held().bytes), (0, 0));
        assert!(table.read(b"carol", |record| record.is_none()));
    }
}
