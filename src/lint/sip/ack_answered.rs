//! An ACK that gets a reply.

use crate::builtin::Does;
use crate::config::ast::RouteKind;
use crate::lint::flow::effect::literal;
use crate::lint::flow::{Fact, Methods, State};
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "ack-answered",
    severity: Severity::Warning,
    finds: "A reply on a way that an ACK within a dialog takes, or that nothing but an ACK takes.",
    why: "An ACK is never answered. Where requests of a dialog that do not match end in a 404, an ACK ends there too: the reply is not sent, the \
          function is false, and an ACK for a negative reply does not reach its transaction.",
    instead: "Let ACK out first: if (is_method(\"ACK\")) { if (t_check_trans()) t_relay(); exit; }",
    reference: "RFC 3261 section 17",
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    for site in subject.flow().sites().filter(|site| site.does(Does::Reply)) {
        // Outside of a dialog most ACKs are taken out before the script; where nothing else arrives one is answered for certain.
        let only = site.states.iter().all(|state| state.methods == Methods::ACK);
        let takes = |state: &State| {
            let in_dialog = state.methods.meets(Methods::ACK) && state.is(Fact::ToTag);
            (in_dialog || only) && state.is_not(Fact::Final) && !state.is(Fact::RelayFailed)
        };
        let Some(state) = site.find(RouteKind::Request, takes) else { continue };
        // What answers a failed relay answers nothing that was not sent.
        if site.does(Does::ReplyError) {
            continue;
        }
        let with = literal(site.call, 0).map(|code| format!(" with {code}")).unwrap_or_default();
        let which = if state.is(Fact::ToTag) { "an ACK within a dialog" } else { "an ACK" };
        let found = findings.add(format!("{which} is answered{with} here"), site.call.span);
        found.add_note("nothing may be answered to an ACK");
        found.add_help("before this, write if (is_method(\"ACK\")) { if (t_check_trans()) t_relay(); exit; }");
    }
}
