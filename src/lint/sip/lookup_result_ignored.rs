//! A lookup that may have found nobody.

use crate::builtin::Does;
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "lookup-result-ignored",
    severity: Severity::Warning,
    finds: "A lookup() in the location table of which nobody looks at the result.",
    why: "For somebody who is not registered nothing is changed: the Request-URI still names this server, so the relay sends the request to \
          itself until Max-Forwards ends it with 483.",
    instead: "if (!lookup(\"location\")) { send_reply(\"404\", \"Not Found\"); exit; }",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/registrar.html",
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    for its in subject.script().calls_that(Does::LookUp) {
        if its.is_ignored() {
            let found = findings.add("nobody looks whether this found a contact", its.call.span);
            found.add_note("a request for somebody who is not registered is relayed to this server itself");
            found.add_help("write if (!lookup(\"location\")) { send_reply(\"404\", \"Not Found\"); exit; }");
        }
    }
}
