//! One statement: binding, stepping, and what its cells are to a script.

use crate::builtin::{Query, QueryFault, Rows, Value};
use bytes::Bytes;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, Statement};

/// Whether it only reads and gives rows.
pub fn is_read(connection: &Connection, query: &Query) -> bool {
    let reads = |statement: &Statement| statement.readonly() && statement.column_count() > 0;
    // What cannot be compiled is found out again, with its reason, where it runs.
    match query.fixed {
        true => connection.prepare_cached(&query.statement).is_ok_and(|statement| reads(&statement)),
        false => connection.prepare(&query.statement).is_ok_and(|statement| reads(&statement)),
    }
}

/// Runs it when it only reads and gives rows. `None` when it does not, or cannot be compiled: its fault is found where it runs.
pub fn read(connection: &Connection, query: &Query) -> Option<rusqlite::Result<Rows>> {
    let reads = |statement: &Statement| statement.readonly() && statement.column_count() > 0;
    match query.fixed {
        true => {
            let mut statement =
                connection.prepare_cached(&query.statement).ok().filter(|statement| reads(statement))?;
            Some(step(&mut statement, &query.parameters))
        }
        false => {
            let mut statement = connection.prepare(&query.statement).ok().filter(reads)?;
            Some(step(&mut statement, &query.parameters))
        }
    }
}

/// Runs it to its end.
///
/// # Errors
/// SQLite's.
pub fn run(connection: &Connection, query: &Query) -> rusqlite::Result<Rows> {
    run_text(connection, &query.statement, query.fixed, &query.parameters)
}

/// The same, given piece by piece; `keeps` its compiled form.
///
/// # Errors
/// SQLite's.
pub fn run_text(connection: &Connection, text: &str, keeps: bool, parameters: &[Value]) -> rusqlite::Result<Rows> {
    match keeps {
        true => step(&mut *connection.prepare_cached(text)?, parameters),
        false => step(&mut connection.prepare(text)?, parameters),
    }
}

fn step(statement: &mut Statement, parameters: &[Value]) -> rusqlite::Result<Rows> {
    for (at, value) in parameters.iter().enumerate() {
        let value = match value {
            Value::Null => ValueRef::Null,
            Value::Unset => ValueRef::Integer(0),
            Value::Int(number) => ValueRef::Integer(*number),
            Value::Text(text) | Value::Both(_, text) => ValueRef::Text(text),
        };
        statement.raw_bind_parameter(at + 1, ToSqlOutput::Borrowed(value))?;
    }
    let columns: Vec<Bytes> =
        statement.column_names().into_iter().map(|name| Bytes::copy_from_slice(name.as_bytes())).collect();
    let mut cells = Vec::new();
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        for column in 0..columns.len() {
            cells.push(cell(row.get_ref(column)?));
        }
    }
    Ok(Rows { columns, cells })
}

fn cell(value: ValueRef) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        // As SQLite prints it: 2.0 keeps its point.
        ValueRef::Real(number) => Value::Text(Bytes::from(format!("{number:?}"))),
        ValueRef::Text(text) | ValueRef::Blob(text) => Value::Text(Bytes::copy_from_slice(text)),
    }
}

/// Whose fault it was.
pub fn fault_of(fault: rusqlite::Error) -> QueryFault {
    let text = fault.to_string();
    match fault.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => QueryFault::Locked(text),
        Some(
            ErrorCode::CannotOpen
            | ErrorCode::NotADatabase
            | ErrorCode::DatabaseCorrupt
            | ErrorCode::PermissionDenied
            | ErrorCode::SystemIoFailure
            | ErrorCode::DiskFull,
        ) => QueryFault::Unavailable(text),
        _ => QueryFault::Refused(text),
    }
}
