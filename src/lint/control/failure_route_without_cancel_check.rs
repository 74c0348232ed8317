//! A call that goes on after its caller hung up.

use crate::builtin::Does;
use crate::config::ast::RouteKind;
use crate::lint::flow::Fact;
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "failure-route-without-cancel-check",
    severity: Severity::Warning,
    finds: "A relay in a failure_route on a way that asks neither t_is_canceled() nor for the code of the failure.",
    why: "The block runs for a call that the caller gave up as well. Sent on to the next target, it rings at a phone for nobody.",
    instead: "Begin the block with if (t_is_canceled()) exit;",
    reference: "https://github.com/kamailio/kamailio/blob/master/etc/kamailio.cfg",
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    for site in subject.flow().sites().filter(|site| site.does(Does::Relay)) {
        let unasked = |fact: Fact, state: &crate::lint::flow::State| !state.is(fact) && !state.is_not(fact);
        let blind =
            |state: &crate::lint::flow::State| unasked(Fact::Canceled, state) && state.is_not(Fact::StatusTested);
        if site.find(RouteKind::Failure, blind).is_some() {
            let found = findings.add("a call that its caller gave up is sent on here", site.call.span);
            found.add_help("begin the failure_route with if (t_is_canceled()) exit;");
        }
    }
}
