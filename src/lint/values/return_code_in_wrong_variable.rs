//! The answer of secfilter is no AVP.

use crate::lint::script::Place;
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "return-code-in-wrong-variable",
    severity: Severity::Warning,
    finds: "$avp(secfilter) read in a config that calls functions of secfilter.",
    why: "The functions of secfilter answer by their return code. $avp(secfilter) stands in old examples only; it is null, and the filter blocks \
          nobody.",
    instead: "Look at $rc directly behind the call: -2 is blacklisted, 2 is whitelisted.",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/secfilter.html",
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    let script = subject.script();
    let Some(call) = script.calls.iter().find(|at| at.call.name.text.starts_with("secf_check")) else { return };
    let is_avp = |name: &str| name == "avp" || name == "xavp";
    let written = |place| {
        script.mentions.iter().any(move |mention| {
            is_avp(mention.written.name) && mention.written.key_name() == Some("secfilter") && mention.place == place
        })
    };
    if written(Place::Target) {
        return;
    }
    for mention in script.mentions.iter().filter(|mention| mention.place == Place::Expression) {
        if is_avp(mention.written.name) && mention.written.key_name() == Some("secfilter") {
            findings
                .add("nothing sets $avp(secfilter): it is always null", mention.span)
                .add_label(call.call.span, "the answer is the return code of this call")
                .add_help("read $rc directly behind the call: if ($rc == -2)");
        }
    }
}
