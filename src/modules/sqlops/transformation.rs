//! `{sql.val}` and its like: values as SQL writes them.

use crate::builtin::{Transformation, Value};
use bytes::Bytes;

pub(super) static TRANSFORMATIONS: &[Transformation] = &[
    Transformation {
        class: "sql",
        name: "val",
        params: (0, 0),
        checks: &[],
        run: |_, value, _| written(value, Value::text("NULL")),
        doc: "The value as SQL writes it: a string in quotes, a number as it is, NULL when undefined.",
    },
    Transformation {
        class: "sql",
        name: "val.int",
        params: (0, 0),
        checks: &[],
        run: |_, value, _| written(value, Value::text("0")),
        doc: "The same, but 0 when undefined.",
    },
    Transformation {
        class: "sql",
        name: "val.str",
        params: (0, 0),
        checks: &[],
        run: |_, value, _| written(value, Value::text("''")),
        doc: "The same, but the empty string when undefined.",
    },
];

fn written(value: Value, undefined: Value) -> Value {
    match value {
        Value::Null => undefined,
        Value::Unset => Value::text("0"),
        Value::Int(number) => Value::Text(crate::builtin::int_text(number)),
        Value::Both(_, text) | Value::Text(text) => {
            let mut out = Vec::with_capacity(text.len() + 2);
            out.push(b'\'');
            for &byte in text.iter() {
                match byte {
                    b'\'' | b'"' | b'\\' => out.extend([b'\\', byte]),
                    0 => out.extend(b"\\0"),
                    _ => out.push(byte),
                }
            }
            out.push(b'\'');
            Value::Text(Bytes::from(out))
        }
    }
}
