//! The promise about SQL text, for the suite and for fuzzing: whatever a variable holds, the statement stays the one that was written.

#[path = "tokens.rs"]
mod tokens;

use alanui::builtin::sql::{Names, Piece, Symbol, pieces, write};
use bytes::Bytes;
use tokens::{Token, tokens};

/// A variable of the message, as a byte of the text.
pub(crate) const SAID: u8 = 1;
/// One that the script keeps.
pub(crate) const KEPT: u8 = 2;

pub(crate) fn symbols(text: &[u8]) -> Vec<Symbol> {
    let symbol = |(at, byte): (usize, &u8)| match *byte {
        SAID => Symbol::Variable { at, kept: false, literal: false },
        KEPT => Symbol::Variable { at, kept: true, literal: false },
        byte => Symbol::Byte(byte),
    };
    text.iter().enumerate().map(symbol).collect()
}

/// Whether a value stands in the text itself.
pub(crate) fn is_open(piece: &Piece) -> bool {
    matches!(piece, Piece::Name(..) | Piece::Quoted(..) | Piece::Pasted(_))
}

/// The statement with this value in every variable; `None` when it is refused.
pub(crate) fn written(pieces: &[Piece], value: &[u8]) -> Option<Vec<u8>> {
    write(pieces, |_| "?".into(), &mut |_| Bytes::copy_from_slice(value)).ok()
}

/// The first line is the value, the rest the text. What the author left to a variable whole is the author's.
pub(crate) fn survives(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (value, text) = (&bytes[..end], bytes.get(end + 1..).unwrap_or_default());
    let pieces = pieces(&symbols(text));
    if pieces.iter().any(|piece| matches!(piece, Piece::Pasted(_))) {
        return;
    }
    if let (Some(tame), Some(hostile)) = (written(&pieces, b"v"), written(&pieces, value)) {
        let shown = || format!("{} with {}", text.escape_ascii(), value.escape_ascii());
        assert_eq!(shape(&tame, &pieces), shape(&hostile, &pieces), "{}", shown());
    }
}

/// The tokens; where names may stand, one is as good as one of another table, or as several in a list.
fn shape(sql: &[u8], pieces: &[Piece]) -> Vec<Token> {
    let mut tokens = tokens(sql);
    let names: Vec<Names> =
        pieces.iter().filter_map(|piece| if let Piece::Name(_, names) = piece { Some(*names) } else { None }).collect();
    if !names.is_empty() {
        let lists = names.iter().any(|names| *names != Names::One);
        tokens.retain(|token| match token {
            Token::Name | Token::Sign(b'.' | b'*') => false,
            Token::Sign(b',') => !lists,
            _ => true,
        });
    }
    tokens
}
