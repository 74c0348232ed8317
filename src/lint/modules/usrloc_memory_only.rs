//! Registrations that a restart forgets.

use crate::builtin::Does;
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "usrloc-memory-only",
    severity: Severity::Hint,
    finds: "Registrations that are saved while db_mode of usrloc is 0 and no other node has a copy.",
    why: "They are in memory only. After a restart nobody can be called until each phone registers again, which may take an hour.",
    instead: "Set db_mode to 1 or 2 with a database, or share locations by dmq_usrloc.",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/usrloc.html#usrloc.p.db_mode",
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    let Some(place) = subject.loaded("usrloc") else { return };
    let given = subject.param("usrloc", "db_mode");
    if given.is_some_and(|given| given.int() != Some(0)) || subject.loaded("dmq_usrloc").is_some() {
        return;
    }
    let Some(save) = subject.script().calls_that(Does::Save).next() else { return };
    findings
        .add("a restart forgets all registrations", given.map_or(place, |given| given.span()))
        .add_label(save.call.span, "saved in memory only")
        .add_help("set db_mode and db_url of usrloc, or load dmq_usrloc");
}
