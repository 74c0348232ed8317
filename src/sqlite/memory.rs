//! A database in memory that reads a calendar of its own.

use super::statement::{fault_of, run_text};
use crate::builtin::{Answer, Query, QueryFault, Rows, Value, calendar};
use crate::world::{Ticket, Way};
use jiff::tz::TimeZone;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::Value as Cell;
use rusqlite::{Connection, params_from_iter};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The calendar that databases in memory read; all of a scenario share it.
#[derive(Debug, Clone, Default)]
pub struct Calendar(Arc<AtomicU64>);

impl Calendar {
    /// Sets the time, since 1970.
    pub fn set(&self, unix: Duration) {
        self.0.store(u64::try_from(unix.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// `2026-01-01 00:00:00.000`
    fn text(&self) -> String {
        let millis = self.0.load(Ordering::Relaxed);
        let seconds = i64::try_from(millis / 1000).unwrap_or(i64::MAX);
        format!("{}.{:03}", calendar::formatted(&TimeZone::UTC, seconds, b"%Y-%m-%d %H:%M:%S"), millis % 1000)
    }
}

/// What an SQLite file begins with.
pub const MAGIC: &[u8] = b"SQLite format 3\0";

/// SQLite in memory. Its functions of date and time take `now` from the calendar.
#[derive(Debug)]
pub struct Memory {
    connection: Connection,
}

impl Memory {
    /// A database made by running `script`, on what the bytes of an SQLite file hold when they are given.
    ///
    /// # Errors
    /// What SQLite says of the script or the file.
    pub fn new(script: &str, file: Option<&[u8]>, calendar: &Calendar) -> Result<Memory, String> {
        let open = || -> rusqlite::Result<Connection> {
            let mut connection = Connection::open_in_memory()?;
            if let Some(bytes) = file {
                let mut bytes = bytes.to_vec();
                // In memory there is no write-ahead log, which the header may ask for (SQLite file format, section 1.3.3).
                bytes.get_mut(18..20).into_iter().for_each(|versions| versions.fill(1));
                connection.deserialize_read_exact("main", bytes.as_slice(), bytes.len(), false)?;
            }
            follow(&connection, calendar)?;
            connection.execute_batch(script)?;
            Ok(connection)
        };
        open().map(|connection| Memory { connection }).map_err(|fault| fault.to_string())
    }

    /// Ends statements that go on for more than so many thousands of SQLite's steps, all together.
    pub fn limit(&self, thousands: u64) {
        let mut steps = 0;
        let over = move || {
            steps += 1;
            steps > thousands
        };
        self.connection.progress_handler(1000, Some(over));
    }

    /// Runs one statement and gives what it found.
    ///
    /// # Errors
    /// When it is refused.
    pub fn query(&self, statement: &str, parameters: &[Value]) -> Result<Rows, QueryFault> {
        run_text(&self.connection, statement, true, parameters).map_err(fault_of)
    }

    /// The number of the row that was put in last.
    pub fn last_row(&self) -> i64 {
        self.connection.last_insert_rowid()
    }

    /// How many rows the last statement that changed any has changed.
    pub fn changes(&self) -> u64 {
        self.connection.changes()
    }
}

/// Several connections may share one database.
impl Way for Rc<Memory> {
    fn ask(&mut self, _: Ticket, query: Query) -> Option<Answer> {
        Some(Answer::Rows(self.query(&query.statement, &query.parameters)))
    }

    fn execute(&mut self, _: Ticket, statements: Vec<Query>) -> Option<Answer> {
        let said = statements.iter().map(|query| self.query(&query.statement, &query.parameters));
        Some(Answer::Executed(said.enumerate().filter_map(|(at, said)| Some((at, said.err()?))).collect()))
    }
}

/// Functions of date and time, with the argument that holds the time.
const FUNCTIONS: &[(&str, usize)] =
    &[("date", 0), ("time", 0), ("datetime", 0), ("julianday", 0), ("unixepoch", 0), ("strftime", 1)];

/// SQL keywords that are functions without arguments, and what they mean.
const KEYWORDS: &[(&str, &str)] =
    &[("current_timestamp", "datetime"), ("current_date", "date"), ("current_time", "time")];

/// Makes a connection's `now` that of the calendar. A second connection computes, with its own functions.
fn follow(connection: &Connection, calendar: &Calendar) -> rusqlite::Result<()> {
    let plain = Arc::new(Mutex::new(Connection::open_in_memory()?));
    for &(name, place) in FUNCTIONS {
        let (plain, calendar) = (plain.clone(), calendar.clone());
        connection.create_scalar_function(name, -1, FunctionFlags::SQLITE_UTF8, move |cx: &Context| {
            let mut args = (0..cx.len()).map(|at| cx.get::<Cell>(at)).collect::<rusqlite::Result<Vec<Cell>>>()?;
            if args.len() == place {
                args.push(Cell::Text("now".into()));
            }
            for (at, arg) in args.iter_mut().enumerate() {
                if at == place && matches!(arg, Cell::Text(text) if text.eq_ignore_ascii_case("now")) {
                    *arg = Cell::Text(calendar.text());
                }
            }
            compute(&plain, name, args)
        })?;
    }
    for &(keyword, name) in KEYWORDS {
        let (plain, calendar) = (plain.clone(), calendar.clone());
        connection.create_scalar_function(keyword, 0, FunctionFlags::SQLITE_UTF8, move |_: &Context| {
            compute(&plain, name, vec![Cell::Text(calendar.text())])
        })?;
    }
    Ok(())
}

fn compute(plain: &Mutex<Connection>, name: &str, args: Vec<Cell>) -> rusqlite::Result<Cell> {
    let marks = vec!["?"; args.len()].join(", ");
    let plain = plain.lock().unwrap_or_else(PoisonError::into_inner);
    let mut statement = plain.prepare_cached(&format!("SELECT {name}({marks})"))?;
    statement.query_row(params_from_iter(args), |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(database: &Memory, statement: &str) -> String {
        let rows = database.query(statement, &[]).unwrap();
        String::from_utf8_lossy(&rows.cell(0, 0).unwrap().to_text()).into_owned()
    }

    #[test]
    fn now_is_that_of_the_calendar() {
        let calendar = Calendar::default();
        calendar.set(Duration::from_secs(1_767_225_600));
        let database = Memory::new("CREATE TABLE t (at TEXT DEFAULT CURRENT_TIMESTAMP, x);", None, &calendar).unwrap();
        for (statement, expected) in [
            ("SELECT datetime('now')", "2026-01-01 00:00:00"),
            ("SELECT datetime()", "2026-01-01 00:00:00"),
            ("SELECT date('NOW', '+1 day')", "2026-01-02"),
            ("SELECT strftime('%s', 'now')", "1767225600"),
            ("SELECT strftime('%s')", "1767225600"),
            ("SELECT datetime(strftime('%s', 'now') + 3600, 'unixepoch')", "2026-01-01 01:00:00"),
            ("SELECT unixepoch('now') - unixepoch('2025-12-31 23:59:00')", "60"),
            ("SELECT CURRENT_TIMESTAMP", "2026-01-01 00:00:00"),
        ] {
            assert_eq!(first(&database, statement), expected, "{statement}");
        }
        calendar.set(Duration::from_millis(951_868_801_250));
        assert_eq!(first(&database, "SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')"), "2000-03-01 00:00:01.250");
        database.query("INSERT INTO t (x) VALUES (?)", &[Value::Int(1)]).unwrap();
        assert_eq!(database.changes(), 1);
        assert_eq!(first(&database, "SELECT at FROM t"), "2000-03-01 00:00:01");
    }

    #[test]
    fn an_existing_file_is_where_it_starts_from() {
        let path = std::env::temp_dir().join(format!("alanui-database-{}.db", std::process::id()));
        let there = Connection::open(&path).unwrap();
        there.execute_batch("PRAGMA journal_mode=WAL; CREATE TABLE t (n); INSERT INTO t VALUES (7);").unwrap();
        drop(there);
        let bytes = std::fs::read(&path).unwrap();
        let script = "INSERT INTO t VALUES (8);";
        let database = Memory::new(script, Some(&bytes), &Calendar::default()).unwrap();
        assert_eq!(first(&database, "SELECT sum(n) FROM t"), "15");
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "the file stays as it is");
        std::fs::remove_file(&path).unwrap();
        assert!(Memory::new("SELECT * FROM t", Some(&bytes[..200]), &Calendar::default()).is_err());
    }

    #[test]
    fn parameters_are_values_and_faults_are_told() {
        let database = Memory::new(
            "CREATE TABLE d (domain TEXT, n INTEGER); INSERT INTO d VALUES ('a''b', 7);",
            None,
            &Calendar::default(),
        )
        .unwrap();
        let rows = database.query("SELECT n, domain FROM d WHERE domain = ?", &[Value::text("a'b")]).unwrap();
        assert_eq!((rows.len(), rows.cell(0, 0)), (1, Some(&Value::Int(7))));
        assert!(matches!(database.query("SELECT nothing", &[]), Err(QueryFault::Refused(_))));
        assert!(Memory::new("CREATE TABEL", None, &Calendar::default()).is_err());
    }
}
