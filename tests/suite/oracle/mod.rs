//! The same messages through a real Kamailio and through alanui; what arrives at every peer must be the same bytes, but for
//! what [`normalise`] names. `tests/oracle/README.md` says how the sequences are written and run.

mod generated;
mod line;
mod normalise;
mod peers;
mod play;
mod relay;
mod rows;
mod sequence;
pub(super) mod server;
mod verdict;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use play::{Pace, Record};
use sequence::Sequence;
use server::Program;

/// Sequences that are played at the same time. Each runs two servers that mostly wait.
const PLAYERS: usize = 4;

/// Where the sequences and the configurations lie.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle")
}

/// Past the capture of the test harness: the last line is for everybody, also when all is well.
fn say(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

#[test]
fn alanui_puts_on_the_wire_what_kamailio_does() {
    let sequences = sequences();
    if !Program::Kamailio.installed() {
        say(&format!(
            "\noracle: KAMAILIO IS NOT INSTALLED. Nothing was compared: {} sequences wait for it.\n",
            sequences.len()
        ));
        return;
    }
    let other = if std::env::var_os("ALANUI_ORACLE_SELF").is_some() { Program::Kamailio } else { Program::Alanui };
    let show = std::env::var_os("ALANUI_ORACLE_SHOW").is_some();

    let next = AtomicUsize::new(0);
    let reports = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..PLAYERS {
            scope.spawn(|| {
                while let Some(sequence) = sequences.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let report = match compare(sequence, other, show, Pace::Brisk) {
                        // What comes late on a busy machine is missing from a record, or stands in it at another place; a
                        // difference of behaviour is there however long one waits.
                        Report { differs: true, .. } => {
                            Report { twice: true, ..compare(sequence, other, show, Pace::Patient) }
                        }
                        report => report,
                    };
                    reports.lock().unwrap().push((&sequence.file, sequence.line, report));
                }
            });
        }
    });

    let mut reports = reports.into_inner().unwrap();
    reports.sort();
    let mut differences = 0;
    for (.., report) in &reports {
        differences += usize::from(report.differs);
        say(&report.text);
    }
    let deliberate = reports.iter().filter(|(.., report)| report.deliberate).count();
    say(&format!("\noracle: {deliberate} sequences differ on purpose, each for the reason above\n"));
    let twice: Vec<_> = reports.iter().filter(|(.., report)| report.twice && !report.differs).collect();
    if !twice.is_empty() {
        say(&format!("oracle: {} were alike at the second look only, with more time for each step:\n", twice.len()));
        twice.iter().for_each(|(file, line, _)| say(&format!("  {file}:{line}\n")));
    }
    say(&format!("oracle: {} compared, {differences} differences\n", reports.len() - deliberate));
    assert_eq!(reports.len(), sequences.len(), "a sequence could not be played");
    assert_eq!(differences, 0, "{other:?} differs from Kamailio");
}

/// Every sequence, or those whose `file: name` holds the text of `ALANUI_ORACLE_ONLY`.
fn sequences() -> Vec<Sequence> {
    let mut files: Vec<_> = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "seq"));
    files.sort();
    let mut all: Vec<_> = files.iter().flat_map(|path| sequence::read(path)).collect();
    if let Ok(only) = std::env::var("ALANUI_ORACLE_ONLY") {
        all.retain(|sequence| sequence.title().contains(&only));
    }
    all
}

/// What is said about one sequence.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Report {
    differs: bool,
    deliberate: bool,
    /// The first look was too quick, or found a difference.
    twice: bool,
    text: String,
}

fn compare(sequence: &Sequence, other: Program, show: bool, pace: Pace) -> Report {
    let (theirs, ours) = std::thread::scope(|scope| {
        let theirs = scope.spawn(|| play::play(sequence, Program::Kamailio, pace));
        let strict = sequence.strict && other == Program::Alanui;
        let ours = play::play(sequence, if strict { Program::Strict } else { other }, pace);
        (theirs.join().unwrap(), ours)
    });
    let mut text = String::new();
    let (theirs, ours) = match (theirs, ours) {
        (Ok(theirs), Ok(ours)) => (theirs, ours),
        (theirs, ours) => {
            for (program, outcome) in [(Program::Kamailio, theirs), (other, ours)] {
                if let Err(reason) = outcome {
                    let _ = writeln!(text, "\n=== {}\n{program:?} could not be played: {reason}", sequence.title());
                }
            }
            return Report { differs: true, deliberate: false, twice: false, text };
        }
    };
    if show {
        let _ = write!(text, "\n=== {}\n{}", sequence.title(), theirs.text());
    }
    let difference = difference(&theirs, &ours);
    let differs = !difference.is_empty();
    match &sequence.deliberate {
        Some(reason) if differs && other == Program::Alanui => {
            let _ = write!(text, "\ndeliberate: {}: {reason}", sequence.title());
            return Report { differs: false, deliberate: true, twice: false, text };
        }
        Some(_) if other == Program::Alanui => {
            let _ = writeln!(text, "\n=== {}: no difference; take the word `deliberate` away", sequence.title());
            return Report { differs: true, deliberate: false, twice: false, text };
        }
        _ => {}
    }
    if differs {
        let _ = write!(text, "\n=== {} (- Kamailio, + {other:?})\n{difference}", sequence.title());
    }
    Report { differs, deliberate: false, twice: false, text }
}

/// The lines in which two records differ, each message whole. Empty when they are the same.
fn difference(theirs: &Record, ours: &Record) -> String {
    let mut text = String::new();
    for (name, wanted) in &theirs.peers {
        let got = ours.peers.iter().find(|(other, _)| other == name).map(|(_, got)| got.as_slice()).unwrap_or_default();
        for index in 0..wanted.len().max(got.len()) {
            let (wanted, got) = (wanted.get(index), got.get(index));
            if wanted == got {
                continue;
            }
            let _ = writeln!(text, "--- {name}, message {}", index + 1);
            let (wanted, got) = (wanted.map_or("", String::as_str), got.map_or("", String::as_str));
            for change in similar::TextDiff::from_lines(wanted, got).iter_all_changes() {
                let line = change.value().trim_end_matches('\n');
                let _ = writeln!(text, "{} {line}", change.tag());
            }
        }
    }
    text
}
