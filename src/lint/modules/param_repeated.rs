//! A parameter set twice.

use crate::catalogue;
use crate::config::ast::ParamValue;
use crate::lint::{Findings, Given, Rule, Severity, Subject};
use rustc_hash::FxHashMap;

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "param-repeated",
    severity: Severity::Hint,
    finds: "A parameter that keeps one value and is given several that differ.",
    why: "The last one counts, without a word. Far apart, or in different files, the first is easily taken for the one in force.",
    instead: "Keep one of them.",
    reference: "https://www.kamailio.org/wikidocs/cookbooks/devel/core/#modparam",
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    let mut last: FxHashMap<(&str, &[u8]), Given> = FxHashMap::default();
    for given in subject.all_params() {
        let name = &given.statement.name.value[..];
        let Some(before) = last.insert((given.module, name), *given) else { continue };
        let name = String::from_utf8_lossy(name).into_owned();
        if same(&before.statement.value, &given.statement.value) || keeps_all(subject, given.module, &name) {
            continue;
        }
        findings
            .add(format!("{name} of {} is set again: this value counts", given.module), given.span())
            .add_label(before.span(), "this one does not");
    }
}

fn same(one: &ParamValue, other: &ParamValue) -> bool {
    match (one, other) {
        (ParamValue::Int(one, _), ParamValue::Int(other, _)) => one == other,
        (ParamValue::Text(one), ParamValue::Text(other)) => one.value == other.value,
        _ => false,
    }
}

fn keeps_all(subject: &Subject, module: &str, name: &str) -> bool {
    let registry = &subject.config.registry;
    let built = registry.loaded().iter().find(|its| its.name == module);
    let row = built.and_then(|its| its.params.iter().find(|param| param.names.contains(&name)));
    let known = catalogue::rows(module).and_then(|its| its.params.iter().find(|param| param.names.contains(&name)));
    row.is_some_and(|row| row.repeat) || known.is_some_and(|row| row.repeat) || row.is_none() && known.is_none()
}
