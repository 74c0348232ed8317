//! Random messages through a config, held against what a server must never do.
//!
//! Messages begin as plain requests of every method, with the words that the config itself speaks of put in their places, and are changed at random.
//! One that reaches instructions no message reached before is kept and changed further. What breaks a [property](PROPERTIES) is made
//! as plain as it can be while it still does, and written as a scenario.

mod bench;
mod input;
mod mutate;
mod pattern;
mod properties;
mod report;
mod seeds;
mod shrink;
mod words;

use super::parse::{Reading, parse};
use super::scenario::Scenario;
use super::server;
use super::world::Stage;
use crate::builtin::{Extensions, Module, Random, Reached};
use crate::config::{Config, has_errors};
use crate::script::Program;
use crate::source::{Diagnostic, Sources};
use bench::Bench;
use input::Input;
pub use properties::{PROPERTIES, Property};
use rustc_hash::FxHashSet;
use std::path::PathBuf;
use std::sync::Arc;
use words::Words;

/// What to send through which config.
#[derive(Debug, Clone)]
pub struct FuzzOptions {
    /// The config.
    pub config: PathBuf,
    /// A scenario whose databases, defines, DNS, listeners and clock are used; what happens in it and its config are not.
    pub scenario: Option<PathBuf>,
    /// How many messages are sent.
    pub messages: u32,
    /// What all randomness follows from: one seed, one run.
    pub seed: u64,
    /// All extensions are off.
    pub strict: bool,
}

/// A property that does not hold.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The property.
    pub property: &'static Property,
    /// What of it: two findings of one property differ here.
    pub what: String,
    /// Where in the config, when that is known.
    pub place: Option<(PathBuf, usize)>,
    /// The text of a scenario that shows it.
    pub scenario: String,
    /// How many messages of the run showed it.
    pub times: u32,
}

/// What came of it.
#[derive(Debug)]
pub struct Fuzzed {
    /// What was found, in the order of finding.
    pub findings: Vec<Finding>,
    /// How many messages were sent.
    pub messages: u32,
    /// How many were kept because they reached something.
    pub kept: usize,
    /// The program that the config became.
    pub program: Arc<Program>,
    /// What of it ran.
    pub reached: Reached,
    /// What is worth knowing about the run.
    pub notes: Vec<String>,
}

/// The server is started afresh after so many messages: what it remembers of peers would end in turning all away.
const MESSAGES_A_START: usize = 200;
/// So many findings are made plain; a config with more has other problems.
const MOST_FINDINGS: usize = 25;
/// So many messages are kept to be changed further; beyond, a random one makes room.
const MOST_KEPT: usize = 2000;

/// Sends random messages through a config.
///
/// # Errors
/// What is wrong with the config, the scenario or a database.
pub fn fuzz(
    options: &FuzzOptions,
    reading: &Reading,
    modules: &'static [&'static Module],
    sources: &mut Sources,
) -> Result<Fuzzed, Vec<Diagnostic>> {
    let mut diagnostics = Vec::new();
    let head = match &options.scenario {
        Some(path) => parse(path, reading, sources, &mut diagnostics).and_then(|found| found.into_iter().next()),
        None => Some(Scenario { unbuilt: reading.unbuilt, ..Scenario::empty() }),
    };
    let Some(head) = head else { return Err(diagnostics) };
    let mut scenario =
        Scenario { config: options.config.clone(), peers: Vec::new(), steps: Vec::new(), row: None, ..head };
    scenario.strict |= options.strict;
    let extensions = if scenario.strict { Extensions::STRICT } else { Extensions::default() };
    let config = server::load(&scenario, reading, modules, extensions, sources, &mut diagnostics);
    let words = Words::of(&config, &scenario, reading, sources);
    words.foreign.know(&mut scenario);
    let mut stage = Stage::new(&scenario, reading.files, &mut diagnostics);
    if !has_errors(&diagnostics) {
        // Once for its mistakes.
        server::begin(&config, &scenario, &mut stage, sources, &mut diagnostics);
    }
    if has_errors(&diagnostics) {
        diagnostics.retain(|found| found.level == crate::source::Level::Error);
        return Err(diagnostics);
    }
    let baseline = Baseline { scenario: &scenario, config: &config, reading, sources, words: &words };
    Ok(Run::new(&baseline, options).all())
}

/// What every message meets.
struct Baseline<'a> {
    scenario: &'a Scenario,
    config: &'a Config,
    reading: &'a Reading<'a>,
    sources: &'a Sources,
    words: &'a Words,
}

struct Run<'a> {
    baseline: &'a Baseline<'a>,
    options: &'a FuzzOptions,
    random: Random,
    bench: Bench<'a>,
    /// What was sent since the start of the server.
    history: Vec<Input>,
    kept: Vec<Input>,
    reached: Reached,
    /// How much that is.
    extent: usize,
    findings: Vec<Finding>,
    /// What was seen and shown to need more than its own message; told once.
    reported: FxHashSet<(&'static str, String)>,
    relayed_bare: bool,
}

impl<'a> Run<'a> {
    fn new(baseline: &'a Baseline<'a>, options: &'a FuzzOptions) -> Run<'a> {
        Run {
            baseline,
            options,
            // The lowest bit of a seed changes nothing.
            random: Random::repeatable(options.seed.rotate_left(1)),
            bench: Bench::new(baseline),
            history: Vec::new(),
            kept: Vec::new(),
            reached: Reached::default(),
            extent: 0,
            findings: Vec::new(),
            reported: FxHashSet::default(),
            relayed_bare: false,
        }
    }

    fn all(mut self) -> Fuzzed {
        let seeds = seeds::seeds(self.baseline.words);
        for number in 0..self.options.messages {
            let input = match seeds.get(number as usize) {
                Some(seed) => Input { number, ..seed.clone() },
                None => {
                    let before = self.history.last().map_or(number, |last| last.number);
                    let model = match self.random.below(4) {
                        0 => &seeds,
                        _ if self.kept.is_empty() => &seeds,
                        _ => &self.kept,
                    };
                    mutate::mutated(model, self.baseline.words, number, before, &mut self.random)
                }
            };
            self.send(input);
        }
        self.end()
    }

    fn send(&mut self, input: Input) {
        if self.history.len() >= MESSAGES_A_START {
            self.restart();
        }
        self.history.push(input.clone());
        let trial = self.bench.send(&input);
        let (crashed, endless) = (trial.crashed.is_some(), !trial.endless.is_empty());
        self.relayed_bare |= properties::relays_without_recording(&trial);
        let found = properties::judge(&trial);
        for (property, what) in found {
            self.found(property, what);
        }
        let extent = self.bench.extent();
        let fresh = extent > self.extent;
        self.extent = usize::max(extent, self.extent);
        // What is endless or ends the server takes long, and its like would be sent again and again.
        if fresh && !endless && !crashed {
            let full = self.kept.len() >= MOST_KEPT;
            let at = self.random.below(MOST_KEPT as u64) as usize;
            match self.kept.get_mut(at).filter(|_| full) {
                Some(place) => *place = input,
                None => self.kept.push(input),
            }
        }
        if crashed {
            self.restart();
        }
    }

    fn restart(&mut self) {
        self.history.clear();
        let reached = self.bench.take_reached();
        self.bench = Bench::new(self.baseline);
        self.bench.begin_with(reached);
    }

    fn found(&mut self, property: &'static Property, what: String) {
        let known = self.findings.iter_mut().find(|its| its.property.name == property.name && its.what == what);
        if let Some(known) = known {
            known.times += 1;
            return;
        }
        if self.findings.len() >= MOST_FINDINGS || !self.reported.insert((property.name, what.clone())) {
            return;
        }
        let case = shrink::plainest(self.baseline, &self.history, property, &what);
        let (scenario, place) = report::scenario(self.baseline, &case, property, &what);
        self.findings.push(Finding { property, what, place, scenario, times: 1 });
    }

    fn end(mut self) -> Fuzzed {
        self.reached.add(&self.bench.take_reached());
        let mut notes = Vec::new();
        if self.relayed_bare && !self.baseline.words.records_routes {
            notes.push(
                "the config relays requests that begin dialogs and never calls record_route(): what follows in the dialog goes past it"
                    .to_owned(),
            );
        }
        Fuzzed {
            findings: self.findings,
            messages: self.options.messages,
            kept: self.kept.len(),
            program: self.baseline.config.program.clone(),
            reached: self.reached,
            notes,
        }
    }
}
