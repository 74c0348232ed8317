//! What the documents that alanui was made from do wrong is found.
//!
//! `fixtures/documents/` shows each mistake in short: the first line of a file, `# reports ...`, names what must be reported, and the `.txt`
//! beside it is all that is said. `fixtures/documents/marks.tsv` lists which document makes which mistake: its name in the list of ideas, the name
//! it is reported by, and, where the document itself only talks of it, why nothing there can be reported. When the documents and the list are there,
//! their own blocks are checked too, and list and marks must agree.

mod blocks;

use super::documents::same;
use alanui::builtin::Extensions;
use alanui::config::{self, Additions};
use alanui::modules::MODULES;
use alanui::source::{Diagnostic, Files, Sources, render};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The documents, by the letter that the list of ideas marks them with.
const DOCUMENTS: &[(&str, &str, &[&str])] = &[
    ("E", "edge", &["sip-router-notes.md", "routing-logic.md"]),
    ("T", "troubleshooting", &["troubleshooting-session.md"]),
    ("U", "tutorial", &["system-telephony.md"]),
    ("P", "playground", &["kamailio-playground.md"]),
];

/// A mistake of a document.
#[derive(Debug)]
struct Mark {
    document: String,
    /// Its name in the list of ideas.
    idea: String,
    /// The name it is reported by; empty when nothing reports it.
    code: String,
    /// Why the document's own blocks cannot show it; empty when they do.
    why_not: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn folder() -> PathBuf {
    root().join("fixtures/documents")
}

fn marks() -> Vec<Mark> {
    let text = std::fs::read_to_string(folder().join("marks.tsv")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let marks = lines.map(|line| {
        let mut cells = line.split('\t').map(str::to_owned);
        let mut next = || cells.next().unwrap_or_default();
        let (document, idea, code, why_not) = (next(), next(), next(), next());
        assert!(!code.is_empty() || !why_not.is_empty(), "{document} {idea}: neither a name nor a reason");
        Mark { document, idea, code, why_not }
    });
    marks.collect()
}

/// A file that is there beside those of the disk.
struct With<'a>(&'a Path, &'a str);

impl Files for With<'_> {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        if path == self.0 { Ok(self.1.as_bytes().to_vec()) } else { std::fs::read(path) }
    }
}

/// All that `check` says of a config.
fn check(path: &Path, text: &str) -> (Sources, Vec<Diagnostic>) {
    let (mut sources, mut found) = (Sources::default(), Vec::new());
    let (additions, extensions) = (Additions::default(), Extensions::default());
    let loaded = config::load(path, &With(path, text), &additions, MODULES, extensions, &mut sources, &mut found);
    alanui::lint::check(&loaded, &sources, None, &mut found);
    let (rows, files) = alanui::lint::destinations::of_list(&loaded, &With(path, text), &mut sources);
    alanui::lint::check_destinations(&loaded, &sources, &rows, &files, &mut found);
    let started = loaded.start(None, &mut found);
    found.extend(config::extension_diagnostics(&[loaded.used.as_slice(), &started.used].concat(), false));
    found.sort_by_key(|its| (its.labels.first().map(|label| label.span), its.code));
    (sources, found)
}

/// The name of a finding; that of an extension stands in its words.
fn name_of(found: &Diagnostic) -> String {
    match found.message.strip_prefix("relies on the extension ").and_then(|rest| rest.split(' ').next()) {
        Some(extension) => format!("extension:{extension}"),
        None => found.code.to_owned(),
    }
}

/// The fixtures of a document, with what their first lines want.
fn fixtures() -> Vec<(PathBuf, String, BTreeSet<String>)> {
    let mut fixtures = Vec::new();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|its| its != "cfg") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let first = text.lines().next().unwrap_or_default().to_owned();
        let wanted =
            first.strip_prefix("# reports ").map(|names| names.split_whitespace().map(str::to_owned).collect());
        fixtures.push((path, text, wanted.unwrap_or_default()));
    }
    fixtures.sort();
    fixtures
}

#[test]
fn what_the_documents_do_wrong_is_found_in_short() {
    let (mut wrong, mut shown) = (Vec::new(), BTreeSet::new());
    for (path, text, wanted) in fixtures() {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let document = DOCUMENTS.iter().find(|(_, prefix, _)| name.starts_with(prefix));
        let (letter, ..) = document.unwrap_or_else(|| panic!("{name} belongs to no document"));
        let (sources, found) = check(&path, &text);
        let codes: BTreeSet<String> = found.iter().map(name_of).collect();
        for code in &wanted {
            if !codes.contains(code) {
                wrong.push(format!("{name}: {code} is not reported"));
            }
            shown.insert((*letter, code.clone()));
        }
        let human = render::human(&sources, &found, false).replace(&format!("{}/", root().display()), "");
        same(&format!("fixtures/documents/{name}.txt"), &human);
    }
    for mark in marks().iter().filter(|mark| !mark.code.is_empty()) {
        if !shown.contains(&(mark.document.as_str(), mark.code.clone())) {
            wrong.push(format!("{}: no file of fixtures/documents shows {}", mark.document, mark.code));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn beside(name: &str) -> Option<PathBuf> {
    ["../shared", "../../shared"].iter().map(|path| root().join(path).join(name)).find(|path| path.exists())
}

/// Codes that the document's own words earn, each with the lines of its blocks.
fn reported(documents: &[&str], folder: &Path) -> BTreeMap<String, Vec<usize>> {
    let mut reported: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for name in documents {
        let blocks = blocks::of(&std::fs::read_to_string(folder.join(name)).unwrap());
        for block in blocks.iter().filter(|block| block.is_config()) {
            let whole = block.whole(&blocks);
            let (_, found) = check(Path::new("document.cfg"), &whole.text);
            for its in found {
                let mut starts = its.labels.iter().map(|label| label.span.start as usize);
                if starts.any(|start| whole.own.iter().any(|own| own.contains(&start))) {
                    reported.entry(name_of(&its)).or_default().push(block.line);
                }
            }
        }
    }
    reported
}

/// Codes that the rows of a document earn with each of its configs that choose destinations.
fn reported_of_rows(documents: &[&str], folder: &Path) -> BTreeMap<String, Vec<usize>> {
    let mut reported: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let of_rows = regex::Regex::new(r"mistakes\.sql,.*title=([a-z0-9-]+)").unwrap();
    let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (config, rows) = (place.join("mistakes.cfg"), place.join("mistakes.sql"));
    for name in documents {
        let blocks = blocks::of(&std::fs::read_to_string(folder.join(name)).unwrap());
        for chooser in blocks.iter().filter(|block| block.is_config() && block.text().contains("ds_select")) {
            std::fs::write(&config, chooser.whole(&blocks).text).unwrap();
            for block in blocks.iter().filter(|block| block.is_rows()) {
                std::fs::write(&rows, block.text()).unwrap();
                let mut check = std::process::Command::new(env!("CARGO_BIN_EXE_alanui"));
                let output = check.args(["check", "--format", "github", "--database"]).args([&rows, &config]).output();
                let said = String::from_utf8_lossy(&output.unwrap().stdout).into_owned();
                for found in of_rows.captures_iter(&said) {
                    reported.entry(found[1].to_owned()).or_default().push(block.line);
                }
            }
        }
    }
    reported
}

#[test]
fn the_documents_own_blocks_are_found_out() {
    let Some(seeds) = beside("seeds") else { return };
    let (mut wrong, marks) = (Vec::new(), marks());
    for (letter, _, documents) in DOCUMENTS {
        let mut reported = reported(documents, &seeds);
        reported.extend(reported_of_rows(documents, &seeds));
        for mark in marks.iter().filter(|mark| mark.document == *letter && !mark.code.is_empty()) {
            match (reported.get(&mark.code), mark.why_not.is_empty()) {
                (None, true) => wrong.push(format!("{letter}: {} ({}) is not reported", mark.code, mark.idea)),
                (Some(lines), false) => {
                    wrong.push(format!(
                        "{letter}: {} is reported of the blocks at {lines:?}: {}",
                        mark.code, mark.why_not
                    ));
                }
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The rows of the list of ideas: name, marks.
fn ideas() -> Option<Vec<(String, String)>> {
    let list = std::fs::read_to_string(beside("LINTS.md")?).unwrap();
    let row =
        regex::Regex::new(r"(?m)^\| (`[a-z0-9-]+`(?: / `[a-z0-9-]+`)*) \| [EWSPVH/]+ \|.*\|([A-Z ]*)\|$").unwrap();
    let mut ideas = Vec::new();
    for found in row.captures_iter(&list) {
        ideas.extend(found[1].split(" / ").map(|idea| (idea.trim_matches('`').to_owned(), found[2].to_owned())));
    }
    assert!(ideas.len() > 150, "the list was not read");
    Some(ideas)
}

#[test]
fn the_marks_are_those_of_the_list() {
    let Some(ideas) = ideas() else { return };
    let is_document = |letter: &&str| DOCUMENTS.iter().any(|(its, ..)| its == letter);
    let listed: BTreeSet<_> = ideas
        .iter()
        .flat_map(|(idea, seen)| seen.split_whitespace().filter(is_document).map(|its| (its.to_owned(), idea.clone())))
        .collect();
    let marked: BTreeSet<_> = marks().into_iter().map(|mark| (mark.document, mark.idea)).collect();
    let gone: Vec<_> = marked.difference(&listed).collect();
    let new: Vec<_> = listed.difference(&marked).collect();
    assert!(gone.is_empty() && new.is_empty(), "not in the list {gone:?}, not in the marks {new:?}");
}

/// `fixtures/documents/ideas.tsv` holds the ideas that are no rule of that name: what reports them, or why nothing does.
#[test]
fn every_idea_is_a_rule_or_has_its_reason() {
    let text = std::fs::read_to_string(folder().join("ideas.tsv")).unwrap();
    let mut others = BTreeSet::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let cells: Vec<&str> = line.split('\t').collect();
        let &[idea, code, reason] = cells.as_slice() else { panic!("three cells: {line}") };
        assert!(alanui::lint::rule(idea).is_none(), "{idea} is a rule");
        assert!(code.is_empty() != reason.is_empty(), "{idea}: a name or a reason");
        assert!(code.is_empty() || config::codes::row(code).is_some(), "{idea}: there is no code {code}");
        others.insert(idea.to_owned());
    }
    let Some(ideas) = ideas() else { return };
    let known = |idea: &str| alanui::lint::rule(idea).is_some() || others.contains(idea);
    let missing: Vec<_> = ideas.iter().map(|(idea, _)| idea).filter(|idea| !known(idea)).collect();
    assert!(missing.is_empty(), "neither rules nor in ideas.tsv: {missing:?}");
    let gone: Vec<_> = others.iter().filter(|other| !ideas.iter().any(|(idea, _)| idea == *other)).collect();
    assert!(gone.is_empty(), "not in the list: {gone:?}");
}
