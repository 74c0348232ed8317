//! Random patterns on random texts, beside what the C library says to them.

#![cfg(target_env = "gnu")]

use super::Mode;
use crate::language::{Extensions, Regex};
use std::ffi::CString;
use std::ops::Range;

const PATTERNS: usize = 6_000;
const TEXTS: usize = 12;

#[test]
fn patterns_mean_what_the_c_library_reads() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut compiled, mut found) = (0, 0);
    for _ in 0..PATTERNS {
        let pattern = random.pattern();
        let mode = Mode { ignore_case: random.below(2) == 0, by_line: random.below(2) == 0 };
        let theirs = CLibrary::new(&pattern, mode);
        let ours = Regex::compile(pattern.as_bytes(), mode, Extensions::STRICT);
        let (Some(theirs), Ok(ours)) = (&theirs, &ours) else {
            assert_eq!(theirs.is_some(), ours.is_ok(), "{pattern:?} {mode:?}: {ours:?}");
            continue;
        };
        compiled += 1;
        for _ in 0..TEXTS {
            let text = random.text();
            let wanted = theirs.find(&text);
            found += usize::from(wanted.is_some());
            assert_eq!(ours.is_match(text.as_bytes()), wanted.is_some(), "{pattern:?} on {text:?} {mode:?}");
            // Where a back reference decides how long a match is, the crate takes the first in the order of the pattern.
            if !ours.refers_back() {
                assert_eq!(ours.find_at(text.as_bytes(), 0), wanted, "{pattern:?} on {text:?} {mode:?}");
            }
        }
    }
    assert!(compiled > PATTERNS / 4 && found > PATTERNS / 2, "{compiled} patterns compiled, {found} matches");
}

/// Patterns and texts made of pieces that meet often.
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % most
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    fn pattern(&mut self) -> String {
        // Back references stand in patterns of a form of their own: with others the C library recurses until its stack ends.
        if self.below(10) == 0 {
            return self.doubled();
        }
        // Within a pattern the C library finds the ends where they are not.
        let (begin, end) = (self.one(&["", "", "", "^", "^*"]), self.one(&["", "", "", "$"]));
        let pieces: String = (0..1 + self.below(6)).map(|_| self.piece(0)).collect();
        format!("{begin}{pieces}{end}")
    }

    fn doubled(&mut self) -> String {
        const GROUPS: &[&str] = &["a", "ab", "[ab]", "a|b", "[^1]", "a+", "[[:alpha:]]{1,2}"];
        const OTHERS: &[&str] = &["", "", "a", "1", "x?", "^", "$", "[ab]"];
        let (before, group, between) = (self.one(OTHERS), self.one(GROUPS), self.one(OTHERS));
        let (number, after) = (self.one(&["1", "1", "1", "2"]), self.one(OTHERS));
        format!("{before}({group}){between}\\{number}{after}")
    }

    fn piece(&mut self, depth: usize) -> String {
        const PLAIN: &[&str] = &["a", "b", "A", "1", "_", "-", ".", "x", "\n", " ", "ab", "/", ",", "}"];
        const SPECIAL: &[&str] = &[
            "\\b", "\\B", "\\<", "\\>", "\\`", "\\'", "\\w", "\\W", "\\s", "\\S", "\\.", "\\d", "\\n", "\\{", "\\*",
            "\\-",
        ];
        // Behind these no repetition is made, for what stands before may be empty.
        const ALONE: &[&str] = &["|", ")", "(", "{", "[", "\\", "*"];
        const SETS: &[&str] = &[
            "[ab]",
            "[^a]",
            "[a-c]",
            "[A-B]",
            "[]a]",
            "[^]a]",
            "[a-]",
            "[-a]",
            "[a-c-e]",
            "[a-c-]",
            "[[:digit:]]",
            "[^[:alpha:]]",
            "[[:upper:]]",
            "[[:lower:]1]",
            "[[:foo:]]",
            "[[=a=]]",
            "[[.-.]-a]",
            "[[.ab.]]",
            "[\\n]",
            "[\\]",
            "[A-_]",
            "[Z-a]",
            "[b-a]",
            "[[:alpha:]-z]",
            "[a-[:alpha:]]",
            "[[:space:]]",
            "[[:punct:]]",
            "[+--]",
            "[[.a.]-b]",
            "[[=a=]-b]",
            "[.-0]",
            "[[]",
            "[[:]",
            "[a",
            "[[:alpha:",
            "[^-a]",
            "[--0]",
            "[[:xdigit:][:blank:]]",
        ];
        const REPEATS: &[&str] = &[
            "*", "+", "?", "{2}", "{1,2}", "{,2}", "{1,}", "{0}", "{,}", "{}", "{a}", "{2,1}", "{1", "*?", "+*", "??",
            "{2}{2}", "{1,a}", "{40000}", "*{2}", "{0,1}?",
        ];
        let atom = match self.below(12) {
            0..=4 => self.one(PLAIN).to_owned(),
            5..=7 => self.one(SETS).to_owned(),
            8 if self.below(4) == 0 => return self.one(ALONE).to_owned(),
            8 => self.one(SPECIAL).to_owned(),
            _ if depth > 2 => "a".to_owned(),
            _ => return self.group(depth),
        };
        match self.below(3) {
            0 => atom + self.one(REPEATS),
            _ => atom,
        }
    }

    /// A group. What is empty is not repeated, and no repetition is repeated: the C library loses matches of such.
    fn group(&mut self, depth: usize) -> String {
        const REPEATS: &[&str] = &["", "", "", "*", "+", "?", "{2}", "{1,2}"];
        const INNER: &[&str] = &["a", "b", "[ab]", "1", "ab", "A", "[^a]", "."];
        match self.below(3) {
            0 => {
                let inside: String = (0..self.below(3)).map(|_| self.piece(depth + 1)).collect();
                let other: String = (0..self.below(2)).map(|_| format!("|{}", self.piece(depth + 1))).collect();
                format!("({inside}{other})")
            }
            1 => format!("({}){}", self.one(INNER), self.one(REPEATS)),
            _ => format!("({}|{}){}", self.one(INNER), self.one(INNER), self.one(REPEATS)),
        }
    }

    fn text(&mut self) -> String {
        const PIECES: &[&str] =
            &["a", "b", "ab", "A", "B", "1", "_", "-", ".", "\n", " ", "x", "\\", "]", "aa", "n", "/", "}", "d"];
        (0..self.below(8)).map(|_| self.one(PIECES)).collect()
    }
}

/// A pattern compiled by the C library.
struct CLibrary(Box<libc::regex_t>);

impl CLibrary {
    fn new(pattern: &str, mode: Mode) -> Option<CLibrary> {
        let pattern = CString::new(pattern).unwrap();
        let mut flags = libc::REG_EXTENDED;
        flags |= if mode.ignore_case { libc::REG_ICASE } else { 0 };
        flags |= if mode.by_line { libc::REG_NEWLINE } else { 0 };
        // SAFETY: the pattern ends in a NUL, and the memory is one that regcomp may write, filled with what is a regex_t of nothing.
        unsafe {
            let mut compiled = Box::new(std::mem::zeroed::<libc::regex_t>());
            (libc::regcomp(&mut *compiled, pattern.as_ptr(), flags) == 0).then_some(CLibrary(compiled))
        }
    }

    fn find(&self, text: &str) -> Option<Range<usize>> {
        let text = CString::new(text).unwrap();
        // SAFETY: the pattern was compiled, the text ends in a NUL, and there is room for one match.
        unsafe {
            let mut found = std::mem::zeroed::<libc::regmatch_t>();
            (libc::regexec(&*self.0, text.as_ptr(), 1, &mut found, 0) == 0)
                .then_some(found.rm_so as usize..found.rm_eo as usize)
        }
    }
}

impl Drop for CLibrary {
    fn drop(&mut self) {
        // SAFETY: regcomp filled it, and nobody uses it any more.
        unsafe { libc::regfree(&mut *self.0) }
    }
}
