//! Ends of tokens at the lexical level that directives and defines depend on.

/// Blanks of the language; a newline is one too.
pub(crate) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 8)
}

/// A byte an identifier may begin with.
pub(crate) fn is_word_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

/// A byte of an identifier.
pub(crate) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The end of the run of word bytes at `at`.
pub(crate) fn word_end(text: &[u8], at: usize) -> usize {
    text[at..].iter().position(|&byte| !is_word(byte)).map_or(text.len(), |length| at + length)
}

/// The first byte from `at` that is no blank; with `lines` a newline counts as a blank.
pub(crate) fn skip_blanks(text: &[u8], at: usize, lines: bool) -> usize {
    let rest = text.get(at..).unwrap_or(&[]);
    let stop = |byte: u8| !is_blank(byte) || (!lines && byte == b'\n');
    rest.iter().position(|&byte| stop(byte)).map_or(text.len(), |length| at + length)
}

/// The newline that ends the line of `at`, or the end of the text.
pub(crate) fn line_end(text: &[u8], at: usize) -> usize {
    memchr::memchr(b'\n', &text[at..]).map_or(text.len(), |length| at + length)
}

/// The end of the line of `at`, going on where the newline follows a backslash.
pub(crate) fn continued_line_end(text: &[u8], at: usize) -> usize {
    let mut end = line_end(text, at);
    while end < text.len() && text[at..end].strip_suffix(b"\r").unwrap_or(&text[at..end]).ends_with(b"\\") {
        end = line_end(text, end + 1);
    }
    end
}

/// Behind the closing quote of the string that begins at `at`.
pub(crate) fn string_end(text: &[u8], at: usize) -> Option<usize> {
    let quote = text[at];
    let mut end = at + 1;
    loop {
        end += memchr::memchr2(quote, b'\\', text.get(end..)?)?;
        if text[end] == quote {
            return Some(end + 1);
        }
        end += if quote == b'"' { 2 } else { 1 };
    }
}

/// Behind the block comment that begins at `at`; comments nest.
pub(crate) fn comment_end(text: &[u8], at: usize) -> Option<usize> {
    let mut depth = 1usize;
    let mut end = at + 2;
    loop {
        end += memchr::memchr2(b'/', b'*', text.get(end..)?)?;
        match (text[end], text.get(end + 1)) {
            (b'/', Some(b'*')) => depth += 1,
            (b'*', Some(b'/')) => depth -= 1,
            _ => {
                end += 1;
                continue;
            }
        }
        end += 2;
        if depth == 0 {
            return Some(end);
        }
    }
}

/// No pseudo-variable is longer; what looks like one has lost its parenthesis.
const LONGEST_VARIABLE: usize = 4096;

/// Behind the pseudo-variable whose `$` stands at `at`. `Err` holds where its name ends when the parenthesis behind it
/// is not closed.
pub(crate) fn variable_end(text: &[u8], at: usize) -> Result<usize, usize> {
    let name = at + 1;
    let open = match text.get(name) {
        Some(b'(') => name,
        Some(b'?') => return Ok(name + 1),
        Some(&byte) if is_word_start(byte) => word_end(text, name),
        _ => return Ok(name),
    };
    if text.get(open) != Some(&b'(') {
        return Ok(open);
    }
    let (mut depth, mut statement_end) = (0usize, false);
    for (index, &byte) in text[open..].iter().enumerate().take(LONGEST_VARIABLE) {
        match byte {
            b'(' => depth += 1,
            b')' if depth == 1 => return Ok(open + index + 1),
            b')' => depth -= 1,
            b';' => statement_end = true,
            b'\n' if statement_end => break,
            _ => {}
        }
    }
    Err(open)
}

/// What stands in brackets is no longer.
pub(crate) const LONGEST_INDEX: usize = 1000;

/// Behind the bracket that closes the one at `at` in the same line.
pub(crate) fn bracket_end(text: &[u8], at: usize) -> Option<usize> {
    let text = &text[..text.len().min(at + LONGEST_INDEX)];
    let close = at + memchr::memchr2(b']', b'\n', text.get(at..)?)?;
    (text[close] == b']').then_some(close + 1)
}

/// Behind the select whose `@` stands at `at`.
pub(crate) fn select_end(text: &[u8], at: usize) -> usize {
    let mut end = word_end(text, at + 1);
    loop {
        match text.get(end) {
            Some(b'.') if text.get(end + 1).copied().is_some_and(is_word_start) => end = word_end(text, end + 1),
            Some(b'[') => {
                let inner = end + 1;
                let text = &text[..text.len().min(inner + LONGEST_INDEX)];
                let close = if text.get(inner) == Some(&b'"') { string_end(text, inner) } else { Some(inner) };
                let close = close.and_then(|from| Some(from + memchr::memchr3(b']', b'\n', b';', &text[from..])?));
                match close {
                    Some(close) if text[close] == b']' => end = close + 1,
                    _ => return end,
                }
            }
            _ => return end,
        }
    }
}

/// The word of the directive whose `#!` or `!!` stands at `at`: where it begins and ends.
pub(crate) fn directive_word(text: &[u8], at: usize) -> Option<(usize, usize)> {
    let start = at + 2;
    if !matches!(text.get(at..start)?, b"#!" | b"!!") || !text.get(start).copied().is_some_and(is_word_start) {
        return None;
    }
    Some((start, word_end(text, start)))
}
