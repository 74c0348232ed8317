//! Reading destinations from a table or a list file.

use super::health::NO_DNS;
use super::set::{Attributes, Destination};
use crate::builtin::{Extension, Extensions, LogLevel, QueryFault, Rows, StartFault, World, parse_int};
use crate::sip::Uri;
use std::path::Path;

/// Where destinations come from.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// A database and the names in it.
    Table(Table),
    /// A list file.
    File(String),
}

/// The names in the database.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) url: String,
    pub(super) name: String,
    /// Set, destination, flags, priority, attributes.
    pub(super) columns: [String; 5],
    /// More columns, each with the name of the attribute it becomes.
    pub(super) extra: Vec<(String, String)>,
    pub(super) extensions: Extensions,
}

/// What was read, with lines for the log.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    pub(super) destinations: Vec<Destination>,
    pub(super) log: Vec<(LogLevel, String)>,
    pub(super) relies_on: Option<Extension>,
}

impl Source {
    /// Reads everything; with `all` one bad entry spoils it.
    pub(super) fn load(&self, world: &mut dyn World, names: Names, all: bool) -> Result<Loaded, StartFault> {
        let mut loaded = Loaded::default();
        match self {
            Source::Table(table) => table.load(world, all, &mut loaded)?,
            Source::File(path) => {
                let text = world.read(Path::new(path)).map_err(|fault| {
                    StartFault::new(format!("the list of destinations {path} cannot be read: {fault}"))
                        .help("name it with list_file, or give db_url for a table")
                })?;
                for line in text.split(|byte| *byte == b'\n') {
                    loaded.line(line, all)?;
                }
            }
        }
        loaded.look_up(world, names, all)?;
        Ok(loaded)
    }
}

impl Table {
    fn load(&self, world: &mut dyn World, all: bool, loaded: &mut Loaded) -> Result<(), StartFault> {
        let (url, name) = (&self.url, &self.name);
        let unreadable =
            |fault: QueryFault| StartFault::new(format!("the table {name} of {url} cannot be read: {fault}"));
        let connection = world.connect(url, self.extensions).map_err(unreadable)?.id;
        let version = world.query(connection, &format!("SELECT table_version FROM version WHERE table_name='{name}'"));
        let version = version.ok().and_then(|rows| rows.cell(0, 0).map(|cell| cell.to_int()));
        let wanted = match version {
            Some(version @ 1..=3) => version as usize + 1,
            Some(4) => 5,
            Some(version) => {
                return Err(StartFault::new(format!("the version of the table {name} is {version}; 1 to 4 are known")));
            }
            None => {
                loaded.relies_on = Some(Extension::NoVersionTable);
                if !self.extensions.allows(Extension::NoVersionTable) {
                    return Err(StartFault::new(format!("{url} has no version of the table {name}")).help(format!(
                        "CREATE TABLE version (table_name, table_version); INSERT INTO version VALUES ('{name}', 4)"
                    )));
                }
                5
            }
        };
        let rows = world.query(connection, &format!("SELECT * FROM {name}")).map_err(unreadable)?;
        let place = |column: &String| {
            rows.column(column.as_bytes())
                .ok_or_else(|| StartFault::new(format!("the table {name} of {url} has no column {column}")))
        };
        let places: Vec<usize> = self.columns.iter().take(wanted).map(place).collect::<Result<_, _>>()?;
        let extra: Vec<usize> = self.extra.iter().map(|(_, column)| place(column)).collect::<Result<_, _>>()?;
        if rows.is_empty() {
            loaded.log.push((LogLevel::Warning, format!("dispatcher: the table {name} is empty")));
        }
        (0..rows.len()).try_for_each(|row| self.row(&rows, row, &places, &extra, all, loaded))
    }

    fn row(
        &self,
        rows: &Rows,
        row: usize,
        places: &[usize],
        extra: &[usize],
        all: bool,
        loaded: &mut Loaded,
    ) -> Result<(), StartFault> {
        let cell = |which: usize| places.get(which).and_then(|column| rows.cell(row, *column));
        let number = |which| cell(which).map_or(0, |value| value.to_int());
        let text = |which| cell(which).map(|value| value.to_text()).unwrap_or_default();
        let mut attributes = text(4).to_vec();
        for ((name, _), column) in self.extra.iter().zip(extra) {
            let value = rows.cell(row, *column).map(|value| value.to_text()).unwrap_or_default();
            if !value.is_empty() {
                if !attributes.is_empty() && !attributes.ends_with(b";") {
                    attributes.push(b';');
                }
                attributes.extend_from_slice(name.as_bytes());
                attributes.push(b'=');
                attributes.extend_from_slice(&value);
            }
        }
        loaded.add(number(0), &text(1), number(2), number(3), &attributes, all)
    }
}

/// Which host names have to have an address when destinations are read: `ds_dns_mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// None is looked up.
    Unasked,
    /// Those that stand with a port: the others may have a SRV record in place of an address.
    WithPort,
    /// All.
    All,
}

impl Names {
    /// As Kamailio reads the number: 1 looks up at the start, 4 by a timer too, 8 asks for SRV first.
    pub(super) fn of_mode(mode: i64) -> Names {
        match (mode & (1 | 4) != 0, mode & 8 != 0) {
            (false, _) => Names::Unasked,
            (true, true) => Names::WithPort,
            (true, false) => Names::All,
        }
    }
}

impl Loaded {
    /// Finds the addresses of host names, as far as the destination's flags want that. One that has none is left out.
    fn look_up(&mut self, world: &mut dyn World, names: Names, all: bool) -> Result<(), StartFault> {
        let log = &mut self.log;
        let mut missing = None;
        self.destinations.retain_mut(|destination| {
            let wanted = match names {
                Names::Unasked => false,
                Names::WithPort => destination.port != 0,
                Names::All => true,
            };
            if !wanted || destination.address.is_some() || destination.loaded_flags & NO_DNS != 0 {
                return true;
            }
            let Ok(Ok(host)) = Uri::parse(&destination.uri).map(|uri| std::str::from_utf8(uri.host)) else {
                return true;
            };
            destination.address = world.address(host);
            if destination.address.is_none() {
                let fault =
                    format!("the host {host} of the destination {} of set {}", shown(destination), destination.set);
                log.push((LogLevel::Error, format!("dispatcher: {fault} has no address: it is left out")));
                missing.get_or_insert(fault);
            }
            destination.address.is_some()
        });
        match missing.filter(|_| all) {
            Some(fault) => Err(StartFault::new(format!("{fault} has no address"))),
            None => Ok(()),
        }
    }

    fn add(
        &mut self,
        set: i64,
        uri: &[u8],
        flags: i64,
        priority: i64,
        attributes: &[u8],
        all: bool,
    ) -> Result<(), StartFault> {
        let flags = u32::try_from(flags).unwrap_or(0);
        let shown = String::from_utf8_lossy(uri).into_owned();
        match Destination::new(set, uri.trim_ascii(), flags, priority, Attributes::parse(attributes.trim_ascii())) {
            Some(destination) => {
                if destination.uri.len() > uri.trim_ascii().len() {
                    self.log.push((
                        LogLevel::Info,
                        format!("dispatcher: {shown} has no scheme; it is taken as sip:{shown}"),
                    ));
                }
                self.destinations.push(destination);
                Ok(())
            }
            None if all => Err(StartFault::new(format!("the destination {shown} of set {set} is no SIP URI"))),
            None => {
                self.log.push((
                    LogLevel::Warning,
                    format!("dispatcher: the destination {shown} of set {set} is no SIP URI and is left out"),
                ));
                Ok(())
            }
        }
    }

    // `set uri [flags [priority [attributes]]]`
    fn line(&mut self, line: &[u8], all: bool) -> Result<(), StartFault> {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            return Ok(());
        }
        let mut words = line
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty())
            .take_while(|word| !word.starts_with(b"#"));
        let (Some(set), Some(uri)) = (words.next().and_then(parse_int), words.next()) else {
            let line = String::from_utf8_lossy(line).into_owned();
            return Err(StartFault::new(format!("this line of the list of destinations lacks a set or a URI: {line}")));
        };
        let flags = words.next().and_then(parse_int).unwrap_or(0);
        let priority = words.next().and_then(parse_int).unwrap_or(0);
        self.add(set, uri, flags, priority, words.next().unwrap_or_default(), all)
    }
}

fn shown(destination: &Destination) -> String {
    String::from_utf8_lossy(&destination.uri).into_owned()
}
