//! The command line.

use super::output::Color;
use super::unbuilt::UnbuiltOption;
use crate::config::CommandLine;
use crate::host::{DEFAULT_WORKERS, LogFormat};
use crate::lint::Release;
use clap::{Arg, ArgAction, ArgMatches, Args, FromArgMatches, Parser, Subcommand, ValueEnum, value_parser};
use clap_complete::Shell;
use std::path::PathBuf;

/// A SIP server that runs Kamailio's own configuration files.
#[derive(Parser, Debug)]
#[command(version, about, max_term_width = 100)]
pub(super) struct Cli {
    /// Colour what is printed.
    #[arg(long, value_name = "WHEN", default_value_t, value_enum, global = true)]
    pub(super) color: Color,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    /// Serve SIP with a config.
    Run(RunOptions),
    /// Say everything that is wrong with a config; nothing is opened.
    ///
    /// Exits with 0 when it is good, 1 when it has errors, 2 when it cannot be read.
    Check(CheckOptions),
    /// Play scenarios against their configs and compare what happens with what was accepted.
    ///
    /// Exits with 0 when all is as accepted, 1 when something differs, 2 when a scenario or its config has mistakes.
    Test(Box<TestCommand>),
    /// Play scenarios with two configs, mostly one before and after a change, and say what is decided otherwise.
    ///
    /// Exits with 0 when all is decided alike, 1 when something changes, 2 when a config or scenario cannot be read.
    Diff(super::diff::DiffOptions),
    /// Say what a function, variable, parameter, rule or any other name means.
    Explain(ExplainOptions),
    /// Say of a folder of configs what alanui reads and runs of them, and rank what it lacks for the rest.
    Corpus(super::corpus::CorpusOptions),
    /// Lay configs out as the stock ones are: tabs, one statement a line, comments and directives where they were.
    ///
    /// A file is only written when its meaning stays the same, whatever is defined; one with syntax errors stays as it is.
    /// Exits with 0 when all is well, 1 when a file has mistakes or, with --check, would change, 2 when one cannot be read.
    Fmt(super::fmt::FmtOptions),
    /// Draw which route blocks call which.
    ///
    /// Works on configs with mistakes, too. Exits with 0 when the config could be read, 1 when parts of it could not, 2 when there is none.
    Routes(super::routes::RoutesOptions),
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct TestCommand {
    #[command(flatten)]
    pub(super) play: super::test::TestOptions,
    #[command(subcommand)]
    pub(super) action: Option<TestAction>,
}

#[derive(Subcommand, Debug)]
pub(super) enum TestAction {
    /// Make a scenario of what was captured.
    ///
    /// Exits with 0 when it plays and the same happens as in the capture, 1 when it does not, 2 when nothing can be recorded.
    Record(super::record::RecordOptions),
}

#[derive(Args, Debug)]
pub(super) struct RunOptions {
    #[command(flatten)]
    pub(super) config: ConfigOptions,
    /// Listen here too: [PROTO:]ADDRESS[:PORT][/ADVERTISED[:PORT]]. An address, a host name or an interface; port 5060 when left out.
    #[arg(short = 'l', value_name = "ADDRESS")]
    pub(super) add_listen: Vec<String>,
    /// Listen here only, whatever the config says; written as for -l.
    #[arg(long, value_name = "ADDRESS")]
    pub(super) listen: Vec<String>,
    /// Make an SQLite database that the config names and that is missing from these statements; one that is there is left alone.
    #[arg(long, value_name = "FILE.sql")]
    pub(super) init_db: Option<PathBuf>,
    #[command(flatten)]
    pub(super) unbuilt: UnbuiltOption,
    /// Threads that serve, each with its share of the calls. One carries thousands of calls a second.
    #[arg(long, short = 'n', value_name = "NUMBER", default_value_t = DEFAULT_WORKERS as u16, value_parser = value_parser!(u16).range(1..=256))]
    pub(super) workers: u16,
    /// How log lines are written to standard error.
    #[arg(long, value_name = "FORMAT", default_value_t, value_enum)]
    pub(super) log_format: LogFormat,
    /// Write every SIP packet that comes and goes to this file, in the pcap format of wireshark, sngrep and `alanui test record`.
    #[arg(long, value_name = "FILE")]
    pub(super) trace_messages: Option<PathBuf>,
    /// With --trace-messages: only packets of this call.
    #[arg(long, value_name = "ID", requires = "trace_messages")]
    pub(super) trace_call_id: Option<String>,
    /// Raise the debug level, from 0; given at all, it wins over the config. -ddd is debug, -dddd also shows each packet.
    #[arg(short = 'd', action = ArgAction::Count)]
    pub(super) debug: u8,
    /// Accepted for Kamailio's scripts: alanui stays in the foreground.
    #[arg(short = 'D', action = ArgAction::Count)]
    _foreground: u8,
    /// Accepted for Kamailio's scripts: alanui logs to standard error.
    #[arg(short = 'E', action = ArgAction::Count)]
    _log_to_stderr: u8,
}

#[derive(Args, Debug)]
pub(super) struct CheckOptions {
    #[command(flatten)]
    pub(super) config: ConfigOptions,
    /// How findings are written.
    #[arg(long, value_name = "FORMAT", default_value_t, value_enum)]
    pub(super) format: Format,
    /// Leave out what this rule or group of rules finds: all, errors, warnings, security, performance, portability, hints.
    #[arg(long, value_name = "CODE", value_delimiter = ',')]
    pub(super) allow: Vec<String>,
    /// Make a warning of it.
    #[arg(long, value_name = "CODE", value_delimiter = ',')]
    pub(super) warn: Vec<String>,
    /// Make an error of it.
    #[arg(long, value_name = "CODE", value_delimiter = ',')]
    pub(super) deny: Vec<String>,
    /// The release that the config is meant for: kamailio-5.6, kamailio-5.8, kamailio-6.0, kamailio-6.1.
    #[arg(long, value_name = "RELEASE", value_parser = super::check::release)]
    pub(super) target: Option<Release>,
    /// Read the destinations of the dispatcher from these SQL statements; the database that the config names is left alone.
    #[arg(long, value_name = "FILE.sql")]
    pub(super) database: Option<PathBuf>,
    /// Also read the branches of #!ifdef that are switched off: as few variants as read each branch once.
    #[arg(long)]
    pub(super) all_variants: bool,
    /// Make the changes that are certain, and show them as a diff.
    #[arg(long)]
    pub(super) fix: bool,
    /// Show these changes and make none.
    #[arg(long, conflicts_with = "fix")]
    pub(super) diff: bool,
    /// Say what a code means, and do nothing else.
    #[arg(long, value_name = "CODE")]
    pub(super) explain: Option<String>,
}

#[derive(Args, Debug)]
pub(super) struct ExplainOptions {
    /// Functions, parameters, settings, $variables, {transformations}, modules, rules and codes of check, extensions.
    #[arg(value_name = "NAME", required = true)]
    pub(super) names: Vec<String>,
}

/// How findings are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// With the lines they speak of.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Annotations of GitHub Actions.
    Github,
}

/// Which config, and what the command line adds to it.
#[derive(Args, Debug)]
pub(super) struct ConfigOptions {
    /// The config; - reads standard input.
    #[arg(value_name = "FILE", conflicts_with = "file_option", default_value = "/etc/kamailio/kamailio.cfg")]
    file: PathBuf,
    /// The same, as Kamailio takes it.
    #[arg(short = 'f', value_name = "FILE")]
    file_option: Option<PathBuf>,
    #[command(flatten)]
    pub(super) lines: PreprocessorLines,
    /// Load this module before the config is read.
    #[arg(long, value_name = "NAME")]
    pub(super) loadmodule: Vec<String>,
    /// Set a parameter, whatever the config says: MODULE:PARAMETER:TYPE:VALUE, where the type is s or i.
    #[arg(long, value_name = "M:P:T:V")]
    pub(super) modparam: Vec<String>,
    /// Kamailio to the letter: every extension of alanui is off; check makes each that the config relies on an error.
    #[arg(long)]
    pub(super) strict: bool,
}

impl ConfigOptions {
    /// The config's path.
    pub(super) fn path(&self) -> &PathBuf {
        self.file_option.as_ref().unwrap_or(&self.file)
    }
}

/// `-A`, `--subst`, `--substdef` and `--substdefs` in the order in which they were given among each other.
#[derive(Debug, Default)]
pub(super) struct PreprocessorLines(pub(super) Vec<CommandLine>);

/// The options, what makes a line of each, and what their help says.
type LineOption = (&'static str, fn(String) -> CommandLine, &'static str, &'static str);

const LINE_OPTIONS: [LineOption; 4] = [
    ("define", CommandLine::Define, "NAME[=VALUE]", "Define a word, as #!define does"),
    ("subst", CommandLine::Subst, "/REGEX/TEXT/FLAGS", "Replace text in strings, as #!subst does"),
    ("substdef", CommandLine::SubstDefine, "/WORD/TEXT/", "Replace in strings and define, as #!substdef does"),
    ("substdefs", CommandLine::SubstDefineQuoted, "/WORD/TEXT/", "The same, the define in quotes, as #!substdefs does"),
];

impl FromArgMatches for PreprocessorLines {
    fn from_arg_matches(matches: &ArgMatches) -> Result<PreprocessorLines, clap::Error> {
        let mut lines = PreprocessorLines::default();
        lines.update_from_arg_matches(matches)?;
        Ok(lines)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let mut placed = Vec::new();
        for (name, line, ..) in LINE_OPTIONS {
            let texts = matches.get_many::<String>(name).into_iter().flatten();
            placed.extend(matches.indices_of(name).into_iter().flatten().zip(texts.map(|text| line(text.clone()))));
        }
        placed.sort_by_key(|(place, _)| *place);
        self.0 = placed.into_iter().map(|(_, line)| line).collect();
        Ok(())
    }
}

impl Args for PreprocessorLines {
    fn augment_args(mut command: clap::Command) -> clap::Command {
        for (name, _, value, help) in LINE_OPTIONS {
            let arg = Arg::new(name).long(name).value_name(value).help(help).action(ArgAction::Append);
            command = command.arg(if name == "define" { arg.short('A') } else { arg });
        }
        command
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn preprocessor_options_keep_their_order_among_each_other() {
        let words = "alanui run x.cfg -A ONE --subst /a/b/ -ATWO=2 --substdefs /c/d/ --substdef=/e/f/ --define THREE -DD -E -ddd";
        let cli = Cli::try_parse_from(words.split(' ')).expect("all are known");
        let Command::Run(options) = cli.command else { panic!("it says run") };
        let lines = [
            CommandLine::Define("ONE".into()),
            CommandLine::Subst("/a/b/".into()),
            CommandLine::Define("TWO=2".into()),
            CommandLine::SubstDefineQuoted("/c/d/".into()),
            CommandLine::SubstDefine("/e/f/".into()),
            CommandLine::Define("THREE".into()),
        ];
        assert_eq!(options.config.lines.0, lines);
        assert_eq!(options.debug, 3);
        assert_eq!(options.config.path(), &PathBuf::from("x.cfg"));
    }

    #[test]
    fn the_config_comes_either_way() {
        for words in ["alanui check a.cfg", "alanui check -f a.cfg", "alanui check -fa.cfg"] {
            let cli = Cli::try_parse_from(words.split(' ')).expect("all are known");
            let Command::Check(options) = cli.command else { panic!("it says check") };
            assert_eq!(options.config.path(), &PathBuf::from("a.cfg"), "{words}");
        }
    }
}
