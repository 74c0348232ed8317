//! `alanui test record`: what was captured becomes a scenario.

use super::output::Output;
use super::unbuilt::UnbuiltOption;
use super::{BAD, GOOD, UNREADABLE};
use crate::builtin::{Extensions, Listen};
use crate::config::{self, Additions, CommandLine, Options, Unbuilt};
use crate::host::Disk;
use crate::modules::MODULES;
use crate::record::{self, Capture, Recording, Server, Wishes};
use crate::sim;
use crate::source::{Sources, render};
use clap::Args;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What to record, and how.
#[derive(Args, Debug, Clone, Default)]
pub struct RecordOptions {
    /// Captures of the same calls: pcap, pcapng, HEP3 packets, message logs of sipp, text as sngrep saves it; - reads standard input.
    #[arg(required = true, value_name = "SOURCE")]
    pub sources: Vec<PathBuf>,
    /// The config of the server.
    #[arg(long, short = 'f', value_name = "FILE", required = true)]
    pub config: PathBuf,
    /// SQL statements that make the database of the config.
    #[arg(long, value_name = "FILE.sql")]
    pub database: Vec<PathBuf>,
    /// Define a word, as #!define does.
    #[arg(long, short = 'A', value_name = "NAME[=VALUE]")]
    pub define: Vec<String>,
    /// What the config may use that is not built in.
    #[command(flatten)]
    pub unbuilt: UnbuiltOption,
    /// Take only this call; may be given several times.
    #[arg(long, value_name = "ID")]
    pub call_id: Vec<String>,
    /// This is the server. When left out: the address that most messages go to or come from.
    #[arg(long, value_name = "ADDRESS[:PORT]")]
    pub server: Vec<Server>,
    /// Replace addresses, domains, users, numbers, names and products, always in the same way, and leave out what proves a password.
    #[arg(long, visible_alias = "anonymize")]
    pub anonymise: bool,
    /// With --anonymise: leave this address, domain, user, number or header as it is, for example because the config knows it.
    #[arg(long, value_name = "WORD", requires = "anonymise")]
    pub keep: Vec<String>,
    /// Write all headers as they were, rather than only those that a peer of the simulator would not make so by itself.
    #[arg(long)]
    pub full: bool,
    /// The scenario to write; when left out, the name of the source with .call behind it, in this folder. - prints it and does nothing else.
    #[arg(long, short = 'o', value_name = "NAME.call")]
    pub output: Option<PathBuf>,
    /// Write over a scenario that is there.
    #[arg(long)]
    pub force: bool,
}

/// Records, plays what was recorded once, and says what to do next. Exits with 0 when it plays, 1 when it does not, or something else happens in
/// it than in the capture, 2 when nothing can be recorded.
pub(super) fn run(options: &RecordOptions, out: &mut Output) -> u8 {
    match record(options, out.color(), out) {
        Ok(code) => code,
        Err(fault) => {
            out.fault(&fault);
            UNREADABLE
        }
    }
}

/// Does it and writes to `out`.
///
/// # Errors
/// Why nothing can be recorded.
pub fn record(options: &RecordOptions, color: bool, out: &mut dyn Write) -> Result<u8, String> {
    let mut files = options.database.iter().chain([&options.config]);
    if let Some(missing) = files.find(|path| !path.is_file()) {
        return Err(format!("{}: there is no such file", missing.display()));
    }
    let mut capture = read(options)?;
    let (mut servers, mut calls) = (options.server.clone(), options.call_id.clone());
    if options.anonymise {
        let anonymous = record::anonymous(&capture, &servers, &calls, &options.keep);
        (capture, servers, calls) = (anonymous.capture, anonymous.servers, anonymous.calls);
    }
    let output = options.output.clone().unwrap_or_else(|| default_output(options));
    let printed = output == Path::new("-");
    let folder = if printed { Path::new("") } else { output.parent().unwrap_or(Path::new("")) };
    let wishes = Wishes { servers, calls, ..wishes(options, folder, &output) };
    let recording = record::scenario(&capture, &wishes).ok_or_else(|| no_server(options))?;
    if printed {
        for remark in &recording.remarks {
            writeln!(io::stderr(), "alanui: {remark}").map_err(|fault| fault.to_string())?;
        }
        return out.write_all(recording.text.as_bytes()).map(|()| GOOD).map_err(|fault| fault.to_string());
    }
    save(&recording, &output, folder, options.force)?;
    tell(&capture, &wishes, &recording, &output, color, out).map_err(|fault| fault.to_string())
}

fn read(options: &RecordOptions) -> Result<Capture, String> {
    let mut capture = Capture::default();
    for path in &options.sources {
        let fault = |fault: &dyn std::fmt::Display| format!("{}: {fault}", path.display());
        let source = Disk.open(path).map_err(|error| fault(&format!("cannot be read: {error}")))?;
        capture.join(record::read(source, &options.call_id).map_err(|error| fault(&error))?);
    }
    Ok(capture)
}

fn no_server(options: &RecordOptions) -> String {
    match options.server.as_slice() {
        [] => "no peer sends anything to a server here".to_owned(),
        _ => "no message goes to the server that --server names, or comes from it".to_owned(),
    }
}

fn default_output(options: &RecordOptions) -> PathBuf {
    let stem = options.sources.first().and_then(|path| path.file_stem()).filter(|stem| *stem != "-");
    Path::new(stem.unwrap_or("recorded".as_ref())).with_extension("call")
}

fn wishes(options: &RecordOptions, folder: &Path, output: &Path) -> Wishes {
    let file = |path: &PathBuf| match path.file_name() {
        Some(name) if name != "-" => name.to_string_lossy().into_owned(),
        _ => "standard input".to_owned(),
    };
    let files: Vec<String> = options.sources.iter().map(file).collect();
    Wishes {
        // The name of a file may name people, too.
        origin: if options.anonymise { "a capture, anonymised".to_owned() } else { files.join(" and ") },
        config: as_word(&relative(folder, &options.config)),
        databases: options.database.iter().map(|path| as_word(&relative(folder, path))).collect(),
        defines: options.define.clone(),
        allows: match options.unbuilt.allowed() {
            Unbuilt::Refused => None,
            Unbuilt::Allowed => Some("allow-unsupported"),
            Unbuilt::AllowedWithAuthentication => Some("allow-unsupported auth"),
        },
        listen: listen(options),
        full: options.full,
        stem: output.file_stem().map_or("recorded".into(), |stem| stem.to_string_lossy().into_owned()),
        ..Wishes::default()
    }
}

/// Where the config listens. What is wrong with it is told when the scenario is played.
fn listen(options: &RecordOptions) -> Vec<Listen> {
    let lines = options.define.iter().map(|define| CommandLine::Define(define.clone())).collect();
    let additions = Additions { options: Options { lines, ..Options::default() }, ..Additions::default() };
    let (mut sources, mut diagnostics) = (Sources::default(), Vec::new());
    let extensions = Extensions::default();
    let config = config::load(&options.config, &Disk, &additions, MODULES, extensions, &mut sources, &mut diagnostics);
    config.settings.listen
}

fn save(recording: &Recording, output: &Path, folder: &Path, force: bool) -> Result<(), String> {
    if output.exists() && !force {
        return Err(format!("{} is there already; give another name by --output, or --force", output.display()));
    }
    let write = |path: &Path, bytes: &[u8]| {
        std::fs::write(path, bytes).map_err(|fault| format!("{} cannot be written: {fault}", path.display()))
    };
    for (name, bytes) in &recording.files {
        write(&folder.join(name), bytes)?;
    }
    write(output, recording.text.as_bytes())
}

/// Plays the scenario and says what came of it.
fn tell(
    capture: &Capture,
    wishes: &Wishes,
    recording: &Recording,
    output: &Path,
    color: bool,
    out: &mut dyn Write,
) -> io::Result<u8> {
    for remark in &recording.remarks {
        writeln!(out, "note: {remark}")?;
    }
    let shown = output.display();
    writeln!(out, "wrote {shown}")?;
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let reading = sim::Reading { files: &Disk, variable: &variable, unbuilt: Unbuilt::Refused };
    let (mut sources, mut diagnostics) = (Sources::default(), Vec::new());
    let scenario = sim::parse(output, &reading, &mut sources, &mut diagnostics).and_then(|all| all.into_iter().next());
    let played = match &scenario {
        Some(scenario) => sim::play(scenario, &reading, MODULES, false, &mut sources).map(|played| (scenario, played)),
        None => Err(diagnostics),
    };
    let (scenario, played) = match played {
        Ok(played) => played,
        Err(faults) => {
            write!(out, "{}", render::human(&sources, &faults, color))?;
            writeln!(out, "it cannot be played yet: mend what is named above, then: alanui test {shown}")?;
            return Ok(BAD);
        }
    };
    writeln!(out, "\n{}", played.ladder)?;
    let differences = record::differences(capture, wishes, scenario, &played);
    if played.failures.is_empty() && differences.is_empty() {
        writeln!(out, "played with this config, the server sends what it sent in the capture")?;
        writeln!(out, "next: read the ladder; if the config should do just that: alanui test --accept {shown}")?;
        return Ok(GOOD);
    }
    write!(out, "{}", render::human(&sources, &played.failures, color))?;
    for difference in differences {
        writeln!(out, "{difference}")?;
    }
    writeln!(out, "played with this config, the server does not send what it sent in the capture")?;
    writeln!(out, "next: find out why, or change the scenario, then: alanui test {shown}")?;
    Ok(BAD)
}

/// The path of `file` as seen from `folder`, where both are there; else as it is.
fn relative(folder: &Path, file: &Path) -> PathBuf {
    let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let (Ok(folder), Ok(whole)) = (here.canonicalize(), file.canonicalize()) else { return file.to_owned() };
    let shared = folder.components().zip(whole.components()).take_while(|(one, other)| one == other).count();
    let up = folder.components().skip(shared).map(|_| std::path::Component::ParentDir);
    up.chain(whole.components().skip(shared)).collect()
}

/// A path as one word of a scenario.
fn as_word(path: &Path) -> String {
    let text = path.display().to_string();
    if text.contains(char::is_whitespace) { format!("\"{text}\"") } else { text }
}
