//! All transactions of a node, by number and by what identifies them on the wire.

use super::transaction::Transaction;
use crate::builtin::TransactionId;
use crate::transaction::Key;
use rustc_hash::FxHashMap;

/// What a key on the wire stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The request of a transaction.
    Server(TransactionId),
    /// The ACK for a 2xx that was relayed: it goes from end to end.
    Success(TransactionId),
    /// Replies to a branch.
    Branch(TransactionId, u16),
    /// Replies to the CANCEL of a branch.
    Cancel(TransactionId, u16),
}

/// All transactions.
#[derive(Default)]
pub(super) struct Table {
    /// The generation of a slot when it is made: the numbers of two nodes differ in it.
    first: u32,
    slots: Vec<Slot>,
    free: Vec<u32>,
    keys: FxHashMap<Key, Found>,
    /// About how many bytes they take.
    bytes: usize,
}

/// A transaction, and what of the table it changes.
pub(super) struct Open<'a> {
    pub(super) transaction: &'a mut Transaction,
    pub(super) keys: &'a mut FxHashMap<Key, Found>,
    bytes: &'a mut usize,
}

impl Open<'_> {
    /// Takes note of what it takes, after something was put into it.
    pub(super) fn weigh(&mut self) {
        let (before, after) = (self.transaction.weight, self.transaction.size());
        self.transaction.weight = after;
        *self.bytes = (*self.bytes + after).saturating_sub(before);
    }
}

struct Slot {
    generation: u32,
    transaction: Option<Box<Transaction>>,
}

impl Table {
    /// A table whose numbers begin with this generation.
    pub(super) fn new(first: u32) -> Table {
        Table { first, ..Table::default() }
    }

    /// The number of the next transaction.
    pub(super) fn reserve(&mut self) -> TransactionId {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { generation: self.first, transaction: None });
            self.slots.len() as u32 - 1
        });
        TransactionId(u64::from(self.slots[index as usize].generation) << 32 | u64::from(index))
    }

    /// Takes a reserved number back that no transaction was kept under.
    pub(super) fn release(&mut self, id: TransactionId) {
        self.free.push(id.0 as u32);
    }

    /// Keeps a transaction under its reserved number.
    pub(super) fn insert(&mut self, mut transaction: Box<Transaction>) {
        transaction.weight = transaction.size();
        self.bytes += transaction.weight;
        let index = transaction.id.0 as u32 as usize;
        if let Some(slot) = self.slots.get_mut(index) {
            slot.transaction = Some(transaction);
        }
    }

    /// The transaction of this number, unless it has ended.
    pub(super) fn get(&mut self, id: TransactionId) -> Option<&mut Transaction> {
        let slot = self.slots.get_mut(id.0 as u32 as usize)?;
        if slot.generation != (id.0 >> 32) as u32 {
            return None;
        }
        slot.transaction.as_deref_mut()
    }

    /// A transaction with the keys of all.
    pub(super) fn open(&mut self, id: TransactionId) -> Option<Open<'_>> {
        let Table { slots, keys, bytes, .. } = self;
        let slot = slots.get_mut(id.0 as u32 as usize).filter(|slot| slot.generation == (id.0 >> 32) as u32)?;
        Some(Open { transaction: slot.transaction.as_deref_mut()?, keys, bytes })
    }

    /// Takes a transaction out, with its keys.
    pub(super) fn remove(&mut self, id: TransactionId) -> Option<Box<Transaction>> {
        let index = id.0 as u32;
        let slot = self.slots.get_mut(index as usize)?;
        if slot.generation != (id.0 >> 32) as u32 {
            return None;
        }
        let transaction = slot.transaction.take()?;
        self.bytes = self.bytes.saturating_sub(transaction.weight);
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(index);
        for key in &transaction.keys {
            self.forget(key, id);
        }
        for branch in &transaction.branches {
            self.forget(&branch.key, id);
            if let Some(cancel) = &branch.cancel {
                self.forget(&cancel.key, id);
            }
        }
        Some(transaction)
    }

    /// What a key stands for.
    pub(super) fn find(&self, key: &Key) -> Option<Found> {
        self.keys.get(key).copied()
    }

    /// Lets a key stand for something.
    pub(super) fn name(&mut self, key: Key, found: Found) {
        self.keys.insert(key, found);
    }

    /// The ACK of a 2xx that was relayed has come.
    pub(super) fn acknowledge(&mut self, id: TransactionId, key: &Key) {
        self.keys.remove(key);
        if let Some(transaction) = self.get(id) {
            transaction.unacknowledged = transaction.unacknowledged.saturating_sub(1);
        }
    }

    /// How many transactions there are.
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// About how many bytes they take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes note of what a transaction takes, after something was put into it.
    pub(super) fn weigh(&mut self, id: TransactionId) {
        if let Some(mut open) = self.open(id) {
            open.weigh();
        }
    }

    /// Every transaction.
    pub(super) fn ids(&self) -> Vec<TransactionId> {
        self.slots.iter().filter_map(|slot| slot.transaction.as_ref().map(|transaction| transaction.id)).collect()
    }

    /// Every transaction, to be looked at.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Transaction> {
        self.slots.iter().filter_map(|slot| slot.transaction.as_deref())
    }

    fn forget(&mut self, key: &Key, id: TransactionId) {
        let owns = match self.keys.get(key) {
            Some(Found::Server(its) | Found::Success(its) | Found::Branch(its, _) | Found::Cancel(its, _)) => {
                *its == id
            }
            None => false,
        };
        if owns {
            self.keys.remove(key);
        }
    }
}
