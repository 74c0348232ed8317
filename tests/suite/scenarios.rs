//! Every scenario of `configs/` and of single functions, and those for configs of the corpus when it is there.

use alanui::command::test::{Summary, TestOptions, Variable, test};
use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn all_pass(folder: &str, variable: Variable) {
    let options = TestOptions { paths: vec![root().join(folder)], ..TestOptions::default() };
    let mut reported = Vec::new();
    let summary = test(&options, variable, false, &mut reported).expect("the folder of scenarios");
    let reported = String::from_utf8_lossy(&reported);
    assert!(summary.passed > 0, "{folder} holds no scenario");
    assert_eq!(summary, Summary { passed: summary.passed, ..Summary::default() }, "\n{reported}");
}

#[test]
fn scenarios_of_configs() {
    all_pass("configs", &|_| None);
}

#[test]
fn scenarios_reach_the_lines_of_configs() {
    for entry in std::fs::read_dir(root().join("configs")).expect("configs") {
        let path = entry.expect("an entry").path();
        let options = TestOptions { paths: vec![path], min_coverage: Some(95.0), ..TestOptions::default() };
        let mut reported = Vec::new();
        let summary = test(&options, &|_| None, false, &mut reported).expect("the folder of scenarios");
        assert!(!summary.uncovered, "{}", String::from_utf8_lossy(&reported));
    }
}

#[test]
fn scenarios_of_functions() {
    all_pass("fixtures/scenarios", &|_| None);
}

#[test]
fn scenarios_of_the_corpus() {
    let found = ["../shared", "../../shared"].iter().map(|up| root().join(up)).find(|path| path.exists());
    let Some(shared) = found else {
        println!("../shared is absent: nothing to play");
        return;
    };
    all_pass("tests/corpus-scenarios", &|name| (name == "SHARED").then(|| shared.clone()));
}
