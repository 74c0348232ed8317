//! Scenarios as tests of another crate: one line in a `#[test]`.
//!
//! ```
//! alanui::assert_scenarios("configs/edge-router/scenarios");
//! ```
//!
//! `ALANUI_ACCEPT=1 cargo test` writes what happens as the accepted ladders, and so does insta's `INSTA_UPDATE=always`.

use crate::command::test::{TestOptions, outcomes};
use crate::report::Outcome;
use std::io;
use std::path::{Path, PathBuf};

/// Plays a scenario, or all of a folder, and panics unless all is as accepted. Paths are relative to where the test runs, which is the root of its
/// package.
///
/// # Panics
/// With what differs, fails or cannot be read, and when there is no scenario.
#[track_caller]
#[allow(clippy::panic, reason = "it is an assertion")]
pub fn assert_scenarios(path: impl AsRef<Path>) {
    let path = path.as_ref();
    let mut reported = Vec::new();
    let played = outcomes(&options(path), &variable, false, &mut reported);
    let reported = String::from_utf8_lossy(&reported);
    let fault = match &played {
        Ok(played) if played.is_empty() => format!("{} holds no scenario", path.display()),
        Ok(played) if played.iter().all(|outcome| outcome.verdict.is_good()) => return,
        Ok(_) => {
            let bad: String = reported.split_inclusive('\n').filter(|line| !line.starts_with("ok     ")).collect();
            format!("scenarios differ; ALANUI_ACCEPT=1 accepts what happens\n\n{bad}")
        }
        Err(fault) => format!("{} cannot be read: {fault}", path.display()),
    };
    panic!("{fault}");
}

/// Plays a scenario, or all of a folder, and gives what came of each: for tests that ask their own questions. A folder without scenarios gives none.
/// Nothing is accepted, and nothing fails: look at [`Outcome::verdict`].
///
/// ```
/// use alanui::report::Verdict;
///
/// let outcomes = alanui::testing::play_scenarios("configs/anti-flood/scenarios").unwrap();
/// assert!(outcomes.iter().all(|outcome| outcome.verdict == Verdict::Passed));
/// assert!(outcomes[0].ladder.contains("-> alanui"));
/// assert!(outcomes[0].coverage.lines().percent() > 50.0);
/// ```
///
/// # Errors
/// The file or folder cannot be read.
pub fn play_scenarios(path: impl AsRef<Path>) -> io::Result<Vec<Outcome>> {
    let options = TestOptions { accept: false, ..options(path.as_ref()) };
    outcomes(&options, &variable, false, &mut io::sink())
}

fn options(path: &Path) -> TestOptions {
    let is = |name: &str, wanted: &dyn Fn(&str) -> bool| std::env::var(name).is_ok_and(|value| wanted(&value));
    let accept = is("ALANUI_ACCEPT", &|value| !value.is_empty() && value != "0")
        || is("INSTA_UPDATE", &|value| value == "always");
    TestOptions { paths: vec![path.to_owned()], accept, ..TestOptions::default() }
}

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from)
}
