//! Parameters that count only beside another.

use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "param-no-effect",
    severity: Severity::Hint,
    finds: "A parameter that means something only when another one is set, without that one.",
    why: "It is read and never used. The feature it was set for is off.",
    instead: "Set the other parameter too, or leave this one out.",
    reference: "https://www.kamailio.org/docs/modules/stable/",
    check,
};

/// Module, parameter, the one it depends on.
static PAIRS: &[(&str, &str, &str)] = &[
    ("dispatcher", "ds_hash_expire", "ds_hash_size"),
    ("dispatcher", "ds_hash_initexpire", "ds_hash_size"),
    ("dispatcher", "ds_hash_check_interval", "ds_hash_size"),
    ("dispatcher", "ds_ping_method", "ds_ping_interval"),
    ("dispatcher", "ds_ping_from", "ds_ping_interval"),
    ("dispatcher", "ds_ping_reply_codes", "ds_ping_interval"),
    ("dispatcher", "ds_probing_mode", "ds_ping_interval"),
    ("dispatcher", "ds_ping_latency_stats", "ds_ping_interval"),
    ("dispatcher", "ds_latency_estimator_alpha", "ds_ping_latency_stats"),
    ("nathelper", "ping_nated_only", "natping_interval"),
    ("nathelper", "natping_processes", "natping_interval"),
    ("nathelper", "sipping_bflag", "natping_interval"),
    ("nathelper", "sipping_from", "natping_interval"),
    ("nathelper", "sipping_method", "natping_interval"),
    ("registrar", "path_mode", "use_path"),
    ("registrar", "path_use_received", "use_path"),
    ("registrar", "path_check_local", "use_path"),
    ("dialog", "db_update_period", "db_mode"),
    ("dialog", "db_fetch_rows", "db_mode"),
];

fn check(subject: &Subject, findings: &mut Findings) {
    for (module, name, wanted) in PAIRS {
        let Some(given) = subject.param(module, name) else { continue };
        let other = subject.param(module, wanted);
        // A value that switches off needs nothing to be off.
        if given.int() == Some(0) || other.is_some_and(|other| other.int() != Some(0)) {
            continue;
        }
        let found = findings.add(format!("{name} has no effect without {wanted}"), given.span());
        match other {
            Some(other) => found.add_label(other.span(), "switched off here"),
            None => found.add_help(format!("set {wanted} of {module} too, or leave {name} out")),
        };
    }
}
