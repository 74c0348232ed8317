//! Pages of `docs/` that repeat what stands in rows are made from the rows.

use alanui::builtin::EXTENSIONS;
use std::fmt::Write as _;
use std::path::Path;

#[test]
fn the_page_of_extensions_is_made_from_their_rows() {
    let mut page = String::from(
        "# Extensions\n\n\
         Where documents say one thing and Kamailio does another, alanui follows the documents: each time through an extension with a\n\
         name. `alanui check FILE` names those that a file relies on, `alanui check --strict` makes errors of them, and\n\
         `alanui run --strict` switches all of them off: then it is Kamailio to the letter.\n\n\
         | extension | what Kamailio does, and what alanui does |\n| --- | --- |\n",
    );
    for row in EXTENSIONS {
        let _ = writeln!(page, "| `{}` | {} |", row.name, row.sentence.replace('|', "\\|"));
    }
    same("docs/extensions.md", &page);
}

/// Holds a page against what it is made from; with `ALANUI_ACCEPT=1` it is written instead.
pub(super) fn same(path: &str, wanted: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("ALANUI_ACCEPT").is_some() {
        std::fs::write(&path, wanted).unwrap();
    }
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    let diff = similar::TextDiff::from_lines(page.as_str(), wanted);
    let diff = diff.unified_diff().header("the page", "its rows").to_string();
    assert!(diff.is_empty(), "{}: run again with ALANUI_ACCEPT=1\n{diff}", path.display());
}
