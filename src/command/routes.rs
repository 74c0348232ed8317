//! `alanui routes`: who calls whom among the route blocks.

use super::cli::PreprocessorLines;
use super::output::Output;
use super::{BAD, GOOD, UNREADABLE};
use crate::chart::{self, Chart};
use crate::config::{Options, parse_config};
use crate::host::Disk;
use crate::modules::MODULES;
use crate::source::{Level, Sources, render};
use clap::{Args, ValueEnum};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

#[derive(Args, Debug)]
pub(super) struct RoutesOptions {
    /// The config.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How the graph is drawn.
    #[arg(long, value_name = "FORMAT", default_value_t, value_enum)]
    format: Format,
    #[command(flatten)]
    lines: PreprocessorLines,
}

/// How the graph is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A tree for a terminal.
    #[default]
    Text,
    /// For graphviz.
    Dot,
    /// A picture for a browser.
    Svg,
}

/// Draws the graph and gives the exit code. A config that does not parse is drawn as far as it is known.
pub(super) fn routes(options: &RoutesOptions, out: &mut Output) -> u8 {
    let environment = |name: &str| std::env::var_os(name).map(OsStringExt::into_vec);
    let given = Options { lines: options.lines.0.clone(), environment: Some(&environment), ..Options::default() };
    let (mut sources, mut diagnostics) = (Sources::default(), Vec::new());
    let config = parse_config(&options.file, &Disk, &given, &mut sources, &mut diagnostics);
    diagnostics.retain(|found| found.level == Level::Error);
    let broken = !diagnostics.is_empty();
    out.complain(&render::human(&sources, &diagnostics, out.error_color()));
    if diagnostics.iter().any(|found| found.code == "unreadable-file") {
        return UNREADABLE;
    }
    let chart = Chart::new(&config, MODULES);
    let drawn = match options.format {
        Format::Text => Some(chart::text(&chart, &sources)),
        Format::Dot => Some(chart::dot(&chart)),
        Format::Svg => chart::svg(&chart, &sources),
    };
    let Some(drawn) = drawn else {
        let file = options.file.display();
        out.complain(&format!("{file}: too many route blocks for a picture; --format dot has them all\n"));
        return BAD;
    };
    out.print(&drawn);
    if broken { BAD } else { GOOD }
}
