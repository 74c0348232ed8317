//! A sender that is believed.

use super::open_relay::is_open;
use crate::builtin::Does;
use crate::config::ast::RouteKind;
use crate::lint::flow::{Fact, State};
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "from-header-trusted",
    severity: Severity::Security,
    finds: "A relay that is allowed because From, P-Asserted-Identity or User-Agent says so.",
    why: "The sender writes these headers as it likes. Whoever learns the right value, or guesses it, is let through.",
    instead: "Check the source address too (allow_source_address, $si, ds_is_from_list), or ask for credentials.",
    reference: "RFC 3325",
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    for site in subject.flow().sites().filter(|site| site.does(Does::Relay)) {
        let believed = |state: &State| is_open(state) && state.is(Fact::HeaderTrusted);
        let Some(state) = site.find(RouteKind::Request, believed) else { continue };
        let found = findings.add("a header that the sender writes lets this request through", site.call.span);
        found
            .add_label(state.place(Fact::HeaderTrusted), "this decides, and nothing asks where the request comes from");
        found.add_help("check the source address as well, or ask for credentials");
    }
}
