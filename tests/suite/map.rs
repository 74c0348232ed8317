//! The map in `src/lib.rs` says who may use whom; this holds it against the code.

use super::documents::same;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The table of the map: each folder with those it may use.
fn allowed() -> BTreeMap<String, Vec<String>> {
    let map = fs::read_to_string(root().join("src/lib.rs")).expect("src/lib.rs");
    let after = map.split("named behind it:").nth(1).expect("the table of the map");
    let table = after.split("```").nth(1).expect("the table is fenced");
    let lines = table
        .lines()
        .map(|line| line.trim_start_matches("//!").trim())
        .filter(|line| !line.is_empty() && *line != "text");
    lines
        .map(|line| {
            let mut words = line.split_whitespace().map(str::to_owned);
            (words.next().expect("a name"), words.filter(|word| word != "-").collect())
        })
        .collect()
}

/// Folders (or the one file) of the crate that a file of `name` uses, with the line.
fn uses(name: &str) -> Vec<(PathBuf, usize, String)> {
    let mut found = Vec::new();
    let folder = root().join("src").join(name);
    let mut files = vec![folder.with_extension("rs")];
    files.extend(rust_files(&folder));
    for file in files.into_iter().filter(|file| file.exists()) {
        for (at, line) in code(&file).lines().enumerate() {
            for piece in line.split("crate::").skip(1) {
                let path: String = piece
                    .chars()
                    .take_while(|letter| letter.is_alphanumeric() || *letter == '_' || *letter == ':')
                    .collect();
                let used = path.split("::").next().unwrap_or_default().to_owned();
                found.push((file.clone(), at + 1, used));
            }
        }
    }
    found
}

/// The lines of a file without tests; those of comments are empty.
fn code(file: &Path) -> String {
    if file.ends_with("tests.rs") || file.ends_with("bench.rs") || file.iter().any(|part| part == "tests") {
        return String::new();
    }
    let text = fs::read_to_string(file).expect("a source file");
    // A test module in a file of its own is declared among the others.
    let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let lines = text[..end].lines().map(|line| if line.trim_start().starts_with("//") { "" } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths
        .flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|its| its == "rs"))
        .collect()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn dependencies_point_one_way() {
    let allowed = allowed();
    assert!(allowed.len() > 8, "the table was not read");
    let mut wrong = Vec::new();
    for (name, may) in &allowed {
        for (file, line, used) in uses(name) {
            let fine = !allowed.contains_key(&used) || used == *name || may.contains(&used);
            if !fine {
                wrong.push(format!("{}:{line}: {name} uses {used}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "against the map in src/lib.rs:\n{}", wrong.join("\n"));
}

#[test]
fn every_folder_stands_in_the_map() {
    let allowed = allowed();
    let entries = fs::read_dir(root().join("src")).expect("src");
    for entry in entries {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let empty = path.is_dir() && rust_files(&path).is_empty();
        if !["main", "lib"].contains(&name.as_str()) && !empty {
            assert!(allowed.contains_key(&name), "{name} is missing in the map of src/lib.rs");
        }
    }
}

#[test]
fn only_the_host_asks_the_operating_system() {
    let forbidden =
        ["Instant::now", "SystemTime::now", "std::net::UdpSocket", "thread::spawn", "thread::sleep", "tokio::"];
    let mut wrong = Vec::new();
    for file in rust_files(&root().join("src")) {
        let path = file.display().to_string();
        if path.contains("/src/host/") || path.contains("/src/command/") || path.ends_with("/main.rs") {
            continue;
        }
        let text = fs::read_to_string(&file).expect("a source file");
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            for word in forbidden {
                if line.contains(word) {
                    wrong.push(format!("{path}:{}: {word}", at + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What there is to know of a transport is a row; who lists their names beside it forgets the next one.
#[test]
fn transports_are_named_in_one_place() {
    let rows = root().join("src/sip/transport.rs");
    let mut wrong = Vec::new();
    for file in rust_files(&root().join("src")).into_iter().filter(|file| *file != rows) {
        let code = code(&file);
        let lines = code.lines().enumerate().filter(|(_, line)| line.to_ascii_lowercase().contains("\"tcp\""));
        wrong.extend(lines.map(|(at, line)| format!("{}:{}: {}", file.display(), at + 1, line.trim())));
    }
    assert!(wrong.is_empty(), "write Transport::Tcp and ask it for its name:\n{}", wrong.join("\n"));
    assert!(fs::read_to_string(rows).expect("the rows").contains("\"tcp\""));
}

/// What there is to know of a function stands on its row. Whoever asks for it by name elsewhere forgets its aliases and the next function like it.
#[test]
fn functions_are_named_in_one_place() {
    // Words of other things too: directives, options, kinds of events, operations of a text.
    let words_of_their_own = ["error", "log", "replace", "route", "search", "subst"];
    let rows = alanui::modules::MODULES.iter().flat_map(|module| module.functions);
    let names: std::collections::BTreeSet<&str> =
        rows.flat_map(|row| row.names).copied().filter(|name| !words_of_their_own.contains(name)).collect();
    let modules = root().join("src/modules");
    let mut wrong = Vec::new();
    for file in rust_files(&root().join("src")).into_iter().filter(|file| !file.starts_with(&modules)) {
        for (at, line) in code(&file).lines().enumerate() {
            let mut tell = |word: &str| wrong.push(format!("{}:{}: {word}", file.display(), at + 1));
            line.split('"').skip(1).step_by(2).filter(|word| names.contains(word)).for_each(&mut tell);
            // What begins like several of them names these as well.
            let begins = line.split("name.text.starts_with(\"").skip(1).filter_map(|rest| rest.split('"').next());
            begins.filter(|word| names.iter().any(|name| name.starts_with(word))).for_each(&mut tell);
        }
    }
    assert!(wrong.is_empty(), "{} times, ask the row what it does:\n{}", wrong.len(), wrong.join("\n"));
}

/// Files of a folder, and folders in it, each with the code that is its own.
fn units(folder: &Path) -> BTreeMap<String, Vec<PathBuf>> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let named = entries.map(|path| (path.file_stem().expect("a name").to_string_lossy().into_owned(), path));
    let mut units: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for (name, path) in named.filter(|(name, _)| !["mod", "lib", "main", "tests", "snapshots"].contains(&name.as_str()))
    {
        let files = if path.is_dir() { rust_files(&path) } else { vec![path] };
        units.entry(name).or_default().extend(files);
    }
    units
}

/// Whether code names what stands behind a path: `super::name`, or within braces behind it.
fn names(code: &str, path: &str, name: &str) -> bool {
    let is_end = |rest: &str| !rest.starts_with(|letter: char| letter.is_alphanumeric() || letter == '_');
    let at_path = code.match_indices(path).filter(|(at, _)| !code[..*at].ends_with([':', '_']));
    at_path.map(|(at, _)| &code[at + path.len()..]).any(|rest| match rest.strip_prefix('{') {
        Some(list) => list
            .split('}')
            .next()
            .unwrap_or_default()
            .split(',')
            .any(|part| part.trim().strip_prefix(name).is_some_and(is_end)),
        None => rest.strip_prefix(name).is_some_and(is_end),
    })
}

/// Groups of units that reach each other.
fn circles(uses: &BTreeMap<String, Vec<String>>) -> Vec<Vec<String>> {
    let reaches = |from: &str| {
        let (mut seen, mut open) = (std::collections::BTreeSet::new(), vec![from]);
        while let Some(unit) = open.pop() {
            open.extend(uses[unit].iter().map(String::as_str).filter(|its| seen.insert(its.to_string())));
        }
        seen
    };
    let reached: BTreeMap<&str, _> = uses.keys().map(|unit| (unit.as_str(), reaches(unit))).collect();
    let mut groups: Vec<Vec<String>> = Vec::new();
    for (unit, its) in reached.iter().filter(|(unit, its)| its.contains(**unit)) {
        if groups.iter().flatten().all(|known| known != unit) {
            groups.push(its.iter().filter(|other| reached[other.as_str()].contains(*unit)).cloned().collect());
        }
    }
    groups
}

/// Circles between the files of a folder, in every folder: those that are left. The list may only get shorter.
#[test]
fn circles_between_files_are_known() {
    let root = root().join("src");
    let mut folders = vec![root.clone()];
    let mut reported = String::new();
    while let Some(folder) = folders.pop() {
        let inner = fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").path());
        folders.extend(inner.filter(|path| path.is_dir()));
        folders.sort_by(|one, other| other.cmp(one));
        let units = units(&folder);
        if folder == root || units.len() < 2 {
            continue;
        }
        let within = folder.strip_prefix(&root).expect("below src");
        let path: String = within.iter().map(|part| format!("{}::", part.to_string_lossy())).collect();
        let uses: BTreeMap<String, Vec<String>> = units
            .iter()
            .map(|(unit, files)| {
                let code: Vec<(String, String)> = files
                    .iter()
                    .map(|file| {
                        let depth = file.strip_prefix(&folder).expect("below it").iter().count();
                        let depth = if file.ends_with("mod.rs") { depth - 1 } else { depth };
                        (code(file), "super::".repeat(depth))
                    })
                    .collect();
                let is_used = |other: &&String| {
                    let crate_path = format!("crate::{path}");
                    *other != unit
                        && code.iter().any(|(code, up)| names(code, up, other) || names(code, &crate_path, other))
                };
                (unit.clone(), units.keys().filter(is_used).cloned().collect())
            })
            .collect();
        for group in circles(&uses) {
            reported.push_str(&format!("src/{}: {}\n", within.display(), group.join(" ")));
        }
    }
    same("tests/suite/circles.txt", &reported);
}

/// What the files of a folder give each struct, by where it is defined: its methods, and those that they call on it.
fn methods(folder: &Path) -> BTreeMap<(PathBuf, String), BTreeMap<PathBuf, Methods>> {
    let files: Vec<(PathBuf, String)> =
        rust_files(folder).into_iter().map(|file| (file.clone(), code(&file))).collect();
    let word = |rest: &str| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().map(str::to_owned);
    let shared = |one: &Path, other: &Path| one.iter().zip(other).take_while(|(one, other)| one == other).count();
    // Structs of one name: a file means its own, or the one that stands nearest.
    let defined = |name: &str, file: &Path| {
        let defines = |code: &str| {
            let heads = ["struct ", "enum "].map(|head| format!("{head}{name}"));
            code.lines().any(|line| {
                heads.iter().any(|head| {
                    let rest = line.split_once(head.as_str()).filter(|_| !line.starts_with(' '));
                    rest.is_some_and(|(_, rest)| !rest.starts_with(|c: char| c.is_alphanumeric()))
                })
            })
        };
        let all = files.iter().filter(|(_, code)| defines(code)).map(|(path, _)| path);
        all.max_by_key(|path| (*path == file, shared(path, file))).cloned()
    };
    let mut all: BTreeMap<(PathBuf, String), BTreeMap<PathBuf, Methods>> = BTreeMap::new();
    for (file, code) in &files {
        let mut own = None;
        for line in code.lines() {
            if let Some(rest) = line.strip_prefix("impl") {
                let name = rest.split_whitespace().find(|word| word.starts_with(char::is_uppercase));
                let name = name.map(|name| name.split('<').next().unwrap_or_default());
                let name = name.filter(|_| !rest.contains(" for "));
                own = name.and_then(|name| Some((defined(name, file)?, name.to_owned())));
            } else if line.starts_with('}') {
                own = None;
            }
            let Some(own) = &own else { continue };
            let its = all.entry(own.clone()).or_default().entry(file.clone()).or_default();
            if line.starts_with("    ") && !line.starts_with("     ") {
                its.named.extend(line.split_once("fn ").and_then(|(_, rest)| word(rest)));
            }
            its.called.extend(line.split("self.").skip(1).filter_map(word));
        }
    }
    all
}

#[derive(Default)]
struct Methods {
    named: std::collections::BTreeSet<String>,
    called: std::collections::BTreeSet<String>,
}

/// A struct that a dozen files extend is a place where everything may call everything.
#[test]
fn methods_of_a_struct_stand_in_few_files() {
    const MOST: usize = 4;
    let folders = fs::read_dir(root().join("src")).expect("src").map(|entry| entry.expect("an entry").path());
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for folder in folders.filter(|path| path.is_dir()) {
        for ((_, name), files) in methods(&folder) {
            let with = files.iter().filter(|(_, its)| !its.named.is_empty());
            let with: Vec<_> = with.map(|(file, _)| file.display().to_string()).collect();
            seen = seen.max(with.len());
            if with.len() > MOST {
                wrong.push(format!("{name}: {}", with.join(" ")));
            }
        }
    }
    assert!(wrong.is_empty(), "methods in more than {MOST} files:\n{}", wrong.join("\n"));
    assert!(seen > 1, "no methods were found");
}

/// In the node what a step has to have done above it, it says: methods call those of files below theirs alone.
#[test]
fn methods_of_the_node_call_one_way() {
    let mut wrong = String::new();
    let all = methods(&root().join("src/node"));
    for ((_, name), files) in &all {
        let file_of = |file: &Path| file.file_stem().expect("a name").to_string_lossy().into_owned();
        let uses: BTreeMap<String, Vec<String>> = files
            .iter()
            .map(|(file, its)| {
                let others = files.iter().filter(|(other, _)| *other != file);
                let used = others.filter(|(_, other)| !other.named.is_disjoint(&its.called));
                (file_of(file), used.map(|(other, _)| file_of(other)).collect())
            })
            .collect();
        for group in circles(&uses) {
            wrong.push_str(&format!("{name}: {}\n", group.join(" ")));
        }
    }
    assert!(wrong.is_empty(), "files that call each other:\n{wrong}");
    assert!(all.values().any(|files| files.len() == 4), "the methods of the node were not found");
}
