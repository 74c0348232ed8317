//! `$sht` and its kin.

use super::item::{Item, prepare, state};
use super::table::{Cell, Table};
use super::{Local, seconds};
use crate::builtin::{
    Context, Fault, Key, KeyKind, LogLevel, Place, Prepare, Prepared, Template, Value, Variable, parse_int,
};
use bytes::Bytes;

/// The variables.
pub(super) const ROWS: &[Variable] = &[
    row(&["sht"], read, "The value of a key of a table: $sht(table=>key). $null removes it.").written(write),
    row(&["shtex"], read_expiry, "The seconds until a value expires; writing sets them, and 0 is never.")
        .written(write_expiry),
    row(
        &["shtcn"],
        |cx, key, _| count(cx, key, Half::Key),
        "How many keys fit: $shtcn(table=>regex), or ~%end, %~start, ==whole; ** counts all.",
    ),
    row(
        &["shtcv"],
        |cx, key, _| count(cx, key, Half::Value),
        "How many values fit: texts as $shtcn, and eq5 counts the numbers that are 5.",
    ),
    row(&["shtinc"], |cx, key, _| add(cx, key, 1), "Adds 1 to a number in a table and is the sum."),
    row(&["shtdec"], |cx, key, _| add(cx, key, -1), "Takes 1 from a number in a table and is what is left."),
    Variable::read(&["shtrecord"], record, "The `key` or `value` that expired, in event_route[htable:expired:...].")
        .keyed(KeyKind::Custom(prepare_record)),
    Variable::read(
        &["shtitkey"],
        |cx, key, _| super::iterator::current(cx, key).map_or(Value::Null, |cell| Value::Text(cell.key)),
        "The key at which an iterator stands.",
    )
    .keyed(KeyKind::Text),
    Variable::read(
        &["shtitval"],
        |cx, key, _| super::iterator::current(cx, key).map_or(Value::Null, |cell| cell.value),
        "The value at which an iterator stands.",
    )
    .keyed(KeyKind::Text),
];

type Read = fn(&mut Context, &Key, Place) -> Value;

const fn row(names: &'static [&'static str], get: Read, doc: &'static str) -> Variable {
    Variable::read(names, get, doc).keyed(KeyKind::Custom(prepare))
}

/// Calls `body` with the table and key that a variable names; `None` without the table.
fn with<T>(cx: &mut Context, key: &Key, body: impl FnOnce(&mut Context, &Table, Bytes) -> T) -> Option<T> {
    let item = key.prepared::<Item>()?;
    let state = state(cx)?;
    let table = item.table(&state)?;
    let key = item.key(cx);
    Some(body(cx, table, key))
}

fn read(cx: &mut Context, key: &Key, _: Place) -> Value {
    with(cx, key, |cx, table, key| table.read(&key, seconds(cx))).unwrap_or_default()
}

fn write(cx: &mut Context, key: &Key, _: Place, value: Value) -> Result<(), Fault> {
    let written = with(cx, key, |cx, table, key| {
        if value.is_null() {
            table.remove(&key);
            return true;
        }
        table.write(&key, value, None, seconds(cx))
    });
    match written {
        Some(true) => Ok(()),
        Some(false) => Err(Fault::new("the table is full")),
        None => Err(Fault::new("the table is not defined")),
    }
}

fn read_expiry(cx: &mut Context, key: &Key, _: Place) -> Value {
    let left = with(cx, key, |cx, table, key| {
        // Kamailio counts without a sign: what never expires shows as a large number.
        table.until_of(&key).map_or(0, |until| until.wrapping_sub(seconds(cx)) as u32)
    });
    left.map_or(Value::Null, |left| Value::Int(left.into()))
}

fn write_expiry(cx: &mut Context, key: &Key, _: Place, value: Value) -> Result<(), Fault> {
    let left = match value {
        Value::Int(left) | Value::Both(left, _) => u64::try_from(left).unwrap_or(0),
        Value::Null | Value::Unset | Value::Text(_) => 0,
    };
    let done = with(cx, key, |cx, table, key| {
        let until = if left == 0 { 0 } else { seconds(cx).saturating_add(left) };
        table.set_until(&key, until);
    });
    done.ok_or_else(|| Fault::new("the table is not defined"))
}

fn add(cx: &mut Context, key: &Key, step: i64) -> Value {
    with(cx, key, |cx, table, key| table.add(&key, step, seconds(cx))).flatten().map_or(Value::Null, Value::Int)
}

/// Counts the keys or values that the pattern fits.
fn count(cx: &mut Context, key: &Key, half: Half) -> Value {
    let found = with(cx, key, |cx, table, pattern| {
        let now = seconds(cx);
        let (operator, rest) = pattern.split_at_checked(2).unwrap_or((b"", &pattern));
        if operator == b"**" {
            return table.len();
        }
        let of = |fits: &dyn Fn(&[u8]) -> bool| {
            table.count(|cell| !table.is_over(cell, now) && half.text(cell).is_some_and(|text| fits(text)))
        };
        let is_operator = matches!(operator, b"~~" | b"~%" | b"%~" | b"==" | b"eq");
        if pattern.is_empty() || is_operator && rest.is_empty() {
            return 0;
        }
        match operator {
            b"~%" => of(&|text| text.ends_with(rest)),
            b"%~" => of(&|text| text.starts_with(rest)),
            b"==" => of(&|text| text == rest),
            b"eq" => {
                // Keys are no numbers.
                let wanted = parse_int(rest).unwrap_or(0);
                let equal =
                    |cell: &Cell| half == Half::Value && !table.is_over(cell, now) && cell.value == Value::Int(wanted);
                table.count(equal)
            }
            _ => {
                let pattern = if operator == b"~~" { rest } else { &pattern[..] };
                match cx.core.regexes.compile_by_line(pattern, cx.core.extensions) {
                    Some(pattern) => of(&|text| pattern.is_match(text)),
                    None => {
                        let text = String::from_utf8_lossy(pattern);
                        let text = format!("{text} is no regular expression");
                        cx.log(LogLevel::Error, text);
                        0
                    }
                }
            }
        }
    });
    found.map_or(Value::Null, |found| Value::Int(found as i64))
}

/// A key or its value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Half {
    Key,
    Value,
}

impl Half {
    /// The text of this half of a cell; none when it is a number.
    pub(super) fn text(self, cell: &Cell) -> Option<&Bytes> {
        match (self, &cell.value) {
            (Half::Key, _) => Some(&cell.key),
            (Half::Value, Value::Text(text)) => Some(text),
            (Half::Value, _) => None,
        }
    }
}

fn prepare_record(text: &Template, _: &mut Prepare) -> Result<Prepared, Fault> {
    match text.constant().as_deref() {
        Some(b"key") => Ok(Box::new(Half::Key)),
        Some(b"value") => Ok(Box::new(Half::Value)),
        _ => Err(Fault::new(format!("$shtrecord({text:?}) is nothing")).help("write key or value")),
    }
}

fn record(cx: &mut Context, key: &Key, _: Place) -> Value {
    let half = key.prepared::<Half>();
    match (&cx.local::<Local>().expired, half) {
        (Some((key, _)), Some(Half::Key)) => Value::Text(key.clone()),
        (Some((_, value)), Some(Half::Value)) => value.clone(),
        _ => Value::Null,
    }
}
