//! The thread of a database: takes what waits in one transaction, for a commit costs ten times a statement.

use super::statement::{fault_of, is_read, run};
use super::{Answered, PATIENCE, QUEUE};
use crate::builtin::{Query, QueryFault, Rows};
use rusqlite::Connection;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// How many statements share a transaction.
const BATCH: usize = 100;

/// A statement that waits, and who is told its answer.
pub(super) struct Job {
    pub(super) ticket: u64,
    pub(super) query: Query,
    pub(super) answered: Answered,
}

type Found = Result<Rows, QueryFault>;

/// Starts the thread; it ends when nobody can send to it any more.
pub(super) fn start(connection: Connection, path: &Path) -> Result<(SyncSender<Job>, JoinHandle<()>), QueryFault> {
    let (queue, jobs) = sync_channel(QUEUE);
    connection.busy_timeout(PATIENCE * 10).map_err(fault_of)?;
    let name = format!("sqlite {}", path.file_name().unwrap_or_default().to_string_lossy());
    let thread = std::thread::Builder::new().name(name).spawn(move || serve(&connection, &jobs));
    let thread = thread.map_err(|fault| QueryFault::Unavailable(fault.to_string()))?;
    Ok((queue, thread))
}

fn serve(connection: &Connection, jobs: &Receiver<Job>) {
    while let Ok(first) = jobs.recv() {
        let mut waiting = vec![first];
        while waiting.len() < BATCH {
            match jobs.try_recv() {
                Ok(job) => waiting.push(job),
                Err(_) => break,
            }
        }
        // Only changes share a transaction; what reads, or rules transactions itself, goes alone.
        let (batch, alone): (Vec<Job>, Vec<Job>) =
            waiting.into_iter().partition(|job| is_change(connection, &job.query));
        if !batch.is_empty() {
            for (job, found) in batch.iter().zip(change(connection, &batch)) {
                (job.answered)(job.ticket, found);
            }
        }
        for job in alone {
            (job.answered)(job.ticket, run(connection, &job.query).map_err(fault_of));
        }
    }
}

fn is_change(connection: &Connection, query: &Query) -> bool {
    let word = query.statement.trim_start().split(|letter: char| !letter.is_ascii_alphabetic()).next().unwrap_or("");
    ["INSERT", "UPDATE", "DELETE", "REPLACE", "WITH"].iter().any(|change| word.eq_ignore_ascii_case(change))
        && !is_read(connection, query)
}

fn change(connection: &Connection, batch: &[Job]) -> Vec<Found> {
    let alone = || batch.iter().map(|job| run(connection, &job.query).map_err(fault_of)).collect();
    if batch.len() == 1 || !connection.is_autocommit() {
        return alone();
    }
    match together(connection, batch) {
        Ok(found) => found,
        Err(_) => {
            if !connection.is_autocommit() {
                // Nothing of the batch has happened; each is tried again by itself.
                let _ = connection.execute_batch("ROLLBACK");
            }
            alone()
        }
    }
}

// All in one transaction; each in a savepoint, so that a bad one undoes only itself.
fn together(connection: &Connection, batch: &[Job]) -> rusqlite::Result<Vec<Found>> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let mut found = Vec::with_capacity(batch.len());
    for job in batch {
        connection.prepare_cached("SAVEPOINT statement")?.raw_execute()?;
        let result = run(connection, &job.query);
        if result.is_err() {
            connection.prepare_cached("ROLLBACK TO statement")?.raw_execute()?;
        }
        connection.prepare_cached("RELEASE statement")?.raw_execute()?;
        found.push(result.map_err(fault_of));
    }
    connection.execute_batch("COMMIT")?;
    Ok(found)
}
