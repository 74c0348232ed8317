//! Text without quotes in a define.

use super::CORE;
use super::raw::Raw;
use crate::lint::{Findings, Rule, Severity, Subject};
use crate::source::Span;

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "define-value-unquoted",
    severity: Severity::Warning,
    finds: "A define whose value is a URL, an address with @ or a path, without quotes.",
    why: "The value is put into the text as it stands. Where a string is wanted there is none, and // begins a comment that swallows the rest of \
          the line: the error is reported far from the define.",
    instead: "Put the value in quotes.",
    reference: CORE,
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    for its in &Raw::of(subject).directives {
        if !matches!(its.word, "define" | "def" | "trydefine" | "trydef" | "redefine" | "redef") {
            continue;
        }
        let value = its.argument[its.name().len()..].trim_ascii();
        let begins = its.argument.len() - value.len();
        let is_path = value.starts_with(b"/") && value.get(1).is_some_and(u8::is_ascii_alphanumeric);
        let is_url = scheme(value).is_some();
        let has_user =
            !value.contains(&b' ') && !value.contains(&b'$') && value.contains(&b'@') && !value.starts_with(b"@");
        let quoted = value.iter().any(|byte| matches!(byte, b'"' | b'\'' | b'(' | b'{'));
        if quoted || !(is_path || is_url || has_user) {
            continue;
        }
        let start = its.span.start + begins as u32;
        let span = Span { start, end: start + value.len() as u32, ..its.span };
        let value = String::from_utf8_lossy(value).into_owned();
        let name = String::from_utf8_lossy(its.name()).into_owned();
        let found = findings.add(format!("{name} is no string: it stands for the bare text {value}"), span);
        if is_url {
            found.add_note("// begins a comment where it is used");
        }
        found.add_help(format!("write #!{} {name} \"{value}\"", its.word)).add_fix(span, format!("\"{value}\""));
    }
}

/// The scheme of `mysql://...`.
fn scheme(value: &[u8]) -> Option<&[u8]> {
    let at = memchr::memmem::find(value, b"://")?;
    (at > 0 && value[..at].iter().all(u8::is_ascii_alphanumeric)).then_some(&value[..at])
}
