//! Cuts text into top-level items, and a route into statements, by brackets and strings alone.

use std::ops::Range;

/// A piece of the top level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A statement that is no route.
    Statement(Range<usize>),
    /// A route: from its keyword to its closing brace. When that is missing, `open` is the brace that is not closed,
    /// as far as indentation tells.
    Route { range: Range<usize>, open: Option<usize> },
    /// Text that begins no item.
    Stray(Range<usize>),
}

impl Piece {
    /// Where it stands.
    pub(super) fn range(&self) -> Range<usize> {
        let (Piece::Statement(range) | Piece::Stray(range) | Piece::Route { range, .. }) = self;
        range.clone()
    }
}

/// The top-level items of a text in order.
pub(super) fn items(text: &[u8]) -> impl Iterator<Item = Piece> {
    let mut at = 0;
    std::iter::from_fn(move || {
        at = skip_blanks(text, at);
        while text.get(at) == Some(&b';') {
            at = skip_blanks(text, at + 1);
        }
        if at >= text.len() {
            return None;
        }
        let piece = match start(text, at) {
            Some(Start::Route) => route(text, at),
            Some(Start::Statement) => Piece::Statement(at..statement_end(text, at)),
            None => Piece::Stray(at..stray_end(text, at)),
        };
        at = piece.range().end;
        Some(piece)
    })
}

/// Behind the token at `at`, which is no blank. Strings and pseudo-variables are one token.
pub(super) fn token_end(text: &[u8], at: usize) -> usize {
    let Some(&first) = text.get(at) else { return text.len() };
    match first {
        quote @ (b'"' | b'\'') => {
            let mut end = at + 1;
            while end < text.len() && text[end] != quote {
                end += if quote == b'"' && text[end] == b'\\' { 2 } else { 1 };
            }
            (end + 1).min(text.len())
        }
        b'$' => variable_end(text, at),
        byte if is_word(byte) => word_end(text, at),
        _ => at + 1,
    }
}

/// The first byte from `at` that is no blank; a backslash outside of strings is one, as in Kamailio.
pub(super) fn skip_blanks(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or(&[]);
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'\\' | 8);
    at + rest.iter().take_while(|byte| blank(byte)).count()
}

/// The word at `at`; empty when there is none.
pub(super) fn word(text: &[u8], at: usize) -> &[u8] {
    text.get(at..word_end(text, at)).unwrap_or(&[])
}

/// Behind the brace or parenthesis that closes the one at `at`.
pub(super) fn closing(text: &[u8], at: usize, limit: usize) -> Option<usize> {
    let (open, close) = match text[at] {
        b'{' => (b'{', b'}'),
        _ => (b'(', b')'),
    };
    let mut depth = 0usize;
    let mut next = at;
    while next < limit {
        let end = token_end(text, next);
        if text[next] == open {
            depth += 1;
        } else if text[next] == close {
            depth -= 1;
            if depth == 0 {
                return Some(end);
            }
        }
        next = skip_blanks(text, end);
    }
    None
}

/// Whether a word opens a route block.
pub(super) fn is_route_word(word: &[u8]) -> bool {
    matches!(
        word,
        b"route"
            | b"request_route"
            | b"reply_route"
            | b"failure_route"
            | b"branch_route"
            | b"onreply_route"
            | b"onsend_route"
            | b"event_route"
    )
}

enum Start {
    Route,
    Statement,
}

/// What begins at `at`, at top level.
fn start(text: &[u8], at: usize) -> Option<Start> {
    let first = word(text, at);
    if first.is_empty() || first[0].is_ascii_digit() {
        return None;
    }
    let next = skip_blanks(text, at + first.len());
    let follows = text.get(next).copied().unwrap_or(0);
    if is_route_word(first) && follows != b'=' && follows != b'(' && follows != b'.' {
        return Some(Start::Route);
    }
    let known = match first {
        b"loadmodule" | b"loadmodulex" | b"loadpath" | b"mpath" | b"cfgengine" => true,
        b"modparam" | b"modparamx" => true,
        b"flags" | b"bool" | b"avpflags" => is_word(follows) || matches!(follows, b'"' | b'\''),
        _ => false,
    };
    if known || setting_sign(text, at).is_some() { Some(Start::Statement) } else { None }
}

/// The `=` behind the name of a setting at `at`: `name`, `group.name`, `group[1].name`, `core[name]`.
fn setting_sign(text: &[u8], at: usize) -> Option<usize> {
    let mut next = at + word(text, at).len();
    if text.get(next) == Some(&b'[') {
        next += text[next..].iter().take(100).position(|&byte| byte == b']')? + 1;
    }
    while text.get(next) == Some(&b'.') {
        let part = word(text, next + 1);
        if part.is_empty() {
            return None;
        }
        next += 1 + part.len();
    }
    let sign = skip_blanks(text, next);
    (text.get(sign) == Some(&b'=') && !matches!(text.get(sign + 1), Some(b'=' | b'~'))).then_some(sign)
}

/// Where a statement that is no route ends: at `;`, or where the next item begins.
fn statement_end(text: &[u8], at: usize) -> usize {
    let first = token_end(text, at);
    let mut next = skip_blanks(text, setting_sign(text, at).map_or(first, |sign| sign + 1));
    let mut end = next.min(first.max(at + 1));
    let (mut depth, mut previous) = (0usize, b'=');
    while next < text.len() {
        let token = token_end(text, next);
        match text[next] {
            b'{' | b'(' => depth += 1,
            b'}' | b')' if depth > 0 => depth -= 1,
            b';' if depth == 0 => return next,
            b'}' => return next,
            _ if (depth == 0 || previous != b',')
                && previous != b':'
                && previous != b'.'
                && starts_line_or_item(text, next, depth) =>
            {
                return end;
            }
            _ => {}
        }
        previous = text[next];
        end = token;
        next = skip_blanks(text, token);
    }
    end
}

/// Whether an item begins at `at`. Inside open parentheses only what cannot stand there counts.
fn starts_line_or_item(text: &[u8], at: usize, depth: usize) -> bool {
    match start(text, at) {
        None => false,
        Some(_) if depth == 0 => true,
        Some(Start::Route) => true,
        Some(Start::Statement) => matches!(word(text, at), b"loadmodule" | b"loadmodulex" | b"modparam" | b"modparamx"),
    }
}

/// Where text that begins no item ends.
fn stray_end(text: &[u8], at: usize) -> usize {
    let mut end = token_end(text, at);
    loop {
        let next = skip_blanks(text, end);
        if next >= text.len() {
            return end;
        }
        let line_begins = text[end..next].contains(&b'\n');
        match start(text, next) {
            Some(Start::Route) => return end,
            Some(Start::Statement) if line_begins => return end,
            _ => end = token_end(text, next),
        }
    }
}

/// A route from its keyword to the brace that closes it, or to where the next route must begin.
fn route(text: &[u8], at: usize) -> Piece {
    let mut open: Vec<usize> = Vec::new();
    let mut next = skip_blanks(text, at + word(text, at).len());
    let mut end = next.min(text.len());
    let mut head = true;
    let mut suspect = None;
    while next < text.len() {
        let token = token_end(text, next);
        match text[next] {
            b'{' => {
                head = false;
                open.push(next);
            }
            b'}' => {
                let closed = open.pop();
                suspect = suspect.or(closed
                    .filter(|&open| indent(text, next).is_some_and(|depth| Some(depth) < line_indent(text, open))));
                if open.is_empty() {
                    return Piece::Route { range: at..token, open: None };
                }
            }
            b'[' if head => {
                let close = text[next..].iter().take(1000).position(|&byte| matches!(byte, b']' | b'\n'));
                let close = close.map_or(token, |length| next + length + 1);
                end = close;
                next = skip_blanks(text, close);
                continue;
            }
            _ if head && (start(text, next).is_some() || text[next] == b';') => {
                return Piece::Route { range: at..end, open: None };
            }
            byte if is_word(byte) && begins_route(text, next) => {
                return Piece::Route { range: at..end, open: suspect.or(open.last().copied()) };
            }
            _ => {}
        }
        end = token;
        next = skip_blanks(text, token);
    }
    Piece::Route { range: at..end, open: suspect.or(open.last().copied()) }
}

/// Whether a route block, which cannot stand inside another, begins at `at`.
fn begins_route(text: &[u8], at: usize) -> bool {
    let first = word(text, at);
    if !is_route_word(first) {
        return false;
    }
    let mut next = skip_blanks(text, at + first.len());
    if text.get(next) == Some(&b'[') {
        match text[next..].iter().take(200).position(|&byte| byte == b']') {
            Some(length) => next = skip_blanks(text, next + length + 1),
            None => return false,
        }
    }
    text.get(next) == Some(&b'{')
}

/// How far the byte at `at` is indented, when it is the first of its line.
fn indent(text: &[u8], at: usize) -> Option<usize> {
    let line = line_start(text, at)?;
    text[line..at].iter().all(|byte| matches!(byte, b' ' | b'\t')).then_some(at - line)
}

/// How far the line of the byte at `at` is indented.
fn line_indent(text: &[u8], at: usize) -> Option<usize> {
    let line = line_start(text, at)?;
    text[line..=at].iter().position(|byte| !matches!(byte, b' ' | b'\t'))
}

/// Where the line of `at` begins; none when that is far away, and indentation means nothing.
fn line_start(text: &[u8], at: usize) -> Option<usize> {
    let from = at.saturating_sub(1000);
    let newline = text[from..at].iter().rposition(|&byte| byte == b'\n');
    newline.map(|newline| from + newline + 1).or((from == 0).then_some(0))
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn word_end(text: &[u8], at: usize) -> usize {
    text.get(at..).unwrap_or(&[]).iter().position(|&byte| !is_word(byte)).map_or(text.len(), |length| at + length)
}

/// Behind the pseudo-variable at `at`; the preprocessor has seen to it that its parentheses balance.
fn variable_end(text: &[u8], at: usize) -> usize {
    let open = word_end(text, at + 1);
    if text.get(open) != Some(&b'(') {
        return open.max(at + 1);
    }
    let mut depth = 0usize;
    for (index, &byte) in text[open..].iter().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' if depth == 1 => return open + index + 1,
            b')' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<String> {
        let show = |range: &Range<usize>| text[range.clone()].to_string();
        items(text.as_bytes())
            .map(|piece| match piece {
                Piece::Statement(range) => show(&range),
                Piece::Route { range, open } => format!("{}{}", show(&range), open.map_or("", |_| " OPEN")),
                Piece::Stray(range) => format!("? {}", show(&range)),
            })
            .collect()
    }

    #[test]
    fn top_level() {
        assert_eq!(
            cut("debug=2 fork=no\nlisten=udp:a:1\n b x.y = 5;"),
            ["debug=2", "fork=no", "listen=udp:a:1\n b", "x.y = 5"]
        );
        assert_eq!(
            cut("loadmodule \"a\"; route{ x(\"}\"); }\nroute[A] { }"),
            ["loadmodule \"a\"", "route{ x(\"}\"); }", "route[A] { }"]
        );
        assert_eq!(cut("route { if (a) { x(); }\nroute[B] { ; }"), ["route { if (a) { x(); } OPEN", "route[B] { ; }"]);
        assert_eq!(cut("route { ; } } y();\ndebug=1"), ["route { ; }", "? } y();", "debug=1"]);
        assert_eq!(cut("foo bar\ndebug=1"), ["? foo bar", "debug=1"]);
    }
}
