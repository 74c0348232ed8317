//! `sanity_check`: what its numbers mean and what becomes of its result.

use crate::builtin::Does;
use crate::lint::flow::effect::literal;
use crate::lint::{Findings, Rule, Severity, Subject};

/// A branch that never runs.
pub(super) static BRANCH_DEAD: Rule = Rule {
    code: "sanity-branch-dead",
    severity: Severity::Hint,
    finds: "A condition on sanity_check() while the module answers and drops by itself.",
    why: "With autodrop at 1, its default, the function answers a malformed request and ends the script. It never comes back false, so the log line \
          in the branch is never written.",
    instead: "modparam(\"sanity\", \"autodrop\", 0), and answer or drop in the branch.",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/sanity.html",
    check: branch_dead,
};

/// A mask with bits that check nothing.
pub(super) static MASK_BITS: Rule = Rule {
    code: "sanity-mask-bits",
    severity: Severity::Hint,
    finds: "A mask of sanity_check() with bits that are unknown or check nothing.",
    why: "The number is a sum of checks. Bits 8 and 16 are switched off in the module, and what lies above the known ones is ignored, so less is \
          checked than the number promises.",
    instead: "Add up the checks that are wanted; the message says what the number means.",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/sanity.html",
    check: mask_bits,
};

/// What the bits of the first mask check. An empty name is a bit that the module does not run.
const CHECKS: [&str; 15] = [
    "version of the Request-URI",
    "scheme",
    "required headers",
    "",
    "",
    "CSeq method",
    "CSeq value",
    "Content-Length",
    "Expires",
    "Proxy-Require",
    "URIs parse",
    "digest",
    "duplicated tags",
    "authorisation headers",
    "Via",
];

fn branch_dead(subject: &Subject, findings: &mut Findings) {
    let given = subject.param("sanity", "autodrop");
    if given.is_some_and(|given| given.int() != Some(1)) {
        return;
    }
    for its in subject.script().calls_that(Does::CheckSanity).filter(|its| its.asked) {
        let found = findings.add("this is never false: the module drops the message by itself", its.call.span);
        match given {
            Some(given) => _ = found.add_label(given.span(), "autodrop is on"),
            None => _ = found.add_note("autodrop is 1 unless set"),
        }
        found.add_help("set modparam(\"sanity\", \"autodrop\", 0)");
    }
}

fn mask_bits(subject: &Subject, findings: &mut Findings) {
    for its in subject.script().calls_that(Does::CheckSanity) {
        let number = |at: usize| literal(its.call, at).and_then(|text| text.trim().parse::<u32>().ok());
        let (checks, uris) = (number(0).unwrap_or(0), number(1).unwrap_or(0));
        let odd: Vec<String> =
            (0..32).filter(|bit| checks >> bit & 1 == 1 && is_odd(*bit)).map(|bit| (1u32 << bit).to_string()).collect();
        if !odd.is_empty() {
            let known: Vec<&str> = (0..CHECKS.len())
                .filter(|bit| checks >> bit & 1 == 1 && !CHECKS[*bit].is_empty())
                .map(|bit| CHECKS[bit])
                .collect();
            let found =
                findings.add(format!("{} of the mask {checks} checks nothing", odd.join(" and ")), its.call.span);
            found.add_note(match known.is_empty() {
                true => "so nothing is checked".to_owned(),
                false => format!("what it checks: {}", known.join(", ")),
            });
        }
        if uris > 15 {
            let found =
                findings.add(format!("the mask of URIs is {uris}, and only 1 to 15 mean something"), its.call.span);
            found.add_note("1 is the Request-URI, 2 From, 4 To, 8 Contact");
        }
    }
}

fn is_odd(bit: usize) -> bool {
    CHECKS.get(bit).is_none_or(|name| name.is_empty())
}
