//! Tests of the way from files to the tree.

mod random;
mod summary;

use super::*;
use crate::source::{Diagnostic, Files, Level, Sources, render};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Files in memory.
struct Table(BTreeMap<PathBuf, Vec<u8>>);

impl Files for Table {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.0.get(path).cloned().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }
}

/// Files of the disk.
struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }
}

fn parse_text(text: impl Into<Vec<u8>>) -> (ast::Config, Vec<Diagnostic>, Sources) {
    let files = Table(BTreeMap::from([(PathBuf::from("main.cfg"), text.into())]));
    let (mut sources, mut diagnostics) = (Sources::default(), Vec::new());
    let config = parse_config(Path::new("main.cfg"), &files, &Options::default(), &mut sources, &mut diagnostics);
    (config, diagnostics, sources)
}

/// The files of `fixtures/syntax`, by their names alone.
struct Fixtures;

impl Files for Fixtures {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/syntax").join(path))
    }
}

/// Each file of `fixtures/syntax` against the tree and the findings that were accepted for it.
#[test]
fn fixtures() {
    insta::with_settings!({snapshot_path => "../../../fixtures/syntax", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::glob!("../../../fixtures/syntax", "*.cfg", |path| {
            let (mut sources, mut diagnostics) = (Sources::default(), Vec::new());
            let environment = |name: &str| (name == "SET").then(|| b"a value".to_vec());
            let options = Options { lines: vec![CommandLine::Define("GIVEN=7".into())], environment: Some(&environment), ..Options::default() };
            let name = Path::new(path.file_name().unwrap());
            let config = parse_config(name, &Fixtures, &options, &mut sources, &mut diagnostics);
            let drawn = render::human(&sources, &diagnostics, false);
            insta::assert_snapshot!(format!("{}\n{drawn}", summary::summary(&config)));
        });
    });
}

fn shared(below: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = ["../shared", "../../shared"].iter().map(|up| root.join(up).join(below)).find(|path| path.exists());
    if found.is_none() {
        println!("../shared/{below} is absent: nothing to walk");
    }
    found
}

#[test]
fn corpus() {
    let Some(list) = shared("corpus/configs.tsv") else { return };
    let root = list.parent().unwrap().join("configs");
    let text = std::fs::read_to_string(&list).unwrap();
    let (mut ok, mut clean) = (0, 0);
    for line in text.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let path = root.join(columns[2]);
        let (mut sources, mut diagnostics) = (Sources::default(), Vec::new());
        let environment = |_: &str| Some(b"1".to_vec());
        let options = Options { lines: Vec::new(), environment: Some(&environment), ..Options::default() };
        let config = parse_config(&path, &Disk, &options, &mut sources, &mut diagnostics);
        diagnostics.retain(|found| found.code.starts_with("syntax") && found.level == Level::Error);
        let drawn = render::human(&sources, &diagnostics, false);
        if columns[5] == "ok" {
            ok += 1;
            clean += usize::from(diagnostics.is_empty());
            if !diagnostics.is_empty() {
                println!("{}: {} items\n{drawn}", columns[2], config.items.len());
            }
        } else {
            println!("{} is refused by Kamailio: {}\n{drawn}", columns[2], columns[5]);
        }
    }
    println!("{clean} of {ok} configs that Kamailio takes have no syntax error");
    assert_eq!(clean, ok);
}

/// The text of a cell: escapes stand for themselves only between quotes.
fn cell(text: &str) -> String {
    let (mut result, mut quote, mut chars) = (String::new(), None, text.chars());
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', None) if chars.as_str().starts_with('\\') => result.push(c),
            ('\\', _) => match (chars.next(), quote) {
                (Some('n'), None) => result.push('\n'),
                (Some('t'), None) => result.push('\t'),
                (Some('r'), None) => result.push('\r'),
                (next, _) => result.extend(['\\'].into_iter().chain(next)),
            },
            ('"' | '\'', None) => {
                quote = Some(c);
                result.push(c);
            }
            (c, open) => {
                quote = open.filter(|open| *open != c);
                result.push(c);
            }
        }
    }
    result
}

/// What really starts must parse; what does not start may be refused later than here.
#[test]
fn semantics() {
    let Some(list) = shared("kamailio/semantics.tsv") else { return };
    let text = std::fs::read_to_string(list).unwrap();
    let (mut rows, mut refused) = (0, Vec::new());
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [id, context, _, snippet, observed, ..] = columns[..] else { continue };
        // A chain of files that is not spelled out, a quote that never closes in the cell, and a stray `$` that
        // Kamailio prints and skips.
        if ["id", "C0937", "C0872", "C1256"].contains(&id) {
            continue;
        }
        let mut parts = snippet.split(" ## ");
        let body = cell(parts.next().unwrap());
        let mut main = if context == "route-body" { format!("request_route {{\n{body}\n}}\n") } else { body };
        let (mut files, mut variables, mut lines) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        for (key, text) in parts.filter_map(|part| part.split_once(": ")) {
            match key {
                "AUX" | "GLOBAL" => main = format!("{}\n{main}", cell(text)),
                "FILES" => {
                    for (name, text) in text.split("}; ").filter_map(|file| file.split_once("={")) {
                        files.insert(PathBuf::from(name), cell(text.strip_suffix('}').unwrap_or(text)).into_bytes());
                    }
                }
                "ENV" => variables.extend(text.split_once('=')),
                "ARGS" => lines.push(CommandLine::Define(text.trim_start_matches("-A ").to_string())),
                _ => {}
            }
        }
        files.insert(PathBuf::from("main.cfg"), main.clone().into_bytes());
        let environment = |name: &str| variables.get(name).map(|value| value.as_bytes().to_vec());
        let options = Options { lines, environment: Some(&environment), ..Options::default() };
        let (mut sources, mut diagnostics) = (Sources::default(), Vec::new());
        parse_config(Path::new("main.cfg"), &Table(files), &options, &mut sources, &mut diagnostics);
        diagnostics.retain(|found| found.level == Level::Error);
        rows += 1;
        if observed.contains("also with -c") {
            continue;
        }
        if !diagnostics.is_empty() {
            refused.push(format!("{id} {main}{}", render::human(&sources, &diagnostics, false)));
        }
    }
    println!("{rows} rows, {} refused that start", refused.len());
    assert_eq!(refused, Vec::<String>::new(), "{}", refused.join("\n"));
}

/// Configs in documents and templates that are not in the list of the corpus.
#[test]
fn documents() {
    let mut texts = Vec::new();
    if let Some(notes) = shared("seeds/sip-router-notes.md") {
        let notes = std::fs::read_to_string(notes).unwrap();
        let blocks = notes.split("```kamailio\n").skip(1).filter_map(|rest| rest.split("\n```").next());
        let whole = blocks.filter(|block| block.contains("request_route"));
        texts.extend(whole.map(|block| format!("{block}\n").into_bytes()));
    }
    if let Some(configs) = shared("corpus/configs") {
        for folder in std::fs::read_dir(configs).unwrap().map(|entry| entry.unwrap().path()) {
            texts.extend(std::fs::read(folder.join("config/kamailio.cfg.template")).ok());
        }
    }
    for text in &texts {
        let (_, mut diagnostics, sources) = parse_text(text.clone());
        diagnostics.retain(|found| found.code.starts_with("syntax"));
        assert_eq!(diagnostics.len(), 0, "{}", render::human(&sources, &diagnostics, false));
    }
    println!("{} documents", texts.len());
}

/// Whatever lies in the corpus, config or not, is read to its end.
#[test]
fn every_file() {
    let Some(configs) = shared("corpus/configs") else { return };
    let (mut folders, mut read) = (vec![configs], 0);
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let (mut sources, mut diagnostics) = (Sources::default(), Vec::new());
            parse_config(&path, &Disk, &Options::default(), &mut sources, &mut diagnostics);
            render::human(&sources, &diagnostics, false);
            read += 1;
        }
    }
    println!("{read} files");
}
