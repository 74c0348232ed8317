//! Equal dialog ids on several nodes.

use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "dialog-id-collision",
    severity: Severity::Warning,
    finds: "Dialogs that are shared with other nodes by dmq, without h_id_start and h_id_step.",
    why: "Every node numbers its dialogs from the same start. Two nodes give the same id to different calls, and what one tells of its call ends or \
          changes the other's.",
    instead: "Set h_id_step to the number of nodes, and h_id_start to the number of this node.",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/dialog.html#dialog.p.h_id_start",
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    let Some(shared) = subject.param("dialog", "enable_dmq").filter(|given| given.int().is_some_and(|on| on != 0))
    else {
        return;
    };
    let missing: Vec<&str> =
        ["h_id_start", "h_id_step"].into_iter().filter(|name| subject.param("dialog", name).is_none()).collect();
    if missing.is_empty() {
        return;
    }
    findings
        .add(format!("nodes that share dialogs count them alike without {}", missing.join(" and ")), shared.span())
        .add_help("on the first of two nodes: modparam(\"dialog\", \"h_id_start\", 1) and modparam(\"dialog\", \"h_id_step\", 2)");
}
