//! A request that is answered, or sent on, twice.

use crate::builtin::Does;
use crate::config::ast::RouteKind;
use crate::lint::flow::{Fact, Site};
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "missing-exit-after-final",
    severity: Severity::Warning,
    finds: "A request that is answered or relayed, and then answered or relayed again on the same way.",
    why: "Neither a reply nor a relay ends the script. What follows sends a second answer, or an answer to a request that is on its way \
          elsewhere: the caller sees a call refused that rings on the other side.",
    instead: "Write exit; behind the reply or relay, or put the rest into an else.",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/sl.html",
    check,
};

/// What deals with a request for good.
const ENDS: &[Does] = &[Does::Relay, Does::Reply, Does::Save];

fn check(subject: &Subject, findings: &mut Findings) {
    // One missing exit shows at every reply that follows: it is told once, at the first of them.
    let mut reported = Vec::new();
    let mut sites: Vec<_> = subject.flow().sites().collect();
    sites.sort_by_key(|site| site.call.span);
    for site in sites {
        if !ENDS.iter().any(|word| site.does(*word)) {
            continue;
        }
        let Some(state) = again(site) else { continue };
        let first = state.place(Fact::Final);
        // Once in a loop, or twice through one define, is the same place.
        if first == site.call.span || first == Default::default() || reported.contains(&first) {
            continue;
        }
        reported.push(first);
        let was = if state.is(Fact::Relayed) { "relayed" } else { "answered" };
        let now = if site.does(Does::Relay) { "relayed" } else { "answered" };
        let found = findings.add(format!("the request is {now} here after it was {was}"), site.call.span);
        found.add_label(first, format!("{was} here, and the script goes on"));
        found.add_help("write exit; behind the first one");
    }
}

/// The state of a way on which the request was dealt with before.
fn again<'s>(site: &'s Site) -> Option<&'s crate::lint::flow::State> {
    let done = |state: &crate::lint::flow::State| {
        state.is(Fact::Final) && !(state.is(Fact::LooseRouted) && state.is(Fact::Relayed))
    };
    [RouteKind::Request, RouteKind::Failure].into_iter().find_map(|entry| site.find(entry, done))
}
