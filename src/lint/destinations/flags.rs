//! Flags of destinations: they are a state, and no options.

use super::{DOCS, sets};
use crate::builtin::Does;
use crate::lint::script::argument;
use crate::lint::{Findings, Rule, Severity, Subject};

/// Options of the module in a column of states.
pub(super) static CONFUSION: Rule = Rule {
    code: "ds-flags-column-confusion",
    severity: Severity::Warning,
    finds: "A destination with flags 1, 2 or 3, and words beside it that speak of hashing or failover.",
    why: "The flags of a destination are its state: 1 inactive, 2 trying, 4 disabled, 8 probing. Bits for hashing and failover belong to the \
          parameter flags of the module. A destination with 1 never gets a call.",
    instead: "Write 0 for the destination, and modparam(\"dispatcher\", \"flags\", 2) for failover.",
    reference: DOCS,
    check: confusion,
};

/// A name that no source address is compared with.
pub(super) static UNRESOLVED: Rule = Rule {
    code: "ds-flag16-from-list",
    severity: Severity::Warning,
    finds: "A destination with flag 16 in a set that ds_is_from_list() asks about.",
    why: "Flag 16 keeps the name from being resolved at start, so there is no address to compare the source with: requests of this gateway are \
          taken for those of strangers.",
    instead: "Write an address, or leave out flag 16.",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/dispatcher.html#dispatcher.f.ds_is_from_list",
    check: unresolved,
};

const OPTIONS: [&str; 7] = ["hash", "hashing", "failover", "username", "user", "alternative", "alternatives"];

fn confusion(subject: &Subject, findings: &mut Findings) {
    for its in subject.destinations.iter().filter(|its| (1..=3).contains(&its.flags)) {
        let Some(word) = its.says(&OPTIONS) else { continue };
        let means =
            if its.flags & 1 != 0 { "inactive: it never gets a call" } else { "trying: it is about to be taken out" };
        let found = findings.add(format!("flags {} of a destination mean {means}", its.flags), its.span);
        found.add_note(format!("what speaks of {word} here is the parameter flags of the module"));
        found.add_help("write 0 here, and modparam(\"dispatcher\", \"flags\", ...) in the config");
    }
}

fn unresolved(subject: &Subject, findings: &mut Findings) {
    let asked: Vec<_> = subject.script().calls_that(Does::AskDestinations).collect();
    for (set, members) in sets(subject) {
        let of_set = |text: String| text.trim().parse::<i64>().ok().is_none_or(|its| its == set || its == -1);
        let Some(call) = asked.iter().find(|at| argument(at.call, 0).is_none_or(of_set)) else { continue };
        for its in members.iter().filter(|its| its.flags & 16 != 0) {
            let found = findings.add(format!("no source address is ever that of {}", its.uri), its.span);
            found.add_label(call.call.span, "asked here");
            found.add_note("flag 16 keeps its name from being resolved");
        }
    }
}
