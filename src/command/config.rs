//! A config with what the command line adds, and what is said about it: the part that `run` and `check` share.

use super::cli::ConfigOptions;
use super::{BAD, GOOD, UNREADABLE};
use crate::builtin::Extensions;
use crate::config::{self, Additions, Config, Options, has_errors};
use crate::host::Disk;
use crate::modules::MODULES;
use crate::source::{Diagnostic, Level, Sources};
use std::os::unix::ffi::OsStringExt;

/// A config that was read, and what is said about it so far.
pub(super) struct Loaded {
    pub(super) config: Config,
    pub(super) sources: Sources,
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl Loaded {
    /// Reads the config; findings are gathered, not shown.
    pub(super) fn new(options: &ConfigOptions, extensions: Extensions, allow_unsupported: bool) -> Loaded {
        let environment = |name: &str| std::env::var_os(name).map(OsStringExt::into_vec);
        let additions = Additions {
            options: Options { lines: options.lines.0.clone(), environment: Some(&environment) },
            modules: options.loadmodule.clone(),
            params: options.modparam.clone(),
            allow_unsupported,
        };
        let mut sources = Sources::default();
        let mut diagnostics = Vec::new();
        let config =
            config::load(options.path(), &Disk, &additions, MODULES, extensions, &mut sources, &mut diagnostics);
        crate::lint::check(&config, &sources, None, &mut diagnostics);
        Loaded { config, sources, diagnostics }
    }

    /// The exit code that the findings so far ask for.
    pub(super) fn code(&self) -> u8 {
        if self.diagnostics.iter().any(|diagnostic| diagnostic.code == "unreadable-file") {
            UNREADABLE
        } else if has_errors(&self.diagnostics) {
            BAD
        } else {
            GOOD
        }
    }

    /// The findings counted: `1 error, 5 warnings`.
    pub(super) fn summary(&self) -> String {
        let count = |level| self.diagnostics.iter().filter(|diagnostic| diagnostic.level == level).count();
        let counted = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
        format!("{}, {}", counted(count(Level::Error), "error"), counted(count(Level::Warning), "warning"))
    }
}
