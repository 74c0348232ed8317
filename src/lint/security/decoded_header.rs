//! What a sender wrote and the script decoded, in a header.

use crate::builtin::Does;
use crate::lint::expressions::{contents, in_argument};
use crate::lint::mentions::Mention;
use crate::lint::taint::Origin;
use crate::lint::{Findings, Rule, Severity, Subject};
use crate::source::Span;

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "decoded-value-in-header",
    severity: Severity::Security,
    finds: "What the sender of a message wrote, decoded by a transformation such as {s.decode.base64} and written into a header or a URI.",
    why: "A header that arrives holds no line end, a decoded value may. Written into a header it ends that one and begins others, or the body: the \
          sender writes a Route, an identity or a Content-Length in the server's name. alanui cuts such a value at its first line end (extension \
          header-values-on-one-line); Kamailio does not.",
    instead: "Let only expected characters pass before: if (!($var(x) =~ \"^[A-Za-z0-9.@_-]+$\")) exit;",
    reference: "https://www.kamailio.org/wikidocs/cookbooks/devel/transformations/",
    check,
};

/// Variables that are parts of the first line or of a header.
const PARTS: &[&str] = &["ru", "rU", "rd", "fn", "fu", "fU", "fd", "tn", "tu", "tU", "td", "branch", "sbranch"];

fn check(subject: &Subject, findings: &mut Findings) {
    for its in subject.script().calls_that(Does::WriteHeader) {
        for arg in &its.call.args {
            let mut reported: Vec<String> = Vec::new();
            in_argument(arg, &mut |mention| {
                let shown = mention.as_written();
                if let Some(origin) = decoded(subject, &mention).filter(|_| !reported.contains(&shown)) {
                    tell(findings, &shown, &origin, arg.span);
                    reported.push(shown);
                }
            });
        }
    }
    for its in &subject.script().assigns {
        if !PARTS.contains(&its.target.name) {
            continue;
        }
        let mut first = true;
        contents(&its.assign.value, &mut |mention| {
            if let Some(origin) = decoded(subject, &mention).filter(|_| first) {
                tell(findings, &mention.as_written(), &origin, its.assign.span);
                first = false;
            }
        });
    }
}

/// Where it comes from, if it was decoded.
fn decoded(subject: &Subject, mention: &Mention) -> Option<Origin> {
    subject.taint().origin(mention).filter(|origin| origin.decoded)
}

fn tell(findings: &mut Findings, shown: &str, origin: &Origin, place: Span) {
    let from = if shown.contains(origin.source.trim_start_matches('$')) {
        String::new()
    } else {
        format!(" (from {})", origin.source)
    };
    let found =
        findings.add(format!("{shown}{from} is decoded from what the sender wrote and goes into a header"), place);
    if let Some(place) = origin.place {
        found.add_label(place, format!("{} comes in here", origin.source));
    }
    found.add_note("a line end in it begins another header in Kamailio; alanui cuts it there");
    found.add_help("let only expected characters pass first");
}
