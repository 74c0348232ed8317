//! Text to scenario. Every mistake is a diagnostic with its place, and reading goes on behind it.

use super::blocks::{Block, blocks};
use super::keyword::{Misread, Said, keyword};
use super::rows::Table;
use super::scenario::{Faults, Scenario, Step};
use super::steps;
use super::words::Word;
use crate::config::Unbuilt;
use crate::source::{Diagnostic, FileId, Files, Sources, Span};
use jiff::tz::TimeZone;
use std::path::{Path, PathBuf};

/// What reading a scenario needs beside its text.
pub struct Reading<'a> {
    /// Where files come from.
    pub files: &'a dyn Files,
    /// The value of `$NAME` at the beginning of a path.
    pub variable: &'a dyn Fn(&str) -> Option<PathBuf>,
    /// What every scenario allows of its config, whether or not it says so itself.
    pub unbuilt: Unbuilt,
}

/// Reads the scenario `path`: one, or with a table of inputs one for each row. `None` when something is wrong; `diagnostics` says what.
pub fn parse(
    path: &Path,
    reading: &Reading,
    sources: &mut Sources,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Vec<Scenario>> {
    let text = match reading.files.read(path) {
        Ok(text) => text,
        Err(fault) => {
            let file = sources.add(path, &b""[..]);
            let span = Span { file, start: 0, end: 0 };
            diagnostics.push(Diagnostic::error("unreadable-file", format!("cannot be read: {fault}"), span));
            return None;
        }
    };
    let file = sources.add(path, text.clone());
    let text = match String::from_utf8(text) {
        Ok(text) => text,
        Err(fault) => {
            let at = fault.utf8_error().valid_up_to() as u32;
            let span = Span { file, start: at, end: at + 1 };
            diagnostics.push(Diagnostic::error("scenario-syntax", "this is not UTF-8", span));
            return None;
        }
    };
    let before = diagnostics.len();
    let (tables, blocks): (Vec<Block>, Vec<Block>) =
        blocks(file, &text, diagnostics).into_iter().partition(|block| block.is("table"));
    if let Some(second) = tables.get(1) {
        diagnostics.push(Diagnostic::error("scenario-syntax", "a scenario has one table", second.span));
    }
    let Some(table) = tables.first().map(|block| Table::read(block, diagnostics)) else {
        let scenario = scenario(path, reading, &blocks, file, diagnostics);
        return (diagnostics.len() == before).then_some(vec![scenario]);
    };
    blocks.iter().for_each(|block| table.unknown(block, diagnostics));
    let mut scenarios = Vec::new();
    for (row, name) in table.names().enumerate() {
        let filled: Vec<Block> = blocks.iter().map(|block| table.filled(row, block)).collect();
        let mut found = Vec::new();
        let scenario = scenario(path, reading, &filled, file, &mut found);
        // What is wrong in one row is mostly wrong in all.
        let place = |found: &Diagnostic| found.labels.first().map(|label| label.span);
        let is_known = |new: &Diagnostic| diagnostics.iter().any(|old| place(old) == place(new));
        let fresh: Vec<Diagnostic> = found.into_iter().filter(|new| !is_known(new)).collect();
        diagnostics.extend(fresh);
        scenarios.push(Scenario { row: Some(name), ..scenario });
    }
    (diagnostics.len() == before).then_some(scenarios)
}

fn scenario(
    path: &Path,
    reading: &Reading,
    blocks: &[Block],
    file: FileId,
    diagnostics: &mut Vec<Diagnostic>,
) -> Scenario {
    let empty = Scenario { unbuilt: reading.unbuilt, ..Scenario::empty() };
    let mut parser = Parser { path, reading, diagnostics, scenario: empty, config: None };
    for block in blocks {
        parser.block(block);
    }
    parser.finish(file);
    parser.scenario
}

pub(super) struct Parser<'a, 'b> {
    path: &'a Path,
    reading: &'a Reading<'b>,
    pub(super) diagnostics: &'a mut Vec<Diagnostic>,
    pub(super) scenario: Scenario,
    pub(super) config: Option<Span>,
}

impl Scenario {
    /// One in which nothing happens, of no config yet.
    pub(super) fn empty() -> Scenario {
        Scenario {
            row: None,
            config: PathBuf::new(),
            config_span: Span::default(),
            defines: Vec::new(),
            strict: false,
            unbuilt: Unbuilt::Refused,
            stand_ins: Vec::new(),
            files: Vec::new(),
            databases: Vec::new(),
            records: Vec::new(),
            seed: 1,
            clock: Scenario::CLOCK,
            zone: TimeZone::UTC,
            latency: Scenario::LATENCY,
            faults: Faults::default(),
            canned: Vec::new(),
            pages: Vec::new(),
            listen: Vec::new(),
            stands: Vec::new(),
            machine: Scenario::MACHINE,
            peers: Vec::new(),
            steps: Vec::new(),
        }
    }
}

impl Parser<'_, '_> {
    pub(super) fn fault(&mut self, span: Span, message: impl Into<String>) {
        self.diagnostics.push(Diagnostic::error("scenario-syntax", message, span));
    }

    pub(super) fn helped(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.diagnostics.push(Diagnostic::error("scenario-syntax", message, span).help(help));
    }

    /// A path of the scenario: relative to its folder, or beginning with a variable.
    pub(super) fn path(&mut self, word: &Word) -> Option<PathBuf> {
        if let Some(rest) = word.text.strip_prefix('$') {
            let (name, below) = rest.split_once('/').unwrap_or((rest, ""));
            let Some(root) = (self.reading.variable)(name) else {
                self.helped(word.span, format!("${name} is not set"), "set it in the environment");
                return None;
            };
            return Some(root.join(below));
        }
        let folder = self.path.parent().unwrap_or(Path::new(""));
        Some(normal(&folder.join(&word.text)))
    }

    pub(super) fn read(&mut self, word: &Word) -> Option<Vec<u8>> {
        let path = self.path(word)?;
        match self.reading.files.read(&path) {
            Ok(bytes) => Some(bytes),
            Err(fault) => {
                self.fault(word.span, format!("{} cannot be read: {fault}", path.display()));
                None
            }
        }
    }

    /// Nothing can stand below a line.
    pub(super) fn bare(&mut self, block: &Block) {
        if let Some(line) = block.below.first() {
            self.fault(line.span, "nothing can stand below this line");
        }
    }

    fn block(&mut self, block: &Block) {
        let Some((first, rest)) = block.words.split_first() else { return };
        let said = match keyword(&first.text) {
            Some(row) => {
                let said = (row.read)(self, block, rest);
                if let Err(Misread::Form) = said {
                    self.helped(block.span, format!("this is not how {} is written", row.name), row.usage);
                } else if !row.has_lines {
                    self.bare(block);
                }
                said.ok()
            }
            None => steps::of_peers(self, block, first, rest).map(Said::Happens),
        };
        match said {
            Some(Said::Happens(action)) => self.scenario.steps.push(Step { span: block.span, action }),
            Some(Said::Stage) if !self.scenario.steps.is_empty() => {
                self.fault(block.span, format!("{} goes before everything that happens", first.text));
            }
            Some(Said::Stage | Said::AtFirst) | None => {}
        }
    }

    fn finish(&mut self, file: FileId) {
        if self.config.is_none() {
            let span = Span { file, start: 0, end: 0 };
            self.helped(span, "the scenario names no config", "begin with a line such as: config ../kamailio.cfg");
        }
    }
}

/// The path without `.` and `x/..`.
fn normal(path: &Path) -> PathBuf {
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir
                if matches!(parts.components().next_back(), Some(std::path::Component::Normal(_))) =>
            {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::scenario::Action;
    use crate::source::render;
    use std::collections::BTreeMap;
    use std::io;

    struct Table(BTreeMap<PathBuf, Vec<u8>>);

    impl Files for Table {
        fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
            self.0.get(path).cloned().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
        }
    }

    fn read(text: &str) -> (Option<Scenario>, String) {
        let files = Table(BTreeMap::from([(PathBuf::from("a/b/t.call"), text.into())]));
        let reading = Reading {
            files: &files,
            variable: &|name| (name == "HERE").then(|| PathBuf::from("/here")),
            unbuilt: Unbuilt::Refused,
        };
        let (mut sources, mut diagnostics) = (Sources::default(), Vec::new());
        let scenarios = parse(Path::new("a/b/t.call"), &reading, &mut sources, &mut diagnostics);
        (scenarios.map(|mut all| all.remove(0)), render::human(&sources, &diagnostics, false))
    }

    #[test]
    fn a_whole_scenario() {
        let text = "\
# A call.
config ../kamailio.cfg
database $HERE/routing.sql more.sql for routing.db
define WITH_X
define PORT 5070
strict
seed 7
clock 2026-06-01 08:30:00
listen udp:198.51.100.7
peer alice 192.0.2.10
peer bob 10.0.1.10:5070 uses 198.51.100.7:5060

bob always answers OPTIONS with 200
alice sends INVITE sip:bob@example.com in first
  User-Agent: test        # a header's value runs to the end of the line
  | v=0
  |
expect bob gets INVITE
  Max-Forwards: 69
bob answers 486 \"Busy Here\" to INVITE
wait until 1.5s
lose next 2 from alice
sql SELECT 1
    FROM t
database slow 2s
show messages
";
        let (scenario, faults) = read(text);
        let scenario = scenario.unwrap_or_else(|| panic!("{faults}"));
        assert_eq!(scenario.config, Path::new("a/kamailio.cfg"));
        assert_eq!(scenario.databases[0].paths, [Path::new("/here/routing.sql"), Path::new("a/b/more.sql")]);
        assert_eq!(scenario.defines, ["WITH_X", "PORT=5070"]);
        assert_eq!(scenario.peers[1].uses, Some("198.51.100.7:5060".parse().unwrap()));
        assert_eq!(scenario.steps.len(), 9);
        let Action::Send(0, sending) = &scenario.steps[1].action else { panic!() };
        assert_eq!(
            sending.extra.headers,
            [("User-Agent".to_owned(), "test        # a header's value runs to the end of the line".to_owned())]
        );
        assert_eq!(sending.extra.body, ["v=0", ""]);
        let Action::Host(sql) = &scenario.steps[6].action else { panic!() };
        assert_eq!(format!("{sql:?}"), "Sql(\"SELECT 1\\nFROM t\")");
    }

    #[test]
    fn mistakes_are_shown_where_they_stand() {
        let text = "\
peer alice 192.0.2.10:99999
  below
peer bob 10.0.1.10
carol sends INVITE sip:x
bob answers 99
bob sends
wait long
bob dances
peer late 10.0.0.1
config $NOWHERE/x.cfg
expect bob gets
show everything
sql
bob sends INVITE sip:a
  no header
";
        let (scenario, faults) = read(text);
        assert!(scenario.is_none());
        insta::assert_snapshot!(faults);
    }

    #[test]
    fn mistakes_in_tables_and_answers() {
        let text = "\
config k.cfg
loss much
peer carol tls:10.0.1.11
peer alice 192.0.2.10
table
  user | code
  bob  | 200 | more
  dan  | 404
database answers \"FROM t\"
  a | b
  1
invite bob@example.com to alice
invite {usr}@example.com from alice
  | {body} is none of the table's business
expect {code}
expect header X ~ \"(\"
expect no
rtpengine dances
rtpengine answers
rtpengine 10.0.0.5 fails to
rtpengine is silent
  | here
";
        let (scenario, faults) = read(text);
        assert!(scenario.is_none());
        insta::assert_snapshot!(faults);
    }
}
