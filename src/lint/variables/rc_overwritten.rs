//! The return code of another call.

use crate::builtin::Does;
use crate::config::ast::StatementKind;
use crate::lint::expressions::reads_code;
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "rc-overwritten",
    severity: Severity::Warning,
    finds: "$rc, $retcode or $? that is read after a log line, while the call before that is meant.",
    why: "Every function replaces the return code, xlog too: after it $rc is 1, whatever the call before gave.",
    instead: "Keep it at once: $var(rc) = $rc; or put the log line behind the test.",
    reference: "https://www.kamailio.org/wikidocs/tutorials/faq/main/",
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    for (_, list) in &subject.script().lists {
        for three in list.windows(3) {
            let (StatementKind::Call(meant), StatementKind::Call(log)) = (&three[0].kind, &three[1].kind) else {
                continue;
            };
            let logs = |call| subject.script().does(call).contains(&Does::Log);
            // A log line that shows the code is followed by a test of the code of the log line itself.
            if logs(log) && !logs(meant) && reads_code(&three[2]) {
                let place = three[2].span;
                let place = match &three[2].kind {
                    StatementKind::If { first, .. } => first.condition.span,
                    StatementKind::Switch { value, .. } => value.span,
                    _ => place,
                };
                let found = findings.add(format!("the return code is that of {} here", log.name.text), place);
                found.add_label(log.span, "this call replaces it");
                found.add_label(meant.span, "the call that is probably meant");
                found.add_help("keep it at once: $var(rc) = $rc;");
            }
        }
    }
}
