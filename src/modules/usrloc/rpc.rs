//! Commands for operators.

use super::contact::{Contact, Kept, Match, Record, Wanted};
use super::store::Change;
use super::table::Table;
use super::{Mode, Usrloc, aor_of_operator, preference};
use crate::builtin::{Answer, Background, Command, Commanded, Located, Rpc, RpcResult, StateOf, Statement, Statements};
use crate::modules::core::{socket_name, socket_of};
use bytes::Bytes;
use std::sync::Arc;

/// What Kamailio writes for contacts that an operator adds.
const CALL_ID: &[u8] = b"dfjrewr12386fd6-343@Kamailio.rpc";
const USER_AGENT: &[u8] = b"SIP Router RPC Interface";
const CSEQ: u32 = 1;

/// The commands of the module.
pub(super) static ROWS: &[Rpc] = &[
    Rpc {
        name: "ul.add",
        usage: "TABLE AOR CONTACT EXPIRES Q PATH FLAGS CFLAGS METHODS [RECEIVED [SOCKET]]",
        doc: "Registers a contact: EXPIRES in seconds, 0 for ever; 0 or . stands for no PATH, RECEIVED or SOCKET; METHODS is a bit mask, 4294967295 for all.",
        run: add,
    },
    Rpc {
        name: "ul.lookup",
        usage: "TABLE AOR",
        doc: "Lists the contacts of an address; with db_mode 3 those in the database.",
        run: lookup,
    },
    Rpc { name: "ul.dump", usage: "[brief]", doc: "Lists all tables with their contacts.", run: dump },
    Rpc { name: "ul.rm", usage: "TABLE AOR", doc: "Removes all contacts of an address.", run: remove },
    Rpc {
        name: "ul.rm_contact",
        usage: "TABLE AOR CONTACT",
        doc: "Removes a contact of an address.",
        run: remove_contact,
    },
];

fn state(cx: &Background) -> Result<StateOf<Usrloc>, String> {
    cx.core.state::<Usrloc>(cx.module).ok_or_else(|| "the module is not started".to_owned())
}

fn table<'a>(state: &'a Usrloc, name: &str) -> Result<&'a Table, String> {
    if state.mode == Mode::DatabaseOnly {
        return Err("with db_mode 3 contacts are in the database only: change them there".to_owned());
    }
    named(state, name)
}

fn named<'a>(state: &'a Usrloc, name: &str) -> Result<&'a Table, String> {
    let names: Vec<_> = state.tables.iter().map(|table| String::from_utf8_lossy(&table.name)).collect();
    let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    state.named(name.as_bytes()).ok_or_else(|| format!("there is no table {name}; there is {known}"))
}

/// A parameter that may be left out by writing `.` or `0`.
fn optional(text: Option<&&str>) -> Bytes {
    let text = text.copied().filter(|text| !matches!(*text, "." | "0")).unwrap_or_default();
    Bytes::copy_from_slice(text.as_bytes())
}

fn number<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{name} is {text}, which is no such number"))
}

fn add(cx: &mut Background, args: &[&str]) -> RpcResult {
    let [name, aor, uri, expires, q, path, _, flags, methods, more @ ..] = args else {
        return Err("it takes at least nine parameters".to_owned());
    };
    let state = state(cx)?;
    let table = table(&state, name)?;
    let aor = aor_of_operator(aor, state.use_domain)?;
    let now = cx.now.unix.as_secs();
    let expires = match number("EXPIRES", expires)? {
        0 => 0,
        seconds => now.saturating_add(seconds),
    };
    let q = match *q {
        "-1" => None,
        text => Some(preference::read(text.as_bytes()).ok_or_else(|| format!("Q is {text}: it is 0 to 1, or -1"))?),
    };
    let located = Located {
        path: optional(Some(path)),
        q,
        ruid: state.new_id(now, &mut cx.core.random),
        user_agent: Bytes::from_static(USER_AGENT),
        ..Located::default()
    };
    let contact = Contact {
        uri: Bytes::copy_from_slice(uri.as_bytes()),
        received: optional(more.first()),
        located: Arc::new(located),
        expires,
        call_id: Bytes::from_static(CALL_ID),
        cseq: CSEQ,
        memory_only: false,
        branch_flags: number("CFLAGS", flags)?,
        socket: socket_of(&cx.core.sockets, &optional(more.get(1))),
        connection: None,
        methods: number("METHODS", methods)?,
        modified: now,
        answered: now,
        server_id: cx.core.settings.server_id,
        kept: Kept::New,
    };
    let full = table.is_full();
    let done = table.edit(aor.as_bytes(), |record| match record.find(&wanted(uri), &state.rules, now) {
        Match::At(at) => Some(record.update(at, contact, &state.rules)),
        Match::Missing | Match::Stale | Match::Repeated if full => None,
        Match::Missing | Match::Stale | Match::Repeated => record.insert(contact, &state.rules),
    });
    if done.is_some() {
        Ok(Commanded::Done(Vec::new()))
    } else {
        Err("there is no room for another contact".to_owned())
    }
}

/// What tells a contact from others here.
fn wanted(uri: &str) -> Wanted<'_> {
    let uri = uri.as_bytes();
    Wanted { uri, call_id: CALL_ID, cseq: CSEQ + 1, path: b"", instance: b"", reg_id: 0 }
}

fn remove(cx: &mut Background, args: &[&str]) -> RpcResult {
    let [name, aor] = args else { return Err("it takes a table and an address".to_owned()) };
    remove_where(cx, name, aor, |record, state| {
        (0..record.contacts.len()).rev().filter_map(|at| record.remove(at, &state.rules)).collect()
    })
    .map(|_| Commanded::Done(Vec::new()))
}

fn remove_contact(cx: &mut Background, args: &[&str]) -> RpcResult {
    let [name, aor, uri] = args else { return Err("it takes a table, an address and a contact".to_owned()) };
    let now = cx.now.unix.as_secs();
    let mut found = false;
    remove_where(cx, name, aor, |record, state| match record.find(&wanted(uri), &state.rules, now) {
        Match::At(at) => {
            found = true;
            record.remove(at, &state.rules).into_iter().collect()
        }
        Match::Missing | Match::Stale | Match::Repeated => Vec::new(),
    })?;
    if found { Ok(Commanded::Done(Vec::new())) } else { Err(format!("{aor} has no contact {uri}")) }
}

/// Removes contacts from memory, and from the database those that it has.
fn remove_where(
    cx: &mut Background,
    name: &str,
    aor: &str,
    gone: impl FnOnce(&mut Record, &Usrloc) -> Vec<Contact>,
) -> Result<(), String> {
    let state = state(cx)?;
    let table = table(&state, name)?;
    let aor = aor_of_operator(aor, state.use_domain)?;
    let gone = table.edit(aor.as_bytes(), |record| gone(record, &state));
    let Some(store) = &state.store else { return Ok(()) };
    let known = gone.iter().filter(|contact| contact.kept != Kept::New);
    let changes = known.map(|contact| Change::Delete(contact.located.ruid.clone()));
    let queries = changes.filter_map(|change| store.statement(&table.name, aor.as_bytes(), &change, &cx.core.sockets));
    let statements = queries.map(Statement::from).collect();
    cx.core.commands.push(Command::Execute(Statements { module: cx.module, list: statements }));
    Ok(())
}

fn lookup(cx: &mut Background, args: &[&str]) -> RpcResult {
    let [name, aor] = args else { return Err("it takes a table and an address".to_owned()) };
    let state = state(cx)?;
    let table = named(&state, name)?;
    let aor = aor_of_operator(aor, state.use_domain)?;
    if state.mode != Mode::DatabaseOnly {
        return table.read(aor.as_bytes(), |record| listed(cx, &aor, record));
    }
    let query = state.store.as_ref().and_then(|store| store.select(&table.name, aor.as_bytes()));
    let query = query.ok_or("there is no database")?;
    Commanded::ask(query, move |cx, answer| match (answer, &state.store) {
        (Answer::Rows(Ok(rows)), Some(store)) => {
            let record = store.record(&rows, &state.rules, &cx.core.sockets);
            listed(cx, &aor, Some(&record))
        }
        (Answer::Rows(Err(fault)), _) => Err(fault.to_string()),
        _ => Err("the database gave no answer".to_owned()),
    })
}

/// The contacts of an address that have not expired.
fn listed(cx: &Background, aor: &str, record: Option<&Record>) -> RpcResult {
    let now = cx.now.unix.as_secs();
    let contacts = record.map(|record| record.contacts.as_slice()).unwrap_or_default();
    let valid = contacts.iter().filter(|contact| contact.is_valid(now));
    let lines: Vec<String> = valid.map(|contact| line(cx, contact, now)).collect();
    if lines.is_empty() { Err(format!("{aor} has no contact")) } else { Ok(Commanded::Done(lines)) }
}

fn dump(cx: &mut Background, args: &[&str]) -> RpcResult {
    let brief = match args {
        [] => false,
        ["brief"] => true,
        _ => return Err("it takes nothing, or brief".to_owned()),
    };
    let state = state(cx)?;
    let now = cx.now.unix.as_secs();
    let mut lines = Vec::new();
    for table in &state.tables {
        lines.push(format!("table {}", String::from_utf8_lossy(&table.name)));
        table.each(|aor, record| {
            lines.push(format!("  {}", String::from_utf8_lossy(aor)));
            let contacts = record.contacts.iter().filter(|_| !brief);
            lines.extend(contacts.map(|contact| format!("    {}", line(cx, contact, now))));
        });
    }
    Ok(Commanded::Done(lines))
}

/// A contact as operators see it: its URI, how long it lasts, and what it has beside.
fn line(cx: &Background, contact: &Contact, now: u64) -> String {
    let text = |text: &Bytes| String::from_utf8_lossy(text).into_owned();
    let located = &contact.located;
    let lasts = match contact.expires {
        0 => "permanent".to_owned(),
        super::contact::REMOVED => "deleted".to_owned(),
        until if until < now => "expired".to_owned(),
        until => format!("{}", until - now),
    };
    let mut line = format!("{} expires {lasts}", text(&contact.uri));
    let socket = contact.socket.and_then(|socket| socket_name(&cx.core.sockets, socket)).unwrap_or_default();
    let q = located.q.map(|_| Bytes::from(preference::shown(located.q))).unwrap_or_default();
    let parts: [(&str, &Bytes); 6] = [
        ("q", &q),
        ("received", &contact.received),
        ("path", &located.path),
        ("instance", &located.instance),
        ("socket", &socket),
        ("user-agent", &located.user_agent),
    ];
    for (name, value) in parts.into_iter().filter(|(_, value)| !value.is_empty()) {
        line.push_str(&format!(" {name} {}", text(value)));
    }
    if contact.branch_flags != 0 {
        line.push_str(&format!(" cflags {}", contact.branch_flags));
    }
    line
}
