//! What other crates use in their tests, and the workflow that the documentation offers.

use alanui::testing::play_scenarios;
use alanui::{assert_scenarios, report::Verdict};
use std::path::{Path, PathBuf};

fn folder(name: &str, calls: &[(&str, &str)]) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("alanui-testing-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let config = "loadmodule \"sl.so\"\nrequest_route { sl_send_reply(\"200\", \"OK\"); }\n";
    std::fs::write(folder.join("kamailio.cfg"), config).expect("a config");
    for (file, text) in calls {
        std::fs::write(folder.join(file), text).expect("a scenario");
    }
    folder
}

const CALL: &str = "config kamailio.cfg\npeer alice 192.0.2.10:5060\n\nalice sends OPTIONS sip:198.51.100.1\n";

#[test]
fn scenarios_that_pass_say_nothing() {
    assert_scenarios(Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/anti-flood/scenarios"));
}

#[test]
fn what_differs_is_in_the_panic() {
    let folder = folder("differs", &[("a.call", CALL), ("a.ladder", "nothing\n")]);
    let thrown = std::panic::catch_unwind(|| assert_scenarios(&folder)).expect_err("the ladder is another");
    let text = thrown.downcast_ref::<String>().expect("a text");
    assert!(text.contains("-nothing\n") && text.contains("++0.001    alanui -> alice  200 OK"), "{text}");
    std::fs::remove_dir_all(folder).expect("the folder is removed");
}

#[test]
fn an_empty_folder_is_a_mistake() {
    let folder = folder("empty", &[]);
    assert!(std::panic::catch_unwind(|| assert_scenarios(&folder)).is_err());
    assert!(play_scenarios(&folder).expect("a folder").is_empty());
    assert!(play_scenarios(folder.join("missing")).is_err());
    std::fs::remove_dir_all(folder).expect("the folder is removed");
}

#[test]
fn outcomes_are_given_and_nothing_is_written() {
    let folder = folder("outcomes", &[("a.call", CALL), ("b.call", "config kamailio.cfg\nnobody sends INVITE\n")]);
    let outcomes = play_scenarios(&folder).expect("a folder");
    let verdicts: Vec<Verdict> = outcomes.iter().map(|outcome| outcome.verdict).collect();
    assert_eq!(verdicts, [Verdict::New, Verdict::Unreadable]);
    assert!(!folder.join("a.ladder").exists());
    std::fs::remove_dir_all(folder).expect("the folder is removed");
}

/// Each command of the workflow is one that the command line takes.
#[test]
fn the_workflow_uses_commands_that_exist() {
    let page = include_str!("../../docs/github-actions.yml");
    assert!(!page.contains('\t'), "YAML knows no tabs");
    let commands: Vec<&str> = page
        .lines()
        .map(|line| line.trim().trim_start_matches("run: "))
        .filter(|line| line.starts_with("alanui "))
        .collect();
    assert!(commands.len() >= 4, "{commands:?}");
    for command in commands {
        if let Err(fault) = alanui::command::accepts(command.split_whitespace()) {
            panic!("{command}: {fault}");
        }
    }
}
