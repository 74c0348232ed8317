//! `$branch`, `$br`, `$bR`, `$ds`: the further destinations of a request.

use super::{pick, wanted_text};
use crate::builtin::{Context, Fault, Key, KeyKind, Located, Place, Target, Value, Variable};
use crate::modules::core;
use bytes::Bytes;
use std::sync::Arc;

/// The variables.
pub(super) const ROWS: &[Variable] = &[
    Variable {
        names: &["branch"],
        key: KeyKind::Custom(|text, _| pick(text, FIELDS)),
        get: read,
        set: Some(write),
        forgotten: None,
        indexed: true,
        doc: "A field of a further branch, [n] picks which: uri, dst_uri, flags, send_socket, and of a location path, q (in thousandths), ruid, instance, location_ua; count is how many there are.",
    },
    Variable::read(
        &["br"],
        |cx, _, _| cx.message.branches.first().map_or(Value::Null, |branch| Value::text_or_null(branch.uri.clone())),
        "The URI of the first further branch; an assignment adds a branch.",
    )
    .written(append),
    Variable::read(&["bR"], |cx, _, _| listed(cx, false), "The URIs of all further branches, in one text."),
    Variable::read(
        &["ds"],
        |cx, _, _| listed(cx, true),
        "The Request-URI and all further branches in the form of a Contact header; undefined when the script has touched neither.",
    ),
    Variable::read(
        &["ruid"],
        |cx, _, _| located(cx.message.target.located.as_deref(), Part::Ruid),
        "What names the record of the location that lookup found.",
    ),
    Variable::read(
        &["location_ua"],
        |cx, _, _| located(cx.message.target.located.as_deref(), Part::UserAgent),
        "The User-Agent that registered the location that lookup found.",
    ),
];

/// A field of a branch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Field {
    Uri,
    Destination,
    Flags,
    Socket,
    Count,
    /// What the location service knows of it.
    Located(Part),
    /// One of connections over TCP.
    Location,
}

/// What the location service knows of a branch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    Path,
    Q,
    Ruid,
    Instance,
    UserAgent,
}

fn located(its: Option<&Located>, part: Part) -> Value {
    let Some(its) = its else { return Value::Null };
    let text = |text: &Bytes| Value::text_or_null(Some(text.clone()).filter(|text| !text.is_empty()));
    match part {
        Part::Path => text(&its.path),
        Part::Q => its.q.map_or(Value::Null, |q| Value::Int(i64::from(q))),
        Part::Ruid => text(&its.ruid),
        Part::Instance => text(&its.instance),
        Part::UserAgent => text(&its.user_agent),
    }
}

/// The fields by name.
pub(super) const FIELDS: &[(&str, Field)] = &[
    ("uri", Field::Uri),
    ("dst_uri", Field::Destination),
    ("flags", Field::Flags),
    ("send_socket", Field::Socket),
    ("count", Field::Count),
    ("path", Field::Located(Part::Path)),
    ("q", Field::Located(Part::Q)),
    ("ruid", Field::Located(Part::Ruid)),
    ("instance", Field::Located(Part::Instance)),
    ("location_ua", Field::Located(Part::UserAgent)),
    ("otcpid", Field::Location),
];

/// Reads a field of a branch.
pub(super) fn field(cx: &Context, branch: &Target, field: Field) -> Value {
    match field {
        Field::Uri => Value::Text(branch.uri.clone().unwrap_or_default()),
        Field::Destination => Value::text_or_null(branch.next_hop.clone()),
        Field::Flags => Value::Int(i64::from(branch.flags)),
        Field::Socket => match branch.socket.and_then(|id| cx.core.sockets.socket(id)) {
            Some(socket) => Value::Text(Bytes::from(format!("{}:{}", socket.transport, socket.address))),
            None => Value::Null,
        },
        Field::Count | Field::Location => Value::Null,
        Field::Located(part) => located(branch.located.as_deref(), part),
    }
}

/// Writes a field of a branch.
///
/// # Errors
/// A value that the field cannot hold.
pub(super) fn set_field(cx: &Context, branch: &mut Target, field: Field, value: &Value) -> Result<(), Fault> {
    match field {
        Field::Uri => branch.uri = Some(cx.on_one_line(wanted_text(value)?)),
        Field::Destination if value.is_null() => branch.next_hop = None,
        Field::Destination => branch.next_hop = Some(wanted_text(value)?),
        Field::Flags => branch.flags = value.to_int() as u32,
        Field::Socket if value.is_null() => branch.socket = None,
        Field::Socket => branch.socket = core::socket(cx, &wanted_text(value)?).or(branch.socket),
        Field::Count => return Err(Fault::new("the number of branches cannot be written")),
        Field::Located(part) => {
            let mut its = branch.located.as_deref().cloned().unwrap_or_default();
            match part {
                Part::Path => its.path = cx.on_one_line(value.to_text()),
                Part::Q => its.q = u16::try_from(value.to_int()).ok().filter(|q| *q <= 1000),
                Part::Ruid => its.ruid = value.to_text(),
                Part::Instance => its.instance = value.to_text(),
                Part::UserAgent => its.user_agent = value.to_text(),
            }
            branch.located = Some(Arc::new(its));
        }
        // Nobody reads it here.
        Field::Location => {}
    }
    Ok(())
}

fn read(cx: &mut Context, key: &Key, place: Place) -> Value {
    let count = cx.message.branches.len();
    match key.prepared::<Field>() {
        Some(Field::Count) if count == 0 => Value::Null,
        Some(Field::Count) => Value::Int(count as i64),
        Some(which) => {
            let branch = at(place, count).and_then(|at| cx.message.branches.get(at));
            branch.map_or(Value::Null, |branch| field(cx, branch, *which))
        }
        None => Value::Null,
    }
}

fn write(cx: &mut Context, key: &Key, place: Place, value: Value) -> Result<(), Fault> {
    let count = cx.message.branches.len();
    let Some(at) = at(place, count).filter(|at| *at < count) else {
        return Err(Fault::new("there is no such branch"));
    };
    if matches!(key.prepared::<Field>(), Some(Field::Uri)) && value.is_null() {
        cx.message.branches.remove(at);
        return Ok(());
    }
    let mut branch = cx.message.branches[at].clone();
    set_field(cx, &mut branch, key.prepared::<Field>().copied().unwrap_or(Field::Location), &value)?;
    cx.message.branches[at] = branch;
    Ok(())
}

fn at(place: Place, count: usize) -> Option<usize> {
    match place {
        Place::Whole | Place::All => Some(0),
        Place::At(index) if index < 0 => count.checked_sub(index.unsigned_abs() as usize),
        Place::At(index) => Some(index as usize),
    }
}

fn append(cx: &mut Context, _: &Key, _: Place, value: Value) -> Result<(), Fault> {
    let uri = wanted_text(&value)?;
    if !cx.core.has_room_for_branch(cx.message.branches.len()) {
        return Err(Fault::new("there are too many branches"));
    }
    let message = &mut *cx.message;
    message.branches.push(Target { uri: Some(uri), located: None, ..message.target.clone() });
    Ok(())
}

fn listed(cx: &mut Context, as_contact: bool) -> Value {
    let message = &cx.message;
    let mut uris: Vec<Bytes> = message.branches.iter().filter_map(|branch| branch.uri.clone()).collect();
    if as_contact && let Some(uri) = &message.target.uri {
        uris.insert(0, uri.clone());
    }
    if uris.is_empty() {
        return Value::Null;
    }
    let mut out = if as_contact { b"Contact: ".to_vec() } else { Vec::new() };
    for (place, uri) in uris.iter().enumerate() {
        let (open, close): (&[u8], &[u8]) = if as_contact { (b"<", b">") } else { (b"", b"") };
        let comma: &[u8] = if place > 0 { b", " } else { b"" };
        [comma, open, uri, close].into_iter().for_each(|part| out.extend_from_slice(part));
    }
    Value::Text(Bytes::from(out))
}
