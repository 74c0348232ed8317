//! Which way a request of a dialog goes, as this server's own Route tells.

use super::own::is_own;
use crate::builtin::{Args, Context, Fault, Key, Outcome, Place, Prepare, Prepared, Template, Value};
use crate::sip::Message;
use bytes::Bytes;

/// From the caller of the dialog to the callee, or back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Direction {
    Downstream,
    Upstream,
}

/// What is remembered of a request's routing while its script runs.
#[derive(Debug, Default)]
pub(super) struct Routing {
    /// Parameters for a Record-Route that is not there yet.
    pub(super) parameters: Vec<u8>,
    /// The parameters of the Route that was ours, without their first semicolon.
    pub(super) routed: Option<Bytes>,
    /// The next hop came from a Route behind ours.
    pub(super) by_route: bool,
    direction: Option<Direction>,
}

pub(super) fn prepare(text: &Template, _: &mut Prepare) -> Result<Prepared, Fault> {
    let word = text.constant().unwrap_or_default();
    for (direction, name) in [(Direction::Downstream, "downstream"), (Direction::Upstream, "upstream")] {
        if word.eq_ignore_ascii_case(name.as_bytes()) {
            return Ok(Box::new(direction));
        }
    }
    Err(Fault::new(format!("{text:?} is no direction")).help("write \"downstream\" or \"upstream\""))
}

pub(super) fn is_direction(cx: &mut Context, args: &Args) -> Outcome {
    let wanted = args.prepared::<Direction>(0).copied();
    Outcome::truth(wanted == Some(direction(cx)))
}

pub(super) fn check_route_param(cx: &mut Context, args: &Args) -> Outcome {
    let Some(parameters) = routed(cx) else { return Outcome::FALSE };
    let Some(pattern) = args.pattern(0) else { return Outcome::FALSE };
    let mut text = Vec::with_capacity(parameters.len() + 1);
    text.push(b';');
    text.extend_from_slice(&parameters);
    Outcome::truth(pattern.is_match(&text))
}

/// The direction: upstream when the `ftag` of our Route is not the From tag. Once told it stays, though the headers may be changed after.
pub(super) fn direction(cx: &mut Context) -> Direction {
    if let Some(known) = cx.local::<Routing>().direction {
        return known;
    }
    let tag = routed(cx).and_then(|parameters| {
        let mut all = crate::sip::Parameters::new(&parameters);
        let value = all.find(|parameter| parameter.name == b"ftag")?.value?;
        Some(parameters.slice_ref(value))
    });
    let from = cx.message.message.from_tag();
    let direction = match (tag, from) {
        (Some(tag), Some(from)) if !tag.is_empty() && *tag != *from => Direction::Upstream,
        _ => Direction::Downstream,
    };
    cx.local::<Routing>().direction = Some(direction);
    direction
}

/// The parameters of our Route: what `loose_route` kept, else those of the first Route while it is still there.
fn routed(cx: &mut Context) -> Option<Bytes> {
    if let Some(kept) = cx.local::<Routing>().routed.clone().filter(|kept| !kept.is_empty()) {
        return Some(kept);
    }
    if !cx.message.message.is_request() {
        return None;
    }
    let message = &cx.message.message;
    let first = message.routes().next()?.value.ok().filter(|first| first.is_bracketed())?;
    let uri = first.uri().ok()?;
    if !is_own(cx.core, &uri) || uri.parameters_text.is_empty() {
        return None;
    }
    Some(message.bytes().slice_ref(uri.parameters_text))
}

pub(super) fn from_tag_of_dialog(cx: &mut Context, _: &Key, _: Place) -> Value {
    match direction(cx) {
        Direction::Downstream => from_tag(&cx.message.message),
        Direction::Upstream => to_tag(&cx.message.message),
    }
}

pub(super) fn to_tag_of_dialog(cx: &mut Context, _: &Key, _: Place) -> Value {
    match direction(cx) {
        Direction::Downstream => to_tag(&cx.message.message),
        Direction::Upstream => from_tag(&cx.message.message),
    }
}

fn from_tag(message: &Message) -> Value {
    Value::text_or_null(message.from_tag().map(|tag| message.bytes().slice_ref(tag)))
}

fn to_tag(message: &Message) -> Value {
    Value::text_or_null(message.to_tag().map(|tag| message.bytes().slice_ref(tag)))
}

/// Which form of the direction `$rdir` gives.
enum Form {
    Id,
    Name,
}

pub(super) fn prepare_rdir(text: &Template, _: &mut Prepare) -> Result<Prepared, Fault> {
    match text.constant().as_deref() {
        Some(b"id") => Ok(Box::new(Form::Id)),
        Some(b"name") => Ok(Box::new(Form::Name)),
        _ => Err(Fault::new(format!("$rdir({text:?}) is unknown")).help("write $rdir(id) or $rdir(name)")),
    }
}

pub(super) fn rdir(cx: &mut Context, key: &Key, _: Place) -> Value {
    match (key.prepared::<Form>(), direction(cx)) {
        (Some(Form::Name), Direction::Downstream) => Value::text("downstream"),
        (Some(Form::Name), Direction::Upstream) => Value::text("upstream"),
        (_, Direction::Downstream) => Value::both(1),
        (_, Direction::Upstream) => Value::both(2),
    }
}
