//! Walks through a table: `sht_iterator_start` and what follows it.
//!
//! An iterator belongs to the run of the script that started it. It keeps its place, not the table: what others write meanwhile is seen.

use super::item::state;
use super::table::{Cell, Position, Table};
use super::{Local, seconds};
use crate::builtin::{Arg, Args, Context, Function, Key, LogLevel, Means, Outcome, Value, anywhere};
use bytes::Bytes;

/// The functions.
pub(super) const ROWS: &[Function] = &[
    anywhere(
        &["sht_iterator_start"],
        &[Arg::text("iterator"), Arg::text("table").means(Means::Table)],
        begin,
        "Puts an iterator before the first value of a table.",
    ),
    anywhere(&["sht_iterator_next"], NAME, next, "Moves an iterator to the next value; false when there is none."),
    anywhere(&["sht_iterator_end"], NAME, end, "Ends an iterator."),
    anywhere(
        &["sht_iterator_rm"],
        NAME,
        remove,
        "Removes the value at which an iterator stands and moves it to the next; -2 when there is none.",
    ),
    anywhere(
        &["sht_iterator_sets"],
        &[Arg::text("iterator"), Arg::text("value")],
        |cx, args| {
            let value = Value::Text(Bytes::copy_from_slice(&args.text(cx, 1)));
            change(cx, args, move |cell, renewed| {
                cell.value = value;
                cell.until = renewed.unwrap_or(cell.until);
            })
        },
        "Writes a text where an iterator stands.",
    ),
    anywhere(
        &["sht_iterator_seti"],
        &[Arg::text("iterator"), Arg::int("value")],
        |cx, args| {
            let value = Value::Int(args.int(cx, 1));
            change(cx, args, move |cell, renewed| {
                cell.value = value;
                cell.until = renewed.unwrap_or(cell.until);
            })
        },
        "Writes a number where an iterator stands.",
    ),
    anywhere(
        &["sht_iterator_setex"],
        &[Arg::text("iterator"), Arg::int("seconds")],
        |cx, args| {
            let until = seconds(cx).saturating_add_signed(args.int(cx, 1));
            change(cx, args, move |cell, _| cell.until = until)
        },
        "Has the value at which an iterator stands expire after these seconds.",
    ),
];

const NAME: &[Arg] = &[Arg::text("iterator")];

/// As many as Kamailio has.
const MOST: usize = 4;

/// One iterator.
#[derive(Debug)]
pub(super) struct Iterator {
    name: Bytes,
    /// The table by its place; none when it was started on one that is not defined.
    table: Option<usize>,
    at: Option<Position>,
}

fn begin(cx: &mut Context, args: &Args) -> Outcome {
    let (name, wanted) = (args.text(cx, 0), args.text(cx, 1));
    let table = state(cx).and_then(|state| state.tables.iter().position(|table| table.name == wanted));
    let iterators = &mut cx.local::<Local>().iterators;
    match iterators.iter().position(|iterator| iterator.name == name) {
        Some(place) => iterators[place] = Iterator { name, table, at: None },
        None if iterators.len() < MOST => iterators.push(Iterator { name, table, at: None }),
        None => {
            cx.log(LogLevel::Error, format!("no more than {MOST} iterators can be used at once"));
            return Outcome::FALSE;
        }
    }
    if table.is_none() {
        cx.log(LogLevel::Error, format!("there is no table {}", String::from_utf8_lossy(&wanted)));
    }
    Outcome::truth(table.is_some())
}

fn next(cx: &mut Context, args: &Args) -> Outcome {
    with(cx, args, |_, table, at| {
        *at = table.after(*at);
        Outcome::truth(at.is_some())
    })
}

fn end(cx: &mut Context, args: &Args) -> Outcome {
    let name = args.text(cx, 0);
    let iterators = &mut cx.local::<Local>().iterators;
    match iterators.iter().position(|iterator| iterator.name == name) {
        Some(at) => {
            iterators.swap_remove(at);
            Outcome::TRUE
        }
        None => missing(cx, &name),
    }
}

fn remove(cx: &mut Context, args: &Args) -> Outcome {
    with(cx, args, |cx, table, at| {
        let Some(position) = *at else { return unused(cx) };
        *at = table.after(Some(position));
        table.remove_at(position);
        Outcome::Return(if at.is_some() { 1 } else { -2 })
    })
}

/// Changes the value at which an iterator stands; `change` is told when the value expires if a write counts anew.
fn change(cx: &mut Context, args: &Args, change: impl FnOnce(&mut Cell, Option<u64>)) -> Outcome {
    with(cx, args, |cx, table, at| {
        let Some(position) = *at else { return unused(cx) };
        let renewed = table.renews.then(|| table.until(seconds(cx)));
        Outcome::truth(table.change(position, |cell| change(cell, renewed)))
    })
}

/// Calls `body` with the table and the place of the iterator that the first argument names.
fn with(
    cx: &mut Context,
    args: &Args,
    body: impl FnOnce(&mut Context, &Table, &mut Option<Position>) -> Outcome,
) -> Outcome {
    let name = args.text(cx, 0);
    let found = cx.local::<Local>().iterators.iter().position(|iterator| iterator.name == name);
    let Some(place) = found else { return missing(cx, &name) };
    let Some(state) = state(cx) else { return Outcome::FALSE };
    let (table, mut at) = {
        let Some(iterator) = cx.local::<Local>().iterators.get(place) else { return Outcome::FALSE };
        (iterator.table, iterator.at)
    };
    let Some(table) = table.and_then(|table| state.tables.get(table)) else { return missing(cx, &name) };
    let outcome = body(cx, table, &mut at);
    if let Some(iterator) = cx.local::<Local>().iterators.get_mut(place) {
        iterator.at = at;
    }
    outcome
}

fn missing(cx: &mut Context, name: &[u8]) -> Outcome {
    cx.log(LogLevel::Error, format!("the iterator {} was not started", String::from_utf8_lossy(name)));
    Outcome::FALSE
}

fn unused(cx: &mut Context) -> Outcome {
    cx.log(LogLevel::Error, "the iterator stands at no value");
    Outcome::FALSE
}

/// What the iterator that a variable names stands at.
pub(super) fn current(cx: &mut Context, key: &Key) -> Option<Cell> {
    let name = key.text(cx);
    let iterator = cx.local::<Local>().iterators.iter().find(|iterator| iterator.name == name)?;
    let (table, at) = (iterator.table?, iterator.at?);
    state(cx)?.tables.get(table)?.at(at)
}
