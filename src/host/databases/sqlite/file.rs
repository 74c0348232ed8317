//! The file of a database: opening it, making it, and noticing that another one has its name.
//!
//! A deployment puts a new database in place of the old one with `mv`. Connections go on with the file they opened, wherever its name went, until they
//! are told: then each is opened anew before it is used again.

use super::{Changed, PATIENCE};
use crate::builtin::QueryFault;
use crate::sqlite::statement::fault_of;
use rusqlite::{Connection, OpenFlags};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The file of a database.
#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
    opened: Mutex<Opened>,
    /// How often it was opened anew.
    generation: AtomicU64,
}

/// Which files were opened, by device and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Opened {
    database: Option<(u64, u64)>,
    log: Option<(u64, u64)>,
}

impl File {
    /// Opens it for the first time.
    pub(super) fn open(path: &Path) -> Result<(Arc<File>, Handle), QueryFault> {
        let connection = open(path)?;
        prepare(&connection);
        let opened = Mutex::new(Opened::now(path));
        let file = Arc::new(File { path: path.to_owned(), opened, generation: AtomicU64::new(0) });
        let handle = Handle { file: file.clone(), generation: 0, connection, settle: Box::new(|_| Ok(())) };
        Ok((file, handle))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn opened(&self) -> Opened {
        *self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What has become of it since it was opened.
    pub(super) fn changed(&self) -> Option<Changed> {
        match number(&self.path) {
            None => Some(Changed::Gone),
            number if number == self.opened().database => None,
            Some(_) => Some(Changed::Replaced),
        }
    }

    /// Opens what has its name now, for the only connection that writes; the others follow when they are used next.
    ///
    /// # Errors
    /// When that is no database. The connection is what it was then.
    pub(super) fn renew(&self, writer: &mut Handle) -> Result<(), QueryFault> {
        // What is in the log of the old file belongs to that; left there it would be taken for the new file's.
        let old = self.opened();
        let _ = writer.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
        let [log, index] = ["-wal", "-shm"].map(|ending| beside(&self.path, ending));
        if old.log.is_some() && number(&log) == old.log {
            // What cannot be removed is found by the new connection.
            let _ = (std::fs::remove_file(&log), std::fs::remove_file(&index));
        }
        let connection = open(&self.path)?;
        prepare(&connection);
        (writer.settle)(&connection).map_err(fault_of)?;
        *self.opened.lock().unwrap_or_else(PoisonError::into_inner) = Opened::now(&self.path);
        // Only this thread counts on.
        let generation = self.generation.load(Ordering::Acquire) + 1;
        (writer.connection, writer.generation) = (connection, generation);
        self.generation.store(generation, Ordering::Release);
        Ok(())
    }
}

impl Opened {
    fn now(path: &Path) -> Opened {
        Opened { database: number(path), log: number(&beside(path, "-wal")) }
    }
}

/// What tells a file from others.
fn number(path: &Path) -> Option<(u64, u64)> {
    let found = std::fs::metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(ending);
    path.with_file_name(name)
}

/// Makes a connection one of its kind, each time it is opened.
type Settle = Box<dyn Fn(&Connection) -> rusqlite::Result<()> + Send>;

/// A connection that follows its file.
pub(super) struct Handle {
    file: Arc<File>,
    generation: u64,
    connection: Connection,
    settle: Settle,
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("Handle").field("file", &self.file).field("generation", &self.generation).finish_non_exhaustive()
    }
}

impl Handle {
    /// A further connection, which `settle` makes one of its kind.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(super) fn open(file: &Arc<File>, settle: Settle) -> Result<Handle, QueryFault> {
        // Before the file: one that is replaced meanwhile is opened once more.
        let generation = file.generation.load(Ordering::Acquire);
        let connection = open(&file.path)?;
        settle(&connection).map_err(fault_of)?;
        Ok(Handle { file: file.clone(), generation, connection, settle })
    }

    /// The connection as it is: for the thread that opens the file anew itself.
    pub(super) fn current(&self) -> &Connection {
        &self.connection
    }

    /// The connection, opened anew when its file was.
    ///
    /// # Errors
    /// When that cannot be done.
    pub(super) fn connection(&mut self) -> Result<&Connection, QueryFault> {
        let generation = self.file.generation.load(Ordering::Acquire);
        if generation != self.generation {
            let connection = open(&self.file.path)?;
            (self.settle)(&connection).map_err(fault_of)?;
            (self.connection, self.generation) = (connection, generation);
        }
        Ok(&self.connection)
    }
}

/// Makes a database file from SQL when there is none: for nobody else to read, and whole or not at all. Says whether it was made.
///
/// # Errors
/// When the file cannot be written or the SQL is bad.
pub(super) fn init_db(path: &Path, sql: &str) -> Result<bool, QueryFault> {
    if path.exists() {
        return Ok(false);
    }
    let unavailable = |fault: std::io::Error| QueryFault::Unavailable(format!("{}: {fault}", path.display()));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Nobody can foresee its name, and it goes with the value that stands for it.
    let partial = tempfile::Builder::new().prefix(".alanui-").suffix(".db").tempfile_in(folder).map_err(unavailable)?;
    let connection = Connection::open(partial.path()).map_err(fault_of)?;
    connection.execute_batch(sql).map_err(fault_of)?;
    connection.close().map_err(|(_, fault)| fault_of(fault))?;
    match partial.persist_noclobber(path) {
        Ok(_) => Ok(true),
        // Somebody else was quicker, or a link that leads nowhere is there.
        Err(fault) => Err(unavailable(fault.error)),
    }
}

/// What every database is set to. It is refused for a file or file system that cannot do it, and all works without.
fn prepare(connection: &Connection) {
    // Readers then never wait for the writer.
    let _ = connection.pragma_update(None, "journal_mode", "WAL");
    let _ = connection.pragma_update(None, "synchronous", "NORMAL");
    // The log comes into being with the first look.
    let _ = connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()));
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
            fault @ (QueryFault::BadUrl(_) | QueryFault::Overloaded | QueryFault::TooLong(_)) => fault,
            QueryFault::Unavailable(why) | QueryFault::Refused(why) => unavailable(why),
        }),
    }
}
