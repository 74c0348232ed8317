//! Commands for operators.

use super::Htable;
use super::table::Table;
use crate::builtin::{Background, Commanded, Rpc, RpcResult, Value};
use bytes::Bytes;

/// The commands of the module.
pub(super) static ROWS: &[Rpc] = &[
    Rpc {
        name: "htable.sets",
        usage: "TABLE KEY TEXT",
        doc: "Writes a text into a table.",
        run: |cx, args| set(cx, args, |text| Ok(Value::Text(Bytes::copy_from_slice(text.as_bytes())))),
    },
    Rpc {
        name: "htable.seti",
        usage: "TABLE KEY NUMBER",
        doc: "Writes a number into a table.",
        run: |cx, args| set(cx, args, |text| text.parse().map(Value::Int).map_err(|_| format!("{text} is no number"))),
    },
    Rpc { name: "htable.get", usage: "TABLE KEY", doc: "Shows the value of a key.", run: get },
    Rpc { name: "htable.delete", usage: "TABLE KEY", doc: "Removes the value of a key.", run: delete },
];

fn with<T>(cx: &Background, name: &str, body: impl FnOnce(&Table, u64) -> T) -> Result<T, String> {
    let state = cx.core.state::<Htable>(cx.module).ok_or("the module is not started")?;
    let table = state.named(name.as_bytes()).ok_or_else(|| format!("there is no table {name}"))?;
    Ok(body(table, cx.now.unix.as_secs()))
}

fn set(cx: &Background, args: &[&str], value: fn(&str) -> Result<Value, String>) -> RpcResult {
    let [table, key, text] = args else { return Err("it takes a table, a key and a value".to_owned()) };
    let value = value(text)?;
    match with(cx, table, |table, now| table.write(key.as_bytes(), value, None, now))? {
        true => Ok(Commanded::Done(Vec::new())),
        false => Err(format!("the table {table} is full")),
    }
}

fn get(cx: &mut Background, args: &[&str]) -> RpcResult {
    let [table, key] = args else { return Err("it takes a table and a key".to_owned()) };
    match with(cx, table, |table, now| table.read(key.as_bytes(), now))? {
        Value::Null => Err(format!("{table} has no {key}")),
        value => Ok(Commanded::Done(vec![String::from_utf8_lossy(&value.to_text()).into_owned()])),
    }
}

fn delete(cx: &mut Background, args: &[&str]) -> RpcResult {
    let [table, key] = args else { return Err("it takes a table and a key".to_owned()) };
    with(cx, table, |table, _| table.remove(key.as_bytes())).map(|()| Commanded::Done(Vec::new()))
}
