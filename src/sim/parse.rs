//! Text to scenario. Every mistake is a diagnostic with its place, and reading goes on behind it.

use super::blocks::{Block, blocks};
use super::digest::Account;
use super::dns;
use super::pages;
use super::rows::Table;
use super::scenario::{DatabaseFile, Faults, PeerLine, Scenario};
use super::steps;
use super::words::{Word, calendar, duration};
use crate::config::Unbuilt;
use crate::sip::Transport;
use crate::source::{Diagnostic, FileId, Files, Sources, Span};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use std::net::SocketAddr;
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
        let told = |new: &Diagnostic| diagnostics.iter().any(|old| place(old) == place(new));
        let fresh: Vec<Diagnostic> = found.into_iter().filter(|new| !told(new)).collect();
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
    config: Option<Span>,
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

    fn block(&mut self, block: &Block) {
        let Some(first) = block.words.first() else { return };
        let rest = block.words.get(1..).unwrap_or_default();
        let answers = rest.first().is_some_and(|word| word.text == "answers");
        let has_lines = first.text == "http" || first.text == "database" && answers;
        if self.setting(&first.text, block, rest) {
            if has_lines {
                return;
            }
            if !self.scenario.steps.is_empty() {
                self.fault(block.span, format!("{} goes before everything that happens", first.text));
            }
            if let Some(line) = block.below.first() {
                self.fault(line.span, "nothing can stand below this line");
            }
            return;
        }
        if let Some(action) = steps::action(self, block) {
            self.scenario.steps.push(super::scenario::Step { span: block.span, action });
        }
    }

    /// Reads a line that sets the stage; false when it is none.
    fn setting(&mut self, keyword: &str, block: &Block, rest: &[Word]) -> bool {
        match (keyword, rest) {
            ("config", [path]) => {
                if self.config.is_some() {
                    self.fault(block.span, "a scenario has one config");
                }
                self.config = Some(path.span);
                self.scenario.config_span = path.span;
                self.scenario.config = self.path(path).unwrap_or_default();
            }
            ("define", [name]) => self.scenario.defines.push(name.text.clone()),
            ("define", [name, value]) => self.scenario.defines.push(format!("{}={}", name.text, value.text)),
            ("strict", []) => self.scenario.strict = true,
            ("stand-in", [_, ..]) => {
                self.scenario
                    .stand_ins
                    .extend(rest.iter().map(|module| module.text.trim_end_matches(".so").to_owned()));
            }
            ("file", [path, word, stand_in]) if word.text == "is" => {
                if let Some(stand_in) = self.path(stand_in) {
                    self.scenario.files.push((PathBuf::from(&path.text), stand_in));
                }
            }
            ("allow-unsupported", []) => self.allow(Unbuilt::Allowed),
            ("allow-unsupported", [word]) if word.text == "auth" => self.allow(Unbuilt::AllowedWithAuthentication),
            ("database", [files @ .., word, part]) if word.text == "for" && !files.is_empty() => {
                self.database(block.span, files, part.text.clone());
            }
            ("database", [first, ..]) if !matches!(first.text.as_str(), "works" | "fails" | "slow" | "answers") => {
                self.database(block.span, rest, String::new());
            }
            ("dns", [name, kind, values @ ..]) => match dns::record(&kind.text, values) {
                Some((kind, record)) => self.scenario.records.push((name.text.to_ascii_lowercase(), kind, record)),
                None => self.helped(block.span, "this is not how dns is written", usage("dns")),
            },
            ("seed", [number]) => match number.text.parse() {
                Ok(seed) => self.scenario.seed = seed,
                Err(_) => self.fault(number.span, "a seed is a whole number"),
            },
            ("clock", [date]) => self.clock(block.span, &date.text, "00:00:00"),
            ("clock", [date, time]) => self.clock(block.span, &date.text, &time.text),
            ("zone", [name]) => match TimeZoneDatabase::bundled().get(&name.text) {
                Ok(zone) => self.scenario.zone = zone,
                Err(_) => {
                    self.helped(name.span, format!("{} is no time zone", name.text), "write for example Asia/Tokyo")
                }
            },
            ("latency", [time]) => match duration(&time.text) {
                Some(time) => self.scenario.latency = time,
                None => self.helped(time.span, "this is no duration", "write for example 5ms"),
            },
            ("loss", [share]) => self.scenario.faults.lost = self.share(share),
            ("copies", [share]) => self.scenario.faults.doubled = self.share(share),
            ("jitter", [time]) => match duration(&time.text) {
                Some(time) => self.scenario.faults.jitter = time,
                None => self.helped(time.span, "this is no duration", "write for example 5ms"),
            },
            // Before anything happens it holds for the start, too.
            ("database", [word, part]) if word.text == "answers" && part.quoted && self.scenario.steps.is_empty() => {
                if let Some(canned) = steps::canned(self, block, part) {
                    self.scenario.canned.push(canned);
                }
                return true;
            }
            ("http", _) if self.scenario.steps.is_empty() => {
                if let Some(page) = pages::page(self, block) {
                    self.scenario.pages.push(page);
                }
                return true;
            }
            ("machine", [address]) => match address.text.parse() {
                Ok(address) => self.scenario.machine = address,
                Err(_) => self.helped(address.span, "this is no address", "write for example 198.51.100.1"),
            },
            ("listen", [address]) => {
                if let Some(address) = self.place(address, 5060) {
                    self.scenario.listen.push(address);
                }
            }
            ("peer", [name, address, more @ ..]) if is_peer(more) => self.peer(name, address, more),
            (
                "config" | "dns" | "seed" | "clock" | "zone" | "latency" | "loss" | "copies" | "jitter" | "machine"
                | "listen" | "peer" | "define" | "strict" | "allow-unsupported" | "stand-in" | "file",
                _,
            ) => {
                self.helped(block.span, format!("this is not how {keyword} is written"), usage(keyword));
            }
            _ => return false,
        }
        true
    }

    fn allow(&mut self, unbuilt: Unbuilt) {
        self.scenario.unbuilt = self.scenario.unbuilt.max(unbuilt);
    }

    /// A share in percent, of a thousand.
    fn share(&mut self, word: &Word) -> u64 {
        let percent = word.text.strip_suffix('%').and_then(|number| number.parse::<f64>().ok());
        match percent.filter(|percent| (0.0..=100.0).contains(percent)) {
            Some(percent) => (percent * 10.0).round() as u64,
            None => {
                self.helped(word.span, "this is no share", "write for example 5%");
                0
            }
        }
    }

    fn clock(&mut self, span: Span, date: &str, time: &str) {
        match calendar(date, time) {
            Some(clock) => self.scenario.clock = clock,
            None => self.helped(span, "this is no date", usage("clock")),
        }
    }

    fn database(&mut self, span: Span, files: &[Word], url_part: String) {
        let paths: Vec<PathBuf> = files.iter().filter_map(|file| self.path(file)).collect();
        self.scenario.databases.push(DatabaseFile { paths, url_part, span });
    }

    /// An address, by UDP unless it says otherwise.
    fn place(&mut self, word: &Word, port: u16) -> Option<(Transport, SocketAddr)> {
        let kind = word.text.split_once(':').filter(|(kind, _)| Transport::of(kind.as_bytes()).is_some());
        let (transport, text) = match kind {
            None => (Transport::Udp, word.text.as_str()),
            Some((kind, rest)) => match Transport::served(kind.as_bytes()) {
                Some(transport) => (transport, rest),
                None => {
                    self.helped(word.span, format!("{kind} is not served yet"), "peers speak udp or tcp");
                    return None;
                }
            },
        };
        let with_port = text.parse().ok();
        let found = with_port.or_else(|| text.parse().ok().map(|ip| SocketAddr::new(ip, port)));
        if found.is_none() {
            self.helped(word.span, "this is no address", "write for example 192.0.2.10:5060");
        }
        found.map(|address| (transport, address))
    }

    fn peer(&mut self, name: &Word, address: &Word, more: &[Word]) {
        const RESERVED: &[&str] = &[
            "alanui",
            "wait",
            "expect",
            "location",
            "lose",
            "sql",
            "database",
            "http",
            "dns",
            "reload",
            "rpc",
            "rtpengine",
            "table",
            "show",
            "stop",
            "note",
        ];
        if RESERVED.contains(&name.text.as_str()) {
            self.fault(name.span, format!("a peer cannot be called {}", name.text));
        } else if self.scenario.peer(&name.text).is_some() {
            self.fault(name.span, format!("there is a peer {} already", name.text));
        }
        let given = |wanted: &str| more.chunks_exact(2).find(|pair| pair[0].text == wanted).map(|pair| &pair[1]);
        let uses = given("uses").and_then(|uses| self.place(uses, 5060)).map(|(_, uses)| uses);
        let user = given("user").unwrap_or(name).text.clone();
        let account = given("password").map(|password| Account { user, password: password.text.clone() });
        if let Some((transport, address)) = self.place(address, 5060) {
            let span = name.span;
            self.scenario.peers.push(PeerLine { name: name.text.clone(), span, transport, address, uses, account });
        }
    }

    fn finish(&mut self, file: FileId) {
        if self.config.is_none() {
            let span = Span { file, start: 0, end: 0 };
            self.helped(span, "the scenario names no config", "begin with a line such as: config ../kamailio.cfg");
        }
    }
}

fn usage(keyword: &str) -> &'static str {
    match keyword {
        "config" => "config FILE",
        "define" => "define NAME, or define NAME value",
        "strict" => "strict",
        "stand-in" => "stand-in acc siptrace",
        "file" => "file /etc/kamailio/dispatcher.list is dispatcher.list",
        "allow-unsupported" => "allow-unsupported, or allow-unsupported auth",
        "dns" => {
            "dns example.com A 192.0.2.1; dns _sip._udp.example.com SRV 10 0 5060 sip.example.com; dns example.com NAPTR 10 20 s SIP+D2U \"\" _sip._udp.example.com; dns 192.0.2.1 PTR sip.example.com"
        }
        "seed" => "seed 7",
        "clock" => "clock 2026-01-31, or clock 2026-01-31 12:00:00",
        "zone" => "zone Asia/Tokyo",
        "latency" => "latency 5ms",
        "loss" => "loss 5%",
        "copies" => "copies 2%",
        "jitter" => "jitter 20ms",
        "machine" => "machine 198.51.100.1",
        "listen" => "listen udp:198.51.100.1:5060",
        _ => "peer alice 192.0.2.10:5060",
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

/// Whether words are what may stand behind the address of a peer.
fn is_peer(more: &[Word]) -> bool {
    more.len().is_multiple_of(2)
        && more.chunks_exact(2).all(|pair| matches!(pair[0].text.as_str(), "uses" | "user" | "password"))
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
        assert!(matches!(&scenario.steps[6].action, Action::Sql(text) if text == "SELECT 1\nFROM t"));
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
