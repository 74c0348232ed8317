//! Shares of calls that do not add up.

use super::{DOCS, Destination, chooses, sets};
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "ds-weight-sum",
    severity: Severity::Warning,
    finds: "Weights of a set that algorithm 9 chooses from which do not add up to 100, or one outside of 1 to 100.",
    why: "Each weight is a share of 100 calls. What goes over 100 is cut off: of 60, 60 and 30 one destination gets 10. What lacks to 100 goes to \
          one destination, however small its own weight: of 20 and 30 the one with 20 gets 70. A weight outside of 1 to 100 counts as none.",
    instead: "Make the weights of the set add up to 100; or take algorithm 11 with rweight, which knows no sum.",
    reference: DOCS,
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    for (set, members) in sets(subject) {
        let Some(call) = chooses(subject, set, &[9]) else { continue };
        let weighed: Vec<(&Destination, i64)> =
            members.iter().filter_map(|its| Some((*its, its.attribute("weight")?.parse().ok()?))).collect();
        for (its, weight) in weighed.iter().filter(|(_, weight)| !(1..=100).contains(weight)) {
            let found = findings.add(format!("the weight {weight} counts as none: shares are 1 to 100"), its.span);
            found.add_label(call.call.span, "chosen by weight here");
        }
        let good = || weighed.iter().filter(|(_, weight)| (1..=100).contains(weight));
        let sum: i64 = good().map(|(_, weight)| weight).sum();
        let Some((last, _)) = good().next_back().filter(|_| sum != 100) else { continue };
        let found = findings.add(format!("the weights of set {set} add up to {sum}, not to 100"), last.span);
        found.add_label(call.call.span, "chosen by weight here");
        found.add_note(if sum > 100 {
            "what goes over 100 is cut off: one of them gets fewer calls than its share"
        } else {
            "one of them takes what lacks to 100, however small its share"
        });
        found.add_help("make them add up to 100, or use algorithm 11 with rweight");
    }
}
