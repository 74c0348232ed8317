//! Variables of From, To, Contact and the headers about who calls.

use super::{one_of, pick, uri, wanted_text, within, within_or_null};
use crate::builtin::{Context, Fault, KeyKind, Place, Value, Variable};
use crate::sip::{Extent, HeaderName, NameAddr, Uri};
use bytes::Bytes;

/// The variables.
pub(super) const ROWS: &[Variable] = &[
    Variable::read(
        &["fu", "from"],
        |cx, _, _| part(cx, Side::From, |base, address| within(base, address.uri_text())),
        "The URI of From.",
    )
    .written(|cx, _, _, value| set_uri(cx, Side::From, &value)),
    Variable::read(&["fU", "from.user"], |cx, _, _| uri_part(cx, Side::From, uri::user), "The user of From.")
        .written(|cx, _, _, value| set_user(cx, Side::From, &value)),
    Variable::read(&["fd", "from.domain"], |cx, _, _| uri_part(cx, Side::From, uri::host), "The host of From.")
        .written(|cx, _, _, value| set_host(cx, Side::From, &value)),
    Variable::read(
        &["fn"],
        |cx, _, _| part(cx, Side::From, |base, address| within_or_null(base, address.display())),
        "The display name of From, with its quotes.",
    )
    .written(|cx, _, _, value| set_display(cx, Side::From, &value)),
    Variable::read(&["ft"], |cx, _, _| part(cx, Side::From, tag), "The tag of From."),
    Variable::read(
        &["ful"],
        |cx, _, _| part(cx, Side::From, |_, address| Value::Int(address.uri_text().len() as i64)),
        "How long the URI of From is.",
    ),
    Variable::read(&["fUl"], |cx, _, _| uri_part(cx, Side::From, uri::user_length), "How long the user of From is."),
    Variable::read(
        &["tu", "to"],
        |cx, _, _| part(cx, Side::To, |base, address| within(base, address.uri_text())),
        "The URI of To.",
    )
    .written(|cx, _, _, value| set_uri(cx, Side::To, &value)),
    Variable::read(&["tU", "to.user"], |cx, _, _| uri_part(cx, Side::To, uri::user), "The user of To.")
        .written(|cx, _, _, value| set_user(cx, Side::To, &value)),
    Variable::read(&["td", "to.domain"], |cx, _, _| uri_part(cx, Side::To, uri::host), "The host of To.")
        .written(|cx, _, _, value| set_host(cx, Side::To, &value)),
    Variable::read(
        &["tn"],
        |cx, _, _| part(cx, Side::To, |base, address| within_or_null(base, address.display())),
        "The display name of To, with its quotes.",
    )
    .written(|cx, _, _, value| set_display(cx, Side::To, &value)),
    Variable::read(&["tt"], |cx, _, _| part(cx, Side::To, tag), "The tag of To; undefined without one."),
    Variable::read(
        &["tts"],
        |cx, _, _| {
            let tag = address(cx, Side::To).and_then(|to| to.tag().map(<[u8]>::len));
            Value::truth(tag.is_some_and(|length| length > 0))
        },
        "1 when To has a tag, as requests within a dialog do, else 0.",
    ),
    Variable::read(
        &["cts"],
        |cx, _, _| {
            let first = cx.message.message.contacts().next().and_then(|contact| contact.value.ok());
            first.map_or(Value::Null, |contact| Value::truth(contact.is_star()))
        },
        "1 when Contact is `*`, which a REGISTER takes all bindings away with, else 0; undefined without Contact.",
    ),
    Variable::read(
        &["tUl"],
        |cx, _, _| uri_part(cx, Side::To, uri::user_length),
        "How long the user of To is; an assignment changes the user.",
    )
    .written(|cx, _, _, value| set_user(cx, Side::To, &value)),
    Variable::read(&["ct"], |cx, _, _| whole(cx, HeaderName::Contact), "The first Contact header, whole."),
    Variable::read(
        &["ctu"],
        |cx, _, place| of(cx, HeaderName::Contact, place, |base, address| within(base, address.uri_text())),
        "The URI of the first Contact.",
    ),
    Variable::read(
        &["re"],
        |cx, _, place| of(cx, HeaderName::RemotePartyId, place, |base, address| within(base, address.uri_text())),
        "The URI of Remote-Party-ID.",
    ),
    Variable::read(
        &["rt"],
        |cx, _, place| of(cx, HeaderName::ReferTo, place, |base, address| within(base, address.uri_text())),
        "The URI of Refer-To.",
    ),
    Variable::read(
        &["ai"],
        |cx, _, place| of(cx, HeaderName::PAssertedIdentity, place, |base, address| within(base, address.uri_text())),
        "The URI of P-Asserted-Identity; an index picks one of several.",
    )
    .indexed(),
    Variable::read(
        &["pu"],
        |cx, _, place| of(cx, HeaderName::PPreferredIdentity, place, |base, address| within(base, address.uri_text())),
        "The URI of P-Preferred-Identity; an index picks one of several.",
    )
    .indexed(),
    Variable::read(
        &["pU"],
        |cx, _, place| of(cx, HeaderName::PPreferredIdentity, place, |base, address| uri_of(base, address, uri::user)),
        "The user of P-Preferred-Identity.",
    )
    .indexed(),
    Variable::read(
        &["pd"],
        |cx, _, place| of(cx, HeaderName::PPreferredIdentity, place, |base, address| uri_of(base, address, uri::host)),
        "The host of P-Preferred-Identity.",
    )
    .indexed(),
    Variable::read(
        &["pn"],
        |cx, _, place| {
            of(cx, HeaderName::PPreferredIdentity, place, |base, address| within_or_null(base, address.display()))
        },
        "The display name of P-Preferred-Identity, with its quotes.",
    )
    .indexed(),
    Variable::read(
        &["di"],
        |cx, _, place| of(cx, HeaderName::Diversion, place, |base, address| within(base, address.uri_text())),
        "The URI of the first Diversion.",
    ),
    Variable::read(
        &["dir"],
        |cx, _, place| of(cx, HeaderName::Diversion, place, |base, address| parameter(base, address, b"reason")),
        "The reason of the first Diversion.",
    ),
    Variable::read(
        &["dip"],
        |cx, _, place| of(cx, HeaderName::Diversion, place, |base, address| parameter(base, address, b"privacy")),
        "The privacy of the first Diversion.",
    ),
    Variable::read(
        &["dic"],
        |cx, _, place| of(cx, HeaderName::Diversion, place, |base, address| parameter(base, address, b"counter")),
        "The counter of the first Diversion.",
    ),
    one_of(
        &["expires"],
        KeyKind::Custom(|text, _| pick(text, EXPIRES)),
        "How long the bindings of a REGISTER are to live: min the shortest, max the longest.",
    ),
];

const EXPIRES: &[(&str, super::Get)] = &[("min", |cx| expires(cx, u32::min)), ("max", |cx| expires(cx, u32::max))];

#[derive(Clone, Copy)]
enum Side {
    From,
    To,
}

fn address<'a>(cx: &'a Context, side: Side) -> Option<NameAddr<'a>> {
    match side {
        Side::From => cx.message.message.from(),
        Side::To => cx.message.message.to(),
    }
}

fn part(cx: &mut Context, side: Side, part: fn(&Bytes, &NameAddr) -> Value) -> Value {
    address(cx, side).map_or(Value::Null, |address| part(cx.message.message.bytes(), &address))
}

fn uri_part(cx: &mut Context, side: Side, part: fn(&Bytes, &Uri) -> Value) -> Value {
    address(cx, side).map_or(Value::Null, |address| uri_of(cx.message.message.bytes(), &address, part))
}

fn uri_of(base: &Bytes, address: &NameAddr, part: fn(&Bytes, &Uri) -> Value) -> Value {
    address.uri().map_or(Value::Null, |uri| part(base, &uri))
}

fn tag(base: &Bytes, address: &NameAddr) -> Value {
    parameter(base, address, b"tag")
}

fn parameter(base: &Bytes, address: &NameAddr, name: &[u8]) -> Value {
    address.parameter(name).flatten().map_or(Value::Null, |value| within_or_null(base, value))
}

fn whole(cx: &mut Context, name: HeaderName) -> Value {
    let message = &cx.message.message;
    message.header(name).map_or(Value::Null, |header| Value::Text(message.unfolded_bytes(header)))
}

/// An address of the headers `name`: the first, or the one of the index.
fn of(cx: &mut Context, name: HeaderName, place: Place, part: fn(&Bytes, &NameAddr) -> Value) -> Value {
    let message = &cx.message.message;
    let mut all = message.addresses(name).filter_map(|entry| entry.value.ok());
    let address = match place {
        // Kamailio 5.6.3 gives the first for every negative index.
        Place::At(index) if index < 0 => all.next(),
        Place::At(index) => all.nth(index as usize),
        Place::Whole => all.next(),
        // As in Kamailio there is no list of all of them.
        Place::All => None,
    };
    address.map_or(Value::Null, |address| part(message.bytes(), &address))
}

fn expires(cx: &mut Context, best: fn(u32, u32) -> u32) -> Value {
    let message = &cx.message.message;
    let general = message.expires();
    let each = message
        .contacts()
        .filter_map(|entry| entry.value.ok())
        .filter_map(|contact| contact.parameter(b"expires").flatten().and_then(crate::sip::number).or(general));
    each.reduce(best).or(general).map_or(Value::Null, |seconds| Value::Int(seconds.into()))
}

/// The URI as earlier assignments left it, and where it stands in the message.
fn editable(cx: &mut Context, side: Side) -> Result<(Bytes, Extent), Fault> {
    let message = &cx.message.message;
    let name = if matches!(side, Side::From) { HeaderName::From } else { HeaderName::To };
    let (Some(header), Some(address)) = (message.header(name), address(cx, side)) else {
        return Err(Fault::new(format!("there is no {} to change", name.as_str())));
    };
    let place = address.uri_extent().shifted(header.value.start);
    let edited = cx.message.edits.replacement(place).cloned();
    Ok((edited.unwrap_or_else(|| message.slice(place)), place))
}

fn set_uri(cx: &mut Context, side: Side, value: &Value) -> Result<(), Fault> {
    let text = cx.on_one_line(wanted_text(value)?);
    let (_, place) = editable(cx, side)?;
    cx.message.edits.replace(place, text);
    Ok(())
}

fn change_uri(cx: &mut Context, side: Side, change: impl FnOnce(&Uri) -> Vec<u8>) -> Result<(), Fault> {
    let (base, _) = editable(cx, side)?;
    let changed = match Uri::parse(&base) {
        Ok(uri) => change(&uri),
        Err(_) => return Err(Fault::new(format!("{} is no URI", String::from_utf8_lossy(&base)))),
    };
    set_uri(cx, side, &Value::Text(Bytes::from(changed)))
}

fn set_user(cx: &mut Context, side: Side, value: &Value) -> Result<(), Fault> {
    let user = wanted_text(value)?;
    change_uri(cx, side, |uri| crate::modules::core::rewrite::user(uri, &user))
}

fn set_host(cx: &mut Context, side: Side, value: &Value) -> Result<(), Fault> {
    let host = wanted_text(value)?;
    change_uri(cx, side, |uri| uri.with_host(&host))
}

/// The display name stands from the start of the value to the angle bracket.
fn set_display(cx: &mut Context, side: Side, value: &Value) -> Result<(), Fault> {
    let mut text = if value.is_null() { Vec::new() } else { cx.on_one_line(wanted_text(value)?).to_vec() };
    let name = if matches!(side, Side::From) { HeaderName::From } else { HeaderName::To };
    let message = &cx.message.message;
    let (Some(header), Some(address)) = (message.header(name), address(cx, side)) else {
        return Err(Fault::new(format!("there is no {} to change", name.as_str())));
    };
    let uri_start = usize::from(address.uri_extent().shifted(header.value.start).start);
    let start = usize::from(header.value.start);
    let bracketed = address.is_bracketed();
    let bracket = Extent::new(start, uri_start - usize::from(bracketed));
    if !bracketed {
        return Err(Fault::new(format!("{} has no angle brackets to put a name before", name.as_str())));
    }
    if !text.is_empty() {
        text.push(b' ');
    }
    cx.message.edits.replace(bracket, text);
    Ok(())
}
