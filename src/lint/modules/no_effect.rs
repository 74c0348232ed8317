//! Settings and parameters that are read and do nothing.

use crate::builtin::{Changes, Param, parse_int};
use crate::config::Registry;
use crate::config::ast::{Item, ParamValue, SettingValue};
use crate::lint::{Findings, Rule, Severity, Subject};
use crate::source::{Level, Span};
use std::borrow::Cow;

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "no-effect",
    severity: Severity::Warning,
    finds: "A core setting or module parameter that alanui reads and does not act on, with a value that asks for something else than it does. Those \
            that nobody outside would notice are noted in one line.",
    why: "The file says one thing and the server does another: packets go elsewhere, somebody is not reached, something is not kept, or somebody is let \
          in whom the file keeps out.",
    instead: "Leave the setting out, reach the same by the script or by the system, or keep this file on Kamailio.",
    reference: "docs/settings.md",
    check,
};

/// Names that one note lists.
const MOST_NAMES: usize = 12;

/// A value that has no effect.
struct Idle<'a> {
    name: &'a str,
    row: &'static Param,
    changes: Changes,
    span: Span,
}

fn check(subject: &Subject, findings: &mut Findings) {
    let idle: Vec<Idle> = settings(subject).chain(params(subject)).collect();
    for its in idle.iter().filter(|its| its.changes != Changes::Nothing) {
        let found =
            findings.add(format!("{} has no effect: it would change {}", its.name, its.changes.words()), its.span);
        found.add_note(its.row.doc);
        found.add_help(match its.row.effective() {
            Some("") | None => "the server does as it does without it".to_owned(),
            Some(value) => format!("the server does as with {} {value}", its.name),
        });
    }
    database_only(subject, findings);
    let mut names: Vec<&str> = Vec::new();
    let mut first = None;
    for its in idle.iter().filter(|its| its.changes == Changes::Nothing) {
        first = first.or(Some(its.span));
        if !names.contains(&its.name) {
            names.push(its.name);
        }
    }
    let Some(first) = first else { return };
    let more = names.len().saturating_sub(MOST_NAMES);
    let listed = names.get(..MOST_NAMES).unwrap_or(&names).join(", ");
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let found = findings.add(format!("without effect, and nobody outside would notice: {listed}{more}"), first);
    found.level = Level::Note;
    found.add_help("they can stay for Kamailio; docs/settings.md says what each is about");
}

/// Pings of contacts that are not in memory.
fn database_only(subject: &Subject, findings: &mut Findings) {
    let Some(mode) = subject.param("usrloc", "db_mode").filter(|mode| mode.int() == Some(3)) else { return };
    for (module, name) in [("nathelper", "natping_interval"), ("usrloc", "ka_mode")] {
        let Some(given) = subject.param(module, name).filter(|given| given.int() != Some(0)) else { continue };
        let found = findings.add(format!("{name} has no effect with db_mode 3: nobody is pinged"), given.span());
        found.add_label(mode.span(), "contacts are in the database only");
        found.add_help("use db_mode 1, which keeps them in memory, too");
    }
}

fn settings<'a>(subject: &'a Subject) -> impl Iterator<Item = Idle<'a>> {
    let core = subject.config.registry.loaded().first().copied();
    let items = subject.config.tree.items.iter().filter_map(|item| match item {
        Item::Setting(setting) => Some(setting),
        _ => None,
    });
    items.filter_map(move |setting| {
        let row = Registry::param(core?, &setting.name.text)?;
        let value = match setting.values.first() {
            Some(SettingValue::Int(number, _)) => Some(Cow::Owned(number.to_string())),
            Some(SettingValue::Text(text)) => Some(String::from_utf8_lossy(&text.value)),
            Some(SettingValue::Word(word)) => Some(Cow::Borrowed(word.text.as_str())),
            Some(SettingValue::Listen(_)) | None => None,
        };
        idle(&setting.name.text, row, value.as_deref(), setting.span)
    })
}

fn params<'a>(subject: &'a Subject) -> impl Iterator<Item = Idle<'a>> {
    subject.all_params().iter().filter_map(|given| {
        let module = subject.config.registry.loaded().iter().find(|module| module.name == given.module)?;
        let name = std::str::from_utf8(&given.statement.name.value).ok()?;
        let row = Registry::param(module, name)?;
        let value = match &given.statement.value {
            ParamValue::Int(number, _) => Some(Cow::Owned(number.to_string())),
            ParamValue::Text(text) => Some(String::from_utf8_lossy(&text.value)),
            ParamValue::Variable(_) => None,
        };
        idle(name, row, value.as_deref(), given.statement.span)
    })
}

/// A value of a row without effect, unless it asks for what is done anyway.
fn idle<'a>(name: &'a str, row: &'static Param, value: Option<&str>, span: Span) -> Option<Idle<'a>> {
    let inert = row.inert?;
    let is_same = value.is_some_and(|value| row.effective().is_some_and(|done| same(value, done)));
    (!is_same).then_some(Idle { name, row, changes: inert.changes, span })
}

fn same(one: &str, other: &str) -> bool {
    match (number(one), number(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one.trim().eq_ignore_ascii_case(other.trim()),
    }
}

/// Numbers, and the words that stand for two of them.
fn number(text: &str) -> Option<i64> {
    match text.trim().to_ascii_lowercase().as_str() {
        "yes" | "on" | "true" | "enable" => Some(1),
        "no" | "off" | "false" | "disable" => Some(0),
        text => parse_int(text.as_bytes()),
    }
}
