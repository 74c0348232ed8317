//! Reads that a worker makes itself, as long as they are quick.

use super::file::{File, Handle};
use super::{LOOKS, STEPS};
use crate::builtin::{Query, QueryFault, Rows};
use crate::sqlite::statement::{self, fault_of};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A statement that was slow is tried in place again after so many quick answers in a row.
const FORGIVEN: u32 = 3;
/// Texts that vary are without number: so many slow ones are remembered.
const REMEMBERED: usize = 1000;

/// How many quick answers in a row a slow statement has had from the threads.
pub(super) type Pace = Arc<AtomicU32>;

/// A worker's own connection to a database.
#[derive(Debug)]
pub(super) struct Reader {
    handle: Handle,
    /// How often the guard has looked at the statement that runs.
    looks: Arc<AtomicU32>,
    /// Statements that took too long: they go to the threads at once.
    slow: HashMap<Arc<str>, Pace>,
}

impl Reader {
    pub(super) fn open(file: &Arc<File>) -> Result<Reader, QueryFault> {
        let looks = Arc::new(AtomicU32::new(0));
        let counted = looks.clone();
        let handle = Handle::open(
            file,
            Box::new(move |connection| {
                connection.busy_timeout(Duration::ZERO)?;
                connection.pragma_update(None, "query_only", true)?;
                let counted = counted.clone();
                connection.progress_handler(STEPS, Some(move || counted.fetch_add(1, Ordering::Relaxed) >= LOOKS));
                Ok(())
            }),
        )?;
        Ok(Reader { handle, looks, slow: HashMap::new() })
    }

    /// The pace of a statement that is known to be slow.
    pub(super) fn slow(&self, query: &Query) -> Option<Pace> {
        self.slow.get(&query.statement).cloned()
    }

    /// `None`: it writes, or takes long, or another process holds the file.
    pub(super) fn read(&mut self, query: &Query) -> Option<Result<Rows, QueryFault>> {
        if let Some(pace) = self.slow.get(&query.statement) {
            if pace.load(Ordering::Relaxed) < FORGIVEN {
                return None;
            }
            self.slow.remove(&query.statement);
        }
        self.looks.store(0, Ordering::Relaxed);
        let connection = match self.handle.connection() {
            Ok(connection) => connection,
            Err(fault) => return Some(Err(fault)),
        };
        match statement::read(connection, query)? {
            Ok(rows) => Some(Ok(rows)),
            Err(fault) => match fault.sqlite_error_code() {
                Some(rusqlite::ErrorCode::OperationInterrupted) => {
                    if !query.fixed && self.slow.len() > REMEMBERED {
                        self.slow.clear();
                    }
                    self.slow.insert(query.statement.clone(), Pace::default());
                    None
                }
                Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => None,
                _ => Some(Err(fault_of(fault))),
            },
        }
    }
}
