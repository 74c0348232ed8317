//! `switch`: one table of constant labels, all integers or all strings.

use super::Compiler;
use super::expression::constant;
use crate::builtin::{Regex, Value};
use crate::config::ast::{Case, CaseLabel, Expression};
use crate::script::{Op, SwitchLabel, SwitchTable};
use crate::source::{Diagnostic, Span};

impl Compiler<'_> {
    pub(super) fn switch(&mut self, value: &Expression, cases: &[Case], span: Span) {
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
        let mut labels: Vec<(SwitchLabel, u32, Span)> = Vec::new();
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
                self.compare_labels(&labels, &label, case.span);
                labels.push((label, here, case.span));
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
        let labels = labels.into_iter().map(|(label, place, _)| (label, place)).collect();
        self.program.code[switch] = Op::Switch(self.program.switches.len() as u32);
        self.program.switches.push(SwitchTable { labels, otherwise });
    }

    fn compare_labels(&mut self, known: &[(SwitchLabel, u32, Span)], label: &SwitchLabel, span: Span) {
        if known.iter().any(|(first, ..)| is_int(first) != is_int(label)) {
            self.error("mixed-labels", "the labels of a switch are all integers or all strings", span);
        }
        let same = known.iter().find(|(first, ..)| match (first, label) {
            (SwitchLabel::Int(first), SwitchLabel::Int(label)) => first == label,
            (SwitchLabel::Text(first), SwitchLabel::Text(label)) => first == label,
            _ => false,
        });
        if let Some((.., first)) = same {
            let found = Diagnostic::error("duplicate-label", "this label stands twice in its switch", span);
            self.diagnostics.push(found.label(*first, "first here").note("Kamailio refuses to start"));
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
        match Regex::new(&value.to_text(), false, self.names.extensions) {
            Ok(regex) => Some(SwitchLabel::Regex(regex)),
            Err(why) => {
                self.error("bad-regex", format!("bad regular expression: {why}"), expression.span);
                None
            }
        }
    }
}

fn is_int(label: &SwitchLabel) -> bool {
    matches!(label, SwitchLabel::Int(_))
}
