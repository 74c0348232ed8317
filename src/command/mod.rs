//! The subcommands of `alanui`, one file each.

mod banner;
mod check;
mod cli;
mod config;
mod corpus;
mod diff;
mod explain;
mod fmt;
pub mod record;
mod routes;
mod rows;
mod run;
mod statements;
pub mod test;
mod unbuilt;

use clap::{CommandFactory, Parser};
use cli::{Cli, Command, TestAction};
use std::process::ExitCode;

/// Everything is well.
const GOOD: u8 = 0;
/// The config has mistakes, or the server cannot start.
const BAD: u8 = 1;
/// The config cannot be read at all.
const UNREADABLE: u8 = 2;

/// Whether the command line takes these words, the first of which is the program.
///
/// # Errors
/// What is wrong with them.
pub fn accepts<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<(), String> {
    Cli::try_parse_from(words).map(|_| ()).map_err(|fault| fault.to_string())
}

/// Does what the command line says.
pub fn main() -> ExitCode {
    let command = Cli::parse().command;
    if !matches!(command, Command::Run(_)) {
        crate::host::end_with_the_reader();
    }
    let code = match command {
        Command::Run(options) => run::run(&options),
        Command::Check(options) => check::check(&options),
        Command::Explain(options) => explain::explain(&options.names),
        Command::Corpus(options) => corpus::corpus(&options),
        Command::Test(command) => match command.action {
            Some(TestAction::Record(options)) => record::run(&options),
            None => test::run(&command.play),
        },
        Command::Diff(options) => diff::run(&options),
        Command::Fmt(options) => fmt::fmt(&options),
        Command::Routes(options) => routes::routes(&options),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "alanui", &mut std::io::stdout());
            GOOD
        }
    };
    ExitCode::from(code)
}
