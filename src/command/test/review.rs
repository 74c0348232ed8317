//! `--review`: each difference in turn, a key for each.

use super::play::accept;
use crate::report::{Outcome, Verdict, difference};
use std::io::{self, Write};

/// What a key means.
enum Choice {
    Accept,
    AcceptAll,
    Skip,
    Quit,
}

/// Shows what differs or is new and asks `key` what to do about each.
///
/// # Errors
/// `out` cannot be written.
pub(super) fn review(
    outcomes: &mut [Outcome],
    color: bool,
    key: &mut dyn FnMut() -> Option<char>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let waits = |outcome: &&mut Outcome| matches!(outcome.verdict, Verdict::Changed | Verdict::New);
    let waiting: Vec<&mut Outcome> = outcomes.iter_mut().filter(waits).collect();
    let (all, mut take_all) = (waiting.len(), false);
    for (at, outcome) in waiting.into_iter().enumerate() {
        if !take_all {
            writeln!(out, "\n{} of {all}: {}", at + 1, outcome.path.display())?;
            match &outcome.accepted {
                Some(accepted) => {
                    writeln!(out, "{}", difference(["accepted", "happens"], accepted, &outcome.ladder, color))?;
                }
                None => writeln!(out, "nothing is accepted yet; this happens:\n\n{}", outcome.ladder)?,
            }
        }
        let choice = if take_all { Choice::Accept } else { ask(key, out)? };
        match choice {
            Choice::Accept => take(outcome, out)?,
            Choice::AcceptAll => {
                take_all = true;
                take(outcome, out)?;
            }
            Choice::Skip => writeln!(out, "skipped {}", outcome.path.display())?,
            Choice::Quit => return Ok(()),
        }
    }
    writeln!(out)
}

fn take(outcome: &mut Outcome, out: &mut dyn Write) -> io::Result<()> {
    accept(outcome);
    match outcome.verdict {
        Verdict::Accepted => writeln!(out, "accepted {}", outcome.path.display()),
        _ => write!(out, "{}", outcome.faults),
    }
}

fn ask(key: &mut dyn FnMut() -> Option<char>, out: &mut dyn Write) -> io::Result<Choice> {
    loop {
        write!(out, "a accept, s skip, A accept all that follow, q quit: ")?;
        out.flush()?;
        let pressed = key();
        writeln!(out, "{}", pressed.map(String::from).unwrap_or_default())?;
        return Ok(match pressed {
            Some('a' | 'y') => Choice::Accept,
            Some('A') => Choice::AcceptAll,
            Some('s' | 'n' | ' ') => Choice::Skip,
            Some('q') | None => Choice::Quit,
            Some(_) => continue,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn outcome(folder: &std::path::Path, name: &str, accepted: Option<&str>) -> Outcome {
        Outcome {
            path: folder.join(name),
            verdict: if accepted.is_some() { Verdict::Changed } else { Verdict::New },
            ladder: "b\n".to_owned(),
            accepted: accepted.map(str::to_owned),
            ..Outcome::unplayed(PathBuf::new())
        }
    }

    fn played(keys: &str) -> (String, Vec<Verdict>) {
        let folder = std::env::temp_dir().join(format!("alanui-review-{}-{}", std::process::id(), keys.len()));
        std::fs::create_dir_all(&folder).unwrap();
        let mut outcomes = [
            outcome(&folder, "1.call", Some("a\n")),
            outcome(&folder, "2.call", None),
            outcome(&folder, "3.call", None),
        ];
        let (mut keys, mut out) = (keys.chars(), Vec::new());
        review(&mut outcomes, false, &mut || keys.next(), &mut out).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        let text = String::from_utf8(out).unwrap().replace(&*folder.to_string_lossy(), "");
        (text, outcomes.iter().map(|outcome| outcome.verdict).collect())
    }

    #[test]
    fn a_key_for_each() {
        let (text, verdicts) = played("xasq");
        assert_eq!(verdicts, [Verdict::Accepted, Verdict::New, Verdict::New]);
        insta::assert_snapshot!(text);
    }

    #[test]
    fn all_that_follow() {
        assert_eq!(played("sA").1, [Verdict::Changed, Verdict::Accepted, Verdict::Accepted]);
    }
}
