//! What real Kamailio 5.6.3 did with some thousand snippets, and what alanui does with them.
//!
//! `fixtures/semantics/*.tsv` are cases that are always played; the whole collection is read from `../shared` when it is there. A row that
//! cannot agree is named in `fixtures/semantics/exceptions.tsv` with the reason, and must go on disagreeing.

mod flow;
mod row;
mod snippet;

use row::{Context, Row};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/semantics")
}

/// Past the capture of the test harness.
fn say(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

#[test]
fn snippets_do_what_kamailio_did() {
    let mut rows = Vec::new();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "tsv") && !path.ends_with("exceptions.tsv") {
            rows.extend(row::read(&std::fs::read_to_string(&path).unwrap()));
        }
    }
    assert!(rows.len() > 40, "fixtures/semantics holds only {} rows", rows.len());
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut shared = ["../shared", "../../shared"].iter().map(|up| root.join(up).join("kamailio/semantics.tsv"));
    if let Some(text) = shared.find_map(|path| std::fs::read_to_string(path).ok()) {
        rows.extend(row::read(&text));
    }
    if let Ok(only) = std::env::var("ALANUI_SEMANTICS_ONLY") {
        rows.retain(|row| only.split(',').any(|only| row.id == only || row.category == only));
    }
    let exceptions = exceptions();
    let outcomes = play_all(&rows);

    let mut differences = 0;
    let mut text = String::new();
    for (row, got) in rows.iter().zip(&outcomes) {
        match (row.differs(got), exceptions.get(row.id.as_str())) {
            (false, None) | (true, Some(_)) => {}
            (true, None) => {
                differences += 1;
                let _ = writeln!(
                    text,
                    "\n{} {}: {}\n  {}\n  Kamailio: {}\n  alanui:   {got}",
                    row.id, row.category, row.note, row.snippet, row.observed
                );
            }
            (false, Some(reason)) if reason.starts_with("waits") => {
                let _ = writeln!(text, "{}: has come good; take it out of exceptions.tsv ({reason})", row.id);
            }
            (false, Some(reason)) => {
                differences += 1;
                let _ = writeln!(text, "\n{}: no difference; take it out of exceptions.tsv ({reason})", row.id);
            }
        }
    }
    say(&text);
    say(&format!("\nsemantics: {} rows, {differences} differences\n", rows.len()));
    assert_eq!(differences, 0, "alanui differs from Kamailio");
}

/// Rows that cannot agree, with the reason.
fn exceptions() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(folder().join("exceptions.tsv")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let pairs = lines.map(|line| line.split_once('\t').expect("an id, a tab and a reason"));
    pairs.map(|(id, reason)| (id.to_owned(), reason.to_owned())).collect()
}

fn play_all(rows: &[Row]) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(vec![String::new(); rows.len()]);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            // The deepest rows recurse in the parser.
            let thread = std::thread::Builder::new().stack_size(8 << 20);
            let work = || {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(row) = rows.get(at) else { return };
                    let got = match row.context {
                        Context::RouteBody => snippet::route_body(row),
                        Context::Config => snippet::config(row),
                        Context::Flow => flow::play(row),
                    };
                    outcomes.lock().unwrap()[at] = got;
                }
            };
            thread.spawn_scoped(scope, work).unwrap();
        }
    });
    outcomes.into_inner().unwrap()
}
