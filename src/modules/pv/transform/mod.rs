//! Transformations: `{s.len}`, `{uri.host}` and their kin, one file a subject.
//!
//! What cannot be done makes the value undefined; what is merely not there makes it empty.

mod address;
mod coding;
mod cut;
mod digest;
mod escape;
mod line;
mod param;
mod string;
mod uri;
mod value;

pub(in crate::modules) use escape::push_escaped_param;

use crate::builtin::{Check, Context, Template, Transformation, Value};
use bytes::Bytes;

/// The rows of all files.
pub(super) const PARTS: &[&[Transformation]] = &[
    string::ROWS,
    cut::ROWS,
    digest::ROWS,
    coding::ROWS,
    escape::ROWS,
    uri::ROWS,
    address::ROWS,
    param::ROWS,
    line::ROWS,
    value::ROWS,
];

type Run = fn(&mut Context, Value, &[Template]) -> Value;

/// A row without parameters.
const fn plain(class: &'static str, name: &'static str, run: Run, doc: &'static str) -> Transformation {
    with(class, name, (0, 0), run, doc)
}

/// A row with parameters, so few and so many.
const fn with(
    class: &'static str,
    name: &'static str,
    params: (usize, usize),
    run: Run,
    doc: &'static str,
) -> Transformation {
    Transformation { class, name, params, checks: &[], run, doc }
}

/// The same, with parameters that are looked at when the file is read.
const fn checked(row: Transformation, checks: &'static [(usize, Check)]) -> Transformation {
    Transformation { checks, ..row }
}

/// A number of either sign.
const ANY: Check = Check::Number(i64::MIN);

/// A number without a sign.
const COUNT: Check = Check::Number(0);

/// Makes something of the text of a value; undefined stays undefined.
fn of_text(value: Value, body: impl FnOnce(&Bytes) -> Option<Value>) -> Value {
    match value {
        Value::Null => Value::Null,
        value => body(&value.to_text()).unwrap_or_default(),
    }
}

/// New text as a value.
fn owned(text: impl Into<Bytes>) -> Value {
    Value::Text(text.into())
}

/// A part of the text; it shares its memory.
fn part(text: &Bytes, part: &[u8]) -> Value {
    Value::Text(text.slice_ref(part))
}

/// Nothing, but defined.
fn empty() -> Value {
    Value::Text(Bytes::new())
}

fn int_param(cx: &mut Context, params: &[Template], at: usize) -> i64 {
    params.get(at).map_or(0, |param| param.value(cx).to_int())
}

fn text_param(cx: &mut Context, params: &[Template], at: usize) -> Bytes {
    params.get(at).map_or_else(Bytes::new, |param| param.text(cx))
}

/// The first character of a parameter.
fn char_param(cx: &mut Context, params: &[Template], at: usize) -> Option<u8> {
    text_param(cx, params, at).first().copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::bench::Bench;
    use std::sync::Arc;

    /// Runs `{class.name,param,param}` as written, without braces.
    pub(super) fn run(text: &str, value: Value) -> Value {
        let (head, params) = text.split_once(',').map_or((text, None), |(head, rest)| (head, Some(rest)));
        let (class, name) = head.split_once('.').unwrap();
        let mut rows = PARTS.iter().flat_map(|rows| rows.iter());
        let row = rows.find(|row| row.class == class && row.name == name).unwrap_or_else(|| panic!("{head}"));
        let params: Vec<Template> = match params {
            Some(params) => params.splitn(row.params.1, ',').map(|param| Template::fixed(param.to_owned())).collect(),
            None => Vec::new(),
        };
        assert!((row.params.0..=row.params.1).contains(&params.len()), "{text}");
        let mut bench = Bench::new("INVITE sip:x SIP/2.0\nVia: SIP/2.0/UDP h\n\n", Arc::new(()));
        (row.run)(&mut bench.context(), value, &params)
    }

    /// Each case: the transformation, the value, and the printed result; `<null>` when it is undefined.
    pub(super) fn check(cases: &[(&str, &str, &str)]) {
        for (text, value, result) in cases {
            let mut out = Vec::new();
            run(text, owned(value.to_string())).print(&mut out);
            assert_eq!(String::from_utf8_lossy(&out), *result, "{{{text}}} of {value:?}");
        }
    }

    const CASES: &str = include_str!("../../../../fixtures/transformations/cases.txt");

    /// What is undefined prints as nothing behind a transformation.
    #[test]
    fn results_are_those_of_kamailio() {
        let mut wrong = Vec::new();
        let mut count = 0;
        for line in CASES.lines().filter(|line| !line.starts_with('#')) {
            let mut columns = line.split('\t');
            let (value, text, expected) =
                (columns.next().unwrap(), columns.next().unwrap(), columns.next().unwrap_or_default());
            let mut out = Vec::new();
            match run(text, owned(value.replace("\\n", "\n").replace("\\r", "\r"))) {
                Value::Null => {}
                found => found.print(&mut out),
            }
            let found = String::from_utf8_lossy(&out);
            // The terminal that the results were read from kept no blanks at the end.
            if found.trim_end() != expected.trim_end() {
                wrong.push(format!("{{{text}}} of {value:?}: {found:?}, wanted {expected:?}"));
            }
            count += 1;
        }
        assert!(count > 2000, "{count} cases");
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn undefined_stays_undefined() {
        for row in PARTS.iter().flat_map(|rows| rows.iter()).filter(|row| row.class != "val") {
            let params: Vec<Template> = (0..row.params.0).map(|_| Template::fixed("1")).collect();
            let mut bench = Bench::new("INVITE sip:x SIP/2.0\nVia: SIP/2.0/UDP h\n\n", Arc::new(()));
            assert_eq!(
                (row.run)(&mut bench.context(), Value::Null, &params),
                Value::Null,
                "{}.{}",
                row.class,
                row.name
            );
        }
    }
}
