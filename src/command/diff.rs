//! `alanui diff`: the same scenarios with two configs, and what is decided otherwise.

use super::output::Output;
use super::test::{TestOptions, Variable, scenarios};
use super::unbuilt::UnbuiltOption;
use super::{BAD, GOOD, UNREADABLE};
use crate::host::{Disk, parallel, processors};
use crate::modules::MODULES;
use crate::report::difference;
use crate::sim::{self, Reading, Scenario};
use crate::source::{Diagnostic, Sources, Span, render};
use crate::story::{Detail, ladder};
use clap::{Args, ValueEnum};
use similar::{ChangeTag, TextDiff};
use std::fs::canonicalize;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What `alanui diff` takes.
#[derive(Args, Debug, Clone, Default)]
pub(super) struct DiffOptions {
    /// The config as it was.
    #[arg(value_name = "OLD.cfg")]
    old: PathBuf,
    /// The config as it is to be.
    #[arg(value_name = "NEW.cfg")]
    new: PathBuf,
    /// Scenarios (`*.call`), or folders that are searched for them. Each is played with both configs in place of the one it names; where some name
    /// one of the two, those that name a third are left out.
    #[arg(long, value_name = "DIR|FILE", required = true, num_args = 1..)]
    scenarios: Vec<PathBuf>,
    /// Play only scenarios that name this config, whatever the two are.
    #[arg(long, value_name = "FILE.cfg")]
    only_of: Option<PathBuf>,
    /// Play only scenarios whose path contains this.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Show how it came to what changed: routes, functions, conditions, variables, questions, log lines.
    #[arg(long)]
    flow: bool,
    /// Switch all extensions off, as `run --strict` does.
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    unbuilt: UnbuiltOption,
    /// Also name the scenarios in which nothing changes.
    #[arg(long, short = 'v')]
    verbose: bool,
    /// How the result is written.
    #[arg(long, value_name = "FORMAT", default_value_t, value_enum)]
    format: Format,
}

/// How the result is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Differences to read.
    #[default]
    Human,
    /// One JSON object a line, for each scenario.
    Json,
}

/// What came of one run of a scenario.
struct Compared {
    /// The scenario, with the row of its table when it has one.
    name: String,
    /// What was decided with each config.
    decided: [String; 2],
    /// What is shown of each: the same, or how it came to it.
    shown: [String; 2],
    /// Expectations that fail with the new config and not with the old one.
    broken: Vec<String>,
    /// Expectations that fail with the old config and not with the new one.
    mended: Vec<String>,
}

impl Compared {
    fn is_same(&self) -> bool {
        self.decided[0] == self.decided[1] && self.broken.is_empty() && self.mended.is_empty()
    }

    /// The words that differ, without times: two runs that change in the same way give the same.
    fn change(&self) -> String {
        let is_stamp =
            |word: &str| word.strip_prefix('+').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        let diff = TextDiff::from_words(&self.shown[0], &self.shown[1]);
        let changed = diff.iter_all_changes().filter(|change| change.tag() != ChangeTag::Equal);
        let words = changed.filter(|change| !change.value().trim().is_empty() && !is_stamp(change.value()));
        words.map(|change| format!("{}{}\n", change.tag(), change.value())).collect()
    }
}

/// Why a scenario could not be played with both configs: a text with the name of the scenario in front.
struct Unplayed {
    name: String,
    why: String,
}

/// Compares and writes to standard output.
pub(super) fn run(options: &DiffOptions, out: &mut Output) -> u8 {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    diff(options, &variable, out.color(), out).unwrap_or(UNREADABLE)
}

fn diff(options: &DiffOptions, variable: Variable, color: bool, out: &mut dyn Write) -> io::Result<u8> {
    for config in [Some(&options.old), Some(&options.new), options.only_of.as_ref()].into_iter().flatten() {
        if let Err(fault) = std::fs::metadata(config) {
            writeln!(out, "{}: {fault}", config.display())?;
            return Ok(UNREADABLE);
        }
    }
    let search =
        TestOptions { paths: options.scenarios.clone(), filter: options.filter.clone(), ..TestOptions::default() };
    let found = scenarios(&search, out)?;
    let (found, elsewhere) = match those_of(options, found, variable) {
        Ok(found) => found,
        Err(why) => {
            writeln!(out, "{why}")?;
            return Ok(UNREADABLE);
        }
    };
    let (mut compared, mut unplayed) = (Vec::new(), Vec::new());
    parallel(
        processors(),
        &found,
        |path| compare(path, options, variable, color),
        |_, outcome| match outcome {
            Ok(runs) => compared.extend(runs),
            Err(why) => unplayed.push(why),
        },
    );
    let groups = groups(&compared);
    match options.format {
        Format::Human => human(&compared, &groups, &unplayed, elsewhere, options, color, out)?,
        Format::Json => json(&compared, &groups, &unplayed, out)?,
    }
    Ok(match (unplayed.is_empty(), groups.is_empty()) {
        (false, _) => UNREADABLE,
        (true, false) => BAD,
        (true, true) => GOOD,
    })
}

/// The scenarios to play, and how many are left out because they are about another config. A scenario that cannot be read stays: it is told why.
fn those_of(options: &DiffOptions, found: Vec<PathBuf>, variable: Variable) -> Result<(Vec<PathBuf>, usize), String> {
    let place = |path: &Path| canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let config_of = |path: &Path| {
        let reading = Reading { files: &Disk, variable, unbuilt: options.unbuilt.allowed() };
        let scenarios = sim::parse(path, &reading, &mut Sources::default(), &mut Vec::new())?;
        scenarios.first().map(|scenario| place(&scenario.config))
    };
    let named: Vec<(PathBuf, Option<PathBuf>)> =
        found.into_iter().map(|path| (config_of(&path), path)).map(|(config, path)| (path, config)).collect();
    let mut wanted = match &options.only_of {
        Some(config) => vec![place(config)],
        None => vec![place(&options.old), place(&options.new)],
    };
    if !named.iter().any(|(_, config)| config.as_ref().is_some_and(|config| wanted.contains(config))) {
        let mut others: Vec<PathBuf> = named.iter().filter_map(|(_, config)| config.clone()).collect();
        others.sort();
        others.dedup();
        match (others.len(), &options.only_of) {
            (0, _) => {}
            (1, None) => wanted = others,
            (_, Some(config)) => return Err(format!("no scenario names {}", config.display())),
            (_, None) => {
                return Err(
                    "the scenarios name several configs and neither of these two; choose with --only-of FILE.cfg"
                        .into(),
                );
            }
        }
    }
    let all = named.len();
    let kept: Vec<PathBuf> = named
        .into_iter()
        .filter(|(_, config)| config.as_ref().is_none_or(|config| wanted.contains(config)))
        .map(|(path, _)| path)
        .collect();
    if kept.is_empty() {
        return Err("there is no scenario to play".into());
    }
    let elsewhere = all - kept.len();
    Ok((kept, elsewhere))
}

/// Plays a scenario file with both configs.
fn compare(path: &Path, options: &DiffOptions, variable: Variable, color: bool) -> Result<Vec<Compared>, Unplayed> {
    let name = path.display().to_string();
    let play = |config: &Path| {
        play(path, config, variable, options, color).map_err(|why| Unplayed { name: name.clone(), why })
    };
    let (old, new) = (play(&options.old)?, play(&options.new)?);
    let runs = old.into_iter().zip(new).map(|(old, new)| {
        let without = |these: &[(Span, String)], those: &[(Span, String)]| {
            let here = these.iter().filter(|(place, _)| !those.iter().any(|(its, _)| its == place));
            here.map(|(_, message)| message.clone()).collect()
        };
        Compared {
            name: match &old.row {
                Some(row) => format!("{name} [{row}]"),
                None => name.clone(),
            },
            broken: without(&new.unmet, &old.unmet),
            mended: without(&old.unmet, &new.unmet),
            decided: [old.decided, new.decided],
            shown: [old.shown, new.shown],
        }
    });
    Ok(runs.collect())
}

/// What came of one run with one config.
struct OneRun {
    row: Option<String>,
    decided: String,
    shown: String,
    /// Expectations that failed, by their places in the scenario.
    unmet: Vec<(Span, String)>,
}

/// Plays a scenario file with this config instead of its own.
fn play(
    path: &Path,
    config: &Path,
    variable: Variable,
    options: &DiffOptions,
    color: bool,
) -> Result<Vec<OneRun>, String> {
    let (mut sources, mut diagnostics) = (Sources::default(), Vec::new());
    let reading = Reading { files: &Disk, variable, unbuilt: options.unbuilt.allowed() };
    let scenarios = sim::parse(path, &reading, &mut sources, &mut diagnostics).unwrap_or_default();
    let detail = if options.flow { Detail::Flow } else { Detail::Decision };
    let mut runs = Vec::new();
    for scenario in scenarios {
        let scenario = Scenario { config: config.to_owned(), ..scenario };
        match sim::play(&scenario, &reading, MODULES, options.strict, &mut sources) {
            Ok(played) => {
                let drawn = |detail| ladder(scenario.names(), &played.entries, Some(detail));
                let place = |failure: &Diagnostic| failure.labels.first().map(|label| label.span).unwrap_or_default();
                let unmet = played.failures.iter().map(|failure| (place(failure), failure.message.clone())).collect();
                runs.push(OneRun { decided: drawn(Detail::Decision), shown: drawn(detail), unmet, row: scenario.row });
            }
            Err(faults) => {
                diagnostics = faults;
                break;
            }
        }
    }
    if diagnostics.is_empty() { Ok(runs) } else { Err(render::human(&sources, &diagnostics, color)) }
}

/// Runs that change in the same way, by their places; the largest group first.
fn groups(compared: &[Compared]) -> Vec<Vec<usize>> {
    let mut groups: Vec<(String, Vec<usize>)> = Vec::new();
    for (at, run) in compared.iter().enumerate().filter(|(_, run)| !run.is_same()) {
        let change = run.change();
        match groups.iter_mut().find(|(known, _)| *known == change) {
            Some((_, places)) => places.push(at),
            None => groups.push((change, vec![at])),
        }
    }
    groups.sort_by_key(|(_, places)| std::cmp::Reverse(places.len()));
    groups.into_iter().map(|(_, places)| places).collect()
}

fn human(
    compared: &[Compared],
    groups: &[Vec<usize>],
    unplayed: &[Unplayed],
    elsewhere: usize,
    options: &DiffOptions,
    color: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    if options.verbose {
        for run in compared.iter().filter(|run| run.is_same()) {
            writeln!(out, "same    {}", run.name)?;
        }
    }
    let mut reported: Vec<&str> = Vec::new();
    for Unplayed { name, why } in unplayed {
        writeln!(out, "cannot play {name}")?;
        // A config with mistakes has them in every scenario.
        if reported.contains(&why.as_str()) {
            writeln!(out, "  for the reasons given above")?;
        } else {
            write!(out, "{why}")?;
            reported.push(why);
        }
    }
    let names = [options.old.display().to_string(), options.new.display().to_string()];
    for group in groups {
        let runs: Vec<&Compared> = group.iter().filter_map(|at| compared.get(*at)).collect();
        for run in &runs {
            writeln!(out, "CHANGES {}", run.name)?;
            run.broken.iter().try_for_each(|line| writeln!(out, "  fails only now: {line}"))?;
            run.mended.iter().try_for_each(|line| writeln!(out, "  fails no longer: {line}"))?;
        }
        let Some(run) = runs.first() else { continue };
        if run.shown[0] != run.shown[1] {
            writeln!(out, "{}", difference([&names[0], &names[1]], &run.shown[0], &run.shown[1], color))?;
        } else {
            writeln!(out)?;
        }
    }
    summary(compared, groups, unplayed, elsewhere, out)
}

fn summary(
    compared: &[Compared],
    groups: &[Vec<usize>],
    unplayed: &[Unplayed],
    elsewhere: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let changed: usize = groups.iter().map(Vec::len).sum();
    write!(out, "{} played: {} the same, {changed} changed", compared.len(), compared.len() - changed)?;
    if groups.len() < changed {
        write!(out, " in {} {}", groups.len(), if groups.len() == 1 { "way" } else { "ways" })?;
    }
    let broken = compared.iter().filter(|run| !run.broken.is_empty()).count();
    if broken > 0 {
        write!(out, ", {broken} with expectations that fail only now")?;
    }
    if !unplayed.is_empty() {
        write!(out, "; {} could not be played", unplayed.len())?;
    }
    if elsewhere > 0 {
        write!(out, "; {elsewhere} of other configs left out")?;
    }
    writeln!(out)
}

/// A line for each run; those of one `group` change in the same way.
fn json(compared: &[Compared], groups: &[Vec<usize>], unplayed: &[Unplayed], out: &mut dyn Write) -> io::Result<()> {
    for (at, run) in compared.iter().enumerate() {
        let group = groups.iter().position(|group| group.contains(&at)).map(|group| group + 1);
        let where_it_differs = |text: &str| (!run.is_same()).then(|| text.to_owned());
        let difference = (!run.is_same()).then(|| difference(["old", "new"], &run.shown[0], &run.shown[1], false));
        let line = serde_json::json!({
            "scenario": run.name,
            "result": if run.is_same() { "same" } else { "changed" },
            "group": group,
            "fails_only_now": run.broken,
            "fails_no_longer": run.mended,
            "old": where_it_differs(&run.shown[0]),
            "new": where_it_differs(&run.shown[1]),
            "difference": difference,
        });
        writeln!(out, "{line}")?;
    }
    for Unplayed { name, why } in unplayed {
        writeln!(out, "{}", serde_json::json!({ "scenario": name, "result": "unplayed", "why": why }))?;
    }
    Ok(())
}
