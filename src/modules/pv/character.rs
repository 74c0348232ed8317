//! Single characters: those that are hard to write in a config, and one of the message.

use super::wanted_text;
use crate::builtin::{
    Context, Fault, Key, KeyKind, LogLevel, Place, Prepare, Prepared, Template, Value, Variable, parse_int,
};
use crate::sip::Message;
use bytes::Bytes;

/// The variables.
pub(super) const ROWS: &[Variable] = &[
    Variable::read(&["En"], |_, _, _| Value::text("\n"), "A line feed."),
    Variable::read(&["Er"], |_, _, _| Value::text("\r"), "A carriage return."),
    Variable::read(&["Et"], |_, _, _| Value::text("\t"), "A tabulator."),
    Variable::read(&["Es"], |_, _, _| Value::text(" "), "A space."),
    Variable::read(&["Ec"], |_, _, _| Value::text(","), "A comma."),
    Variable::read(&["Eq"], |_, _, _| Value::text("\""), "A double quote."),
    Variable::read(&["Ek"], |_, _, _| Value::text("'"), "A single quote."),
    Variable::read(&["Ei"], |_, _, _| Value::text(":"), "A colon."),
    Variable::read(&["Ej"], |_, _, _| Value::text(";"), "A semicolon."),
    Variable::read(&["Eb"], |_, _, _| Value::text("\\"), "A backslash."),
    Variable::read(&["Ev"], |_, _, _| Value::text("`"), "A back quote."),
    Variable {
        names: &["msgbuf"],
        key: KeyKind::Custom(place),
        get: read,
        set: Some(write),
        forgotten: None,
        indexed: false,
        doc: "The byte of the message at a place, counted from 0, as text; an assignment puts the first byte of a string there at once. Undefined behind the end.",
    },
];

/// A number, or a variable that holds one.
fn place(text: &Template, _: &mut Prepare) -> Result<Prepared, Fault> {
    match text.constant() {
        Some(number) if number.is_empty() || parse_int(&number).is_none() => {
            Err(Fault::new("a place in the message is a number").help("count from 0, or give a variable"))
        }
        _ => Ok(Box::new(text.clone())),
    }
}

fn at(cx: &mut Context, key: &Key) -> Option<usize> {
    let place = key.prepared::<Template>()?.value(cx).to_int();
    let found = usize::try_from(place).ok().filter(|at| *at < cx.message.message.bytes().len());
    if found.is_none() {
        cx.log(LogLevel::Error, format!("the message has no byte at {place}"));
    }
    found
}

fn read(cx: &mut Context, key: &Key, _: Place) -> Value {
    at(cx, key).map_or(Value::Null, |at| Value::Text(cx.message.message.bytes().slice(at..=at)))
}

fn write(cx: &mut Context, key: &Key, _: Place, value: Value) -> Result<(), Fault> {
    let Some(at) = at(cx, key) else { return Err(Fault::new("the message is shorter")) };
    let Some(byte) = wanted_text(&value)?.first().copied() else {
        return Err(Fault::new("an empty string holds no byte"));
    };
    let mut bytes = cx.message.message.bytes().to_vec();
    if let Some(place) = bytes.get_mut(at) {
        *place = byte;
    }
    match Message::parse(Bytes::from(bytes)).ok().filter(|read| read.is_request() == cx.message.message.is_request()) {
        Some(changed) => {
            cx.message.message = changed;
            Ok(())
        }
        None => Err(Fault::new("with that byte it would be no such message")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::bench::Bench;
    use std::sync::Arc;

    #[test]
    fn bytes_are_read_and_written() {
        let mut bench = Bench::new("INVITE sip:h SIP/2.0\nVia: SIP/2.0/UDP h\nX: a\n\n", Arc::new(()));
        let place = |place: &'static str| Key::Custom(Box::new(Template::fixed(place)));
        assert_eq!(read(&mut bench.context(), &place("7"), Place::Whole), Value::text("s"));
        assert_eq!(read(&mut bench.context(), &place("-1"), Place::Whole), Value::Null);
        assert_eq!(read(&mut bench.context(), &place("4000"), Place::Whole), Value::Null);
        assert!(write(&mut bench.context(), &place("11"), Place::Whole, Value::text("xyz")).is_ok());
        assert_eq!(bench.message.request_uri(), "sip:x");
        assert!(write(&mut bench.context(), &place("11"), Place::Whole, Value::Int(1)).is_err());
        assert!(write(&mut bench.context(), &place("6"), Place::Whole, Value::text("\r")).is_err());
        assert_eq!(bench.message.request_uri(), "sip:x");
    }
}
