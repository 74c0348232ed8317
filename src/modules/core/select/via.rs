//! `@via[n]`: one of the Via values, counted from 1; a negative number means the last.

use super::{bracket, of_text, plain, within, within_or_null};
use crate::builtin::{Bracket, Context, Key, Place, Select, Step, Value, Variable};
use crate::sip::Via;
use bytes::Bytes;

/// The root.
pub(super) const ROWS: &[Select] = &[Select::root(
    Variable::read(
        &["via", "v"],
        read,
        "The first Via, or that of the index, counted from 1; a negative one means the last.",
    ),
    STEPS,
)
.bracketed(Bracket::Optional)];

fn read(cx: &mut Context, _: &Key, place: Place) -> Value {
    let message = &cx.message.message;
    let mut all = message.vias();
    let found = match place {
        Place::At(index) if index < 0 => all.last(),
        Place::At(index) => (index as usize).checked_sub(1).and_then(|at| all.nth(at)),
        Place::Whole | Place::All => all.next(),
    };
    let text = found.and_then(|entry| entry.value.ok().map(|via| message.bytes().slice_ref(via.text())));
    text.map_or(Value::Null, Value::Text)
}

/// A step that reads one part.
macro_rules! part {
    ($name:expr, $read:expr, $doc:expr $(,)?) => {
        Step::named($name, |_, value, _| parsed(value, $read), &[], $doc)
    };
}

static STEPS: &[Step] = &[
    part!("name", |text, _| Some(within(text, protocol(text).next()?)), "The name of the protocol: SIP."),
    part!("version", |text, _| Some(within(text, protocol(text).nth(1)?)), "The version of the protocol."),
    part!("transport", |text, via| Some(within(text, via.transport())), "The transport."),
    part!("host", |text, via| Some(within(text, via.host())), "The host of sent-by."),
    part!(
        "port",
        |text, via| {
            let after = via.sent_by().get(via.host().len()..)?;
            Some(within_or_null(text, after.trim_ascii_start().strip_prefix(b":")?.trim_ascii()))
        },
        "The port of sent-by as written.",
    ),
    part!("comment", |text, _| Some(within_or_null(text, comment(text)?)), "The comment at the end."),
    part!("branch", |text, via| named(text, &via, b"branch"), "The parameter branch."),
    part!("received", |text, via| named(text, &via, b"received"), "The parameter received."),
    part!("rport", |text, via| named(text, &via, b"rport"), "The parameter rport."),
    part!("i", |text, via| named(text, &via, b"i"), "The parameter i."),
    part!("alias", |text, via| named(text, &via, b"alias"), "The parameter alias."),
    Step::named(
        "params",
        |cx, value, params| {
            let name = bracket(cx, params);
            parsed(value, |text, via| named(text, &via, &name))
        },
        &[],
        "The parameter of this name.",
    )
    .bracketed(Bracket::Text),
];

fn parsed(value: Value, read: impl FnOnce(&Bytes, Via) -> Option<Value>) -> Value {
    of_text(value, |text| read(text, Via::parse(text).ok()?))
}

fn named(text: &Bytes, via: &Via, name: &[u8]) -> Option<Value> {
    Some(plain(text, via.parameter(name)??))
}

/// Name and version of the protocol before the transport.
fn protocol(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'/').map(<[u8]>::trim_ascii).take(2)
}

fn comment(text: &[u8]) -> Option<&[u8]> {
    let inner = text.trim_ascii_end().strip_suffix(b")")?;
    inner.get(memchr::memrchr(b'(', inner)? + 1..)
}
