//! What commands do with a config, but for running it, done to any bytes: shared by the suite and the fuzz target.

use alanui::builtin::Extensions;
use alanui::chart::{self, Chart};
use alanui::config::{Additions, load};
use alanui::format::format;
use alanui::modules::MODULES;
use alanui::source::{Diagnostic, Files, Sources, render};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Files in memory; a folder full of one file is a loop of includes.
pub(crate) struct Table(pub(crate) BTreeMap<PathBuf, Vec<u8>>);

impl Files for Table {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.0.get(path).cloned().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }
}

/// How much is done with a config.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Depth {
    /// It is checked: enough for what is slow without optimisation.
    Once,
    /// Everything.
    Full,
}

/// Does with a config whatever commands do, but for running it. Spans lie in their files, and a second time says the same.
pub(crate) fn survives(files: &Table, depth: Depth) -> Vec<Diagnostic> {
    let path = Path::new("main.cfg");
    let check = || {
        let (mut sources, mut found) = (Sources::default(), Vec::new());
        let additions = Additions::default();
        let config = load(path, files, &additions, MODULES, Extensions::default(), &mut sources, &mut found);
        alanui::lint::check(&config, &sources, None, &mut found);
        let mut started = found.clone();
        config.start(None, &mut started);
        (config, sources, started)
    };
    let (config, sources, found) = check();
    for label in found.iter().flat_map(|found| &found.labels) {
        assert!(label.span.start <= label.span.end);
        assert!(label.span.end as usize <= sources.text(label.span.file).len());
    }
    render::human(&sources, &found, true);
    render::json(&sources, &found);
    if depth == Depth::Once {
        return found;
    }
    assert_eq!(check().2, found, "twice read, said otherwise");
    let chart = Chart::new(&config.tree, MODULES);
    chart::text(&chart, &sources);
    chart::dot(&chart);
    chart::svg(&chart, &sources);
    let text = files.read(path).unwrap_or_default();
    match format(path, &text, files) {
        Ok(once) => assert_eq!(format(path, &once, files).ok().as_ref(), Some(&once), "another pass changes it"),
        Err(refusal) => {
            assert!(
                refusal.diagnostics.iter().all(|found| found.code != "format-differs"),
                "{:?}",
                refusal.diagnostics
            );
        }
    }
    found
}

pub(crate) fn one(text: impl Into<Vec<u8>>) -> Table {
    Table(BTreeMap::from([(PathBuf::from("main.cfg"), text.into())]))
}
