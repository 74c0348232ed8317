//! The list file of the dispatcher.

use super::Destination;
use crate::config::Config;
use crate::config::ast::ParamValue;
use crate::source::{FileId, Files, Sources, Span};
use std::path::PathBuf;

/// The destinations of the list file that a config names, when it is there, with the file they stand in. One that is missing is no mistake of the
/// text: the start says so.
pub fn of_list(config: &Config, files: &dyn Files, sources: &mut Sources) -> (Vec<Destination>, Vec<FileId>) {
    let found = list_file(config).and_then(|path| Some((files.read(&path).ok()?, path)));
    let Some((text, path)) = found else { return (Vec::new(), Vec::new()) };
    let file = sources.add(path, text.as_slice());
    (read_list(&text, file), vec![file])
}

/// The list file that a config names, when it takes its destinations from one: a database goes before it.
fn list_file(config: &Config) -> Option<PathBuf> {
    let given = config.given_params();
    let param = |name: &[u8]| {
        let mut its =
            given.iter().filter(|(module, statement)| *module == "dispatcher" && *statement.name.value == *name);
        its.next_back().and_then(|(_, statement)| match &statement.value {
            ParamValue::Text(text) => Some(String::from_utf8_lossy(&text.value).into_owned()),
            ParamValue::Int(..) | ParamValue::Variable(_) => None,
        })
    };
    if param(b"db_url").is_some() { None } else { param(b"list_file").map(PathBuf::from) }
}

/// The destinations of a list: `set uri [flags [priority [attributes]]]` a line. A comment speaks of its line, or, alone, of the next.
fn read_list(text: &[u8], file: FileId) -> Vec<Destination> {
    let (mut found, mut above, mut start) = (Vec::new(), String::new(), 0);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let span = Span { file, start, end: start + line.trim_ascii_end().len() as u32 };
        start += line.len() as u32;
        let line = String::from_utf8_lossy(line.trim_ascii()).into_owned();
        if let Some(comment) = line.strip_prefix('#') {
            above = comment.to_lowercase();
            continue;
        }
        let above = std::mem::take(&mut above);
        let (row, comment) = line.split_once(" #").or_else(|| line.split_once("\t#")).unwrap_or((&line, ""));
        found.extend(destination(row, &format!("{above} {}", comment.to_lowercase()), span));
    }
    found
}

fn destination(row: &str, words: &str, span: Span) -> Option<Destination> {
    let mut parts = row.split_whitespace();
    let set = parts.next()?.parse().ok()?;
    let uri = parts.next()?.to_owned();
    let mut number = || parts.next().and_then(|part| part.parse().ok()).unwrap_or(0);
    let (flags, priority) = (number(), number());
    let attributes = parts.next().unwrap_or_default().to_owned();
    Some(Destination { set, uri, flags, priority, attributes, words: words.trim().to_owned(), span })
}
