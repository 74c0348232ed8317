//! SQLite. A read by index is cheaper than handing it over, so each worker reads in place on connections of its own, under a guard (`reader`). What
//! takes longer goes to threads: slow reads to as many as `children` says, changes to one (`threads`). The file of a database may be replaced by
//! another while it is served (`file`).

mod file;
mod reader;
#[cfg(test)]
mod tests;
mod threads;

use file::init_db;

use super::{Answered, Backend, Changed, Opening, Shared, closed};
use crate::builtin::{Answer, Query, QueryFault, Rows};
use crate::modules::db_sqlite::{DIALECT, path_of};
use crate::sqlite::statement::{fault_of, run};
use crate::world::{Ticket, Way};
use file::{File, Handle};
use reader::Reader;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;
use threads::{Job, Readers, Work, Writer};

/// How many statements may wait for a database before more are refused.
const QUEUE: usize = 4096;
/// How long a statement of a script may take, waiting included: whoever sent the message has given up by then (RFC 3261 section 17.1.1.2, timer B).
const DEADLINE: Duration = Duration::from_secs(30);
/// Steps of SQLite's machine between two looks at a statement that runs.
const STEPS: i32 = 1000;
/// How often a quick statement is looked at, at most: about 5 ms.
const LOOKS: u32 = 200;
/// How long start and the threads wait for another process that holds the file.
const PATIENCE: Duration = Duration::from_millis(500);

/// The kind.
pub(super) static BACKEND: Backend = Backend {
    dialect: &DIALECT,
    open: |url, extensions, template| {
        let path = path_of(url, extensions).map_err(QueryFault::BadUrl)?;
        let made = make(&path, template)?;
        Ok(Opening { shared: Box::new(Database::open(&path, DEADLINE)?), made })
    },
};

/// Makes the database at `path` when it is missing and there is a template for it.
fn make(path: &Path, template: Option<&str>) -> Result<bool, QueryFault> {
    if path.exists() {
        return Ok(false);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        let why = format!("{}: the folder {} does not exist", path.display(), folder.display());
        return Err(QueryFault::Unavailable(why));
    }
    match template {
        Some(template) => init_db(path, template),
        None => {
            let why = format!("{}: no such file (--init-db FILE.sql makes it)", path.display());
            Err(QueryFault::Unavailable(why))
        }
    }
}

/// A database file.
#[derive(Debug)]
struct Database {
    file: Arc<File>,
    handle: Handle,
    readers: Arc<Readers>,
    writer: Writer,
}

impl Database {
    fn open(path: &Path, deadline: Duration) -> Result<Database, QueryFault> {
        let (file, handle) = File::open(path)?;
        let readers = Readers::new(&file, deadline);
        let writer = Writer::start(&file, deadline)?;
        Ok(Database { file, handle, readers, writer })
    }

    /// Has the writing thread do something behind all that waits there; `None` when it has ended, which only a panic does.
    fn wait(&self, work: Work) -> Option<Vec<(usize, QueryFault)>> {
        let (answer, answered) = sync_channel(1);
        // Nobody else waits for it.
        let answered_by = Arc::new(move |_, refused| drop(answer.send(refused)));
        self.writer.wait(Job::new(Ticket(0), work, answered_by)).ok()?;
        match answered.recv().ok()? {
            Answer::Executed(refused) => Some(refused),
            Answer::Code(_) | Answer::Rows(_) | Answer::Found(_) => None,
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.readers.end();
    }
}

impl Shared for Database {
    fn name(&self) -> String {
        self.file.path().display().to_string()
    }

    fn allow(&self, most: usize) {
        self.readers.allow(most);
    }

    fn query(&mut self, query: &Query) -> Result<Rows, QueryFault> {
        run(self.handle.connection()?, query).map_err(fault_of)
    }

    fn execute(&self, statements: Vec<Query>) -> Vec<(usize, QueryFault)> {
        let count = statements.len();
        let refused = self.wait(Work::Execute(statements));
        refused.unwrap_or_else(|| (0..count).map(|at| (at, closed())).collect())
    }

    fn changed(&self) -> Option<Changed> {
        self.file.changed()
    }

    fn renew(&self) -> Result<(), QueryFault> {
        match self.file.changed() {
            None => Ok(()),
            Some(Changed::Gone) => Err(QueryFault::Unavailable("no such file".into())),
            Some(Changed::Replaced) => {
                let faults = self.wait(Work::Renew).unwrap_or_else(|| vec![(0, closed())]);
                faults.into_iter().next().map_or(Ok(()), |(_, fault)| Err(fault))
            }
        }
    }

    fn way(&self, answered: Answered) -> Result<Box<dyn Way + Send>, QueryFault> {
        Ok(Box::new(Worker::new(self, answered)?))
    }
}

/// A worker's way to a database file.
struct Worker {
    reader: Reader,
    readers: Arc<Readers>,
    writer: Writer,
    answered: Answered,
}

impl Worker {
    fn new(database: &Database, answered: Answered) -> Result<Worker, QueryFault> {
        let reader = Reader::open(&database.file)?;
        Ok(Worker { reader, readers: database.readers.clone(), writer: database.writer.clone(), answered })
    }

    fn submit(&self, ticket: Ticket, query: Query) -> Result<(), QueryFault> {
        let slow = self.reader.slow(&query);
        let job = Job::new(ticket, Work::Ask(query), self.answered.clone());
        match slow {
            Some(pace) => Readers::submit(&self.readers, Job { pace: Some(pace), ..job }),
            None => self.writer.submit(job),
        }
    }
}

impl Way for Worker {
    /// A quick read is answered in place. What writes, or takes long, or finds the file held by another process, goes to a thread.
    fn ask(&mut self, ticket: Ticket, query: Query) -> Option<Answer> {
        if let Some(found) = self.reader.read(&query) {
            return Some(Answer::Rows(found));
        }
        self.submit(ticket, query).err().map(|fault| Answer::Rows(Err(fault)))
    }

    fn execute(&mut self, ticket: Ticket, statements: Vec<Query>) -> Option<Answer> {
        let count = statements.len();
        let job = Job::new(ticket, Work::Execute(statements), self.answered.clone());
        let fault = self.writer.submit(job).err()?;
        Some(Answer::Executed((0..count).map(|at| (at, fault.clone())).collect()))
    }
}
