//! Pages of `docs/` that repeat what stands in rows are made from the rows.

use alanui::builtin::{Changes, EXTENSIONS};
use alanui::lint::Severity;
use alanui::modules::MODULES;
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

#[test]
fn the_page_of_codes_is_made_from_their_rows() {
    let mut page = String::from(
        "# What check reports\n\n\
         Mistakes that keep a config from running, or that reading it brings to light, by name. What runs and is still wrong is found by rules,\n\
         which have [a page of their own](lints.md). `alanui explain NAME` prints either.\n\n\
         | code | what it means |\n| --- | --- |\n",
    );
    for row in alanui::config::codes::CODES {
        let _ = writeln!(page, "| `{}` | {} |", row.code, row.means.replace('|', "\\|"));
    }
    same("docs/codes.md", &page);
}

#[test]
fn the_page_of_rules_is_made_from_their_rows() {
    let mut page = String::from(
        "# Rules of check\n\n\
         Mistakes that Kamailio starts with, or finds only under load. Each rule has a name; `# alanui: allow(name) reason` at the end of a line, or\n\
         above a statement or a route, says that it is meant there, and `# alanui: allow-file(name) reason` says so for a whole file.\n\
         `--allow`, `--warn` and `--deny` take the name of a rule, a group, or `all`. `alanui explain NAME` prints what stands here.\n",
    );
    let groups = [
        (Severity::Error, "`run` refuses"),
        (Severity::Warning, "very likely not what is meant"),
        (Severity::Security, "somebody can abuse it"),
        (Severity::Performance, "it blocks or wastes"),
        (Severity::Portability, "other releases or servers take it differently"),
        (Severity::Hint, "worth knowing"),
    ];
    for (severity, means) in groups {
        let mut rules: Vec<_> = alanui::lint::rules().filter(|rule| rule.severity == severity).collect();
        rules.sort_by_key(|rule| rule.code);
        if rules.is_empty() {
            continue;
        }
        let _ = writeln!(page, "\n## {}: {means}", severity.group());
        for rule in rules {
            let _ = writeln!(page, "\n### {}\n\n{}\n\n{}\n\n{}\n", rule.code, rule.finds, rule.why, rule.instead);
            page.push_str(&example(rule.code));
            let _ = writeln!(page, "See {}", rule.reference);
        }
    }
    same("docs/lints.md", &page);
}

/// How many settings and parameters are read and have no effect. A figure may only become smaller.
const WITHOUT_EFFECT: [(Changes, usize); 5] = [
    (Changes::Wire, 67),
    (Changes::Reachability, 10),
    (Changes::State, 6),
    (Changes::Admission, 29),
    (Changes::Nothing, 244),
];

#[test]
fn the_page_of_settings_is_made_from_their_rows() {
    let mut page = String::from(
        "# Settings without effect\n\n\
         Core settings and module parameters that alanui reads, so that a config of Kamailio loads, and does not act on. `alanui check` warns of one whose\n\
         value asks for something else than is done, where that would be seen from outside: the rule is `no-effect`. The others stand in one note. A setting\n\
         that is not named here has an effect, and `alanui explain NAME` says which.\n",
    );
    let mut counted = WITHOUT_EFFECT.map(|(changes, _)| (changes, 0));
    for (changes, count) in &mut counted {
        let _ = writeln!(
            page,
            "\n## {}\n\n| name | of | as with | what it is about |\n| --- | --- | --- | --- |",
            heading(*changes)
        );
        for module in MODULES {
            for row in module.params.iter().filter(|row| row.inert.is_some_and(|inert| inert.changes == *changes)) {
                let like = row.effective().filter(|value| !value.is_empty()).map(|value| format!("`{value}`"));
                let (names, doc) = (row.names.join("`, `"), row.doc.replace('|', "\\|"));
                let _ = writeln!(page, "| `{names}` | {} | {} | {doc} |", module.name, like.unwrap_or_default());
                *count += 1;
            }
        }
    }
    same("docs/settings.md", &page);
    assert_eq!(counted, WITHOUT_EFFECT, "write the smaller figures into WITHOUT_EFFECT; larger ones are a step back");
}

fn heading(changes: Changes) -> String {
    match changes {
        Changes::Nothing => "Nobody outside would notice".to_owned(),
        Changes::Wire | Changes::Reachability | Changes::State | Changes::Admission => {
            format!("They would change {}", changes.words())
        }
    }
}

/// Whatever the page of promises names as holding one is there: a file, or a test.
#[test]
fn every_promise_is_held_by_something() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    for folder in ["src", "tests"] {
        super::codes::files(&root.join(folder), &mut paths);
    }
    let sources: Vec<String> = paths.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let page = std::fs::read_to_string(root.join("docs/promises.md")).unwrap();
    let promises = page.lines().filter(|line| line.starts_with("| **"));
    let mut count = 0;
    for promise in promises {
        let held_by = promise.trim_end_matches([' ', '|']).rsplit('|').next().unwrap();
        let names: Vec<&str> = held_by.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "nothing holds: {promise}");
        for name in names {
            let is_test = || sources.iter().any(|text| text.contains(&format!("fn {name}(")));
            assert!(root.join(name).is_file() || is_test(), "there is no {name}");
        }
        count += 1;
    }
    assert!(count > 15, "{count} promises: the page is laid out otherwise");
}

/// What the rule says of its own case: the first finding.
fn example(code: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/lint/{code}.txt"));
    let text = std::fs::read_to_string(path).unwrap_or_default();
    match text.split("\n\n").next().filter(|first| !first.is_empty()) {
        Some(first) => format!("```text\n{}\n```\n\n", first.trim_end().replace("fixtures/lint/", "")),
        None => String::new(),
    }
}

/// The figures of the corpus are those that the command prints, when the corpus is there.
#[test]
fn the_page_of_the_corpus_is_what_the_command_prints() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found =
        ["../shared/corpus", "../../shared/corpus"].iter().map(|path| root.join(path)).find(|path| path.exists());
    let Some(corpus) = found else { return };
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_alanui"))
        .args(["corpus", "--top", "20"])
        .arg(corpus)
        .output()
        .unwrap();
    let page = format!(
        "# Real configs\n\n\
         What alanui makes of 212 configurations of public repositories, as `alanui corpus DIR` prints it: which are read, which would run, and what\n\
         is missing for the rest. `kamailio -c` of 5.6.3 was asked about each with the modules of its Debian packages.\n\n{}",
        String::from_utf8_lossy(&output.stdout)
    );
    same("docs/corpus.md", &page);
}

/// The pages for who comes to the code name files; each is there.
#[test]
fn every_file_that_a_page_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages: Vec<_> =
        ["README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/life-of-a-request.md"].map(|page| root.join(page)).into();
    pages.extend(std::fs::read_dir(root.join("docs/decisions")).unwrap().map(|entry| entry.unwrap().path()));
    let (mut count, mut wrong) = (0, Vec::new());
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        // What stands in backticks, and where links lead.
        let quoted = text.split('`').skip(1).step_by(2);
        let linked = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for (path, from) in quoted.map(|path| (path, root)).chain(linked.map(|path| (path, page.parent().unwrap()))) {
            let is_path = ["src/", "tests/", "fixtures/", "docs/", "configs/", "decisions/"]
                .iter()
                .any(|start| path.starts_with(start));
            let is_one = !path.contains(|letter: char| letter.is_whitespace() || "<*$".contains(letter))
                && !path.contains("NAME")
                && !path.contains("CODE");
            if is_path && is_one {
                count += 1;
                if !from.join(path.split('#').next().unwrap_or_default()).exists() {
                    wrong.push(format!("{}: {path}", page.display()));
                }
            }
        }
    }
    assert!(count > 50, "only {count} files were looked for");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
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
