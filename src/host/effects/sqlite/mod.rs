//! SQLite. A read by index is cheaper than handing it over, so each worker reads in place on connections of its own, under a guard; writes and
//! slow reads go to threads, one of each kind a database.

mod statement;
#[cfg(test)]
mod tests;
mod writer;

use crate::builtin::{Answer, ConnectionId, Extensions, Query, QueryFault, Rows};
use crate::modules::db_sqlite::path_of;
use rusqlite::{Connection, OpenFlags};
use statement::{fault_of, run};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::Duration;
use writer::{Job, Work};

/// How many statements may wait for a database before more are refused.
const QUEUE: usize = 4096;
/// The guard of a read in place: steps of SQLite's machine between two looks, and how many looks it may take; about 5 ms.
const STEPS: i32 = 1000;
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
    path: PathBuf,
    connection: Connection,
    reads: SyncSender<Job>,
    writes: SyncSender<Job>,
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
    pub fn connect(&mut self, url: &str, extensions: Extensions) -> Result<ConnectionId, QueryFault> {
        let path = path_of(url, extensions).map_err(QueryFault::BadUrl)?;
        let at = match self.open.iter().position(|database| database.url == url || database.path == path) {
            Some(at) => at,
            None => {
                self.open.push(open_database(url, path)?);
                self.open.len() - 1
            }
        };
        u16::try_from(at).map(ConnectionId).map_err(|_| QueryFault::Overloaded)
    }

    /// Asks at start, where waiting is fine.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn query(&mut self, connection: ConnectionId, sql: &str) -> Result<Rows, QueryFault> {
        let query = Query { connection, statement: sql.into(), fixed: false, parameters: Vec::new() };
        let database = self.open.get(connection.0 as usize).ok_or_else(closed)?;
        run(&database.connection, &query).map_err(fault_of)
    }

    /// Tells a database something behind all that was handed over, and waits until it is done.
    pub fn tell(&self, connection: ConnectionId, statements: Vec<Query>) -> Vec<(usize, QueryFault)> {
        let count = statements.len();
        let all = |fault: QueryFault| (0..count).map(|at| (at, fault.clone())).collect();
        let Some(database) = self.open.get(connection.0 as usize) else { return all(closed()) };
        let (answer, answered) = sync_channel(1);
        let answered_by = Arc::new(move |_, refused| drop(answer.send(refused)));
        let job = Job { ticket: 0, work: Work::Tell(statements), answered: answered_by };
        match database.writes.send(job).ok().and_then(|()| answered.recv().ok()) {
            Some(Answer::Told(refused)) => refused,
            // Its thread has ended, which only a panic does.
            Some(_) | None => all(closed()),
        }
    }

    /// Waits until every change that was handed over is done. Reads are not waited for: nobody wants their answer any more.
    pub fn finish(&self) {
        for at in 0..self.open.len() {
            self.tell(ConnectionId(at as u16), Vec::new());
        }
    }

    /// What a worker asks with; `answered` is called for what is not answered in place.
    ///
    /// # Errors
    /// When a database cannot be opened once more.
    pub fn worker(&self, answered: Answered) -> Result<Worker, QueryFault> {
        let readers = self.open.iter().map(Reader::open).collect::<Result<_, _>>()?;
        Ok(Worker { readers, answered })
    }
}

/// A worker's way to the databases.
pub struct Worker {
    readers: Vec<Reader>,
    answered: Answered,
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("Worker").field("readers", &self.readers).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Reader {
    connection: Connection,
    // How often the guard has looked at the statement that runs.
    looks: Arc<AtomicU32>,
    // Reads that took too long once: they go to the thread at once.
    slow: HashSet<Arc<str>>,
    reads: SyncSender<Job>,
    writes: SyncSender<Job>,
}

impl Worker {
    /// Answers a quick read in place. `None`: it writes, or takes long, or another process holds the file; then [`submit`](Worker::submit) it.
    pub fn read_inline(&mut self, query: &Query) -> Option<Result<Rows, QueryFault>> {
        match self.readers.get_mut(query.connection.0 as usize) {
            Some(reader) => reader.read(query),
            None => Some(Err(closed())),
        }
    }

    /// Hands a statement to the thread of its database; its answer comes with the ticket.
    ///
    /// # Errors
    /// When too many wait already.
    pub fn submit(&self, ticket: u64, query: Query) -> Result<(), QueryFault> {
        let reader = self.readers.get(query.connection.0 as usize).ok_or_else(closed)?;
        let queue = if reader.slow.contains(&query.statement) { &reader.reads } else { &reader.writes };
        hand(queue, Job { ticket, work: Work::Ask(query), answered: self.answered.clone() })
    }

    /// Hands over statements that their database takes in one transaction.
    ///
    /// # Errors
    /// When too many wait already.
    pub fn tell(&self, ticket: u64, statements: Vec<Query>) -> Result<(), QueryFault> {
        let connection = statements.first().map_or(ConnectionId(0), |query| query.connection);
        let reader = self.readers.get(connection.0 as usize).ok_or_else(closed)?;
        hand(&reader.writes, Job { ticket, work: Work::Tell(statements), answered: self.answered.clone() })
    }
}

impl Reader {
    fn open(database: &Database) -> Result<Reader, QueryFault> {
        let connection = open(&database.path)?;
        connection.busy_timeout(Duration::ZERO).map_err(fault_of)?;
        connection.pragma_update(None, "query_only", true).map_err(fault_of)?;
        let looks = Arc::new(AtomicU32::new(0));
        let counted = looks.clone();
        let too_long = move || counted.fetch_add(1, Ordering::Relaxed) >= LOOKS;
        connection.progress_handler(STEPS, Some(too_long));
        let (reads, writes) = (database.reads.clone(), database.writes.clone());
        Ok(Reader { connection, looks, slow: HashSet::new(), reads, writes })
    }

    fn read(&mut self, query: &Query) -> Option<Result<Rows, QueryFault>> {
        if self.slow.contains(&query.statement) {
            return None;
        }
        self.looks.store(0, Ordering::Relaxed);
        match statement::read(&self.connection, query)? {
            Ok(rows) => Some(Ok(rows)),
            Err(fault) => match fault.sqlite_error_code() {
                Some(rusqlite::ErrorCode::OperationInterrupted) => {
                    // Texts with pasted values are without number; only what can come again is worth remembering for long.
                    if !query.fixed && self.slow.len() > 1000 {
                        self.slow.clear();
                    }
                    self.slow.insert(query.statement.clone());
                    None
                }
                Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => None,
                _ => Some(Err(fault_of(fault))),
            },
        }
    }
}

fn hand(queue: &SyncSender<Job>, job: Job) -> Result<(), QueryFault> {
    queue.try_send(job).map_err(|fault| match fault {
        TrySendError::Full(_) => QueryFault::Overloaded,
        TrySendError::Disconnected(_) => closed(),
    })
}

/// Makes a database file from SQL when there is none. It appears whole or not at all. Says whether it was made.
///
/// # Errors
/// When the file cannot be written or the SQL is bad.
pub fn init_db(path: &Path, sql: &str) -> Result<bool, QueryFault> {
    if path.exists() {
        return Ok(false);
    }
    let unavailable = |fault: std::io::Error| QueryFault::Unavailable(format!("{}: {fault}", path.display()));
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.new", std::process::id()));
    let partial = path.with_file_name(name);
    let made = (|| {
        let connection = Connection::open(&partial).map_err(fault_of)?;
        connection.execute_batch(sql).map_err(fault_of)?;
        connection.close().map_err(|(_, fault)| fault_of(fault))?;
        std::fs::rename(&partial, path).map_err(unavailable)
    })();
    if made.is_err() {
        // It may never have come into being.
        let _ = std::fs::remove_file(&partial);
    }
    made.map(|()| true)
}

fn open_database(url: &str, path: PathBuf) -> Result<Database, QueryFault> {
    let connection = open(&path)?;
    // Readers then never wait for the writer. It is refused for a file or file system that cannot do it, and all works without.
    let _ = connection.pragma_update(None, "journal_mode", "WAL");
    let _ = connection.pragma_update(None, "synchronous", "NORMAL");
    let reads = writer::start(open(&path)?, &path)?;
    let writing = open(&path)?;
    let _ = writing.pragma_update(None, "synchronous", "NORMAL");
    let writes = writer::start(writing, &path)?;
    Ok(Database { url: url.to_owned(), path, connection, reads, writes })
}

fn open(path: &Path) -> Result<Connection, QueryFault> {
    let unavailable = |why: String| QueryFault::Unavailable(format!("{}: {why}", path.display()));
    if !path.exists() {
        return Err(unavailable("no such file".into()));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|fault| unavailable(fault.to_string()))?;
    connection.busy_timeout(PATIENCE).map_err(fault_of)?;
    connection.set_prepared_statement_cache_capacity(256);
    // Opening reads nothing; this does.
    match connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(())) {
        Ok(()) => Ok(connection),
        Err(fault) => Err(match fault_of(fault) {
            QueryFault::Locked(why) => QueryFault::Locked(format!("{}: {why}", path.display())),
            fault @ (QueryFault::BadUrl(_) | QueryFault::Overloaded) => fault,
            QueryFault::Unavailable(why) | QueryFault::Refused(why) => unavailable(why),
        }),
    }
}

fn closed() -> QueryFault {
    QueryFault::Unavailable("it is not open".into())
}
