//! `alanui corpus`: what of a folder of configs alanui reads and runs, and what it lacks for the rest.

mod entry;
mod report;

use super::output::Output;
use super::{BAD, GOOD, UNREADABLE};
use crate::builtin::Extensions;
use crate::config::{self, Additions, Options, Unsupported};
use crate::modules::MODULES;
use crate::source::{Diagnostic, Level, Sources};
use clap::Args;
use entry::Entry;
use std::path::PathBuf;

/// What `alanui corpus` takes.
#[derive(Args, Debug)]
pub(super) struct CorpusOptions {
    /// A folder. With a configs.tsv in it, that names the configs and what Kamailio says of each; otherwise every *.cfg below it is one.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Name every config whose errors differ from what Kamailio says.
    #[arg(long)]
    details: bool,
    /// How many rows each ranking has.
    #[arg(long, value_name = "NUMBER", default_value_t = 25)]
    top: usize,
    /// Also look for what the rules of check find; counted by name.
    #[arg(long)]
    rules: bool,
}

/// What came of one config.
struct Outcome {
    entry: Entry,
    /// Errors that are about its own text, with file and line.
    errors: Vec<Fault>,
    /// What it uses that is not built in.
    unsupported: Vec<Unsupported>,
    /// Names of rules with how often each found something.
    found: Vec<&'static str>,
}

/// An error and its place.
struct Fault {
    code: &'static str,
    file: PathBuf,
    line: usize,
    message: String,
}

/// Looks at every config and prints the figures.
pub(super) fn corpus(options: &CorpusOptions, out: &mut Output) -> u8 {
    let entries = match entry::list(&options.folder) {
        Ok(entries) => entries,
        Err(error) => {
            out.fault(&format!("{}: {error}", options.folder.display()));
            return UNREADABLE;
        }
    };
    let outcomes: Vec<Outcome> = entries.into_iter().map(|entry| look(entry, options.rules)).collect();
    out.print(&report::report(&outcomes, options.top, options.details));
    if report::is_as_kamailio_says(&outcomes) { GOOD } else { BAD }
}

/// Reads one config as Kamailio was made to read it.
fn look(entry: Entry, rules: bool) -> Outcome {
    let (mut sources, mut diagnostics) = (Sources::default(), Vec::new());
    let environment = |name: &str| entry.environment.contains(&name.to_owned()).then(|| b"1".to_vec());
    let lines = entry.lines.clone();
    let options = Options { lines, environment: Some(&environment), ..Options::default() };
    let additions = Additions { options, ..Additions::default() };
    let loaded = config::load(
        &entry.path,
        &entry.files,
        &additions,
        MODULES,
        Extensions::default(),
        &mut sources,
        &mut diagnostics,
    );
    let _ = loaded.start(None, &mut diagnostics);
    let mut found = Vec::new();
    if rules {
        let mut remarks = Vec::new();
        crate::lint::check(&loaded, &sources, None, &mut remarks);
        found = remarks.iter().map(|remark: &Diagnostic| remark.code).collect();
    }
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.level == Level::Error);
    let errors = errors.filter(|diagnostic| !diagnostic.code.starts_with("unsupported-")).map(|diagnostic| {
        let span = diagnostic.labels.first().map(|label| label.span).unwrap_or_default();
        let (line, _) = sources.line_column(span.file, span.start);
        Fault { code: diagnostic.code, file: sources.path(span.file).into(), line, message: diagnostic.message.clone() }
    });
    Outcome { errors: errors.collect(), unsupported: loaded.unsupported.clone(), found, entry }
}
