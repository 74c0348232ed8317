//! The world of a scenario: files, and databases in memory.

use super::database::{Canned, DatabaseMood};
use super::dns;
use super::pages;
use super::pages::CannedPage;
use super::rtpengine::Relays;
use super::scenario::Scenario;
use crate::builtin::{Extensions, HostName, World};
use crate::modules::db_sqlite::DIALECT;
use crate::source::{Diagnostic, Files};
use crate::sqlite::{Calendar, MAGIC, Memory};
use crate::story::bound_statement;
use crate::world::{
    Answer, Connected, DatabaseId, Found, Query, QueryFault, Question, Record, RecordKind, Rows, Service, Ticket,
    Unanswered, Way,
};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Files and databases.
pub(super) struct Stage<'a> {
    files: &'a dyn Files,
    /// Where relative paths of the config are looked up: its own folder.
    folder: PathBuf,
    /// Files that stand in for others.
    stand_ins: Vec<(PathBuf, PathBuf)>,
    /// One a line of the scenario, with the part of a URL it serves.
    databases: Vec<(String, Rc<Memory>)>,
    /// By [`DatabaseId`]: a URL and the way to its database.
    connections: Vec<(String, Box<dyn Way>)>,
    pub(super) calendar: Calendar,
    pub(super) mood: DatabaseMood,
    records: Vec<(String, RecordKind, Record)>,
    /// What databases answer without being asked, the newest first.
    pub(super) canned: Vec<Canned>,
    /// What servers of HTTP answer, the newest first.
    pub(super) pages: Vec<CannedPage>,
    pub(super) relays: Relays,
    /// What modules had databases take at the end of the server, and what those said.
    pub(super) executed: Vec<(Query, Result<Rows, QueryFault>)>,
    /// What scripts wrote.
    written: BTreeMap<PathBuf, Bytes>,
    machine: IpAddr,
}

impl<'a> Stage<'a> {
    /// Makes the databases that a scenario names.
    pub(super) fn new(scenario: &Scenario, files: &'a dyn Files, diagnostics: &mut Vec<Diagnostic>) -> Stage<'a> {
        let calendar = Calendar::default();
        calendar.set(scenario.clock);
        let mut databases = Vec::new();
        for line in &scenario.databases {
            let made = contents(files, &line.paths)
                .and_then(|(file, script)| Memory::new(&script, file.as_deref(), &calendar));
            match made {
                Ok(database) => databases.push((line.url_part.clone(), Rc::new(database))),
                Err(fault) => {
                    diagnostics.push(Diagnostic::error("bad-database", fault, line.span));
                }
            }
        }
        Stage {
            files,
            folder: scenario.config.parent().map(Path::to_owned).unwrap_or_default(),
            stand_ins: scenario.files.clone(),
            databases,
            connections: Vec::new(),
            calendar,
            mood: DatabaseMood::Works,
            records: scenario.records.clone(),
            canned: scenario.canned.clone(),
            pages: scenario.pages.clone(),
            relays: Relays::default(),
            executed: Vec::new(),
            written: BTreeMap::new(),
            machine: scenario.machine,
        }
    }

    /// Answers a question; `said` is told each statement with what its database says.
    pub(super) fn answer(
        &mut self,
        question: &Question,
        mut said: impl FnMut(&Query, &Result<Rows, QueryFault>),
    ) -> Answer {
        match question {
            Question::Query(query) => {
                let rows = self.ask(query);
                said(query, &rows);
                Answer::Rows(rows)
            }
            Question::Execute(statements) => {
                let mut refused = Vec::new();
                for (at, query) in statements.iter().enumerate() {
                    let rows = self.ask(query);
                    said(query, &rows);
                    refused.extend(rows.err().map(|fault| (at, fault)));
                }
                Answer::Executed(refused)
            }
            Question::Service(service) => Answer::Found(self.serve(service)),
            // Who has connections answers for them.
            Question::Connection(_) => question.refused(),
        }
    }

    /// Looks something up, or does it. Files that are written are kept in memory.
    pub(super) fn serve(&mut self, service: &Service) -> Result<Found, Unanswered> {
        match service {
            Service::Resolve(name, kind) => dns::resolve(&self.records, name, *kind),
            Service::ReadFile(path) => match self.written.get(path) {
                Some(text) => Ok(Found::File(text.clone())),
                None => match self.file(path) {
                    Ok(text) => Ok(Found::File(Bytes::from(text))),
                    Err(fault) => Err(Unanswered::Failed(fault.to_string())),
                },
            },
            Service::Fetch(fetch) => pages::answer(&self.pages, fetch),
            Service::WriteFile(path, text) => {
                self.written.insert(path.clone(), text.clone());
                Ok(Found::Done)
            }
            Service::Ask(ask) => self.relays.answer(ask).map(Found::Answer),
        }
    }

    /// Reads a file of the config, or the one that stands in for it.
    fn file(&self, path: &Path) -> io::Result<Vec<u8>> {
        match self.stand_ins.iter().find(|(named, _)| named == path) {
            Some((_, stand_in)) => self.files.read(stand_in),
            None => self.files.read(&self.folder.join(path)),
        }
    }

    /// Asks a database as it feels.
    fn ask(&mut self, query: &Query) -> Result<Rows, QueryFault> {
        if self.mood == DatabaseMood::Fails {
            return Err(QueryFault::Unavailable("the scenario says so".into()));
        }
        let bound =
            if self.canned.is_empty() { String::new() } else { bound_statement(&query.statement, &query.parameters) };
        if let Some(canned) = self.canned.iter().find(|canned| bound.contains(canned.part.as_str())) {
            return canned.rows.clone().ok_or_else(|| QueryFault::Refused("the scenario says so".into()));
        }
        let way = self.connections.get_mut(query.database.0 as usize).map(|(_, way)| way);
        match way.and_then(|way| way.ask(Ticket(0), query.clone())) {
            Some(Answer::Rows(rows)) => rows,
            _ => Err(QueryFault::Unavailable("there is no such connection".into())),
        }
    }

    /// The database that `sql` lines of a scenario ask: the first one.
    pub(super) fn first(&self) -> Option<&Memory> {
        self.databases.first().map(|(_, database)| &**database)
    }
}

/// The SQLite file among these, when there is one, and the statements of all others.
fn contents(files: &dyn Files, paths: &[PathBuf]) -> Result<(Option<Vec<u8>>, String), String> {
    let (mut file, mut statements) = (None, String::new());
    for path in paths {
        let bytes = files.read(path).map_err(|fault| format!("{} cannot be read: {fault}", path.display()))?;
        if !bytes.starts_with(MAGIC) {
            statements.push_str(&String::from_utf8_lossy(&bytes));
            statements.push('\n');
        } else if file.replace(bytes).is_some() {
            return Err(format!("{} is a second SQLite file: a database is made from one", path.display()));
        }
    }
    Ok((file, statements))
}

/// Whatever a URL says, what answers is SQLite.
fn connected(at: usize) -> Connected {
    Connected { id: DatabaseId(u16::try_from(at).unwrap_or(u16::MAX)), dialect: &DIALECT }
}

impl World for Stage<'_> {
    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        self.file(path)
    }

    fn connect(&mut self, url: &str, _extensions: Extensions) -> Result<Connected, QueryFault> {
        if let Some(at) = self.connections.iter().position(|(known, _)| known == url) {
            return Ok(connected(at));
        }
        let serves = self.databases.iter().find(|(part, _)| url.contains(part.as_str()));
        // Where all answers are canned nobody needs a database.
        let empty = if self.canned.is_empty() { None } else { Memory::new("", None, &self.calendar).ok() };
        let empty = empty.map(|database| (String::new(), Rc::new(database)));
        let Some((_, database)) = serves.or(empty.as_ref()) else {
            let why = format!("the scenario has no database for {url}; add a line such as: database routing.sql");
            return Err(QueryFault::Unavailable(why));
        };
        self.connections.push((url.to_owned(), Box::new(database.clone())));
        Ok(connected(self.connections.len() - 1))
    }

    fn host_name(&mut self) -> Option<HostName> {
        Some(HostName { name: "alanui.example.com".into(), address: Some(self.machine) })
    }

    fn address(&mut self, name: &str) -> Option<IpAddr> {
        let Ok(Found::Records(records)) = dns::resolve(&self.records, name, RecordKind::Address) else { return None };
        records.into_iter().find_map(|record| match record {
            Record::Address(address) => Some(address),
            _ => None,
        })
    }

    fn query(&mut self, database: DatabaseId, sql: &str) -> Result<Rows, QueryFault> {
        self.ask(&Query { database, statement: sql.into(), fixed: false, parameters: Vec::new() })
    }

    fn execute(&mut self, database: DatabaseId, statements: Vec<Query>) -> Vec<(usize, QueryFault)> {
        let mut refused = Vec::new();
        for (at, query) in statements.into_iter().enumerate() {
            let query = Query { database, ..query };
            let said = self.ask(&query);
            refused.extend(said.as_ref().err().map(|fault| (at, fault.clone())));
            self.executed.push((query, said));
        }
        refused
    }
}
