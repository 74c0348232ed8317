//! Against real files.

use super::*;
use crate::builtin::{DatabaseId, Extensions, Value};
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};

// A folder that is gone when the test is.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("alanui-sqlite-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn database(&self, sql: &str) -> PathBuf {
        let path = self.0.join("test.db");
        assert!(init_db(&path, sql).unwrap());
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

type Answers = Receiver<(u64, Result<Rows, QueryFault>)>;

/// A worker's way, asked in the two steps that it takes.
struct Asked {
    way: Worker,
}

impl Asked {
    /// What is answered in place.
    fn read_inline(&mut self, query: &Query) -> Option<Result<Rows, QueryFault>> {
        self.way.reader.read(query)
    }

    /// Hands a statement to a thread, as the way does with what is not answered in place.
    fn submit(&self, ticket: u64, query: Query) -> Result<(), QueryFault> {
        self.way.submit(Ticket(ticket), query)
    }
}

fn open_worker(path: &Path) -> (Database, Asked, Answers) {
    open_with_deadline(path, DEADLINE)
}

fn open_with_deadline(path: &Path, deadline: Duration) -> (Database, Asked, Answers) {
    let database = Database::open(path, deadline).unwrap();
    let (send, answers) = channel();
    let answered = move |ticket: Ticket, answer| match answer {
        Answer::Rows(rows) => send.send((ticket.0, rows)).unwrap_or(()),
        Answer::Code(_) | Answer::Executed(_) | Answer::Found(_) => panic!("{answer:?} answers no query"),
    };
    let way = Worker::new(&database, Arc::new(answered)).unwrap();
    (database, Asked { way }, answers)
}

fn select(database: &mut Database, sql: &str) -> Vec<Value> {
    database.query(&query(sql, vec![])).unwrap().cells
}

fn query(sql: &str, parameters: Vec<Value>) -> Query {
    Query { database: DatabaseId(0), statement: sql.into(), fixed: true, parameters }
}

fn wait(answers: &Answers) -> (u64, Result<Rows, QueryFault>) {
    answers.recv_timeout(Duration::from_secs(20)).unwrap()
}

// Counts for seconds.
const SLOW: &str =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) SELECT max(i) FROM n";

#[test]
fn cells_keep_their_kind() {
    let folder = Folder::new("cells");
    let path = folder
        .database("CREATE TABLE t (a INTEGER, b TEXT, c REAL); INSERT INTO t VALUES (1, 'one', 2.0), (2, NULL, 1.5)");
    let (_database, mut worker, _answers) = open_worker(&path);
    let rows = worker.read_inline(&query("SELECT a, b, c FROM t ORDER BY a", vec![])).unwrap().unwrap();
    assert_eq!(rows.columns, ["a", "b", "c"]);
    assert_eq!(
        rows.cells,
        [Value::Int(1), Value::text("one"), Value::text("2.0"), Value::Int(2), Value::Null, Value::text("1.5")]
    );
    let rows = worker.read_inline(&query("SELECT b FROM t WHERE a = ?", vec![Value::text("1")])).unwrap().unwrap();
    assert_eq!(rows.cells, [Value::text("one")]);
    assert!(matches!(worker.read_inline(&query("SELECT b FROM t WHERE a = 1", vec![Value::Null])), Some(Err(_))));
}

#[test]
fn writes_are_handed_over_and_seen_afterwards() {
    let folder = Folder::new("writes");
    let path = folder.database("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)");
    let (_database, mut worker, answers) = open_worker(&path);
    let insert = |a: i64| query("INSERT INTO t VALUES (?, 'x')", vec![Value::Int(a)]);
    assert!(worker.read_inline(&insert(1)).is_none());
    // Each third one repeats a key: it fails alone.
    for ticket in 0..300u64 {
        worker.submit(ticket, insert(if ticket % 3 == 2 { 0 } else { ticket as i64 })).unwrap();
    }
    let mut refused = 0;
    for ticket in 0..300u64 {
        let (its, rows) = wait(&answers);
        assert_eq!(its, ticket);
        refused += usize::from(matches!(rows, Err(QueryFault::Refused(_))));
    }
    assert_eq!(refused, 100);
    let rows = worker.read_inline(&query("SELECT count(*) FROM t", vec![])).unwrap().unwrap();
    assert_eq!(rows.cells, [Value::Int(200)]);
}

#[test]
fn nothing_handed_over_is_lost_at_the_end() {
    let folder = Folder::new("end");
    let path = folder.database("CREATE TABLE t (a)");
    let (database, worker, answers) = open_worker(&path);
    for ticket in 0..1000 {
        worker.submit(ticket, query("INSERT INTO t VALUES (1)", vec![])).unwrap();
    }
    drop(worker);
    database.execute(Vec::new());
    assert_eq!(answers.try_iter().filter(|(_, rows)| rows.is_ok()).count(), 1000);
}

#[test]
fn what_is_told_together_is_one_transaction_in_which_a_bad_one_undoes_itself() {
    let folder = Folder::new("told");
    let path = folder.database("CREATE TABLE t (a INTEGER PRIMARY KEY)");
    let (database, worker, _answers) = open_worker(&path);
    let insert = |a: i64| query("INSERT INTO t VALUES (?)", vec![Value::Int(a)]);
    for a in 0..50 {
        worker.submit(a, insert(a as i64)).unwrap();
    }
    let refused = database.execute((49..30_000).map(insert).collect());
    assert!(matches!(&*refused, [(0, QueryFault::Refused(_))]), "{refused:?}");
    let rows = Connection::open(&path).unwrap().query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0));
    assert_eq!(rows.unwrap(), 30_000);
    drop(worker);
    let other = Connection::open(&path).unwrap();
    other.execute_batch("DROP TABLE t").unwrap();
    assert_eq!(database.execute(vec![insert(1), insert(2)]).len(), 2);
}

#[test]
fn a_full_queue_refuses_at_once() {
    let folder = Folder::new("full");
    let path = folder.database("CREATE TABLE t (a)");
    let (_database, worker, _answers) = open_worker(&path);
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let insert = || query("INSERT INTO t VALUES (1)", vec![]);
    let refused = (0..QUEUE as u64 + 2 * 100 + 1).map(|ticket| worker.submit(ticket, insert())).find(Result::is_err);
    assert_eq!(refused, Some(Err(QueryFault::Overloaded)));
    other.execute_batch("COMMIT").unwrap();
}

#[test]
fn a_slow_read_leaves_the_worker_and_the_writer_free() {
    let folder = Folder::new("slow");
    let path = folder.database("CREATE TABLE t (a INTEGER PRIMARY KEY)");
    let (_database, mut worker, answers) = open_worker(&path);
    assert!(worker.read_inline(&query(SLOW, vec![])).is_none(), "the guard ends it");
    worker.submit(1, query(SLOW, vec![])).unwrap();
    assert!(worker.read_inline(&query(SLOW, vec![])).is_none(), "it is remembered");
    for a in 0..50 {
        let found = worker.read_inline(&query("SELECT a FROM t WHERE a = ?", vec![Value::Int(a)])).unwrap();
        assert!(found.unwrap().is_empty());
    }
    worker.submit(2, query("INSERT INTO t VALUES (1)", vec![])).unwrap();
    assert_eq!(wait(&answers).0, 2, "the write does not wait for the read");
    let (ticket, rows) = wait(&answers);
    assert_eq!((ticket, rows.unwrap().cells), (1, vec![Value::Int(3_000_000)]));
}

#[test]
fn a_statement_that_fails_leaves_all_going() {
    let folder = Folder::new("fails");
    let path = folder.database("CREATE TABLE t (a INTEGER PRIMARY KEY)");
    let (_database, mut worker, answers) = open_worker(&path);
    for bad in ["SELEC 1", "SELECT * FROM missing", "INSERT INTO missing VALUES (1)", ""] {
        assert!(worker.read_inline(&query(bad, vec![])).is_none(), "{bad}");
        worker.submit(1, query(bad, vec![])).unwrap();
        let (_, answer) = wait(&answers);
        assert!(bad.is_empty() || matches!(answer, Err(QueryFault::Refused(_))), "{bad}: {answer:?}");
    }
    worker.submit(2, query("BEGIN", vec![])).unwrap();
    worker.submit(3, query("INSERT INTO t VALUES (1)", vec![])).unwrap();
    worker.submit(4, query("COMMIT", vec![])).unwrap();
    assert!((0..3).all(|_| wait(&answers).1.is_ok()));
    assert!(worker.read_inline(&query("SELECT a FROM t", vec![])).unwrap().is_ok());
}

#[test]
fn what_cannot_be_opened_is_told() {
    let folder = Folder::new("open");
    let connect =
        |path: &Path| (BACKEND.open)(&format!("sqlite:///{}", path.display()), Extensions::default(), None).map(|_| ());
    let missing = connect(&folder.0.join("missing.db"));
    assert!(matches!(&missing, Err(QueryFault::Unavailable(why)) if why.contains("no such file")), "{missing:?}");
    let text = folder.0.join("text.db");
    std::fs::write(
        &text,
        "this is no database, but long enough to have the look of a header of one, or so one might think",
    )
    .unwrap();
    assert!(matches!(connect(&text), Err(QueryFault::Unavailable(_))));
    assert!(matches!(connect(&folder.0), Err(QueryFault::Unavailable(_))));
    let path = folder.database("CREATE TABLE t (a)");
    let other = Connection::open(&path).unwrap();
    other.execute_batch("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; INSERT INTO t VALUES (1)").unwrap();
    assert!(matches!(connect(&path), Err(QueryFault::Locked(_))));
}

#[test]
fn a_database_is_made_once_and_whole() {
    let folder = Folder::new("init");
    let path = folder.0.join("new.db");
    assert!(init_db(&path, "CREATE TABLE t (a); nonsense").is_err());
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 0, "nothing is left of a failure");
    assert_eq!(init_db(&path, "CREATE TABLE t (a)"), Ok(true));
    assert_eq!(init_db(&path, "nonsense"), Ok(false));
}

/// Many times as long as a read may take here.
const ENDLESS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";

#[test]
fn a_statement_that_takes_too_long_is_ended_and_so_are_those_behind_it() {
    let folder = Folder::new("deadline");
    let path = folder.database("CREATE TABLE t (a)");
    let deadline = Duration::from_millis(200);
    let (_database, mut worker, answers) = open_with_deadline(&path, deadline);
    let too_long = Err(QueryFault::TooLong(deadline));
    assert!(worker.read_inline(&query(ENDLESS, vec![])).is_none());
    for ticket in 0..3 {
        worker.submit(ticket, query(ENDLESS, vec![])).unwrap();
    }
    worker.submit(3, query("INSERT INTO t SELECT i FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) AS i FROM n)", vec![])).unwrap();
    let mut all: Vec<_> = (0..4).map(|_| wait(&answers)).collect();
    all.sort_by_key(|(ticket, _)| *ticket);
    assert_eq!(all, [(0, too_long.clone()), (1, too_long.clone()), (2, too_long.clone()), (3, too_long)]);
    worker.submit(4, query("INSERT INTO t VALUES (1)", vec![])).unwrap();
    assert!(wait(&answers).1.is_ok(), "the next one runs");
}

#[test]
fn a_quick_read_does_not_wait_for_slow_ones_when_there_are_readers() {
    let folder = Folder::new("readers");
    let path = folder.database("CREATE TABLE t (a)");
    let (database, mut worker, answers) = open_worker(&path);
    database.allow(3);
    // One text, slow or quick by its value.
    let count = |to: i64| {
        query(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT max(i) FROM n",
            vec![Value::Int(to)],
        )
    };
    assert!(worker.read_inline(&count(1_000_000_000)).is_none());
    for ticket in 10..20 {
        worker.submit(ticket, count(1_000_000_000)).unwrap();
    }
    // A slow one that is being tried at the moment may begin the count of quick answers anew.
    let mut quick = 0;
    while worker.read_inline(&count(5)).is_none() {
        worker.submit(quick, count(5)).unwrap();
        assert_eq!(wait(&answers), (quick, Ok(Rows { columns: vec!["max(i)".into()], cells: vec![Value::Int(5)] })));
        quick += 1;
        assert!(quick < 50, "three quick answers in a row, and it is quick");
    }
    assert!(quick >= 3, "it is known to be slow");
    assert!(worker.read_inline(&count(1_000_000_000)).is_none());
}

#[test]
fn a_database_that_is_replaced_is_opened_when_it_is_asked_for() {
    let folder = Folder::new("replaced");
    let path = folder.database("CREATE TABLE t (a); INSERT INTO t VALUES ('old')");
    let (mut database, mut worker, answers) = open_worker(&path);
    database.allow(2);
    let first = |worker: &mut Asked| worker.read_inline(&query("SELECT a FROM t", vec![])).unwrap().unwrap().cells;
    worker.submit(1, query("INSERT INTO t VALUES ('in the log')", vec![])).unwrap();
    assert!(wait(&answers).1.is_ok());
    assert_eq!(database.changed(), None);

    let other = folder.0.join("other.db");
    assert!(init_db(&other, "CREATE TABLE t (a); INSERT INTO t VALUES ('new')").unwrap());
    std::fs::rename(&other, &path).unwrap();
    assert_eq!(database.changed(), Some(Changed::Replaced));
    assert_eq!(first(&mut worker), ["old", "in the log"].map(Value::text), "until it is told");
    assert_eq!(database.renew(), Ok(()));
    assert_eq!(database.changed(), None);
    assert_eq!(first(&mut worker), [Value::text("new")]);
    worker.submit(2, query("INSERT INTO t VALUES ('newer')", vec![])).unwrap();
    assert!(wait(&answers).1.is_ok());
    assert_eq!(select(&mut database, "SELECT a FROM t"), ["new", "newer"].map(Value::text));
    assert!(worker.read_inline(&query(SLOW, vec![])).is_none());
    worker.submit(3, query(SLOW, vec![])).unwrap();
    assert!(wait(&answers).1.is_ok());
    let checked =
        Connection::open(&path).unwrap().query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0));
    assert_eq!(checked.unwrap(), "ok");

    std::fs::write(
        &other,
        "this is no database, but long enough to have the look of the header of one, or so one might well think",
    )
    .unwrap();
    std::fs::rename(&other, &path).unwrap();
    assert!(matches!(database.renew(), Err(QueryFault::Unavailable(_))));
    assert_eq!(first(&mut worker), ["new", "newer"].map(Value::text), "what was open goes on");
    std::fs::remove_file(&path).unwrap();
    assert_eq!(database.changed(), Some(Changed::Gone));
    assert!(database.renew().is_err());
    assert_eq!(first(&mut worker), ["new", "newer"].map(Value::text));
}

#[test]
fn a_database_that_is_made_is_for_its_owner_and_follows_no_link() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new("owner");
    let path = folder.database("CREATE TABLE t (a)");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 1, "nothing else is left");
    let (link, elsewhere) = (folder.0.join("link.db"), folder.0.join("elsewhere"));
    std::os::unix::fs::symlink(&elsewhere, &link).unwrap();
    assert!(init_db(&link, "CREATE TABLE t (a)").is_err());
    assert!(!elsewhere.exists());
}
