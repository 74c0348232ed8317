//! `check --fix`: the changes that findings carry, shown as a diff and written.

use crate::command::output::Output;
use crate::command::{BAD, GOOD};
use crate::source::{Diagnostic, FileId, Fix, Sources};
use similar::TextDiff;
use std::collections::BTreeMap;

/// Shows what would change; with `write` it is changed. The exit code is bad when a file cannot be written.
pub(super) fn fix(sources: &Sources, diagnostics: &[Diagnostic], write: bool, out: &mut Output) -> u8 {
    let mut files: BTreeMap<FileId, Vec<&Fix>> = BTreeMap::new();
    let mut mended = 0;
    for diagnostic in diagnostics.iter().filter(|diagnostic| !diagnostic.fixes.is_empty()) {
        mended += 1;
        for fix in &diagnostic.fixes {
            files.entry(fix.span.file).or_default().push(fix);
        }
    }
    let mut code = GOOD;
    for (file, fixes) in &files {
        let (path, before) = (sources.path(*file), sources.text(*file));
        let after = mend(before, fixes);
        let (old, new) = (String::from_utf8_lossy(before), String::from_utf8_lossy(&after));
        let name = path.display().to_string();
        out.print(&TextDiff::from_lines(old.as_ref(), new.as_ref()).unified_diff().header(&name, &name).to_string());
        if write && let Err(error) = std::fs::write(path, &after) {
            out.fault(&format!("{name}: {error}"));
            code = BAD;
        }
    }
    let left = diagnostics.len() - mended;
    let done = if write { "mended" } else { "can be mended" };
    out.print(&format!("{mended} {done}, {left} want a person\n"));
    code
}

/// The text with the changes made, from its end on; of two that overlap the first one is made.
fn mend(text: &[u8], fixes: &[&Fix]) -> Vec<u8> {
    let mut fixes = fixes.to_vec();
    fixes.sort_by_key(|fix| (fix.span.start, fix.span.end));
    fixes.dedup();
    let mut mended = Vec::with_capacity(text.len());
    let mut at = 0;
    for fix in fixes {
        let (start, end) = (fix.span.start as usize, fix.span.end as usize);
        if start < at || end > text.len() || start > end {
            continue;
        }
        mended.extend_from_slice(&text[at..start]);
        mended.extend_from_slice(fix.text.as_bytes());
        at = end;
    }
    mended.extend_from_slice(&text[at..]);
    mended
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Span;

    #[test]
    fn changes_are_made_once_and_never_overlap() {
        let fix = |start, end, text: &str| Fix { span: Span { file: FileId(0), start, end }, text: text.into() };
        let all = [fix(4, 5, "X"), fix(0, 2, ""), fix(1, 3, "never"), fix(4, 5, "X"), fix(6, 6, "!"), fix(9, 99, "no")];
        assert_eq!(mend(b"abcdef", &all.iter().collect::<Vec<_>>()), b"cdXf!");
    }
}
