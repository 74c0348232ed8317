//! What is wrong with a text, in words for its author: what pest says about one that does not parse, and what the walk finds.

use super::cut::{skip_blanks, token_end, word};
use super::{MOST_ITEMS, Rule};
use crate::config::preprocess::{Expanded, Hollow};
use crate::source::{Diagnostic, Span};
use pest::error::{Error, ErrorVariant, InputLocation};
use std::ops::Range;

/// Findings beyond this many say nothing that the first did not.
const MOST_DIAGNOSTICS: usize = 1000;

/// What is found wrong with the expanded text.
pub(super) struct Faults<'a> {
    expanded: &'a Expanded,
    /// The expanded text with a placeholder for every byte outside ASCII.
    text: &'a [u8],
    diagnostics: &'a mut Vec<Diagnostic>,
    /// Where a define with nothing in it was used that a mistake was put down to: what follows in its line is the same mistake.
    hollow: Option<usize>,
}

impl<'a> Faults<'a> {
    /// Those of a text add to what was found before it was read.
    pub(super) fn new(expanded: &'a Expanded, text: &'a str, diagnostics: &'a mut Vec<Diagnostic>) -> Faults<'a> {
        Faults { expanded, text: text.as_bytes(), diagnostics, hollow: None }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.diagnostics.len()
    }

    /// Whether so much is wrong that more says nothing.
    pub(super) fn is_full(&self) -> bool {
        self.count() >= MOST_DIAGNOSTICS
    }

    /// Adds one, unless there are too many.
    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        if !self.is_full() {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Says that from `at` on nothing was read, after this many statements and routes.
    pub(super) fn stop(&mut self, items: usize, at: usize) {
        let place = self.expanded.span(at..at + 1);
        self.diagnostics.push(if items >= MOST_ITEMS {
            let message = format!("there are more than {MOST_ITEMS} statements and routes");
            Diagnostic::error("input-too-large", message, place)
        } else {
            let message = "so much is wrong that the text was read only up to here";
            Diagnostic::error("too-many-findings", message, place)
        });
    }

    /// Reports why the rule did not match the range.
    pub(super) fn mismatch(&mut self, error: &Error<Rule>, range: Range<usize>) {
        if self.is_full() {
            return;
        }
        let (InputLocation::Pos(offset) | InputLocation::Span((offset, _))) = error.location;
        let ErrorVariant::ParsingError { positives, .. } = &error.variant else {
            return self.too_complex(range.start);
        };
        let text = self.text;
        let at = skip_blanks(text, range.start + offset).min(range.end);
        let found = found(text, at, range.end);
        let behind = behind(text, range.start, at);
        let wants = |rule: Rule| positives.contains(&rule);
        let (message, place) = if wants(Rule::semicolon) && !is_operator(&found) {
            ("expected `;`".to_string(), self.expanded.span_after(behind))
        } else if at >= range.end {
            (format!("expected {}", expected(positives)), self.expanded.span_after(behind))
        } else {
            let words = expected(positives);
            let message = if words.is_empty() {
                format!("unexpected {found}")
            } else {
                format!("expected {words}, found {found}")
            };
            (message, self.expanded.span(at..token_end(text, at).min(range.end.max(at + 1))))
        };
        let mut diagnostic = Diagnostic::error("syntax", message, place);
        if let Some(help) = help(text, range, at, positives) {
            diagnostic = diagnostic.help(help);
        }
        self.syntax(diagnostic, at);
    }

    /// Reports text that begins nothing at top level.
    pub(super) fn stray(&mut self, range: Range<usize>) {
        let text = self.text;
        let end = token_end(text, range.start);
        let place = self.expanded.span(range.start..end);
        let first = found(text, range.start, range.end);
        let mut diagnostic = match text[range.start] {
            b'}' => Diagnostic::error("syntax-unbalanced-brace", "this `}` closes nothing", place)
                .help("a `}` further up closes the route earlier than meant, or this one is too many"),
            _ => Diagnostic::error("syntax", format!("unexpected {first} outside of a route"), place)
                .note("a setting, `loadmodule`, `modparam` or a route block is expected here"),
        };
        if looks_like_define(word(text, range.start)) {
            diagnostic = diagnostic.help(format!("is {first} a define that is not set here?"));
        }
        self.syntax(diagnostic, range.start);
    }

    /// Reports text that nests too deep.
    pub(super) fn too_deep(&mut self, at: usize) {
        let place = self.expanded.span(at..at + 1);
        self.report(Diagnostic::error("syntax-too-deep", "this nests too deep to be read", place));
    }

    /// Reports an expression or a text that takes too many steps.
    pub(super) fn too_complex(&mut self, at: usize) {
        let place = self.expanded.span(at..at + 1);
        self.report(Diagnostic::error("syntax-too-complex", "this is too long to be read as one piece", place));
    }

    /// Reports a brace that is never closed.
    pub(super) fn unclosed(&mut self, at: usize) {
        let place = self.expanded.span(at..at + 1);
        let found = Diagnostic::error("syntax-unbalanced-brace", "this `{` is never closed", place);
        self.report(found.help("add the missing `}`"));
    }

    /// Reports a block without a statement.
    pub(super) fn empty_block(&mut self, span: Span) {
        let found = Diagnostic::error("syntax-empty-block", "this block is empty", span);
        self.report(found.note("Kamailio refuses an empty block").help("write `{ ; }`, or leave it out"));
    }

    /// Reports at a place of the expanded text; names the define when the text at `at` comes from one.
    fn syntax(&mut self, diagnostic: Diagnostic, at: usize) {
        // The text may miss what a define in the lines before or at the fault should have put there.
        let before = behind(self.text, 0, at.min(self.text.len()));
        if let Some(hollow) = self.expanded.hollow(before..at).filter(|hollow| hollow.define != Span::default()) {
            let Hollow { name, define, unset, at } = hollow;
            if self.hollow.replace(*at) == Some(*at) {
                return;
            }
            let why = match unset {
                Some(variable) => format!("{name} asks for the environment variable {variable}, which is not set"),
                None => format!("{name} is defined as nothing"),
            };
            return self.report(diagnostic.label(*define, why));
        }
        let diagnostic = match self.expanded.define(at) {
            Some(define) if define != Span::default() => diagnostic.label(define, "in the value of this define"),
            _ => match at.checked_sub(1).and_then(|before| self.expanded.define(before)) {
                Some(define) if define != Span::default() => diagnostic.label(define, "this define stands before it"),
                _ => diagnostic,
            },
        };
        self.report(diagnostic);
    }
}

/// The token at `at` as an author would name it.
fn found(text: &[u8], at: usize, end: usize) -> String {
    if at >= end || at >= text.len() {
        return "the end".to_string();
    }
    let token = &text[at..token_end(text, at).min(text.len())];
    let shown: String = String::from_utf8_lossy(token).chars().take(40).take_while(|c| *c != '\n').collect();
    let dots = if shown.len() < token.len() { "..." } else { "" };
    format!("`{shown}{dots}`")
}

/// Behind the last byte before `at` that is no blank.
fn behind(text: &[u8], start: usize, at: usize) -> usize {
    start + text[start..at].trim_ascii_end().len()
}

/// A token that goes on with an expression: what is missing is not a semicolon.
fn is_operator(found: &str) -> bool {
    matches!(
        found.as_bytes().get(1),
        Some(b'=' | b'!' | b'+' | b'%' | b'?' | b'&' | b'|' | b'<' | b'>' | b')' | b',' | b'.' | b':')
    )
}

/// What could stand there: `a`, `b` or `c`, the most likely first.
fn expected(positives: &[Rule]) -> String {
    let mut words: Vec<&str> = Vec::new();
    // An operand may always go on with these; what has to follow it is the better hint.
    let closes = positives.iter().any(|rule| matches!(rule, Rule::close_paren | Rule::semicolon | Rule::string));
    let weak = |rule: &Rule| closes && matches!(rule, Rule::equals | Rule::open_paren | Rule::arguments);
    let named = positives.iter().filter(|rule| !weak(rule)).filter_map(|rule| human(*rule));
    let mut named: Vec<(u8, &str)> = named.collect();
    named.sort_by_key(|(order, _)| *order);
    let strongest = named.first().map_or(0, |(order, _)| order / 10);
    for (_, name) in named.iter().filter(|(order, _)| order / 10 <= strongest.max(1)) {
        if !words.contains(name) {
            words.push(name);
        }
    }
    words.truncate(4);
    match words.split_last() {
        Some((last, [])) => (*last).to_string(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

/// A rule in words, with its place in a list; what stands tens later is left out beside the rest.
fn human(rule: Rule) -> Option<(u8, &'static str)> {
    Some(match rule {
        Rule::semicolon => (0, "`;`"),
        Rule::comma => (1, "`,`"),
        Rule::close_paren => (2, "`)`"),
        Rule::colon => (3, "`:`"),
        Rule::equals => (4, "`=`"),
        Rule::open_brace | Rule::block => (5, "`{`"),
        Rule::close_brace => (9, "`}`"),
        Rule::open_paren | Rule::arguments | Rule::paren => (6, "`(`"),
        Rule::bracket => (7, "`[`"),
        Rule::end_bracket => (8, "`]`"),
        Rule::statement | Rule::body => (10, "a statement"),
        Rule::expression | Rule::operand | Rule::argument | Rule::number | Rule::string | Rule::variable => {
            match rule {
                Rule::string => (12, "a string"),
                Rule::number => (13, "a number"),
                Rule::variable => (14, "a pseudo-variable"),
                _ => (11, "an expression"),
            }
        }
        Rule::case | Rule::case_label | Rule::case_word => (15, "`case`"),
        Rule::route_head | Rule::route => (15, "a route"),
        Rule::route_name => (15, "the name of a route"),
        Rule::event_name => (15, "the name of an event such as `tm:local-request`"),
        Rule::name | Rule::identifier => (16, "a name"),
        Rule::value | Rule::part | Rule::parts | Rule::entry => (16, "a value"),
        Rule::param_value => (16, "a string or a number"),
        Rule::flag => (16, "the name of a flag"),
        _ => return None,
    })
}

/// What to do about a usual mistake.
fn help(text: &[u8], range: Range<usize>, at: usize, positives: &[Rule]) -> Option<String> {
    let rest = text.get(at..range.end).unwrap_or(&[]);
    let before = text.get(range.start..at).unwrap_or(&[]);
    let found = word(text, at);
    let wants = |rule: Rule| positives.contains(&rule);
    let wrong_word = |bad: &[u8]| found == bad || word(text, range.start) == bad;
    let help = if [&b"elseif"[..], b"elsif", b"elif"].iter().any(|bad| wrong_word(bad)) {
        "write `else if`".to_string()
    } else if found == b"else" {
        "an `else` follows the body of an `if`; is a `}` or `;` misplaced above?".to_string()
    } else if rest.starts_with(b"!~") {
        "there is no `!~`: write `!(a =~ b)`".to_string()
    } else if rest.starts_with(b"+=") || rest.starts_with(b"-=") {
        "there are no compound assignments: write `$x = $x + y`".to_string()
    } else if rest.starts_with(b"++") || rest.starts_with(b"--") {
        "there is no increment: write `$x = $x + 1`".to_string()
    } else if rest.starts_with(b"===") || rest.starts_with(b"=") && !rest.starts_with(b"==") && !wants(Rule::equals) {
        "`=` assigns, `==` compares".to_string()
    } else if rest.starts_with(b"%") {
        "the remainder of a division is written `mod`".to_string()
    } else if rest.starts_with(b"?") {
        "there is no `?:`: write `selval(condition, then, otherwise)`".to_string()
    } else if rest.starts_with(b"{") && last_variable(before).is_some() {
        let name = last_variable(before)?;
        format!("transformations need the long form: `$({name}{{...}})`")
    } else if rest.starts_with(b"(") && last_variable(before).is_some() {
        "no blank may stand before the parenthesis of a pseudo-variable".to_string()
    } else if rest.starts_with(b"{") && wants(Rule::close_paren) {
        "is a `)` missing before the `{`?".to_string()
    } else if rest.starts_with(b"{") && before.trim_ascii().is_empty() {
        "a block stands behind `if`, `else` or `while`, not by itself".to_string()
    } else if (found.first().is_some_and(u8::is_ascii_digit) && !found.iter().all(u8::is_ascii_digit))
        || (rest.starts_with(b".") && before.last().is_some_and(u8::is_ascii_digit))
    {
        "numbers are written 10, 0x1f, 017 or 101b".to_string()
    } else if matches!(rest.first(), Some(b'"' | b'\'' | b'$' | b'0'..=b'9')) && wants(Rule::comma) {
        "is a `,` or `+` missing between the two?".to_string()
    } else if rest.starts_with(b"[") && wants(Rule::EOI) {
        "a route of this kind has no name".to_string()
    } else if wants(Rule::semicolon) {
        "a statement ends with `;`".to_string()
    } else if looks_like_define(found) {
        format!("is `{}` a define that is not set here?", String::from_utf8_lossy(found))
    } else {
        return None;
    };
    Some(help)
}

/// The name of the short pseudo-variable that ends the text.
fn last_variable(text: &[u8]) -> Option<String> {
    let text = text.trim_ascii_end();
    let dollar = memchr::memrchr(b'$', text)?;
    let name = &text[dollar + 1..];
    let plain = name.first().is_some_and(|&byte| byte != b'(') && token_end(text, dollar) == text.len();
    plain.then(|| String::from_utf8_lossy(name).into_owned())
}

/// A word in capitals, as authors write their defines.
fn looks_like_define(word: &[u8]) -> bool {
    word.len() > 1
        && word[0].is_ascii_uppercase()
        && word.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_')
}
