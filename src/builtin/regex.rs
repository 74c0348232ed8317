//! POSIX extended regular expressions, as Kamailio uses them, on top of the `regex` crate.
//!
//! The translation keeps what differs: in a bracket expression a backslash is a plain character, outside Perl's classes mean the bare letter, `.`
//! and negated sets match a newline, `^` and `$` only the ends, `a{,3}` counts from 0 and a lone `)` is a plain one. Searches that yield text (groups)
//! take the leftmost match in the crate's own order, which is POSIX's for the patterns that occur in configs.

use super::background::Held;
use super::extension::Extensions;
use regex::bytes::{self, RegexBuilder};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Bytes that a compiled pattern may take.
pub const LARGEST: usize = 4 << 20;

/// A compiled pattern.
#[derive(Debug)]
pub struct Regex {
    compiled: bytes::Regex,
    perl: bool,
}

impl Regex {
    /// Compiles a pattern; `ignore_case` as `=~` does.
    ///
    /// # Errors
    /// The reason in words when the pattern is bad, or uses what POSIX lacks while extensions are off.
    pub fn new(pattern: &[u8], ignore_case: bool, extensions: Extensions) -> Result<Regex, String> {
        Regex::within(pattern, ignore_case, extensions, LARGEST).map_err(|(why, _)| why)
    }

    /// The same in so many bytes.
    ///
    /// # Errors
    /// The reason as for [`Regex::new`], and whether it is only that the bytes are too few.
    pub fn within(
        pattern: &[u8],
        ignore_case: bool,
        extensions: Extensions,
        bytes: usize,
    ) -> Result<Regex, (String, bool)> {
        let text = std::str::from_utf8(pattern).map_err(|_| ("the pattern is not UTF-8".to_owned(), false))?;
        let translated = translate(text, extensions.is_strict()).map_err(|why| (why, false))?;
        let compiled = RegexBuilder::new(&translated.pattern)
            .case_insensitive(ignore_case)
            .dot_matches_new_line(true)
            .unicode(!text.is_ascii())
            .size_limit(bytes)
            .dfa_size_limit(search_bytes(bytes))
            .build()
            .or_else(|error| {
                if matches!(error, regex::Error::CompiledTooBig(_)) {
                    return Err(error);
                }
                let mut builder = RegexBuilder::new(&translated.pattern);
                builder
                    .case_insensitive(ignore_case)
                    .dot_matches_new_line(true)
                    .size_limit(bytes)
                    .dfa_size_limit(search_bytes(bytes))
                    .build()
            })
            .map_err(|error| (reason(&error), matches!(error, regex::Error::CompiledTooBig(_))))?;
        Ok(Regex { compiled, perl: translated.perl })
    }

    /// Compiles a pattern as functions of `textops` and `rr` take it: case is ignored, `^` and `$` are the ends of each line (a line ends in LF alone), and `.` stays within
    /// one.
    ///
    /// # Errors
    /// As [`Regex::new`].
    pub fn by_line(pattern: &[u8], extensions: Extensions) -> Result<Regex, String> {
        Regex::by_line_within(pattern, extensions, LARGEST).map_err(|(why, _)| why)
    }

    /// The same in so many bytes, as [`Regex::within`].
    fn by_line_within(pattern: &[u8], extensions: Extensions, bytes: usize) -> Result<Regex, (String, bool)> {
        let whole = Regex::within(pattern, true, extensions, bytes)?;
        let compiled = RegexBuilder::new(whole.compiled.as_str())
            .case_insensitive(true)
            .multi_line(true)
            .unicode(!pattern.is_ascii())
            .size_limit(bytes)
            .dfa_size_limit(search_bytes(bytes))
            .build()
            .map_err(|error| (reason(&error), matches!(error, regex::Error::CompiledTooBig(_))))?;
        Ok(Regex { compiled, ..whole })
    }

    /// Whether the text holds a match.
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.compiled.is_match(text)
    }

    /// The range of the first group, or of the whole match when the pattern has no group.
    pub fn first_group(&self, text: &[u8]) -> Option<std::ops::Range<usize>> {
        let found = self.compiled.captures(text)?;
        let group = found.get(1).or_else(|| found.get(0))?;
        Some(group.range())
    }

    /// The pattern as the `regex` crate has it, for substitutions.
    pub fn inner(&self) -> &bytes::Regex {
        &self.compiled
    }

    /// How many groups the pattern has.
    pub fn groups(&self) -> usize {
        self.compiled.captures_len() - 1
    }

    /// Whether the pattern uses what POSIX lacks.
    pub fn is_perl(&self) -> bool {
        self.perl
    }
}

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
    const SIZES: [usize; 3] = [8 << 10, 64 << 10, 512 << 10];
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

/// Bytes that a pattern of so many keeps while it searches, forwards or backwards.
fn search_bytes(compiled: usize) -> usize {
    compiled.clamp(64 << 10, 2 << 20)
}

/// How a pattern is compiled.
#[derive(Clone, Copy)]
enum Flavour {
    Exact,
    IgnoreCase,
    ByLine,
}

struct Translated {
    pattern: String,
    perl: bool,
}

fn translate(text: &str, strict: bool) -> Result<Translated, String> {
    let mut out = String::with_capacity(text.len() + 8);
    let mut perl = false;
    let mut depth = 0usize;
    let mut rest = text.chars().peekable();
    // Whether a repetition here would have something to repeat.
    let mut atom = false;
    while let Some(letter) = rest.next() {
        match letter {
            '\\' => {
                let Some(next) = rest.next() else { return Err("it ends in a backslash".to_owned()) };
                escape(next, strict, &mut perl, &mut out);
                atom = true;
            }
            '[' => {
                bracket(&mut rest, &mut out)?;
                atom = true;
            }
            '(' => {
                depth += 1;
                out.push('(');
                if rest.peek() == Some(&'?') {
                    perl = true;
                    let flags: String = rest.clone().take_while(|&flag| flag != ')').collect();
                    if flags.chars().skip(1).all(|flag| flag.is_ascii_alphabetic() || flag == '-') {
                        // Inline flags hold to the end of the group around them, and repeat nothing.
                        depth -= 1;
                        out.push_str(&flags);
                        out.push(')');
                        rest.nth(flags.chars().count());
                    } else {
                        out.push('?');
                        rest.next();
                        if rest.peek() == Some(&':') {
                            rest.next();
                            out.push(':');
                        }
                    }
                }
                atom = false;
            }
            ')' if depth == 0 => {
                out.push_str("\\)");
                atom = true;
            }
            ')' => {
                depth -= 1;
                out.push(')');
                atom = true;
            }
            '*' | '+' | '?' if !atom => {
                return Err(format!("nothing stands before the repetition {letter}"));
            }
            '*' | '+' | '?' => {
                out.push(letter);
                if matches!(rest.peek(), Some('?')) {
                    perl = true;
                }
            }
            '{' => {
                let count: String = rest.clone().take_while(|&digit| digit != '}').collect();
                let counted = !count.is_empty() && count.chars().all(|digit| digit.is_ascii_digit() || digit == ',');
                if atom && counted {
                    out.push('{');
                    if count.starts_with(',') {
                        out.push('0');
                    }
                } else {
                    out.push_str("\\{");
                    atom = true;
                }
            }
            '}' => out.push('}'),
            '|' => {
                out.push('|');
                atom = false;
            }
            '^' => {
                out.push('^');
                atom = false;
            }
            // In Rust's regexes this is an end of text in the same way.
            '$' => {
                out.push('$');
                atom = false;
            }
            _ => {
                out.push(letter);
                atom = true;
            }
        }
    }
    if depth > 0 {
        return Err("a parenthesis is not closed".to_owned());
    }
    if strict && perl {
        return Err("it uses Perl syntax, which POSIX regular expressions lack".to_owned());
    }
    Ok(Translated { pattern: out.replace("{}", "\\{\\}"), perl })
}

fn escape(letter: char, strict: bool, perl: &mut bool, out: &mut String) {
    match letter {
        'd' | 'D' if !strict => {
            *perl = true;
            out.push('\\');
            out.push(letter);
        }
        // glibc has these beside POSIX.
        'w' | 'W' | 's' | 'S' | 'b' | 'B' => {
            out.push('\\');
            out.push(letter);
        }
        _ if letter.is_ascii_alphanumeric() => out.push(letter),
        _ => {
            if letter.is_ascii() {
                out.push('\\');
            }
            out.push(letter);
        }
    }
}

/// A bracket expression: a backslash in it is a plain character, `]` is plain as the first.
fn bracket(rest: &mut std::iter::Peekable<std::str::Chars>, out: &mut String) -> Result<(), String> {
    out.push('[');
    if rest.peek() == Some(&'^') {
        rest.next();
        out.push('^');
    }
    let mut first = true;
    loop {
        let Some(letter) = rest.next() else { return Err("a bracket is not closed".to_owned()) };
        match letter {
            ']' if !first => break,
            '[' if rest.peek() == Some(&':') => {
                out.push('[');
                for inner in rest.by_ref() {
                    out.push(inner);
                    if inner == ']' {
                        break;
                    }
                }
            }
            '[' | ']' | '\\' | '&' | '~' => {
                out.push('\\');
                out.push(letter);
            }
            _ => out.push(letter),
        }
        first = false;
    }
    out.push(']');
    Ok(())
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
    fn the_first_group_is_found() {
        let regex = Regex::new(b"@([0-9]{1,3}\\.[0-9]{1,3})", true, Extensions::default()).unwrap();
        assert_eq!(regex.first_group(b"<sip:a@10.2:5060>"), Some(7..11));
    }

    #[test]
    fn bad_patterns_say_why() {
        for pattern in ["(a", "[a", "a\\", "+a"] {
            assert!(Regex::new(pattern.as_bytes(), true, Extensions::default()).is_err(), "{pattern}");
        }
    }
}
