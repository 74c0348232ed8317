//! Random messages find what is planted in small configs, and nothing in the configs of the project.

use alanui::builtin::{Args, Context, Function, Module, Outcome, Routes};
use alanui::host::Disk;
use alanui::modules::MODULES;
use alanui::sim::{FuzzOptions, Fuzzed, PROPERTIES, Reading, fuzz, parse, play};
use alanui::source::{Sources, render};
use std::path::{Path, PathBuf};

const MESSAGES: u32 = 6000;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn run(config: PathBuf, scenario: Option<PathBuf>, messages: u32, modules: &'static [&'static Module]) -> Fuzzed {
    let options = FuzzOptions { config, scenario, messages, seed: 1, strict: false };
    let reading = Reading { files: &Disk, variable: &|_| None, unbuilt: Default::default() };
    let mut sources = Sources::default();
    fuzz(&options, &reading, modules, &mut sources)
        .unwrap_or_else(|faults| panic!("{}", render::human(&sources, &faults, false)))
}

fn planted() -> Vec<PathBuf> {
    let folder = root().join("fixtures/fuzz-planted");
    let entries = std::fs::read_dir(folder).expect("the folder of planted mistakes");
    let mut all: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    all.retain(|path| path.extension().is_some_and(|ending| ending == "cfg"));
    all.sort();
    all
}

/// Each config of the folder is named after the property that it breaks.
#[test]
fn what_is_planted_is_found_and_nothing_else() {
    for config in planted() {
        let name = config.file_stem().expect("a name").to_string_lossy().into_owned();
        let fuzzed = run(config.clone(), None, MESSAGES, MODULES);
        let mut found: Vec<&str> = fuzzed.findings.iter().map(|finding| finding.property.name).collect();
        found.dedup();
        assert_eq!(found, [name.as_str()], "{}", config.display());
        for finding in &fuzzed.findings {
            plays(&finding.scenario);
        }
    }
}

/// The scenario of a finding can be read and played.
fn plays(text: &str) {
    let folder = tempfile();
    let path = folder.join("found.call");
    std::fs::write(&path, text).expect("a scenario is written");
    let reading = Reading { files: &Disk, variable: &|_| None, unbuilt: Default::default() };
    let (mut sources, mut faults) = (Sources::default(), Vec::new());
    let scenarios = parse(&path, &reading, &mut sources, &mut faults).unwrap_or_default();
    assert!(faults.is_empty(), "{text}\n{}", render::human(&sources, &faults, false));
    for scenario in scenarios {
        let played = play(&scenario, &reading, MODULES, false, &mut sources);
        let played = played.unwrap_or_else(|faults| panic!("{text}\n{}", render::human(&sources, &faults, false)));
        assert!(played.failures.is_empty(), "{text}\n{}", played.ladder);
    }
    std::fs::remove_dir_all(folder).expect("the folder is removed");
}

fn tempfile() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("alanui-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for a scenario");
    folder
}

static TRAP: Module =
    Module { functions: &[SPRING], ..Module::new("trap", "Panics, which no module of alanui is meant to do.") };

const SPRING: Function =
    Function { names: &["spring"], args: &[], routes: Routes::ANY, run: spring, does: &[], doc: "Panics." };

fn spring(_: &mut Context, _: &Args) -> Outcome {
    panic!("the trap springs")
}

#[test]
fn a_panic_is_found_and_the_rest_goes_on() {
    let modules: Vec<&'static Module> = MODULES.iter().copied().chain([&TRAP]).collect();
    let fuzzed = run(root().join("fixtures/fuzz-crash/kamailio.cfg"), None, MESSAGES, Vec::leak(modules));
    let [finding] = fuzzed.findings.as_slice() else { panic!("{:?}", fuzzed.findings) };
    assert_eq!((finding.property.name, finding.what.as_str()), ("crash", "the trap springs"));
    assert!(finding.scenario.contains("  | PUBLISH sip:trap@"), "{}", finding.scenario);
}

/// What every property but three can be planted by: alanui answers no ACK whatever the script says, does not panic, and what it makes itself is read
/// alike (`src/sim/second_reader.rs` breaks that).
#[test]
fn every_property_has_a_config_that_breaks_it() {
    let names: Vec<String> =
        planted().iter().filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned())).collect();
    let missing: Vec<&str> =
        PROPERTIES.iter().map(|property| property.name).filter(|name| !names.iter().any(|its| its == name)).collect();
    assert_eq!(missing, ["crash", "answered-ack", "misread"]);
}

#[test]
fn one_seed_gives_one_result() {
    let config = root().join("fixtures/fuzz-planted/open-relay.cfg");
    let reported = || {
        let fuzzed = run(config.clone(), None, MESSAGES, MODULES);
        let texts: Vec<String> = fuzzed.findings.iter().map(|its| format!("{} {}", its.times, its.scenario)).collect();
        (texts, fuzzed.reached, fuzzed.kept)
    };
    let (first, second) = (reported(), reported());
    assert!(!first.0.is_empty());
    assert_eq!(first, second);
}

#[test]
fn the_configs_of_the_project_have_no_findings() {
    for (name, scenario) in [("anti-flood", "flood"), ("edge-router", "busy"), ("endpoint-tracking", "cancel")] {
        let folder = root().join("configs").join(name);
        let scenario = folder.join("scenarios").join(scenario).with_extension("call");
        let fuzzed = run(folder.join("kamailio.cfg"), Some(scenario), MESSAGES, MODULES);
        let reported: Vec<&String> = fuzzed.findings.iter().map(|finding| &finding.scenario).collect();
        assert!(reported.is_empty(), "{name}: {}", reported[0]);
        assert!(fuzzed.kept > 5, "{name}: hardly anything was reached");
    }
}
