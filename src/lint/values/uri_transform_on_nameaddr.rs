//! `{uri.host}` of something that is no URI.

use crate::lint::mentions::Mention;
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "uri-transform-on-nameaddr",
    severity: Severity::Warning,
    finds: "A transformation of class uri applied to a whole header: $(ct{uri.host}), $(hdr(From){uri.user}).",
    why: "Such a header holds a display name, angle brackets and parameters around its URI. The URI parser refuses that, and the value is null for \
          every phone that writes brackets, which is nearly every phone.",
    instead: "Take the URI out first: $(ct{nameaddr.uri}{uri.host}).",
    reference: "https://www.kamailio.org/wikidocs/cookbooks/devel/transformations/",
    check,
};

/// Headers that hold a name and an address.
static HEADERS: &[&str] = &[
    "contact",
    "m",
    "from",
    "f",
    "to",
    "t",
    "route",
    "record-route",
    "path",
    "p-asserted-identity",
    "p-preferred-identity",
    "remote-party-id",
    "refer-to",
    "r",
    "referred-by",
    "b",
    "diversion",
    "history-info",
    "reply-to",
    "service-route",
    "p-associated-uri",
    "p-called-party-id",
];

fn check(subject: &Subject, findings: &mut Findings) {
    for mention in &subject.script().mentions {
        let written = &mention.written;
        let Some(first) = written.transformations().next().filter(|first| first.trim().starts_with("uri.")) else {
            continue;
        };
        if !holds_name_addr(written) {
            continue;
        }
        let span = subject.place_of(mention);
        let shown = String::from_utf8_lossy(subject.sources.slice(span)).into_owned();
        let whole = written.name == "ct" || written.name == "hdr";
        let found = findings.add(format!("the whole header is no URI: {{{first}}} is null"), span);
        if whole {
            found.add_note(
                "\"Ann\" <sip:ann@192.0.2.1:5062>;expires=60 has a name, brackets and parameters around the URI",
            );
        }
        let transformation = format!("{{{first}}}");
        let mended = shown.replacen(&transformation, &format!("{{nameaddr.uri}}{transformation}"), 1);
        found.add_help(if mended == shown {
            "put {nameaddr.uri} before it".to_owned()
        } else {
            format!("write {mended}")
        });
        let place = subject.narrow(span, transformation.as_bytes());
        if place != span {
            found.add_fix(place, format!("{{nameaddr.uri}}{transformation}"));
        }
    }
}

fn holds_name_addr(written: &Mention) -> bool {
    match written.name {
        "ct" => true,
        "hdr" | "hfl" => written.inner.is_some_and(|key| HEADERS.contains(&&*key.trim().to_ascii_lowercase())),
        _ => false,
    }
}
