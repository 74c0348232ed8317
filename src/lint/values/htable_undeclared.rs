//! A hash table that nobody declares.

use crate::builtin::Means;
use crate::lint::script::constant;
use crate::lint::{Findings, Rule, Severity, Subject};
use crate::source::Span;
use rustc_hash::FxHashMap;

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "htable-undeclared",
    severity: Severity::Warning,
    finds: "A table in $sht(table=>key), or in a function of htable, that no parameter declares.",
    why: "Nothing stops at the start. A read gives null and a write is lost, so a ban list bans nobody and a counter stays empty; Kamailio 5.6 does \
          not even log it.",
    instead: "Declare it: modparam(\"htable\", \"htable\", \"name=>size=8;autoexpire=300;\").",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/htable.html#htable.p.htable",
    check,
};

static VARIABLES: &[&str] = &["sht", "shtex", "shtcn", "shtcv", "shtinc", "shtdec"];
fn check(subject: &Subject, findings: &mut Findings) {
    if subject.loaded("htable").is_none() {
        return;
    }
    let mut declared = Vec::new();
    for given in subject.params("htable", "htable") {
        let text = given.text().map(|text| String::from_utf8_lossy(&text.value).into_owned());
        match text.filter(|text| !text.contains('$')) {
            Some(text) => declared.push(text.split("=>").next().unwrap_or_default().trim().to_owned()),
            // A name that is known at the start only.
            None => return,
        }
    }
    let script = subject.script();
    let mut places: FxHashMap<String, Vec<(Span, bool)>> = FxHashMap::default();
    let mut order: Vec<String> = Vec::new();
    let mut add = |table: &str, span: Span, is_target: bool| {
        if table.is_empty() || declared.iter().any(|name| name == table) {
            return;
        }
        let its = places.entry(table.to_owned()).or_default();
        if its.is_empty() {
            order.push(table.to_owned());
        }
        its.push((span, is_target));
    };
    for mention in script.mentions.iter().filter(|mention| VARIABLES.contains(&mention.written.name)) {
        let Some(table) = mention.written.key_name() else { continue };
        let is_target = mention.place == crate::lint::script::Place::Target;
        add(table, subject.place_of(mention), is_target);
    }
    for (at, arg) in script.arguments_for(Means::Table) {
        let Some(name) = constant(arg).filter(|name| !name.contains('$')) else { continue };
        let table = name.split("=>").next().unwrap_or_default().trim().to_owned();
        add(&table, at.call.span, false);
    }
    for table in order {
        let mut its = places.remove(&table).unwrap_or_default();
        its.sort_by_key(|(span, _)| *span);
        let Some((first, _)) = its.first() else { continue };
        let found = findings.add(format!("no parameter of htable declares the table {table}"), *first);
        if let Some((target, _)) = its.iter().find(|(span, is_target)| *is_target && span != first) {
            found.add_label(*target, "what is written here is lost");
        }
        if its.len() > 1 {
            found.add_note(format!("it is used in {} places: every read is null, every write is lost", its.len()));
        } else {
            found.add_note("every read is null, every write is lost");
        }
        found.add_help(format!("add modparam(\"htable\", \"htable\", \"{table}=>size=8;\")"));
    }
}
