//! `alanui test`: plays scenarios and compares what happens with what was accepted.

use crate::host::Disk;
use crate::modules::MODULES;
use crate::sim::{self, Reading};
use crate::source::{Sources, render};
use clap::Args;
use similar::{ChangeTag, TextDiff};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// What to play and how.
#[derive(Args, Debug, Clone, Default)]
pub struct TestOptions {
    /// Scenarios (`*.call`), or folders that are searched for them.
    #[arg(required = true, value_name = "DIR|FILE")]
    pub paths: Vec<PathBuf>,
    /// Write what happens as the accepted ladder beside each scenario.
    #[arg(long)]
    pub accept: bool,
    /// Play only scenarios whose path contains this.
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,
    /// Switch all extensions off, as `run --strict` does.
    #[arg(long)]
    pub strict: bool,
}

/// How many scenarios came out how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// What happened is what was accepted.
    pub passed: usize,
    /// Something else happened, nothing was accepted yet, or an expectation was not met.
    pub failed: usize,
    /// The scenario cannot be read, or its config has errors.
    pub unreadable: usize,
}

/// Plays the scenarios and writes to standard output. Exits with 0 when all passed, 1 when something differs, 2 when a scenario or its config has
/// mistakes.
pub(super) fn run(options: &TestOptions) -> u8 {
    let stdout = io::stdout();
    let color = stdout.is_terminal();
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    match test(options, &variable, color, &mut stdout.lock()) {
        Ok(Summary { unreadable: 1.., .. }) | Err(_) => super::UNREADABLE,
        Ok(Summary { failed: 1.., .. }) => super::BAD,
        Ok(_) => super::GOOD,
    }
}

/// Plays the scenarios and writes to `out`; `variable` gives what `$NAME` in their paths stands for.
///
/// # Errors
/// A folder cannot be read, or `out` not be written.
pub fn test(
    options: &TestOptions,
    variable: &dyn Fn(&str) -> Option<PathBuf>,
    color: bool,
    out: &mut dyn Write,
) -> io::Result<Summary> {
    let mut found = Vec::new();
    for path in &options.paths {
        if let Err(fault) = find(path, &mut found) {
            writeln!(out, "{}: {fault}", path.display())?;
            return Err(fault);
        }
    }
    let (mut found, ladders): (Vec<_>, Vec<_>) = found.into_iter().partition(|path| !has_ending(path, "ladder"));
    for ladder in ladders.iter().filter(|ladder| !found.contains(&ladder.with_extension("call"))) {
        writeln!(out, "note: {} belongs to no scenario", ladder.display())?;
    }
    found.sort();
    found.dedup();
    if let Some(filter) = &options.filter {
        found.retain(|path| path.to_string_lossy().contains(filter.as_str()));
    }
    let mut summary = Summary::default();
    let mut told = Vec::new();
    for path in &found {
        match one(path, options, variable, color, &mut told, out)? {
            Verdict::Passed => summary.passed += 1,
            Verdict::Failed => summary.failed += 1,
            Verdict::Unreadable => summary.unreadable += 1,
        }
    }
    write!(out, "{} passed, {} failed", summary.passed, summary.failed)?;
    if summary.unreadable > 0 {
        write!(out, ", {} could not be played", summary.unreadable)?;
    }
    writeln!(out)?;
    Ok(summary)
}

fn has_ending(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|its| its == ending)
}

enum Verdict {
    Passed,
    Failed,
    Unreadable,
}

fn find(path: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    if !path.is_dir() {
        std::fs::metadata(path)?;
        found.push(path.to_owned());
        return Ok(());
    }
    for entry in std::fs::read_dir(path)? {
        let inner = entry?.path();
        if inner.is_dir() {
            find(&inner, found)?;
        } else if has_ending(&inner, "call") || has_ending(&inner, "ladder") {
            found.push(inner);
        }
    }
    Ok(())
}

fn one(
    path: &Path,
    options: &TestOptions,
    variable: &dyn Fn(&str) -> Option<PathBuf>,
    color: bool,
    told: &mut Vec<String>,
    out: &mut dyn Write,
) -> io::Result<Verdict> {
    let reading = Reading { files: &Disk, variable };
    let (mut sources, mut diagnostics) = (Sources::default(), Vec::new());
    let scenario = sim::parse(path, &reading, &mut sources, &mut diagnostics);
    let played = match scenario {
        Some(scenario) => sim::play(&scenario, &reading, MODULES, options.strict, &mut sources),
        None => Err(diagnostics),
    };
    let played = match played {
        Ok(played) => played,
        Err(faults) => {
            writeln!(out, "cannot play {}", path.display())?;
            // Scenarios of one config that has mistakes would all repeat them.
            let drawn = render::human(&sources, &faults, color);
            if told.contains(&drawn) {
                writeln!(out, "  for the reasons given above")?;
            } else {
                write!(out, "{drawn}")?;
                told.push(drawn);
            }
            return Ok(Verdict::Unreadable);
        }
    };
    let place = path.with_extension("ladder");
    if !played.failures.is_empty() {
        writeln!(out, "FAILED {}", path.display())?;
        write!(out, "{}", render::human(&sources, &played.failures, color))?;
        writeln!(out, "its ladder, which is not accepted:\n\n{}", played.ladder)?;
        return Ok(Verdict::Failed);
    }
    let accepted = std::fs::read_to_string(&place).ok();
    if accepted.as_ref() == Some(&played.ladder) {
        writeln!(out, "ok     {}", path.display())?;
        return Ok(Verdict::Passed);
    }
    if options.accept {
        std::fs::write(&place, &played.ladder)?;
        writeln!(out, "accept {}", path.display())?;
        return Ok(Verdict::Passed);
    }
    writeln!(out, "FAILED {}", path.display())?;
    match accepted {
        Some(accepted) => difference(&accepted, &played.ladder, color, out)?,
        None => writeln!(out, "  nothing is accepted yet: read this, then give --accept\n\n{}", played.ladder)?,
    }
    Ok(Verdict::Failed)
}

/// A unified difference: what was accepted against what happens.
fn difference(accepted: &str, happens: &str, color: bool, out: &mut dyn Write) -> io::Result<()> {
    const CONTEXT: usize = 3;
    let (red, green, dim, plain) =
        if color { ("\x1b[31m", "\x1b[32m", "\x1b[2m", "\x1b[0m") } else { ("", "", "", "") };
    writeln!(out, "{red}--- accepted{plain}\n{green}+++ happens{plain}")?;
    let diff = TextDiff::from_lines(accepted, happens);
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        write!(out, "{dim}{}{plain}", hunk.header())?;
        writeln!(out)?;
        for change in hunk.iter_changes() {
            let (mark, ink) = match change.tag() {
                ChangeTag::Delete => ('-', red),
                ChangeTag::Insert => ('+', green),
                ChangeTag::Equal => (' ', ""),
            };
            let line = change.value().trim_end_matches('\n');
            writeln!(out, "{ink}{mark}{line}{}", if ink.is_empty() { "" } else { plain })?;
        }
    }
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_shows_both_sides() {
        let mut out = Vec::new();
        difference("a\nb\nc\n", "a\nx\nc\n", false, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "--- accepted\n+++ happens\n@@ -1,3 +1,3 @@\n a\n-b\n+x\n c\n\n");
    }
}
