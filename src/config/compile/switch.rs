//! The labels of a `switch`: one table of constants, all integers or all strings.

use crate::config::ast::{Case, CaseLabel};
use crate::script::{SwitchLabel, SwitchTable};
use crate::source::{Diagnostic, Span};
use bytes::Bytes;
use rustc_hash::FxHashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;

/// The labels of a switch so far, with their places in the program and in the text.
#[derive(Debug, Default)]
pub(super) struct Labels {
    table: Vec<(SwitchLabel, u32)>,
    default: Option<(u32, Span)>,
    ints: FxHashMap<i64, Span>,
    texts: FxHashMap<Bytes, Span>,
    /// There is a string or a regular expression.
    has_text: bool,
}

impl Labels {
    /// Adds the label of the case that begins at `place`.
    pub(super) fn case(&mut self, label: SwitchLabel, place: u32, span: Span, diagnostics: &mut Vec<Diagnostic>) {
        let (is_mixed, first) = match &label {
            SwitchLabel::Int(number) => (self.has_text, first_place(&mut self.ints, *number, span)),
            SwitchLabel::Text(text) => {
                self.has_text = true;
                (!self.ints.is_empty(), first_place(&mut self.texts, text.clone(), span))
            }
            SwitchLabel::Regex(_) => {
                self.has_text = true;
                (!self.ints.is_empty(), None)
            }
        };
        if is_mixed {
            let message = "the labels of a switch are all integers or all strings";
            diagnostics.push(Diagnostic::error("mixed-labels", message, span));
        }
        if let Some(first) = first {
            let found = Diagnostic::error("duplicate-label", "this label stands twice in its switch", span);
            diagnostics.push(found.label(first, "first here").note("Kamailio refuses to start"));
        }
        self.table.push((label, place));
    }

    /// Adds the default, which begins at `place`.
    pub(super) fn otherwise(&mut self, place: u32, span: Span, diagnostics: &mut Vec<Diagnostic>) {
        if let Some((_, first)) = self.default {
            let found = Diagnostic::error("duplicate-label", "a switch has one default", span);
            diagnostics.push(found.label(first, "first here"));
        }
        self.default = Some((place, span));
    }

    /// The table of a switch of these cases that ends at `end`.
    pub(super) fn table(self, cases: &[Case], end: u32, diagnostics: &mut Vec<Diagnostic>) -> SwitchTable {
        if let (true, Some((_, at))) = (cases.len() == 1, self.default) {
            let found = Diagnostic::error("only-default", "this switch has nothing but a default", at);
            diagnostics.push(found.note("Kamailio 5.6.3 refuses to start").help("take the switch away"));
        }
        if let (
            Some(Case { label: CaseLabel::Default, span, .. }),
            Some((SwitchLabel::Text(_) | SwitchLabel::Regex(_), ..)),
        ) = (cases.first(), self.table.first())
        {
            let found =
                Diagnostic::error("default-first", "the default stands before the strings of this switch", *span);
            diagnostics.push(found.note("Kamailio 5.6.3 refuses to start").help("put it behind the first case"));
        }
        SwitchTable { labels: self.table, otherwise: self.default.map_or(end, |(place, _)| place) }
    }
}

/// Where a label stands that is there already; one that is not is noted.
fn first_place<L: Eq + Hash>(known: &mut FxHashMap<L, Span>, label: L, span: Span) -> Option<Span> {
    match known.entry(label) {
        Entry::Occupied(first) => Some(*first.get()),
        Entry::Vacant(place) => {
            place.insert(span);
            None
        }
    }
}
