//! Selects: `@from.uri.host` and its kin, each root and step a row.
//!
//! A root gives a value, mostly the text of a header; each step takes a part out of the text before it. All values are text. What is not there is
//! undefined, and so is everything taken out of it.

mod address;
mod config;
mod credentials;
mod headers;
mod message;
mod route;
mod uri;
mod values;
mod via;

use crate::builtin::{Context, Key, Place, Select, Step, Template, Value, Variable, count, join};
use bytes::Bytes;

pub(crate) use values::VALUES;

/// All roots.
pub(super) static ROWS: [Select; count(PARTS)] = join(PARTS);
const PARTS: &[&[Select]] =
    &[message::ROWS, headers::ROWS, address::ROWS, via::ROWS, credentials::ROWS, route::ROWS, config::ROWS];

type Get = fn(&mut Context, &Key, Place) -> Value;

const fn root(names: &'static [&'static str], get: Get, doc: &'static str) -> Select {
    rooted(names, get, &[], doc)
}

const fn rooted(names: &'static [&'static str], get: Get, steps: &'static [Step], doc: &'static str) -> Select {
    Select::root(Variable::read(names, get, doc), steps)
}

/// What a step makes of text; undefined stays undefined.
fn of_text(value: Value, part: impl FnOnce(&Bytes) -> Option<Value>) -> Value {
    match value {
        Value::Null => Value::Null,
        value => part(&value.to_text()).unwrap_or_default(),
    }
}

/// A part of the text as a value; it shares its memory.
fn within(text: &Bytes, part: &[u8]) -> Value {
    Value::Text(text.slice_ref(part))
}

/// The same, undefined when it is empty.
fn within_or_null(text: &Bytes, part: &[u8]) -> Value {
    if part.is_empty() { Value::Null } else { within(text, part) }
}

/// The value of a parameter without quotes or what stands behind it; undefined when it is empty.
fn plain(text: &Bytes, value: &[u8]) -> Value {
    let bare = match value.strip_prefix(b"\"") {
        Some(inner) => inner.split(|byte| *byte == b'"').next(),
        None => value.split(u8::is_ascii_whitespace).next(),
    };
    within_or_null(text, bare.unwrap_or_default())
}

/// The text of a step's brackets.
fn bracket(cx: &mut Context, params: &[Template]) -> Bytes {
    params.last().map_or_else(Bytes::new, |param| param.text(cx))
}

/// A number as text, for every select is text.
fn number(number: i64) -> Value {
    Value::Text(crate::builtin::int_text(number))
}

#[cfg(test)]
mod tests {
    use crate::builtin::bench::Bench;
    use crate::builtin::{Extensions, Facts, Global, ModuleId, Prepare, Select, Slots, Value};
    use std::sync::Arc;

    const MESSAGE: &str = include_str!("../../../../fixtures/selects/invite.sip");
    const CASES: &str = include_str!("../../../../fixtures/selects/cases.txt");

    /// Each line of the cases: a path, a tab, what Kamailio 5.6.3 prints for it.
    #[test]
    fn values_are_those_of_kamailio() {
        let mut bench = Bench::new(MESSAGE, Arc::new(()));
        let roots: Vec<(ModuleId, &'static Select)> =
            super::ROWS.iter().chain(super::VALUES).map(|root| (ModuleId(0), root)).collect();
        let globals = [Global { group: "voicemail".into(), name: "vport".into(), value: Value::Int(5055) }];
        Arc::get_mut(&mut bench.core.settings).unwrap().globals = globals.to_vec();
        let (mut used, mut slots) = (Vec::new(), Slots::default());
        let facts = Facts { selects: &roots, globals: &globals, ..Facts::default() };
        let mut wrong = Vec::new();
        for (path, expected) in CASES.lines().filter_map(|line| line.split_once('\t')) {
            let mut prepare = Prepare::new(Extensions::default(), &mut used, &mut slots, &[]).knowing(facts);
            let found = match prepare.select(path) {
                Ok(reference) => {
                    let mut out = Vec::new();
                    reference.value(&mut bench.context()).print(&mut out);
                    String::from_utf8_lossy(&out).replace("\r\n", "\\n")
                }
                Err(fault) => fault.message,
            };
            if found != expected {
                wrong.push(format!("@{path}: {found:?}, wanted {expected:?}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
