//! SQL text cut into tokens as SQLite does it, by a reader that shares nothing with the one that is tested.

/// What a token is, without what it holds where a value may vary: a name, a text, what stands in quotes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Token {
    Name,
    Quoted(u8),
    Comment(Vec<u8>),
    Parameter,
    Sign(u8),
    /// A quote or bracket without an end, and all behind it.
    Endless(u8),
}

/// Blanks are none.
pub(crate) fn tokens(sql: &[u8]) -> Vec<Token> {
    let (mut found, mut rest) = (Vec::new(), sql);
    while let Some(&first) = rest.first() {
        let word =
            rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_' || **byte >= 0x80).count();
        let (token, length) = match first {
            _ if first.is_ascii_whitespace() => (None, 1),
            _ if rest.starts_with(b"--") => {
                let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                (Some(Token::Comment(rest[..end].to_vec())), end)
            }
            _ if rest.starts_with(b"/*") => {
                let end = rest[2..].windows(2).position(|two| two == b"*/").map_or(rest.len(), |at| at + 4);
                (Some(Token::Comment(rest[..end].to_vec())), end)
            }
            b'\'' | b'"' | b'`' => match quoted(rest, first) {
                Some(end) => (Some(Token::Quoted(first)), end),
                None => (Some(Token::Endless(first)), rest.len()),
            },
            b'[' => match rest.iter().position(|byte| *byte == b']') {
                Some(end) => (Some(Token::Quoted(first)), end + 1),
                None => (Some(Token::Endless(first)), rest.len()),
            },
            b'?' => (Some(Token::Parameter), 1),
            _ if word > 0 => (Some(Token::Name), word),
            _ => (Some(Token::Sign(first)), 1),
        };
        found.extend(token);
        rest = &rest[length..];
    }
    found
}

/// Behind the quote that ends it; a doubled one does not.
fn quoted(text: &[u8], quote: u8) -> Option<usize> {
    let mut at = 1;
    loop {
        at += text.get(at..)?.iter().position(|byte| *byte == quote)? + 1;
        if text.get(at) != Some(&quote) {
            return Some(at);
        }
        at += 1;
    }
}
