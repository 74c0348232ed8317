//! A comment that names another algorithm.

use super::{DOCS, algorithms};
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "ds-alg-number-comment-mismatch",
    severity: Severity::Hint,
    finds: "A selection whose comment on the same line names another algorithm than its number.",
    why: "The number counts, whatever the comment says; whoever reads the file believes the comment.",
    instead: "Correct the one that is wrong; the message says what the number means.",
    reference: DOCS,
    check,
};

/// The algorithms, with the words that name them.
static ALGORITHMS: &[(i64, &str, &[&str])] = &[
    (0, "a hash over the Call-ID", &["call-id", "callid", "call id"]),
    (1, "a hash over the From URI", &["from uri", "from-uri"]),
    (2, "a hash over the To URI", &["to uri", "to-uri"]),
    (3, "a hash over the request URI", &["request uri", "request-uri", "r-uri", "ruri"]),
    (4, "round robin", &["round robin", "round-robin", "roundrobin"]),
    (5, "a hash over the user of the Authorization header", &[]),
    (6, "random", &["random"]),
    (7, "a hash over a variable", &[]),
    (8, "the first by priority", &["priority", "serial"]),
    (9, "weight", &["weight"]),
    (10, "call load", &["call load", "least load"]),
    (11, "relative weight", &["relative weight", "rweight"]),
    (12, "all destinations at once", &["parallel", "all at once"]),
    (13, "latency", &["latency"]),
];

fn check(subject: &Subject, findings: &mut Findings) {
    for (at, algorithm) in algorithms(subject) {
        let span = at.call.span;
        let rest = subject.sources.text(span.file).get(span.end as usize..).unwrap_or_default();
        let line = &rest[..memchr::memchr(b'\n', rest).unwrap_or(rest.len())];
        let line = String::from_utf8_lossy(line).to_ascii_lowercase();
        let Some(start) = line.find(['#']).or_else(|| line.find("//")) else { continue };
        let comment = &line[start..];
        let named: Vec<_> =
            ALGORITHMS.iter().filter(|(_, _, words)| words.iter().any(|word| comment.contains(word))).collect();
        // "Relative weight" also holds "weight"; a comment that names the right one among others is right.
        let Some((_, meaning, _)) = ALGORITHMS.iter().find(|(number, ..)| *number == algorithm) else { continue };
        if named.is_empty() || named.iter().any(|(number, ..)| *number == algorithm) {
            continue;
        }
        let numbers: Vec<_> = named.iter().map(|(number, what, _)| format!("{number} is {what}")).collect();
        findings
            .add(format!("algorithm {algorithm} is {meaning}, not what the comment says"), span)
            .add_help(numbers.join(", "));
    }
}
