//! Files and databases: as modules use them at start, and each worker's way to the latter.

use super::databases::{Changed, Databases, Worker};
use super::files;
use crate::builtin::{Answer, Connected, DatabaseId, Extensions, HostName, Query, QueryFault, Rows, World};
use crate::source::Files;
use crate::world::Ticket;
use bytes::Bytes;
use std::io::{self, Read};
use std::net::{IpAddr, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;
use tokio::sync::mpsc::UnboundedSender;

/// No file is read whole that has more bytes.
const LARGEST: usize = 1 << 30;

/// The files of the machine; `-` is the standard input.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Disk {
    /// Opens a file for reading piece by piece; `-` is the standard input.
    ///
    /// # Errors
    /// The system's.
    pub fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        if path == Path::new("-") {
            return Ok(Box::new(io::stdin()));
        }
        Ok(Box::new(std::fs::File::open(path)?))
    }
}

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.read_within(path, LARGEST)
    }

    fn read_within(&self, path: &Path, most: usize) -> io::Result<Vec<u8>> {
        if path == Path::new("-") {
            return files::read_within(io::stdin(), most as u64);
        }
        files::read(path, most as u64)
    }
}

/// The files and databases of a running server.
#[derive(Debug, Default)]
pub struct HostWorld {
    databases: Databases,
    /// The statements that make a database that is missing.
    template: Option<String>,
}

/// A database that was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// What people know it by: its file.
    pub name: String,
    /// It was missing and has been made.
    pub made: bool,
}

impl HostWorld {
    /// A world without databases. One that a config wants and that is missing is made from the statements of `template`.
    pub fn new(template: Option<String>) -> HostWorld {
        HostWorld { template, ..HostWorld::default() }
    }

    /// The databases opened so far.
    pub fn opened(&self) -> Vec<Opened> {
        self.databases.names().map(|(name, made)| Opened { name, made }).collect()
    }

    /// A worker's way to the databases. Answers to what it cannot read in place are sent to `answers`.
    pub(super) fn worker(&self, answers: UnboundedSender<(Ticket, Answer)>) -> Result<Worker, QueryFault> {
        let answered: super::databases::Answered = Arc::new(move |ticket, found| {
            // A worker that has ended wants no answer.
            let _ = answers.send((ticket, found));
        });
        self.databases.worker(&answered)
    }

    /// How many slow reads of one database may run at once.
    pub(super) fn allow_readers(&self, readers: usize) {
        self.databases.allow(readers);
    }

    /// The databases whose files are not those that were opened.
    pub(super) fn changed(&self) -> Vec<(String, Changed)> {
        self.databases.changed().collect()
    }

    /// Opens the databases anew whose files were replaced, and says of which that cannot be done.
    pub(super) fn renew(&self) -> Vec<String> {
        let faults = self.databases.renew();
        faults.into_iter().map(|(name, fault)| format!("{name}: {fault}")).collect()
    }

    /// Waits until every change that scripts made is in the databases.
    pub(super) fn finish(&self) {
        self.databases.finish();
    }
}

impl World for HostWorld {
    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        Disk.read(path)
    }

    fn connect(&mut self, url: &str, extensions: Extensions) -> Result<Connected, QueryFault> {
        self.databases.connect(url, extensions, self.template.as_deref())
    }

    fn host_name(&mut self) -> Option<HostName> {
        let text = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
        let name = text.trim();
        let address = self.address(name);
        (!name.is_empty()).then(|| HostName { name: Bytes::copy_from_slice(name.as_bytes()), address })
    }

    fn address(&mut self, name: &str) -> Option<IpAddr> {
        Some((name, 0).to_socket_addrs().ok()?.next()?.ip())
    }

    fn query(&mut self, database: DatabaseId, sql: &str) -> Result<Rows, QueryFault> {
        self.databases.query(database, sql)
    }

    fn execute(&mut self, database: DatabaseId, statements: Vec<Query>) -> Vec<(usize, QueryFault)> {
        self.databases.execute(database, statements)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_database_is_made_once_and_then_left_alone() {
        let folder = std::env::temp_dir().join(format!("alanui-world-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder for the test");
        let url = format!("sqlite:///{}/routing.db", folder.display());
        let extensions = Extensions::default();

        let fault = HostWorld::new(None).connect(&url, extensions).expect_err("there is none");
        assert!(fault.to_string().contains("--init-db"), "{fault}");

        for (template, made) in [("CREATE TABLE first (x)", true), ("CREATE TABLE second (x)", false)] {
            let mut world = HostWorld::new(Some(template.into()));
            let connection = world.connect(&url, extensions).expect("made, then found");
            assert_eq!(world.opened(), [Opened { name: folder.join("routing.db").display().to_string(), made }]);
            let tables = world.query(connection.id, "SELECT name FROM sqlite_master").expect("it is a database");
            assert_eq!(tables.cells.len(), 1, "{tables:?}");
        }

        let url = format!("sqlite:///{}/missing/routing.db", folder.display());
        let fault = HostWorld::new(Some(String::new())).connect(&url, extensions).expect_err("no folder");
        assert!(fault.to_string().contains("missing does not exist"), "{fault}");
        std::fs::remove_dir_all(&folder).expect("the test's own folder");
    }
}
