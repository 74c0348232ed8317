//! How diagnostics are drawn: for people with the text underlined, as JSON with one object a line, for code scanning and for GitHub.

mod github;
mod sarif;

pub use github::github;
pub use sarif::{Described, sarif};

use super::{Diagnostic, FileId, Label, Level, Sources};
use annotate_snippets::{Annotation, AnnotationKind, Group, Level as Mark, Renderer, Snippet};
use std::fmt::Write;
use std::ops::Range;

/// Draws diagnostics with the lines they speak of, an empty line between two.
pub fn human(sources: &Sources, diagnostics: &[Diagnostic], color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let mut drawn = String::new();
    for (at, diagnostic) in diagnostics.iter().enumerate() {
        if drawn.len() > MOST_DRAWN {
            let _ = writeln!(drawn, "and {} more findings", diagnostics.len() - at);
            break;
        }
        drawn.push_str(&one(sources, diagnostic, &renderer));
        drawn.push_str("\n\n");
    }
    drawn
}

/// Bytes that are drawn for people, who read no further.
const MOST_DRAWN: usize = 1 << 20;

/// One JSON object a line: `code`, `level`, `file`, `line`, `column`, `end_line`, `end_column`, `message`, and `labels`,
/// `notes` and `help` when there are any. Lines and columns count from 1.
pub fn json(sources: &Sources, diagnostics: &[Diagnostic]) -> String {
    let mut lines = String::new();
    for diagnostic in diagnostics {
        let mut object = serde_json::Map::new();
        object.insert("code".into(), diagnostic.code.into());
        object.insert("level".into(), level_name(diagnostic.level).into());
        if let Some(label) = diagnostic.labels.first() {
            object.extend(place(sources, label));
        }
        object.insert("message".into(), diagnostic.message.clone().into());
        if diagnostic.labels.len() > 1 {
            let labels = diagnostic.labels[1..].iter().map(|label| {
                let mut object = place(sources, label);
                object.insert("text".into(), label.text.clone().into());
                serde_json::Value::Object(object)
            });
            object.insert("labels".into(), labels.collect());
        }
        if !diagnostic.notes.is_empty() {
            object.insert("notes".into(), diagnostic.notes.clone().into());
        }
        if let Some(help) = &diagnostic.help {
            object.insert("help".into(), help.clone().into());
        }
        lines.push_str(&serde_json::Value::Object(object).to_string());
        lines.push('\n');
    }
    lines
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "note",
    }
}

fn place(sources: &Sources, label: &Label) -> serde_json::Map<String, serde_json::Value> {
    let span = label.span;
    let (line, column) = sources.line_column(span.file, span.start);
    let (end_line, end_column) = sources.line_column(span.file, span.end);
    let mut object = serde_json::Map::new();
    object.insert("file".into(), sources.path(span.file).display().to_string().into());
    object.insert("line".into(), line.into());
    object.insert("column".into(), column.into());
    object.insert("end_line".into(), end_line.into());
    object.insert("end_column".into(), end_column.into());
    object
}

/// Lines of a long span that are shown from its beginning.
const MOST_LINES: usize = 6;
/// Bytes of one line that are shown; what lies further is cut off.
const LONGEST_LINE: usize = 2000;

fn one(sources: &Sources, diagnostic: &Diagnostic, renderer: &Renderer) -> String {
    let mark = match diagnostic.level {
        Level::Error => Mark::ERROR,
        Level::Warning => Mark::WARNING,
        Level::Note => Mark::NOTE,
    };
    let mut files: Vec<FileId> = Vec::new();
    for label in &diagnostic.labels {
        if !files.contains(&label.span.file) {
            files.push(label.span.file);
        }
    }
    let mut group: Group<'_> =
        mark.primary_title(&diagnostic.message).id(diagnostic.code).elements(Vec::<Snippet<'_, Annotation<'_>>>::new());
    for file in files {
        for labels in near(diagnostic, file) {
            group = group.element(snippet(sources, &labels, file));
        }
    }
    for note in &diagnostic.notes {
        group = group.element(Mark::NOTE.message(note));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Mark::HELP.message(help));
    }
    renderer.render(&[group])
}

/// Labels of one file that lie farther apart than this are shown apart.
const FAR: u32 = 10_000;

/// The labels in a file with their places among all, in groups of those that lie near each other; the first label's group is the first.
fn near(diagnostic: &Diagnostic, file: FileId) -> Vec<Vec<(usize, &Label)>> {
    let labels = diagnostic.labels.iter().enumerate().filter(|(_, label)| label.span.file == file);
    let mut groups: Vec<Vec<(usize, &Label)>> = Vec::new();
    for (index, label) in labels {
        let near = |other: &Label| other.span.start.abs_diff(label.span.start) < FAR;
        match groups.iter_mut().find(|group| group.iter().any(|(_, other)| near(other))) {
            Some(group) => group.push((index, label)),
            None => groups.push(vec![(index, label)]),
        }
    }
    groups
}

/// Lines of one file with what is said about them.
fn snippet<'a>(sources: &Sources, labels: &[(usize, &'a Label)], file: FileId) -> Snippet<'a, Annotation<'a>> {
    let text = sources.text(file);
    // Only the lines between the first and the last label are handed over: a config may be megabytes long, and so may a line.
    let bounds = labels.iter().map(|(_, label)| shown(text, label));
    let (first, last) = bounds.fold((text.len(), 0), |(from, to), range| (from.min(range.start), to.max(range.end)));
    let before = first.saturating_sub(LONGEST_LINE);
    let from = match text[before..first].iter().rposition(|&byte| byte == b'\n') {
        Some(at) => before + at + 1,
        None if before == 0 => 0,
        // The beginning of the line is too far away to be shown.
        None => first - LONGEST_LINE / 10,
    };
    let last = last.max(from);
    let behind = &text[last..text.len().min(last + LONGEST_LINE)];
    let to = last + memchr::memchr(b'\n', behind).unwrap_or(behind.len());
    let piece = Piece::new(&text[from..to], from);
    let (line, _) = sources.line_column(file, from as u32);
    let annotations: Vec<Annotation<'_>> = labels
        .iter()
        .map(|(index, label)| {
            let kind = if *index == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
            let annotation = kind.span(piece.range(shown(text, label)));
            if label.text.is_empty() { annotation } else { annotation.label(&label.text) }
        })
        .collect();
    Snippet::source(piece.text).line_start(line).path(sources.path(file).display().to_string()).annotations(annotations)
}

/// The part of a label's span that is underlined: its first lines, within the text.
fn shown(text: &[u8], label: &Label) -> Range<usize> {
    let start = (label.span.start as usize).min(text.len());
    let end = (label.span.end as usize).clamp(start, text.len());
    let mut breaks = memchr::memchr_iter(b'\n', &text[start..end]);
    match breaks.nth(MOST_LINES - 1) {
        Some(length) => start..start + memchr::memchr(b'\n', &text[start..end]).unwrap_or(length),
        None => start..end,
    }
}

/// A piece of a file as text that can be drawn, and where each of its bytes went.
struct Piece {
    text: String,
    from: usize,
    /// For each byte of the piece its offset in `text`; one more for the end.
    offsets: Vec<usize>,
}

impl Piece {
    fn new(bytes: &[u8], from: usize) -> Piece {
        let mut text = String::with_capacity(bytes.len());
        let mut offsets = Vec::with_capacity(bytes.len() + 1);
        let mut column = 0;
        for chunk in bytes.utf8_chunks() {
            for (index, c) in chunk.valid().char_indices() {
                column = if c == '\n' { 0 } else { column + 1 };
                let shown = column <= LONGEST_LINE;
                offsets.resize(offsets.len() + c.len_utf8(), text.len());
                debug_assert!(index < bytes.len());
                match c {
                    _ if !shown => {}
                    '\n' | '\t' => text.push(c),
                    c if c.is_control() => text.push(' '),
                    c => text.push(c),
                }
            }
            for _ in chunk.invalid() {
                offsets.push(text.len());
                text.push('\u{fffd}');
            }
        }
        offsets.push(text.len());
        Piece { text, from, offsets }
    }

    fn range(&self, range: Range<usize>) -> Range<usize> {
        let last = self.offsets.len() - 1;
        let offset = |at: usize| self.offsets.get(at.saturating_sub(self.from).min(last)).copied().unwrap_or(0);
        offset(range.start)..offset(range.end).max(offset(range.start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Span;

    fn sample() -> (Sources, Vec<Diagnostic>) {
        let mut sources = Sources::default();
        let file = sources.add("a.cfg", &b"debug=2\nxlog(\"caf\xe9\")\nroute { }\n"[..]);
        let other = sources.add("b.cfg", &b"#!define X 1"[..]);
        let span = |file, start, end| Span { file, start, end };
        let first = Diagnostic::error("syntax", "expected `;`", span(file, 20, 20))
            .label(span(file, 0, 5), "after this")
            .label(span(other, 0, 12), "defined here")
            .note("a reason")
            .help("add it");
        (sources, vec![first, Diagnostic::warning("empty", "nothing", span(file, 28, 31))])
    }

    #[test]
    fn drawn_for_people() {
        let (sources, diagnostics) = sample();
        insta::assert_snapshot!(human(&sources, &diagnostics, false));
        assert!(human(&sources, &diagnostics, true).contains("\u{1b}["));
    }

    #[test]
    fn nobody_reads_megabytes() {
        let (sources, diagnostics) = sample();
        let many: Vec<Diagnostic> = std::iter::repeat_n(&diagnostics[0], 10_000).cloned().collect();
        let drawn = human(&sources, &many, false);
        assert!(drawn.len() < 2 * MOST_DRAWN, "{}", drawn.len());
        assert!(drawn.ends_with(" more findings\n"), "{}", &drawn[drawn.len() - 100..]);
    }

    #[test]
    fn drawn_for_github() {
        let (sources, diagnostics) = sample();
        insta::assert_snapshot!(github(&sources, &diagnostics));
    }

    #[test]
    fn drawn_as_sarif() {
        let (sources, diagnostics) = sample();
        let described =
            |code: &str| Some((format!("means {code}"), "why".to_owned(), "https://example.org".to_owned()));
        let log = sarif(&[(&sources, &diagnostics)], &described).replace(env!("CARGO_PKG_VERSION"), "VERSION");
        insta::assert_snapshot!(log);
    }

    #[test]
    fn drawn_as_json() {
        let (sources, diagnostics) = sample();
        insta::assert_snapshot!(json(&sources, &diagnostics));
    }
}
