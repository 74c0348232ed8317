//! The layout of a config: same tokens, same comments, same directives, other blanks.
//!
//! Works on the text of one file as it stands. A config is a stream of tokens with directives in its holes, and which of them count is
//! decided elsewhere; so both branches of a conditional are laid out alike, and nothing is moved past anything else. `token` cuts the text,
//! `layout` puts lines and indentation around the tokens, `spacing` the blanks inside a line, and `verify` shows that the meaning is the
//! same before anybody sees the result.

mod layout;
mod output;
mod spacing;
mod token;
mod verify;

#[cfg(test)]
mod tests;

use crate::source::{Diagnostic, Files, Sources};
use std::path::Path;

/// Why a file is left as it is.
#[derive(Debug)]
pub struct Refusal {
    /// The file, and what it includes.
    pub sources: Sources,
    /// What is wrong with it.
    pub diagnostics: Vec<Diagnostic>,
}

/// The text of the file at `path` in the layout of the stock configs. `files` are asked for what it includes.
///
/// Refused when it has syntax errors, and when the result would mean something else.
pub fn format(path: &Path, text: &[u8], files: &dyn Files) -> Result<Vec<u8>, Refusal> {
    let meaning = verify::Meaning::read(path, text, files)?;
    let formatted = layout::lay_out(text, &meaning.tokens, meaning.fragment);
    meaning.same(&formatted, path, files)?;
    Ok(formatted)
}
