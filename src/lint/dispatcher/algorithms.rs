//! Algorithms that lack what they count by.

use super::{DOCS, algorithms};
use crate::builtin::Does;
use crate::lint::destinations::{chooses, sets};
use crate::lint::{Findings, Rule, Severity, Subject};

/// A parameter that the algorithm needs.
pub(in crate::lint) static ATTRIBUTE_MISSING: Rule = Rule {
    code: "ds-alg-attr-missing",
    severity: Severity::Warning,
    finds: "An algorithm of the dispatcher without what it counts by: 7 without the parameter hash_pvar, 10 without ds_hash_size, 13 without \
            ds_ping_latency_stats; 9, 10 or 11 with a destination that lacks the attribute weight, duid or rweight.",
    why: "Without it the selection fails or takes the first destination every time, and the load is not spread at all. (alanui counts calls for \
          algorithm 10 without ds_hash_size.)",
    instead: "Set the parameter or the attribute that the message names.",
    reference: DOCS,
    check: attribute_missing,
};

/// Calls that are counted and never end.
pub(super) static LOAD_NOT_TRACKED: Rule = Rule {
    code: "ds-load-not-tracked",
    severity: Severity::Warning,
    finds: "Algorithm 10 while ds_load_update or ds_load_unset is never called.",
    why: "Algorithm 10 counts the calls of each gateway. ds_load_update confirms a call when it is answered and forgets it when it ends; \
          ds_load_unset takes back one that failed. Without them counts only grow until ds_hash_expire, and gateways look full that are idle.",
    instead: "Call ds_load_update() for 2xx replies to INVITE and for BYE and CANCEL, and ds_load_unset() in the failure_route.",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/dispatcher.html#dispatcher.f.ds_load_update",
    check: load_not_tracked,
};

/// Algorithm, parameter, what becomes of the selection without it.
static NEEDS: &[(i64, &str, &str)] = &[
    (7, "hash_pvar", "the selection fails"),
    (10, "ds_hash_size", "in Kamailio calls are not counted, and the first destination takes them all"),
    (13, "ds_ping_latency_stats", "no latency is measured, so the priority alone decides"),
];

/// Algorithm, attribute of each destination, what becomes of one that lacks it.
static NEEDS_OF_EACH: &[(i64, &str, &str)] = &[
    (9, "weight", "in a set without weights one destination takes every call"),
    (10, "duid", "Kamailio cannot count the calls of a destination without a name, and logs an error for each"),
    (11, "rweight", "in a set without weights one destination takes every call"),
];

fn attribute_missing(subject: &Subject, findings: &mut Findings) {
    // The destinations are looked at later than the config, where they are at hand.
    if !subject.destinations.is_empty() {
        return missing_of_destinations(subject, findings);
    }
    for (at, algorithm) in algorithms(subject) {
        let Some((_, param, effect)) = NEEDS.iter().find(|(its, ..)| *its == algorithm) else { continue };
        let given = subject.param("dispatcher", param);
        if given.is_some_and(|given| given.int() != Some(0)) {
            continue;
        }
        let found = findings.add(format!("algorithm {algorithm} needs the parameter {param}"), at.call.span);
        if let Some(given) = given {
            found.add_label(given.span(), "switched off here");
        }
        let value = match *param {
            "hash_pvar" => "\"$avp(key)\"",
            "ds_hash_size" => "9",
            _ => "1",
        };
        found.add_note(*effect).add_help(format!("add modparam(\"dispatcher\", \"{param}\", {value})"));
    }
}

fn missing_of_destinations(subject: &Subject, findings: &mut Findings) {
    for (set, members) in sets(subject) {
        for (algorithm, attribute, effect) in NEEDS_OF_EACH {
            let Some(call) = chooses(subject, set, &[*algorithm]) else { continue };
            let Some(bare) = members.iter().find(|its| its.attribute(attribute).is_none()) else { continue };
            findings
                .add(format!("algorithm {algorithm} needs the attribute {attribute} of each destination"), bare.span)
                .add_label(call.call.span, "chosen here")
                .add_note(*effect)
                .add_help(format!("write {attribute}=... among its attributes"));
        }
    }
}

fn load_not_tracked(subject: &Subject, findings: &mut Findings) {
    let script = subject.script();
    let Some((at, _)) = algorithms(subject).find(|(_, algorithm)| *algorithm == 10) else { return };
    let missing = match (script.anything(Does::CountLoad), script.anything(Does::EndLoad)) {
        (true, true) => return,
        (false, false) => "ds_load_update and ds_load_unset are",
        (false, true) => "ds_load_update is",
        (true, false) => "ds_load_unset is",
    };
    findings
        .add(format!("{missing} never called, so calls are counted and not taken back"), at.call.span)
        .add_note("a gateway looks busier with each call that fails or ends")
        .add_help("call ds_load_update() on 2xx, BYE and CANCEL, ds_load_unset() in the failure_route");
}
