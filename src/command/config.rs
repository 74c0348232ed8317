//! A config with what the command line adds, and what is said about it: the part that `run` and `check` share.

use super::cli::ConfigOptions;
use super::{BAD, GOOD, UNREADABLE};
use crate::builtin::Extensions;
use crate::config::{self, Additions, CommandLine, Config, Options, has_errors};
use crate::host::Disk;
use crate::lint::Release;
use crate::modules::MODULES;
use crate::source::{Diagnostic, Level, Sources};
use std::os::unix::ffi::OsStringExt;

/// A config that was read, and what is said about it so far.
pub(super) struct Loaded {
    pub(super) config: Config,
    pub(super) sources: Sources,
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// How a config is read beyond what its own options say.
#[derive(Clone, Debug, Default)]
pub(super) struct Reading {
    /// The extensions in force.
    pub(super) extensions: Extensions,
    /// Run even if something is not built in.
    pub(super) allow_unsupported: bool,
    /// The release that the config is meant for.
    pub(super) target: Option<Release>,
    /// Words defined beside those of the command line.
    pub(super) with: Vec<String>,
    /// Words that stay undefined whatever the text says.
    pub(super) without: Vec<String>,
}

impl Loaded {
    /// Reads the config; findings are gathered, not shown.
    pub(super) fn new(options: &ConfigOptions, reading: &Reading) -> Loaded {
        let environment = |name: &str| std::env::var_os(name).map(OsStringExt::into_vec);
        let more = reading.with.iter().map(|word| CommandLine::Define(word.clone()));
        let lines = options.lines.0.iter().cloned().chain(more).collect();
        let additions = Additions {
            options: Options { lines, environment: Some(&environment), without: reading.without.clone() },
            modules: options.loadmodule.clone(),
            params: options.modparam.clone(),
            allow_unsupported: reading.allow_unsupported,
        };
        let mut sources = Sources::default();
        let mut diagnostics = Vec::new();
        let path = options.path();
        let extensions = reading.extensions;
        let config = config::load(path, &Disk, &additions, MODULES, extensions, &mut sources, &mut diagnostics);
        crate::lint::check(&config, &sources, reading.target, &mut diagnostics);
        Loaded { config, sources, diagnostics }
    }

    /// The exit code that the findings so far ask for.
    pub(super) fn code(&self) -> u8 {
        code(&self.diagnostics)
    }

    /// The findings counted: `1 error, 5 warnings`.
    pub(super) fn summary(&self) -> String {
        summary(&self.diagnostics)
    }
}

/// The exit code that findings ask for.
pub(super) fn code(diagnostics: &[Diagnostic]) -> u8 {
    if diagnostics.iter().any(|diagnostic| diagnostic.code == "unreadable-file") {
        UNREADABLE
    } else if has_errors(diagnostics) {
        BAD
    } else {
        GOOD
    }
}

/// Findings counted: `1 error, 5 warnings`; notes only when there are some.
pub(super) fn summary(diagnostics: &[Diagnostic]) -> String {
    let count = |level| diagnostics.iter().filter(|diagnostic| diagnostic.level == level).count();
    let counted = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
    let main = format!("{}, {}", counted(count(Level::Error), "error"), counted(count(Level::Warning), "warning"));
    match count(Level::Note) {
        0 => main,
        notes => format!("{main}, {}", counted(notes, "note")),
    }
}
