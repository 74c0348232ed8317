//! A backup that is tried first.

use super::{DOCS, chooses, sets};
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "ds-priority-direction",
    severity: Severity::Warning,
    finds: "A destination called primary with a lower priority than one of its set called backup, where algorithm 8 chooses.",
    why: "The highest number is first. Written the other way round, every call goes to the backup, and nobody notices until it is full.",
    instead: "Give the primary the higher number.",
    reference: DOCS,
    check,
};

/// Words for what is to be tried first, and for what is to be tried when that fails.
const FIRST: [&str; 5] = ["primary", "main", "preferred", "first", "master"];
const LATER: [&str; 7] = ["backup", "secondary", "fallback", "standby", "spare", "second", "last"];

fn check(subject: &Subject, findings: &mut Findings) {
    for (set, members) in sets(subject) {
        let Some(call) = chooses(subject, set, &[8]) else { continue };
        let first = members.iter().filter_map(|its| Some((its, its.says(&FIRST)?)));
        for (primary, word) in first.filter(|(its, _)| its.says(&LATER).is_none()) {
            let mut later = members.iter().filter_map(|its| Some((its, its.says(&LATER)?)));
            let Some((backup, other)) = later.find(|(its, _)| its.priority > primary.priority) else { continue };
            let message = format!(
                "the {word} has priority {} and the {other} {}, and the highest is first",
                primary.priority, backup.priority
            );
            let found = findings.add(message, primary.span);
            found.add_label(backup.span, "calls go here");
            found.add_label(call.call.span, "chosen by priority here");
            found.add_help(format!("give the {word} a number above {}", backup.priority));
        }
    }
}
