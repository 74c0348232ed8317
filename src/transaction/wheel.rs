//! The timers of a worker: a hierarchical timer wheel over a slab.
//!
//! Inserting and cancelling take constant time; memory is one slab entry per timer alive at once. Nine levels of 64 slots
//! span every [`Tick`]: a slot of the first level is 1024 µs wide, a slot of the next as wide as the whole level before.
//! A timer lies on the level of the highest digit in which its time differs from the wheel's own, so the first slot in
//! use of the lowest level in use holds the earliest timers. One bit per slot finds it, however far the clock jumps.

use crate::time::Tick;

const DIGIT: u32 = 6;
const SLOTS: usize = 1 << DIGIT;
const LEVELS: usize = 9;
/// A unit of the first level is 2^10 µs; 54 bits remain, nine digits of six.
const UNIT: u32 = 10;
const NIL: u32 = u32::MAX;

/// Names a timer of a [`Wheel`]. It never names another one, also after its own has fired or was cancelled.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TimerId {
    index: u32,
    generation: u32,
}

/// Timers with a payload each, given back in the order of their times.
pub struct Wheel<T> {
    entries: Vec<Entry<T>>,
    /// The first of the free entries, linked by `next`.
    free: u32,
    live: usize,
    /// The unit up to which everything was given back.
    unit: u64,
    slots: Box<[Slot]>,
    /// One bit per slot in use.
    used: [u64; LEVELS],
}

struct Entry<T> {
    at: Tick,
    generation: u32,
    /// Which of `slots` it is linked into.
    slot: u32,
    previous: u32,
    next: u32,
    payload: T,
}

/// A list of entries, in the order they were inserted.
#[derive(Clone, Copy)]
struct Slot {
    first: u32,
    last: u32,
}

impl<T: Copy> Wheel<T> {
    /// A wheel without timers.
    pub fn new() -> Wheel<T> {
        Wheel {
            entries: Vec::new(),
            free: NIL,
            live: 0,
            unit: 0,
            slots: vec![Slot { first: NIL, last: NIL }; LEVELS * SLOTS].into_boxed_slice(),
            used: [0; LEVELS],
        }
    }

    /// How many timers are waiting.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.live
    }

    /// Whether no timer is waiting.
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// Starts a timer. A time in the past is given back by the next [`Wheel::expire`].
    pub fn insert(&mut self, at: Tick, payload: T) -> TimerId {
        let index = self.free;
        let index = if index == NIL {
            // Four thousand million timers at once do not fit into memory.
            let index = self.entries.len() as u32;
            self.entries.push(Entry { at, generation: 0, slot: 0, previous: NIL, next: NIL, payload });
            index
        } else {
            let entry = &mut self.entries[index as usize];
            self.free = entry.next;
            entry.at = at;
            entry.payload = payload;
            index
        };
        self.live += 1;
        self.link(index);
        TimerId { index, generation: self.entries[index as usize].generation }
    }

    /// Stops a timer; false when it has fired or was stopped before.
    pub fn cancel(&mut self, id: TimerId) -> bool {
        match self.entries.get(id.index as usize) {
            Some(entry) if entry.generation == id.generation => {
                self.unlink(id.index);
                self.release(id.index);
                true
            }
            Some(_) | None => false,
        }
    }

    /// When to call [`Wheel::expire`] next: no timer is due before. It is the exact time of the earliest timer once that
    /// is near; before, it is up to a level's slot early, and the call gives nothing back but a later time here.
    pub fn next(&self) -> Option<Tick> {
        let (level, digit) = self.earliest()?;
        if level > 0 {
            return Some(Tick::from_micros(self.start(level, digit) << UNIT));
        }
        let mut index = self.slots[digit].first;
        let mut least = None;
        while let Some(entry) = self.entries.get(index as usize) {
            least = Some(least.map_or(entry.at, |least: Tick| least.min(entry.at)));
            index = entry.next;
        }
        least
    }

    /// Appends every timer due at `now`, in the order of their times; those of equal time in the order of insertion.
    pub fn expire(&mut self, now: Tick, out: &mut Vec<(Tick, T)>) {
        let unit = now.as_micros() >> UNIT;
        while let Some((level, digit)) = self.earliest() {
            let start = self.start(level, digit);
            if start > unit {
                break;
            }
            self.unit = start;
            if level == 0 {
                self.take_due(digit, now, out);
                if start == unit {
                    break;
                }
            } else {
                self.spread(level, digit);
            }
        }
        self.unit = self.unit.max(unit);
    }

    /// The lowest level in use and its first slot in use.
    fn earliest(&self) -> Option<(usize, usize)> {
        let level = self.used.iter().position(|used| *used != 0)?;
        Some((level, self.used[level].trailing_zeros() as usize))
    }

    /// The unit at which a slot begins.
    fn start(&self, level: usize, digit: usize) -> u64 {
        let shift = level as u32 * DIGIT;
        let above = shift + DIGIT;
        self.unit >> above << above | (digit as u64) << shift
    }

    /// Gives back what is due in a slot of the first level.
    fn take_due(&mut self, digit: usize, now: Tick, out: &mut Vec<(Tick, T)>) {
        let from = out.len();
        let mut index = self.slots[digit].first;
        while index != NIL {
            let Entry { at, next, payload, .. } = self.entries[index as usize];
            if at <= now {
                out.push((at, payload));
                self.unlink(index);
                self.release(index);
            }
            index = next;
        }
        out[from..].sort_by_key(|(at, _)| *at);
    }

    /// Moves the timers of a slot to the levels below it; the wheel stands at the beginning of that slot.
    fn spread(&mut self, level: usize, digit: usize) {
        let slot = &mut self.slots[level * SLOTS + digit];
        let mut index = slot.first;
        *slot = Slot { first: NIL, last: NIL };
        self.used[level] &= !(1 << digit);
        while index != NIL {
            let next = self.entries[index as usize].next;
            self.link(index);
            index = next;
        }
    }

    /// Appends an entry to the slot its time belongs to.
    fn link(&mut self, index: u32) {
        let unit = (self.entries[index as usize].at.as_micros() >> UNIT).max(self.unit);
        // With the lowest digit set, the first level has all that differs in no higher digit.
        let level = ((unit ^ self.unit) | (SLOTS as u64 - 1)).ilog2() / DIGIT;
        let digit = (unit >> (level * DIGIT)) as usize & (SLOTS - 1);
        let level = level as usize;
        let place = level * SLOTS + digit;
        let slot = &mut self.slots[place];
        let previous = slot.last;
        slot.last = index;
        if previous == NIL {
            slot.first = index;
            self.used[level] |= 1 << digit;
        } else {
            self.entries[previous as usize].next = index;
        }
        let entry = &mut self.entries[index as usize];
        entry.slot = place as u32;
        entry.previous = previous;
        entry.next = NIL;
    }

    fn unlink(&mut self, index: u32) {
        let Entry { slot: place, previous, next, .. } = self.entries[index as usize];
        let place = place as usize;
        let slot = &mut self.slots[place];
        if previous == NIL {
            slot.first = next;
        }
        if next == NIL {
            slot.last = previous;
        }
        if slot.first == NIL {
            self.used[place / SLOTS] &= !(1 << (place % SLOTS));
        }
        if let Some(entry) = self.entries.get_mut(previous as usize) {
            entry.next = next;
        }
        if let Some(entry) = self.entries.get_mut(next as usize) {
            entry.previous = previous;
        }
    }

    fn release(&mut self, index: u32) {
        let entry = &mut self.entries[index as usize];
        entry.generation = entry.generation.wrapping_add(1);
        entry.next = self.free;
        self.free = index;
        self.live -= 1;
    }
}

impl<T: Copy> Default for Wheel<T> {
    fn default() -> Wheel<T> {
        Wheel::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn tick(micros: u64) -> Tick {
        Tick::from_micros(micros)
    }

    fn expire(wheel: &mut Wheel<u32>, now: u64) -> Vec<(Tick, u32)> {
        let mut out = Vec::new();
        wheel.expire(tick(now), &mut out);
        out
    }

    #[test]
    fn timers_come_in_the_order_of_their_times() {
        let mut wheel = Wheel::new();
        for (at, payload) in [(900, 1), (300, 2), (5_000_000, 3), (300, 4), (70_000, 5), (7_200_000_000, 6)] {
            wheel.insert(tick(at), payload);
        }
        assert_eq!(wheel.next(), Some(tick(300)));
        assert_eq!(expire(&mut wheel, 299), []);
        assert_eq!(expire(&mut wheel, 300), [(tick(300), 2), (tick(300), 4)]);
        assert_eq!(wheel.next(), Some(tick(900)));
        let rest = expire(&mut wheel, 10_000_000_000);
        assert_eq!(rest.iter().map(|(_, payload)| *payload).collect::<Vec<_>>(), [1, 5, 3, 6]);
        assert!(wheel.is_empty());
        assert_eq!(wheel.next(), None);
    }

    #[test]
    fn the_past_is_due_at_once_and_the_end_of_time_at_the_end() {
        let mut wheel = Wheel::new();
        assert_eq!(expire(&mut wheel, 1_000_000_000), []);
        wheel.insert(tick(5), 1);
        wheel.insert(tick(u64::MAX), 2);
        assert_eq!(wheel.next(), Some(tick(5)));
        assert_eq!(expire(&mut wheel, 1_000_000_000), [(tick(5), 1)]);
        assert_eq!(expire(&mut wheel, u64::MAX - 1), []);
        assert_eq!(expire(&mut wheel, u64::MAX), [(tick(u64::MAX), 2)]);
    }

    #[test]
    fn a_stale_id_stops_nothing() {
        let mut wheel = Wheel::new();
        let first = wheel.insert(tick(10), 1);
        assert!(wheel.cancel(first));
        assert!(!wheel.cancel(first));
        let second = wheel.insert(tick(20), 2);
        assert_eq!(second.index, first.index);
        assert!(!wheel.cancel(first));
        assert_eq!(expire(&mut wheel, 20), [(tick(20), 2)]);
        assert!(!wheel.cancel(second));
    }

    #[test]
    fn memory_is_that_of_the_timers_alive_at_once() {
        let mut wheel = Wheel::new();
        for at in 0..10_000 {
            let id = wheel.insert(tick(at * 1000), 0);
            if at % 2 == 0 {
                wheel.cancel(id);
            } else {
                expire(&mut wheel, at * 1000);
            }
        }
        assert_eq!((wheel.len(), wheel.entries.len()), (0, 1));
    }

    /// What a test does to a wheel and to its model.
    #[derive(Clone, Debug)]
    enum Step {
        Insert(u64),
        Cancel(usize),
        Advance(u64),
        ToNext,
    }

    fn span() -> impl Strategy<Value = u64> {
        prop_oneof![0..3_000u64, 0..200_000u64, 0..40_000_000u64, 0..100_000_000_000u64]
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            5 => span().prop_map(Step::Insert),
            2 => any::<usize>().prop_map(Step::Cancel),
            2 => span().prop_map(Step::Advance),
            2 => Just(Step::ToNext),
        ]
    }

    proptest! {
        #[test]
        fn a_wheel_is_an_ordered_map(steps in prop::collection::vec(step(), 0..200)) {
            let mut wheel = Wheel::new();
            let mut model = BTreeMap::new();
            let mut ids = Vec::new();
            let mut now = 0;
            for (number, step) in (0..).zip(steps) {
                match step {
                    Step::Insert(after) => {
                        let at = tick(now + after);
                        ids.push((wheel.insert(at, number), at, number));
                        model.insert((at, number), ());
                    }
                    Step::Cancel(which) if !ids.is_empty() => {
                        let (id, at, number) = ids[which % ids.len()];
                        prop_assert_eq!(wheel.cancel(id), model.remove(&(at, number)).is_some());
                    }
                    Step::Cancel(_) => {}
                    Step::Advance(by) => now += by,
                    Step::ToNext => now = wheel.next().map_or(now, |at| at.as_micros().max(now)),
                }
                let later = model.split_off(&(tick(now + 1), 0));
                let due: Vec<_> = model.into_keys().collect();
                model = later;
                prop_assert_eq!(expire(&mut wheel, now), due);
                prop_assert_eq!(wheel.len(), model.len());
                let earliest = model.keys().next().map(|(at, _)| *at);
                prop_assert_eq!(wheel.next().is_some(), earliest.is_some());
                prop_assert!(wheel.next() <= earliest);
                prop_assert!(wheel.next().is_none_or(|at| at > tick(now)));
            }
            // Going from one `next` to the other reaches every timer in a few steps each.
            let mut hops = 0;
            while let Some(at) = wheel.next() {
                expire(&mut wheel, at.as_micros());
                hops += 1;
            }
            prop_assert!(hops <= model.len() * LEVELS);
        }
    }
}
