//! The subcommands of `alanui`, one file each.

mod banner;
mod check;
mod cli;
mod config;
mod corpus;
mod diff;
mod explain;
mod fmt;
mod output;
pub mod record;
mod routes;
mod rows;
mod run;
mod statements;
pub mod test;
mod unbuilt;

use clap::{CommandFactory, Parser};
use cli::{Cli, Command, TestAction};
use output::{Color, Output};
use std::process::ExitCode;

/// Everything is well.
const GOOD: u8 = 0;
/// The config has mistakes, or the server cannot start.
const BAD: u8 = 1;
/// The config cannot be read at all.
const UNREADABLE: u8 = 2;
/// What there is to say cannot be printed: nobody knows how it ended.
const UNPRINTED: u8 = 2;

/// Whether the command line takes these words, the first of which is the program.
///
/// # Errors
/// What is wrong with them.
#[cfg_attr(feature = "closed", expect(dead_code, reason = "for tests and benchmarks"))]
pub fn accepts<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<(), String> {
    Cli::try_parse_from(words).map(|_| ()).map_err(|fault| fault.to_string())
}

/// Does what the command line says.
pub fn main() -> ExitCode {
    let Cli { color, command } = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(fault) => return ExitCode::from(refused(&fault)),
    };
    if !matches!(command, Command::Run(_)) {
        crate::host::end_with_the_reader();
    }
    let mut output = Output::new(color);
    let out = &mut output;
    let code = match command {
        // A server that served well ends well, whoever saw what it said.
        Command::Run(options) => return ExitCode::from(run::run(&options, out)),
        Command::Check(options) => check::check(&options, out),
        Command::Explain(options) => explain::explain(&options.names, out),
        Command::Corpus(options) => corpus::corpus(&options, out),
        Command::Test(command) => match command.action {
            Some(TestAction::Record(options)) => record::run(&options, out),
            None => test::run(&command.play, out),
        },
        Command::Diff(options) => diff::run(&options, out),
        Command::Fmt(options) => fmt::fmt(&options, out),
        Command::Routes(options) => routes::routes(&options, out),
        Command::Completions { shell } => completions(shell, out),
    };
    ExitCode::from(output.end(code))
}

/// Prints what is wrong with a command line, or the help that it asks for.
fn refused(fault: &clap::Error) -> u8 {
    crate::host::end_with_the_reader();
    match fault.print() {
        Ok(()) => u8::try_from(fault.exit_code()).unwrap_or(UNREADABLE),
        Err(error) => {
            let mut output = Output::new(Color::Never);
            output.fault(&format!("the help cannot be printed: {error}"));
            UNPRINTED
        }
    }
}

fn completions(shell: clap_complete::Shell, out: &mut Output) -> u8 {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "alanui", &mut script);
    out.print(&String::from_utf8_lossy(&script));
    GOOD
}
