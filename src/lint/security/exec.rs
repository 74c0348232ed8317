//! What a sender wrote, in a shell.

use crate::lint::expressions::contents;
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "exec-with-message-data",
    severity: Severity::Security,
    finds: "What the sender of a message wrote, in a command line.",
    why: "exec gives the line to a shell. A user part such as a;reboot ends the command and begins another, as the user that runs the server.",
    instead: "Pass values through the environment (the setvars parameter of exec), or let only expected characters pass before.",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/exec.html",
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    for its in subject.script().calls_of_any(&["exec_msg", "exec_cmd", "exec_avp", "exec_dset", "exec_body"]) {
        let Some(command) = its.call.args.first() else { continue };
        let mut reported: Vec<String> = Vec::new();
        contents(command, &mut |mention| {
            let Some(origin) = subject.taint().origin(&mention) else { return };
            let shown = mention.shown();
            // Backslashes do not protect in a shell, but a hash or a number does.
            if reported.contains(&shown) {
                return;
            }
            let from = if origin.source == shown { String::new() } else { format!(" (from {})", origin.source) };
            let found =
                findings.add(format!("{shown}{from} is written by the sender and reaches a shell"), command.span);
            if let Some(place) = origin.place {
                found.add_label(place, format!("{} comes in here", origin.source));
            }
            found.add_note("a ; or ` in it begins another command");
            found.add_help("read it from the environment in the command ($SIP_RUSER and others), or check it first");
            reported.push(shown);
        });
    }
}
