//! A worker put to sleep.

use crate::builtin::Does;
use crate::config::ast::RouteKind;
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "sleep-in-route",
    severity: Severity::Performance,
    finds: "sleep() or usleep() while a message is routed.",
    why: "The worker that sleeps takes no other message. With 8 children, 8 such messages stop the server.",
    instead: "Put the request aside with async_sleep() or t_suspend(), or do the work in a timer.",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/async.html",
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    for site in subject.flow().that(Does::Sleep) {
        if site.states.iter().any(|state| state.entry != RouteKind::Event) {
            findings
                .add("the worker takes no other message while it sleeps", site.call.span)
                .add_help("use async_sleep()");
        }
    }
}
