//! Every name under which something is reported has a row that says what it means.

use alanui::config::codes;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The sources below `folder`.
pub(crate) fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Names given to diagnostics in the sources of what `check` runs.
fn reported() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    for folder in ["config", "lint", "command"] {
        files(&root.join(folder), &mut paths);
    }
    paths.retain(|path| !path.ends_with("codes.rs") && !path.components().any(|part| part.as_os_str() == "tests"));
    let call =
        r#"(?:Diagnostic::(?:error|warning)|Diagnostic::new|self\.error|mistake)\(\s*(?:[\w:]+,\s*)?"([a-z-]+)""#;
    let field = r#"code: "([a-z-]+)",\s*fault"#;
    let pattern = regex::Regex::new(&format!("{call}|{field}")).unwrap();
    let mut names = BTreeSet::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        for found in pattern.captures_iter(text) {
            names.extend(found.get(1).or(found.get(2)).map(|name| name.as_str().to_owned()));
        }
    }
    names
}

#[test]
fn every_code_has_a_row() {
    let names = reported();
    assert!(names.len() > 40, "the sources were not read: {names:?}");
    let missing: Vec<_> = names.iter().filter(|name| codes::row(name).is_none()).collect();
    assert!(missing.is_empty(), "add rows to src/config/codes.rs for {missing:?}");
}

#[test]
fn rows_are_sorted_and_no_rule_shares_their_name() {
    let names: Vec<_> = codes::CODES.iter().map(|row| row.code).collect();
    assert!(names.is_sorted(), "src/config/codes.rs is in alphabetical order");
    let shared: Vec<_> = names.iter().filter(|name| alanui::lint::rule(name).is_some()).collect();
    assert!(shared.is_empty(), "{shared:?} are rules too");
}
