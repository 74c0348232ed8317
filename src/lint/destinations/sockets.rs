//! One destination by two ways.

use super::{Destination, sets};
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "ds-same-uri-two-sockets",
    severity: Severity::Warning,
    finds: "Two destinations of a set with the same URI and different sockets.",
    why: "Kamailio tells pings apart by the URI alone. The answer that came over one socket is booked for the first of the two: the other keeps the \
          state it had, and a dead way gets calls.",
    instead: "Put them into sets of their own, or make the URIs differ by a parameter.",
    reference: "https://github.com/kamailio/kamailio/issues/4330",
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    for (set, members) in sets(subject) {
        for (at, its) in members.iter().enumerate() {
            let same = |other: &&&Destination| other.uri == its.uri && ways(other) != ways(its);
            if let Some(other) = members.iter().take(at).find(same) {
                let found = findings.add(format!("{} stands twice in set {set}, by two sockets", its.uri), its.span);
                found.add_label(other.span, "the first");
                found.add_note("answers to pings are booked for the first of the two");
            }
        }
    }
}

/// The sockets it is reached by.
fn ways(its: &Destination) -> [Option<&str>; 2] {
    ["socket", "sockname"].map(|name| its.attribute(name))
}
