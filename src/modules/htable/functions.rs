//! Functions for single keys and whole tables.

use super::item::{Item, prepare, state};
use super::table::Table;
use super::{Htable, Local, seconds};
use crate::builtin::{Arg, Args, Context, Does, Function, LogLevel, Means, Outcome, Value, anywhere};
use bytes::Bytes;

/// The functions.
pub(super) const ROWS: &[Function] = &[
    anywhere(&["sht_print"], &[], print, "Logs every value of every table."),
    anywhere(&["sht_rm"], KEY, remove, "Removes the value of a key.").does(&[Does::RemoveEntries]),
    anywhere(&["sht_reset"], &[Arg::text("table").means(Means::Table)], reset, "Removes every value of a table.")
        .does(&[Does::RemoveEntries]),
    anywhere(
        &["sht_setxs"],
        &[Arg::text("table").means(Means::Table), Arg::text("key"), Arg::text("value"), Arg::int("seconds")],
        |cx, args| {
            let value = Value::Text(args.text(cx, 2));
            set(cx, args, value)
        },
        "Writes a text that expires after these seconds.",
    )
    .does(&[Does::RemoveEntries]),
    anywhere(
        &["sht_setxi"],
        &[Arg::text("table").means(Means::Table), Arg::text("key"), Arg::int("value"), Arg::int("seconds")],
        |cx, args| {
            let value = Value::Int(args.int(cx, 2));
            set(cx, args, value)
        },
        "Writes a number that expires after these seconds.",
    )
    .does(&[Does::RemoveEntries]),
    anywhere(
        &["sht_is_null"],
        KEY,
        is_null,
        "Whether a key reads as $null; 2 when there is no such table, -2 when the table has an initial value.",
    ),
    anywhere(&["sht_inc"], KEY, |cx, args| add(cx, args, 1), "Adds 1 to a number."),
    anywhere(&["sht_dec"], KEY, |cx, args| add(cx, args, -1), "Takes 1 from a number."),
    anywhere(
        &["sht_lock"],
        ITEM,
        lock,
        "Waits until no other run of the script holds the lock of a key, written table=>key, and takes it. Keys that share a slot of the table share their lock.",
    ),
    anywhere(&["sht_unlock"], ITEM, unlock, "Gives the lock of a key back."),
];

const KEY: &[Arg] = &[Arg::text("table").means(Means::Table), Arg::text("key")];
const ITEM: &[Arg] = &[Arg::custom("item", prepare).means(Means::Table)];

/// Calls `body` with the table that the first argument names; false without it.
pub(super) fn with_table(cx: &mut Context, args: &Args, body: impl FnOnce(&mut Context, &Table) -> Outcome) -> Outcome {
    let name = args.text(cx, 0);
    let Some(state) = state(cx) else { return Outcome::FALSE };
    match state.named(&name) {
        Some(table) => body(cx, table),
        None => {
            cx.log(LogLevel::Error, format!("there is no table {}", String::from_utf8_lossy(&name)));
            Outcome::FALSE
        }
    }
}

fn remove(cx: &mut Context, args: &Args) -> Outcome {
    let key = args.text(cx, 1);
    with_table(cx, args, |_, table| {
        table.remove(&key);
        Outcome::TRUE
    })
}

fn reset(cx: &mut Context, args: &Args) -> Outcome {
    with_table(cx, args, |_, table| {
        table.remove_where(|_| true);
        Outcome::TRUE
    })
}

fn set(cx: &mut Context, args: &Args, value: Value) -> Outcome {
    let (key, time) = (args.text(cx, 1), args.int(cx, 3));
    with_table(cx, args, |cx, table| {
        let time = u64::try_from(time).ok().filter(|time| *time > 0);
        Outcome::truth(table.write(&key, value, time, seconds(cx)))
    })
}

fn is_null(cx: &mut Context, args: &Args) -> Outcome {
    let (name, key) = (args.text(cx, 0), args.text(cx, 1));
    let now = seconds(cx);
    Outcome::Return(match state(cx).as_ref().and_then(|state| state.named(&name)) {
        None => 2,
        Some(table) if table.initial.is_some() => -2,
        Some(table) if table.has(&key, now) => -1,
        Some(_) => 1,
    })
}

fn add(cx: &mut Context, args: &Args, step: i64) -> Outcome {
    let key = args.text(cx, 1);
    with_table(cx, args, |cx, table| Outcome::truth(table.add(&key, step, seconds(cx)).is_some()))
}

/// What `sht_lock` and `sht_unlock` give for a table that is not defined.
const NO_TABLE: Outcome = Outcome::Return(-11);

fn lock(cx: &mut Context, args: &Args) -> Outcome {
    let Some((locks, number)) = lock_of(cx, args) else { return NO_TABLE };
    let random = &mut cx.core.random;
    let holding = &mut cx.locals.carried.of_module::<Local>(cx.module).holding;
    if holding.take(&locks, number, random) {
        return Outcome::TRUE;
    }
    match holding.wait() {
        Some(effect) => Outcome::wait(effect, |cx, args, _| lock(cx, args)),
        None => {
            cx.log(LogLevel::Error, "sht_lock: another run of the script does not give the lock back");
            Outcome::FALSE
        }
    }
}

fn unlock(cx: &mut Context, args: &Args) -> Outcome {
    let Some((locks, number)) = lock_of(cx, args) else { return NO_TABLE };
    cx.local::<Local>().holding.release(&locks, number);
    Outcome::TRUE
}

fn lock_of(cx: &mut Context, args: &Args) -> Option<(std::sync::Arc<crate::modules::lock::Locks>, u32)> {
    let item = args.prepared::<Item>(0)?;
    let state = state(cx)?;
    let table = item.table(&state)?;
    let key: Bytes = item.key(cx);
    Some((state.locks.clone(), state.lock_number(table, &key)))
}

fn print(cx: &mut Context, _: &Args) -> Outcome {
    let Some(state) = cx.state::<Htable>() else { return Outcome::TRUE };
    for table in &state.tables {
        let name = String::from_utf8_lossy(&table.name);
        cx.log(LogLevel::Error, format!("table {name}: {} values, expire after {} s", table.len(), table.expires));
        let mut position = None;
        while let Some(next) = table.after(position) {
            position = Some(next);
            let Some(cell) = table.at(next) else { continue };
            let mut line = format!("{name}=>{} ", String::from_utf8_lossy(&cell.key)).into_bytes();
            line.extend_from_slice(if matches!(cell.value, Value::Text(_)) { b"text " } else { b"number " });
            cell.value.print(&mut line);
            if table.expires > 0 && cell.until > 0 {
                line.extend_from_slice(format!(" until {}", cell.until).as_bytes());
            }
            cx.log(LogLevel::Error, String::from_utf8_lossy(&line));
        }
    }
    Outcome::TRUE
}
