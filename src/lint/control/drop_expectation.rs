//! A final reply that is to be dropped.

use crate::config::ast::RouteKind;
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "drop-expectation",
    severity: Severity::Warning,
    finds: "drop of a final reply in a named onreply_route.",
    why: "tm drops provisional replies there and no others: the 200 or 4xx goes on to the caller, whatever the script says.",
    instead: "Drop it in reply_route, which sees every reply first, or act on a negative reply in failure_route.",
    reference: "https://www.kamailio.org/wikidocs/cookbooks/devel/core/",
    check,
};

/// The bit of the class 1xx.
const PROVISIONAL: u8 = 1 << 1;

fn check(subject: &Subject, findings: &mut Findings) {
    let mut reported = Vec::new();
    for (place, state) in subject.flow().drops() {
        if state.entry == RouteKind::Reply && state.statuses & PROVISIONAL == 0 && !reported.contains(place) {
            reported.push(*place);
            let found = findings.add("a final reply is not dropped here, it goes on to the caller", *place);
            found.add_note("a named onreply_route drops provisional replies only");
            found.add_help("drop it in reply_route, or handle it in failure_route");
        }
    }
}
