//! What is known of named things: which variables were set on a way, which results are open.
//!
//! A route is walked once for all its callers, so what happens to a name is kept as a change that can be put behind that of a caller.

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

/// A mark on a name: one bit of the walk.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Mark<'a> {
    /// `$var(name)` was set for this message.
    Set(&'a str),
    /// The number of rows of this result was looked at.
    RowsSeen(&'a str),
    /// This result holds no rows that wait to be freed.
    Free(&'a str),
    /// A header of this name was added, and the message not rebuilt since.
    Added(String),
    /// This part of From, To or Contact was set.
    Rewritten(&'static str),
}

/// Gives each mark its bit.
#[derive(Debug, Default)]
pub(super) struct Marks<'a> {
    bits: FxHashMap<Mark<'a>, u32>,
    all: Vec<Mark<'a>>,
}

impl<'a> Marks<'a> {
    pub(super) fn bit(&mut self, mark: Mark<'a>) -> u32 {
        if let Some(bit) = self.bits.get(&mark) {
            return *bit;
        }
        let bit = self.all.len() as u32;
        self.all.push(mark.clone());
        self.bits.insert(mark, bit);
        bit
    }

    pub(super) fn mark(&self, bit: u32) -> Option<&Mark<'a>> {
        self.all.get(bit as usize)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (u32, &Mark<'a>)> {
        self.all.iter().enumerate().map(|(at, mark)| (at as u32, mark))
    }
}

/// A set of bits.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Bits(SmallVec<[u64; 4]>);

impl Bits {
    fn has(&self, bit: u32) -> bool {
        self.0.get(bit as usize / 64).is_some_and(|word| word >> (bit % 64) & 1 == 1)
    }

    fn set(&mut self, bit: u32, on: bool) {
        let at = bit as usize / 64;
        if at >= self.0.len() {
            if !on {
                return;
            }
            self.0.resize(at + 1, 0);
        }
        let mask = 1 << (bit % 64);
        if on {
            self.0[at] |= mask;
        } else {
            self.0[at] &= !mask;
        }
    }

    fn word(&self, at: usize) -> u64 {
        self.0.get(at).copied().unwrap_or(0)
    }

    fn combine(&self, other: &Bits, with: impl Fn(u64, u64) -> u64) -> Bits {
        let words = (0..self.0.len().max(other.0.len())).map(|at| with(self.word(at), other.word(at)));
        let mut bits = Bits(words.collect());
        while bits.0.last() == Some(&0) {
            bits.0.pop();
        }
        bits
    }
}

/// A change of marks: those that are on at its end whatever they were before, and those that may have gone off.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Change {
    on: Bits,
    off: Bits,
}

impl Change {
    pub(super) fn set(&mut self, bit: u32, on: bool) {
        self.on.set(bit, on);
        if !on {
            self.off.set(bit, true);
        }
    }

    /// On for certain, off for certain or perhaps, or as it was before.
    pub(super) fn of(&self, bit: u32) -> Option<bool> {
        if self.on.has(bit) {
            Some(true)
        } else if self.off.has(bit) {
            Some(false)
        } else {
            None
        }
    }

    /// This, and then the other.
    pub(super) fn then(&self, next: &Change) -> Change {
        let kept = self.on.combine(&next.off, |on, off| on & !off);
        Change { on: kept.combine(&next.on, |a, b| a | b), off: self.off.combine(&next.off, |a, b| a | b) }
    }

    /// Either: only what both turn on is on.
    pub(super) fn or(&self, other: &Change) -> Change {
        Change { on: self.on.combine(&other.on, |a, b| a & b), off: self.off.combine(&other.off, |a, b| a | b) }
    }

    /// Either, where it is not known which belongs to what: what one turns on counts as on.
    pub(super) fn or_blurred(&self, other: &Change) -> Change {
        Change { on: self.on.combine(&other.on, |a, b| a | b), off: self.off.combine(&other.off, |a, b| a & b) }
    }
}
