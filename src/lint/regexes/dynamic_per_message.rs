//! Patterns that the sender chooses.

use crate::config::ast::{BinaryOperator, ExpressionKind};
use crate::lint::mentions::Mention;
use crate::lint::script::{Script, variables_in};
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "regex-dynamic-per-message",
    severity: Severity::Performance,
    finds: "A pattern of =~ that is built from what the message holds.",
    why: "The pattern is compiled for each message. Its characters are the sender's: a dot or .* in a user name matches what it should not, and a \
          pattern that does not compile makes the test false.",
    instead: "Compare texts with == or the functions of textopsx and siputils (starts_with, str_find), or match against a constant.",
    reference: "https://www.kamailio.org/wikidocs/cookbooks/devel/core/",
    check,
};

/// Variables whose text the sender chooses.
static OF_MESSAGE: &[&str] = &[
    "ru", "rU", "rd", "fu", "fU", "fd", "fn", "tu", "tU", "td", "tn", "ua", "ci", "ct", "hdr", "au", "aU", "ad", "rb",
    "mb", "cs", "ou", "oU", "od", "pU", "pu", "ai", "re", "di", "rr", "tt", "ft", "hfl", "x_hdr",
];

fn check(subject: &Subject, findings: &mut Findings) {
    let script = subject.script();
    for its in script.operations.iter().filter(|its| its.operator == BinaryOperator::Match) {
        if matches!(its.right.kind, ExpressionKind::Text(_)) {
            continue;
        }
        let found = variables_in(its.right).into_iter().find_map(|written| {
            if OF_MESSAGE.contains(&written.name) {
                return Some((written.as_written(), None));
            }
            let assigned = assigned_from_message(script, &written)?;
            Some((written.as_written(), Some(assigned)))
        });
        let Some((name, assigned)) = found else { continue };
        let found = findings.add(format!("the sender of the message chooses this pattern: {name}"), its.right.span);
        if let Some(span) = assigned {
            found.add_label(span, "taken from the message here");
        }
        found.add_note("it is compiled for each message").add_help("to compare texts, use == or starts_with(...)");
    }
}

/// Where a script variable gets something of the message.
fn assigned_from_message(script: &Script, written: &Mention) -> Option<crate::source::Span> {
    if !matches!(written.name, "var" | "vn" | "avp" | "xavp") {
        return None;
    }
    let mut same =
        script.assigns.iter().filter(|at| at.target.name == written.name && at.target.inner == written.inner);
    let found = same.find(|at| variables_in(&at.assign.value).iter().any(|value| OF_MESSAGE.contains(&value.name)));
    found.map(|at| at.assign.span)
}
