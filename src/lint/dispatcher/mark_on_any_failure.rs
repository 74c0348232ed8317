//! Gateways taken out of service by busy callees.

use super::Faults;
use crate::builtin::Does;
use crate::config::ast::{Call, RouteKind};
use crate::lint::mentions::Mention;
use crate::lint::paths::{MARKS, Marks, Paths, Walker};
use crate::lint::script::argument;
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "ds-mark-on-any-failure",
    severity: Severity::Warning,
    finds: "A failure_route that marks the destination inactive without a test of the status code or of a timeout.",
    why: "A failure_route runs for every final reply from 300 up: a busy callee (486), a number that does not exist (404) and a caller who hangs up \
          (487) each take a healthy gateway out of service.",
    instead: "Mark only when t_branch_timeout() and not t_branch_replied(), or when t_check_status matches a server's failure such as 5[0-9][0-9].",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/dispatcher.html#dispatcher.f.ds_mark_dst",
    check,
};

const CHECKED: Marks = 1 << (MARKS - 1);

#[derive(Default)]
struct Marked {
    faults: Faults,
}

impl<'a> Walker<'a> for Marked {
    fn call(&mut self, call: &'a Call, does: &'static [Does], marks: Marks) -> (Marks, Marks) {
        if does.contains(&Does::AskStatus) {
            return (marks | CHECKED, marks | CHECKED);
        }
        if does.contains(&Does::MarkDestination) {
            let state = argument(call, 0).unwrap_or_else(|| "i".to_owned());
            if marks & CHECKED == 0 && state.contains(['i', 'I', 'd', 'D', 't', 'T']) {
                self.faults.add(call.span, call.span);
            }
        }
        (marks, marks)
    }

    fn read(&mut self, variable: &Mention<'a>, marks: Marks) -> Marks {
        let status =
            matches!(variable.name, "T_reply_code" | "T_reply_last" | "rs" | "T_rpl" | "T" | "T_reply_reason" | "rr");
        if status { marks | CHECKED } else { marks }
    }
}

fn check(subject: &Subject, findings: &mut Findings) {
    let script = subject.script();
    if !script.anything(Does::MarkDestination) {
        return;
    }
    let walk = Paths::new(script, Marked::default()).walk(|kind, _| kind == RouteKind::Failure);
    for (site, _) in walk.faults.0 {
        findings
            .add("any failure takes this destination out of service", site)
            .add_note("486 Busy, 404 Not Found and a caller who hangs up come here too")
            .add_help(
                "test first: if (t_check_status(\"5[0-9][0-9]\") || (t_branch_timeout() && !t_branch_replied()))",
            );
    }
}
