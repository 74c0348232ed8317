//! A config with what the command line adds, and what is said about it: the part that `run` and `check` share.

use super::cli::ConfigOptions;
use super::{BAD, GOOD, UNREADABLE};
use crate::builtin::Extensions;
use crate::config::{self, Additions, CommandLine, Config, Options, Unbuilt, has_errors};
use crate::host::Disk;
use crate::lint::{self, Release};
use crate::modules::MODULES;
use crate::source::{Diagnostic, Files, Level, Sources, Span};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

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
    /// Whether it runs when something is not built in.
    pub(super) unbuilt: Unbuilt,
    /// The release that the config is meant for.
    pub(super) target: Option<Release>,
    /// Words defined beside those of the command line.
    pub(super) with: Vec<String>,
    /// Words that stay undefined whatever the text says.
    pub(super) without: Vec<String>,
    /// Statements that make the rows of the config's database.
    pub(super) database: Option<PathBuf>,
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
            unbuilt: reading.unbuilt,
            stand_ins: Vec::new(),
        };
        let mut sources = Sources::default();
        let mut diagnostics = Vec::new();
        let path = options.path();
        let extensions = reading.extensions;
        let config = config::load(path, &Disk, &additions, MODULES, extensions, &mut sources, &mut diagnostics);
        crate::lint::check(&config, &sources, reading.target, &mut diagnostics);
        destinations(&config, reading.database.as_deref(), &mut sources, &mut diagnostics);
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

/// Looks at the destinations of the dispatcher, where they are at hand: in the list file of the config, or in statements.
fn destinations(config: &Config, database: Option<&Path>, sources: &mut Sources, found: &mut Vec<Diagnostic>) {
    let (mut rows, mut files) = lint::destinations::of_list(config, &Disk, sources);
    if let Some(path) = database {
        match Disk.read(path) {
            Ok(text) => {
                let file = sources.add(path, text.as_slice());
                files.push(file);
                match super::rows::read(config, &text, file, found) {
                    Ok(more) => rows.extend(more),
                    Err(fault) => found.push(unreadable(path, &fault.to_string())),
                }
            }
            Err(fault) => found.push(unreadable(path, &fault.to_string())),
        }
    }
    lint::check_destinations(config, sources, &rows, &files, found);
}

fn unreadable(path: &Path, fault: &str) -> Diagnostic {
    Diagnostic::error("unreadable-file", format!("{} cannot be read: {fault}", path.display()), Span::default())
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

/// So many of something: `1 error`, `2 errors`.
pub(super) fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Findings counted: `1 error, 5 warnings`; notes only when there are some.
pub(super) fn summary(diagnostics: &[Diagnostic]) -> String {
    let count = |level| diagnostics.iter().filter(|diagnostic| diagnostic.level == level).count();
    let main = format!("{}, {}", counted(count(Level::Error), "error"), counted(count(Level::Warning), "warning"));
    match count(Level::Note) {
        0 => main,
        notes => format!("{main}, {}", counted(notes, "note")),
    }
}
