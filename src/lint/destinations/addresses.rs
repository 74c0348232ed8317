//! Addresses without a scheme.

use super::DOCS;
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "ds-destination-not-uri",
    severity: Severity::Warning,
    finds: "A destination without sip: or sips: before its address.",
    why: "The format asks for a URI. Kamailio 5.6 puts sip: before it in silence, others refuse it, and whoever compares the column with an address \
          has to think of each way it may be written.",
    instead: "Write sip:10.0.0.1:5060.",
    reference: DOCS,
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    for its in subject.destinations {
        let has_scheme = its.uri.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case("sip:"))
            || its.uri.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("sips:"));
        if !has_scheme {
            let found = findings.add(format!("{} is no URI", its.uri), its.span);
            found.add_help(format!("write sip:{}", its.uri));
        }
    }
}
