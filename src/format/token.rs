//! The tokens of a file's own text, comments and directives among them.
//!
//! Between two tokens stand blanks only, so that the tokens with what they know about the blanks before them are the whole text.

use crate::config::preprocess::lexer::{
    bracket_end, comment_end, continued_line_end, directive_word, is_blank, is_word, is_word_start, line_end,
    select_end, skip_blanks, string_end, variable_end, word_end,
};

/// What a token is, as far as layout cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A word or a number.
    Word,
    /// A pseudo-variable or a select.
    Variable,
    /// A string with its quotes.
    String,
    /// An operator or a bracket.
    Symbol,
    /// `#` or `//` to the end of the line.
    LineComment,
    /// `/* ... */`.
    BlockComment,
    /// What begins with `#!` or `!!`, with its whole argument.
    Directive(Directive),
    /// `include_file "..."` written as a statement.
    Include,
}

/// What a directive does to the text around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Directive {
    /// `ifdef`, and `ifexp`: text that counts when something is there.
    If,
    /// `ifndef`.
    IfNot,
    /// `else`.
    Else,
    /// `endif`.
    End,
    /// Every other one.
    Other,
}

/// A token and the blanks before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a [u8],
    start: u32,
    /// Newlines between it and the token before.
    pub(super) lines: u32,
    /// Whether anything stands between it and the token before.
    pub(super) space: bool,
}

impl Token<'_> {
    /// Where it begins.
    pub(super) fn start(&self) -> usize {
        self.start as usize
    }

    /// Whether it is this symbol.
    pub(super) fn is(&self, symbol: &[u8]) -> bool {
        self.kind == Kind::Symbol && self.text == symbol
    }

    /// Whether it is this word.
    pub(super) fn is_word(&self, word: &[u8]) -> bool {
        self.kind == Kind::Word && self.text == word
    }

    /// Whether the language sees it: no comment, no directive.
    pub(super) fn is_code(&self) -> bool {
        matches!(self.kind, Kind::Word | Kind::Variable | Kind::String | Kind::Symbol)
    }

    /// Whether it is a comment.
    pub(super) fn is_comment(&self) -> bool {
        matches!(self.kind, Kind::LineComment | Kind::BlockComment)
    }
}

/// A token that does not end: where it begins and what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unfinished {
    pub(super) start: usize,
    pub(super) what: &'static str,
}

/// Cuts a text into its tokens.
pub(super) fn tokens(text: &[u8]) -> Result<Vec<Token<'_>>, Unfinished> {
    let mut tokens: Vec<Token<'_>> = Vec::with_capacity(text.len() / 6);
    let (mut at, mut behind) = (0, 0);
    while at < text.len() {
        if is_blank(text[at]) {
            at = skip_blanks(text, at, true);
            continue;
        }
        // Outside of strings a backslash is a blank as any other.
        if text[at] == b'\\' {
            at += 1;
            continue;
        }
        let (kind, end) = match tokens.last() {
            Some(last) if last.is_word(b"event_route") && text[at] == b'[' => {
                (Kind::Symbol, bracket_end(text, at).unwrap_or(at + 1))
            }
            _ => token(text, at)?,
        };
        let blanks = &text[behind..at];
        let lines = memchr::memchr_iter(b'\n', blanks).count() as u32;
        let whole = &text[at..end];
        let shown = match kind {
            Kind::LineComment => whole.trim_ascii_end(),
            Kind::Directive(_) => whole.strip_suffix(b"\r").unwrap_or(whole),
            _ => whole,
        };
        tokens.push(Token { kind, text: shown, start: at as u32, lines, space: !blanks.is_empty() });
        at = end;
        behind = end;
    }
    Ok(tokens)
}

/// Where the line of `at` ends.
pub(super) fn shown_line(text: &[u8], at: usize) -> usize {
    line_end(text, at)
}

/// Operators of two characters, as the grammar reads them.
const PAIRS: [&[u8]; 10] = [b"==", b"!=", b"=~", b"<=", b">=", b"<<", b">>", b"&&", b"||", b"!!"];

/// The token at `at`, which is no blank: its kind and its end.
fn token(text: &[u8], at: usize) -> Result<(Kind, usize), Unfinished> {
    let rest = &text[at..];
    if let Some((kind, end)) = directive(text, at) {
        return Ok((Kind::Directive(kind), end));
    }
    let unfinished = |what| Unfinished { start: at, what };
    Ok(match text[at] {
        b'#' => (Kind::LineComment, line_end(text, at)),
        b'/' if rest.starts_with(b"//") => (Kind::LineComment, line_end(text, at)),
        b'/' if rest.starts_with(b"/*") => {
            (Kind::BlockComment, comment_end(text, at).ok_or(unfinished("this comment is never closed"))?)
        }
        b'"' | b'\'' => (Kind::String, string_end(text, at).ok_or(unfinished("this string has no closing quote"))?),
        b'$' => {
            let end = variable_end(text, at);
            let end = end.map_err(|_| unfinished("the parenthesis of this pseudo-variable is not closed"))?;
            (
                Kind::Variable,
                Some(end).filter(|_| text.get(end) == Some(&b'[')).and_then(|at| bracket_end(text, at)).unwrap_or(end),
            )
        }
        b'@' => (Kind::Variable, select_end(text, at)),
        b'%' if rest.get(1).copied().is_some_and(is_word_start) => (Kind::Variable, word_end(text, at + 1)),
        byte if is_word(byte) => {
            let end = word_end(text, at);
            let argument = skip_blanks(text, end, true);
            match (&text[at..end], text.get(argument)) {
                (b"include_file" | b"import_file", Some(b'"')) => {
                    let close = string_end(text, argument).ok_or(unfinished("this string has no closing quote"))?;
                    (Kind::Include, close)
                }
                _ => (Kind::Word, end),
            }
        }
        byte if byte.is_ascii_graphic() => match PAIRS.iter().find(|pair| rest.starts_with(pair)) {
            Some(pair) => (Kind::Symbol, at + pair.len()),
            None => (Kind::Symbol, at + 1),
        },
        // Bytes that the language skips.
        _ => {
            let stray = |byte: &u8| !byte.is_ascii_graphic() && !is_blank(*byte);
            (Kind::Symbol, at + rest.iter().take_while(|byte| stray(byte)).count())
        }
    })
}

/// The directive at `at` and its end; the ends are those of the preprocessor.
fn directive(text: &[u8], at: usize) -> Option<(Directive, usize)> {
    let (start, end) = directive_word(text, at)?;
    let line = line_end(text, end);
    let argument = skip_blanks(text, end, false).min(line);
    let spaced = argument > end;
    let word = &text[start..end];
    let kind = match word {
        b"ifdef" | b"ifexp" => Directive::If,
        b"ifndef" => Directive::IfNot,
        b"else" => Directive::Else,
        b"endif" => Directive::End,
        _ => Directive::Other,
    };
    let end = match word {
        b"define" | b"def" | b"trydefine" | b"trydef" | b"redefine" | b"redef" if spaced => {
            continued_line_end(text, word_end(text, argument))
        }
        b"undefine" | b"undef" | b"tryundefine" | b"tryundef" if spaced => line,
        b"defexp" | b"defexps" | b"defenv" | b"defenvs" | b"trydefenv" | b"trydefenvs" if spaced => line,
        b"ifdef" | b"ifndef" | b"ifexp" | b"else" | b"endif" => line,
        b"KAMAILIO" | b"OPENSER" | b"ALL" | b"MAXCOMPAT" | b"SER" => line,
        b"subst" | b"substdef" | b"substdefs" | b"include_file" | b"import_file" => {
            let argument = skip_blanks(text, end, true);
            let quoted = match text.get(argument) {
                Some(b'"') => true,
                Some(b'\'') => word.starts_with(b"subst"),
                _ => false,
            };
            if quoted { string_end(text, argument).unwrap_or(line) } else { line }
        }
        _ => return None,
    };
    Some((kind, end))
}
