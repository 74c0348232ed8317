//! Log lines.

use crate::builtin::Does;
use crate::config::ast::ExpressionKind;
use crate::lint::{Findings, Rule, Severity, Subject};
use crate::source::Span;

/// A line without its end.
pub(super) static NO_NEWLINE: Rule = Rule {
    code: "xlog-no-newline",
    severity: Severity::Hint,
    finds: "Text of xlog and its like that does not end in \\n.",
    why: "xlog writes the text as it is. On stderr, and in what reads from there, the next line is glued to it.",
    instead: "End the text with \\n.",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/xlog.html",
    check: no_newline,
};

fn no_newline(subject: &Subject, findings: &mut Findings) {
    for its in subject.script().calls_that(Does::Log) {
        let Some(arg) = its.call.args.last() else { continue };
        let ExpressionKind::Text(text) = &arg.kind else { continue };
        if text.ends_with(b"\n") || text.is_empty() {
            continue;
        }
        let found = findings.add("this log line does not end in \\n", arg.span);
        // Only a string that is written here, in double quotes, is known to take the escape.
        let written = subject.sources.slice(arg.span);
        if written.len() >= 2 && written.starts_with(b"\"") && written.ends_with(b"\"") {
            let end = arg.span.end - 1;
            found.add_fix(Span { start: end, end, ..arg.span }, "\\n");
        }
    }
}
