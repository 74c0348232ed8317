//! How deep a text nests, measured before anything recursive reads it.

use super::cut::{skip_blanks, token_end, word};
use std::ops::Range;

/// Brackets, prefixes and bodies without braces nest no deeper.
pub(super) const DEEPEST: usize = 150;

/// The first place in the range that nests too deep.
pub(super) fn too_deep(text: &[u8], range: Range<usize>) -> Option<usize> {
    // For each open bracket, how many heads stand before it in its statement.
    let mut open: Vec<usize> = Vec::new();
    let (mut heads, mut prefixes, mut total) = (0usize, 0usize, 0usize);
    let mut at = skip_blanks(text, range.start);
    while at < range.end {
        let end = token_end(text, at);
        let mut prefix = false;
        match text[at] {
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
            b'$' if text[at..end].iter().filter(|&&byte| byte == b'(').count() > DEEPEST => return Some(at),
            _ => match word(text, at) {
                b"if" | b"while" | b"switch" | b"else" => heads += 1,
                b"not" | b"defined" => prefix = true,
                _ => {}
            },
        }
        prefixes = if prefix { prefixes + 1 } else { 0 };
        if total + heads + prefixes > DEEPEST {
            return Some(at);
        }
        at = skip_blanks(text, end);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deep(text: String) -> bool {
        too_deep(text.as_bytes(), 0..text.len()).is_some()
    }

    #[test]
    fn depth() {
        assert!(!deep("if (a) { x(); }\n".repeat(1000)));
        assert!(!deep("if (a - b - c) x(); else y();\n".repeat(1000)));
        assert!(deep("(".repeat(DEEPEST + 1)));
        assert!(deep("!".repeat(DEEPEST + 1)));
        assert!(deep("if a ".repeat(DEEPEST + 1)));
        assert!(deep("!(".repeat(DEEPEST)));
    }
}
