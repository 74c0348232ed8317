//! What patterns that scripts put together while they run may take, and how they are kept.

use super::background::Held;
use crate::language::{Extensions, Regex, search_bytes};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Patterns that are only known while a script runs. Their bytes are bounded, and those of each: peers may choose them.
#[derive(Debug, Default)]
pub struct RegexCache {
    known: BTreeMap<Vec<u8>, (Option<Arc<Regex>>, usize)>,
    bytes: usize,
}

impl RegexCache {
    /// Bytes that all of them may take.
    const MOST: usize = 32 << 20;
    /// Bytes that one may take once compiled, tried in turn: the crate does not tell how many it took.
    const SIZES: [usize; 4] = [8 << 10, 32 << 10, 128 << 10, 512 << 10];
    /// How many times those bytes a pattern takes: it is kept forwards and backwards, in more forms than one.
    const TIMES: usize = 4;

    /// The compiled pattern (case matters), from the cache when it was seen before; `None` when it is bad.
    pub fn compile(&mut self, pattern: &[u8], extensions: Extensions) -> Option<Arc<Regex>> {
        self.lookup(pattern, Flavour::Exact, extensions)
    }

    /// The same, ignoring case as `=~` does.
    pub fn compile_ignoring_case(&mut self, pattern: &[u8], extensions: Extensions) -> Option<Arc<Regex>> {
        self.lookup(pattern, Flavour::IgnoreCase, extensions)
    }

    /// The same, as [`Regex::by_line`] takes it.
    pub fn compile_by_line(&mut self, pattern: &[u8], extensions: Extensions) -> Option<Arc<Regex>> {
        self.lookup(pattern, Flavour::ByLine, extensions)
    }

    /// How much is kept.
    pub fn held(&self) -> Held {
        Held { count: self.known.len(), bytes: self.bytes, most: Self::MOST }
    }

    fn lookup(&mut self, pattern: &[u8], flavour: Flavour, extensions: Extensions) -> Option<Arc<Regex>> {
        let mut key = Vec::with_capacity(pattern.len() + 1);
        key.push(flavour as u8);
        key.extend_from_slice(pattern);
        if let Some((known, _)) = self.known.get(&key) {
            return known.clone();
        }
        let (compiled, size) = Self::build(pattern, flavour, extensions);
        let bytes = size * Self::TIMES + 2 * search_bytes(size) + key.len() + 256;
        if self.bytes + bytes > Self::MOST {
            self.known.clear();
            self.bytes = 0;
        }
        self.bytes += bytes;
        let compiled = compiled.map(Arc::new);
        self.known.insert(key, (compiled.clone(), bytes));
        compiled
    }

    /// The pattern, and the bytes it took at most.
    fn build(pattern: &[u8], flavour: Flavour, extensions: Extensions) -> (Option<Regex>, usize) {
        for size in Self::SIZES {
            let compiled = match flavour {
                Flavour::Exact => Regex::within(pattern, false, extensions, size),
                Flavour::IgnoreCase => Regex::within(pattern, true, extensions, size),
                Flavour::ByLine => Regex::by_line_within(pattern, extensions, size),
            };
            match compiled {
                Ok(compiled) => return (Some(compiled), size),
                Err((_, true)) => {}
                Err((_, false)) => return (None, 0),
            }
        }
        (None, 0)
    }
}

/// How a pattern is compiled.
#[derive(Clone, Copy)]
enum Flavour {
    Exact,
    IgnoreCase,
    ByLine,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_a_peers_choice_take_no_more_than_they_may() {
        let mut cache = RegexCache::default();
        let mut seen = 0;
        for at in 0..400 {
            let pattern = format!("{at}(abc|[0-9]{{200}}){{5}}");
            assert!(cache.compile(pattern.as_bytes(), Extensions::default()).is_some(), "{pattern}");
            let held = cache.held();
            assert!(held.bytes <= held.most, "{held}");
            seen = seen.max(held.count);
        }
        assert!((8..400).contains(&seen), "{seen} at once");
        assert!(cache.compile(b"(a{900}){900}", Extensions::default()).is_none(), "one that is too large is bad");
    }
}
