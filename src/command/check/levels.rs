//! How bad each finding is, as the command line says.

use crate::command::cli::CheckOptions;
use crate::config::codes;
use crate::lint::{self, Severity};
use crate::source::{Diagnostic, Level};

/// What `--allow`, `--warn` and `--deny` say. A code beats a group of rules; where both are equal, deny beats warn and warn beats allow.
pub(super) struct Levels {
    wishes: Vec<(String, Option<Level>)>,
}

const GROUPS: [Severity; 6] = [
    Severity::Error,
    Severity::Warning,
    Severity::Security,
    Severity::Performance,
    Severity::Portability,
    Severity::Hint,
];

impl Levels {
    /// Reads the options.
    ///
    /// # Errors
    /// Names what is neither a code nor a group.
    pub(super) fn new(options: &CheckOptions) -> Result<Levels, String> {
        let of = |names: &[String], level| names.iter().map(move |name| (name.clone(), level)).collect::<Vec<_>>();
        let wishes =
            [of(&options.deny, Some(Level::Error)), of(&options.warn, Some(Level::Warning)), of(&options.allow, None)]
                .concat();
        for (name, _) in &wishes {
            let is_group = name == "all" || GROUPS.iter().any(|severity| severity.group() == name);
            if !is_group && lint::rule(name).is_none() && codes::row(name).is_none() {
                let groups: Vec<_> = GROUPS.iter().map(|severity| severity.group()).collect();
                return Err(format!("there is no rule {name}; groups of rules are all, {}", groups.join(", ")));
            }
        }
        Ok(Levels { wishes })
    }

    /// Findings with the levels that are asked for. An error that keeps a config from running stays one.
    pub(super) fn apply(&self, diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
        let kept = diagnostics.into_iter().filter_map(|mut diagnostic| {
            let rule = lint::rule(diagnostic.code);
            if rule.is_none() && diagnostic.level == Level::Error {
                return Some(diagnostic);
            }
            let group = rule.map_or("warnings", |rule| rule.severity.group());
            let of = |wanted: &dyn Fn(&str) -> bool| self.wishes.iter().find(|(name, _)| wanted(name));
            let wish = of(&|name| name == diagnostic.code)
                .or_else(|| of(&|name| name == group))
                .or_else(|| of(&|name| name == "all"));
            if let Some((_, level)) = wish {
                diagnostic.level = (*level)?;
            }
            Some(diagnostic)
        });
        kept.collect()
    }
}
