//! A reply through a transaction that is not there.

use crate::builtin::Does;
use crate::config::ast::RouteKind;
use crate::lint::flow::Fact;
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "transactional-reply-without-transaction",
    severity: Severity::Warning,
    finds: "t_reply() on a way on which no transaction was made.",
    why: "Only t_newtran() or a relay makes the transaction that t_reply answers through. Without one it fails with an error in the log, and the \
          caller gets nothing.",
    instead: "Call t_newtran() first, or answer with send_reply(), which takes what there is.",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/tm.html",
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    for site in subject.flow().that(Does::ReplyInTransaction) {
        if site.find(RouteKind::Request, |state| state.is_not(Fact::Transaction)).is_some() {
            let found = findings.add("there is no transaction here to answer through", site.call.span);
            found.add_note("t_reply fails then, and nothing is sent");
            found.add_help("use send_reply(), or call t_newtran() first");
        }
    }
}
