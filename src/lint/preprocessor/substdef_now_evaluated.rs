//! Variables in substitutions.

use super::raw::Raw;
use crate::lint::written::variables;
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

fn check(subject: &Subject, findings: &mut Findings) {
    for its in Raw::read(subject).directives {
        if !matches!(its.word, "subst" | "substdef" | "substdefs") {
            continue;
        }
        let Some(rule) = its.argument.get(1..).filter(|_| matches!(its.argument.first(), Some(b'"' | b'\''))) else {
            continue;
        };
        let Some(delimiter) = rule.first() else { continue };
        let Some(replacement) = rule.split(|byte| byte == delimiter).nth(2) else { continue };
        let meant = |name: &str| !matches!(name, "env" | "envn" | "def" | "defn" | "defs");
        let Some(variable) = variables(replacement).into_iter().find(|written| meant(written.name)) else { continue };
        let shown = variable.shown();
        let span = subject.narrow(its.span, variable.text);
        findings
            .add(format!("{shown} is computed while the file is read, without a message"), span)
            .add_help(format!("write ${shown} to have it computed for each message"));
    }
}
