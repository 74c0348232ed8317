//! The configs of a corpus, and what has to be supplied to each.
//!
//! The columns of `configs.tsv` that count: `path` (the first folder is the repository), `kamailio_c_5.6.3` and `kamailio_c_relaxed` (what
//! `kamailio -c` says, the second after the `relaxations`: `inc FILE` a missing include taken as empty, `env NAME` a variable that is set, `def
//! NAME=VALUE` a define given), `absolute_includes_mapped` (`/path=>path in the repository`).

use crate::config::CommandLine;
use crate::host::Disk;
use crate::source::Files;
use std::io;
use std::path::{Path, PathBuf};

/// One config.
pub(super) struct Entry {
    /// Its name: the path within the corpus.
    pub(super) name: String,
    /// Its file.
    pub(super) path: PathBuf,
    /// What Kamailio says of it, when that is known.
    pub(super) verdict: Option<Verdict>,
    /// Defines given on the command line.
    pub(super) lines: Vec<CommandLine>,
    /// Environment variables that are set.
    pub(super) environment: Vec<String>,
    /// Where it reads.
    pub(super) files: Supplied,
}

/// What Kamailio says of a config.
pub(super) enum Verdict {
    /// It is read.
    Good,
    /// It is refused: the message, and the file and line when it names them.
    Refused(String, Option<(String, usize)>),
}

/// The disk, with files of a machine that is not there.
pub(super) struct Supplied {
    mapped: Vec<(PathBuf, PathBuf)>,
    empty: Vec<PathBuf>,
}

impl Files for Supplied {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if let Some((_, real)) = self.mapped.iter().find(|(written, _)| written == path) {
            return Disk.read(real);
        }
        Disk.read(path).or_else(|error| {
            let is_empty = self.empty.iter().any(|empty| path == empty || empty.is_relative() && path.ends_with(empty));
            if is_empty { Ok(Vec::new()) } else { Err(error) }
        })
    }
}

/// The configs below a folder.
pub(super) fn list(folder: &Path) -> io::Result<Vec<Entry>> {
    let table = folder.join("configs.tsv");
    if !table.exists() {
        let mut paths = Vec::new();
        walk(folder, &mut paths)?;
        paths.sort();
        return Ok(paths.into_iter().map(|path| plain(folder, path)).collect());
    }
    let text = std::fs::read_to_string(table)?;
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    Ok(lines.map(|line| described(folder, &names, line)).collect())
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), paths)?;
        } else if entry.path().extension().is_some_and(|extension| extension == "cfg") {
            paths.push(entry.path());
        }
    }
    Ok(())
}

fn plain(folder: &Path, path: PathBuf) -> Entry {
    let name = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
    let files = Supplied { mapped: Vec::new(), empty: Vec::new() };
    Entry { name, path, verdict: None, lines: Vec::new(), environment: Vec::new(), files }
}

fn described(folder: &Path, names: &[&str], line: &str) -> Entry {
    let cells: Vec<&str> = line.split('\t').collect();
    let cell = |name: &str| {
        let at = names.iter().position(|its| *its == name);
        at.and_then(|at| cells.get(at).copied()).unwrap_or_default()
    };
    let name = cell("path").to_owned();
    let path = folder.join("configs").join(&name);
    let repository = folder.join("configs").join(name.split('/').next().unwrap_or_default());
    let pairs = cell("absolute_includes_mapped").split_whitespace().filter_map(|pair| pair.split_once("=>"));
    let mapped = pairs.map(|(written, real)| (PathBuf::from(written), repository.join(real))).collect();
    let (mut lines, mut environment, mut empty) = (Vec::new(), Vec::new(), Vec::new());
    for relaxation in cell("relaxations").split("; ") {
        match relaxation.split_once(' ') {
            Some(("def", define)) => lines.push(CommandLine::Define(define.to_owned())),
            Some(("env", name)) => environment.push(name.to_owned()),
            Some(("inc", file)) => empty.push(PathBuf::from(file)),
            _ => {}
        }
    }
    let verdict = match cell("kamailio_c_relaxed") {
        "ok" => Verdict::Good,
        said => Verdict::Refused(said.to_owned(), place(said)),
    };
    Entry { name, path, verdict: Some(verdict), lines, environment, files: Supplied { mapped, empty } }
}

/// The file and line that a message of Kamailio's parser names.
fn place(said: &str) -> Option<(String, usize)> {
    let (_, rest) = said.split_once("parse error in config file ")?;
    let (file, rest) = rest.split_once(", line ")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some((file.to_owned(), digits.parse().ok()?))
}
