//! The pieces of config in a document, each made whole so that `check` can read it.

use alanui::catalogue::{self, Kind};
use alanui::modules::MODULES;
use regex::Regex;
use std::collections::BTreeSet;
use std::ops::Range;

/// What stands between two fences.
#[derive(Debug)]
pub(super) struct Block {
    /// The line of the document on which its text begins.
    pub(super) line: usize,
    /// The word behind the fence; often none.
    language: String,
    text: String,
}

/// A config made of a block.
#[derive(Debug, Default)]
pub(super) struct Whole {
    /// The text of the config.
    pub(super) text: String,
    /// Which of it the document says: the rest makes it whole.
    pub(super) own: Vec<Range<usize>>,
}

impl Whole {
    fn add(&mut self, text: &str) {
        self.text.push_str(text);
        if !text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    /// Adds words of the document.
    fn add_own(&mut self, text: &str) {
        let start = self.text.len();
        self.add(text);
        self.own.push(start..self.text.len());
    }
}

/// Every fenced block of a document. A fence that names a language opens one also where the last was left open.
pub(super) fn of(document: &str) -> Vec<Block> {
    let (mut blocks, mut open): (Vec<Block>, Option<Block>) = (Vec::new(), None);
    for (at, line) in document.lines().enumerate() {
        let Some(language) = line.trim_start().strip_prefix("```").map(str::trim) else {
            if let Some(block) = &mut open {
                // Three dots stand for what the document leaves out.
                block.text.push_str(if line.trim() == "..." { "" } else { line });
                block.text.push('\n');
            }
            continue;
        };
        let was_open = open.take().map(|block| blocks.push(block)).is_some();
        if !was_open || !language.is_empty() {
            open = Some(Block { line: at + 2, language: language.to_owned(), text: String::new() });
        }
    }
    blocks.extend(open);
    blocks
}

impl Block {
    /// Whether it is some config: no shell, no table, no packet.
    pub(super) fn is_config(&self) -> bool {
        let signs =
            Regex::new(r"(?m)loadmodule|modparam|route *[\[{]|\bif *\(|^\s*\w+\([^)]*\);|\$\w+\(|^cfgengine|^include")
                .unwrap();
        matches!(self.language.as_str(), "" | "kamailio") && signs.is_match(&self.text)
    }

    /// Whether it is SQL that makes rows.
    pub(super) fn is_rows(&self) -> bool {
        matches!(self.language.as_str(), "" | "sql") && self.text.contains("INSERT INTO dispatcher")
    }

    /// Its text as it stands.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The config that it makes with what it calls: blocks of routes that stand elsewhere in the document, and modules.
    pub(super) fn whole(&self, others: &[Block]) -> Whole {
        let mut text = finished(&self.text);
        let mut pieces = pieces(&text);
        let mut made = String::new();
        for (kind, name) in wanted_routes(&self.text) {
            let head = Regex::new(&format!(r"(?m)^\s*{kind}\s*\[\s*{}\s*\]", regex::escape(&name))).unwrap();
            if head.is_match(&text) {
                continue;
            }
            match others.iter().find(|other| other.is_config() && head.is_match(&other.text)) {
                Some(other) => {
                    pieces.extend(self::pieces(&other.text));
                    text.push_str(&other.text);
                }
                None => made.push_str(&stock(kind, &name)),
            }
        }
        let mut whole = Whole::default();
        if !text.contains("loadmodule") {
            modules(&format!("{text}{made}"))
                .iter()
                .for_each(|module| whole.add(&format!("loadmodule \"{module}.so\"")));
        }
        if text.contains("DBURL") && !text.contains("#!define DBURL") {
            whole.add("#!define DBURL \"mysql://localhost/kamailio\"");
        }
        let (items, statements): (Vec<_>, Vec<_>) = pieces.into_iter().partition(|(is_item, _)| *is_item);
        items.iter().for_each(|(_, item)| whole.add_own(item));
        if !statements.is_empty() {
            let has_main = Regex::new(r"(?m)^\s*(request_)?route\s*\{").unwrap().is_match(&text);
            whole.add(if has_main { "route[FRAGMENT] {" } else { "request_route {" });
            statements.iter().for_each(|(_, statement)| whole.add_own(statement));
            whole.add("}");
        }
        // The document calls these: what is wrong on the way there it says.
        whole.add_own(&made);
        whole
    }
}

/// What a document calls and does not show: its block of the stock configuration, in short.
fn stock(kind: &str, name: &str) -> String {
    let in_dialog = "    if (!has_totag()) return;\n    if (!loose_route()) exit;\n";
    let body = if name == "WITHINDLG" { in_dialog } else { "" };
    format!("{kind}[{name}] {{\n{body}    if (!t_relay()) exit;\n    exit;\n}}\n")
}

/// A text with the semicolons and brackets at the end that a document leaves out of what it quotes.
fn finished(text: &str) -> String {
    let call = Regex::new(r"(?m)^(\s*\w+\(.*\))([ \t]*(?:#.*)?)$").unwrap();
    let is_head = Regex::new(r"^\s*(if|while|switch|else|modparam)\b").unwrap();
    let text = call.replace_all(text, |found: &regex::Captures| {
        let end = if is_head.is_match(&found[1]) { "" } else { ";" };
        format!("{}{end}{}", &found[1], &found[2])
    });
    let open = text.matches('{').count().saturating_sub(text.matches('}').count());
    format!("{text}{}", "}\n".repeat(open))
}

/// The routes that are called or armed, with the words that begin their blocks.
fn wanted_routes(text: &str) -> Vec<(&'static str, String)> {
    let mut wanted = Vec::new();
    for (kind, call) in [
        ("route", r"(?m)\broute\(\s*(\w+)\s*\)"),
        ("failure_route", r#"t_on_failure\(\s*"(\w+)"\s*\)"#),
        ("onreply_route", r#"t_on_reply\(\s*"(\w+)"\s*\)"#),
        ("branch_route", r#"t_on_branch\(\s*"(\w+)"\s*\)"#),
    ] {
        for found in Regex::new(call).unwrap().captures_iter(text) {
            let its = (kind, found[1].to_owned());
            if !wanted.contains(&its) {
                wanted.push(its);
            }
        }
    }
    wanted
}

/// The modules of the functions, parameters and variables in a text.
fn modules(text: &str) -> BTreeSet<String> {
    let mut modules: BTreeSet<String> = ["pv".to_owned(), "tm".to_owned(), "sl".to_owned()].into();
    for found in Regex::new(r"\b(\w+)\s*\(").unwrap().captures_iter(text) {
        let built = MODULES.iter().filter(|module| module.name != "core");
        let built = built.filter(|module| module.functions.iter().any(|row| row.names.contains(&&found[1])));
        let known = catalogue::owners(Kind::Function, &found[1]).map(|known| known.name);
        let known = known.filter(|name| !name.starts_with("ims_"));
        modules.extend(built.map(|module| module.name).chain(known).next().map(str::to_owned));
    }
    for found in Regex::new(r#"modparam\(\s*"(\w+)"#).unwrap().captures_iter(text) {
        modules.insert(found[1].to_owned());
    }
    for (variable, module) in [("$sht(", "htable"), ("$dbr(", "sqlops"), ("$gip2(", "geoip2")] {
        if text.contains(variable) {
            modules.insert(module.to_owned());
        }
    }
    let bound = modules.iter().filter_map(|name| Some(catalogue::module(name)?.binds));
    let more: Vec<String> = bound.flat_map(|names| names.split(',').map(str::to_owned)).collect();
    modules.extend(more);
    modules.retain(|module| catalogue::module(module).is_some());
    modules
}

/// Items of a config, each on its own, and the statements between them.
fn pieces(text: &str) -> Vec<(bool, String)> {
    let item = Regex::new(
        r"^(loadmodule|modparam|cfgengine|include_file|import_file|#!|\w+\s*=[^=]|(request_|reply_|failure_|onreply_|branch_|onsend_|event_)?route\s*[\[{])",
    );
    let item = item.unwrap();
    let mut pieces: Vec<(bool, String)> = Vec::new();
    let mut depth = 0i32;
    for line in text.lines() {
        if depth <= 0 {
            let is_comment = ["#", "//", "/*", "*"].iter().any(|mark| line.trim_start().starts_with(mark));
            let is_item = item.is_match(line.trim_start()) || is_comment || line.trim().is_empty();
            pieces.push((is_item, String::new()));
        }
        if let Some((_, piece)) = pieces.last_mut() {
            piece.push_str(line);
            piece.push('\n');
        }
        let code = if depth == 0 && line.trim_start().starts_with(['#', '*', '/']) { "" } else { line };
        depth += code.matches(['{', '(']).count() as i32 - code.matches(['}', ')']).count() as i32;
    }
    // Statements that follow each other stay together, or an else would lose its if.
    let mut joined: Vec<(bool, String)> = Vec::new();
    for (is_item, text) in pieces {
        match joined.last_mut() {
            Some((false, before)) if !is_item => before.push_str(&text),
            _ => joined.push((is_item, text)),
        }
    }
    joined
}
