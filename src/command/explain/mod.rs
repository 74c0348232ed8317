//! `alanui explain`: what a name means, from its row.

mod language;
mod select;

use super::output::Output;
use super::{BAD, GOOD};
use crate::builtin::{EXTENSIONS, Function, KeyKind, Param, ParamKind, Transformation, Unit, Variable};
use crate::catalogue::{self, Kind, Known};
use crate::config::{allowed, codes};
use crate::lint::{self, Rule};
use crate::modules::MODULES;
use rustc_hash::FxHashSet;
use std::fmt::Write as _;

/// Prints what each name means; bad when one of them is nothing.
pub(super) fn explain(names: &[String], out: &mut Output) -> u8 {
    let mut code = GOOD;
    for name in names {
        match page(name) {
            Some(page) => out.print(&format!("{page}\n")),
            None => {
                out.fault(&format!("nothing is called {name}{}", nearest(name)));
                code = BAD;
            }
        }
    }
    code
}

/// The first sentence, the reasons and the address of a code, for reports.
pub(super) fn described(code: &str) -> Option<(String, String, String)> {
    if let Some(rule) = lint::rule(code) {
        return Some((rule.finds.into(), format!("{} {}", rule.why, rule.instead), rule.reference.into()));
    }
    codes::row(code).map(|row| (row.means.to_owned(), String::new(), String::new()))
}

/// Everything that has this name.
fn page(name: &str) -> Option<String> {
    let mut page = String::new();
    let (plain, only) = match name.as_bytes().first() {
        Some(b'$') => {
            (name[1..].trim_start_matches('(').split(['(', '{', ')']).next().unwrap_or_default(), Some(Kind::Variable))
        }
        Some(b'{') => (name.trim_matches(['{', '}']).split(',').next().unwrap_or_default(), Some(Kind::Transformation)),
        Some(b'@') => (&name[1..], Some(Kind::Select)),
        _ => (name.trim_end_matches("()"), None),
    };
    let wants = |kind| only.is_none_or(|only| only == kind);
    for module in MODULES {
        for row in module.functions.iter().filter(|row| wants(Kind::Function) && row.names.contains(&plain)) {
            function(&mut page, module.name, row);
        }
        for row in module.params.iter().filter(|row| wants(Kind::Parameter) && row.names.contains(&plain)) {
            param(&mut page, module.name, row);
        }
        for row in module.variables.iter().filter(|row| wants(Kind::Variable) && row.names.contains(&plain)) {
            variable(&mut page, module.name, row);
        }
        for row in module
            .transformations
            .iter()
            .filter(|row| wants(Kind::Transformation) && module.name != "core" && is_it(plain, row.class, row.name))
        {
            let (least, most) = row.params;
            let params = if least == most { format!("{most}") } else { format!("{least} to {most}") };
            let _ = writeln!(
                page,
                "{{{}.{}}}: transformation of {}\n  {}\n  parameters: {params}\n",
                row.class, row.name, module.name, row.doc
            );
        }
        let of_class = |row: &&Transformation| row.class == plain && module.name != "core";
        let members = || module.transformations.iter().filter(of_class);
        if wants(Kind::Transformation) && members().next().is_some() {
            let _ = writeln!(page, "{{{plain}.*}}: transformations of {}", module.name);
            list(&mut page, "with", members().map(|row| row.name));
            page.push('\n');
        }
        for row in module.rpc.iter().filter(|row| only.is_none() && row.name == plain) {
            let line = format!("{} {}", row.name, row.usage);
            let _ = writeln!(page, "{}: command for operators\n  {}\n", line.trim_end(), row.doc);
        }
        for row in module.words.iter().filter(|row| only.is_none() && row.variable.names.contains(&plain)) {
            let _ = writeln!(page, "{plain}: word of comparisons\n  {}\n", row.variable.doc);
        }
        if module.runs(plain) {
            let _ = writeln!(page, "event_route[{plain}]: run by {}\n", module.name);
        }
        if only.is_none() && module.name == plain {
            let _ = writeln!(page, "{plain}: module\n  {}", module.doc);
            list(&mut page, "functions", module.functions.iter().flat_map(|row| row.names).copied());
            list(
                &mut page,
                "parameters",
                module.params.iter().filter(|row| row.inert.is_none()).map(|row| row.names[0]),
            );
            list(&mut page, "variables", module.variables.iter().map(|row| row.names[0]));
            list(&mut page, "event routes", module.events.iter().copied());
            list(&mut page, "commands for operators", module.rpc.iter().map(|row| row.name));
            if let Some(known) = catalogue::module(plain) {
                let built = |name: &&str| !module.functions.iter().any(|row| row.names.contains(name));
                list(&mut page, "functions that Kamailio has beside them", known.names(Kind::Function).filter(built));
            }
            page.push('\n');
        }
    }
    if wants(Kind::Select) {
        select::select(&mut page, plain);
    }
    if let Some(row) = language::row(plain).filter(|_| only.is_none()) {
        let _ = writeln!(page, "{plain}: {}\n  {}\n", row.what, row.doc);
    }
    if let Some(rule) = lint::rule(plain).filter(|_| only.is_none()) {
        page.push_str(&rule_page(rule));
    }
    if let Some(row) = codes::row(plain).filter(|_| only.is_none()) {
        let _ = writeln!(page, "{plain}: reported by check\n  {}\n", row.means);
    }
    if let Some(row) = EXTENSIONS.iter().find(|row| row.name == plain && only.is_none()) {
        let _ = writeln!(page, "{plain}: extension, off under --strict\n  {}\n", row.sentence);
    }
    if page.is_empty() {
        known(&mut page, plain, only);
    }
    (!page.is_empty()).then(|| page.trim_end().to_owned() + "\n")
}

fn is_it(name: &str, class: &str, its: &str) -> bool {
    name.split_once('.').is_some_and(|(first, second)| first == class && second.eq_ignore_ascii_case(its))
}

/// What Kamailio has and alanui has not.
fn known(page: &mut String, name: &str, only: Option<Kind>) {
    let kinds = [
        (Kind::Function, "function"),
        (Kind::Parameter, "parameter"),
        (Kind::Variable, "variable"),
        (Kind::Transformation, "transformation"),
        (Kind::Event, "event route"),
        (Kind::Select, "select"),
    ];
    for (kind, word) in kinds.into_iter().filter(|(kind, _)| only.is_none_or(|only| only == *kind)) {
        for owner in catalogue::owners(kind, name) {
            let _ = writeln!(page, "{name}: {word} of {}, not supported{}", owner.name, since(owner, kind, name));
        }
    }
    if let Some(module) = catalogue::module(name).filter(|_| only.is_none()) {
        let _ = writeln!(page, "{name}: module of Kamailio, not supported");
        list(page, "functions", module.names(Kind::Function));
        list(page, "parameters", module.names(Kind::Parameter));
        list(page, "variables", module.names(Kind::Variable));
    }
}

fn since(owner: &Known, kind: Kind, name: &str) -> String {
    match owner.since(kind, name) {
        Some(release) if !release.is_empty() => format!("; Kamailio has it since {release}"),
        _ => String::new(),
    }
}

fn function(page: &mut String, module: &str, row: &Function) {
    let mut args = String::new();
    for (at, arg) in row.args.iter().enumerate() {
        let comma = if at > 0 { ", " } else { "" };
        args += &if arg.optional { format!("[{comma}{}]", arg.name) } else { format!("{comma}{}", arg.name) };
    }
    let _ = writeln!(page, "{}({args}): function of {module}\n  {}", row.names[0], row.doc);
    list(page, "also called", row.names[1..].iter().copied());
    let _ = writeln!(page, "  allowed in: {}", allowed(row));
    page.push('\n');
}

fn param(page: &mut String, module: &str, row: &Param) {
    let what = if module == "core" { "core setting".to_owned() } else { format!("parameter of {module}") };
    let kind = match row.kind {
        ParamKind::Int => "a number",
        ParamKind::Count => "a number without a sign",
        ParamKind::Text => "a string",
        ParamKind::Template => "a string that may hold variables",
        ParamKind::Word => "a word or a string",
        ParamKind::OneOf(words) => &format!("one of {}", words.join(", ")),
        ParamKind::Any => "a word, a string or a number",
        ParamKind::Addresses => "addresses",
    };
    let unit = match row.unit {
        Unit::None => "",
        Unit::Seconds => ", in seconds",
        Unit::Milliseconds => ", in milliseconds",
        Unit::Bytes => ", in bytes",
    };
    let _ = writeln!(page, "{}: {what}\n  {}\n  takes {kind}{unit}", row.names[0], row.doc);
    if let Some(default) = row.default {
        let _ = writeln!(page, "  default: {}", if default.is_empty() { "empty" } else { default });
    }
    list(page, "also called", row.names[1..].iter().copied());
    if row.repeat {
        page.push_str("  may be given several times\n");
    }
    if let Some(inert) = row.inert {
        let _ = writeln!(page, "  read, without effect; it would change {}", inert.changes.words());
    }
    page.push('\n');
}

fn variable(page: &mut String, module: &str, row: &Variable) {
    let key = if matches!(row.key, KeyKind::None) { "" } else { "(...)" };
    let access = if row.set.is_some() { "read and written" } else { "read" };
    let _ = writeln!(page, "${}{key}: variable of {module}, {access}\n  {}", row.names[0], row.doc);
    list(page, "also called", row.names[1..].iter().copied());
    page.push('\n');
}

/// Everything that a rule's row says.
fn rule_page(rule: &Rule) -> String {
    format!(
        "{}: rule of check, among {}\n  {}\n\n  why: {}\n  instead: {}\n  see: {}\n  to allow it: # alanui: allow({}) reason\n\n",
        rule.code,
        rule.severity.group(),
        rule.finds,
        rule.why,
        rule.instead,
        rule.reference,
        rule.code
    )
}

fn list<'a>(page: &mut String, title: &str, names: impl Iterator<Item = &'a str>) {
    let mut seen = FxHashSet::default();
    // A function has a row for each form of its arguments.
    let names: Vec<&str> = names.filter(|name| seen.insert(*name)).collect();
    if !names.is_empty() {
        let _ = writeln!(page, "  {title}: {}", names.join(", "));
    }
}

/// A name that differs little.
fn nearest(name: &str) -> String {
    let rows = MODULES.iter().flat_map(|module| {
        let functions = module.functions.iter().flat_map(|row| row.names.iter().copied());
        let params = module.params.iter().flat_map(|row| row.names.iter().copied());
        let commands = module.rpc.iter().map(|row| row.name);
        functions.chain(params).chain(commands).chain([module.name])
    });
    let codes = codes::CODES.iter().map(|row| row.code).chain(lint::rules().map(|rule| rule.code));
    match crate::config::nearest(name, rows.chain(codes).chain(language::names())) {
        Some(near) => format!("; did you mean {near}?"),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_lists_each_of_its_names_once() {
        for module in MODULES {
            let page = page(module.name).expect("it is built in");
            for names in page.lines().filter_map(|line| line.strip_prefix("  functions: ")) {
                let mut names: Vec<&str> = names.split(", ").collect();
                let all = names.len();
                names.sort_unstable();
                names.dedup();
                assert_eq!(names.len(), all, "{}", module.name);
            }
        }
    }
}
