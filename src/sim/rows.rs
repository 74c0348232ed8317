//! A table of inputs: one scenario, played once for each row.
//!
//! ```text
//! table
//!   user  | expected
//!   bob   | 200
//!   carol | 404
//! ```
//!
//! `{user}` stands for the row's cell wherever it is written.

use super::blocks::{Below, Block};
use super::words::words;
use crate::source::{Diagnostic, Span};

/// The cells of a line, parted by `|`. Where one stands at the beginning, one at the end is the border as well.
pub(super) fn cells(line: &Below) -> Vec<String> {
    let text = line.text.trim();
    let inner = text.strip_prefix('|').map(|text| text.strip_suffix('|').unwrap_or(text));
    inner.unwrap_or(text).split('|').map(|cell| cell.trim().to_owned()).collect()
}

/// A table: the names of its columns, and its rows.
#[derive(Debug, Default)]
pub(super) struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Reads the block that begins with `table`.
    pub(super) fn read(block: &Block, diagnostics: &mut Vec<Diagnostic>) -> Table {
        let mut table = Table::default();
        let mut fault = |span: Span, message: String, help: &str| {
            diagnostics.push(Diagnostic::error("scenario-syntax", message, span).help(help));
        };
        if block.words.len() > 1 {
            fault(block.span, "table stands alone on its line".to_owned(), "the names of its columns come below it");
        }
        for line in &block.below {
            let cells = cells(line);
            let is_rule = cells.iter().all(|cell| !cell.is_empty() && cell.chars().all(|c| matches!(c, '-' | ':')));
            if is_rule {
                continue;
            }
            if table.columns.is_empty() {
                table.columns = cells;
            } else if cells.len() == table.columns.len() {
                table.rows.push(cells);
            } else {
                let message = format!("this row has {} cells, the table {} columns", cells.len(), table.columns.len());
                fault(line.span, message, "cells are parted by |");
            }
        }
        if table.rows.is_empty() {
            fault(block.span, "a table has a line of names and at least one row".to_owned(), "method | code");
        }
        table
    }

    /// How many times the scenario is played, and what each is called.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        self.rows.iter().map(|row| {
            let cells = self.columns.iter().zip(row).map(|(name, cell)| format!("{name} {cell}"));
            cells.collect::<Vec<_>>().join(", ")
        })
    }

    /// Names in braces that are no columns: outside of bodies they are mistakes.
    pub(super) fn unknown(&self, block: &Block, diagnostics: &mut Vec<Diagnostic>) {
        let below = block.below.iter().filter(|line| !line.text.starts_with('|'));
        let lines =
            [(block.line.as_str(), block.span)].into_iter().chain(below.map(|line| (line.text.as_str(), line.span)));
        for (line, span) in lines {
            let names = line.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name);
            let is_name = |name: &&str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
            for name in names.filter(is_name).filter(|name| !self.columns.iter().any(|column| column == name)) {
                let message = format!("the table has no column {name}");
                let help = format!("its columns are {}", self.columns.join(", "));
                diagnostics.push(Diagnostic::error("scenario-syntax", message, span).help(help));
            }
        }
    }

    /// A block with the cells of one row in place of their names. Places stay those of the file.
    pub(super) fn filled(&self, row: usize, block: &Block) -> Block {
        let Some(cells) = self.rows.get(row) else { return block.clone() };
        let fill = |text: &str| {
            self.columns.iter().zip(cells).fold(text.to_owned(), |text, (name, cell)| {
                if text.contains('{') { text.replace(&format!("{{{name}}}"), cell) } else { text }
            })
        };
        let line = fill(&block.line);
        let mut filled = block.clone();
        if line != block.line {
            // Cells may hold several words, and begin comments no more than elsewhere.
            filled.words = words(block.span.file, 0, &line);
            for (at, word) in filled.words.iter_mut().enumerate() {
                word.span = block.words.get(at).map_or(block.span, |word| word.span);
            }
            filled.line = line;
        }
        filled.below = block.below.iter().map(|line| Below { text: fill(&line.text), span: line.span }).collect();
        filled
    }
}
