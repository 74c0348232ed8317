//! POSIX extended regular expressions as the C library of GNU reads them in the locale "C", which Kamailio runs in: bytes, not characters.
//!
//! The text of a pattern becomes one that means the same to the crates that search. Everything is either taken as it is there or refused with the
//! reason: a pattern never means something else without a word. Beside POSIX stand what GNU adds (`\w`, `\<`, back references and their like)
//! and, while extensions are on, `\d` and the groups of Perl that the C library refuses.

mod bracket;
#[cfg(test)]
mod glibc;

/// How a pattern is searched for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mode {
    /// Small and large letters are the same.
    pub ignore_case: bool,
    /// `^` and `$` are the ends of each line, a line ends in LF alone, and neither `.` nor a negated bracket expression goes beyond one.
    pub by_line: bool,
}

/// A pattern in the words of the crates that search.
#[derive(Debug)]
pub(super) struct Translated {
    pub(super) text: String,
    /// It uses what Kamailio's patterns lack.
    pub(super) perl: bool,
    /// It holds back references.
    pub(super) refers_back: bool,
    /// The longest of several matches at a place may not be the one that comes first in the order of the pattern.
    pub(super) longest_counts: bool,
}

/// The largest count of an interval.
const MOST_REPEATS: u32 = 32767;

/// Translates a pattern.
///
/// # Errors
/// The reason in words when the C library refuses it, or when it uses Perl's syntax while `strict` is set.
pub(super) fn translate(pattern: &[u8], mode: Mode, strict: bool) -> Result<Translated, String> {
    let mut translator = Translator {
        rest: pattern,
        mode,
        strict,
        out: String::with_capacity(pattern.len() + 16),
        groups: Vec::new(),
        opened: 0,
        complete: Vec::new(),
        last: None,
        perl: false,
        refers_back: false,
        longest_counts: false,
    };
    while let Some(byte) = translator.next() {
        translator.item(byte)?;
    }
    if !translator.groups.is_empty() {
        return Err("a parenthesis is not closed".to_owned());
    }
    let Translator { out: text, perl, refers_back, longest_counts, .. } = translator;
    Ok(Translated { text, perl, refers_back, longest_counts })
}

struct Translator<'a> {
    rest: &'a [u8],
    mode: Mode,
    strict: bool,
    out: String,
    /// The open groups: where each starts in `out`, and its number when it is kept.
    groups: Vec<(usize, Option<usize>)>,
    opened: usize,
    /// The numbers of the groups that are closed.
    complete: Vec<usize>,
    /// What a repetition would repeat.
    last: Option<Atom>,
    perl: bool,
    refers_back: bool,
    longest_counts: bool,
}

/// What stands before, as far as a repetition behind it wants to know.
struct Atom {
    /// Where it starts in the translation.
    start: usize,
    group: bool,
    repeated: Option<Repetition>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Repetition {
    Any,
    Some,
    Optional,
    Interval(u32, Option<u32>),
}

impl Translator<'_> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    fn item(&mut self, byte: u8) -> Result<(), String> {
        match byte {
            b'\\' => return self.escape(),
            b'[' => {
                let set = bracket::read(&mut self.rest, self.mode)?;
                self.atom(&set);
            }
            b'(' => return self.open(),
            b')' => match self.groups.pop() {
                Some((start, number)) => {
                    self.out.push(')');
                    self.complete.extend(number);
                    self.last = Some(Atom { start, group: true, repeated: None });
                }
                None => self.literal(byte),
            },
            b'*' => return self.repeat(Repetition::Any),
            b'+' => return self.repeat(Repetition::Some),
            b'?' => return self.repeat(Repetition::Optional),
            b'{' if self.last.is_some() => {
                let interval = self.interval()?;
                return self.repeat(interval);
            }
            b'{' => return Err("nothing stands before the repetition {".to_owned()),
            b'|' => {
                self.out.push('|');
                self.last = None;
                self.longest_counts = true;
            }
            b'^' => self.anchor(if self.mode.by_line { "(?m:^)" } else { "\\A" }),
            b'$' => self.anchor(if self.mode.by_line { "(?m:$)" } else { "\\z" }),
            b'.' => self.atom(if self.mode.by_line { "[^\\n]" } else { "(?s:.)" }),
            _ => self.literal(byte),
        }
        Ok(())
    }

    fn atom(&mut self, text: &str) {
        self.last = Some(Atom { start: self.out.len(), group: false, repeated: None });
        self.out.push_str(text);
    }

    fn anchor(&mut self, text: &str) {
        self.out.push_str(text);
        self.last = None;
    }

    fn literal(&mut self, byte: u8) {
        self.last = Some(Atom { start: self.out.len(), group: false, repeated: None });
        push_literal(&mut self.out, byte);
    }

    fn escape(&mut self) -> Result<(), String> {
        let Some(byte) = self.next() else { return Err("it ends in a backslash".to_owned()) };
        match byte {
            b'1'..=b'9' => {
                let number = usize::from(byte - b'0');
                if !self.complete.contains(&number) {
                    return Err(format!("\\{number} refers back to a group that does not end before it"));
                }
                self.refers_back = true;
                // In a group, for a digit may follow.
                self.atom(&format!("(?:\\{number})"));
            }
            b'w' => self.atom("[0-9A-Z_a-z]"),
            b'W' => self.atom("[^0-9A-Z_a-z]"),
            b's' => self.atom("[\\t-\\r ]"),
            b'S' => self.atom("[^\\t-\\r ]"),
            b'd' | b'D' if !self.strict => {
                self.perl = true;
                self.atom(if byte == b'd' { "[0-9]" } else { "[^0-9]" });
            }
            b'b' => self.anchor("\\b"),
            b'B' => self.anchor("\\B"),
            b'<' => self.anchor("\\b{start}"),
            b'>' => self.anchor("\\b{end}"),
            b'`' => self.anchor("\\A"),
            b'\'' => self.anchor("\\z"),
            // When case does not count capital letters are compared, and the C library leaves an escaped letter as it is: a small one is met nowhere.
            b'a'..=b'z' if self.mode.ignore_case => self.atom("[^\\x00-\\xff]"),
            _ => self.literal(byte),
        }
        Ok(())
    }

    fn open(&mut self) -> Result<(), String> {
        let start = self.out.len();
        self.last = None;
        if self.peek() != Some(b'?') {
            self.opened += 1;
            self.groups.push((start, Some(self.opened)));
            self.out.push('(');
            return Ok(());
        }
        if self.strict {
            return Err("it uses Perl syntax, which POSIX regular expressions lack".to_owned());
        }
        self.perl = true;
        let flags =
            self.rest.iter().skip(1).take_while(|byte| byte.is_ascii_alphabetic() || **byte == b'-').count() + 1;
        let (text, behind) = self.rest.split_at(flags);
        match behind.first() {
            // Inline flags hold to the end of the group around them, and repeat nothing.
            Some(b')') => {}
            Some(b':') => self.groups.push((start, None)),
            _ => return Err("it uses Perl syntax that is not known here, such as a look-around".to_owned()),
        }
        self.out.push('(');
        self.out.extend(text.iter().chain(behind.first()).map(|byte| char::from(*byte)));
        self.rest = behind.get(1..).unwrap_or_default();
        Ok(())
    }

    /// An interval behind its brace.
    fn interval(&mut self) -> Result<Repetition, String> {
        let Some(end) = memchr::memchr(b'}', self.rest) else { return Err("an interval is not closed".to_owned()) };
        let (text, behind) = self.rest.split_at(end);
        self.rest = behind.get(1..).unwrap_or_default();
        let bad = || format!("{{{}}} is no interval", String::from_utf8_lossy(text));
        let number = |digits: &[u8]| match std::str::from_utf8(digits) {
            Ok("") => Ok(None),
            Ok(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Ok(Some(digits.parse().unwrap_or(u32::MAX)))
            }
            _ => Err(bad()),
        };
        let (least, most) = match memchr::memchr(b',', text) {
            Some(comma) => {
                let (least, most) = text.split_at(comma);
                (number(least)?.unwrap_or(0), number(most.get(1..).unwrap_or_default())?)
            }
            None => {
                let count = number(text)?.ok_or_else(bad)?;
                (count, Some(count))
            }
        };
        if most.is_some_and(|most| most < least) {
            return Err(bad());
        }
        if most.unwrap_or(least) > MOST_REPEATS {
            return Err(format!("{{{}}} repeats more than {MOST_REPEATS} times", String::from_utf8_lossy(text)));
        }
        Ok(Repetition::Interval(least, most))
    }

    fn repeat(&mut self, repetition: Repetition) -> Result<(), String> {
        use Repetition::{Any, Interval, Optional, Some as Once};
        let Some(atom) = &mut self.last else {
            let sign = match repetition {
                Any => "*",
                Once => "+",
                Optional => "?",
                Interval(..) => "{",
            };
            return Err(format!("nothing stands before the repetition {sign}"));
        };
        self.longest_counts |= atom.group;
        let repetition = match (atom.repeated, repetition) {
            (None, repetition) => repetition,
            // The second of two signs takes the place of both: a?? is a?, a?* and a+? are a*. POSIX knows no lazy ones.
            (Some(before), after) if !matches!(before, Interval(..)) && !matches!(after, Interval(..)) => {
                self.out.pop();
                if before == after { before } else { Any }
            }
            (Some(_), after) => {
                self.out.insert_str(atom.start, "(?:");
                self.out.push(')');
                after
            }
        };
        atom.repeated = Some(repetition);
        match repetition {
            Any => self.out.push('*'),
            Once => self.out.push('+'),
            Optional => self.out.push('?'),
            Interval(least, None) => self.out.push_str(&format!("{{{least},}}")),
            Interval(least, Some(most)) => self.out.push_str(&format!("{{{least},{most}}}")),
        }
        Ok(())
    }
}

/// A byte that stands for itself.
fn push_literal(out: &mut String, byte: u8) {
    match byte {
        b'\\' | b'.' | b'+' | b'*' | b'?' | b'(' | b')' | b'|' | b'[' | b']' | b'{' | b'}' | b'^' | b'$' => {
            out.push('\\');
            out.push(char::from(byte));
        }
        // A blank and a number sign are nothing under Perl's flag x.
        b'!'..=b'~' if byte != b'#' => out.push(char::from(byte)),
        _ => out.push_str(&format!("\\x{byte:02x}")),
    }
}
