//! The variants of a config that its `#!ifdef`s make: as few as read every branch once.
//!
//! A branch is reached by defining some words and leaving others undefined. Beside the config as it is, one variant defines every switch
//! at once; then each branch that was read in none gets a variant of its own. Words that carry values, or that stand in the text outside of
//! directives, are no switches and stay as they are.

use crate::config::Config;
use crate::config::ast::Conditional;
use crate::source::{FileId, Sources};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// No config has more variants than this looked at.
const MOST: usize = 300;

/// One branch of a conditional, the same in every variant.
type Branch = (PathBuf, u32, bool);

/// Calls `look` with the name, the words to define and the words to keep undefined of each variant beside the config as it is.
pub(super) fn each(
    base: &Config,
    sources: &Sources,
    mut look: impl FnMut(String, Vec<String>, Vec<String>) -> (Config, Sources),
) {
    let switches = switches(base, sources);
    let defined: BTreeSet<&str> =
        base.tree.defined.iter().filter_map(|(word, _)| std::str::from_utf8(word).ok()).collect();
    let mut read = BTreeSet::new();
    let mut open = BTreeMap::new();
    note(base, sources, &switches, &mut read, &mut open);
    let every: Vec<String> = switches.iter().filter(|word| !defined.contains(word.as_str())).cloned().collect();
    if every.len() > 1 {
        let name = format!("with {}", every.join(", "));
        let (config, sources) = look(name, every, Vec::new());
        note(&config, &sources, &switches, &mut read, &mut open);
    }
    for _ in 0..MOST {
        let Some((branch, wanted)) = open.iter().find(|(branch, _)| !read.contains(*branch)) else { break };
        let (branch, wanted): (Branch, BTreeMap<String, bool>) = (branch.clone(), wanted.clone());
        let words = |on: bool| wanted.iter().filter(move |(_, its)| **its == on).map(|(word, _)| word.clone());
        let with: Vec<String> = words(true).filter(|word| !defined.contains(word.as_str())).collect();
        let without: Vec<String> = words(false).collect();
        read.insert(branch);
        if with.is_empty() && without.is_empty() {
            continue;
        }
        let part = |what: &str, list: &[String]| {
            if list.is_empty() { String::new() } else { format!("{what} {}", list.join(", ")) }
        };
        let name = [part("with", &with), part("without", &without)];
        let name = name.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(", ");
        let (config, sources) = look(name, with, without);
        note(&config, &sources, &switches, &mut read, &mut open);
    }
}

/// Notes which branches a variant read, and how every branch can be reached.
fn note(
    config: &Config,
    sources: &Sources,
    switches: &BTreeSet<String>,
    read: &mut BTreeSet<Branch>,
    open: &mut BTreeMap<Branch, BTreeMap<String, bool>>,
) {
    let all = &config.tree.conditionals;
    for conditional in all {
        let place = |first| (sources.path(conditional.span.file).to_path_buf(), conditional.span.start, first);
        if conditional.read.0 {
            read.insert(place(true));
        }
        if conditional.read.1 {
            read.insert(place(false));
        }
        for first in [true, false] {
            if (first || conditional.has_else)
                && let Some(wanted) = wanted(all, conditional, first, switches)
            {
                open.insert(place(first), wanted);
            }
        }
    }
}

/// What must be defined, and what must not be, for a branch to be read. `None` when no switches reach it.
fn wanted(
    all: &[Conditional],
    conditional: &Conditional,
    first: bool,
    switches: &BTreeSet<String>,
) -> Option<BTreeMap<String, bool>> {
    let mut wanted = BTreeMap::new();
    let (mut at, mut first) = (conditional, first);
    loop {
        let word = String::from_utf8(at.word.clone()?).ok()?;
        let on = at.when_defined == first;
        let is_switch = switches.contains(&word);
        if is_switch && wanted.insert(word, on).is_some_and(|before| before != on) {
            return None;
        }
        if !is_switch && !(if first { at.read.0 } else { at.read.1 }) {
            return None;
        }
        match at.inside.and_then(|(outer, in_first)| Some((all.get(outer)?, in_first))) {
            Some((outer, in_first)) => (at, first) = (outer, in_first),
            None => return Some(wanted),
        }
    }
}

/// The words that only conditionals ask for.
fn switches(config: &Config, sources: &Sources) -> BTreeSet<String> {
    let asked = config.tree.conditionals.iter().filter_map(|conditional| conditional.word.clone());
    let mut words: BTreeSet<String> = asked.filter_map(|word| String::from_utf8(word).ok()).collect();
    // ACCDB_COMMENT of the stock configuration switches off text that is no config.
    words.retain(|word| !word.starts_with("MOD_") && !word.starts_with("KAMAILIO_") && !word.contains("COMMENT"));
    for (word, has_value) in &config.tree.defined {
        if *has_value && let Ok(word) = std::str::from_utf8(word) {
            words.remove(word);
        }
    }
    for file in sources.files() {
        outside(sources, file, &mut words);
    }
    words
}

/// Takes out the words that stand on lines which are no directives.
fn outside(sources: &Sources, file: FileId, words: &mut BTreeSet<String>) {
    for line in sources.text(file).split(|&byte| byte == b'\n') {
        let trimmed = line.trim_ascii_start();
        if trimmed.starts_with(b"#") || trimmed.starts_with(b"!!") || trimmed.starts_with(b"//") {
            continue;
        }
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        for word in line.split(|&byte| !is_word(byte)).filter(|word| !word.is_empty()) {
            if let Ok(word) = std::str::from_utf8(word) {
                words.remove(word);
            }
        }
    }
}
