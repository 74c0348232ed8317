//! Nothing, where a value is expected.

use crate::config::ast::ExpressionKind;
use crate::lint::expressions::{comparisons, in_argument};
use crate::lint::mentions::{self, Mention};
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "null-right-side-assignment",
    severity: Severity::Warning,
    finds: "A $var set from a part of a Contact or another header that may be absent, and used without a test.",
    why: "When there is no such part, the log says \"non existing right pvar\" and the variable becomes the number 0: a port 0 in a URI, a user 0 in \
          a query.",
    instead: "Test it: if ($(...) != $null) { $var(p) = ...; } else { $var(p) = 5060; }",
    reference: "https://github.com/kamailio/kamailio/blob/master/src/core/lvalue.c",
    check,
};

/// Whether a value is often null: parts that few URIs have, of headers that may be absent.
fn often_null(mention: &Mention) -> bool {
    let of_header = matches!(mention.name, "hdr" | "ct" | "ctu" | "ru" | "fu" | "tu" | "du");
    let parts = ["uri.host", "uri.port", "uri.user", "uri.param", "uri.params", "param.value", "nameaddr."];
    let rarely_there = parts.iter().any(|part| mention.rest.contains(part));
    // The URIs of the request line, From and To always have a host; ports and parameters seldom.
    let steady = matches!(mention.name, "ru" | "fu" | "tu")
        && (mention.rest.contains("uri.host") || mention.rest.contains("uri.user"));
    of_header && rarely_there && !steady
}

fn check(subject: &Subject, findings: &mut Findings) {
    let script = subject.script();
    for its in &script.assigns {
        let ExpressionKind::Variable(value) = &its.assign.value.kind else { continue };
        let (Some(target), Some(source)) = (mentions::of(&its.assign.target), mentions::of(value)) else { continue };
        let Some(name) = target.inner.filter(|_| target.name == "var") else { continue };
        if !often_null(&source) {
            continue;
        }
        let mut tested = false;
        for question in &script.questions {
            let mut look = |mention: Mention| {
                tested |= (mention.name == "var" && mention.inner == Some(name))
                    || (mention.name == source.name && mention.rest == source.rest);
            };
            comparisons(question, &mut |_, left, right, _| {
                in_argument(left, &mut look);
                in_argument(right, &mut look);
            });
            in_argument(question, &mut look);
        }
        if !tested {
            let found = findings.add(format!("$var({name}) is 0 when there is no such part"), its.assign.span);
            found.add_note("Kamailio logs \"non existing right pvar\" and stores the number 0");
            found.add_help(format!("test $var({name}) before it is used, or the value before it is stored"));
        }
    }
}
