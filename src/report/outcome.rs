//! What came of one scenario file.

use super::coverage::Coverage;
use super::difference::difference;
use super::explain::Reason;
use crate::source::{FileId, Sources, Span};
use crate::story::{Entry, Event};
use rustc_hash::FxHashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What came of one scenario file.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The scenario.
    pub path: PathBuf,
    /// What it is about: the first comment of the file; empty without one.
    pub about: String,
    /// Whether all is as it should be.
    pub verdict: Verdict,
    /// What happened, as the text that is accepted.
    pub ladder: String,
    /// The same with how it came to it, when that was asked for.
    pub flow: Option<String>,
    /// What was accepted before.
    pub accepted: Option<String>,
    /// Why it failed or could not be played: diagnostics drawn as text, empty when there are none.
    pub faults: String,
    /// What happened in each run: one, or one for each row of the scenario's table.
    pub runs: Vec<Run>,
    /// What of the config ran.
    pub coverage: Coverage,
    /// How long the machine took.
    pub time: Duration,
}

impl Outcome {
    /// That of a scenario that was not played yet.
    pub fn unplayed(path: PathBuf) -> Outcome {
        Outcome {
            path,
            about: String::new(),
            verdict: Verdict::Unreadable,
            ladder: String::new(),
            flow: None,
            accepted: None,
            faults: String::new(),
            runs: Vec::new(),
            coverage: Coverage::default(),
            time: Duration::ZERO,
        }
    }

    /// How what happens differs from what was accepted, when it does.
    pub fn difference(&self) -> Option<String> {
        let accepted = self.accepted.as_ref().filter(|_| self.verdict == Verdict::Changed)?;
        Some(difference(["accepted", "happens"], accepted, &self.ladder, false))
    }

    /// Its faults without colours.
    pub fn plain_faults(&self) -> String {
        console::strip_ansi_codes(&self.faults).into_owned()
    }

    /// All that is to be read when it is not good: faults, the difference, or the ladder that nobody accepted.
    pub fn trouble(&self) -> String {
        let shown = match self.verdict {
            Verdict::Passed | Verdict::Accepted | Verdict::Unreadable => String::new(),
            Verdict::Changed => self.difference().unwrap_or_default(),
            Verdict::New | Verdict::Unmet => self.ladder.clone(),
        };
        let faults = self.plain_faults();
        let gap = if faults.is_empty() || shown.is_empty() { "\n" } else { "\n\n" };
        format!("{}{gap}{shown}", faults.trim_end()).trim_start_matches('\n').to_owned()
    }
}

/// One run of a scenario.
#[derive(Debug, Clone)]
pub struct Run {
    /// The row of the table: `user bob, code 200`.
    pub row: Option<String>,
    /// Those who take part, in the order of the scenario.
    pub peers: Vec<String>,
    /// What happened.
    pub entries: Vec<Entry>,
    /// Why.
    pub reasons: Vec<Reason>,
    /// Where the spans of its entries and reasons stand; empty when no report asks.
    pub places: FxHashMap<Span, Place>,
}

/// Lines of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, as it was read.
    pub path: Arc<Path>,
    /// The line it begins on, from 1.
    pub line: usize,
    /// The line it ends on.
    pub last: usize,
}

impl Run {
    /// Where a span of its entries or reasons stands.
    pub fn place(&self, span: Span) -> Option<&Place> {
        self.places.get(&span)
    }

    /// Looks up where everything stands, while the files are at hand.
    pub fn locate(&mut self, sources: &Sources) {
        let mut paths: FxHashMap<FileId, Arc<Path>> = FxHashMap::default();
        let entries = self.entries.iter().filter_map(|entry| span_of(&entry.event));
        for span in entries.chain(self.reasons.iter().filter_map(|reason| reason.span)) {
            self.places.entry(span).or_insert_with(|| Place {
                path: paths.entry(span.file).or_insert_with(|| Arc::from(sources.path(span.file))).clone(),
                line: sources.line_column(span.file, span.start).0,
                last: sources.line_column(span.file, span.end.max(span.start + 1) - 1).0,
            });
        }
    }
}

/// Where in the config something happened.
pub(super) fn span_of(event: &Event) -> Option<Span> {
    match event {
        Event::Route(_, span)
        | Event::Call { span, .. }
        | Event::Condition(.., span)
        | Event::Switch(_, span)
        | Event::Set(.., span)
        | Event::End(_, span) => Some(*span),
        Event::Gap
        | Event::Note(_)
        | Event::Show(_)
        | Event::Message(_)
        | Event::Moment(..)
        | Event::Timer(..)
        | Event::Back(_)
        | Event::Log(..)
        | Event::Asked(_) => None,
    }
}

/// Whether all is as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// What happened is what was accepted.
    Passed,
    /// It was accepted just now.
    Accepted,
    /// Something else happens than what was accepted.
    Changed,
    /// Nothing was accepted yet.
    New,
    /// An expectation of the scenario was not met, or a step could not be taken.
    Unmet,
    /// The scenario or its config has mistakes: nothing was played.
    Unreadable,
}

impl Verdict {
    /// Nothing needs to be done.
    pub fn is_good(self) -> bool {
        matches!(self, Verdict::Passed | Verdict::Accepted)
    }

    /// In one word.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Passed => "passed",
            Verdict::Accepted => "accepted",
            Verdict::Changed => "changed",
            Verdict::New => "new",
            Verdict::Unmet => "unmet",
            Verdict::Unreadable => "unreadable",
        }
    }

    /// In a few words, for people.
    pub fn sentence(self) -> &'static str {
        match self {
            Verdict::Passed => "what happens is what was accepted",
            Verdict::Accepted => "what happens was accepted just now",
            Verdict::Changed => "something else happens than what was accepted",
            Verdict::New => "nothing is accepted yet",
            Verdict::Unmet => "an expectation was not met",
            Verdict::Unreadable => "the scenario or its config has mistakes",
        }
    }
}
