//! One table: values by key in slots, each behind a lock that is held for moments.

use crate::builtin::Value;
use crate::modules::hash::core_case_hash;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The most slots a table has.
pub(super) const MOST_SLOTS: usize = 1 << 14;
/// The most slots that all tables together have: some 100 MB before there is a value in them.
pub(super) const MOST_OF_ALL: usize = 1 << 21;
/// What all keys and values of all tables may take, in bytes: peers choose keys.
pub(super) const MOST_BYTES: usize = 1 << 30;
/// What a value takes beside its text.
const OVERHEAD: usize = 192;

/// A table.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: Bytes,
    /// Seconds until a value expires; 0 for never.
    pub(super) expires: u64,
    /// A write to a value that is there counts these seconds anew.
    pub(super) renews: bool,
    /// What a key without a value reads as.
    pub(super) initial: Option<i64>,
    /// There is an event route for values that expire.
    pub(super) has_event: bool,
    /// A power of two of them.
    pub(super) slots: Vec<Mutex<Slot>>,
    /// What the values of all tables take.
    pub(super) bytes: Arc<AtomicUsize>,
}

impl Default for Table {
    fn default() -> Table {
        Table {
            name: Bytes::new(),
            expires: 0,
            renews: true,
            initial: None,
            has_event: false,
            slots: Vec::new(),
            bytes: Arc::default(),
        }
    }
}

/// Values in Kamailio's order: by the hash of the key, then as they came.
#[derive(Debug, Default)]
pub(super) struct Slot {
    cells: BTreeMap<Place, Cell>,
    /// Where each key stands. Any number of keys share a hash (all that differ in nothing but case do), and peers choose keys.
    places: BTreeMap<Bytes, Place>,
    next: u32,
}

/// The hash of a key, and a number that counts up.
type Place = (u32, u32);

/// One value.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    pub(super) key: Bytes,
    pub(super) value: Value,
    /// The second of the epoch behind which it has expired; 0 for never.
    pub(super) until: u64,
}

impl Cell {
    fn bytes(&self) -> usize {
        let text = if let Value::Text(text) = &self.value { text.len() } else { 0 };
        OVERHEAD + self.key.len() + text
    }
}

/// Where a value stands in its table.
pub(super) type Position = (usize, Place);

impl Table {
    /// The value of a key, when there is one that has not expired; else the initial value.
    pub(super) fn read(&self, key: &[u8], now: u64) -> Value {
        let slot = self.slot(self.slot_of(key));
        match slot.find(key).and_then(|place| slot.cells.get(&place)).filter(|cell| !self.is_over(cell, now)) {
            Some(cell) => cell.value.clone(),
            None => self.initial.map_or(Value::Null, Value::Int),
        }
    }

    /// Whether a key has a value that has not expired.
    pub(super) fn has(&self, key: &[u8], now: u64) -> bool {
        let slot = self.slot(self.slot_of(key));
        slot.find(key).and_then(|place| slot.cells.get(&place)).is_some_and(|cell| !self.is_over(cell, now))
    }

    /// Writes a value, which expires after `seconds` when they are given. False when the table is full.
    pub(super) fn write(&self, key: &[u8], value: Value, seconds: Option<u64>, now: u64) -> bool {
        let value = owned(value);
        let mut slot = self.slot(self.slot_of(key));
        if let Some(cell) = slot.find(key).and_then(|place| slot.cells.get_mut(&place)) {
            let was = cell.bytes();
            cell.value = value;
            self.account(was, cell.bytes());
            match seconds {
                Some(seconds) => cell.until = now.saturating_add(seconds),
                None if self.renews || self.is_over(cell, now) => cell.until = self.until(now),
                None => {}
            }
            return true;
        }
        let until = seconds.map_or_else(|| self.until(now), |seconds| now.saturating_add(seconds));
        self.insert(&mut slot, Cell { key: Bytes::copy_from_slice(key), value, until })
    }

    /// Adds to a number. `None` when the value is a text, or there is none and no initial value.
    pub(super) fn add(&self, key: &[u8], step: i64, now: u64) -> Option<i64> {
        let mut slot = self.slot(self.slot_of(key));
        if let Some(cell) = slot.find(key).and_then(|place| slot.cells.get_mut(&place)) {
            if self.is_over(cell, now) {
                cell.until = self.until(now);
                let was = cell.bytes();
                cell.value = Value::Int(self.initial?);
                self.account(was, cell.bytes());
            }
            let Value::Int(number) = &mut cell.value else { return None };
            *number = number.wrapping_add(step);
            let number = *number;
            if self.renews {
                cell.until = self.until(now);
            }
            return Some(number);
        }
        let number = self.initial?.wrapping_add(step);
        let cell = Cell { key: Bytes::copy_from_slice(key), value: Value::Int(number), until: self.until(now) };
        self.insert(&mut slot, cell).then_some(number)
    }

    /// Removes the value of a key.
    pub(super) fn remove(&self, key: &[u8]) {
        let mut slot = self.slot(self.slot_of(key));
        if let Some(cell) = slot.find(key).and_then(|place| slot.remove(place)) {
            self.account(cell.bytes(), 0);
        }
    }

    /// Removes the value at a position.
    pub(super) fn remove_at(&self, position: Position) {
        if let Some(cell) = self.slot(position.0).remove(position.1) {
            self.account(cell.bytes(), 0);
        }
    }

    /// Removes the values that `goes` names, in order.
    pub(super) fn remove_where(&self, mut goes: impl FnMut(&Cell) -> bool) {
        for at in 0..self.slots.len() {
            let mut slot = self.slot(at);
            let Slot { cells, places, .. } = &mut *slot;
            cells.retain(|_, cell| {
                let stays = !goes(cell);
                if !stays {
                    places.remove(&cell.key);
                    self.account(cell.bytes(), 0);
                }
                stays
            });
        }
    }

    /// Changes the value at a position; false when there is none.
    pub(super) fn change(&self, position: Position, change: impl FnOnce(&mut Cell)) -> bool {
        let mut slot = self.slot(position.0);
        let Some(cell) = slot.cells.get_mut(&position.1) else { return false };
        let was = cell.bytes();
        change(cell);
        self.account(was, cell.bytes());
        true
    }

    /// Changes when the value of a key expires; nothing happens without a value, or when values of this table do not.
    pub(super) fn set_until(&self, key: &[u8], until: u64) {
        if self.expires == 0 {
            return;
        }
        let mut slot = self.slot(self.slot_of(key));
        if let Some(cell) = slot.find(key).and_then(|place| slot.cells.get_mut(&place)) {
            cell.until = until;
        }
    }

    /// When the value of a key expires; `None` without a value, or when values of this table do not.
    pub(super) fn until_of(&self, key: &[u8]) -> Option<u64> {
        if self.expires == 0 {
            return None;
        }
        let slot = self.slot(self.slot_of(key));
        slot.find(key).and_then(|place| slot.cells.get(&place)).map(|cell| cell.until)
    }

    /// The first value behind a position, or the very first.
    pub(super) fn after(&self, position: Option<Position>) -> Option<Position> {
        let (first, place) = match position {
            Some((at, place)) => (at, Some(place)),
            None => (0, None),
        };
        (first..self.slots.len()).find_map(|at| {
            let slot = self.slot(at);
            let behind = match place.filter(|_| at == first) {
                Some((hash, number)) => slot.cells.range((hash, number.saturating_add(1))..).next(),
                None => slot.cells.iter().next(),
            };
            behind.map(|(place, _)| (at, *place))
        })
    }

    /// The value at a position.
    pub(super) fn at(&self, position: Position) -> Option<Cell> {
        self.slot(position.0).cells.get(&position.1).cloned()
    }

    /// How many values there are, expired ones among them.
    pub(super) fn len(&self) -> usize {
        (0..self.slots.len()).map(|at| self.slot(at).cells.len()).sum()
    }

    /// How many values fit.
    pub(super) fn count(&self, mut fits: impl FnMut(&Cell) -> bool) -> usize {
        (0..self.slots.len()).map(|at| self.slot(at).cells.values().filter(|cell| fits(cell)).count()).sum()
    }

    /// Whether a value has expired.
    pub(super) fn is_over(&self, cell: &Cell, now: u64) -> bool {
        self.expires > 0 && cell.until != 0 && cell.until < now
    }

    /// When what is written at `now` expires.
    pub(super) fn until(&self, now: u64) -> u64 {
        if self.expires == 0 { 0 } else { now.saturating_add(self.expires) }
    }

    /// The slot of a key.
    pub(super) fn slot_of(&self, key: &[u8]) -> usize {
        core_case_hash(&[key]) as usize & self.slots.len().saturating_sub(1)
    }

    fn slot(&self, at: usize) -> MutexGuard<'_, Slot> {
        // `spec::read` makes at least eight slots, and every place is taken modulo their number or from a walk over them.
        self.slots[at].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn insert(&self, slot: &mut Slot, cell: Cell) -> bool {
        let bytes = cell.bytes();
        if self.bytes.load(Ordering::Relaxed).saturating_add(bytes) > MOST_BYTES {
            return false;
        }
        self.account(0, bytes);
        slot.next = slot.next.wrapping_add(1);
        let place = (core_case_hash(&[&cell.key]), slot.next);
        slot.places.insert(cell.key.clone(), place);
        slot.cells.insert(place, cell);
        true
    }

    fn account(&self, before: usize, after: usize) {
        if after >= before {
            self.bytes.fetch_add(after - before, Ordering::Relaxed);
        } else {
            self.bytes.fetch_sub(before - after, Ordering::Relaxed);
        }
    }
}

impl Slot {
    fn find(&self, key: &[u8]) -> Option<Place> {
        self.places.get(key).copied()
    }

    fn remove(&mut self, place: Place) -> Option<Cell> {
        let cell = self.cells.remove(&place)?;
        self.places.remove(&cell.key);
        Some(cell)
    }
}

/// The value as it is kept: nothing of a message stays alive for it.
fn owned(value: Value) -> Value {
    match value {
        Value::Text(text) => Value::Text(Bytes::copy_from_slice(&text)),
        value => Value::Int(value.to_int()),
    }
}
