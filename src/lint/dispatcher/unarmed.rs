//! Relays to a gateway without a failure route.

use super::{DOCS, Faults, Sites};
use crate::builtin::Does;
use crate::config::ast::{Call, RouteKind};
use crate::lint::paths::{MARKS, Marks, Paths, Walker};
use crate::lint::script::argument;
use crate::lint::{Findings, Rule, Severity, Subject};

/// A selection that is relayed without one.
pub(super) static NO_FAILURE_ROUTE: Rule = Rule {
    code: "ds-no-failure-route",
    severity: Severity::Warning,
    finds: "A way on which an INVITE is sent to a destination of the dispatcher without t_on_failure before.",
    why: "When the gateway is dead, the caller waits for fr_timer and gets 408, although a healthy gateway stands in the same set. Health checks \
          only help calls that come after a gateway was found dead.",
    instead: "Call t_on_failure before the relay, and ds_next_dst in that failure_route.",
    reference: DOCS,
    check: no_failure_route,
};

/// A second try that is the last.
pub(super) static NOT_REARMED: Rule = Rule {
    code: "ds-failure-not-rearmed",
    severity: Severity::Warning,
    finds: "A failure_route that relays to the next destination of the dispatcher without calling t_on_failure again.",
    why: "A failure_route counts for the branches that were there when it was set. The branch it makes itself has none, so there is exactly one \
          further try: the third gateway is never reached.",
    instead: "Call t_on_failure with the same name before relaying again.",
    reference: DOCS,
    check: not_rearmed,
};

/// The mark of a failure route that is set; the others are selections.
const ARMED: Marks = 1 << (MARKS - 1);

struct Unarmed {
    choose: Does,
    sites: Sites,
    faults: Faults,
}

impl Unarmed {
    fn new(choose: Does) -> Unarmed {
        Unarmed { choose, sites: Sites::new(MARKS - 1), faults: Faults::default() }
    }
}

impl<'a> Walker<'a> for Unarmed {
    fn call(&mut self, call: &'a Call, does: &'static [Does], marks: Marks) -> (Marks, Marks) {
        if does.contains(&self.choose) {
            // A selection in place of an earlier one: the earlier one is never sent.
            return (marks & ARMED | self.sites.mark(call.span), marks);
        }
        if does.contains(&Does::Arm(RouteKind::Failure)) {
            let off = argument(call, 0).is_some_and(|name| name.is_empty() || name == "0");
            let marks = if off { marks & !ARMED } else { marks | ARMED };
            return (marks, marks);
        }
        if does.contains(&Does::AskArmed) && argument(call, 0).is_some_and(|what| what.starts_with('f')) {
            return (marks | ARMED, marks & !ARMED);
        }
        if does.contains(&Does::Relay) && marks & ARMED == 0 {
            self.sites.marked(marks).for_each(|site| self.faults.add(site, call.span));
        }
        (marks, marks)
    }
}

fn no_failure_route(subject: &Subject, findings: &mut Findings) {
    let script = subject.script();
    if !script.anything(Does::SelectDestination) {
        return;
    }
    let walk =
        Paths::new(script, Unarmed::new(Does::SelectDestination)).walk(|kind, main| kind == RouteKind::Request && main);
    for (site, relay) in walk.faults.0 {
        let found = findings.add("when this destination does not answer, the call fails", site);
        found.add_label(relay, "relayed without a failure_route");
        if !script.anything(Does::NextDestination) {
            found.add_note("nothing in this config tries the next destination");
        }
        found.add_help("call t_on_failure(\"...\") before the relay, and in that failure_route: if (ds_next_dst()) { t_on_failure(\"...\"); t_relay(); }");
    }
}

fn not_rearmed(subject: &Subject, findings: &mut Findings) {
    let script = subject.script();
    if !script.anything(Does::NextDestination) {
        return;
    }
    let walk = Paths::new(script, Unarmed::new(Does::NextDestination)).walk(|kind, _| kind == RouteKind::Failure);
    for (site, relay) in walk.faults.0 {
        findings
            .add("this is the last destination that is tried", site)
            .add_label(relay, "relayed without setting the failure_route again")
            .add_note("a failure_route counts only for the branches that were there when it was set")
            .add_help("call t_on_failure with the name of this failure_route before the relay");
    }
}
