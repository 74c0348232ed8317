//! `$hdr`, `$hfl` and how many headers there are.

use crate::builtin::{Context, Key, KeyKind, Place, Value, Variable};
use crate::sip::{Extent, Header, HeaderName, Message, Values};
use bytes::Bytes;
use smallvec::SmallVec;

/// The variables.
pub(super) const ROWS: &[Variable] = &[
    Variable::read(
        &["hdr"],
        header,
        "A header by its name, the first of several; [n] picks one, [-1] the last, [*] joins all with commas.",
    )
    .keyed(KeyKind::Text)
    .indexed(),
    Variable::read(
        &["hdrc"],
        |cx, key, _| {
            let name = key.text(cx);
            Value::Int(cx.message.message.headers_called(&name).count() as i64)
        },
        "How many headers have this name.",
    )
    .keyed(KeyKind::Text),
    Variable::read(
        &["hfl"],
        listed,
        "Like $hdr, but each value of a header that holds a list (Via, Contact, Route and their kin) counts by itself.",
    )
    .keyed(KeyKind::Text)
    .indexed(),
    Variable::read(
        &["hflc"],
        |cx, key, _| {
            let name = key.text(cx);
            Value::Int(values(&cx.message.message, &name).count() as i64)
        },
        "How many values the headers of this name have, each of a list by itself.",
    )
    .keyed(KeyKind::Text),
];

fn header(cx: &mut Context, key: &Key, place: Place) -> Value {
    let name = key.text(cx);
    let message = &cx.message.message;
    let mut all = message.headers_called(&name);
    let found = match place {
        Place::Whole => all.next(),
        Place::At(index) if index >= 0 => all.nth(index as usize),
        Place::At(index) => all.nth_back(index.unsigned_abs() as usize - 1),
        Place::All => return joined(all.map(|header| message.slice(header.value))),
    };
    found.map_or(Value::Null, |header| Value::Text(message.slice(header.value)))
}

fn listed(cx: &mut Context, key: &Key, place: Place) -> Value {
    let name = key.text(cx);
    let message = &cx.message.message;
    let listed = message.headers_called(&name).next().is_some_and(is_list);
    let all = || values(message, &name);
    let found = match place {
        Place::Whole => all().next(),
        Place::At(index) if index >= 0 => all().nth(index as usize),
        // Kamailio 5.6.3 counts the values of a list from behind their end.
        Place::At(index) => {
            let back = index.unsigned_abs() as usize - usize::from(listed);
            all().count().checked_sub(back).and_then(|at| all().nth(at))
        }
        Place::All => return joined(message.headers_called(&name).map(|header| message.slice(header.value))),
    };
    found.map_or(Value::Null, |extent| Value::Text(message.slice(extent)))
}

fn values<'a>(message: &'a Message, name: &'a [u8]) -> impl Iterator<Item = Extent> + 'a {
    message.headers_called(name).flat_map(|header| {
        let whole = (!is_list(header)).then_some(header.value);
        let mut parts: SmallVec<[Extent; 4]> = SmallVec::new();
        if whole.is_none() {
            let each = Values::new(message.text(header.value));
            parts.extend(each.map(|range| Extent::from(range).shifted(header.value.start)));
        }
        // Kamailio keeps the contacts of a header in the opposite order, and a star is none.
        if header.name == HeaderName::Contact {
            parts.retain(|extent| message.text(*extent) != b"*");
            parts.reverse();
        }
        whole.into_iter().chain(parts)
    })
}

/// Whether Kamailio takes the header apart at its commas.
fn is_list(header: &Header) -> bool {
    use HeaderName::{Contact, RecordRoute, Route, Via};
    matches!(header.name, Via | Contact | Route | RecordRoute)
}

fn joined(all: impl Iterator<Item = Bytes>) -> Value {
    let mut out = Vec::new();
    let mut any = false;
    for value in all {
        if any {
            out.push(b',');
        }
        any = true;
        out.extend_from_slice(&value);
    }
    if any { Value::Text(Bytes::from(out)) } else { Value::Null }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::Template;
    use crate::builtin::bench::Bench;
    use std::sync::Arc;

    #[test]
    fn headers_and_lists() {
        let mut bench = Bench::new(
            "INVITE sip:x SIP/2.0\nVia: SIP/2.0/UDP a\nv: SIP/2.0/UDP b, SIP/2.0/TCP c\nX-Str: 1, 2\nx-str: 3\n\n",
            Arc::new(()),
        );
        let cases: &[(&str, &str, Place, Value)] = &[
            ("hdr", "x-str", Place::Whole, Value::text("1, 2")),
            ("hdr", "X-Str", Place::At(-1), Value::text("3")),
            ("hdr", "X-Str", Place::At(-3), Value::Null),
            ("hdr", "X-Str", Place::All, Value::text("1, 2,3")),
            ("hdr", "nope", Place::All, Value::Null),
            ("hdr", "Via", Place::At(1), Value::text("SIP/2.0/UDP b, SIP/2.0/TCP c")),
            ("hdrc", "Via", Place::Whole, Value::Int(2)),
            ("hfl", "Via", Place::At(2), Value::text("SIP/2.0/TCP c")),
            ("hflc", "Via", Place::Whole, Value::Int(3)),
            ("hflc", "X-Str", Place::Whole, Value::Int(2)),
        ];
        for (name, key, place, value) in cases {
            let row = ROWS.iter().find(|row| row.names.contains(name)).unwrap();
            let key = Key::Text(Template::fixed(*key));
            assert_eq!((row.get)(&mut bench.context(), &key, *place), *value, "{name} {place:?}");
        }
    }
}
