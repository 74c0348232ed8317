//! The table of what Kamailio has is made from the facts beside the project; without them the table itself is held for well-formed.

use super::documents::same;
use serde_json::Value;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Functions that 5.6.3 takes in fewer blocks than the facts say: seen by asking `kamailio -c` about each function in each kind of block.
const SEEN: [(&str, &str); 2] = [("uac_auth", "FE"), ("uac_auth_mode", "FE")];

/// The folder with the facts, when it is there.
fn facts() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/kamailio");
    folder.join("modules.json").exists().then_some(folder)
}

#[test]
fn the_table_is_made_from_the_facts() {
    let Some(folder) = facts() else { return };
    let read =
        |name: &str| -> Value { serde_json::from_str(&std::fs::read_to_string(folder.join(name)).unwrap()).unwrap() };
    let mut table = String::from(
        "# What Kamailio has, by module; see src/catalogue/mod.rs for the columns. Made by tests/suite/catalogue.rs.\n",
    );
    core(&read("core.json"), &mut table);
    for (name, module) in read("modules.json")["modules"].as_object().unwrap() {
        described(name, module, &mut table);
    }
    same("src/catalogue/kamailio.tsv", &table);
}

#[test]
fn every_line_of_the_table_is_understood() {
    let mut modules = 0;
    for module in alanui::catalogue::modules() {
        modules += 1;
        assert!(alanui::catalogue::rows(module.name).is_some(), "{}", module.name);
    }
    assert!(modules > 260, "{modules}");
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// The release that has it first; empty for 5.6.3 and older.
fn since(value: &Value) -> &str {
    match text(value, "since") {
        "<=5.6.3" => "",
        since => since,
    }
}

/// Words of the language, which are called like functions at most.
const WORDS: [&str; 5] = ["route", "drop", "exit", "return", "break"];

fn core(core: &Value, table: &mut String) {
    table.push_str("m\tcore\t\t\t\n");
    let own: Vec<&str> = list(core, "global_parameters").iter().map(|setting| text(setting, "name")).collect();
    for setting in list(core, "global_parameters") {
        let kind = match text(setting, "type") {
            "int" | "bool" => "i",
            "string" => "s",
            _ => "b",
        };
        // An alias may be older or newer: most have a row of their own.
        let aliases = list(setting, "aliases").iter().filter_map(Value::as_str).filter(|alias| !own.contains(alias));
        let names = std::iter::once(text(setting, "name")).chain(aliases);
        for name in names {
            let _ = writeln!(table, "p\t{name}\t{kind}\t\t{}", since(setting));
        }
    }
    for statement in list(core, "core_statements") {
        for name in list(statement, "names").iter().filter_map(Value::as_str).filter(|name| !WORDS.contains(name)) {
            for arity in list(statement, "arities").iter().filter_map(Value::as_u64) {
                let args = if arity == 0 { "-".to_owned() } else { "c".repeat(arity as usize) };
                let _ = writeln!(table, "f\t{name}\tA\t{args}\t\t");
            }
        }
    }
    for row in list(core, "core_pseudo_variables") {
        variable(row, table);
    }
    for event in list(core, "core_event_routes") {
        let _ = writeln!(table, "e\t{}", text(event, "name"));
    }
    for path in list(core, "core_selects") {
        let _ = writeln!(table, "@\t{}", path.as_str().unwrap_or_default());
    }
}

fn described(name: &str, module: &Value, table: &mut String) {
    let names = |key: &str| -> Vec<&str> { list(&module["depends"], key).iter().filter_map(Value::as_str).collect() };
    let (wanted, removed) = (names("hard_binds").join(","), text(module, "removed_after").trim_start_matches("<="));
    let _ = writeln!(table, "m\t{name}\t{}\t{removed}\t{wanted}", since(module));
    for function in list(module, "functions") {
        for variant in list(function, "variants") {
            let args = match variant["arity"].as_u64() {
                Some(0) => "-".to_owned(),
                Some(arity) => (0..arity as usize).map(|at| kind(list(variant, "params").get(at))).collect(),
                None => "*".to_owned(),
            };
            let constant = if variant["nonconst_params"] == Value::Bool(false) { "const" } else { "" };
            let name = text(function, "name");
            let seen = SEEN.iter().find(|(its, _)| *its == name).map(|(_, routes)| (*routes).to_owned());
            let routes = seen.unwrap_or_else(|| routes(variant));
            let _ = writeln!(table, "f\t{name}\t{routes}\t{args}\t{constant}\t{}", since(variant));
        }
    }
    for param in list(module, "params") {
        let kind = match text(param, "type") {
            "int" => "i",
            "str" | "string" => "s",
            _ => "b",
        };
        let repeat = if param["func"] == Value::Bool(true) { "+" } else { "" };
        let _ = writeln!(table, "p\t{}\t{kind}\t{repeat}\t{}", text(param, "name"), since(param));
    }
    for name in list(module, "removed_params") {
        let _ = writeln!(table, "p\t{}\tb\t\t", name.as_str().unwrap_or_default());
    }
    for row in list(module, "pvs") {
        variable(row, table);
    }
    for class in list(module, "transformations") {
        for name in list(class, "names") {
            let since = if since(name).is_empty() { since(class) } else { since(name) };
            let _ = writeln!(table, "t\t{}\t{}\t{since}", text(class, "class"), text(name, "name"));
        }
    }
    for event in list(module, "event_routes") {
        let _ = writeln!(table, "e\t{}", event.as_str().unwrap_or_default());
    }
    for path in list(module, "selects") {
        let _ = writeln!(table, "@\t{}", path.as_str().unwrap_or_else(|| text(path, "name")));
    }
}

fn variable(row: &Value, table: &mut String) {
    let access = if row["settable"] == Value::Bool(true) { "w" } else { "r" };
    let inner = match text(row, "inner") {
        "required" => "name",
        "none" => "",
        _ => "maybe",
    };
    let _ = writeln!(table, "v\t{}\t{access}\t{inner}\t{}", text(row, "class"), since(row));
}

fn kind(param: Option<&Value>) -> char {
    match param.and_then(Value::as_str).unwrap_or_default() {
        "int" | "uint" | "int-or-pv" | "signed-int-or-pv" => 'i',
        "string-or-pv" | "int|string-or-pv" | "pv|string-or-pv" | "int-or-string-or-pv" => 't',
        "pv-lvalue" => 'w',
        "pv" | "avp" => 'v',
        _ => 'c',
    }
}

fn routes(variant: &Value) -> String {
    let letter = |route: &Value| match route.as_str() {
        Some("ANY_ROUTE") => 'A',
        Some("REQUEST_ROUTE") => 'R',
        Some("FAILURE_ROUTE") => 'F',
        Some("TM_ONREPLY_ROUTE") => 'T',
        Some("CORE_ONREPLY_ROUTE") => 'C',
        Some("BRANCH_ROUTE") => 'B',
        Some("ONSEND_ROUTE") => 'S',
        Some("ONEVENT_ROUTE") => 'E',
        _ => 'L',
    };
    list(variant, "routes").iter().map(letter).filter(|letter| *letter != 'L').collect()
}
