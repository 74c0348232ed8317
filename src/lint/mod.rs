//! Mistakes that run: one rule a file, in folders by what they are about, each listed once in its folder's `mod.rs`.
//!
//! A rule looks at a [`Subject`]: the syntax tree with its places, values of parameters, the graph of routes. What it finds carries the rule's
//! name and level. A line `# alanui: allow(name) reason` silences it where it is meant (see `allow.rs`).

mod allow;
mod blocking;
mod control;
pub mod destinations;
mod dispatcher;
pub mod expressions;
pub mod flow;
pub mod mentions;
mod modules;
mod paths;
mod preprocessor;
mod regexes;
mod script;
mod security;
mod sip;
mod sql;
mod subject;
pub mod taint;
mod timers;
mod values;
mod variables;

pub use allow::Allowed;
pub use subject::{Given, Release, Subject};

use crate::config::Config;
use crate::source::{Diagnostic, FileId, Level, Sources, Span};
use destinations::Destination;

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// The name of the fault, under which it is reported.
    pub code: &'static str,
    /// What kind of fault it is.
    pub severity: Severity,
    /// What it finds, in a sentence.
    pub finds: &'static str,
    /// Why that matters: what happens on the wire or to the machine, and what is usually meant.
    pub why: &'static str,
    /// What to write instead.
    pub instead: &'static str,
    /// Where the behaviour is documented: an address, or an RFC with its section.
    pub reference: &'static str,
    /// Looks for it.
    pub check: fn(&Subject, &mut Findings),
}

/// What kind of fault a rule finds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    /// It cannot work: `run` refuses.
    Error,
    /// Very likely not what is meant.
    Warning,
    /// Somebody can abuse it.
    Security,
    /// It blocks or wastes.
    Performance,
    /// Other releases or other servers take it differently.
    Portability,
    /// Worth knowing.
    Hint,
}

impl Severity {
    /// The level at which a finding is shown.
    pub fn level(self) -> Level {
        match self {
            Severity::Error => Level::Error,
            Severity::Warning | Severity::Security | Severity::Performance | Severity::Portability => Level::Warning,
            Severity::Hint => Level::Note,
        }
    }

    /// The group of rules: what `--allow` and `--deny` take in the place of a name.
    pub fn group(self) -> &'static str {
        match self {
            Severity::Error => "errors",
            Severity::Warning => "warnings",
            Severity::Security => "security",
            Severity::Performance => "performance",
            Severity::Portability => "portability",
            Severity::Hint => "hints",
        }
    }
}

/// What a rule found so far.
#[derive(Debug)]
pub struct Findings<'a> {
    rule: &'static Rule,
    found: &'a mut Vec<Diagnostic>,
    /// How many the rule found.
    count: usize,
    /// Where what is found beyond [`MOST_FINDINGS`] goes.
    scrap: Diagnostic,
}

/// Findings of one rule; more say nothing.
const MOST_FINDINGS: usize = 500;

impl<'a> Findings<'a> {
    fn new(rule: &'static Rule, found: &'a mut Vec<Diagnostic>) -> Findings<'a> {
        let scrap = Diagnostic::new(rule.severity.level(), rule.code, "", Span::default());
        Findings { rule, found, count: 0, scrap }
    }

    /// Lets the rule look; says when not all that it found is kept.
    fn run(mut self, subject: &Subject) {
        (self.rule.check)(subject, &mut self);
        if self.count > MOST_FINDINGS {
            let message = format!("{} finds {} places, of which {MOST_FINDINGS} are shown", self.rule.code, self.count);
            self.found.push(Diagnostic::new(
                Level::Note,
                "too-many-findings",
                message,
                self.scrap.labels.first().map_or(Span::default(), |label| label.span),
            ));
        }
    }
}

impl Findings<'_> {
    /// Something found, in one sentence without a full stop; notes, labels and help may be added to what is given back.
    pub fn add(&mut self, message: impl Into<String>, span: Span) -> &mut Diagnostic {
        let diagnostic = Diagnostic::new(self.rule.severity.level(), self.rule.code, message, span);
        self.count += 1;
        if self.count > MOST_FINDINGS {
            self.scrap = diagnostic;
            return &mut self.scrap;
        }
        let at = self.found.len();
        self.found.push(diagnostic);
        &mut self.found[at]
    }

    /// Adds a reason to what was found last.
    fn note_last(&mut self, text: impl Into<String>) {
        if let Some(last) = self.last() {
            last.add_note(text);
        }
    }

    /// Adds another place with its words to what was found last.
    fn label_last(&mut self, span: Span, text: impl Into<String>) {
        if let Some(last) = self.last() {
            last.add_label(span, text);
        }
    }

    fn last(&mut self) -> Option<&mut Diagnostic> {
        match self.count {
            0 => None,
            count if count > MOST_FINDINGS => Some(&mut self.scrap),
            _ => self.found.last_mut(),
        }
    }
}

/// The rules by folder.
static FAMILIES: &[&[&Rule]] = &[
    timers::RULES,
    dispatcher::RULES,
    destinations::RULES,
    values::RULES,
    regexes::RULES,
    modules::RULES,
    preprocessor::RULES,
    sql::RULES,
    blocking::RULES,
    variables::RULES,
    control::RULES,
    sip::RULES,
    security::RULES,
];

/// Rules about the config that have more to say where destinations are at hand.
static OF_DESTINATIONS_TOO: &[&Rule] = &[&dispatcher::ATTRIBUTE_MISSING];

/// Every rule.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    FAMILIES.iter().flat_map(|family| family.iter().copied())
}

/// The rule of this name.
pub fn rule(code: &str) -> Option<&'static Rule> {
    rules().find(|rule| rule.code == code)
}

/// Lets every rule look at a config; what its author allows is left out.
pub fn check(config: &Config, sources: &Sources, target: Option<Release>, diagnostics: &mut Vec<Diagnostic>) {
    let subject = Subject::new(config, sources, target);
    let mut found = Vec::new();
    for rule in rules() {
        Findings::new(rule, &mut found).run(&subject);
    }
    let mut allowed = Allowed::read(config, sources, sources.files(), diagnostics);
    found.retain(|diagnostic| !allowed.covers(diagnostic));
    allowed.unused(diagnostics);
    diagnostics.extend(found);
}

/// Lets the rules for destinations look at some that were read for a config, from files that were added to its sources since.
pub fn check_destinations(
    config: &Config,
    sources: &Sources,
    destinations: &[Destination],
    files: &[FileId],
    diagnostics: &mut Vec<Diagnostic>,
) {
    if destinations.is_empty() {
        return;
    }
    let mut subject = Subject::new(config, sources, None);
    subject.destinations = destinations;
    let mut found = Vec::new();
    for rule in destinations::RULES.iter().chain(OF_DESTINATIONS_TOO) {
        Findings::new(rule, &mut found).run(&subject);
    }
    let mut allowed = Allowed::read(config, sources, files.iter().copied(), diagnostics);
    found.retain(|diagnostic| !allowed.covers(diagnostic));
    allowed.unused(diagnostics);
    diagnostics.extend(found);
}
