//! `/pattern/replacement/flags`, as `subst` and its kin take it.

use crate::builtin::{Context, Extensions, Mode, Part, Regex, Template};
use std::ops::Range;

/// What to put in place of which bytes, in order.
pub(super) type Changes = Vec<(Range<usize>, Vec<u8>)>;

/// A substitution, ready to be made.
///
/// The replacement may hold `\0` (the match), `\1` to `\9` (its groups) and variables. Flags: `i` ignores case, `g` replaces every match, `s` searches the
/// whole text as one instead of line by line.
#[derive(Debug)]
pub(super) struct Substitution {
    pattern: Regex,
    replacement: Vec<Piece>,
    /// Holds the variables of the replacement.
    template: Template,
    all: bool,
}

/// A piece of a replacement.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Text(Vec<u8>),
    Group(usize),
    /// A variable, by its place among the template's parts.
    Variable(usize),
}

/// One byte of the text, or a variable in it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Byte(u8),
    Variable(usize),
}

/// Why a substitution cannot be made.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SubstitutionFault {
    /// It lacks one of its three delimiters.
    Form,
    /// A variable in the pattern.
    VariableInPattern,
    /// A flag that is none.
    Flag(u8),
    /// The replacement names a group that the pattern lacks.
    Group(usize),
    /// The pattern is bad, and why.
    Pattern(String),
}

impl std::fmt::Display for SubstitutionFault {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            SubstitutionFault::Form => f.write_str("it is not of the form /pattern/replacement/flags"),
            SubstitutionFault::VariableInPattern => f.write_str("its pattern holds a variable"),
            SubstitutionFault::Flag(flag) => write!(f, "{} is no flag", char::from(*flag)),
            SubstitutionFault::Group(group) => write!(f, "its pattern has no group {group}"),
            SubstitutionFault::Pattern(why) => write!(f, "its pattern is bad: {why}"),
        }
    }
}

/// A match was empty: the pattern is taken for a mistake.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct EmptyMatch;

impl Substitution {
    /// Reads a substitution. Its first byte is the delimiter; a backslash before another makes it plain.
    pub(super) fn parse(template: &Template, extensions: Extensions) -> Result<Substitution, SubstitutionFault> {
        let tokens: Vec<Token> = tokens(template).collect();
        let Some((Token::Byte(delimiter), rest)) = tokens.split_first().map(|(first, rest)| (*first, rest)) else {
            return Err(SubstitutionFault::Form);
        };
        let (pattern, rest) = until(rest, delimiter).ok_or(SubstitutionFault::Form)?;
        let (replacement, flags) = until(rest, delimiter).ok_or(SubstitutionFault::Form)?;
        let pattern = bytes(pattern).ok_or(SubstitutionFault::VariableInPattern)?;
        let (mut ignore_case, mut all, mut whole) = (false, false, false);
        for flag in flags {
            match flag {
                Token::Byte(b'i') => ignore_case = true,
                Token::Byte(b'g') => all = true,
                Token::Byte(b's') => whole = true,
                Token::Byte(b' ' | b'\t' | b'\r' | b'\n') => {}
                Token::Byte(other) => return Err(SubstitutionFault::Flag(*other)),
                Token::Variable(_) => return Err(SubstitutionFault::Flag(b'$')),
            }
        }
        let mode = Mode { ignore_case, by_line: !whole };
        let pattern = Regex::compile(&pattern, mode, extensions).map_err(SubstitutionFault::Pattern)?;
        let replacement = pieces(replacement, delimiter);
        let groups = pattern.groups() + 1;
        if let Some(Piece::Group(group)) =
            replacement.iter().find(|piece| matches!(piece, Piece::Group(group) if *group >= groups))
        {
            return Err(SubstitutionFault::Group(*group));
        }
        Ok(Substitution { pattern, replacement, template: template.clone(), all })
    }

    /// Whether its pattern uses what POSIX lacks.
    pub(super) fn is_perl(&self) -> bool {
        self.pattern.is_perl()
    }

    /// What to put where in a text; nothing without a match. In the head of a message a variable begins no line of its own.
    pub(super) fn changes(&self, cx: &mut Context, text: &[u8], in_head: bool) -> Result<Changes, EmptyMatch> {
        let mut changes = Vec::new();
        let mut from = 0;
        while let Some(found) = self.pattern.groups_at(text, from) {
            // A short text in place of many long ones: the run is about to be ended.
            if cx.core.meter.is_spent() {
                break;
            }
            let group = |at: usize| found.get(at).cloned().flatten();
            let Some(whole) = group(0).filter(|whole| !whole.is_empty()) else { return Err(EmptyMatch) };
            from = whole.end;
            let mut out = Vec::new();
            for piece in &self.replacement {
                match piece {
                    Piece::Text(text) => out.extend_from_slice(text),
                    Piece::Group(at) => {
                        out.extend_from_slice(group(*at).and_then(|range| text.get(range)).unwrap_or_default());
                    }
                    Piece::Variable(place) => {
                        if let Some(Part::Variable(reference)) = self.template.parts().get(*place) {
                            let value = reference.value(cx).to_text();
                            out.extend_from_slice(&if in_head { cx.on_one_line(value) } else { value });
                        }
                    }
                }
            }
            cx.core.meter.make(out.len());
            changes.push((whole, out));
            if !self.all {
                break;
            }
        }
        Ok(changes)
    }

    /// The text with the substitution made; `None` without a match.
    pub(super) fn apply(&self, cx: &mut Context, text: &[u8]) -> Result<Option<Vec<u8>>, EmptyMatch> {
        let changes = self.changes(cx, text, false)?;
        if changes.is_empty() {
            return Ok(None);
        }
        let mut out = Vec::with_capacity(text.len() + 32);
        let mut written = 0;
        for (range, replacement) in changes {
            out.extend_from_slice(text.get(written..range.start).unwrap_or_default());
            out.extend_from_slice(&replacement);
            written = range.end;
        }
        out.extend_from_slice(text.get(written..).unwrap_or_default());
        Ok(Some(out))
    }
}

fn tokens(template: &Template) -> impl Iterator<Item = Token> {
    template.parts().iter().enumerate().flat_map(|(place, part)| {
        let (text, variable) = match part {
            Part::Text(text) => (&text[..], None),
            Part::Variable(_) => (&b""[..], Some(Token::Variable(place))),
        };
        text.iter().map(|byte| Token::Byte(*byte)).chain(variable)
    })
}

/// What stands before and behind the next delimiter without a backslash.
fn until(tokens: &[Token], delimiter: u8) -> Option<(&[Token], &[Token])> {
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token {
            Token::Byte(b'\\') => at += 1,
            Token::Byte(byte) if *byte == delimiter => return Some((tokens.get(..at)?, tokens.get(at + 1..)?)),
            _ => {}
        }
        at += 1;
    }
    None
}

fn bytes(tokens: &[Token]) -> Option<Vec<u8>> {
    let byte = |token: &Token| match token {
        Token::Byte(byte) => Some(*byte),
        Token::Variable(_) => None,
    };
    tokens.iter().map(byte).collect()
}

fn pieces(tokens: &[Token], delimiter: u8) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut text = Vec::new();
    let mut rest = tokens.iter();
    while let Some(token) = rest.next() {
        let piece = match token {
            Token::Byte(b'\\') => match rest.next() {
                Some(Token::Byte(digit @ b'0'..=b'9')) => Piece::Group(usize::from(digit - b'0')),
                Some(Token::Byte(letter)) => {
                    match letter {
                        b'\\' => text.push(b'\\'),
                        b'n' => text.push(b'\n'),
                        b'r' => text.push(b'\r'),
                        b't' => text.push(b'\t'),
                        _ if *letter == delimiter => text.push(delimiter),
                        _ => text.extend_from_slice(&[b'\\', *letter]),
                    }
                    continue;
                }
                Some(Token::Variable(place)) => Piece::Variable(*place),
                None => break,
            },
            Token::Byte(byte) => {
                text.push(*byte);
                continue;
            }
            Token::Variable(place) => Piece::Variable(*place),
        };
        if !text.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut text)));
        }
        pieces.push(piece);
    }
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::bench::Bench;
    use std::sync::Arc;

    fn apply(expression: &str, text: &str) -> Option<String> {
        let mut bench = Bench::new("OPTIONS sip:a SIP/2.0\nVia: SIP/2.0/UDP a;branch=z9hG4bK\n\n", Arc::new(()));
        let substitution = Substitution::parse(&Template::fixed(expression.to_owned()), Extensions::default()).unwrap();
        let done = substitution.apply(&mut bench.context(), text.as_bytes()).unwrap();
        done.map(|done| String::from_utf8(done).unwrap())
    }

    #[test]
    fn substitutes() {
        for (expression, text, result) in [
            ("/b/X/g", "abcabc", Some("aXcaXc")),
            ("/b/X/", "abcabc", Some("aXcabc")),
            ("/zz/X/", "abcabc", None),
            ("/B/X/i", "abc", Some("aXc")),
            ("/r(o)b/s\\1x/", "rob", Some("sox")),
            ("|a/b|c|", "a/b", Some("c")),
            ("/a\\/b/\\/\\0\\t/", "a/b", Some("/a/b\t")),
            ("/a(x)?/[\\1]/", "a", Some("[]")),
            ("/a.b/X/", "a\nb", None),
            ("/a.b/X/s", "a\nb", Some("X")),
            ("/a[^x]b/X/", "a\nb", None),
            ("/a|ab/X/g", "abcab", Some("XcX")),
            ("/(.)\\1/<\\1>/g", "aabbc", Some("<a><b>c")),
        ] {
            assert_eq!(apply(expression, text).as_deref(), result, "{expression}");
        }
    }

    #[test]
    fn refuses_what_is_none() {
        let fault =
            |text: &str| Substitution::parse(&Template::fixed(text.to_owned()), Extensions::default()).unwrap_err();
        assert_eq!(fault(""), SubstitutionFault::Form);
        assert_eq!(fault("/a/b"), SubstitutionFault::Form);
        assert_eq!(fault("/a/b/x"), SubstitutionFault::Flag(b'x'));
        assert_eq!(fault("/a/\\1/"), SubstitutionFault::Group(1));
        assert!(matches!(fault("/(/b/"), SubstitutionFault::Pattern(_)));
    }
}
