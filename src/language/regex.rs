//! Compiled patterns: POSIX extended regular expressions as Kamailio uses them (`posix`), searched for by the `regex` crate in linear time.
//!
//! Of the matches at a place the longest is taken, as POSIX has it; only a pattern in which that may be another one than the first in the order of
//! the pattern pays for it, and only when the extent of a match is asked for. Back references are left to `fancy-regex`, which goes back and
//! forth a bounded number of times.

use super::extension::Extensions;
use super::posix::{self, Mode};
use regex::bytes::{self, RegexBuilder};
use regex_automata::nfa::thompson::{self, pikevm::PikeVM};
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, MatchKind};
use smallvec::SmallVec;
use std::ops::Range;
use std::sync::OnceLock;

/// Bytes that a compiled pattern may take.
pub const LARGEST: usize = 4 << 20;

/// Steps back that a search with back references may take; beyond them there is no match. Some milliseconds.
const MOST_STEPS: usize = 200_000;

/// A compiled pattern.
#[derive(Debug)]
pub struct Regex {
    source: Box<str>,
    engine: Engine,
    groups: usize,
    perl: bool,
    ignores_case: bool,
}

#[derive(Debug)]
enum Engine {
    Linear {
        compiled: bytes::Regex,
        /// Finds the longest match at a place, where that may be another one than the first.
        longest: Option<OnceLock<Option<PikeVM>>>,
    },
    RefersBack(Box<fancy_regex::Regex>),
}

/// Where a match and its groups are; the first is the whole match.
pub type Groups = SmallVec<[Option<Range<usize>>; 4]>;

impl Regex {
    /// Compiles a pattern; `ignore_case` as `=~` does.
    ///
    /// # Errors
    /// The reason in words when the pattern is bad, or uses what POSIX lacks while extensions are off.
    pub fn new(pattern: &[u8], ignore_case: bool, extensions: Extensions) -> Result<Regex, String> {
        Regex::compile(pattern, Mode { ignore_case, by_line: false }, extensions)
    }

    /// Compiles a pattern to be searched for in this way.
    ///
    /// # Errors
    /// As [`Regex::new`].
    pub fn compile(pattern: &[u8], mode: Mode, extensions: Extensions) -> Result<Regex, String> {
        Regex::of_mode_within(pattern, mode, extensions, LARGEST).map_err(|(why, _)| why)
    }

    /// The same as [`Regex::new`] in so many bytes.
    ///
    /// # Errors
    /// The reason as for [`Regex::new`], and whether it is only that the bytes are too few.
    pub fn within(
        pattern: &[u8],
        ignore_case: bool,
        extensions: Extensions,
        bytes: usize,
    ) -> Result<Regex, (String, bool)> {
        Regex::of_mode_within(pattern, Mode { ignore_case, by_line: false }, extensions, bytes)
    }

    /// Compiles a pattern as functions of `textops` and `rr` take it: case is ignored, and it is searched for by line.
    ///
    /// # Errors
    /// As [`Regex::new`].
    pub fn by_line(pattern: &[u8], extensions: Extensions) -> Result<Regex, String> {
        Regex::by_line_within(pattern, extensions, LARGEST).map_err(|(why, _)| why)
    }

    /// The same in so many bytes, as [`Regex::within`].
    pub fn by_line_within(pattern: &[u8], extensions: Extensions, bytes: usize) -> Result<Regex, (String, bool)> {
        Regex::of_mode_within(pattern, Mode { ignore_case: true, by_line: true }, extensions, bytes)
    }

    fn of_mode_within(
        pattern: &[u8],
        mode: Mode,
        extensions: Extensions,
        bytes: usize,
    ) -> Result<Regex, (String, bool)> {
        let translated = posix::translate(pattern, mode, extensions.is_strict()).map_err(|why| (why, false))?;
        let (engine, groups) = if translated.refers_back {
            let compiled = fancy_regex::RegexBuilder::new(&translated.text)
                .bytes_mode(fancy_regex::BytesMode::Ascii)
                .case_insensitive(mode.ignore_case)
                .backtrack_limit(MOST_STEPS)
                .delegate_size_limit(bytes)
                .delegate_dfa_size_limit(search_bytes(bytes))
                .build()
                .map_err(|error| (error.to_string(), false))?;
            let groups = compiled.captures_len() - 1;
            (Engine::RefersBack(Box::new(compiled)), groups)
        } else {
            let compiled = RegexBuilder::new(&translated.text)
                .case_insensitive(mode.ignore_case)
                .unicode(false)
                .size_limit(bytes)
                .dfa_size_limit(search_bytes(bytes))
                .build()
                .map_err(|error| (reason(&error), matches!(error, regex::Error::CompiledTooBig(_))))?;
            let groups = compiled.captures_len() - 1;
            (Engine::Linear { compiled, longest: translated.longest_counts.then(OnceLock::new) }, groups)
        };
        let source = String::from_utf8_lossy(pattern).into();
        Ok(Regex { source, engine, groups, perl: translated.perl, ignores_case: mode.ignore_case })
    }

    /// Whether the text holds a match.
    pub fn is_match(&self, text: &[u8]) -> bool {
        match &self.engine {
            Engine::Linear { compiled, .. } => compiled.is_match(text),
            Engine::RefersBack(compiled) => compiled.is_match(text).unwrap_or(false),
        }
    }

    /// The range of the first group, or of the whole match when the pattern has no group.
    pub fn first_group(&self, text: &[u8]) -> Option<Range<usize>> {
        let found = self.groups_at(text, 0)?;
        found.get(1).cloned().flatten().or_else(|| found.first().cloned().flatten())
    }

    /// The first match at or behind `from`.
    pub fn find_at(&self, text: &[u8], from: usize) -> Option<Range<usize>> {
        match &self.engine {
            Engine::Linear { compiled, longest } => {
                let first = compiled.find_at(text, from)?;
                match self.longest(longest.as_ref()) {
                    Some(all) => longest_at(all, text, first.start(), 1)?.first().cloned().flatten(),
                    None => Some(first.range()),
                }
            }
            Engine::RefersBack(compiled) => {
                let found = compiled.find_from_pos(text, from).ok()??;
                Some(found.start()..found.end())
            }
        }
    }

    /// The first match at or behind `from`, with its groups.
    pub fn groups_at(&self, text: &[u8], from: usize) -> Option<Groups> {
        match &self.engine {
            Engine::Linear { compiled, longest } => match self.longest(longest.as_ref()) {
                Some(all) => longest_at(all, text, compiled.find_at(text, from)?.start(), self.groups + 1),
                None => {
                    let found = compiled.captures_at(text, from)?;
                    Some(found.iter().map(|group| group.map(|group| group.range())).collect())
                }
            },
            Engine::RefersBack(compiled) => {
                let found = compiled.captures_from_pos(text, from).ok()??;
                Some((0..=self.groups).map(|at| found.get(at).map(|group| group.start()..group.end())).collect())
            }
        }
    }

    /// All matches, none within another.
    pub fn find_all<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = Range<usize>> + 'a {
        let mut from = 0;
        std::iter::from_fn(move || {
            if from > text.len() {
                return None;
            }
            let found = self.find_at(text, from)?;
            from = found.end + usize::from(found.is_empty());
            Some(found)
        })
    }

    /// The pattern as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// How many groups the pattern has.
    pub fn groups(&self) -> usize {
        self.groups
    }

    /// Whether the pattern uses what POSIX lacks.
    pub fn is_perl(&self) -> bool {
        self.perl
    }

    /// Whether the pattern holds back references.
    pub fn refers_back(&self) -> bool {
        matches!(self.engine, Engine::RefersBack(_))
    }

    /// What finds the longest match, made when it is first wanted; `None` where the first one is the longest.
    fn longest<'a>(&self, cell: Option<&'a OnceLock<Option<PikeVM>>>) -> Option<&'a PikeVM> {
        let Engine::Linear { compiled, .. } = &self.engine else { return None };
        cell?
            .get_or_init(|| {
                PikeVM::builder()
                    .configure(PikeVM::config().match_kind(MatchKind::All))
                    .syntax(syntax::Config::new().unicode(false).utf8(false).case_insensitive(self.ignores_case))
                    .thompson(thompson::Config::new().utf8(false).nfa_size_limit(Some(LARGEST)))
                    .build(compiled.as_str())
                    .ok()
            })
            .as_ref()
    }
}

/// The longest match that begins at `start`.
fn longest_at(all: &PikeVM, text: &[u8], start: usize, groups: usize) -> Option<Groups> {
    let mut slots: SmallVec<[_; 8]> = smallvec::smallvec![None; groups * 2];
    let input = Input::new(text).range(start..).anchored(Anchored::Yes);
    all.search_slots(&mut all.create_cache(), &input, &mut slots)?;
    let range = |pair: &[Option<regex_automata::util::primitives::NonMaxUsize>]| match pair {
        [Some(start), Some(end)] => Some(start.get()..end.get()),
        _ => None,
    };
    Some(slots.chunks(2).map(range).collect())
}

/// Bytes that a pattern of so many keeps while it searches, forwards or backwards.
pub fn search_bytes(compiled: usize) -> usize {
    compiled.clamp(64 << 10, 2 << 20)
}

fn reason(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().rev().find_map(|line| line.strip_prefix("error: ")).unwrap_or(&text);
    last.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Regex::new(pattern.as_bytes(), true, Extensions::default()).unwrap().is_match(text.as_bytes())
    }

    #[test]
    fn posix_as_glibc_reads_it() {
        assert!(matches("sipvicious|friendly", "Friendly-Scanner"));
        assert!(matches("^sip:[0-9]{3,}@", "sip:1234@x"));
        assert!(matches("[\\.]x", "\\x"));
        assert!(matches("a{,2}b", "b"));
        assert!(matches("a)", "a)"));
        assert!(matches("a.b", "a\nb"));
        assert!(!matches("^b", "a\nb"));
        assert!(matches("[[:digit:]]{3}", "x123"));
        assert!(matches("[]x]", "]"));
    }

    #[test]
    fn perl_is_an_extension() {
        assert!(matches("(?i)sipvicious|nmap", "SIPVicious"));
        assert!(matches("\\d+", "5"));
        assert!(Regex::new(b"(?i)x", true, Extensions::default()).unwrap().is_perl());
        assert!(Regex::new(b"(?i)x", true, Extensions::STRICT).is_err());
        assert!(!Regex::new(b"\\d", true, Extensions::STRICT).unwrap().is_match(b"5"));
    }

    #[test]
    fn back_references_are_followed_and_bounded() {
        assert!(matches("^([0-9]{3})\\1$", "123123") && !matches("^([0-9]{3})\\1$", "1231"));
        assert!(matches("([a-z])\\1", "aA"));
        let endless = Regex::new(b"^(a*)*(a*)*\\1b$", false, Extensions::STRICT).unwrap();
        assert!(!endless.is_match(&[b'a'; 4000]));
        let doubled = Regex::new(b"([0-9])\\1", false, Extensions::STRICT).unwrap();
        assert_eq!(doubled.groups_at(b"1 22", 0).unwrap()[..], [Some(2..4), Some(2..3)]);
        assert_eq!(doubled.find_all(b"11 22 3").collect::<Vec<_>>(), [0..2, 3..5]);
    }

    #[test]
    fn the_longest_match_is_taken() {
        let found = |pattern: &str, text: &str| {
            Regex::new(pattern.as_bytes(), false, Extensions::STRICT)
                .unwrap()
                .groups_at(text.as_bytes(), 0)
                .unwrap()
                .to_vec()
        };
        assert_eq!(found("a|ab", "xab"), [Some(1..3)]);
        assert_eq!(found("x?(xy)?", "xy"), [Some(0..2), Some(0..2)]);
        assert_eq!(found("(a|ab)(c|bcd)", "abcd"), [Some(0..4), Some(0..1), Some(1..4)]);
        assert_eq!(found(".*?", "ab"), [Some(0..2)]);
    }

    #[test]
    fn bytes_that_are_no_text_are_bytes() {
        let pattern = Regex::new(b"^\xc3\xa4.[\xff]$", true, Extensions::STRICT).unwrap();
        assert!(pattern.is_match(b"\xc3\xa4x\xff") && !pattern.is_match(b"\xc3\x84x\xff"));
    }

    #[test]
    fn the_first_group_is_found() {
        let regex = Regex::new(b"@([0-9]{1,3}\\.[0-9]{1,3})", true, Extensions::default()).unwrap();
        assert_eq!(regex.first_group(b"<sip:a@10.2:5060>"), Some(7..11));
    }

    #[test]
    fn bad_patterns_say_why() {
        for pattern in
            ["(a", "[a", "a\\", "+a", "a{x", "{1}", "a{2,1}", "^*", "\\1(a)", "[b-a]", "[[:foo:]]", "(?=a)", "a{99999}"]
        {
            assert!(Regex::new(pattern.as_bytes(), true, Extensions::default()).is_err(), "{pattern}");
        }
    }
}
