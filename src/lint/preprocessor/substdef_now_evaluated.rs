//! Variables in substitutions.

use super::raw::Raw;
use crate::lint::mentions::variables;
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "substdef-now-evaluated",
    severity: Severity::Portability,
    finds: "#!subst, #!substdef or #!substdefs whose replacement holds a variable with a single $.",
    why: "Since 5.5 variables in the replacement are computed while the file is read, when there is no message: what was meant for each message \
          becomes empty, or the file is refused. Before 5.5 the text was taken as it stands.",
    instead: "Write $$ for a dollar sign that is meant for later.",
    reference: "https://www.kamailio.org/wikidocs/install/upgrade/5.4.x-to-5.5.0/",
    check,
};

/// Variables that need no message.
static AT_START: &[&str] = &[
    "env", "envn", "envs", "def", "defn", "defs", "defv", "HN", "version", "RANDOM", "pp", "TS", "sruid", "cfg", "sel",
    "shv", "sht", "K", "Tf", "TF", "_s", "sys", "keng", "uuid",
];

fn check(subject: &Subject, findings: &mut Findings) {
    for its in &Raw::of(subject).directives {
        if !matches!(its.word, "subst" | "substdef" | "substdefs") {
            continue;
        }
        let Some(rule) = its.argument.get(1..).filter(|_| matches!(its.argument.first(), Some(b'"' | b'\''))) else {
            continue;
        };
        let Some(delimiter) = rule.first() else { continue };
        let Some(replacement) = rule.split(|byte| byte == delimiter).nth(2) else { continue };
        let escaped =
            |text: &[u8]| memchr::memmem::find(replacement, text).is_some_and(|at| replacement[..at].ends_with(b"\\"));
        let mut all = variables(replacement).into_iter();
        let variable = all.find(|written| !AT_START.contains(&written.name) && !escaped(written.text));
        let Some(variable) = variable else { continue };
        let shown = variable.as_written();
        let span = subject.narrow(its.span, variable.text);
        findings
            .add(format!("{shown} is computed while the file is read, without a message"), span)
            .add_help(format!("write ${shown} to have it computed for each message"));
    }
}
