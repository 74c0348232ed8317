//! `alanui check`: everything that is wrong with a config, at once.

mod fix;
mod fold;
mod levels;
mod variants;

use super::cli::{CheckOptions, Format};
use super::config::{Loaded, Reading, code, summary};
use super::output::Output;
use super::{BAD, explain};
use crate::builtin::Extensions;
use crate::config::{Config, extension_diagnostics};
use crate::lint::Release;
use crate::source::{Diagnostic, Sources, in_order, render};

/// What was found in one variant of a config.
struct Found {
    /// The words that make the variant; empty for the config as it is.
    variant: String,
    sources: Sources,
    diagnostics: Vec<Diagnostic>,
}

/// Says what is wrong with a config and gives the exit code. Nothing is opened but files of the config.
pub(super) fn check(options: &CheckOptions, out: &mut Output) -> u8 {
    if let Some(name) = &options.explain {
        return explain::explain(std::slice::from_ref(name), out);
    }
    let levels = match levels::Levels::new(options) {
        Ok(levels) => levels,
        Err(fault) => {
            out.fault(&fault);
            return BAD;
        }
    };
    // Extensions stay in force under --strict, so that each is named where it is relied on instead of failing in its own way.
    let target = options.target;
    let database = options.database.clone();
    let reading = Reading { extensions: Extensions::default(), target, database, ..Reading::default() };
    let (config, base) = look(options, &reading, &levels, String::new());
    let mut all = vec![base];
    if options.all_variants {
        let sources = all[0].sources.clone();
        variants::each(&config, &sources, |variant, with, without| {
            let reading = Reading { with, without, ..reading.clone() };
            let (config, mut found) = look(options, &reading, &levels, variant);
            found.diagnostics.retain(|diagnostic| !is_known(&all, &found.sources, diagnostic));
            let sources = found.sources.clone();
            all.push(found);
            (config, sources)
        });
    }
    if options.fix || options.diff {
        return fix::fix(&all[0].sources, &all[0].diagnostics, options.fix, out);
    }
    show(options, &all, out);
    let diagnostics: Vec<Diagnostic> = all.into_iter().flat_map(|found| found.diagnostics).collect();
    code(&diagnostics)
}

/// Reads one variant and gathers what is wrong with it, in the order of the text.
fn look(options: &CheckOptions, reading: &Reading, levels: &levels::Levels, variant: String) -> (Config, Found) {
    let mut loaded = Loaded::new(&options.config, reading);
    let started = loaded.config.start(None, &mut loaded.diagnostics);
    let used = [loaded.config.used.as_slice(), &started.used].concat();
    loaded.diagnostics.extend(extension_diagnostics(&used, options.config.strict));
    let mut diagnostics = levels.apply(loaded.diagnostics);
    in_order(&mut diagnostics);
    (loaded.config, Found { variant, sources: loaded.sources, diagnostics })
}

/// Whether another variant said the same of the same place.
fn is_known(all: &[Found], sources: &Sources, diagnostic: &Diagnostic) -> bool {
    let place = |sources: &Sources, diagnostic: &Diagnostic| {
        let span = diagnostic.labels.first().map(|label| label.span).unwrap_or_default();
        (sources.path(span.file).to_path_buf(), span.start, span.end)
    };
    let its = place(sources, diagnostic);
    let same = |found: &Found, other: &Diagnostic| {
        other.code == diagnostic.code && other.message == diagnostic.message && place(&found.sources, other) == its
    };
    all.iter().any(|found| found.diagnostics.iter().any(|other| same(found, other)))
}

fn show(options: &CheckOptions, all: &[Found], out: &mut Output) {
    match options.format {
        Format::Human => {
            let color = out.color();
            let mut diagnostics: Vec<Diagnostic> = Vec::new();
            for found in all.iter().filter(|found| !found.diagnostics.is_empty()) {
                if !found.variant.is_empty() {
                    out.print(&format!("-- {}\n\n", found.variant));
                }
                let folded = fold::fold(&found.sources, &found.diagnostics);
                out.print(&render::human(&found.sources, &folded, color));
                diagnostics.extend(folded);
            }
            let variants = if all.len() > 1 { format!(" in {} variants", all.len()) } else { String::new() };
            out.print(&format!("{}: {}{variants}\n", options.config.path().display(), summary(&diagnostics)));
        }
        Format::Json => {
            for found in all {
                out.print(&render::json(&found.sources, &found.diagnostics));
            }
        }
        Format::Github => {
            for found in all {
                out.print(&render::github(&found.sources, &found.diagnostics));
            }
        }
        Format::Sarif => {
            let pieces: Vec<(&Sources, &[Diagnostic])> =
                all.iter().map(|found| (&found.sources, found.diagnostics.as_slice())).collect();
            out.print(&format!("{}\n", render::sarif(&pieces, &explain::described)));
        }
    }
}

/// Reads the value of `--target`.
pub(super) fn release(text: &str) -> Result<Release, String> {
    Release::read(text).filter(|release| Release::KNOWN.contains(release)).ok_or_else(|| {
        let known: Vec<_> =
            Release::KNOWN.iter().map(|known| format!("kamailio-{}.{}", known.major, known.minor)).collect();
        format!("nothing is known of this release; those that are: {}", known.join(", "))
    })
}
