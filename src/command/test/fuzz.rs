//! `alanui test --fuzz`: random messages through a config, held against what a server must never do.

use super::{TestOptions, Variable};
use crate::command::{BAD, GOOD, UNREADABLE};
use crate::host::{Disk, Stopwatch};
use crate::modules::MODULES;
use crate::report::Coverage;
use crate::sim::{self, Finding, FuzzOptions, Fuzzed, Reading};
use crate::source::{Sources, render};
use clap::Args;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// What `--fuzz` takes.
#[derive(Args, Debug, Clone, Default)]
pub struct FuzzArgs {
    /// Send random messages through this config instead of playing scenarios, and report what a server must never do: crash, loop, relay for
    /// anybody, answer an ACK, answer twice, send what is malformed. Each as a scenario with the plainest message that shows it.
    #[arg(long, value_name = "FILE.cfg", conflicts_with_all = ["paths", "accept", "against", "filter", "review", "watch"])]
    pub fuzz: Option<PathBuf>,
    /// How many messages.
    #[arg(long, value_name = "NUMBER", default_value_t = 20_000, requires = "fuzz")]
    pub messages: u32,
    /// What all randomness follows from: one seed, one result.
    #[arg(long, value_name = "NUMBER", default_value_t = 1, requires = "fuzz")]
    pub seed: u64,
    /// Take databases, defines, DNS, listeners and the calendar from this scenario; what happens in it is left out.
    #[arg(long, value_name = "FILE.call", requires = "fuzz")]
    pub scenario: Option<PathBuf>,
}

/// Sends the messages and tells what was found. Exits with 0 when nothing was, 1 when something was, 2 when the config cannot run.
pub(super) fn run(
    config: &Path,
    options: &TestOptions,
    variable: Variable,
    color: bool,
    out: &mut dyn Write,
) -> io::Result<u8> {
    let mut sources = Sources::default();
    let reading = Reading { files: &Disk, variable, unbuilt: options.unbuilt.allowed() };
    let given = FuzzOptions {
        config: config.to_owned(),
        scenario: options.fuzz.scenario.clone(),
        messages: options.fuzz.messages,
        seed: options.fuzz.seed,
        strict: options.strict,
    };
    tell_each_panic_once();
    let watch = Stopwatch::start();
    let fuzzed = sim::fuzz(&given, &reading, MODULES, &mut sources);
    let seconds = watch.elapsed().as_secs_f64();
    let fuzzed = match fuzzed {
        Ok(fuzzed) => fuzzed,
        Err(faults) => {
            write!(out, "{}", render::human(&sources, &faults, color))?;
            return Ok(UNREADABLE);
        }
    };
    tell(&fuzzed, out)?;
    let coverage = Coverage::of(&fuzzed.program, &fuzzed.reached, &sources);
    write!(out, "{}", coverage.summary())?;
    if let Some(path) = &options.reports.lcov {
        super::reports::write_report(path, &coverage.lcov(), out)?;
    }
    writeln!(out, "{} messages, {} kept, {} found", fuzzed.messages, fuzzed.kept, fuzzed.findings.len())?;
    // Figures of the machine are no part of what one seed always gives.
    writeln!(io::stderr(), "{:.0} messages a second", f64::from(fuzzed.messages) / seconds.max(0.001))?;
    Ok(if fuzzed.findings.is_empty() { GOOD } else { BAD })
}

/// One panic is seen many times while the message that causes it is made plain.
fn tell_each_panic_once() {
    let (hook, reported) = (std::panic::take_hook(), Mutex::new(BTreeSet::new()));
    std::panic::set_hook(Box::new(move |panic| {
        let fresh = reported.lock().is_ok_and(|mut reported| reported.insert(panic.to_string()));
        if fresh {
            hook(panic);
        }
    }));
}

fn tell(fuzzed: &Fuzzed, out: &mut dyn Write) -> io::Result<()> {
    for Finding { property, what, place, scenario, times } in &fuzzed.findings {
        let what = match place {
            Some((path, line)) => format!("a loop at {}:{line}", path.display()),
            None => what.clone(),
        };
        let often = if *times == 1 { "once".to_owned() } else { format!("{times} times") };
        writeln!(out, "FOUND {}: {what} ({often})\n  {}\n", property.name, property.doc)?;
        writeln!(out, "{scenario}")?;
    }
    fuzzed.notes.iter().try_for_each(|note| writeln!(out, "note: {note}\n"))
}
