//! From files to one text: includes, defines, conditionals and substitution rules.
//!
//! Works on bytes, for configs may be Latin-1, begin with a byte order mark or end their lines with CRLF. Comments
//! leave the text; every byte that stays knows the place it came from ([`Expanded`]).

mod directives;
mod expression;
pub(crate) mod lexer;
mod origin;
mod strings;
mod subst;

pub use origin::Expanded;
pub(in crate::config) use origin::Hollow;

use crate::builtin::Environment;
use crate::source::{Diagnostic, FileId, Files, Level, Sources, Span};
use bytes::Bytes;
use directives::Conditional;
use lexer::{directive_word, is_blank, is_word, is_word_start};
use origin::Origin;
use rustc_hash::FxHashSet;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use subst::Rule;

/// What the command line adds to a config.
#[derive(Clone, Default)]
pub struct Options<'a> {
    /// `-A`, `--subst` and their like, in the order given.
    pub lines: Vec<CommandLine>,
    /// The environment, for `#!defenv`; without it no variable is set.
    pub environment: Option<&'a Environment<'a>>,
    /// Words that stay undefined whatever the text says, to look at the other branches of its conditionals.
    pub without: Vec<String>,
}

/// One preprocessor option of the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandLine {
    /// `-A NAME` or `-A NAME=value`, as given.
    Define(String),
    /// `--subst`.
    Subst(String),
    /// `--substdef`.
    SubstDefine(String),
    /// `--substdefs`.
    SubstDefineQuoted(String),
}

/// The name under which options of the command line show.
pub const COMMAND_LINE: &str = "<command line>";
/// No file may be larger.
const LARGEST_FILE: usize = 10 << 20;
/// An `#!endif` that ends its file without a newline: Kamailio does not see it.
pub(crate) const UNSEEN_ENDIF: &str = "syntax-unseen-endif";
/// The text may not grow beyond this.
const LARGEST_TEXT: usize = 32 << 20;
/// Bytes read over and over again by nested defines.
const MOST_WORK: usize = 64 << 20;
/// What the use of a define costs beside its text.
const STEP: usize = 100;
/// What an include costs beside its text, whether the file is there or not.
const INCLUDE_STEP: usize = 2000;
/// Files open inside each other, the main one not counted.
const DEEPEST_INCLUDE: usize = 10;
/// Words defined.
const MOST_DEFINES: usize = 50_000;
/// Defines used inside each other.
const DEEPEST_DEFINE: usize = 60;
/// What applying substitution rules may cost: a unit is about 10 ns.
const MOST_SUBSTITUTED: usize = 50_000_000;
/// What applying a rule costs, and replacing once, beside the length of the text.
const RULE_STEP: usize = 10;
/// A string does not grow by more than this.
const LONGEST_STRING: usize = 1 << 20;
/// Pseudo-variables that are not closed; behind so many the rest is not worth reading.
const MOST_UNCLOSED: usize = 1000;
/// Findings that are shown; more say nothing.
const MOST_DIAGNOSTICS: usize = 500;

/// Reads `main` and everything it includes. Files land in `sources`, findings in `diagnostics`; what could be read is
/// returned.
pub fn preprocess(
    main: &Path,
    files: &dyn Files,
    options: &Options<'_>,
    sources: &mut Sources,
    diagnostics: &mut Vec<Diagnostic>,
) -> Expanded {
    let mut state = Preprocessor {
        files,
        options,
        sources,
        diagnostics,
        out: Expanded::default(),
        defines: BTreeMap::new(),
        rules: Vec::new(),
        conditionals: Vec::new(),
        stray_ends: Vec::new(),
        unseen_end: None,
        open: Vec::new(),
        expanding: Vec::new(),
        recursive: FxHashSet::default(),
        work: 0,
        substituted: 0,
        unclosed: 0,
        stopped: false,
        expect: Expect::Nothing,
    };
    state.predefine();
    state.command_line();
    state.out.main = FileId(state.sources.files().count() as u32);
    match files.read_within(main, LARGEST_FILE) {
        Ok(text) => state.file(main.to_path_buf(), text),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => state.too_large(main, None),
        Err(error) => {
            let file = state.sources.add(main, Vec::new());
            let span = Span { file, start: 0, end: 0 };
            state.report(Diagnostic::error("unreadable-file", format!("cannot read the config: {error}"), span));
        }
    }
    state.unclosed_conditionals();
    let defines = std::mem::take(&mut state.defines);
    let text = |value: Arc<[u8]>| Bytes::copy_from_slice(&value);
    state.out.defines = defines
        .into_iter()
        .map(|(name, define)| (String::from_utf8_lossy(&name).into_owned(), define.value.map(text)))
        .collect();
    state.out
}

/// A define: its text, when it has one, and where it was made.
#[derive(Clone, Debug)]
struct Define {
    value: Option<Arc<[u8]>>,
    span: Span,
    /// A variable of the environment that the value asks for and that is not set: it stands there as it is written.
    unset: Option<String>,
}

/// What the last word lets the lexer expect.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expect {
    Nothing,
    /// The name of a module: it defines `MOD_<name>`.
    Module,
    /// The brackets of `event_route`, in which no define is used.
    EventName,
}

/// A text being read: a file, or the value of a define at the place of its use.
struct Input {
    text: Arc<[u8]>,
    file: FileId,
    /// The use and the define, when this is a value.
    value: Option<(Span, Span)>,
}

impl Input {
    fn span(&self, start: usize, end: usize) -> Span {
        match self.value {
            Some((place, _)) => place,
            None => Span { file: self.file, start: start as u32, end: end as u32 },
        }
    }

    fn origin(&self, start: usize) -> Origin {
        match self.value {
            Some((place, define)) => Origin::Replaced(place, Some(define)),
            None => Origin::Copied(self.file, start as u32),
        }
    }
}

/// How a text ended.
#[derive(PartialEq, Eq)]
enum End {
    Clean,
    /// Inside a comment that goes on to the end of the line around the use of a define.
    Comment,
}

struct Preprocessor<'a> {
    files: &'a dyn Files,
    options: &'a Options<'a>,
    sources: &'a mut Sources,
    diagnostics: &'a mut Vec<Diagnostic>,
    out: Expanded,
    defines: BTreeMap<Vec<u8>, Define>,
    rules: Vec<Rule>,
    conditionals: Vec<Conditional>,
    /// Places of `#!endif` that close nothing.
    stray_ends: Vec<Span>,
    /// An `#!endif` that ends its file without a newline.
    unseen_end: Option<Span>,
    /// Files open inside each other.
    open: Vec<PathBuf>,
    /// Defines whose values are being read.
    expanding: Vec<Vec<u8>>,
    /// Defines that were found to lead back to themselves.
    recursive: FxHashSet<Vec<u8>>,
    work: usize,
    /// What applying rules has cost.
    substituted: usize,
    /// Pseudo-variables whose parenthesis is not closed.
    unclosed: usize,
    stopped: bool,
    expect: Expect,
}

impl Preprocessor<'_> {
    fn report(&mut self, diagnostic: Diagnostic) {
        if self.diagnostics.len() < MOST_DIAGNOSTICS {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Reads a file whose bytes are known.
    fn file(&mut self, path: PathBuf, text: Vec<u8>) {
        let text: Arc<[u8]> = text.into();
        let file = self.sources.add(path.clone(), text.clone());
        let input = Input { text, file, value: None };
        self.open.push(path);
        self.run(&input);
        self.open.pop();
    }

    /// Reports a file that is not read, at the place that includes it.
    fn too_large(&mut self, path: &Path, place: Option<Span>) {
        let file = self.sources.add(path, Vec::new());
        let span = place.unwrap_or(Span { file, start: 0, end: 0 });
        let message = format!("{} is larger than {} MB", path.display(), LARGEST_FILE >> 20);
        self.report(Diagnostic::error("input-too-large", message, span));
    }

    /// Reads a text to its end.
    fn run(&mut self, input: &Input) -> End {
        self.work += input.text.len() + STEP;
        if self.work > MOST_WORK || self.out.text.len() > LARGEST_TEXT {
            if !self.stopped {
                let message = "the text grows without bounds: includes and defines repeat too much";
                self.report(Diagnostic::error("input-too-large", message, input.span(0, 0)));
            }
            self.stopped = true;
        }
        let text = &input.text[..];
        let mut at = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        while at < text.len() && !self.stopped {
            if self.is_skipping() {
                at = self.skip(input, at);
                continue;
            }
            at = match text[at] {
                b'#' | b'!' if directive_word(text, at).is_some() => match self.directive(input, at) {
                    Some(next) => next,
                    None if text[at] == b'!' => self.copy(input, at, at + 2),
                    None => lexer::line_end(text, at),
                },
                b'#' => lexer::line_end(text, at),
                b'/' if text[at..].starts_with(b"//") => lexer::line_end(text, at),
                b'/' if text[at..].starts_with(b"/*") => self.comment(input, at),
                b'"' | b'\'' => self.string(input, at),
                b'$' => self.variable(input, at),
                b'@' => self.copy(input, at, lexer::select_end(text, at)),
                b'%' => self.copy(input, at, lexer::word_end(text, at + 1)),
                b'[' if self.expect == Expect::EventName => {
                    self.copy(input, at, lexer::bracket_end(text, at).map_or(at + 1, |end| end - 1))
                }
                byte if is_word_start(byte) => self.word(input, at),
                byte if is_word(byte) => self.copy(input, at, lexer::word_end(text, at)),
                byte if byte.is_ascii_graphic() || is_blank(byte) => self.symbol(input, at),
                _ => self.stray(input, at),
            };
        }
        let in_comment = || text.rsplit(|&byte| byte == b'\n').next().is_some_and(ends_in_comment);
        if input.value.is_some() && in_comment() { End::Comment } else { End::Clean }
    }

    /// Takes over a token as it stands.
    fn copy(&mut self, input: &Input, start: usize, end: usize) -> usize {
        self.expect = Expect::Nothing;
        self.out.push(&input.text[start..end], input.origin(start));
        end
    }

    /// Takes over a blank or a punctuation mark, with the blanks behind it.
    fn symbol(&mut self, input: &Input, at: usize) -> usize {
        let byte = input.text[at];
        let keeps = is_blank(byte) || (byte == b'(' && self.expect == Expect::Module);
        if !keeps {
            self.expect = Expect::Nothing;
        }
        let end = lexer::skip_blanks(&input.text, at + 1, true);
        self.out.push(&input.text[at..end], input.origin(at));
        end
    }

    /// A word: an include, a define or itself.
    fn word(&mut self, input: &Input, at: usize) -> usize {
        let text = &input.text[..];
        let end = lexer::word_end(text, at);
        let word = &text[at..end];
        if matches!(word, b"include_file" | b"import_file") {
            return self.include(input, at, end);
        }
        if !is_control_word(word)
            && let Some(define) = self.defines.get(word).cloned()
        {
            return self.expand(input, at, end, &define);
        }
        self.copy(input, at, end);
        self.expect = match word {
            b"loadmodule" | b"loadmodulex" => Expect::Module,
            b"event_route" => Expect::EventName,
            _ => Expect::Nothing,
        };
        end
    }

    /// Puts the value of a define in place of the word from `at` to `end`, and reads it.
    fn expand(&mut self, input: &Input, at: usize, end: usize, define: &Define) -> usize {
        let word = &input.text[at..end];
        let place = input.span(at, end);
        if self.expanding.iter().any(|name| name == word) || self.expanding.len() >= DEEPEST_DEFINE {
            let name = String::from_utf8_lossy(word);
            let found =
                Diagnostic::error("recursive-define", format!("the value of `{name}` leads back to itself"), place)
                    .label(define.span, "defined here")
                    .note("Kamailio hangs on such a define, even in a config check");
            // Each use of it is the same mistake.
            if self.recursive.insert(word.to_vec()) {
                self.report(found);
            }
            return self.copy(input, at, end);
        }
        let value = define.value.clone().filter(|value| !value.is_empty());
        if value.is_none() || define.unset.is_some() {
            let name = String::from_utf8_lossy(word).into_owned();
            let (at, unset) = (self.out.text.len(), define.unset.clone());
            self.out.hollow.push(Hollow { at, name, define: define.span, unset });
        }
        let Some(value) = value else {
            // Nothing stands there, but what is around it does not become one token.
            self.out.push(b" ", Origin::Replaced(place, Some(define.span)));
            return end;
        };
        self.expanding.push(word.to_vec());
        let ending = self.run(&Input { text: value, file: input.file, value: Some((place, define.span)) });
        self.expanding.pop();
        if ending == End::Clean {
            return end;
        }
        let line = lexer::line_end(&input.text, end);
        let swallowed = input.text[end..line].iter().any(|&byte| !is_blank(byte));
        if swallowed && input.value.is_none() {
            let found = Diagnostic::warning("comment-in-define", "the value of this define ends in a comment", place)
                .label(define.span, "the comment is part of the value")
                .note("the comment reaches to the end of the line in which the define is used")
                .help("put the comment on a line of its own, above the define");
            self.report(found);
        }
        line
    }

    /// Drops a block comment.
    fn comment(&mut self, input: &Input, at: usize) -> usize {
        let end = lexer::comment_end(&input.text, at).unwrap_or_else(|| {
            let found = Diagnostic::warning(
                "syntax-unterminated-comment",
                "this comment is never closed",
                input.span(at, at + 2),
            )
            .note("comments nest: each `/*` inside needs its own `*/`")
            .note("the rest of the file is lost");
            self.report(found);
            input.text.len()
        });
        self.out.push(b" ", Origin::Replaced(input.span(at, end), None));
        end
    }

    /// Drops bytes that belong to no token.
    fn stray(&mut self, input: &Input, at: usize) -> usize {
        let is_stray = |byte: &u8| !byte.is_ascii_graphic() && !is_blank(*byte);
        let length = input.text[at..].iter().position(|byte| !is_stray(byte)).unwrap_or(input.text.len() - at);
        let bytes = &input.text[at..at + length];
        let words = match std::str::from_utf8(bytes) {
            Ok(text) => text.chars().take(4).map(|c| format!("U+{:04X}", u32::from(c))).collect::<Vec<_>>(),
            Err(_) => bytes.iter().take(4).map(|byte| format!("0x{byte:02X}")).collect(),
        };
        let span = input.span(at, at + length);
        // What is around them does not become one token.
        self.out.push(b" ", Origin::Replaced(span, None));
        // Kamailio skips these too, but no text holds them: the file is broken or no config at all.
        if bytes.contains(&0) {
            let found = Diagnostic::error("syntax-nul", "there is a NUL byte, which no text holds", span);
            self.report(found.help("is this file a config, and is it whole?"));
            return at + length;
        }
        let message = format!("{} outside of a string is skipped", words.join(" "));
        let found = Diagnostic::new(Level::Warning, "stray-character", message, span);
        let is_quote =
            std::str::from_utf8(bytes).is_ok_and(|text| text.contains(['“', '”', '„', '‟', '‘', '’', '‚', '«', '»']));
        self.report(if is_quote { found.help("a word processor made it: write a straight quote, \"") } else { found });
        at + length
    }
}

/// Words of the language that a define never replaces.
fn is_control_word(word: &[u8]) -> bool {
    matches!(
        word,
        b"if"
            | b"else"
            | b"while"
            | b"switch"
            | b"case"
            | b"default"
            | b"break"
            | b"return"
            | b"exit"
            | b"drop"
            | b"route"
    )
}

/// Whether a line that is known not to continue anything ends in a comment.
fn ends_in_comment(line: &[u8]) -> bool {
    let mut at = 0;
    while at < line.len() {
        at = match line[at] {
            b'#' => return directive_word(line, at).is_none(),
            b'/' if line[at..].starts_with(b"//") => return true,
            b'/' if line[at..].starts_with(b"/*") => lexer::comment_end(line, at).unwrap_or(line.len()),
            b'"' | b'\'' => lexer::string_end(line, at).unwrap_or(line.len()),
            b'$' => lexer::variable_end(line, at).unwrap_or_else(|end| end),
            _ => at + 1,
        };
    }
    false
}
