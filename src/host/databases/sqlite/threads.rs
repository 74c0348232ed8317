//! The threads of a database: several for reads that take long, one for changes. That one takes what waits in one transaction, for a commit costs ten
//! times a statement.

use super::file::{File, Handle};
use super::reader::Pace;
use super::{Answered, LOOKS, PATIENCE, QUEUE, STEPS, closed};
use crate::builtin::{Answer, Query, QueryFault, Rows};
use crate::host::Stopwatch;
use crate::sqlite::statement::{fault_of, is_read, run};
use crate::world::Ticket;
use rusqlite::{Connection, ErrorCode};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many statements share a transaction.
const BATCH: usize = 100;
/// Threads that read a database at most, whatever a config says.
const MOST_READERS: usize = 64;

/// What waits, and who is told its answer.
pub(super) struct Job {
    pub(super) ticket: Ticket,
    pub(super) work: Work,
    pub(super) answered: Answered,
    /// How quick the statement is, when it is known to be slow.
    pub(super) pace: Option<Pace>,
    pub(super) asked: Stopwatch,
}

impl Job {
    pub(super) fn new(ticket: Ticket, work: Work, answered: Answered) -> Job {
        Job { ticket, work, answered, pace: None, asked: Stopwatch::start() }
    }
}

/// What is to be done.
pub(super) enum Work {
    /// A statement; the answer is [`Answer::Rows`].
    Ask(Query),
    /// Statements in a transaction of their own; the answer is [`Answer::Executed`].
    Execute(Vec<Query>),
    /// Opening the file anew; a fault is answered as that of one statement.
    Renew,
}

type Found = Result<Rows, QueryFault>;

/// What ends a statement that takes too long.
#[derive(Debug)]
struct Limit {
    clock: Stopwatch,
    deadline: Duration,
    /// When the statement that runs must have ended, in microseconds of the clock.
    until: AtomicU64,
    /// How often it was looked at, and how often it may be.
    looks: AtomicU32,
    most_looks: AtomicU32,
}

impl Limit {
    fn new(deadline: Duration) -> Arc<Limit> {
        let (until, looks, most_looks) = (AtomicU64::new(u64::MAX), AtomicU32::new(0), AtomicU32::new(u32::MAX));
        Arc::new(Limit { clock: Stopwatch::start(), deadline, until, looks, most_looks })
    }

    fn micros(time: Duration) -> u64 {
        u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
    }

    /// A connection under this limit.
    fn open(self: &Arc<Limit>, file: &Arc<File>) -> Result<Handle, QueryFault> {
        let limit = self.clone();
        Handle::open(
            file,
            Box::new(move |connection| {
                connection.busy_timeout(PATIENCE * 10)?;
                connection.pragma_update(None, "synchronous", "NORMAL")?;
                let limit = limit.clone();
                let too_long = move || {
                    let looks = limit.looks.fetch_add(1, Ordering::Relaxed);
                    looks >= limit.most_looks.load(Ordering::Relaxed)
                        || Limit::micros(limit.clock.elapsed()) > limit.until.load(Ordering::Relaxed)
                };
                connection.progress_handler(STEPS, Some(too_long));
                Ok(())
            }),
        )
    }

    /// Runs a statement that was asked for a while ago.
    fn run(&self, connection: &Connection, query: &Query, asked: Stopwatch) -> Found {
        let Some(left) = self.deadline.checked_sub(asked.elapsed()) else { return Err(self.fault()) };
        self.looks.store(0, Ordering::Relaxed);
        self.until.store(Limit::micros(self.clock.elapsed() + left), Ordering::Relaxed);
        let found = run(connection, query);
        self.until.store(u64::MAX, Ordering::Relaxed);
        found.map_err(|fault| match fault.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => self.fault(),
            _ => fault_of(fault),
        })
    }

    /// The same when it is quick; `None` when it is not.
    fn try_quickly(&self, connection: &Connection, query: &Query, asked: Stopwatch) -> Option<Found> {
        self.most_looks.store(LOOKS, Ordering::Relaxed);
        let found = self.run(connection, query, asked);
        self.most_looks.store(u32::MAX, Ordering::Relaxed);
        let ended = matches!(found, Err(QueryFault::TooLong(_))) && self.looks.load(Ordering::Relaxed) > LOOKS;
        (!ended).then_some(found)
    }

    fn fault(&self) -> QueryFault {
        QueryFault::TooLong(self.deadline)
    }
}

/// The threads that read: started when all that there are have something to do. A text that is slow for one value may be quick for another, so each read
/// is tried quickly first, and one thread is kept for that when there are several.
#[derive(Debug)]
pub(super) struct Readers {
    file: Arc<File>,
    deadline: Duration,
    pending: Mutex<Pending>,
    ready: Condvar,
}

#[derive(Default)]
struct Pending {
    /// Reads that were not tried yet.
    fresh: VecDeque<Job>,
    /// Those that take long, and how many of them are being done.
    long: VecDeque<Job>,
    running_long: usize,
    /// Threads that wait for something to do.
    idle: usize,
    threads: usize,
    most: usize,
    ended: bool,
}

impl std::fmt::Debug for Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("Pending").field("threads", &self.threads).finish_non_exhaustive()
    }
}

impl Readers {
    pub(super) fn new(file: &Arc<File>, deadline: Duration) -> Arc<Readers> {
        let pending = Mutex::new(Pending { most: 1, ..Pending::default() });
        Arc::new(Readers { file: file.clone(), deadline, pending, ready: Condvar::new() })
    }

    /// Nothing between two changes of it can panic.
    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So many may read at once.
    pub(super) fn allow(&self, most: usize) {
        self.lock().most = most.clamp(1, MOST_READERS);
    }

    /// Lets the threads end.
    pub(super) fn end(&self) {
        self.lock().ended = true;
        self.ready.notify_all();
    }

    /// Hands a read over.
    ///
    /// # Errors
    /// When too many wait already, or the system has no thread.
    pub(super) fn submit(readers: &Arc<Readers>, job: Job) -> Result<(), QueryFault> {
        let mut pending = readers.lock();
        let waiting = pending.fresh.len() + pending.long.len();
        if waiting >= QUEUE {
            return Err(QueryFault::Overloaded);
        }
        if waiting >= pending.idle && pending.threads < pending.most {
            let own = readers.clone();
            match std::thread::Builder::new().name("sqlite reader".into()).spawn(move || own.serve()) {
                Ok(_) => pending.threads += 1,
                // Those that there are take it.
                Err(fault) if pending.threads == 0 => return Err(QueryFault::Unavailable(fault.to_string())),
                Err(_) => {}
            }
        }
        pending.fresh.push_back(job);
        readers.ready.notify_one();
        Ok(())
    }

    fn serve(&self) {
        let limit = Limit::new(self.deadline);
        let mut opened = limit.open(&self.file);
        while let Some((job, fresh)) = self.next() {
            let connection = match &mut opened {
                Ok(handle) => handle.connection(),
                Err(fault) => Err(fault.clone()),
            };
            let found = match (&job.work, connection) {
                (Work::Ask(query), Ok(connection)) if fresh => limit.try_quickly(connection, query, job.asked),
                (Work::Ask(query), Ok(connection)) => Some(limit.run(connection, query, job.asked)),
                (_, Err(fault)) => Some(Err(fault)),
                // Changes go to the other thread.
                (Work::Execute(_) | Work::Renew, Ok(_)) => Some(Err(closed())),
            };
            let failed = opened.is_err();
            self.ended(job, fresh, found);
            if failed {
                opened = limit.open(&self.file);
            }
        }
    }

    /// A read is done, or turned out to be slow.
    fn ended(&self, job: Job, fresh: bool, found: Option<Found>) {
        if let Some(pace) = job.pace.as_ref().filter(|_| fresh) {
            match &found {
                Some(_) => pace.fetch_add(1, Ordering::Relaxed),
                None => pace.swap(0, Ordering::Relaxed),
            };
        }
        let mut pending = self.lock();
        pending.running_long -= usize::from(!fresh);
        match found {
            Some(found) => {
                drop(pending);
                (job.answered)(job.ticket, Answer::Rows(found));
            }
            None => {
                pending.long.push_back(job);
                drop(pending);
            }
        }
        // Whoever waits may do a slow one.
        self.ready.notify_one();
    }

    /// The next read, and whether it is to be tried quickly.
    fn next(&self) -> Option<(Job, bool)> {
        let mut pending = self.lock();
        pending.idle += 1;
        let next = loop {
            if pending.ended {
                break None;
            }
            if let Some(job) = pending.fresh.pop_front() {
                break Some((job, true));
            }
            if pending.running_long < pending.most.saturating_sub(1).max(1)
                && let Some(job) = pending.long.pop_front()
            {
                pending.running_long += 1;
                break Some((job, false));
            }
            pending = self.ready.wait(pending).unwrap_or_else(PoisonError::into_inner);
        };
        pending.idle -= 1;
        next
    }
}

/// The way to the thread that changes a database; it ends when nobody has one any more.
#[derive(Clone, Debug)]
pub(super) struct Writer(SyncSender<Job>);

impl Writer {
    pub(super) fn start(file: &Arc<File>, deadline: Duration) -> Result<Writer, QueryFault> {
        let (queue, jobs) = sync_channel(QUEUE);
        let limit = Limit::new(deadline);
        let handle = limit.open(file)?;
        let name = format!("sqlite {}", file.path().file_name().unwrap_or_default().to_string_lossy());
        let thread = std::thread::Builder::new().name(name).spawn({
            let file = file.clone();
            move || serve(&file, &limit, handle, &jobs)
        });
        thread.map(|_| Writer(queue)).map_err(|fault| QueryFault::Unavailable(fault.to_string()))
    }

    /// Hands something over.
    ///
    /// # Errors
    /// When too much waits already.
    pub(super) fn submit(&self, job: Job) -> Result<(), QueryFault> {
        self.0.try_send(job).map_err(|fault| match fault {
            TrySendError::Full(_) => QueryFault::Overloaded,
            TrySendError::Disconnected(_) => closed(),
        })
    }

    /// The same, waiting for room.
    ///
    /// # Errors
    /// When the thread has ended.
    pub(super) fn wait(&self, job: Job) -> Result<(), QueryFault> {
        self.0.send(job).map_err(|_| closed())
    }
}

/// A change, and who is told.
struct Change {
    ticket: Ticket,
    query: Query,
    answered: Answered,
    asked: Stopwatch,
}

fn serve(file: &File, limit: &Limit, mut handle: Handle, jobs: &Receiver<Job>) {
    while let Ok(first) = jobs.recv() {
        let mut waiting = vec![first];
        while waiting.len() < BATCH {
            match jobs.try_recv() {
                Ok(job) => waiting.push(job),
                Err(_) => break,
            }
        }
        // In the order in which they came: what was told last counts.
        let mut changes: Vec<Change> = Vec::new();
        for Job { ticket, work, answered, asked, .. } in waiting {
            let connection = handle.current();
            match work {
                // Only changes share a transaction; what reads, or rules transactions itself, goes alone.
                Work::Ask(query) if is_change(connection, &query) => {
                    changes.push(Change { ticket, query, answered, asked });
                }
                Work::Ask(query) => {
                    change(connection, limit, std::mem::take(&mut changes));
                    answered(ticket, Answer::Rows(limit.run(connection, &query, asked)));
                }
                Work::Execute(queries) => {
                    change(connection, limit, std::mem::take(&mut changes));
                    answered(ticket, Answer::Executed(execute(connection, &queries)));
                }
                Work::Renew => {
                    change(connection, limit, std::mem::take(&mut changes));
                    let fault = file.renew(&mut handle).err().map(|fault| (0, fault));
                    answered(ticket, Answer::Executed(fault.into_iter().collect()));
                }
            }
        }
        change(handle.current(), limit, changes);
    }
}

fn is_change(connection: &Connection, query: &Query) -> bool {
    let word = query.statement.trim_start().split(|letter: char| !letter.is_ascii_alphabetic()).next().unwrap_or("");
    ["INSERT", "UPDATE", "DELETE", "REPLACE", "WITH"].iter().any(|change| word.eq_ignore_ascii_case(change))
        && !is_read(connection, query)
}

fn change(connection: &Connection, limit: &Limit, changes: Vec<Change>) {
    let mut run = |at: usize| match changes.get(at) {
        Some(change) => limit.run(connection, &change.query, change.asked),
        None => Err(closed()),
    };
    let found = match changes.len() {
        0 => return,
        1 => vec![run(0)],
        // After a fault none has happened, and each is tried again by itself.
        all => together(connection, all, &mut run).unwrap_or_else(|_| (0..all).map(run).collect()),
    };
    for (Change { ticket, answered, .. }, found) in changes.iter().zip(found) {
        answered(*ticket, Answer::Rows(found));
    }
}

/// Gives those that were refused.
fn execute(connection: &Connection, queries: &[Query]) -> Vec<(usize, QueryFault)> {
    let mut run = |at: usize| match queries.get(at) {
        Some(query) => run(connection, query).map_err(fault_of),
        None => Err(closed()),
    };
    match together(connection, queries.len(), &mut run) {
        Ok(found) => found.into_iter().enumerate().filter_map(|(at, found)| Some((at, found.err()?))).collect(),
        Err(fault) => {
            let fault = fault_of(fault);
            (0..queries.len()).map(|at| (at, fault.clone())).collect()
        }
    }
}

/// Runs so many statements in one transaction, each in a savepoint, so that a bad one undoes only itself. After a fault none of them has happened.
fn together(connection: &Connection, all: usize, run: &mut dyn FnMut(usize) -> Found) -> rusqlite::Result<Vec<Found>> {
    if !connection.is_autocommit() {
        // A script has begun a transaction of its own, and ends it.
        return Ok((0..all).map(run).collect());
    }
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let done = within(connection, all, run).and_then(|found| connection.execute_batch("COMMIT").map(|()| found));
    if done.is_err() && !connection.is_autocommit() {
        // It can only fail once the transaction has ended.
        let _ = connection.execute_batch("ROLLBACK");
    }
    done
}

fn within(connection: &Connection, all: usize, run: &mut dyn FnMut(usize) -> Found) -> rusqlite::Result<Vec<Found>> {
    let mut found = Vec::with_capacity(all);
    for at in 0..all {
        connection.prepare_cached("SAVEPOINT statement")?.raw_execute()?;
        let result = run(at);
        if result.is_err() {
            connection.prepare_cached("ROLLBACK TO statement")?.raw_execute()?;
        }
        connection.prepare_cached("RELEASE statement")?.raw_execute()?;
        found.push(result);
    }
    Ok(found)
}
