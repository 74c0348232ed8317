//! The words of one line, each with its place.

use super::parse::Parser;
use crate::source::{FileId, Span};
use std::time::Duration;

/// One word; one in double quotes may hold blanks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) quoted: bool,
    pub(super) span: Span,
}

/// A line cut into words. A `#` at the beginning of a word starts a comment.
pub(super) fn words(file: FileId, start: usize, line: &str) -> Vec<Word> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(skip) = line[at..].find(|c: char| !c.is_whitespace()) {
        at += skip;
        let rest = &line[at..];
        if rest.starts_with('#') {
            break;
        }
        let (text, length, quoted) = match rest.strip_prefix('"') {
            Some(inner) => {
                let close = inner.find('"');
                let text = &inner[..close.unwrap_or(inner.len())];
                (text, text.len() + 1 + usize::from(close.is_some()), true)
            }
            None => {
                let length = rest.find(char::is_whitespace).unwrap_or(rest.len());
                (&rest[..length], length, false)
            }
        };
        let span = Span { file, start: (start + at) as u32, end: (start + at + length) as u32 };
        found.push(Word { text: text.to_owned(), quoted, span });
        at += length;
    }
    found
}

/// Reads `500ms`, `20s`, `1.5s`, `2m` or `1h`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let unit = text.find(|c: char| c.is_ascii_alphabetic())?;
    let micros = match text.get(unit..)? {
        "us" => 1,
        "ms" => 1_000,
        "s" => 1_000_000,
        "m" => 60_000_000,
        "h" => 3_600_000_000,
        _ => return None,
    };
    let (whole, part) = text.get(..unit)?.split_once('.').unwrap_or((text.get(..unit)?, ""));
    let whole: u64 = whole.parse().ok()?;
    let mut total = whole.checked_mul(micros)?;
    let mut place = micros;
    for digit in part.chars() {
        place /= 10;
        total = total.checked_add(place.checked_mul(u64::from(digit.to_digit(10)?))?)?;
    }
    Some(Duration::from_micros(total))
}

/// The same; what is none goes to the parser.
pub(super) fn duration_of(parser: &mut Parser, word: &Word) -> Option<Duration> {
    let found = duration(&word.text);
    if found.is_none() {
        parser.helped(word.span, "this is no duration", "write for example 500ms, 20s or 2m");
    }
    found
}

/// Reads `2026-01-31` or `2026-01-31 12:00:00`, in UTC, as time since the Unix epoch.
pub(crate) fn calendar(date: &str, time: &str) -> Option<Duration> {
    let seconds = crate::builtin::calendar::read_date(&format!("{date} {time}"))?;
    u64::try_from(seconds).ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hold_blanks_and_comments_end_a_line() {
        let found = words(FileId(0), 10, "bob answers 486 \"Busy Here\" # why");
        let texts: Vec<&str> = found.iter().map(|word| word.text.as_str()).collect();
        assert_eq!(texts, ["bob", "answers", "486", "Busy Here"]);
        assert_eq!((found[3].span.start, found[3].span.end), (26, 37));
        assert!(found[3].quoted);
    }

    #[test]
    fn durations() {
        for (text, millis) in [("500ms", 500), ("20s", 20_000), ("1.5s", 1500), ("2m", 120_000), ("0.25s", 250)] {
            assert_eq!(duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "5", "s", "-1s", "1x", "1.xs"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn the_calendar_counts_leap_days() {
        assert_eq!(calendar("2026-01-01", "00:00:00"), Some(super::super::Scenario::CLOCK));
        assert_eq!(calendar("1970-01-01", "00:00:00"), Some(Duration::ZERO));
        assert_eq!(calendar("2000-03-01", "00:00:01"), Some(Duration::from_secs(951_868_801)));
        assert_eq!(calendar("2026-13-01", "00:00:00"), None);
    }
}
