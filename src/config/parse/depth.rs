//! How deep a text nests, measured before anything recursive reads it.

use super::cut::{skip_blanks, token_end, word};
use std::ops::Range;

/// Brackets, prefixes and bodies without braces nest no deeper.
pub(super) const DEEPEST: usize = 150;

/// Why a text is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Excess {
    /// It nests too deep at this place.
    Depth(usize),
    /// It has more tokens than may be kept.
    Tokens,
}

/// What is too much about a range, if anything; it may have so many tokens, each variable in a string counted as one, and those that it has are
/// taken away.
pub(super) fn excess(text: &[u8], range: Range<usize>, tokens: &mut usize) -> Option<Excess> {
    // For each open bracket, how many heads stand before it in its statement.
    let mut open: Vec<usize> = Vec::new();
    let (mut heads, mut prefixes, mut total) = (0usize, 0usize, 0usize);
    let mut at = skip_blanks(text, range.start);
    while at < range.end {
        let cast = text[at..].starts_with(b"(int)") || text[at..].starts_with(b"(str)");
        let end = if cast { at + b"(int)".len() } else { token_end(text, at) };
        let Some(left) = tokens.checked_sub(1) else { return Some(Excess::Tokens) };
        *tokens = left;
        let mut prefix = false;
        match text[at] {
            _ if cast => prefix = true,
            b'{' | b'(' | b'[' => {
                open.push(heads + prefixes);
                total += heads + prefixes + 1;
                heads = 0;
            }
            b'}' | b')' | b']' => {
                if let Some(before) = open.pop() {
                    total -= before + 1;
                    heads = if text[at] == b'}' { 0 } else { before };
                }
            }
            b';' => heads = 0,
            b'!' | b'-' | b'~' => prefix = true,
            // A variable is one token here, but its parentheses nest for the grammar.
            b'$' if text[at..end].iter().filter(|&&byte| byte == b'(').count() > DEEPEST => {
                return Some(Excess::Depth(at));
            }
            // What a text holds is kept, too.
            b'"' | b'\'' => {
                let held = memchr::memchr_iter(b'$', &text[at..end]).count();
                let Some(left) = tokens.checked_sub(held) else { return Some(Excess::Tokens) };
                *tokens = left;
            }
            _ => match word(text, at) {
                b"if" | b"while" | b"switch" | b"else" => heads += 1,
                b"not" | b"defined" => prefix = true,
                _ => {}
            },
        }
        prefixes = if prefix { prefixes + 1 } else { 0 };
        if total + heads + prefixes > DEEPEST {
            return Some(Excess::Depth(at));
        }
        at = skip_blanks(text, end);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deep(text: String) -> bool {
        matches!(excess(text.as_bytes(), 0..text.len(), &mut 1_000_000), Some(Excess::Depth(_)))
    }

    #[test]
    fn depth() {
        assert!(!deep("if (a) { x(); }\n".repeat(1000)));
        assert!(!deep("if (a - b - c) x(); else y();\n".repeat(1000)));
        assert!(deep("(".repeat(DEEPEST + 1)));
        assert!(deep("!".repeat(DEEPEST + 1)));
        assert!(deep("(int)".repeat(DEEPEST + 1)));
        assert!(deep("if a ".repeat(DEEPEST + 1)));
        assert!(deep("!(".repeat(DEEPEST)));
    }

    #[test]
    fn tokens() {
        let mut left = 5;
        assert_eq!(excess(b"a b;", 0..4, &mut left), None);
        assert_eq!(left, 2);
        assert_eq!(excess(b"a b;", 0..4, &mut left), Some(Excess::Tokens));
    }
}
