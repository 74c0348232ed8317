//! `$avp` and `$cnt`.

use crate::builtin::{Context, Fault, Key, KeyKind, Part, Place, Prepare, Prepared, Template, Value, Variable};
use bytes::Bytes;

/// The variable.
pub(super) const ROWS: &[Variable] = &[Variable::read(
    &["avp"],
    read,
    "A list of values that follows the message into its transaction, newest first; [n] picks one, [*] all. An assignment adds in front, to [*] it replaces all; $null takes the newest away.",
)
.keyed(KeyKind::Text)
.indexed()
.written(write)];

/// The name under which a list is kept: `s:x` is `x`, and `i:5` is a name of its own.
fn name(cx: &mut Context, key: &Key) -> Bytes {
    let text = key.text(cx);
    if text.starts_with(b"s:") { text.slice(2..) } else { text }
}

fn read(cx: &mut Context, key: &Key, place: Place) -> Value {
    let name = name(cx, key);
    let avps = &cx.locals.avps;
    match place {
        Place::Whole => avps.value(&name, 0).cloned().unwrap_or_default(),
        Place::At(index) => {
            let at = usize::try_from(index).ok().or_else(|| newest(index, avps.values(&name).count()));
            at.and_then(|at| avps.value(&name, at)).cloned().unwrap_or_default()
        }
        Place::All => {
            let mut values = avps.values(&name).peekable();
            if values.peek().is_none() {
                return Value::Null;
            }
            let mut out = Vec::new();
            // Kamailio puts the comma before a value once something stands there: empty ones in front leave none.
            values.for_each(|value| {
                if !out.is_empty() {
                    out.extend_from_slice(b", ");
                }
                value.print(&mut out);
            });
            Value::Text(Bytes::from(out))
        }
    }
}

/// Counted from the end Kamailio 5.6 finds the newest value and no other: the last of one, the third but last of three.
fn newest(index: i32, count: usize) -> Option<usize> {
    (index.unsigned_abs() as usize == count).then_some(0)
}

fn write(cx: &mut Context, key: &Key, place: Place, value: Value) -> Result<(), Fault> {
    let name = name(cx, key);
    let avps = &mut cx.locals.avps;
    match (place, value) {
        (Place::All, value) => {
            avps.clear(&name);
            if !value.is_null() {
                avps.push(name, value);
            }
        }
        (Place::Whole | Place::At(_), Value::Null) => drop(avps.pop(&name)),
        (Place::Whole | Place::At(_), value) => avps.push(name, value),
    }
    Ok(())
}

/// What `$cnt` counts.
enum Counted {
    Values(Template),
    Records(&'static str, Template),
}

/// Reads what stands in the parentheses of `$cnt`: one `$avp` or `$xavp`.
pub(super) fn countable(text: &Template, _: &mut Prepare) -> Result<Prepared, Fault> {
    let wrong = || Fault::new("only an $avp or $xavp can be counted");
    let reference = match text.parts() {
        [Part::Variable(reference)] => reference,
        [Part::Variable(reference), Part::Text(blanks)] if blanks.trim_ascii().is_empty() => reference,
        _ => return Err(wrong()),
    };
    let Key::Text(inner) = &reference.key else { return Err(wrong()) };
    match reference.variable.names.first().copied() {
        Some("avp") => Ok(Box::new(Counted::Values(inner.clone()))),
        Some(kind @ ("xavp" | "xavi" | "xavu")) => Ok(Box::new(Counted::Records(kind, inner.clone()))),
        _ => Err(wrong()),
    }
}

/// Counts them.
pub(super) fn counted(cx: &mut Context, key: &Key) -> Value {
    let count = match key.prepared::<Counted>() {
        Some(Counted::Values(text)) => {
            let text = text.text(cx);
            let name = text.strip_prefix(b"s:").unwrap_or(&text);
            cx.locals.avps.values(name).count()
        }
        Some(Counted::Records(kind, text)) => {
            let path = super::xavp::Path::read(&text.text(cx), kind);
            cx.locals.avps.records(&path.class)
        }
        None => 0,
    };
    Value::Int(count as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::bench::Bench;
    use std::sync::Arc;

    #[test]
    fn lists_of_values() {
        let mut bench = Bench::new("INVITE sip:x SIP/2.0\nVia: SIP/2.0/UDP h\n\n", Arc::new(()));
        let key = Key::Text(Template::fixed("s:a"));
        let plain = Key::Text(Template::fixed("a"));
        let mut set = |place, value| write(&mut bench.context(), &key, place, value).unwrap();
        set(Place::Whole, Value::text("a"));
        set(Place::Whole, Value::Int(2));
        set(Place::At(1), Value::text("z"));
        assert_eq!(read(&mut bench.context(), &plain, Place::All), Value::text("z, 2, a"));
        assert_eq!(read(&mut bench.context(), &plain, Place::At(1)), Value::Int(2));
        assert_eq!(read(&mut bench.context(), &plain, Place::At(-1)), Value::Null);
        assert_eq!(read(&mut bench.context(), &plain, Place::At(-3)), Value::text("z"));
        write(&mut bench.context(), &plain, Place::Whole, Value::Null).unwrap();
        assert_eq!(read(&mut bench.context(), &plain, Place::Whole), Value::Int(2));
        write(&mut bench.context(), &plain, Place::All, Value::text("x")).unwrap();
        assert_eq!(read(&mut bench.context(), &plain, Place::All), Value::text("x"));
    }
}
