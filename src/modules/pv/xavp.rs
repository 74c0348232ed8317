//! `$xavp`, `$xavi`, `$xavu`: records of named values.
//!
//! `$xavi` and `$xavu` are kept among the XAVPs under classes that no `$xavp` can name, so that they too follow the transaction.

use crate::builtin::{Context, Fault, Key, KeyKind, Place, Value, Variable, Xavp, parse_int};
use bytes::Bytes;

/// The variables.
pub(super) const ROWS: &[Variable] = &[
    row(
        &["xavp"],
        |cx, key, _| read(cx, key, "xavp"),
        |cx, key, _, value| write(cx, key, "xavp", value),
        "A value of a record: $xavp(class=>field), $xavp(class[n]=>field[m]). An assignment without index adds a record in front; with one it changes that record.",
    ),
    row(
        &["xavi"],
        |cx, key, _| read(cx, key, "xavi"),
        |cx, key, _, value| write(cx, key, "xavi", value),
        "Like $xavp, but case does not matter in its names.",
    ),
    row(
        &["xavu"],
        |cx, key, _| read(cx, key, "xavu"),
        |cx, key, _, value| write(cx, key, "xavu", value),
        "A value by its path of names, each with one value: $xavu(a=>b).",
    ),
];

type Get = fn(&mut Context, &Key, Place) -> Value;
type Set = fn(&mut Context, &Key, Place, Value) -> Result<(), Fault>;

const fn row(names: &'static [&'static str], get: Get, set: Set, doc: &'static str) -> Variable {
    Variable { names, key: KeyKind::Text, get, set: Some(set), forgotten: None, indexed: false, doc }
}

/// What stands in the parentheses, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Path {
    /// The class it is kept under.
    pub(super) class: Bytes,
    /// Which record.
    record: Which,
    /// The field; none for the record itself.
    field: Option<(Bytes, Which)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Unsaid,
    At(i64),
    All,
}

impl Path {
    /// Takes the text apart, as `kind` writes it.
    pub(super) fn read(text: &Bytes, kind: &str) -> Path {
        if kind == "xavu" {
            let (class, field) = match memchr::memmem::find(text, b"=>") {
                Some(arrow) => (text.slice(..arrow), Some((text.slice(arrow + 2..), Which::Unsaid))),
                None => (text.clone(), None),
            };
            return Path { class: own_class(kind, &class), record: Which::At(0), field };
        }
        // A third name is read and not used, as in Kamailio.
        let mut names = text.split(|byte| *byte == b'>').map(|name| name.strip_suffix(b"=").unwrap_or(name));
        let mut next = || names.next().map(|name| indexed(&text.slice_ref(name)));
        let (class, record) = next().unwrap_or((Bytes::new(), Which::Unsaid));
        let field = next();
        if kind != "xavi" {
            return Path { class, record, field };
        }
        let lower = |name: &Bytes| Bytes::from(name.to_ascii_lowercase());
        Path { class: own_class(kind, &lower(&class)), record, field: field.map(|(name, which)| (lower(&name), which)) }
    }

    /// The place of the record among those of its class; counted from the end when negative.
    fn place(&self, cx: &Context) -> Option<usize> {
        match self.record {
            Which::At(index) if index < 0 => {
                let count = cx.locals.avps.records(&self.class) as i64;
                usize::try_from(count + index).ok()
            }
            Which::At(index) => usize::try_from(index).ok(),
            Which::Unsaid | Which::All => Some(0),
        }
    }
}

/// The class under which another kind than `$xavp` keeps its records.
pub(super) fn own_class(kind: &str, class: &[u8]) -> Bytes {
    if kind == "xavp" { Bytes::copy_from_slice(class) } else { Bytes::from([kind.as_bytes(), b">", class].concat()) }
}

fn indexed(name: &Bytes) -> (Bytes, Which) {
    let name = name.slice_ref(name.trim_ascii());
    let Some(open) = memchr::memchr(b'[', &name) else { return (name, Which::Unsaid) };
    let inner = name.get(open + 1..).and_then(|rest| rest.strip_suffix(b"]")).unwrap_or_default();
    let which = if inner == b"*" { Which::All } else { parse_int(inner).map_or(Which::Unsaid, Which::At) };
    (name.slice(..open), which)
}

/// A record that holds a plain value keeps it under this name.
const PLAIN: &[u8] = b"";

fn read(cx: &mut Context, key: &Key, kind: &str) -> Value {
    let path = Path::read(&key.text(cx), kind);
    let Some(at) = path.place(cx) else { return Value::Null };
    let Some(record) = cx.locals.avps.record(&path.class, at) else { return Value::Null };
    match &path.field {
        Some((name, which)) => {
            let same = || record.fields.iter().filter(|(its, _)| its == name).map(|(_, value)| value);
            let index = match which {
                Which::At(index) if *index < 0 => usize::try_from(*index + same().count() as i64).ok(),
                Which::At(index) => usize::try_from(*index).ok(),
                _ => Some(0),
            };
            index.and_then(|index| same().nth(index)).cloned().unwrap_or_default()
        }
        None => match record.field(PLAIN) {
            Some(value) => value.clone(),
            None => Value::Text(Bytes::from([b"<<xavp:", &record.class[..], b">>"].concat())),
        },
    }
}

fn write(cx: &mut Context, key: &Key, kind: &str, value: Value) -> Result<(), Fault> {
    let path = Path::read(&key.text(cx), kind);
    let at = path.place(cx);
    let avps = &mut cx.locals.avps;
    if value.is_null() {
        match (&path.field, path.record, at) {
            (None, Which::All, _) => avps.clear_records(&path.class),
            (None, _, Some(at)) => drop(avps.remove_record(&path.class, at)),
            (Some((name, which)), _, Some(at)) => {
                if let Some(record) = avps.record_mut(&path.class, at) {
                    remove(record, name, *which);
                }
            }
            (_, _, None) => {}
        }
        return Ok(());
    }
    let (name, which) = path.field.unwrap_or((Bytes::from_static(PLAIN), Which::At(0)));
    if kind == "xavu" {
        match avps.record_mut(&path.class, 0) {
            Some(record) => record.set(&name, value),
            None => avps.push_record(Xavp { class: path.class, fields: vec![(name, value)] }),
        }
        return Ok(());
    }
    if path.record == Which::Unsaid {
        avps.push_record(Xavp { class: path.class, fields: vec![(name, value)] });
        return Ok(());
    }
    // A record that is not there is not made.
    let Some(record) = at.and_then(|at| avps.record_mut(&path.class, at)) else { return Ok(()) };
    // One that holds a plain value has no fields, nor the other way round.
    if !name.is_empty() && record.field(PLAIN).is_some() {
        return Ok(());
    }
    match which {
        Which::At(index) => {
            let mut same = record.fields.iter_mut().filter(|(its, _)| *its == name);
            match usize::try_from(index).ok().and_then(|index| same.nth(index)) {
                Some((_, old)) => *old = value,
                None => record.fields.insert(0, (name, value)),
            }
        }
        Which::Unsaid => record.fields.insert(0, (name, value)),
        Which::All => {
            record.fields.retain(|(its, _)| *its != name);
            record.fields.insert(0, (name, value));
        }
    }
    Ok(())
}

fn remove(record: &mut Xavp, name: &Bytes, which: Which) {
    let index = match which {
        Which::All => return record.fields.retain(|(its, _)| its != name),
        Which::Unsaid => 0,
        Which::At(index) => usize::try_from(index).unwrap_or(usize::MAX),
    };
    let mut same = record.fields.iter().enumerate().filter(|(_, (its, _))| its == name).map(|(at, _)| at);
    if let Some(at) = same.nth(index) {
        record.fields.remove(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::Template;
    use crate::builtin::bench::Bench;
    use std::sync::Arc;

    #[test]
    fn records_as_kamailio_keeps_them() {
        let mut bench = Bench::new("INVITE sip:x SIP/2.0\nVia: SIP/2.0/UDP h\n\n", Arc::new(()));
        // A step with a value writes, one without reads and compares with the last column.
        let steps: &[(&str, &str, Option<Value>, Value)] = &[
            ("xavp", "a=>x", Some(Value::Int(1)), Value::Null),
            ("xavp", "a[0]=>y", Some(Value::text("s")), Value::Null),
            ("xavp", "a=>x", Some(Value::Int(2)), Value::Null),
            ("xavp", "a[0]=>x", None, Value::Int(2)),
            ("xavp", "a[1]=>x", None, Value::Int(1)),
            ("xavp", "a[-1]=>y", None, Value::text("s")),
            ("xavp", "a=>y", None, Value::Null),
            ("xavp", "a[0]=>x", Some(Value::Int(7)), Value::Null),
            ("xavp", "a=>x[1]", None, Value::Int(2)),
            ("xavp", "a[0]=>x", Some(Value::Null), Value::Null),
            ("xavp", "a=>x", None, Value::Int(2)),
            ("xavp", "a", Some(Value::Null), Value::Null),
            ("xavp", "a=>y", None, Value::text("s")),
            ("xavp", "z[0]=>x", Some(Value::Int(1)), Value::Null),
            ("xavp", "z=>x", None, Value::Null),
            ("xavp", "w", Some(Value::Int(5)), Value::Null),
            ("xavp", "w[0]", Some(Value::Int(6)), Value::Null),
            ("xavp", "w", None, Value::Int(6)),
            ("xavi", "FoO=>Bar", Some(Value::text("i")), Value::Null),
            ("xavi", "foo=>bAR", None, Value::text("i")),
            ("xavu", "q", Some(Value::Int(3)), Value::Null),
            ("xavu", "q", None, Value::Int(3)),
            ("xavu", "a=>b=>c", Some(Value::text("n")), Value::Null),
            ("xavu", "a=>b=>c", None, Value::text("n")),
            ("xavu", "a=>b=>c", Some(Value::Null), Value::Null),
            ("xavu", "a=>b=>c", None, Value::Null),
        ];
        for (kind, path, given, found) in steps {
            let row = ROWS.iter().find(|row| row.names == [*kind]).unwrap();
            let key = Key::Text(Template::fixed(*path));
            let cx = &mut bench.context();
            match given {
                Some(value) => (row.set.unwrap())(cx, &key, Place::Whole, value.clone()).unwrap(),
                None => assert_eq!((row.get)(cx, &key, Place::Whole), *found, "${kind}({path})"),
            }
        }
    }
}
