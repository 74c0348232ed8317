//! Mistakes that run: one rule a file, listed once. A rule sees the compiled config; it names no module, function or parameter but reads their rows.

mod unit;

use crate::config::Config;
use crate::source::{Diagnostic, Level};

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// The name of the fault, under which it is reported.
    pub code: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What it finds and why that matters.
    pub doc: &'static str,
    /// Looks for it.
    pub check: fn(&Rule, &Config, &mut Vec<Diagnostic>),
}

/// Every rule.
pub static RULES: &[Rule] = &[unit::RULE];

/// Lets every rule look at a config.
pub fn check(config: &Config, diagnostics: &mut Vec<Diagnostic>) {
    for rule in RULES {
        (rule.check)(rule, config, diagnostics);
    }
}
