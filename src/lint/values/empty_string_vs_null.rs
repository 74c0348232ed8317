//! Testing for "" what is null, or what null has become.

use crate::config::ast::{BinaryOperator, ExpressionKind};
use crate::lint::expressions::variable;
use crate::lint::mentions::Mention;
use crate::lint::script::Operation;
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "empty-string-vs-null",
    severity: Severity::Warning,
    finds: "A part of the message that may be absent compared with \"\" by ==, directly or through a $var.",
    why: "What a message lacks is null, not empty. Copied into a $var in Kamailio it becomes the number 0, and a comparison with \"\" then is \
          false: the check never holds. Directly, an absent value equals \"\" only because null takes the type of the other side.",
    instead: "Compare with $null, on the right; test a $var by strempty of the value it was made from.",
    reference: "https://www.kamailio.org/wikidocs/cookbooks/devel/core/",
    check,
};

/// Variables that are null when the message lacks something.
static ABSENT: &[&str] = &[
    "rU", "fU", "tU", "au", "ad", "aU", "Au", "ua", "hdr", "du", "re", "pU", "pd", "pu", "rd", "fd", "td", "ct", "tt",
    "di",
];
/// Of these, the ones that are absent in ordinary messages.
static OFTEN: &[&str] = &["rU", "au", "du", "re", "di", "aU"];

fn is_absent(written: &Mention, names: &[&str]) -> bool {
    names.contains(&written.name) && written.transformations().next().is_none()
}

fn check(subject: &Subject, findings: &mut Findings) {
    let script = subject.script();
    for its in &script.operations {
        if its.operator != BinaryOperator::Equal || !is_empty(its) {
            continue;
        }
        let Some(left) = variable(its.left) else { continue };
        if is_absent(&left, OFTEN) && left.name != "du" {
            let name = format!("${}", left.name);
            findings
                .add(format!("{name} is null when the message has none, not \"\""), its.span)
                .add_note("it holds only because null takes the type of the other side; copied into a $var the same comparison is false")
                .add_help(format!("write {name} == $null"));
        } else if left.name == "var" && left.transformations().next().is_none() {
            let of_same =
                |at: &&crate::lint::script::AssignAt| at.target.name == "var" && at.target.inner == left.inner;
            // Whether every value it gets can be the empty string is another question than whether one becomes 0.
            let mut assigned = script.assigns.iter().filter(of_same);
            let from = assigned
                .find_map(|at| Some((at, variable(&at.assign.value).filter(|value| is_absent(value, ABSENT))?)));
            let Some((at, value)) = from else { continue };
            let key = left.inner.unwrap_or_default();
            let source = String::from_utf8_lossy(subject.sources.slice(at.assign.value.span)).into_owned();
            findings
                .add(format!("an absent {source} makes $var({key}) the number 0, which is not \"\""), its.span)
                .add_label(at.assign.span, format!("null becomes 0 here when ${} is absent", value.name))
                .add_help(format!("test the value itself: {source} == $null"));
        }
    }
}

fn is_empty(its: &Operation) -> bool {
    matches!(&its.right.kind, ExpressionKind::Text(text) if text.is_empty())
}
