//! A scenario's lines: those at the margin, each with the indented ones below it.

use super::words::{Word, words};
use crate::source::{Diagnostic, FileId, Span};

/// A line at the margin with what stands below it.
#[derive(Debug, Clone)]
pub(super) struct Block {
    pub(super) words: Vec<Word>,
    /// The line as written, without a comment's removal.
    pub(super) line: String,
    pub(super) span: Span,
    pub(super) below: Vec<Below>,
}

impl Block {
    /// The line behind its first word.
    pub(super) fn rest(&self) -> &str {
        let first = self.words.first().map_or(0, |word| word.text.len());
        self.line.get(first..).unwrap_or_default().trim()
    }

    /// Whether it begins with this word.
    pub(super) fn is(&self, keyword: &str) -> bool {
        self.words.first().is_some_and(|word| word.text == keyword)
    }
}

/// An indented line, without its indentation.
#[derive(Debug, Clone)]
pub(super) struct Below {
    pub(super) text: String,
    pub(super) span: Span,
}

/// Cuts a text into blocks. Empty lines and lines that begin with `#` say nothing.
pub(super) fn blocks(file: FileId, text: &str, diagnostics: &mut Vec<Diagnostic>) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let begin = start;
        start += line.len();
        let line = line.trim_end_matches(['\n', '\r']);
        let content = line.trim_start();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let indent = line.len() - content.len();
        let shown = content.trim_end();
        let span = Span { file, start: (begin + indent) as u32, end: (begin + indent + shown.len()) as u32 };
        if indent == 0 {
            let words = words(file, begin, line);
            found.push(Block { words, line: shown.to_owned(), span, below: Vec::new() });
        } else if let Some(block) = found.last_mut() {
            block.below.push(Below { text: content.to_owned(), span });
        } else {
            let message = "an indented line belongs to the one above it, and there is none";
            diagnostics.push(Diagnostic::error("scenario-syntax", message, span));
        }
    }
    found
}
