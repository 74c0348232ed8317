//! A relay for anybody to anywhere.

use crate::builtin::Does;
use crate::config::ast::RouteKind;
use crate::lint::flow::effect::literal;
use crate::lint::flow::{Fact, Methods, State};
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "open-relay",
    severity: Severity::Security,
    finds: "A first request that is relayed where its Request-URI says, on a way on which nothing asked who sends it or where it goes.",
    why: "Scanners try every address for a server that sends on what they give it. One that does carries their calls, at the owner's cost where a \
          carrier trusts its address, and hides where attacks come from.",
    instead: "Authenticate the caller, check its address (allow_source_address, ds_is_from_list), or relay to own domains only: \
              if (uri != myself) { sl_send_reply(\"403\", \"Not relaying\"); exit; }",
    reference: "https://www.kamailio.org/wikidocs/tutorials/security/kamailio-security/",
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    if subject.is_ims() {
        return;
    }
    for site in subject.flow().sites().filter(|site| site.does(Does::Relay)) {
        if site.find(RouteKind::Request, |state| is_open(state) && !state.is(Fact::HeaderTrusted)).is_none() {
            continue;
        }
        let target = literal(site.call, 0).filter(|_| site.call.args.len() == 2);
        let found = match target {
            Some(host) => findings.add(format!("anybody's first request is relayed to {host} here"), site.call.span),
            None => findings.add("anybody's first request is relayed to any address here", site.call.span),
        };
        found.add_note("on the way here nothing asks for credentials, the source address or the domain called");
        found.add_help("check the caller, or refuse what is not for this server: if (uri != myself) { sl_send_reply(\"403\", \"Not relaying\"); exit; }");
    }
}

/// A way on which a first request may go anywhere for anybody.
pub(super) fn is_open(state: &State) -> bool {
    // A CANCEL or ACK goes where its INVITE went.
    let initial = !state.is(Fact::ToTag) && !state.methods.within(Methods::ACK.or(Methods::CANCEL));
    let steered = state.is(Fact::LooseRouted);
    let asked = !state.is_not(Fact::Vetted) || !state.is_not(Fact::Bound) || state.is(Fact::UriMyself);
    initial && !steered && !asked
}
