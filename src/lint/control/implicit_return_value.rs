//! A route that is asked and may not answer.

use crate::lint::flow::effect::literal;
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "implicit-return-value",
    severity: Severity::Warning,
    finds: "A route in a condition, that can run off its end without a return.",
    why: "Its value is then whatever the last statement left: the code of an xlog, of a failed lookup, of an if that did not run. A line added at \
          its end turns the condition around.",
    instead: "End every way through the route with return 1; or return -1;",
    reference: "https://www.kamailio.org/wikidocs/cookbooks/devel/core/",
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    let routes: Vec<_> = subject.routes().collect();
    for its in subject.script().calls_of("route").filter(|its| its.asked) {
        let Some(name) = literal(its.call, 0) else { continue };
        let named = |route: &&crate::config::ast::Route| {
            route.kind == crate::config::ast::RouteKind::Request
                && route.name.as_ref().is_some_and(|its| its.text == name)
        };
        let Some(at) = routes.iter().position(named) else { continue };
        if subject.flow().falls_off(at) {
            let found = findings
                .add(format!("route[{name}] can end without a return, and its value decides here"), its.call.span);
            found.add_label(routes[at].head, "its value is then that of its last statement");
            found.add_help("end it with return 1; or return -1;");
        }
    }
}
