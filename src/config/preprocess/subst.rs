//! `#!subst` rules: a regular expression and what takes the place of what it finds.

use memchr::memmem::Finder;
use regex::bytes::{Regex, RegexBuilder};
use std::ops::Range;

/// A compiled rule.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    /// The regular expression as written, which `substdef` also defines as an id.
    pub(super) pattern: Vec<u8>,
    /// The replacement as written.
    pub(super) replacement: Vec<u8>,
    matcher: Matcher,
    parts: Vec<Part>,
    all: bool,
}

#[derive(Clone, Debug)]
enum Matcher {
    /// Most patterns are a plain word. Finding one takes time by the length of the text alone, however often it repeats itself.
    Word(Box<Finder<'static>>),
    /// An expression, and what searching a byte for it may cost, in units of [`Rule::cost`].
    Regex(Regex, usize),
}

#[derive(Clone, Debug)]
enum Part {
    Text(Vec<u8>),
    Group(usize),
}

/// What is wrong with a rule.
#[derive(Debug)]
pub(super) enum Fault {
    /// It is not three parts between separators.
    Shape,
    /// An unknown flag.
    Flag(char),
    /// A bad regular expression, with the reason.
    Regex(String),
}

/// Bytes of memory that a compiled expression may take. In the worst case a search visits all of it for each byte of the text.
const REGEX_SIZES: [usize; 4] = [1 << 12, 1 << 14, 1 << 16, 1 << 18];
/// What a byte costs with an expression of the first size. Ordinary ones are far below their worst case.
const REGEX_COST: usize = 1;
/// Bytes that are copied or searched for a word at the cost of one unit.
const BYTES_A_UNIT: usize = 16;

impl Rule {
    /// Reads `/regex/replacement/flags`; any first character but a backslash is the separator. `value` tells what a
    /// `$env(X)` or `$def(X)` in the replacement stands for.
    pub(super) fn read(text: &[u8], value: impl Fn(&[u8], &[u8]) -> Option<Vec<u8>>) -> Result<Rule, Fault> {
        let (&separator, rest) = text.split_first().filter(|(first, _)| **first != b'\\').ok_or(Fault::Shape)?;
        let (pattern, rest) = part(rest, separator).ok_or(Fault::Shape)?;
        let (replacement, flags) = part(rest, separator).ok_or(Fault::Shape)?;
        if pattern.is_empty() {
            return Err(Fault::Shape);
        }
        let replacement = variables(&replacement, value);
        let (mut all, mut ignore_case) = (false, false);
        for &flag in flags {
            match flag {
                b'g' => all = true,
                b'i' => ignore_case = true,
                _ => return Err(Fault::Flag(flag as char)),
            }
        }
        let matcher = Matcher::new(&pattern, ignore_case).map_err(Fault::Regex)?;
        Ok(Rule { parts: parts(&replacement), pattern, replacement, matcher, all })
    }

    /// `text` with the rule applied, when it matches, and how often it did; cut off once it is longer than `most`.
    pub(super) fn apply(&self, text: &[u8], most: usize) -> Option<(Vec<u8>, usize)> {
        let limit = if self.all { usize::MAX } else { 1 };
        let mut changed = Vec::new();
        let (mut at, mut matches) = (0, 0);
        let mut replace = |whole: Range<usize>, group: &dyn Fn(usize) -> Option<Range<usize>>| {
            changed.extend_from_slice(&text[at..whole.start]);
            for part in &self.parts {
                match part {
                    Part::Text(text) => changed.extend_from_slice(text),
                    Part::Group(index) => changed.extend_from_slice(group(*index).map_or(&[], |group| &text[group])),
                }
            }
            at = whole.end;
            matches += 1;
            changed.len() <= most
        };
        match &self.matcher {
            Matcher::Word(word) => {
                let length = word.needle().len();
                let mut found = word.find_iter(text).take(limit).map(|at| at..at + length);
                found.all(|whole| replace(whole.clone(), &|index| (index == 0).then(|| whole.clone())));
            }
            Matcher::Regex(regex, _) if regex.is_match(text) => {
                let mut found = regex.captures_iter(text).take(limit);
                found.all(|found| {
                    let group = |index| found.get(index).map(|group| group.range());
                    group(0).is_some_and(|whole| replace(whole, &group))
                });
            }
            Matcher::Regex(..) => {}
        }
        if matches == 0 {
            return None;
        }
        changed.extend_from_slice(&text[at..]);
        Some((changed, matches))
    }

    /// What applying the rule to a text of this length may cost beside its matches: a unit is about 10 ns.
    pub(super) fn cost(&self, length: usize) -> usize {
        match &self.matcher {
            Matcher::Word(_) => length / BYTES_A_UNIT,
            Matcher::Regex(_, weight) => length * weight,
        }
    }
}

impl Matcher {
    fn new(pattern: &[u8], ignore_case: bool) -> Result<Matcher, String> {
        let is_word = |byte: &u8| !b".[]()*+?{}^$|\\".contains(byte);
        if !ignore_case && pattern.iter().all(is_word) {
            return Ok(Matcher::Word(Box::new(Finder::new(pattern).into_owned())));
        }
        let (regex, size) = compile(pattern, ignore_case)?;
        Ok(Matcher::Regex(regex, REGEX_COST * size / REGEX_SIZES[0]))
    }
}

/// The text up to the separator, and what follows it. A separator behind a backslash is an ordinary character.
fn part(text: &[u8], separator: u8) -> Option<(Vec<u8>, &[u8])> {
    let mut value = Vec::new();
    let mut at = 0;
    loop {
        match *text.get(at)? {
            byte if byte == separator => return Some((value, &text[at + 1..])),
            b'\\' if text.get(at + 1) == Some(&separator) => {
                value.push(separator);
                at += 2;
            }
            b'\\' => {
                value.extend_from_slice(text.get(at..at + 2)?);
                at += 2;
            }
            byte => {
                value.push(byte);
                at += 1;
            }
        }
    }
}

/// Replaces `$class(name)` where `value` knows it.
fn variables(text: &[u8], value: impl Fn(&[u8], &[u8]) -> Option<Vec<u8>>) -> Vec<u8> {
    let mut result = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        if text[at] == b'$' {
            let class = super::lexer::word_end(text, at + 1);
            let close = memchr::memchr(b')', &text[class..]).map(|length| class + length);
            if let (Some(b'('), Some(close)) = (text.get(class), close)
                && let Some(value) = value(&text[at + 1..class], &text[class + 1..close])
            {
                result.extend_from_slice(&value);
                at = close + 1;
                continue;
            }
        }
        result.push(text[at]);
        at += 1;
    }
    result
}

/// Cuts a replacement at its `\1`.
fn parts(text: &[u8]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut literal = Vec::new();
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match (byte, bytes.peek().copied()) {
            (b'\\', Some(digit @ b'0'..=b'9')) => {
                bytes.next();
                parts.push(Part::Text(std::mem::take(&mut literal)));
                parts.push(Part::Group(usize::from(digit - b'0')));
            }
            (b'\\', Some(b'\\')) => {
                bytes.next();
                literal.push(b'\\');
            }
            _ => literal.push(byte),
        }
    }
    parts.push(Part::Text(literal));
    parts
}

/// No pattern is longer. Rules are applied to the strings of later rules, too, so that they may make each other grow.
const LONGEST_PATTERN: usize = 10_000;

/// Compiles a POSIX extended expression over bytes; gives the memory it takes, too. Braces that are no repetition are literal there.
fn compile(pattern: &[u8], ignore_case: bool) -> Result<(Regex, usize), String> {
    if pattern.len() > LONGEST_PATTERN {
        return Err(format!("it is longer than {LONGEST_PATTERN} bytes"));
    }
    let mut text = String::with_capacity(pattern.len());
    for &byte in pattern {
        if byte.is_ascii() {
            text.push(byte as char);
        } else {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    let build = |text: &str| {
        let mut builder = RegexBuilder::new(text);
        builder.unicode(false).dot_matches_new_line(true).case_insensitive(ignore_case);
        let mut last = Err(regex::Error::CompiledTooBig(0));
        for size in REGEX_SIZES {
            last = builder.size_limit(size).build().map(|regex| (regex, size));
            if !matches!(last, Err(regex::Error::CompiledTooBig(_))) {
                break;
            }
        }
        last
    };
    build(&text).map_err(|error| (matches!(error, regex::Error::CompiledTooBig(_)), error)).or_else(
        |(too_big, error)| {
            if too_big {
                return Err(error.to_string());
            }
            let literal = text.replace('{', "\\{").replace('}', "\\}");
            build(&literal).map_err(|_| error.to_string().lines().last().unwrap_or_default().to_string())
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(rule: &str, text: &str) -> String {
        let rule = Rule::read(rule.as_bytes(), |_, name| Some(name.to_ascii_lowercase())).unwrap();
        String::from_utf8(rule.apply(text.as_bytes(), 100).map_or_else(Vec::new, |(changed, _)| changed)).unwrap()
    }

    #[test]
    fn rules() {
        assert_eq!(apply("/A/b/", "AA"), "bA");
        assert_eq!(apply("/a/b/gi", "aA"), "bb");
        assert_eq!(apply("/([a-z]+)42/\\1-num/", "abc42"), "abc-num");
        assert_eq!(apply("!ADDR!sip:10.0.0.1/x!g", "ADDR ADDR"), "sip:10.0.0.1/x sip:10.0.0.1/x");
        assert_eq!(apply("/X/$env(HOST)/", "X"), "host");
        assert_eq!(apply("/{{ x }}/y/", "{{ x }}"), "y");
        assert!(matches!(Rule::read(b"/bad", |_, _| None), Err(Fault::Shape)));
        assert!(matches!(Rule::read(b"/a/b/x", |_, _| None), Err(Fault::Flag('x'))));
        assert!(matches!(Rule::read(b"/(a/b/", |_, _| None), Err(Fault::Regex(_))));
    }
}
