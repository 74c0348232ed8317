//! `#!subst` rules: a regular expression and what takes the place of what it finds.

use regex::bytes::{Regex, RegexBuilder};

/// A compiled rule.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    /// The regular expression as written, which `substdef` also defines as an id.
    pub(super) pattern: Vec<u8>,
    /// The replacement as written.
    pub(super) replacement: Vec<u8>,
    regex: Regex,
    parts: Vec<Part>,
    all: bool,
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

/// A compiled expression may take this much memory.
const REGEX_SIZE: usize = 1 << 20;

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
        let regex = compile(&pattern, ignore_case).map_err(Fault::Regex)?;
        Ok(Rule { parts: parts(&replacement), pattern, replacement, regex, all })
    }

    /// `text` with the rule applied, when it matches, and how often it did; cut off once it is longer than `most`.
    pub(super) fn apply(&self, text: &[u8], most: usize) -> Option<(Vec<u8>, usize)> {
        self.regex.find(text)?;
        let mut changed = Vec::with_capacity(text.len());
        let (mut at, mut matches) = (0, 0);
        for found in self.regex.captures_iter(text).take(if self.all { usize::MAX } else { 1 }) {
            let Some(whole) = found.get(0).filter(|_| changed.len() <= most) else { break };
            changed.extend_from_slice(&text[at..whole.start()]);
            for part in &self.parts {
                match part {
                    Part::Text(text) => changed.extend_from_slice(text),
                    Part::Group(index) => {
                        changed.extend_from_slice(found.get(*index).map_or(&[], |group| group.as_bytes()))
                    }
                }
            }
            at = whole.end();
            matches += 1;
        }
        changed.extend_from_slice(&text[at..]);
        Some((changed, matches))
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

/// Compiles a POSIX extended expression over bytes. Braces that are no repetition are literal there.
fn compile(pattern: &[u8], ignore_case: bool) -> Result<Regex, String> {
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
        builder.unicode(false).dot_matches_new_line(true).case_insensitive(ignore_case).size_limit(REGEX_SIZE).build()
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
