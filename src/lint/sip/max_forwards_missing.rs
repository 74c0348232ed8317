//! Requests that may go round for ever.

use crate::builtin::Does;
use crate::config::ast::RouteKind;
use crate::lint::flow::Fact;
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "max-forwards-missing",
    severity: Severity::Warning,
    finds: "A relay on a way on which nothing looked at Max-Forwards.",
    why: "The header is what ends a loop. A request that comes back to this server is otherwise sent on again and again, a Via longer each time, \
          until it is too large to be sent.",
    instead: "if (!mf_process_maxfwd_header(\"10\")) { sl_send_reply(\"483\", \"Too Many Hops\"); exit; }",
    reference: "RFC 3261 section 16.3",
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    let relays = subject.flow().sites().filter(|site| site.does(Does::Relay));
    let mut relays: Vec<_> = relays
        .filter(|site| site.find(RouteKind::Request, |state| state.is_not(Fact::MaxForwards)).is_some())
        .collect();
    relays.sort_by_key(|site| site.call.span);
    // One place is enough to say it.
    if let Some(site) = relays.first() {
        let found = findings.add("a request is relayed here and nothing looked at its Max-Forwards", site.call.span);
        found.add_note("a loop goes on until the request is too large");
        found.add_help("begin request_route with if (!mf_process_maxfwd_header(\"10\")) { sl_send_reply(\"483\", \"Too Many Hops\"); exit; }");
    }
}
