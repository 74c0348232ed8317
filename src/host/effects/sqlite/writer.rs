//! The thread of a database: takes what waits in one transaction, for a commit costs ten times a statement.

use super::statement::{fault_of, is_read, run};
use super::{Answered, PATIENCE, QUEUE};
use crate::builtin::{Answer, Query, QueryFault, Rows};
use rusqlite::Connection;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// How many statements share a transaction.
const BATCH: usize = 100;

/// What waits, and who is told its answer.
pub(super) struct Job {
    pub(super) ticket: u64,
    pub(super) work: Work,
    pub(super) answered: Answered,
}

/// What the thread does.
pub(super) enum Work {
    /// A statement; the answer is [`Answer::Rows`].
    Ask(Query),
    /// Statements in a transaction of their own; the answer is [`Answer::Told`].
    Tell(Vec<Query>),
}

type Found = Result<Rows, QueryFault>;

/// Starts the thread; it ends when nobody can send to it any more.
pub(super) fn start(connection: Connection, path: &Path) -> Result<SyncSender<Job>, QueryFault> {
    let (queue, jobs) = sync_channel(QUEUE);
    connection.busy_timeout(PATIENCE * 10).map_err(fault_of)?;
    let name = format!("sqlite {}", path.file_name().unwrap_or_default().to_string_lossy());
    let thread = std::thread::Builder::new().name(name).spawn(move || serve(&connection, &jobs));
    thread.map(|_| queue).map_err(|fault| QueryFault::Unavailable(fault.to_string()))
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
        // In the order in which they came: what was told last counts.
        let mut changes: Vec<(u64, Query, Answered)> = Vec::new();
        for Job { ticket, work, answered } in waiting {
            match work {
                // Only changes share a transaction; what reads, or rules transactions itself, goes alone.
                Work::Ask(query) if is_change(connection, &query) => changes.push((ticket, query, answered)),
                Work::Ask(query) => {
                    change(connection, std::mem::take(&mut changes));
                    answered(ticket, Answer::Rows(run(connection, &query).map_err(fault_of)));
                }
                Work::Tell(queries) => {
                    change(connection, std::mem::take(&mut changes));
                    answered(ticket, Answer::Told(tell(connection, &queries)));
                }
            }
        }
        change(connection, changes);
    }
}

fn is_change(connection: &Connection, query: &Query) -> bool {
    let word = query.statement.trim_start().split(|letter: char| !letter.is_ascii_alphabetic()).next().unwrap_or("");
    ["INSERT", "UPDATE", "DELETE", "REPLACE", "WITH"].iter().any(|change| word.eq_ignore_ascii_case(change))
        && !is_read(connection, query)
}

fn change(connection: &Connection, changes: Vec<(u64, Query, Answered)>) {
    let queries: Vec<&Query> = changes.iter().map(|(_, query, _)| query).collect();
    let alone = || -> Vec<Found> { queries.iter().map(|query| run(connection, query).map_err(fault_of)).collect() };
    let found = match queries.len() {
        0 => return,
        1 => alone(),
        // After a fault none has happened, and each is tried again by itself.
        _ => together(connection, &queries).unwrap_or_else(|_| alone()),
    };
    for ((ticket, _, answered), found) in changes.iter().zip(found) {
        answered(*ticket, Answer::Rows(found));
    }
}

/// Gives those that were refused.
fn tell(connection: &Connection, queries: &[Query]) -> Vec<(usize, QueryFault)> {
    let queries: Vec<&Query> = queries.iter().collect();
    match together(connection, &queries) {
        Ok(found) => found.into_iter().enumerate().filter_map(|(at, found)| Some((at, found.err()?))).collect(),
        Err(fault) => {
            let fault = fault_of(fault);
            (0..queries.len()).map(|at| (at, fault.clone())).collect()
        }
    }
}

// All in one transaction; each in a savepoint, so that a bad one undoes only itself. After a fault none of them has happened.
fn together(connection: &Connection, queries: &[&Query]) -> rusqlite::Result<Vec<Found>> {
    if !connection.is_autocommit() {
        // A script has begun a transaction of its own, and ends it.
        return Ok(queries.iter().map(|query| run(connection, query).map_err(fault_of)).collect());
    }
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let done = within(connection, queries).and_then(|found| connection.execute_batch("COMMIT").map(|()| found));
    if done.is_err() && !connection.is_autocommit() {
        // It can only fail once the transaction has ended.
        let _ = connection.execute_batch("ROLLBACK");
    }
    done
}

fn within(connection: &Connection, queries: &[&Query]) -> rusqlite::Result<Vec<Found>> {
    let mut found = Vec::with_capacity(queries.len());
    for query in queries {
        connection.prepare_cached("SAVEPOINT statement")?.raw_execute()?;
        let result = run(connection, query);
        if result.is_err() {
            connection.prepare_cached("ROLLBACK TO statement")?.raw_execute()?;
        }
        connection.prepare_cached("RELEASE statement")?.raw_execute()?;
        found.push(result.map_err(fault_of));
    }
    Ok(found)
}
