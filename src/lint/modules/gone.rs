//! What later releases have dropped.

use crate::catalogue;
use crate::lint::preprocessor::Raw;
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

/// Parameters of 5.6.3 that the newest release does not have, with what to do.
static PARAMS: &[(&str, &str, &str)] = &[
    ("dialog", "dlg_flag", "call dlg_manage() for the calls to track"),
    ("cnxcc", "dlg_flag", "leave it out"),
    ("kazoo", "amqp_timmer_process_interval", "write amqp_timer_process_interval"),
    ("rr", "ignore_user", "leave it out"),
    ("sipcapture", "table_time_sufix", "leave it out"),
];
/// Releases up to this one have what 5.6.3 has.
const LAST: Release = Release { major: 5, minor: 6 };

fn module(subject: &Subject, findings: &mut Findings) {
    for (name, span) in subject.modules() {
        let Some(known) = catalogue::module(name).filter(|known| !known.removed_after.is_empty()) else { continue };
        let Some(last) = Release::read(known.removed_after) else { continue };
        if subject.target.is_some_and(|target| target <= last) || Raw::of(subject).asks_release(*span) {
            continue;
        }
        let found = findings.add(format!("{} was the last release with the module {name}", known.removed_after), *span);
        if let Some((_, instead)) = INSTEAD.iter().find(|(its, _)| its == name) {
            found.add_help(*instead);
        }
    }
}

fn param(subject: &Subject, findings: &mut Findings) {
    if subject.target.is_some_and(|target| target <= LAST) {
        return;
    }
    for (module, name, instead) in PARAMS {
        for given in subject.params(module, name) {
            if Raw::of(subject).asks_release(given.span()) {
                continue;
            }
            findings
                .add(format!("newer releases have no parameter {name} of {module}"), given.statement.name.span)
                .add_note("Kamailio 5.6 has it; after an upgrade the server does not start")
                .add_help(*instead);
        }
    }
}
