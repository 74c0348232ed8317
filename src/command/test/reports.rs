//! The files that `alanui test` writes for others, and what is left for standard output.

use crate::report::{Coverage, Outcome, coverage_html, html, json, junit, tap};
use clap::Args;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The reports to write; `-` is standard output, on which nothing else is written then.
#[derive(Args, Debug, Clone, Default)]
pub struct ReportOptions {
    /// Write what was reached as a tracefile of lcov.
    #[arg(long, value_name = "FILE")]
    pub lcov: Option<PathBuf>,
    /// Write the results as JUnit's XML, which CI systems show; - is standard output, for the other reports too.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Write the results as TAP 14.
    #[arg(long, value_name = "FILE")]
    pub tap: Option<PathBuf>,
    /// Write results, messages and reasons as one JSON object.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write a page for people: results, sequence diagrams, the ways that messages took through the config, coverage.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Write a page with the coverage alone: the configs with what ran of them.
    #[arg(long, value_name = "FILE")]
    pub coverage_html: Option<PathBuf>,
}

impl ReportOptions {
    fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.lcov, &self.junit, &self.tap, &self.json, &self.html, &self.coverage_html].into_iter().flatten()
    }

    /// How many of them go to standard output.
    pub(super) fn to_stdout(&self) -> usize {
        self.paths().filter(|path| is_stdout(path)).count()
    }

    /// Whether a file is one of them.
    pub(super) fn contains(&self, path: &Path) -> bool {
        self.paths().any(|its| its.file_name() == path.file_name())
    }

    /// Whether a report tells where in the config something happened.
    pub(super) fn tell_places(&self) -> bool {
        self.json.is_some() || self.html.is_some()
    }

    /// Writes them; `out` is standard output when one goes there.
    ///
    /// # Errors
    /// A file cannot be written; standard error says which.
    pub(super) fn write(
        &self,
        outcomes: &[Outcome],
        coverage: &Coverage,
        out: Option<&mut dyn Write>,
    ) -> io::Result<()> {
        let mut none = io::sink();
        let out = out.unwrap_or(&mut none);
        if let Some(path) = &self.lcov {
            write_report(path, &coverage.lcov(), out)?;
        }
        if let Some(path) = &self.junit {
            write_report(path, &junit(outcomes).map_err(io::Error::other)?, out)?;
        }
        if let Some(path) = &self.tap {
            write_report(path, &tap(outcomes), out)?;
        }
        if let Some(path) = &self.json {
            write_report(path, &json(outcomes, coverage), out)?;
        }
        if let Some(path) = &self.html {
            write_report(path, &html(outcomes, coverage), out)?;
        }
        if let Some(path) = &self.coverage_html {
            write_report(path, &coverage_html(coverage), out)?;
        }
        Ok(())
    }
}

fn is_stdout(path: &Path) -> bool {
    path == Path::new("-")
}

pub(super) fn write_report(path: &Path, text: &str, out: &mut dyn Write) -> io::Result<()> {
    if is_stdout(path) {
        return out.write_all(text.as_bytes());
    }
    let written = std::fs::write(path, text);
    if let Err(fault) = &written {
        writeln!(io::stderr(), "{} cannot be written: {fault}", path.display())?;
    }
    written
}
