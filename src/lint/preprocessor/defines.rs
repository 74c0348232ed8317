//! Names of defines that do not meet.

use super::CORE;
use super::raw::Raw;
use crate::lint::{Findings, Rule, Severity, Subject};
use rustc_hash::{FxHashMap, FxHashSet, FxHasher};
use std::hash::Hasher;

/// Asked for and never there.
pub(super) static UNKNOWN: Rule = Rule {
    code: "define-unknown",
    severity: Severity::Warning,
    finds: "#!ifdef of a name that nothing defines and that is nearly the name of another.",
    why: "A misspelt switch is never on. The part of the file behind it is silently left out, a check against floods for example.",
    instead: "Correct the name; if it is meant, allow the finding.",
    reference: CORE,
    check: unknown,
};

/// There and never asked for.
pub(super) static UNUSED: Rule = Rule {
    code: "define-unused",
    severity: Severity::Hint,
    finds: "A define that is neither tested nor used anywhere, in any branch.",
    why: "It does nothing: a feature that was taken out, or a switch with another name than the #!ifdef that should ask for it.",
    instead: "Take it out, or test the name that is defined.",
    reference: CORE,
    check: unused,
};

/// A directive with a blank in it.
pub(super) static LOOKS_COMMENTED: Rule = Rule {
    code: "define-looks-commented",
    severity: Severity::Warning,
    finds: "A comment that is nearly a define of a name which the file tests: # !define WITH_AUTH, #! define, #define.",
    why: "Only #!define, without a blank, is a directive. Anything else is a comment, so the feature that seems to be on is off, authentication for \
          example.",
    instead: "Write #!define NAME; to leave it out write ##!define NAME.",
    reference: "https://github.com/kamailio/kamailio/issues/2957",
    check: looks_commented,
};

fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

/// The names that comments speak of defining: `define WITH_AUTH`, `##!define WITH_AUTH`.
fn named_in_comments<'a>(raw: &Raw<'a>) -> FxHashSet<&'a [u8]> {
    let mut names = FxHashSet::default();
    for (comment, _) in &raw.comments {
        let mut words =
            comment.split(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_').filter(|word| !word.is_empty());
        while let Some(word) = words.next() {
            if word.starts_with(b"WITH_") {
                names.insert(word);
            } else if matches!(word, b"define" | b"def")
                && let Some(name) = words.next()
            {
                names.insert(name);
            }
        }
    }
    names
}

fn unknown(subject: &Subject, findings: &mut Findings) {
    let raw = Raw::of(subject);
    let mut known: FxHashSet<&[u8]> = raw.directives.iter().filter(|its| its.defines()).map(|its| its.name()).collect();
    known.extend(Raw::command_line(subject));
    let commented = named_in_comments(raw);
    let mut tests: FxHashMap<&[u8], usize> = FxHashMap::default();
    for its in raw.directives.iter().filter(|its| matches!(its.word, "ifdef" | "ifndef")) {
        *tests.entry(its.name()).or_default() += 1;
    }
    let names = known.iter().chain(tests.keys()).chain(&commented).copied();
    let alike = Alike::of(names.collect());
    for its in raw.directives.iter().filter(|its| matches!(its.word, "ifdef" | "ifndef")) {
        let name = its.name();
        if known.contains(name)
            || commented.contains(name)
            || name.starts_with(b"MOD_")
            || name.starts_with(b"KAMAILIO")
        {
            continue;
        }
        // Names that are tested as often may both be meant, defined or not: the usual one is tested more, or only spoken of.
        let count = |name: &[u8]| tests.get(name).copied().unwrap_or(0);
        let is_likelier = |other: &[u8]| {
            known.contains(other) || count(other) > count(name) || count(other) == 0 && commented.contains(other)
        };
        let near = alike.to(name).filter(|other| is_likelier(other) && is_slip(name, other)).min();
        let Some(near) = near else { continue };
        findings
            .add(format!("nothing defines {}", shown(name)), its.name_span())
            .add_note("what is behind it is never part of the config")
            .add_help(format!("did you mean {}?", shown(near)));
    }
}

/// Names by what is left of them when one letter is taken away: two that differ in a letter, or in two that have changed places, share that.
struct Alike<'a>(FxHashMap<u64, Vec<&'a [u8]>>);

/// Names that are longer are no slip of each other.
const LONGEST_NAME: usize = 100;

impl<'a> Alike<'a> {
    fn of(names: FxHashSet<&'a [u8]>) -> Alike<'a> {
        let mut alike: FxHashMap<u64, Vec<&[u8]>> = FxHashMap::default();
        for name in names {
            for key in Alike::keys(name) {
                alike.entry(key).or_default().push(name);
            }
        }
        Alike(alike)
    }

    /// Those that may differ little from a name; some may come twice.
    fn to(&self, name: &[u8]) -> impl Iterator<Item = &'a [u8]> {
        Alike::keys(name).into_iter().filter_map(|key| self.0.get(&key)).flatten().copied()
    }

    fn keys(name: &[u8]) -> Vec<u64> {
        if name.len() > LONGEST_NAME {
            return Vec::new();
        }
        let hash = |at: usize| {
            let mut left = name.to_vec();
            if at < left.len() {
                left.remove(at);
            }
            let mut hasher = FxHasher::default();
            hasher.write(&left);
            hasher.finish()
        };
        let mut keys: Vec<u64> = (0..=name.len()).map(hash).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}

/// Whether one name is a slip of the other: a letter in a long name, or two that have changed places, and no number.
fn is_slip(name: &[u8], other: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().copied().filter(u8::is_ascii_digit).collect::<Vec<u8>>();
    if name.len() < 7 || name.len().abs_diff(other.len()) > 1 || digits(name) != digits(other) {
        return false;
    }
    strsim::osa_distance(&String::from_utf8_lossy(name), &String::from_utf8_lossy(other)) == 1
}

fn unused(subject: &Subject, findings: &mut Findings) {
    let raw = Raw::of(subject);
    // A file that was not read may use anything.
    let read = subject.sources.files().count().saturating_sub(Raw::command_line(subject).len() + 1);
    if raw.includes > read {
        return;
    }
    let mut defined: FxHashMap<&[u8], usize> = FxHashMap::default();
    for its in raw.directives.iter().filter(|its| its.defines()) {
        *defined.entry(its.name()).or_default() += 1;
    }
    let mut reported = FxHashSet::default();
    for its in raw.directives.iter().filter(|its| its.defines()) {
        let name = its.name();
        let uses = raw.words.get(name).copied().unwrap_or(0);
        if name.is_empty() || uses > defined.get(name).copied().unwrap_or(0) || !reported.insert(name) {
            continue;
        }
        findings.add(format!("{} is defined and never used", shown(name)), its.name_span());
    }
}

fn looks_commented(subject: &Subject, findings: &mut Findings) {
    let raw = Raw::of(subject);
    let known: FxHashSet<&[u8]> = raw.directives.iter().filter(|its| its.defines()).map(|its| its.name()).collect();
    let mut tested: FxHashSet<&[u8]> = FxHashSet::default();
    for its in raw.directives.iter().filter(|its| its.tests()) {
        tested.extend(its.argument.split(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_'));
    }
    for (comment, span) in &raw.comments {
        let Some(name) = nearly_define(comment) else { continue };
        if known.contains(name) || !tested.contains(name) {
            continue;
        }
        let name = shown(name);
        findings
            .add(format!("this is a comment: {name} is not defined"), *span)
            .add_note(format!("what stands behind #!ifdef {name} is left out"))
            .add_help(format!("write #!define {name}, or ##!define {name} if it is meant to be off"));
    }
}

/// The name in `# !define NAME`, `#! define NAME`, `#define NAME`, `//!define NAME`.
fn nearly_define(comment: &[u8]) -> Option<&[u8]> {
    let rest = comment.strip_prefix(b"#").or_else(|| comment.strip_prefix(b"//"))?;
    let blank = rest.trim_ascii_start();
    let marked = blank.strip_prefix(b"!");
    // Without the mark only `#define`, as in C: a sentence may begin with "define".
    let rest = match marked {
        Some(rest) => rest.trim_ascii_start(),
        None if blank.len() == rest.len() && comment.starts_with(b"#") => rest,
        None => return None,
    };
    let rest = rest.strip_prefix(b"define").or_else(|| rest.strip_prefix(b"def"))?;
    let name = rest.strip_prefix(b" ").or_else(|| rest.strip_prefix(b"\t"))?.trim_ascii_start();
    let end = name.iter().position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_').unwrap_or(name.len());
    // A word more, and it is a sentence; a value is quoted or a number.
    let after = name[end..].trim_ascii();
    let is_value = after.is_empty() || matches!(after.first(), Some(b'"' | b'0'..=b'9' | b'#'));
    (end > 0 && is_value).then_some(&name[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearly_defines() {
        assert_eq!(nearly_define(b"# !define WITH_AUTH"), Some(&b"WITH_AUTH"[..]));
        assert_eq!(nearly_define(b"#! define WITH_AUTH"), Some(&b"WITH_AUTH"[..]));
        assert_eq!(nearly_define(b"#define WITH_AUTH"), Some(&b"WITH_AUTH"[..]));
        assert_eq!(nearly_define(b"//!define WITH_AUTH"), Some(&b"WITH_AUTH"[..]));
        assert_eq!(nearly_define(b"##!define WITH_AUTH"), None);
        assert_eq!(nearly_define(b"# define WITH_AUTH"), None);
        assert_eq!(nearly_define(b"#define WITH_AUTH to switch it on"), None);
    }

    #[test]
    fn slips() {
        assert!(is_slip(b"WITH_ANTIFLOD", b"WITH_ANTIFLOOD"));
        assert!(!is_slip(b"WITH_IPV4", b"WITH_IPV6"));
        assert!(!is_slip(b"WITH_TLS", b"WITH_SQL"));
        assert!(!is_slip(b"WITH_INTERNAL", b"WITH_EXTERNAL"));
        assert!(is_slip(b"WITH_ATUH", b"WITH_AUTH"));
    }
}
