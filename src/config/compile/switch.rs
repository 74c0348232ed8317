//! `switch`: one table of constant labels, all integers or all strings.

use super::Compiler;
use super::expression::constant;
use crate::builtin::Value;
use crate::config::ast::{Case, CaseLabel, Expression};
use crate::script::{Op, SwitchLabel, SwitchTable};
use crate::source::{Diagnostic, Span};
use bytes::Bytes;
use rustc_hash::FxHashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;

impl Compiler<'_> {
    pub(super) fn switch(&mut self, value: &Expression, cases: &[Case], span: Span) {
        self.action(span);
        // Where labels are integers, so is the value.
        let first = cases.iter().find_map(|case| match &case.label {
            CaseLabel::Value(label) => constant(label),
            CaseLabel::Regex(_) | CaseLabel::Default => None,
        });
        match first {
            Some(Value::Int(_)) => self.int(value),
            _ => self.value(value),
        };
        let switch = self.emit(Op::Switch(0), span);
        let mut labels: Vec<(SwitchLabel, u32)> = Vec::new();
        let mut known = Known::default();
        let mut default: Option<(u32, Span)> = None;
        self.breaks.push(Vec::new());
        self.depth += 1;
        for case in cases {
            let here = self.here();
            if let CaseLabel::Default = case.label {
                if let Some((_, first)) = default {
                    let found = Diagnostic::error("duplicate-label", "a switch has one default", case.span);
                    self.diagnostics.push(found.label(first, "first here"));
                }
                default = Some((here, case.span));
            } else if let Some(label) = self.label(&case.label, case.span) {
                self.compare_labels(&mut known, &label, case.span);
                labels.push((label, here));
            }
            self.statements(&case.body);
        }
        self.depth -= 1;
        for jump in self.breaks.pop().unwrap_or_default() {
            self.land(jump);
        }
        if let (true, Some((_, at))) = (cases.len() == 1, default) {
            let found = Diagnostic::error("only-default", "this switch has nothing but a default", at);
            self.diagnostics.push(found.note("Kamailio 5.6.3 refuses to start").help("take the switch away"));
        }
        if let (
            Some(Case { label: CaseLabel::Default, span, .. }),
            Some((SwitchLabel::Text(_) | SwitchLabel::Regex(_), ..)),
        ) = (cases.first(), labels.first())
        {
            let found =
                Diagnostic::error("default-first", "the default stands before the strings of this switch", *span);
            self.diagnostics.push(found.note("Kamailio 5.6.3 refuses to start").help("put it behind the first case"));
        }
        let otherwise = default.map_or_else(|| self.here(), |(place, _)| place);
        self.program.code[switch] = Op::Switch(self.program.switches.len() as u32);
        self.program.switches.push(SwitchTable { labels, otherwise });
    }

    fn compare_labels(&mut self, known: &mut Known, label: &SwitchLabel, span: Span) {
        let (is_mixed, first) = match label {
            SwitchLabel::Int(number) => (known.has_text, first_place(&mut known.ints, *number, span)),
            SwitchLabel::Text(text) => {
                known.has_text = true;
                (!known.ints.is_empty(), first_place(&mut known.texts, text.clone(), span))
            }
            SwitchLabel::Regex(_) => {
                known.has_text = true;
                (!known.ints.is_empty(), None)
            }
        };
        if is_mixed {
            self.error("mixed-labels", "the labels of a switch are all integers or all strings", span);
        }
        if let Some(first) = first {
            let found = Diagnostic::error("duplicate-label", "this label stands twice in its switch", span);
            self.diagnostics.push(found.label(first, "first here").note("Kamailio refuses to start"));
        }
    }

    fn label(&mut self, label: &CaseLabel, span: Span) -> Option<SwitchLabel> {
        let (expression, is_regex) = match label {
            CaseLabel::Value(expression) => (expression, false),
            CaseLabel::Regex(expression) => (expression, true),
            CaseLabel::Default => return None,
        };
        let Some(value) = self.folded(expression) else {
            self.error("label-not-constant", "the label of a case must be a constant", span);
            return None;
        };
        if !is_regex {
            return Some(match value {
                Value::Int(number) => SwitchLabel::Int(number),
                value => SwitchLabel::Text(value.to_text()),
            });
        }
        match self.patterns.compile(&value.to_text(), false, self.names.extensions) {
            Ok(regex) => Some(SwitchLabel::Regex(regex)),
            Err(why) => {
                self.error("bad-regex", format!("bad regular expression: {why}"), expression.span);
                None
            }
        }
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

/// The labels of a switch so far, with their places.
#[derive(Default)]
struct Known {
    ints: FxHashMap<i64, Span>,
    texts: FxHashMap<Bytes, Span>,
    /// There is a string or a regular expression.
    has_text: bool,
}
