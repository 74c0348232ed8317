//! Hints of one kind that a file gives many times are a habit of its author: told once, with the lines of the rest.

use crate::lint::{self, Severity};
use crate::source::{Diagnostic, FileId, Sources};
use rustc_hash::FxHashMap;

/// So many of a kind are shown one by one.
const APART: usize = 3;
/// So many lines of the rest are named.
const LINES: usize = 12;

/// The findings for people: of each rule among the hints the first one in a file, where there are many.
pub(super) fn fold(sources: &Sources, diagnostics: &[Diagnostic]) -> Vec<Diagnostic> {
    let kind = |its: &Diagnostic| -> Option<(&'static str, FileId)> {
        lint::rule(its.code).filter(|rule| rule.severity == Severity::Hint)?;
        Some((its.code, its.labels.first()?.span.file))
    };
    let mut hints: FxHashMap<(&str, FileId), Vec<&Diagnostic>> = FxHashMap::default();
    for its in diagnostics {
        if let Some(key) = kind(its) {
            hints.entry(key).or_default().push(its);
        }
    }
    let mut folded = Vec::new();
    for its in diagnostics {
        let same = kind(its).and_then(|key| hints.get(&key)).filter(|same| same.len() > APART);
        match same.and_then(|same| same.split_first()) {
            None => folded.push(its.clone()),
            Some((first, rest)) if std::ptr::eq(*first, its) => folded.push(its.clone().note(more(sources, rest))),
            Some(_) => {}
        }
    }
    folded
}

fn more(sources: &Sources, rest: &[&Diagnostic]) -> String {
    let lines = rest.iter().filter_map(|its| its.labels.first()).map(|label| label.span);
    let lines = lines.map(|span| sources.line_column(span.file, span.start).0.to_string());
    let shown: Vec<_> = lines.take(LINES).collect();
    let dots = if rest.len() > LINES { ", ..." } else { "" };
    format!("and {} more, in lines {}{dots}", rest.len(), shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Level, Span};

    #[test]
    fn many_hints_of_a_kind_are_one_finding() {
        let mut sources = Sources::default();
        let file = sources.add("a.cfg", "\n".repeat(60).as_bytes());
        let at = |code, line| Diagnostic::new(Level::Note, code, "m", Span { file, start: line, end: line });
        let many: Vec<_> = (0..40).map(|line| at("xlog-no-newline", line)).collect();
        let others = [at("open-relay", 1), at("open-relay", 2), at("open-relay", 3), at("open-relay", 4)];
        let few = [at("route-unused", 1), at("route-unused", 2), at("route-unused", 3)];
        let folded = fold(&sources, &[&many[..], &others, &few].concat());
        assert_eq!(folded.len(), 1 + 4 + 3);
        assert_eq!(folded[0].notes, ["and 39 more, in lines 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, ..."]);
    }
}
