//! Every rule of `check` has a file that says where it fires and where it stays silent, and the accepted words of what it says.
//!
//! `fixtures/lint/<code>.cfg` holds lines marked `# fires` (or a line `# fires below` before them) and near misses marked `# silent`; what needs
//! a file of its own stands in `<code>.silent.cfg`, in which the rule must not fire at all, or in `<code>.also.cfg`, marked like the first. `<code>.list` is a
//! list of destinations that the case names, `<code>.txt` what is shown.

use super::documents::same;
use alanui::builtin::Extensions;
use alanui::config::{self, Additions};
use alanui::modules::MODULES;
use alanui::source::{Diagnostic, Files, Sources, render};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The files of the disk, some of them with other text.
#[derive(Default)]
struct Disk(Vec<(PathBuf, Vec<u8>)>);

impl Files for Disk {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        match self.0.iter().find(|(changed, _)| changed == path) {
            Some((_, text)) => Ok(text.clone()),
            None => std::fs::read(path),
        }
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/lint")
}

/// What check says of a file under this code. A first line `# target 5.6` names the release it is meant for.
fn findings(path: &Path, code: &str) -> (Sources, Vec<Diagnostic>) {
    findings_in(&Disk::default(), path, code)
}

fn findings_in(disk: &Disk, path: &Path, code: &str) -> (Sources, Vec<Diagnostic>) {
    let (mut sources, mut diagnostics) = (Sources::default(), Vec::new());
    let additions = Additions::default();
    let extensions = Extensions::default();
    let loaded = config::load(path, disk, &additions, MODULES, extensions, &mut sources, &mut diagnostics);
    let text = std::fs::read_to_string(path).unwrap();
    let (rows, files) = alanui::lint::destinations::of_list(&loaded, disk, &mut sources);
    alanui::lint::check_destinations(&loaded, &sources, &rows, &files, &mut diagnostics);
    let first = text.lines().next().unwrap_or_default();
    let target = first.strip_prefix("# target ").map(|release| alanui::lint::Release::read(release).unwrap());
    alanui::lint::check(&loaded, &sources, target, &mut diagnostics);
    diagnostics.retain(|diagnostic| diagnostic.code == code);
    diagnostics.sort_by_key(|diagnostic| diagnostic.labels.first().map(|label| label.span));
    (sources, diagnostics)
}

/// A line of a file, as the names of both end.
type Place = (String, usize);

fn lines(sources: &Sources, diagnostics: &[Diagnostic]) -> BTreeSet<Place> {
    let spans = diagnostics.iter().filter_map(|diagnostic| Some(diagnostic.labels.first()?.span));
    spans.map(|span| (ending(sources.path(span.file)), sources.line_column(span.file, span.start).0)).collect()
}

fn ending(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().into_owned()
}

/// Lines on which the file, or the list of destinations beside it, says that the rule fires.
fn marked(path: &Path) -> BTreeSet<Place> {
    let mut marked = BTreeSet::new();
    for path in [path, &path.with_extension("list")] {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        for (at, line) in text.lines().enumerate().map(|(at, line)| (at, line.trim_end())) {
            if line.ends_with("fires below") {
                marked.insert((ending(path), at + 2));
            } else if line.ends_with("# fires") {
                marked.insert((ending(path), at + 1));
            }
        }
    }
    marked
}

/// What a case holds: the file and the list of destinations beside it.
fn words(path: &Path) -> String {
    let list = std::fs::read_to_string(path.with_extension("list")).unwrap_or_default();
    std::fs::read_to_string(path).unwrap_or_default() + &list
}

#[test]
fn every_rule_fires_where_it_should_and_nowhere_else() {
    let mut wrong = Vec::new();
    for rule in alanui::lint::rules() {
        let code = rule.code;
        let path = folder().join(format!("{code}.cfg"));
        if !path.exists() {
            wrong.push(format!("{code}: there is no {}", path.display()));
            continue;
        }
        let silent = folder().join(format!("{code}.silent.cfg"));
        for path in [&path, &folder().join(format!("{code}.also.cfg"))].into_iter().filter(|path| path.exists()) {
            let (sources, diagnostics) = findings(path, code);
            let (found, wanted) = (lines(&sources, &diagnostics), marked(path));
            if found != wanted || wanted.is_empty() {
                wrong.push(format!("{}: fires on lines {found:?}, marked are {wanted:?}", path.display()));
            }
            let shown = render::human(&sources, &diagnostics, false);
            let root = format!("{}/", env!("CARGO_MANIFEST_DIR"));
            let accepted = path.with_extension("txt").display().to_string().replace(&root, "");
            same(&accepted, &shown.replace(&root, ""));
        }
        if silent.exists() {
            let (sources, diagnostics) = findings(&silent, code);
            if !diagnostics.is_empty() {
                wrong.push(format!("{code}: the silent file fires on lines {:?}", lines(&sources, &diagnostics)));
            }
        } else if !words(&path).contains("# silent") {
            wrong.push(format!("{code}: no near miss"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_case_belongs_to_a_rule() {
    for entry in std::fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        let code = name.split('.').next().unwrap_or_default();
        let belongs = alanui::lint::rule(code).is_some() || code == "include";
        assert!(belongs, "fixtures/lint/{name} belongs to no rule");
    }
}

#[test]
fn a_fix_mends_what_it_is_for() {
    let (mut wrong, mut mended) = (Vec::new(), 0);
    for rule in alanui::lint::rules() {
        let path = folder().join(format!("{}.cfg", rule.code));
        let (sources, found) = findings(&path, rule.code);
        let fixed = found.iter().filter(|its| !its.fixes.is_empty()).count();
        if fixed == 0 {
            continue;
        }
        let mut text = std::fs::read(&path).unwrap();
        let mut fixes: Vec<_> = found.iter().flat_map(|its| &its.fixes).collect();
        fixes.sort_by_key(|fix| std::cmp::Reverse(fix.span.start));
        for fix in fixes {
            assert_eq!(sources.path(fix.span.file), path, "{}: a fix in another file", rule.code);
            text.splice(fix.span.start as usize..fix.span.end as usize, fix.text.bytes());
        }
        let (_, left) = findings_in(&Disk(vec![(path.clone(), text)]), &path, rule.code);
        if left.len() != found.len() - fixed {
            wrong.push(format!("{}: {} findings, {fixed} with a fix, {} left", rule.code, found.len(), left.len()));
        }
        mended += fixed;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(mended > 0, "no rule has a fix");
}

/// A file and the changes made to it: where, how many bytes go, which line of all files comes.
type Change = (prop::sample::Index, usize, prop::sample::Index);

/// The text of every case.
fn cases() -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "cfg"));
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

fn changed(mut text: Vec<u8>, lines: &[&[u8]], changes: &[Change]) -> Vec<u8> {
    for (place, gone, line) in changes {
        let start = place.index(text.len() + 1);
        let end = (start + gone).min(text.len());
        text.splice(start..end, line.get(lines).iter().copied());
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_stops_a_rule(
        case in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0usize..30, any::<prop::sample::Index>()), 0..8),
        release in prop::option::of((5u8..7, 0u8..9)),
    ) {
        let all = cases();
        let lines: Vec<&[u8]> = all.iter().flat_map(|text| text.split(|byte| *byte == b'\n')).collect();
        let text = changed(case.get(&all).clone(), &lines, &changes);
        let path = PathBuf::from("changed.cfg");
        let disk = Disk(vec![(path.clone(), text)]);
        let (mut sources, mut found) = (Sources::default(), Vec::new());
        let (additions, extensions) = (Additions::default(), Extensions::default());
        let loaded = config::load(&path, &disk, &additions, MODULES, extensions, &mut sources, &mut found);
        let target = release.map(|(major, minor)| alanui::lint::Release { major, minor });
        alanui::lint::check(&loaded, &sources, target, &mut found);
        let spans = found.iter().flat_map(|its| its.labels.iter().map(|label| label.span).chain(its.fixes.iter().map(|fix| fix.span)));
        for span in spans {
            prop_assert!(span.start <= span.end && span.end as usize <= sources.text(span.file).len(), "{span:?}");
        }
        render::human(&sources, &found, false);
    }
}
