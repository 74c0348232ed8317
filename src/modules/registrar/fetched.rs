//! `$ulc(profile=>field)`: contacts as the script sees them.

use super::{Local, Location, aor, record_of_rows};
use crate::builtin::{
    Answer, Args, Context, Fault, Key, KeyKind, LogLevel, Outcome, Place, Prepare, Prepared, Template, Value, Variable,
};
use crate::modules::core::socket_name;
use crate::modules::usrloc::contact::{Contact, Record};
use crate::modules::usrloc::preference;
use bytes::Bytes;
use std::any::Any;

/// The variable.
pub(super) const VARIABLES: &[Variable] = &[Variable {
    names: &["ulc"],
    key: KeyKind::Custom(prepare),
    get: read,
    // Kamailio takes an assignment and does nothing.
    set: Some(|_, _, _, _| Ok(())),
    forgotten: None,
    indexed: true,
    doc: "A field of a contact that reg_fetch_contacts found, $(ulc(profile=>addr)[n]): aor, domain, aorhash, count; of each contact addr, path, received, expires, callid, q (in thousandths), cseq, flags, cflags, user_agent, socket, modified, methods, ruid, regid, instance, conid, server_id. In event_route[usrloc:contact-expired] the profile is exp.",
}];

/// Contacts under a name.
#[derive(Debug)]
pub(super) struct Profile {
    name: Bytes,
    aor: Bytes,
    table: Bytes,
    contacts: Vec<Contact>,
}

/// What `event_route[usrloc:contact-expired]` sees of a contact.
pub(crate) fn expired(aor: Bytes, table: Bytes, contact: Contact) -> Box<dyn Any + Send> {
    let profile = Profile { name: Bytes::from_static(b"exp"), aor, table, contacts: vec![contact] };
    Box::new(Local { profiles: vec![profile], ..Local::default() })
}

type Field = fn(&Context, &Profile, &Contact) -> Value;

const FIELDS: &[(&str, Field)] = &[
    ("aor", |_, profile, _| Value::Text(profile.aor.clone())),
    ("domain", |_, profile, _| Value::Text(profile.table.clone())),
    // Kamailio leaves the hash out of what it copies.
    ("aorhash", |_, _, _| Value::Int(0)),
    ("count", |_, profile, _| Value::Int(profile.contacts.len() as i64)),
    ("addr", |_, _, its| Value::Text(its.uri.clone())),
    ("path", |_, _, its| Value::Text(its.located.path.clone())),
    ("received", |_, _, its| Value::Text(its.received.clone())),
    ("expires", |_, _, its| Value::Int(i64::from(its.expires as u32))),
    ("callid", |_, _, its| Value::Text(its.call_id.clone())),
    ("q", |_, _, its| Value::Int(preference::number(its.located.q))),
    ("cseq", |_, _, its| Value::Int(i64::from(its.cseq as i32))),
    ("flags", |_, _, its| Value::truth(its.memory_only)),
    ("cflags", |_, _, its| Value::Int(i64::from(its.branch_flags))),
    ("user_agent", |_, _, its| Value::Text(its.located.user_agent.clone())),
    ("socket", |cx, _, its| Value::text_or_null(its.socket.and_then(|socket| socket_name(&cx.core.sockets, socket)))),
    ("modified", |_, _, its| Value::Int(i64::from(its.modified as u32))),
    ("methods", |_, _, its| Value::Int(i64::from(its.methods))),
    ("ruid", |_, _, its| Value::Text(its.located.ruid.clone())),
    ("regid", |_, _, its| Value::Int(i64::from(its.located.reg_id))),
    ("instance", |_, _, its| {
        Value::text_or_null(Some(its.located.instance.clone()).filter(|instance| !instance.is_empty()))
    }),
    ("conid", |_, _, its| its.connection.map_or(Value::Null, |id| Value::Int(i64::from(id.0.get())))),
    ("server_id", |_, _, its| Value::Int(its.server_id.into())),
];

/// `profile=>field`, prepared.
struct Wanted {
    profile: Bytes,
    field: Field,
}

fn prepare(text: &Template, _: &mut Prepare) -> Result<Prepared, Fault> {
    let bad = || Fault::new(format!("{text:?} is no field of a contact")).help("write it as profile=>addr");
    let text = text.constant().ok_or_else(bad)?;
    let arrow = text.windows(2).position(|pair| pair == b"=>").ok_or_else(bad)?;
    let name = text.get(arrow + 2..).unwrap_or_default();
    let field = FIELDS.iter().find(|(its, _)| its.as_bytes() == name).map(|(_, field)| *field);
    let names = || FIELDS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    match field.filter(|_| arrow > 0) {
        Some(field) => Ok(Box::new(Wanted { profile: text.slice(..arrow), field })),
        None => Err(Fault::new(format!("$ulc has no field {}", String::from_utf8_lossy(name)))
            .help(format!("one of {}", names()))),
    }
}

fn read(cx: &mut Context, key: &Key, place: Place) -> Value {
    let Some(wanted) = key.prepared::<Wanted>() else { return Value::Null };
    let at = match place {
        Place::At(at) => usize::try_from(at).unwrap_or(0),
        Place::Whole | Place::All => 0,
    };
    let profiles = std::mem::take(&mut cx.local::<Local>().profiles);
    let profile = profiles.iter().find(|profile| profile.name == wanted.profile);
    let found = profile.and_then(|profile| Some((profile, profile.contacts.get(at)?)));
    let value = found.map_or(Value::Null, |(profile, contact)| (wanted.field)(cx, profile, contact));
    cx.local::<Local>().profiles = profiles;
    value
}

/// `reg_fetch_contacts(table, uri, profile)`.
pub(super) fn fetch(cx: &mut Context, args: &Args) -> Outcome {
    let Some(location) = Location::of(cx, args) else { return Outcome::FALSE };
    let name = args.text(cx, 2);
    forget(cx, &name);
    let uri = args.text(cx, 1);
    if uri.is_empty() {
        cx.log(LogLevel::Error, "reg_fetch_contacts: the URI is empty");
        return Outcome::FALSE;
    }
    let Ok(aor) = aor::of(&uri, &location.registrar, &location.usrloc) else { return Outcome::FALSE };
    location.find(cx, args, &aor, keep, found)
}

fn found(cx: &mut Context, args: &Args, answer: Answer) -> Outcome {
    let Some(location) = Location::of(cx, args) else { return Outcome::FALSE };
    let uri = args.text(cx, 1);
    let Ok(aor) = aor::of(&uri, &location.registrar, &location.usrloc) else { return Outcome::FALSE };
    let record = record_of_rows(cx, &location, answer);
    keep(cx, args, &location, &aor, record.as_ref())
}

fn keep(cx: &mut Context, args: &Args, location: &Location, aor: &[u8], record: Option<&Record>) -> Outcome {
    let Some(record) = record.filter(|record| !record.contacts.is_empty()) else { return Outcome::FALSE };
    let profile = Profile {
        name: args.text(cx, 2),
        aor: Bytes::copy_from_slice(aor),
        table: location.table().name.clone(),
        contacts: record.contacts.clone(),
    };
    cx.local::<Local>().profiles.push(profile);
    Outcome::TRUE
}

/// `reg_free_contacts(profile)`.
pub(super) fn free(cx: &mut Context, args: &Args) -> Outcome {
    let name = args.text(cx, 0);
    forget(cx, &name);
    Outcome::TRUE
}

fn forget(cx: &mut Context, name: &[u8]) {
    cx.local::<Local>().profiles.retain(|profile| profile.name != name);
}
