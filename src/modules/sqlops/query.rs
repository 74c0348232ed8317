//! The functions that ask, and what they make of the answer.

use super::connection::{self, Slot as Connection};
use super::result::{Results, Slot as Name};
use super::statement::{NoName, Statement};
use crate::builtin::{
    Answer, Args, Avps, Context, Extension, Fault, LogLevel, OnAnswer, Outcome, Part, Prepare, Prepared, Rows,
    Template, Xavp,
};
use bytes::Bytes;

// A statement, and whether finding nothing is false.
struct Asked {
    statement: Statement,
    empty_is_false: bool,
}

/// Prepares a query argument.
pub(super) fn prepare(query: &Template, _: &mut Prepare) -> Result<Prepared, Fault> {
    Ok(Box::new(Asked { statement: Statement::new(query), empty_is_false: false }))
}

/// Prepares the query argument of a two-argument `sql_query`.
pub(super) fn prepare_unnamed(query: &Template, prepare: &mut Prepare) -> Result<Prepared, Fault> {
    let beside = prepare.calls("sql_result");
    let empty_is_false = beside && prepare.rely_on(Extension::EmptyQueryIsFalse);
    Ok(Box::new(Asked { statement: Statement::new(query), empty_is_false }))
}

/// `sql_query` with two arguments.
pub(super) fn unnamed(cx: &mut Context, args: &Args) -> Outcome {
    ask(cx, args, |cx, args, answer| {
        let rows = rows(cx, args, answer);
        let empty_is_false = args.prepared::<Asked>(1).is_some_and(|asked| asked.empty_is_false);
        let code = match &rows {
            None => -1,
            Some(rows) if !rows.is_empty() => 3,
            // A statement without columns is no question: it has done what it should.
            Some(rows) if empty_is_false && !rows.columns.is_empty() => -1,
            Some(_) => 2,
        };
        if let Some(connection) = args.prepared::<Connection>(0) {
            cx.local::<Results>().keep_last(connection.0, rows);
        }
        Outcome::Return(code)
    })
}

/// `sql_query` with three arguments.
pub(super) fn named(cx: &mut Context, args: &Args) -> Outcome {
    if let Some(name) = args.prepared::<Name>(2) {
        cx.local::<Results>().keep(name.0, None);
    }
    ask(cx, args, |cx, args, answer| match (rows(cx, args, answer), args.prepared::<Name>(2)) {
        (Some(rows), Some(_)) if rows.is_empty() => Outcome::Return(2),
        (Some(rows), Some(name)) => {
            cx.local::<Results>().keep(name.0, Some(rows));
            Outcome::TRUE
        }
        _ => Outcome::FALSE,
    })
}

/// `sql_query_async`.
pub(super) fn detached(cx: &mut Context, args: &Args) -> Outcome {
    ask(cx, args, |cx, args, answer| Outcome::truth(rows(cx, args, answer).is_some()))
}

/// `sql_xquery`.
pub(super) fn into_xavp(cx: &mut Context, args: &Args) -> Outcome {
    ask(cx, args, |cx, args, answer| {
        let Some(rows) = rows(cx, args, answer) else { return Outcome::FALSE };
        let class = args.text(cx, 2);
        push_records(&mut cx.locals.avps, &class, &rows);
        Outcome::Return(if rows.is_empty() { 2 } else { 1 })
    })
}

fn push_records(avps: &mut Avps, class: &Bytes, rows: &Rows) {
    for row in rows.cells.chunks(rows.columns.len().max(1)).rev() {
        let fields = rows.columns.iter().cloned().zip(row.iter().cloned()).collect();
        avps.push_record(Xavp { class: class.clone(), fields });
    }
}

// The variables of sql_pvquery, each as a template of its own.
struct Targets(Vec<Template>);

/// Prepares the list of variables of `sql_pvquery`.
pub(super) fn prepare_targets(list: &Template, _: &mut Prepare) -> Result<Prepared, Fault> {
    let mut targets = Vec::new();
    for (at, part) in list.parts().iter().enumerate() {
        match part {
            Part::Variable(reference) if reference.is_writable() => targets.extend(list.only(at)),
            Part::Variable(reference) => {
                return Err(Fault::new(format!("{} cannot be written", reference.text)));
            }
            Part::Text(text) if text.iter().all(|byte| byte.is_ascii_whitespace() || b",;".contains(byte)) => {}
            Part::Text(text) => {
                return Err(Fault::new(format!("{} is no variable", String::from_utf8_lossy(text).trim()))
                    .help("write the variables with commas between them: \"$var(a),$var(b)\""));
            }
        }
    }
    Ok(Box::new(Targets(targets)))
}

/// `sql_pvquery`.
pub(super) fn into_variables(cx: &mut Context, args: &Args) -> Outcome {
    ask(cx, args, |cx, args, answer| {
        let (Some(rows), Some(Targets(targets))) = (rows(cx, args, answer), args.prepared::<Targets>(2)) else {
            return Outcome::FALSE;
        };
        for row in rows.cells.chunks(rows.columns.len().max(1)).rev() {
            for (column, value) in row.iter().enumerate() {
                let Some(target) = targets.get(column).and_then(Template::variable) else {
                    cx.log(LogLevel::Error, format!("sql_pvquery: no variable for column {}", column + 1));
                    return Outcome::FALSE;
                };
                if let Err(fault) = target.assign(cx, value.clone()) {
                    cx.log(LogLevel::Error, format!("sql_pvquery: {fault}"));
                    return Outcome::FALSE;
                }
            }
        }
        Outcome::Return(if rows.is_empty() { 2 } else { 1 })
    })
}

/// `sql_result`.
pub(super) fn column(cx: &mut Context, args: &Args) -> Outcome {
    let name = args.text(cx, 1);
    let (Some(connection), Some(target)) = (args.prepared::<Connection>(0), args.target(2)) else {
        return Outcome::FALSE;
    };
    let found = match cx.local::<Results>().last(connection.0) {
        Some(rows) if !rows.is_empty() => match rows.column(&name) {
            Some(column) => Ok(rows.cell(0, column).cloned()),
            None => Err(()),
        },
        _ => Ok(None),
    };
    if found.is_err() {
        let name = String::from_utf8_lossy(&name).into_owned();
        cx.log(LogLevel::Error, format!("sql_result: the last query gave no column {name}"));
    }
    let value = found.ok().flatten();
    let found = value.is_some();
    if let Err(fault) = target.assign(cx, value.unwrap_or_default()) {
        cx.log(LogLevel::Error, format!("sql_result: {fault}"));
        return Outcome::FALSE;
    }
    Outcome::truth(found)
}

// Every asking function has the connection and the query first.
fn ask(cx: &mut Context, args: &Args, then: impl OnAnswer) -> Outcome {
    let Some(asked) = args.prepared::<Asked>(1) else { return Outcome::FALSE };
    match connection::database(cx, args.prepared::<Connection>(0)) {
        Some(connected) => match asked.statement.query(cx, connected) {
            Ok(query) => Outcome::ask(query, then),
            Err(NoName { variable }) => {
                cx.log(
                    LogLevel::Error,
                    format!("{}: the value of {variable} is no name of a table or column", args.name()),
                );
                Outcome::FALSE
            }
        },
        None => {
            cx.log(LogLevel::Error, format!("{}: the database is not connected", args.name()));
            Outcome::FALSE
        }
    }
}

// The rows, or a line in the log.
fn rows(cx: &mut Context, args: &Args, answer: Answer) -> Option<Rows> {
    let fault = match answer {
        Answer::Rows(Ok(rows)) => return Some(rows),
        Answer::Rows(Err(fault)) => fault.to_string(),
        Answer::Code(_) | Answer::Executed(_) | Answer::Found(_) => "the database gave no answer".to_owned(),
    };
    let statement = args.prepared::<Asked>(1).and_then(|asked| asked.statement.fixed().cloned());
    let shown = cx.state::<connection::Connections>().map_or(0, |state| state.logged);
    let text: String =
        statement.as_deref().unwrap_or("a statement with names from variables").chars().take(shown).collect();
    cx.log(LogLevel::Error, format!("{}: {fault} [{text}]", args.name()));
    None
}
