//! Statements for databases, what those say, and how each kind of them is spoken to.

use crate::language::{Extension, Value};
use bytes::Bytes;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

/// A database of the config.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct DatabaseId(pub u16);

/// How a kind of database is spoken to. It stands on the row of the module that a config loads for that kind.
#[derive(Debug)]
pub struct Dialect {
    /// What its URLs begin with, before the colon: `sqlite`.
    pub scheme: &'static str,
    /// The mark in a statement for a parameter of this place, counted from 1: `?`, `$1`.
    pub mark: fn(usize) -> Cow<'static, str>,
    /// A time, in seconds since 1970, as Kamailio's module for this kind writes it into a column.
    pub time: fn(u64) -> Value,
    /// The time that a cell of such a column holds.
    pub seconds: fn(&[u8]) -> u64,
    /// The extension that a URL relies on.
    pub relies_on: fn(&str) -> Option<Extension>,
}

impl Dialect {
    /// Whether a URL is of this kind.
    pub fn speaks(&self, url: &str) -> bool {
        url.strip_prefix(self.scheme).is_some_and(|rest| rest.starts_with(':'))
    }

    /// The marks of so many parameters, separated by commas.
    pub fn marks(&self, count: usize) -> String {
        (1..=count).map(self.mark).collect::<Vec<_>>().join(", ")
    }
}

/// A database that is open.
#[derive(Clone, Copy, Debug)]
pub struct Connected {
    /// Under which it is asked.
    pub id: DatabaseId,
    /// How it is spoken to.
    pub dialect: &'static Dialect,
}

/// A statement for a database.
#[derive(Clone, Debug)]
pub struct Query {
    /// Which database.
    pub database: DatabaseId,
    /// SQL text with the dialect's mark for each parameter; the same `Arc` for the same call site, so that its compiled form can be kept.
    pub statement: Arc<str>,
    /// The text is the same at each call: its compiled form is worth keeping.
    pub fixed: bool,
    /// Values of the parameters in order.
    pub parameters: Vec<Value>,
}

/// What a query found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// Names of the columns.
    pub columns: Vec<Bytes>,
    /// All cells, row by row.
    pub cells: Vec<Value>,
}

impl Rows {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.cells.len().checked_div(self.columns.len()).unwrap_or(0)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// The cell in a row and column.
    pub fn cell(&self, row: usize, column: usize) -> Option<&Value> {
        if column >= self.columns.len() {
            return None;
        }
        self.cells.get(row.checked_mul(self.columns.len())?.checked_add(column)?)
    }

    /// The place of the column with this name, case ignored.
    pub fn column(&self, name: &[u8]) -> Option<usize> {
        self.columns.iter().position(|its| its.eq_ignore_ascii_case(name))
    }
}

/// Why a database did not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryFault {
    /// It cannot be opened or reached.
    Unavailable(String),
    /// It is busy with other writers.
    Locked(String),
    /// It refused the statement: bad SQL, a missing table, a broken constraint.
    Refused(String),
    /// Its URL cannot be read or names a kind that is not built in.
    BadUrl(String),
    /// Too many queries wait already.
    Overloaded,
    /// It took longer than this.
    TooLong(Duration),
}

impl std::fmt::Display for QueryFault {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            QueryFault::Unavailable(why) => write!(f, "the database cannot be opened: {why}"),
            QueryFault::Locked(why) => write!(f, "the database is locked: {why}"),
            QueryFault::Refused(why) => write!(f, "the database refused the statement: {why}"),
            QueryFault::BadUrl(why) => write!(f, "the database URL is bad: {why}"),
            QueryFault::Overloaded => f.write_str("too many queries wait for the database"),
            QueryFault::TooLong(most) => write!(f, "the statement took longer than {} s", most.as_secs_f64()),
        }
    }
}
