//! Constant regular expressions of a config: each is compiled once, and all of them together stay small.

use crate::builtin::{Extensions, LARGEST, Regex};
use bytes::Bytes;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// Bytes that all patterns of a config may take: some thousand usual ones.
const MOST: usize = 64 << 20;
/// What a pattern is taken to cost is the first of these that it fits into.
const SIZES: [usize; 3] = [16 << 10, 256 << 10, LARGEST];

/// The patterns that were compiled.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    known: FxHashMap<(Bytes, bool), Result<Arc<Regex>, String>>,
    spent: usize,
}

impl Patterns {
    /// The compiled pattern, shared by all places where it stands; the reason in words when it is bad.
    pub(super) fn compile(
        &mut self,
        pattern: &Bytes,
        ignore_case: bool,
        extensions: Extensions,
    ) -> Result<Arc<Regex>, String> {
        let key = (pattern.clone(), ignore_case);
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let compiled = self.fresh(pattern, ignore_case, extensions);
        self.known.insert(key, compiled.clone());
        compiled
    }

    fn fresh(&mut self, pattern: &[u8], ignore_case: bool, extensions: Extensions) -> Result<Arc<Regex>, String> {
        for size in SIZES {
            if self.spent + size > MOST {
                return Err("all patterns of this config together take too much memory".to_owned());
            }
            match Regex::within(pattern, ignore_case, extensions, size) {
                Ok(regex) => {
                    self.spent += size;
                    return Ok(Arc::new(regex));
                }
                Err((_, true)) if size < LARGEST => {}
                Err((why, _)) => return Err(why),
            }
        }
        Err("the pattern is too large".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_compiled_once_and_all_of_them_stay_small() {
        let mut patterns = Patterns::default();
        let mut compile = |text: String| patterns.compile(&Bytes::from(text), true, Extensions::STRICT);
        let first = compile("^a+$".to_owned()).unwrap();
        assert!(Arc::ptr_eq(&first, &compile("^a+$".to_owned()).unwrap()));
        assert!(compile("(".to_owned()).is_err());
        let taken = (0..200).filter(|at| compile(format!("({at}|(a{{1,50}}){{1,50}})")).is_ok()).count();
        assert!(0 < taken && taken < 200, "{taken}");
    }
}
