//! Placeholders of templates, `<ip>`, `{{ dns }}`, `__PORT__`: called what they are where they break the text.
//!
//! Many public configs are filled in by something else before Kamailio reads them. What is wrong with such a file is one thing, the placeholder,
//! whichever rule of the language it breaks.

use crate::source::{Diagnostic, Level, Sources, Span};
use regex::bytes::Regex;
use std::sync::LazyLock;

/// What templates write where a value belongs. The last form is a word of the language and may be a define.
static PLACEHOLDER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let forms = [
        r"\{\{[^{}\n]+\}\}",
        r"\{%[^%\n]+%\}",
        r"<%[^%\n]+%>",
        r"<[A-Za-z][A-Za-z0-9_. -]*>",
        r"\$\{[A-Za-z_][A-Za-z0-9_:-]*\}",
        r"@@?[A-Z][A-Z0-9_]+@@?",
        r"%%?[A-Z][A-Z0-9_]+%%?",
        r"\b__[A-Za-z][A-Za-z0-9_]*__\b",
    ];
    Regex::new(&forms.join("|")).ok()
});

/// Mistakes that a placeholder makes.
fn may_be_made(code: &str) -> bool {
    matches!(code, "syntax" | "syntax-port" | "syntax-unterminated-variable")
        || matches!(code, "bad-address" | "bad-setting" | "wrong-type" | "unknown-word" | "unknown-setting")
}

/// Calls errors on a line with a placeholder by its name; of several on one line one is left.
pub(super) fn name(sources: &Sources, diagnostics: &mut [Diagnostic]) {
    let Some(pattern) = &*PLACEHOLDER else { return };
    for found in diagnostics.iter_mut().filter(|found| found.level == Level::Error && may_be_made(found.code)) {
        let labels = found.labels.iter().enumerate();
        // In a string it may be text like any other; in the value of a define it is what takes the place of the name.
        let named = labels.into_iter().find_map(|(at, label)| on_line(sources, pattern, label.span, at > 0));
        let Some((place, written)) = named else { continue };
        let message = format!("{written} is a placeholder that nothing has filled in");
        let diagnostic = Diagnostic::error("placeholder", message, place);
        *found = if written.starts_with('_') {
            diagnostic.help(format!(
                "define it, as in `alanui check -A {written}=VALUE`, or look at the file that the template makes"
            ))
        } else {
            diagnostic.help("look at the file that the template makes")
        };
    }
}

/// The placeholder on the line of a place: the last one that begins before its end, or the first one.
fn on_line(sources: &Sources, pattern: &Regex, span: Span, in_strings: bool) -> Option<(Span, String)> {
    /// A line that is longer was made by no person.
    const LONGEST: usize = 2000;
    let text = sources.text(span.file);
    let at = (span.start as usize).min(text.len());
    let start = memchr::memrchr(b'\n', &text[..at]).map_or(0, |line| line + 1);
    let end = memchr::memchr(b'\n', &text[at..]).map_or(text.len(), |line| at + line);
    let line = text.get(start..end).filter(|line| line.len() <= LONGEST)?;
    let code = line.iter().position(|byte| *byte == b'#').filter(|hash| *hash > 0 || !line.starts_with(b"#!"));
    let line = &line[..code.unwrap_or(line.len())];
    let blanked = if in_strings { line.to_vec() } else { without_strings(line) };
    let line = blanked.as_slice();
    let all: Vec<_> = pattern.find_iter(line).collect();
    let before = all.iter().rfind(|found| start + found.start() <= span.end as usize);
    let found = before.or(all.first())?;
    let place = Span { file: span.file, start: (start + found.start()) as u32, end: (start + found.end()) as u32 };
    Some((place, String::from_utf8_lossy(found.as_bytes()).into_owned()))
}

/// A line with blanks for what stands in quotes.
fn without_strings(line: &[u8]) -> Vec<u8> {
    let mut open: Option<u8> = None;
    let mut escaped = false;
    let blanked = line.iter().map(|&byte| match open {
        Some(quote) => {
            let ends = byte == quote && !escaped;
            escaped = byte == b'\\' && !escaped;
            if ends {
                open = None;
            }
            b' '
        }
        None => {
            if matches!(byte, b'"' | b'\'') {
                (open, escaped) = (Some(byte), false);
            }
            byte
        }
    });
    blanked.collect()
}
