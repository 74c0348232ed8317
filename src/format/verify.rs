//! Shows that a text in another layout means the same.
//!
//! Three ways, each enough for most mistakes: the tokens are the same, one by one; the syntax tree is the same with the conditionals as they
//! are, with all of them on, and with all of them off; and so are the errors in it.

use super::Refusal;
use super::token::{Directive, Kind, Token, Unfinished, tokens};
use crate::config::preprocess::UNSEEN_ENDIF;
use crate::config::{CommandLine, MAIN_FILE, Options, parse_config};
use crate::source::{Diagnostic, FileId, Files, Level, Sources, Span};
use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::Path;

/// What a text means, as far as it is known before another one is compared with it.
pub(super) struct Meaning<'a> {
    text: &'a [u8],
    pub(super) tokens: Vec<Token<'a>>,
    /// It is no config but statements of a route, which a config includes.
    pub(super) fragment: bool,
    /// Defines that stand in for those of the config that includes this file.
    lines: Vec<CommandLine>,
    tree: Tree,
}

/// A syntax tree without its places: one number for each item, and what is wrong with it.
#[derive(PartialEq, Eq)]
struct Tree {
    items: Vec<u64>,
    faults: Vec<(&'static str, String)>,
}

/// Which branch of each conditional counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Branches {
    AsDefined,
    On,
    Off,
}

/// Words that are taken for defines of another file.
const MOST_WORDS: usize = 100;
/// Braces nest no deeper in a text that is laid out.
const DEEPEST: usize = 1000;

impl<'a> Meaning<'a> {
    /// Reads a text with what it includes.
    pub(super) fn read(path: &Path, text: &'a [u8], files: &dyn Files) -> Result<Meaning<'a>, Refusal> {
        let mut lines = Vec::new();
        let (tree, fragment) = loop {
            let (tree, refusal) = tree(path, text.to_vec(), files, &lines);
            let Some(refusal) = refusal else { break (tree, false) };
            if let (tree, None) = self::tree(path, wrapped(text, true), files, &lines) {
                break (tree, true);
            }
            let before = lines.len();
            lines.extend(given_elsewhere(&refusal, &lines));
            if lines.len() == before {
                return Err(refusal);
            }
        };
        let tokens = tokens(text).map_err(|unfinished| unread(path, text, unfinished))?;
        if let Some(start) = too_deep(&tokens) {
            return Err(unread(path, text, Unfinished { start, what: "this nests too deep to be laid out" }));
        }
        Ok(Meaning { text, tokens, fragment, lines, tree })
    }

    /// Says how the meaning of `formatted` differs; nothing when it does not.
    pub(super) fn same(&self, formatted: &[u8], path: &Path, files: &dyn Files) -> Result<(), Refusal> {
        let differs = |at: usize, what: &str| {
            let start = self.tokens.get(at).map_or(self.text.len(), |token| token.start());
            let end = self.tokens.get(at).map_or(start, |token| start + token.text.len());
            let span = Span { file: MAIN_FILE, start: start as u32, end: end as u32 };
            let found = Diagnostic::error("format-differs", format!("in another layout {what}"), span);
            refuse(
                path,
                self.text,
                found.note("the file is left as it is").help("please report this as a mistake of alanui"),
            )
        };
        let Ok(after) = tokens(formatted) else { return Err(differs(0, "this text could not be read")) };
        let pairs = self.tokens.iter().zip(&after);
        let equal = pairs.take_while(|(before, after)| same_token(before, after)).count();
        if equal < self.tokens.len().max(after.len()) {
            return Err(differs(equal, "this text would read otherwise"));
        }
        let conditional =
            self.tokens.iter().any(|token| matches!(token.kind, Kind::Directive(Directive::If | Directive::IfNot)));
        for branches in [Branches::AsDefined, Branches::On, Branches::Off] {
            let read = |text, tokens: &[_]| {
                tree(path, wrapped(&variant(text, tokens, branches), self.fragment), files, &self.lines).0
            };
            let known = match branches {
                Branches::AsDefined => None,
                _ if !conditional => continue,
                _ => Some(read(self.text, &self.tokens)),
            };
            if *known.as_ref().unwrap_or(&self.tree) != read(formatted, &after) {
                let what = match branches {
                    Branches::AsDefined => "this file would mean something else",
                    Branches::On => "this file would mean something else once all its conditionals hold",
                    Branches::Off => "this file would mean something else once none of its conditionals holds",
                };
                return Err(differs(0, what));
            }
        }
        Ok(())
    }
}

/// Words at which a text does not parse, taken for defines of the config that includes it: a string, which may stand nearly everywhere.
fn given_elsewhere(refusal: &Refusal, known: &[CommandLine]) -> Vec<CommandLine> {
    let mut lines = Vec::new();
    for span in refusal.diagnostics.iter().filter_map(|found| Some(found.labels.first()?.span)) {
        let word = refusal.sources.slice(span);
        let named = word.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_');
        if !named || !word.first().is_some_and(u8::is_ascii_uppercase) {
            continue;
        }
        let line = CommandLine::Define(format!("{}=\"x\"", String::from_utf8_lossy(word)));
        if !known.contains(&line) && !lines.contains(&line) && known.len() + lines.len() < MOST_WORDS {
            lines.push(line);
        }
    }
    lines
}

/// A text as it is included into a route.
fn wrapped(text: &[u8], fragment: bool) -> Vec<u8> {
    if fragment { [b"request_route {\n", text, b"\n}\n"].concat() } else { text.to_vec() }
}

/// The text with its conditionals decided.
fn variant(text: &[u8], tokens: &[Token<'_>], branches: Branches) -> Vec<u8> {
    let mut decided = Vec::with_capacity(text.len());
    let mut at = 0;
    for token in tokens {
        let holds = match token.kind {
            Kind::Directive(Directive::If) => branches == Branches::On,
            Kind::Directive(Directive::IfNot) => branches == Branches::Off,
            _ => continue,
        };
        if branches != Branches::AsDefined {
            decided.extend_from_slice(&text[at..token.start()]);
            decided.extend_from_slice(if holds { b"#!ifexp 1" } else { b"#!ifexp 0" });
            at = token.start() + token.text.len();
        }
    }
    decided.extend_from_slice(&text[at..]);
    decided
}

/// The files around the one that is read, which is in memory.
struct Around<'a> {
    path: &'a Path,
    text: Vec<u8>,
    files: &'a dyn Files,
}

impl Files for Around<'_> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if path == self.path { Ok(self.text.clone()) } else { self.files.read(path) }
    }
}

/// The tree of a text, and why it is none when the text itself has syntax errors.
fn tree(path: &Path, text: Vec<u8>, files: &dyn Files, lines: &[CommandLine]) -> (Tree, Option<Refusal>) {
    let (mut sources, mut diagnostics) = (Sources::default(), Vec::new());
    let files = Around { path, text, files };
    let options = Options { lines: lines.to_vec(), ..Options::default() };
    let config = parse_config(path, &files, &options, &mut sources, &mut diagnostics);
    diagnostics.retain(|found| found.level == Level::Error && found.code != UNSEEN_ENDIF);
    let mut drawn = String::new();
    let numbers = config.items.iter().map(|item| {
        drawn.clear();
        // Writing to a string does not fail.
        let _ = write!(drawn, "{item:?}");
        let mut hasher = DefaultHasher::new();
        without_places(&drawn).for_each(|part| part.hash(&mut hasher));
        hasher.finish()
    });
    let items = numbers.collect();
    let faults = diagnostics.iter().map(|found| (found.code, found.message.clone())).collect();
    // Each line of the command line is a file before the main one.
    let main = FileId(lines.len() as u32);
    let here = |found: &Diagnostic| found.labels.first().is_some_and(|label| label.span.file == main);
    diagnostics.retain(|found| found.code.starts_with("syntax") && here(found));
    let refusal = (!diagnostics.is_empty()).then_some(Refusal { sources, diagnostics });
    (Tree { items, faults }, refusal)
}

/// A drawn tree but for its spans.
fn without_places(drawn: &str) -> impl Iterator<Item = &str> {
    const SPAN: &str = "Span { file: FileId(";
    drawn
        .split(SPAN)
        .enumerate()
        .map(|(at, part)| if at == 0 { part } else { part.split_once('}').map_or(part, |(_, rest)| rest) })
}

/// Comments may have moved; all else is equal byte by byte.
fn same_token(before: &Token<'_>, after: &Token<'_>) -> bool {
    let lines =
        |text: &[u8]| text.split(|&byte| byte == b'\n').map(|line| line.trim_ascii().to_vec()).collect::<Vec<_>>();
    before.kind == after.kind
        && (before.text == after.text || before.is_comment() && lines(before.text) == lines(after.text))
}

/// Where braces nest too deep to be shown.
fn too_deep(tokens: &[Token<'_>]) -> Option<usize> {
    let mut depth = 0usize;
    for token in tokens {
        depth = if token.is(b"{") { depth + 1 } else { depth.saturating_sub(usize::from(token.is(b"}"))) };
        if depth > DEEPEST {
            return Some(token.start());
        }
    }
    None
}

fn unread(path: &Path, text: &[u8], unfinished: Unfinished) -> Refusal {
    let line = super::token::shown_line(text, unfinished.start);
    let span = Span { file: MAIN_FILE, start: unfinished.start as u32, end: line as u32 };
    refuse(path, text, Diagnostic::error("format-unreadable", unfinished.what, span).note("the file is left as it is"))
}

fn refuse(path: &Path, text: &[u8], diagnostic: Diagnostic) -> Refusal {
    let mut sources = Sources::default();
    sources.add(path, text);
    Refusal { sources, diagnostics: vec![diagnostic] }
}
