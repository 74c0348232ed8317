//! `alanui test`: plays scenarios and compares what happens with what was accepted.

mod against;
mod fuzz;
mod play;
mod progress;
mod reports;
mod review;
mod tell;

use super::output::Output;
use super::unbuilt::UnbuiltOption;
use crate::host::{FileWatch, Stopwatch, parallel, processors};
use crate::report::{Coverage, Outcome, Verdict};
use clap::Args;

use progress::Progress;
pub use reports::ReportOptions;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tell::Teller;

/// What to play and how.
#[derive(Args, Debug, Clone, Default)]
pub struct TestOptions {
    /// Scenarios (`*.call`), or folders that are searched for them.
    #[arg(required_unless_present = "fuzz", value_name = "DIR|FILE")]
    pub paths: Vec<PathBuf>,
    /// Write what happens as the accepted ladder beside each scenario.
    #[arg(long)]
    pub accept: bool,
    /// Show each difference in turn, and accept or skip it at a key.
    #[arg(long, conflicts_with = "accept")]
    pub review: bool,
    /// Play again whenever a scenario or a config changes, until it is interrupted.
    #[arg(long, conflicts_with_all = ["review", "against"])]
    pub watch: bool,
    /// Play only scenarios whose path contains this.
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,
    /// Switch all extensions off, as `run --strict` does.
    #[arg(long)]
    pub strict: bool,
    /// What the config may use that is not built in.
    #[command(flatten)]
    pub unbuilt: UnbuiltOption,
    /// Show how it came to what happens: routes, functions, conditions, variables, questions, log lines. Compares as ever.
    #[arg(long)]
    pub flow: bool,
    /// Say in one sentence each why a message left, where it went, why nothing was answered.
    #[arg(long)]
    pub explain: bool,
    /// Scenarios played at once; otherwise as many as the machine has processors.
    #[arg(long, short = 'j', value_name = "NUMBER")]
    pub jobs: Option<usize>,
    /// Play the scenarios against the real server at this address, udp:ADDRESS:PORT, too, and compare what it decides with what alanui decides.
    /// Several with commas between them tell where its further listeners stand. Nothing is compared with accepted ladders.
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["accept", "coverage", "ReportOptions"])]
    pub against: Option<String>,
    /// Say which lines, branches and routes of the configs the scenarios reached.
    #[arg(long)]
    pub coverage: bool,
    /// Fail when fewer of the configs' lines were reached, in percent.
    #[arg(long, value_name = "PERCENT")]
    pub min_coverage: Option<f64>,
    /// Say how long it took, which a terminal shows anyway, and which scenarios took longest.
    #[arg(long)]
    pub times: bool,
    /// Show how far it is on standard error.
    #[arg(skip)]
    pub progress: bool,
    /// Files for others.
    #[command(flatten)]
    pub reports: ReportOptions,
    /// Random messages instead of scenarios.
    #[command(flatten)]
    pub fuzz: fuzz::FuzzArgs,
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
    /// Fewer lines were reached than should be.
    pub uncovered: bool,
    /// There was nothing to play.
    pub nothing: bool,
}

impl Summary {
    fn tell(&self, time: Option<Duration>, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "{} passed, {} failed", self.passed, self.failed)?;
        if self.unreadable > 0 {
            write!(out, ", {} could not be played", self.unreadable)?;
        }
        if let Some(time) = time {
            write!(out, " in {:.2} s", time.as_secs_f64())?;
        }
        writeln!(out)
    }
}

/// Plays the scenarios and writes to standard output. Exits with 0 when all passed, 1 when something differs, 2 when a scenario or its config has
/// mistakes or there is nothing to play.
pub(super) fn run(options: &TestOptions, out: &mut Output) -> u8 {
    let color = out.color();
    let options = &TestOptions { progress: io::stderr().is_terminal(), ..options.clone() };
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    if options.watch {
        return watch(options, &variable, color, out);
    }
    if let Some(config) = &options.fuzz.fuzz {
        return fuzz::run(config, options, &variable, color, out).unwrap_or(super::UNREADABLE);
    }
    match test(options, &variable, color, out) {
        Ok(Summary { unreadable: 1.., .. } | Summary { nothing: true, .. }) | Err(_) => super::UNREADABLE,
        Ok(Summary { failed: 1.., .. } | Summary { uncovered: true, .. }) => super::BAD,
        Ok(_) => super::GOOD,
    }
}

/// What `$NAME` in the paths of scenarios stands for.
pub type Variable<'a> = &'a (dyn Fn(&str) -> Option<PathBuf> + Sync);

/// Plays the scenarios and writes to `out`; `variable` gives what `$NAME` in their paths stands for.
///
/// # Errors
/// A folder cannot be read, or `out` or a report not be written.
pub fn test(options: &TestOptions, variable: Variable, color: bool, out: &mut dyn Write) -> io::Result<Summary> {
    if let Some(address) = &options.against {
        return against::test(address, options, variable, color, out);
    }
    test_and_tell(options, variable, color, out).map(|(summary, _)| summary)
}

/// Plays the scenarios again and again, whenever something changes.
fn watch(options: &TestOptions, variable: Variable, color: bool, out: &mut dyn Write) -> u8 {
    let reports = options.reports.clone();
    let matters =
        move |path: &Path| !has_ending(path, "ladder") && !has_ending(path, "html") && !reports.contains(path);
    let mut files = match FileWatch::new(matters) {
        Ok(files) => files,
        Err(fault) => {
            // Nothing better can be done when standard output is gone.
            let _ = writeln!(out, "files cannot be watched: {fault}");
            return super::BAD;
        }
    };
    loop {
        let Ok((_, outcomes)) = test_and_tell(options, variable, color, out) else { return super::UNREADABLE };
        let configs = outcomes.iter().flat_map(|outcome| outcome.coverage.files.keys());
        for path in options.paths.iter().chain(configs) {
            if let Err(fault) = files.add(path) {
                let _ = writeln!(out, "{fault}");
            }
        }
        let _ = writeln!(out, "\nwaiting for changes");
        let changed = files.changed(None);
        if changed.is_empty() {
            return super::GOOD;
        }
        let names = changed.iter().filter_map(|path| path.file_name()).map(|name| name.to_string_lossy());
        let _ = writeln!(out, "\n{} changed\n", names.collect::<Vec<_>>().join(", "));
    }
}

fn test_and_tell(
    options: &TestOptions,
    variable: Variable,
    color: bool,
    out: &mut dyn Write,
) -> io::Result<(Summary, Vec<Outcome>)> {
    let (mut nobody, to_stdout) = (io::sink(), options.reports.to_stdout());
    if to_stdout > 1 || to_stdout == 1 && (options.review || options.watch) {
        writeln!(io::stderr(), "standard output is for one report, and nothing else")?;
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    // What a report is written to gets nothing else.
    let (out, report) = if to_stdout == 1 { (&mut nobody as &mut dyn Write, Some(out)) } else { (out, None) };
    let watch = Stopwatch::start();
    let found = match report {
        Some(_) => scenarios(options, &mut io::stderr())?,
        None => scenarios(options, out)?,
    };
    if found.is_empty() {
        writeln!(out, "{}", nothing(options))?;
        return Ok((Summary { nothing: true, ..Summary::default() }, Vec::new()));
    }
    let mut outcomes = outcomes_of(&found, options, variable, color, out)?;
    let time = (color || options.times).then(|| watch.elapsed());
    if options.review {
        if !io::stdin().is_terminal() {
            writeln!(out, "--review asks at a terminal; give --accept to accept all")?;
            return Err(io::Error::from(io::ErrorKind::Unsupported));
        }
        let terminal = console::Term::stdout();
        review::review(&mut outcomes, color, &mut || terminal.read_char().ok(), out)?;
    }
    let mut summary = Summary::default();
    for outcome in &outcomes {
        match outcome.verdict {
            Verdict::Passed | Verdict::Accepted => summary.passed += 1,
            Verdict::Changed | Verdict::New | Verdict::Unmet => summary.failed += 1,
            Verdict::Unreadable => summary.unreadable += 1,
        }
    }
    summary.tell(time, out)?;
    if options.times {
        slowest(&outcomes, out)?;
    }
    let mut coverage = Coverage::default();
    outcomes.iter().for_each(|outcome| coverage.add(&outcome.coverage));
    if options.coverage {
        write!(out, "\n{}", coverage.summary())?;
    }
    options.reports.write(&outcomes, &coverage, report)?;
    if let Some(least) = options.min_coverage.filter(|least| coverage.lines().percent() < *least) {
        summary.uncovered = true;
        writeln!(out, "{:.1} % of the lines were reached; {least} % should be", coverage.lines().percent())?;
    }
    Ok((summary, outcomes))
}

/// Plays the scenarios that the options name and tells of each as it ends.
///
/// # Errors
/// A folder cannot be read, or `out` not be written.
pub fn outcomes(
    options: &TestOptions,
    variable: Variable,
    color: bool,
    out: &mut dyn Write,
) -> io::Result<Vec<Outcome>> {
    let found = scenarios(options, out)?;
    outcomes_of(&found, options, variable, color, out)
}

fn outcomes_of(
    found: &[PathBuf],
    options: &TestOptions,
    variable: Variable,
    color: bool,
    out: &mut dyn Write,
) -> io::Result<Vec<Outcome>> {
    let jobs = options.jobs.unwrap_or_else(processors);
    let mut teller = Teller::new(options, color, out);
    let progress = Progress::new(found.len(), options.progress);
    let mut outcomes = Vec::with_capacity(found.len());
    let mut written = Ok(());
    parallel(
        jobs,
        found,
        |path| play::play(path, options, variable, color),
        |_, outcome| {
            if written.is_ok() {
                written = progress.aside(|| teller.tell(&outcome));
            }
            outcomes.push(outcome);
        },
    );
    progress.done();
    written.map(|()| outcomes)
}

/// Scenarios that `--times` names.
const SLOWEST: usize = 10;

/// The scenarios that took longest, with the seconds of each.
fn slowest(outcomes: &[Outcome], out: &mut dyn Write) -> io::Result<()> {
    let mut slow: Vec<&Outcome> = outcomes.iter().collect();
    slow.sort_by_key(|outcome| std::cmp::Reverse(outcome.time));
    writeln!(out, "\nthe slowest:")?;
    for outcome in slow.into_iter().take(SLOWEST) {
        writeln!(out, "{:>8.3} s  {}", outcome.time.as_secs_f64(), outcome.path.display())?;
    }
    Ok(())
}

/// The scenarios that the options name.
pub(super) fn scenarios(options: &TestOptions, out: &mut dyn Write) -> io::Result<Vec<PathBuf>> {
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
    Ok(found)
}

/// Why there is nothing to play.
pub(super) fn nothing(options: &TestOptions) -> String {
    let places: Vec<String> = options.paths.iter().map(|path| path.display().to_string()).collect();
    let places = places.join(", ");
    match &options.filter {
        Some(filter) => format!("there is nothing to play: no scenario in {places} has {filter} in its path"),
        None => format!("there is nothing to play: {places} holds no scenario (*.call)"),
    }
}

fn has_ending(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|its| its == ending)
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
