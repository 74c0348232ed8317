//! Headers that hold addresses: From, To, Contact, Record-Route and their kin.

use super::{bracket, of_text, rooted, uri, within, within_or_null};
use crate::builtin::{Bracket, Context, Select, Step, Value};
use crate::sip::{HeaderName, NameAddr, Values};
use bytes::Bytes;

/// The roots.
pub(super) const ROWS: &[Select] = &[
    rooted(&["from", "f"], |cx, _, _| header(cx, HeaderName::From), ONE, "The From header."),
    rooted(&["to", "t"], |cx, _, _| header(cx, HeaderName::To), ONE, "The To header."),
    rooted(&["refer_to"], |cx, _, _| header(cx, HeaderName::ReferTo), ONE, "The Refer-To header."),
    rooted(
        &["remote_party_id", "rpid"],
        |cx, _, _| header(cx, HeaderName::RemotePartyId),
        ONE,
        "The Remote-Party-ID header.",
    ),
    rooted(
        &["contact", "m"],
        |cx, _, _| header(cx, HeaderName::Contact),
        CONTACT,
        "The first Contact header; of several contacts in it the parts are those of the last, as in Kamailio.",
    ),
    rooted(
        &["record_route", "rr"],
        |cx, _, _| header(cx, HeaderName::RecordRoute),
        LISTED,
        "The first Record-Route header; of several values in it the parts are those of the first.",
    ),
];

/// The text of the first header of a name.
pub(super) fn header(cx: &mut Context, name: HeaderName) -> Value {
    let message = &cx.message.message;
    message.header(name).map_or(Value::Null, |header| Value::Text(message.slice(header.value)))
}

/// A step that reads a part of the address which a function picks from the text.
macro_rules! part {
    ($pick:expr, $name:expr, $read:expr, $steps:expr, $doc:expr $(,)?) => {
        Step::named($name, |_, value, _| parsed(value, $pick, $read), $steps, $doc)
    };
}

static ONE: &[Step] = &[
    part!(whole, "uri", |text, address| Some(within(text, address.uri_text())), uri::STEPS, "The URI."),
    part!(
        whole,
        "name",
        |text, address| Some(within_or_null(text, address.display())),
        &[],
        "The display name, with its quotes."
    ),
    part!(whole, "tag", |text, address| Some(within_or_null(text, address.tag()?)), &[], "The tag."),
    Step::named(
        "params",
        |cx, value, params| {
            let name = bracket(cx, params);
            parsed(value, whole, |text, address| Some(within_or_null(text, address.parameter(&name)??)))
        },
        &[],
        "The parameter of this name.",
    )
    .bracketed(Bracket::Text),
];

static LISTED: &[Step] = &[
    part!(first, "uri", |text, address| Some(within(text, address.uri_text())), uri::STEPS, "The URI."),
    part!(first, "name", |text, address| Some(within(text, address.display())), &[], "The display name."),
    Step::named(
        "params",
        |cx, value, params| {
            let name = bracket(cx, params);
            parsed(value, first, |text, address| Some(within_or_null(text, address.parameter(&name)??)))
        },
        &[],
        "The parameter of this name.",
    )
    .bracketed(Bracket::Text),
];

static CONTACT: &[Step] = &[
    part!(last, "uri", |text, address| Some(within(text, address.uri_text())), uri::STEPS, "The URI."),
    part!(last, "name", |text, address| Some(within(text, address.display())), &[], "The display name."),
    part!(last, "q", |text, address| named(text, &address, b"q"), &[], "The parameter q."),
    part!(last, "expires", |text, address| named(text, &address, b"expires"), &[], "The parameter expires."),
    part!(last, "methods", |text, address| named(text, &address, b"methods"), &[], "The parameter methods."),
    part!(last, "received", |text, address| named(text, &address, b"received"), &[], "The parameter received."),
    part!(
        last,
        "instance",
        |text, address| named(text, &address, b"+sip.instance"),
        &[],
        "The parameter +sip.instance."
    ),
    Step::named(
        "params",
        |cx, value, params| {
            let name = bracket(cx, params);
            parsed(value, last, |text, address| named(text, &address, &name))
        },
        &[],
        "The parameter of this name.",
    )
    .bracketed(Bracket::Text),
];

/// Steps behind an address with q, as of a further branch.
pub(super) static NAMED: &[Step] = LISTED;

fn whole(text: &[u8]) -> Option<&[u8]> {
    Some(text)
}

fn first(text: &[u8]) -> Option<&[u8]> {
    text.get(Values::new(text).next()?)
}

fn last(text: &[u8]) -> Option<&[u8]> {
    text.get(Values::new(text).last()?)
}

fn parsed(
    value: Value,
    pick: fn(&[u8]) -> Option<&[u8]>,
    read: impl FnOnce(&Bytes, NameAddr) -> Option<Value>,
) -> Value {
    of_text(value, |text| {
        let address = NameAddr::parse(pick(text)?).ok().filter(|address| !address.is_star())?;
        read(text, address)
    })
}

fn named(text: &Bytes, address: &NameAddr, name: &[u8]) -> Option<Value> {
    Some(within_or_null(text, address.parameter(name)??))
}
