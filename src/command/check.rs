//! `alanui check`: everything that is wrong with a config, at once.

use super::cli::{CheckOptions, Format};
use super::config::Loaded;
use crate::builtin::Extensions;
use crate::config::extension_diagnostics;
use crate::source::render;
use std::io::{IsTerminal, stdout};

/// Says what is wrong with a config and gives the exit code. Nothing is opened but files of the config.
pub(super) fn check(options: &CheckOptions) -> u8 {
    // Extensions stay in force under --strict, so that each is named where it is relied on instead of failing in its own way.
    let mut loaded = Loaded::new(&options.config, Extensions::default(), false);
    let started = loaded.config.start(None, &mut loaded.diagnostics);
    let used = [loaded.config.used.as_slice(), &started.used].concat();
    loaded.diagnostics.extend(extension_diagnostics(&used, options.config.strict));
    // In the order of the text, whatever found them.
    loaded.diagnostics.sort_by_key(|diagnostic| diagnostic.labels.first().map(|label| label.span));
    match options.format {
        Format::Human => {
            print!("{}", render::human(&loaded.sources, &loaded.diagnostics, stdout().is_terminal()));
            println!("{}: {}", options.config.path().display(), loaded.summary());
        }
        Format::Json => print!("{}", render::json(&loaded.sources, &loaded.diagnostics)),
    }
    loaded.code()
}
