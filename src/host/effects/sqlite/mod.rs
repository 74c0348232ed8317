//! SQLite. A read by index is cheaper than handing it over, so each worker reads in place on connections of its own, under a guard (`reader`). What
//! takes longer goes to threads: slow reads to as many as `children` says, changes to one (`threads`). The file of a database may be replaced by
//! another while it is served (`file`).

mod file;
mod reader;
mod statement;
#[cfg(test)]
mod tests;
mod threads;

pub use file::init_db;

use crate::builtin::{Answer, DatabaseId, Extensions, Query, QueryFault, Rows};
use crate::modules::db_sqlite::path_of;
use file::{File, Handle};
use reader::Reader;
use statement::{fault_of, run};
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

/// Called with the ticket of a question and its answer, on a thread of the database.
pub type Answered = Arc<dyn Fn(u64, Answer) + Send + Sync>;

/// The databases of a config, opened at start.
#[derive(Debug, Default)]
pub struct Databases {
    open: Vec<Database>,
}

#[derive(Debug)]
struct Database {
    url: String,
    file: Arc<File>,
    handle: Handle,
    readers: Arc<Readers>,
    writer: Writer,
}

/// What has become of the file of a database since it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// Another file has its name.
    Replaced,
    /// No file has it.
    Gone,
}

impl Databases {
    /// No database yet.
    pub fn new() -> Databases {
        Databases::default()
    }

    /// Opens the database of a URL, or finds it when it is open.
    ///
    /// # Errors
    /// When the URL is bad, or the file is missing, unreadable, locked, or no database.
    pub fn connect(&mut self, url: &str, extensions: Extensions) -> Result<DatabaseId, QueryFault> {
        let path = path_of(url, extensions).map_err(QueryFault::BadUrl)?;
        let at = match self.open.iter().position(|database| database.url == url || database.file.path() == path) {
            Some(at) => at,
            None => {
                self.open.push(Database::open(url, &path, DEADLINE)?);
                self.open.len() - 1
            }
        };
        u16::try_from(at).map(DatabaseId).map_err(|_| QueryFault::Overloaded)
    }

    /// How many slow reads of a database may run at once.
    pub fn allow(&self, readers: usize) {
        self.open.iter().for_each(|database| database.readers.allow(readers));
    }

    /// Asks at start, where waiting is fine.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn query(&mut self, database: DatabaseId, sql: &str) -> Result<Rows, QueryFault> {
        let query = Query { database, statement: sql.into(), fixed: false, parameters: Vec::new() };
        let open = self.open.get_mut(database.0 as usize).ok_or_else(closed)?;
        run(open.handle.connection()?, &query).map_err(fault_of)
    }

    /// Has a database take statements behind all that was handed over, and waits until it is done. Gives what it refused.
    pub fn execute(&self, database: DatabaseId, statements: Vec<Query>) -> Vec<(usize, QueryFault)> {
        let all = |fault: QueryFault| (0..statements.len()).map(|at| (at, fault.clone())).collect();
        let Some(open) = self.open.get(database.0 as usize) else { return all(closed()) };
        let refused = open.wait(Work::Execute(statements.clone()));
        refused.unwrap_or_else(|| all(closed()))
    }

    /// Waits until every change that was handed over is done. Reads are not waited for: nobody wants their answer any more.
    pub fn finish(&self) {
        for at in 0..self.open.len() {
            self.execute(DatabaseId(at as u16), Vec::new());
        }
    }

    /// The databases whose files are not those that were opened.
    pub fn changed(&self) -> impl Iterator<Item = (&Path, Changed)> {
        self.open.iter().filter_map(|database| Some((database.file.path(), database.file.changed()?)))
    }

    /// Opens those anew whose files were replaced. Gives those for which that cannot be done; what was open goes on being asked then.
    pub fn renew(&self) -> Vec<(&Path, QueryFault)> {
        let mut faults = Vec::new();
        for database in &self.open {
            match database.file.changed() {
                None => {}
                Some(Changed::Gone) => {
                    faults.push((database.file.path(), QueryFault::Unavailable("no such file".into())))
                }
                Some(Changed::Replaced) => {
                    let fault = database.wait(Work::Renew).unwrap_or_else(|| vec![(0, closed())]);
                    faults.extend(fault.into_iter().map(|(_, fault)| (database.file.path(), fault)));
                }
            }
        }
        faults
    }

    /// What a worker asks with; `answered` is called for what is not answered in place.
    ///
    /// # Errors
    /// When a database cannot be opened once more.
    pub fn worker(&self, answered: Answered) -> Result<Worker, QueryFault> {
        let readers = self.open.iter().map(|database| Reader::open(&database.file)).collect::<Result<_, _>>()?;
        let threads = self.open.iter().map(|database| (database.readers.clone(), database.writer.clone())).collect();
        Ok(Worker { readers, threads, answered })
    }
}

impl Database {
    fn open(url: &str, path: &Path, deadline: Duration) -> Result<Database, QueryFault> {
        let (file, handle) = File::open(path)?;
        let readers = Readers::new(&file, deadline);
        let writer = Writer::start(&file, deadline)?;
        Ok(Database { url: url.to_owned(), file, handle, readers, writer })
    }

    /// Has the writing thread do something behind all that waits there; `None` when it has ended, which only a panic does.
    fn wait(&self, work: Work) -> Option<Vec<(usize, QueryFault)>> {
        let (answer, answered) = sync_channel(1);
        // Nobody else waits for it.
        let answered_by = Arc::new(move |_, refused| drop(answer.send(refused)));
        self.writer.wait(Job::new(0, work, answered_by)).ok()?;
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

/// A worker's way to the databases.
pub struct Worker {
    readers: Vec<Reader>,
    threads: Vec<(Arc<Readers>, Writer)>,
    answered: Answered,
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("Worker").field("readers", &self.readers).finish_non_exhaustive()
    }
}

impl Worker {
    /// Answers a quick read in place. `None`: it writes, or takes long, or another process holds the file; then [`submit`](Worker::submit) it.
    pub fn read_inline(&mut self, query: &Query) -> Option<Result<Rows, QueryFault>> {
        match self.readers.get_mut(query.database.0 as usize) {
            Some(reader) => reader.read(query),
            None => Some(Err(closed())),
        }
    }

    /// Hands a statement to a thread of its database; its answer comes with the ticket.
    ///
    /// # Errors
    /// When too many wait already.
    pub fn submit(&self, ticket: u64, query: Query) -> Result<(), QueryFault> {
        let at = query.database.0 as usize;
        let (Some(reader), Some((readers, writer))) = (self.readers.get(at), self.threads.get(at)) else {
            return Err(closed());
        };
        let slow = reader.slow(&query);
        let job = Job::new(ticket, Work::Ask(query), self.answered.clone());
        match slow {
            Some(pace) => Readers::submit(readers, Job { pace: Some(pace), ..job }),
            None => writer.submit(job),
        }
    }

    /// Hands over statements that their database takes in one transaction.
    ///
    /// # Errors
    /// When too many wait already.
    pub fn execute(&self, ticket: u64, statements: Vec<Query>) -> Result<(), QueryFault> {
        let database = statements.first().map_or(DatabaseId(0), |query| query.database);
        let (_, writer) = self.threads.get(database.0 as usize).ok_or_else(closed)?;
        writer.submit(Job::new(ticket, Work::Execute(statements), self.answered.clone()))
    }
}

fn closed() -> QueryFault {
    QueryFault::Unavailable("it is not open".into())
}
