//! `registered` and `unregister`.

use super::{Location, aor, config_text, record_of_rows, tell};
use crate::builtin::{Answer, Args, Command, Context, LogLevel, Outcome, Statement, Statements};
use crate::modules::usrloc::contact::{Contact, Record};
use crate::modules::usrloc::{Change, Mode};
use bytes::Bytes;

const NO_ADDRESS: Outcome = Outcome::Return(-1);
const NOT_FOUND: Outcome = Outcome::Return(-3);

/// `registered(table, uri, flags, action)`.
pub(super) fn registered(cx: &mut Context, args: &Args) -> Outcome {
    let Some(location) = Location::of(cx, args) else { return Outcome::FALSE };
    let given = args.has(1).then(|| args.text(cx, 1));
    let message = &cx.message;
    let uri = match given {
        Some(uri) if uri.is_empty() => {
            cx.log(LogLevel::Error, "registered: the URI is empty");
            return Outcome::FALSE;
        }
        Some(uri) => uri,
        None if message.message.is_request() => message.request_uri(),
        None => message.message.to().map(|to| Bytes::copy_from_slice(to.uri_text())).unwrap_or_default(),
    };
    let Ok(aor) = aor::of(&uri, &location.registrar, &location.usrloc) else { return Outcome::FALSE };
    location.find(
        cx,
        args,
        &aor,
        |cx, args, location, _, record| is_there(cx, args, location, record),
        |cx, args, answer| {
            let Some(location) = Location::of(cx, args) else { return Outcome::FALSE };
            let record = record_of_rows(cx, &location, answer);
            is_there(cx, args, &location, record.as_ref())
        },
    )
}

fn is_there(cx: &mut Context, args: &Args, location: &Location, record: Option<&Record>) -> Outcome {
    let (flags, action) = (args.int(cx, 2), args.int(cx, 3));
    let registrar = &location.registrar;
    let wanted = |cx: &Context, bit: i64, name: &[u8]| {
        if flags & bit == 0 { None } else { config_text(cx, registrar, name) }
    };
    let call_id = wanted(cx, 1, b"match_callid");
    let received = wanted(cx, 2, b"match_received");
    let uri = wanted(cx, 4, b"match_contact");
    let same = |wanted: &Option<Bytes>, its: &Bytes| wanted.as_ref().is_none_or(|wanted| wanted == its);
    let now = cx.now.unix.as_secs();
    let fits = |contact: &&Contact| {
        (contact.is_valid(now) || registrar.uses_expired)
            && same(&call_id, &contact.call_id)
            && same(&received, &contact.received)
            && same(&uri, &contact.uri)
    };
    let Some(contact) = record.and_then(|record| record.contacts.iter().find(fits)) else { return Outcome::FALSE };
    if action & 2 == 0 {
        tell(cx, registrar, contact);
    }
    Outcome::TRUE
}

/// `unregister(table, uri, ruid)`.
pub(super) fn unregister(cx: &mut Context, args: &Args) -> Outcome {
    let Some(location) = Location::of(cx, args) else { return Outcome::FALSE };
    let (uri, ruid) = (args.text(cx, 1), args.has(2).then(|| args.text(cx, 2)));
    if ruid.as_ref().map_or(uri.is_empty(), Bytes::is_empty) {
        cx.log(LogLevel::Error, "unregister: the URI or the name of the record is empty");
        return NO_ADDRESS;
    }
    if uri.is_empty() {
        // Kamailio finds a record by its name alone in the database only.
        let Some(ruid) = ruid.filter(|_| location.usrloc.mode == Mode::DatabaseOnly) else {
            return Outcome::Return(-2);
        };
        remove_from_database(cx, &location, b"", &[ruid]);
        return Outcome::TRUE;
    }
    let Ok(aor) = aor::of(&uri, &location.registrar, &location.usrloc) else { return NO_ADDRESS };
    if location.usrloc.mode != Mode::DatabaseOnly {
        return from_memory(cx, &location, &aor, ruid.as_ref());
    }
    location.find(cx, args, &aor, |_, _, _, _, _| NOT_FOUND, from_database)
}

fn from_memory(cx: &mut Context, location: &Location, aor: &[u8], ruid: Option<&Bytes>) -> Outcome {
    let rules = &location.usrloc.rules;
    let (found, gone) = location.table().edit(aor, |record| {
        let (mut found, mut gone) = (false, Vec::new());
        for at in (0..record.contacts.len()).rev() {
            if ruid.is_none_or(|ruid| record.contacts.get(at).is_some_and(|its| its.located.ruid == ruid)) {
                found = true;
                gone.extend(
                    record.remove(at, rules).filter(|its| !its.memory_only).map(|its| its.located.ruid.clone()),
                );
            }
        }
        (found, gone)
    });
    if location.usrloc.mode == Mode::WriteThrough {
        remove_from_database(cx, location, aor, &gone);
    }
    if found || ruid.is_none() { Outcome::TRUE } else { NOT_FOUND }
}

fn from_database(cx: &mut Context, args: &Args, answer: Answer) -> Outcome {
    let Some(location) = Location::of(cx, args) else { return Outcome::FALSE };
    let Some(record) = record_of_rows(cx, &location, answer) else { return Outcome::Return(-2) };
    let wanted = args.has(2).then(|| args.text(cx, 2));
    let all = record.contacts.iter().map(|contact| contact.located.ruid.clone());
    let gone: Vec<Bytes> = all.filter(|ruid| wanted.as_ref().is_none_or(|wanted| wanted == ruid)).collect();
    remove_from_database(cx, &location, b"", &gone);
    if gone.is_empty() && wanted.is_some() { NOT_FOUND } else { Outcome::TRUE }
}

/// Nobody waits for this: what is removed twice is removed.
fn remove_from_database(cx: &mut Context, location: &Location, aor: &[u8], gone: &[Bytes]) {
    let Some(store) = &location.usrloc.store else { return };
    let (table, sockets) = (&location.table().name, cx.core.sockets.clone());
    let changes = gone.iter().map(|ruid| Change::Delete(ruid.clone()));
    let queries = changes.filter_map(|change| store.statement(table, aor, &change, &sockets));
    let statements = queries.map(Statement::from).collect();
    cx.core.commands.push(Command::Execute(Statements { module: location.registrar.usrloc, list: statements }));
}
