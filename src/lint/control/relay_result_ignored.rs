//! A relay that may fail unseen.

use crate::builtin::Does;
use crate::config::ast::RouteKind;
use crate::lint::flow::{Methods, State};
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "relay-result-ignored",
    severity: Severity::Hint,
    finds: "A t_relay() of which nobody looks at the result.",
    why: "When the request cannot be sent t_relay is false. tm then answers at the end of the script with a code of its own (478, 500); where no \
          transaction could be made, as for a Request-URI that does not parse, nothing answers, and the caller repeats the request until it gives up.",
    instead: "if (!t_relay()) sl_reply_error();",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/tm.html",
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    for its in subject.script().calls_that(Does::Relay).filter(|its| its.does.contains(&Does::MakeTransaction)) {
        if !its.is_ignored() || matches!(its.kind, RouteKind::Reply | RouteKind::CoreReply | RouteKind::Onsend) {
            continue;
        }
        // Nothing can be answered to an ACK, a CANCEL is answered by its transaction, and behind a failure stands the reply that failed.
        let answered =
            |state: &State| state.entry == RouteKind::Failure || state.methods.within(Methods::ACK.or(Methods::CANCEL));
        let site = subject.flow().site(its.call);
        let answerable =
            its.kind != RouteKind::Failure && site.is_none_or(|site| site.states.iter().any(|state| !answered(state)));
        if answerable {
            let found = findings.add("nobody looks whether this request could be sent", its.call.span);
            found.add_help(format!("write if (!{}(...)) sl_reply_error();", its.call.name.text));
        }
    }
}
