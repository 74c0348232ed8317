//! What stands behind `#!` and `!!`.

use super::expression::{self, Id, Value};
use super::lexer::{
    continued_line_end, directive_word, is_blank, is_word_start, line_end, skip_blanks, string_end, word_end,
};
use super::subst::{Fault, Rule};
use super::{CommandLine, DEEPEST_INCLUDE, Define, INCLUDE_STEP, Input, LARGEST_FILE, MOST_DEFINES, Preprocessor};
use crate::config::{ast, literal};
use crate::source::{Diagnostic, Level, Span};
use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An open `#!ifdef` or its like.
pub(super) struct Conditional {
    span: Span,
    /// Whether text in the branch that is open counts.
    taken: bool,
    /// Whether text around it counts.
    around: bool,
    /// Its place among the conditionals of the text.
    place: usize,
    /// The branch behind `#!else` is open.
    in_else: bool,
}

/// How a define treats what is there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// It must be the first.
    New,
    /// What is there stays.
    Try,
    /// What is there goes.
    Replace,
}

/// Names of releases that a config may ask for.
const PREDEFINED: [(&str, Option<&str>); 5] = [
    ("KAMAILIO_5", None),
    ("KAMAILIO_5_6", None),
    ("KAMAILIO_5_6_3", None),
    ("KAMAILIO_VERSION", Some("5006003")),
    ("OS_NAME", Some("\"linux\"")),
];

impl Preprocessor<'_> {
    /// Whether the text is in a branch that does not count.
    pub(super) fn is_skipping(&self) -> bool {
        self.conditionals.last().is_some_and(|conditional| !(conditional.taken && conditional.around))
    }

    /// Makes the defines that are always there.
    pub(super) fn predefine(&mut self) {
        for (name, value) in PREDEFINED {
            let value = value.map(|value| Arc::from(value.as_bytes()));
            self.defines.insert(name.as_bytes().to_vec(), Define { value, span: Span::default(), unset: None });
        }
    }

    /// Follows the options of the command line; they show as a file of their own.
    pub(super) fn command_line(&mut self) {
        for line in &self.options.lines {
            let (text, quoted) = match line {
                CommandLine::Define(text) => (text, None),
                CommandLine::Subst(text) => (text, Some(None)),
                CommandLine::SubstDefine(text) => (text, Some(Some(false))),
                CommandLine::SubstDefineQuoted(text) => (text, Some(Some(true))),
            };
            let file = self.sources.add(super::COMMAND_LINE, text.as_bytes());
            let span = Span { file, start: 0, end: text.len() as u32 };
            match quoted {
                Some(define) => self.rule(text.as_bytes(), define, span),
                None => {
                    let (name, value) =
                        text.split_once('=').map_or((&text[..], None), |(name, value)| (name, Some(value)));
                    self.define(name.as_bytes(), value.map(|value| value.as_bytes().to_vec()), Mode::New, span);
                }
            }
        }
    }

    /// Goes through text that does not count up to the next directive that may end it.
    pub(super) fn skip(&mut self, input: &Input, at: usize) -> usize {
        let text = &input.text[..];
        let mut from = at;
        while let Some(length) = memchr::memchr2(b'#', b'!', &text[from..]) {
            from += length;
            let word = directive_word(text, from).map(|(start, end)| &text[start..end]);
            if matches!(word, Some(b"ifdef" | b"ifndef" | b"ifexp" | b"else" | b"endif"))
                && let Some(next) = self.directive(input, from)
            {
                return next;
            }
            from += 1;
        }
        text.len()
    }

    /// Follows the directive at `at`. `None` when it is none and the text is an ordinary comment.
    pub(super) fn directive(&mut self, input: &Input, at: usize) -> Option<usize> {
        let text = &input.text[..];
        let (start, end) = directive_word(text, at)?;
        let word = &text[start..end];
        let line = line_end(text, end);
        let argument = skip_blanks(text, end, false).min(line);
        let spaced = argument > end;
        match word {
            b"define" | b"def" if spaced => Some(self.define_line(input, at, argument, Mode::New)),
            b"trydefine" | b"trydef" if spaced => Some(self.define_line(input, at, argument, Mode::Try)),
            b"redefine" | b"redef" if spaced => Some(self.define_line(input, at, argument, Mode::Replace)),
            b"undefine" | b"undef" | b"tryundefine" | b"tryundef" if spaced => {
                let name = &text[argument..word_end(text, argument)];
                if self.defines.remove(name).is_none() && !word.starts_with(b"try") {
                    let message = format!("`{}` is not defined", String::from_utf8_lossy(name));
                    self.report(Diagnostic::error("unknown-define", message, input.span(at, line)));
                }
                Some(line)
            }
            b"defexp" | b"defexps" if spaced => Some(self.define_expression(input, argument, word.ends_with(b"s"))),
            b"defenv" | b"defenvs" | b"trydefenv" | b"trydefenvs" if spaced => {
                self.define_environment(input, word, argument, line);
                Some(line)
            }
            b"ifdef" | b"ifndef" => {
                let name_end = word_end(text, argument);
                let known = self.defines.contains_key(&text[argument..name_end]);
                if !self.is_skipping() {
                    self.check_name(input, at, argument, name_end);
                }
                let asked = Some((text[argument..name_end].to_vec(), word == b"ifdef"));
                self.open_conditional(input, at, line, known == (word == b"ifdef"), asked);
                Some(line)
            }
            b"ifexp" => {
                let holds =
                    !self.is_skipping() && self.evaluate(input, argument, line).is_some_and(|value| value.is_true());
                self.open_conditional(input, at, line, holds, None);
                Some(line)
            }
            b"else" => {
                self.flip_conditional(input, at, end);
                Some(self.rest_of_line(input, end, line))
            }
            b"endif" => {
                self.close_conditional(input, at, end);
                Some(self.rest_of_line(input, end, line))
            }
            b"subst" | b"substdef" | b"substdefs" => self.rule_line(input, at, end, word),
            b"include_file" | b"import_file" => Some(self.include(input, start, end)),
            b"KAMAILIO" | b"OPENSER" | b"ALL" | b"MAXCOMPAT" => {
                self.out.kamailio_names = matches!(word, b"KAMAILIO" | b"OPENSER");
                self.out.ser_names = false;
                Some(line)
            }
            b"SER" => {
                self.out.kamailio_names = false;
                self.out.ser_names = true;
                Some(line)
            }
            _ if text[at] == b'#' && !text[..at].is_empty() => {
                let message = format!("`#!{}` is no directive and reads as a comment", String::from_utf8_lossy(word));
                self.report(Diagnostic::warning("unknown-directive", message, input.span(at, end)));
                None
            }
            _ => None,
        }
    }

    /// Reports conditionals that are still open at the end, and what closed none. Kamailio only counts: when both are
    /// equally many it starts.
    pub(super) fn unclosed_conditionals(&mut self) {
        let open = std::mem::take(&mut self.conditionals);
        let stray = std::mem::take(&mut self.stray_ends);
        let balanced = open.len() + usize::from(self.unseen_end.is_some()) == stray.len();
        if let Some(span) = self.unseen_end
            && !balanced
        {
            let message = "the file ends with `#!endif` without a newline";
            let found = Diagnostic::warning(super::UNSEEN_ENDIF, message, span);
            self.report(
                found.note("Kamailio does not see it and refuses to start").help("end the file with a newline"),
            );
        }
        let level = if balanced { Level::Warning } else { Level::Error };
        for conditional in open {
            let found = Diagnostic::new(
                level,
                "syntax-unbalanced-ifdef",
                "this conditional has no `#!endif`",
                conditional.span,
            );
            self.report(found.help("end it with `#!endif` on a line of its own"));
        }
        for span in stray {
            self.report(Diagnostic::new(
                level,
                "syntax-unbalanced-ifdef",
                "this `#!endif` closes no conditional",
                span,
            ));
        }
    }

    fn open_conditional(&mut self, input: &Input, at: usize, line: usize, taken: bool, asked: Option<(Vec<u8>, bool)>) {
        let around = !self.is_skipping();
        let span = input.span(at, line);
        let place = self.out.conditionals.len();
        let (word, when_defined) = asked.map_or((None, true), |(word, when_defined)| (Some(word), when_defined));
        self.out.conditionals.push(ast::Conditional {
            word,
            when_defined,
            inside: self.conditionals.last().map(|open| (open.place, !open.in_else)),
            has_else: false,
            read: (taken && around, false),
            span,
        });
        self.conditionals.push(Conditional { span, taken, around, place, in_else: false });
    }

    fn flip_conditional(&mut self, input: &Input, at: usize, end: usize) {
        match self.conditionals.last_mut() {
            Some(conditional) => {
                conditional.taken = !conditional.taken;
                conditional.in_else = true;
                if let Some(kept) = self.out.conditionals.get_mut(conditional.place) {
                    kept.has_else = true;
                    kept.read.1 = conditional.taken && conditional.around;
                }
            }
            None => {
                let message = "`#!else` outside of a conditional is ignored";
                self.report(Diagnostic::warning("stray-else", message, input.span(at, end)));
            }
        }
    }

    fn close_conditional(&mut self, input: &Input, at: usize, end: usize) {
        if self.conditionals.pop().is_none() {
            self.stray_ends.push(input.span(at, end));
        }
        if end == input.text.len() && input.value.is_none() {
            self.unseen_end = Some(input.span(at, end));
        }
    }

    /// Warns of text behind `#!else` and `#!endif`; returns the end of the line.
    fn rest_of_line(&mut self, input: &Input, end: usize, line: usize) -> usize {
        if input.text[end..line].iter().any(|&byte| !is_blank(byte)) {
            let found = Diagnostic::warning(
                "text-after-directive",
                "text behind the directive is ignored",
                input.span(end, line),
            );
            self.report(found.note("Kamailio takes the whole line for a comment, the directive included"));
        }
        line
    }

    /// Reports an id that is none. Says whether it is one.
    fn check_name(&mut self, input: &Input, at: usize, start: usize, end: usize) -> bool {
        let text = &input.text[..];
        if !text.get(start).copied().is_some_and(is_word_start) {
            let message = "a name is expected behind the directive";
            self.report(Diagnostic::error("syntax-directive", message, input.span(at, line_end(text, at))));
            return false;
        }
        if text.get(end) == Some(&b'-') {
            let message = "a name holds letters, digits and `_`, no dash";
            self.report(Diagnostic::error("syntax-directive", message, input.span(start, end + 1)));
            return false;
        }
        true
    }

    /// `#!define NAME value`.
    fn define_line(&mut self, input: &Input, at: usize, argument: usize, mode: Mode) -> usize {
        let text = &input.text[..];
        let name_end = word_end(text, argument);
        let line = continued_line_end(text, name_end);
        if !self.check_name(input, at, argument, name_end) {
            return line;
        }
        let raw = &text[name_end..line];
        let mut value = Vec::with_capacity(raw.len());
        for part in raw.split_inclusive(|&byte| byte == b'\n') {
            let part = part.strip_suffix(b"\n").unwrap_or(part);
            let part = part.strip_suffix(b"\r").unwrap_or(part);
            // Only the last line can end without the backslash that continues it.
            value.extend_from_slice(part.strip_suffix(b"\\").unwrap_or(part));
        }
        let blanks = value.iter().position(|&byte| !is_blank(byte)).unwrap_or(value.len());
        value.drain(..blanks);
        let value = (!value.is_empty()).then_some(value);
        let end = name_end + raw.trim_ascii_end().len();
        self.define(&text[argument..name_end], value, mode, input.span(at, end));
        line
    }

    fn define(&mut self, name: &[u8], value: Option<Vec<u8>>, mode: Mode, span: Span) {
        if self.options.without.iter().any(|without| without.as_bytes() == name) {
            return;
        }
        self.out.defined.push((name.to_vec(), value.is_some()));
        if let Some(before) = self.defines.get(name).filter(|_| mode != Mode::Replace) {
            if mode == Mode::New {
                let name = String::from_utf8_lossy(name);
                let found = Diagnostic::error("duplicate-define", format!("`{name}` is defined twice"), span)
                    .label(before.span, "the first is here")
                    .help("`#!trydef` keeps the first, `#!redef` takes the last");
                self.report(found);
            }
            return;
        }
        if self.defines.len() >= MOST_DEFINES {
            if !self.stopped {
                let message = format!("more than {MOST_DEFINES} words are defined");
                self.report(Diagnostic::error("input-too-large", message, span));
            }
            self.stopped = true;
            return;
        }
        self.defines.insert(name.to_vec(), Define { value: value.map(Arc::from), span, unset: None });
    }

    fn evaluate(&mut self, input: &Input, start: usize, end: usize) -> Option<Value> {
        let text = &input.text[start..end];
        let value = expression::evaluate(text, &|name| match self.defines.get(name) {
            Some(define) => Id::Known(define.value.as_deref().map(<[u8]>::to_vec)),
            None => Id::Unknown,
        });
        match value {
            Ok(value) => Some(value),
            Err(at) => {
                let span = input.span(start + at.min(text.len()), end);
                self.report(Diagnostic::error("syntax-directive", "this expression cannot be read", span));
                None
            }
        }
    }

    /// `#!defexp NAME expression`; with `quoted` the value is a string.
    fn define_expression(&mut self, input: &Input, argument: usize, quoted: bool) -> usize {
        let text = &input.text[..];
        let line = line_end(text, argument);
        let name_end = word_end(text, argument);
        if self.check_name(input, argument, argument, name_end)
            && let Some(value) = self.evaluate(input, name_end, line)
        {
            let value = if quoted { literal::quote(&value.text()) } else { value.text() };
            self.define(&text[argument..name_end], Some(value), Mode::New, input.span(argument, line));
        }
        line
    }

    /// `#!defenv NAME` or `#!defenv NAME=VARIABLE`.
    fn define_environment(&mut self, input: &Input, word: &[u8], argument: usize, line: usize) {
        let text = &input.text[..];
        let name_end = word_end(text, argument);
        let span = input.span(argument, line);
        if !self.check_name(input, argument, argument, name_end) {
            return;
        }
        let name = &text[argument..name_end];
        let variable = match text.get(name_end) {
            Some(b'=') => text[name_end + 1..line].trim_ascii(),
            _ => name,
        };
        let variable = String::from_utf8_lossy(variable).into_owned();
        match self.options.environment.and_then(|environment| environment(&variable)) {
            Some(value) => {
                let value = if word.ends_with(b"s") { literal::quote(&value) } else { value };
                self.define(name, Some(value), Mode::New, span);
            }
            None if word.starts_with(b"try") => {}
            None => {
                let found = Diagnostic::error(
                    "unknown-environment",
                    format!("`{variable}` is not set in the environment"),
                    span,
                );
                self.report(found.help("`#!trydefenv` leaves the name undefined instead"));
            }
        }
    }

    /// `#!subst "/regex/replacement/flags"`. `None` when no string follows.
    fn rule_line(&mut self, input: &Input, at: usize, end: usize, word: &[u8]) -> Option<usize> {
        let text = &input.text[..];
        let start = skip_blanks(text, end, true);
        let close = match text.get(start) {
            Some(b'"' | b'\'') => string_end(text, start),
            _ => None,
        };
        let Some(close) = close else {
            let message = "a string is expected behind the directive";
            self.report(Diagnostic::error("syntax-directive", message, input.span(at, end)));
            return Some(line_end(text, end));
        };
        let value = literal::string(&text[start..close]);
        let value = self.substitute(&value, input.span(start, close)).unwrap_or(value);
        let define = match word {
            b"subst" => None,
            word => Some(word == b"substdefs"),
        };
        self.rule(&value, define, input.span(start, close));
        Some(close)
    }

    /// Adds a substitution rule; `define` also makes a define of it, quoted or not.
    fn rule(&mut self, text: &[u8], define: Option<bool>, span: Span) {
        let environment = self.options.environment;
        let unset = RefCell::new(None);
        let rule = Rule::read(text, |class, name| match class {
            b"env" => {
                let name = std::str::from_utf8(name).ok()?;
                let value = environment.and_then(|environment| environment(name));
                if value.is_none() {
                    unset.replace(Some(name.to_owned()));
                }
                value
            }
            b"def" => self.defines.get(name)?.value.as_deref().map(<[u8]>::to_vec),
            _ => None,
        });
        let message = match rule {
            Ok(rule) => {
                if let Some(quoted) = define {
                    let value = if quoted { literal::quote(&rule.replacement) } else { rule.replacement.clone() };
                    self.define(&rule.pattern, Some(value), Mode::New, span);
                    if let Some(define) = self.defines.get_mut(&rule.pattern).filter(|define| define.span == span) {
                        define.unset = unset.take();
                    }
                }
                return self.rules.push(rule);
            }
            Err(Fault::Shape) => "a rule is written \"/regex/replacement/flags\"".to_string(),
            Err(Fault::Flag(flag)) => format!("unknown flag `{flag}`: only `g` and `i` exist"),
            Err(Fault::Regex(reason)) => format!("bad regular expression: {reason}"),
        };
        self.report(Diagnostic::error("syntax-subst", message, span));
    }

    /// `include_file "name"`, the words from `at` to `end`.
    pub(super) fn include(&mut self, input: &Input, at: usize, end: usize) -> usize {
        let text = &input.text[..];
        let optional = &text[at..end] == b"import_file";
        let start = skip_blanks(text, end, true);
        let close = if text.get(start) == Some(&b'"') { string_end(text, start) } else { None };
        let Some(close) = close else {
            let message = "the name of a file in double quotes is expected";
            self.report(Diagnostic::error("syntax-include", message, input.span(at, end)));
            return line_end(text, end);
        };
        let span = input.span(start, close);
        self.work += INCLUDE_STEP;
        let name = literal::string(&text[start..close]);
        let name = self.substitute(&name, span).unwrap_or(name);
        let name = PathBuf::from(String::from_utf8_lossy(&name).into_owned());
        let beside = self.open.last().and_then(|path| path.parent()).unwrap_or(Path::new("")).join(&name);
        let read = |path: &Path| self.files.read_within(path, LARGEST_FILE).map(|text| (path.to_path_buf(), text));
        let second = |first: io::Error| {
            read(&beside).map_err(|second| if first.kind() == io::ErrorKind::NotFound { second } else { first })
        };
        // What is there and is no file is meant, and a mistake; what cannot be opened may be left out.
        let is_absent = |error: &io::Error| !matches!(error.kind(), io::ErrorKind::Other | io::ErrorKind::IsADirectory);
        match read(&name).or_else(second) {
            Ok((path, _)) if self.open.contains(&path) => {
                let message = format!("{} is included by itself", path.display());
                self.report(Diagnostic::error("include-loop", message, span));
            }
            Ok(_) if self.open.len() > DEEPEST_INCLUDE => {
                let message = format!("more than {DEEPEST_INCLUDE} files are open inside each other");
                self.report(Diagnostic::error("include-too-deep", message, span));
            }
            Ok((path, text)) => self.file(path, text),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => self.too_large(&name, Some(span)),
            Err(error) if optional && is_absent(&error) => self.out.missing_imports.push((name, span)),
            Err(error) => {
                let message = format!("cannot read {}: {error}", name.display());
                let mut found = Diagnostic::error("unknown-include", message, span);
                if beside != name {
                    found = found.note(format!("nor {}, beside the file that names it", beside.display()));
                }
                self.out.incomplete = true;
                self.report(found.help("`import_file` skips a file that is missing"));
            }
        }
        close
    }
}
