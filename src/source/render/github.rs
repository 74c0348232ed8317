//! Annotations that GitHub Actions shows beside the lines: one workflow command a finding.

use crate::source::{Diagnostic, Level, Sources};

/// One `::error`, `::warning` or `::notice` a line.
pub fn github(sources: &Sources, diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(|diagnostic| one(sources, diagnostic)).collect()
}

fn one(sources: &Sources, diagnostic: &Diagnostic) -> String {
    let command = match diagnostic.level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "notice",
    };
    let span = diagnostic.labels.first().map(|label| label.span).unwrap_or_default();
    let (line, column) = sources.line_column(span.file, span.start);
    let (end_line, end_column) = sources.line_column(span.file, span.end);
    let file = property(&sources.path(span.file).display().to_string());
    let mut text = diagnostic.message.clone();
    for more in diagnostic.notes.iter().chain(&diagnostic.help) {
        text += &format!("\n{more}");
    }
    let place = format!("file={file},line={line},endLine={end_line},col={column},endColumn={end_column}");
    format!("::{command} {place},title={}::{}\n", diagnostic.code, data(&text))
}

/// The text of a command, its line ends escaped.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of a command, which may also hold no separator.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
