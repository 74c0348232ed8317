//! What later releases have dropped.

use crate::catalogue;
use crate::lint::{Findings, Release, Rule, Severity, Subject};

/// A module.
pub(super) static MODULE: Rule = Rule {
    code: "module-removed",
    severity: Severity::Portability,
    finds: "A module that the release named by --target, or the newest one, no longer has.",
    why: "After an upgrade the file does not load: the module is not shipped any more.",
    instead: "Use what the message names, before upgrading.",
    reference: "https://www.kamailio.org/wikidocs/install/upgrade/",
    check: module,
};

/// A parameter.
pub(super) static PARAM: Rule = Rule {
    code: "param-removed",
    severity: Severity::Portability,
    finds: "A parameter that the release named by --target, or the newest one, no longer has.",
    why: "Kamailio refuses a file with a parameter that its module does not know, so the server does not start after the upgrade.",
    instead: "Leave it out, or use what the message names.",
    reference: "https://www.kamailio.org/wikidocs/install/upgrade/",
    check: param,
};

/// What to use in the place of a module.
static INSTEAD: &[(&str, &str)] = &[
    ("app_java", "write the routes in this language, or in Lua or Python 3"),
    ("app_lua_sr", "use app_lua with the functions of KSR"),
    ("app_mono", "write the routes in this language, or in Lua or Python 3"),
    ("app_sqlang", "write the routes in this language, or in Lua or Python 3"),
    ("auth_identity", "use secsipid"),
    ("db_berkeley", "use db_sqlite or another database"),
    ("db_cassandra", "use another database"),
    ("db_perlvdb", "use another database"),
];

/// Module, parameter, the first release without it, what to do.
static PARAMS: &[(&str, &str, Release, &str)] =
    &[("dialog", "dlg_flag", Release { major: 6, minor: 0 }, "call dlg_manage() for the calls to track")];

fn module(subject: &Subject, findings: &mut Findings) {
    for (name, span) in subject.modules() {
        let Some(known) = catalogue::module(name).filter(|known| !known.removed_after.is_empty()) else { continue };
        let Some(last) = Release::read(known.removed_after) else { continue };
        if subject.target.is_some_and(|target| target <= last) {
            continue;
        }
        let found = findings.add(format!("{} was the last release with the module {name}", known.removed_after), *span);
        if let Some((_, instead)) = INSTEAD.iter().find(|(its, _)| its == name) {
            found.add_help(*instead);
        }
    }
}

fn param(subject: &Subject, findings: &mut Findings) {
    for (module, name, gone, instead) in PARAMS {
        if subject.target.is_some_and(|target| target < *gone) {
            continue;
        }
        for given in subject.params(module, name) {
            let message =
                format!("Kamailio {}.{} has no parameter {name} of {module} any more", gone.major, gone.minor);
            findings.add(message, given.statement.name.span).add_help(*instead);
        }
    }
}
