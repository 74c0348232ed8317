//! How often `check` is wrong: warnings drawn at random from a corpus of public configs, each read in its file and marked by a person.
//!
//! `fixtures/sample/marks.tsv` has a row for each: the draw, the mark (`true`, `false`, or `useless`: right, and of no worth to anybody), whether it is
//! still given (`found`, `gone`), the rule, the config, the file and line when it stands in another, and a few words of the line. The shares come from the
//! marks; where the corpus lies beside the project every row is looked for in it, and `ALANUI_ACCEPT=1` writes what was found.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many of a hundred warnings may be false.
const MOST_FALSE: f64 = 3.0;

#[derive(Clone)]
struct Row {
    draw: u32,
    mark: String,
    now: String,
    rule: String,
    config: String,
    place: String,
    words: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn marks() -> PathBuf {
    root().join("fixtures/sample/marks.tsv")
}

fn rows() -> Vec<Row> {
    let text = std::fs::read_to_string(marks()).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let row = |line: &str| {
        let columns: Vec<&str> = line.split('\t').collect();
        let [draw, mark, now, rule, config, place, words] = columns[..] else { panic!("seven columns: {line}") };
        assert!(matches!(mark, "true" | "false" | "useless") && matches!(now, "found" | "gone"), "{line}");
        let [mark, now, rule, config, place, words] = [mark, now, rule, config, place, words].map(str::to_owned);
        Row { draw: draw.parse().unwrap(), mark, now, rule, config, place, words }
    };
    lines.map(row).collect()
}

#[test]
fn few_warnings_are_false() {
    let rows = rows();
    let draws: BTreeSet<u32> = rows.iter().map(|row| row.draw).collect();
    let last = *draws.last().unwrap();
    let mut reported = String::new();
    for draw in &draws {
        let of = |mark: &str| rows.iter().filter(|row| row.draw == *draw && row.mark == mark).count();
        let all = rows.iter().filter(|row| row.draw == *draw).count();
        let share = |count: usize| count as f64 * 100.0 / all as f64;
        let (wrong, useless) = (of("false"), of("useless"));
        let _ = writeln!(
            reported,
            "draw {draw}: {all} warnings, {wrong} false ({:.1} %), {useless} useless ({:.1} %)",
            share(wrong),
            share(useless)
        );
        if *draw == last {
            assert!(all >= 200, "{reported}too few to say anything");
            assert!(share(wrong) < MOST_FALSE, "{reported}");
        }
    }
    let mut by_rule: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.draw == last) {
        let counts = by_rule.entry(&row.rule).or_default();
        counts.0 += 1;
        counts.1 += usize::from(row.mark == "false");
    }
    for (rule, (all, wrong)) in by_rule {
        let _ = writeln!(reported, "  {rule}: {wrong} of {all} false");
    }
    println!("{reported}");
}

/// What the config says, the file and the line, or only the line when that is its own.
type Finding = (String, String, usize);

fn findings(corpus: &Path, config: &str) -> Vec<Finding> {
    let output = Command::new(env!("CARGO_BIN_EXE_alanui"))
        .args(["check", "--format", "json", config])
        .current_dir(corpus)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let reported = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let found = reported.filter_map(|reported| {
        let (code, file) = (reported["code"].as_str()?.to_owned(), reported["file"].as_str()?.to_owned());
        Some((code, file, reported["line"].as_u64()? as usize))
    });
    found.collect()
}

#[test]
fn the_marks_speak_of_what_is_found() {
    let Some(corpus) = ["../shared/corpus/configs", "../../shared/corpus/configs"]
        .iter()
        .map(|path| root().join(path))
        .find(|path| path.exists())
    else {
        return;
    };
    let rows = rows();
    let configs: Vec<&str> = BTreeSet::from_iter(rows.iter().map(|row| row.config.as_str())).into_iter().collect();
    let (next, reported) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(config) = configs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = findings(&corpus, config);
                    reported.lock().unwrap().insert(*config, found);
                }
            });
        }
    });
    let reported = reported.into_inner().unwrap();
    let mut lines: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut page = String::from(
        "# draw, mark, given now, rule, config, file:line, words of the line; see tests/suite/sample.rs\n",
    );
    let mut wrong = Vec::new();
    for row in &rows {
        let (file, line) = row.place.rsplit_once(':').unwrap();
        let file = if file.is_empty() { &row.config } else { file };
        let text = lines.entry(file.to_owned()).or_insert_with(|| {
            let text = std::fs::read(corpus.join(file)).unwrap_or_default();
            String::from_utf8_lossy(&text).lines().map(str::to_owned).collect()
        });
        let line: usize = line.parse().unwrap();
        let is_there = text.get(line - 1).is_some_and(|text| text.contains(&row.words));
        assert!(is_there, "{file}:{line} does not hold {}: mark it anew", row.words);
        let found =
            reported[row.config.as_str()].iter().any(|(code, at, of)| *code == row.rule && at == file && *of == line);
        let now = if found { "found" } else { "gone" };
        if now != row.now {
            wrong.push(format!("{} ({}) at {file}:{line} is {now}", row.rule, row.mark));
        }
        let Row { draw, mark, rule, config, place, words, .. } = row;
        let _ = writeln!(page, "{draw}\t{mark}\t{now}\t{rule}\t{config}\t{place}\t{words}");
    }
    if std::env::var_os("ALANUI_ACCEPT").is_some() {
        std::fs::write(marks(), page).unwrap();
    }
    assert!(wrong.is_empty(), "run again with ALANUI_ACCEPT=1 and judge what it changes:\n{}", wrong.join("\n"));
}

/// The stock files of Debian's 5.6.3 and of the newest release: what is said of them is right.
#[test]
fn the_stock_files_are_told_nothing_false() {
    let corpus = ["../shared/corpus/configs", "../../shared/corpus/configs"].map(|path| root().join(path));
    let mut stock = vec![PathBuf::from("/etc/kamailio/kamailio.cfg")];
    stock.extend(corpus.iter().map(|path| path.join("kamailio__kamailio/etc/kamailio.cfg")));
    // Without WITH_AUTH anybody may register, and the database's password is the one that the package brings.
    let right = ["register-without-auth", "default-password"];
    for path in stock.iter().filter(|path| path.exists()) {
        for words in ["", "WITH_AUTH WITH_NAT WITH_MYSQL", "WITH_MYSQL WITH_AUTH WITH_IPAUTH WITH_USRLOCDB WITH_PSTN"] {
            let defines = words.split_whitespace().flat_map(|word| ["-A", word]);
            let output = Command::new(env!("CARGO_BIN_EXE_alanui"))
                .args(["check", "--format", "json"])
                .args(defines)
                .arg(path)
                .output()
                .unwrap();
            for line in String::from_utf8_lossy(&output.stdout).lines() {
                let reported: Value = serde_json::from_str(line).unwrap();
                let code = reported["code"].as_str().unwrap_or_default();
                let is_right = reported["level"] == "note" || code.starts_with("unsupported-") || right.contains(&code);
                assert!(is_right, "{} with {words}: {line}", path.display());
            }
        }
    }
}
