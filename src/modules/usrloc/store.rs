//! The way of contacts to a database and back, in the columns of Kamailio's table `location`.

use super::contact::{Contact, Kept, Record};
use super::{Mode, Rules, Usrloc, methods, preference};
use crate::builtin::{
    Background, Connected, DatabaseId, Dialect, Located, LogLevel, Query, QueryFault, Rows, Sockets, Start, StartFault,
    Value, parse_int,
};
use crate::modules::core::{socket_name, socket_of};
use bytes::Bytes;
use std::sync::{Arc, Mutex, PoisonError};

/// Parameters with the names of columns, in the order of [`values`]; the last but one names the record, the last is only there when domains count.
pub(super) const COLUMNS: [&str; 22] = [
    "user_column",
    "contact_column",
    "expires_column",
    "q_column",
    "callid_column",
    "cseq_column",
    "flags_column",
    "cflags_column",
    "user_agent_column",
    "received_column",
    "path_column",
    "socket_column",
    "methods_column",
    "last_modified",
    "instance_column",
    "reg_id_column",
    "server_id_column",
    "connection_id_column",
    "keepalive_column",
    "partition_column",
    "ruid_column",
    "domain_column",
];
/// Where the columns begin that an update writes: behind the user.
const UPDATED: std::ops::Range<usize> = 1..20;
const SERVER_ID: usize = 16;
const RUID: usize = 20;
const DOMAIN: usize = 21;

/// A change of the database.
#[derive(Debug)]
pub enum Change {
    /// A contact that it does not have.
    Insert(Box<Contact>),
    /// A contact that it has with older values.
    Update(Box<Contact>),
    /// A contact that has gone, by the name of its record.
    Delete(Bytes),
}

/// The database.
#[derive(Debug)]
pub struct Store {
    /// `None` in `check`.
    database: Option<Connected>,
    use_domain: bool,
    /// Times are written as seconds since 1970.
    plain_times: bool,
    tables: Vec<Statements>,
    /// What was loaded at start, until the sockets are known.
    loaded: Mutex<Vec<Loaded>>,
    skips_remote: bool,
    /// Rows of other servers than this one are left alone: `server_id_filter`.
    only_server: Option<u32>,
}

#[derive(Debug)]
struct Statements {
    name: Bytes,
    insert: Arc<str>,
    update: Arc<str>,
    delete: Arc<str>,
    select: Arc<str>,
    clean: Arc<str>,
}

/// The rows of a table.
#[derive(Debug)]
struct Loaded {
    table: Bytes,
    rows: Rows,
}

impl Store {
    /// Opens the database and, with a mode that has them in memory, reads all tables.
    pub(super) fn open(
        start: &mut Start,
        mode: Mode,
        names: &[Bytes],
        columns: [String; 22],
    ) -> Result<Store, StartFault> {
        let given = start.params.given("db_url");
        let text = |bytes: Bytes| String::from_utf8_lossy(&bytes).into_owned();
        let url = start.params.text("db_url").map(text).unwrap_or_default();
        if let Some(given) = given {
            start.rely_on_url(&url, given.span);
        }
        let plain =
            |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let tables = names.iter().map(|name| String::from_utf8_lossy(name).into_owned());
        for name in columns.iter().cloned().chain(tables) {
            if !plain(&name) {
                return Err(StartFault::new(format!("{name} is no name of a table or column")));
            }
        }
        let use_domain = start.params.switch("use_domain");
        let only_server = start.params.switch("server_id_filter").then_some(start.settings.server_id);
        let mut store = Store {
            database: None,
            use_domain,
            plain_times: start.params.int("expires_type") == 1,
            tables: Vec::new(),
            loaded: Mutex::default(),
            skips_remote: start.params.switch("skip_remote_socket"),
            only_server,
        };
        let loads = mode != Mode::DatabaseOnly && start.params.switch("db_load");
        let extensions = start.extensions;
        let Some(world) = &mut start.world else { return Ok(store) };
        let built =
            start.dialects.iter().map(|dialect| format!("{}://...", dialect.scheme)).collect::<Vec<_>>().join(", ");
        let unreadable = |what: &str, fault: QueryFault| {
            let fault = StartFault::new(format!("{what} cannot be read: {fault}"))
                .help(format!("built in: {built}; db_mode 0 keeps contacts in memory"));
            given.map_or(fault.clone(), |given| fault.at(given.span))
        };
        let connected = world.connect(&url, extensions).map_err(|fault| unreadable(&url, fault))?;
        let statements = |name| Statements::new(name, &columns, use_domain, only_server, connected.dialect);
        (store.database, store.tables) = (Some(connected), names.iter().map(statements).collect());
        let mut loaded = Vec::new();
        for table in names.iter().filter(|_| loads) {
            let name = String::from_utf8_lossy(table);
            let listed = listed(&columns, use_domain);
            let rows = world
                .query(connected.id, &format!("SELECT {listed} FROM {name}"))
                .map_err(|fault| unreadable(&format!("the table {name} of {url}"), fault))?;
            loaded.push(Loaded { table: table.clone(), rows });
        }
        store.loaded = Mutex::new(loaded);
        Ok(store)
    }

    /// The database.
    pub(super) fn database(&self) -> DatabaseId {
        self.database.map_or(DatabaseId(0), |connected| connected.id)
    }

    /// Puts what was read at start into the tables.
    pub(super) fn fill(&self, state: &Usrloc, cx: &mut Background) {
        let loaded = std::mem::take(&mut *self.loaded.lock().unwrap_or_else(PoisonError::into_inner));
        for Loaded { table, rows } in loaded {
            let Some(table) = state.named(&table) else { continue };
            for row in 0..rows.len() {
                let user = rows.cell(row, 0).map(Value::to_text).unwrap_or_default();
                let domain = rows.cell(row, DOMAIN).filter(|_| self.use_domain).map(Value::to_text);
                let aor = match domain {
                    Some(domain) => Bytes::from([&user[..], b"@", &domain].concat()),
                    None => user,
                };
                if aor.is_empty() || rows.cell(row, 1).is_none_or(|uri| uri.to_text().is_empty()) {
                    cx.core.log(LogLevel::Error, "usrloc: a row of the database without a user or contact is left out");
                    continue;
                }
                let Some(contact) = self.contact(&rows, row, &cx.core.sockets) else { continue };
                let contact = Contact { answered: cx.now.unix.as_secs(), ..contact };
                table.edit(&aor, |record| record.insert(contact, &state.rules));
            }
        }
    }

    /// The statement for a change; `None` when the contact is not to be written.
    pub fn statement(&self, table: &Bytes, aor: &[u8], change: &Change, sockets: &Sockets) -> Option<Query> {
        let statements = self.tables.iter().find(|its| its.name == table)?;
        let (statement, parameters) = match change {
            Change::Insert(contact) if !contact.memory_only => (&statements.insert, self.values(aor, contact, sockets)),
            Change::Update(contact) if !contact.memory_only => {
                let mut values = self.values(aor, contact, sockets);
                values.truncate(RUID + 1);
                values.remove(0);
                (&statements.update, values)
            }
            Change::Insert(_) | Change::Update(_) => return None,
            Change::Delete(ruid) => (&statements.delete, vec![Value::Text(ruid.clone())]),
        };
        Some(Query { database: self.database(), statement: statement.clone(), fixed: true, parameters })
    }

    /// The statement that finds the contacts of an address.
    pub fn select(&self, table: &Bytes, aor: &[u8]) -> Option<Query> {
        let statements = self.tables.iter().find(|its| its.name == table)?;
        let (user, domain) = self.split(aor);
        let mut parameters = vec![Value::Text(user)];
        parameters.extend(domain.map(Value::Text));
        Some(Query { database: self.database(), statement: statements.select.clone(), fixed: true, parameters })
    }

    /// The statement that removes contacts that had expired by then.
    pub(super) fn clean(&self, table: &Bytes, by: u64) -> Option<Query> {
        let statements = self.tables.iter().find(|its| its.name == table)?;
        // What was written for 0 never expires.
        let parameters = vec![self.time(by.saturating_add(1)), self.time(0)];
        Some(Query { database: self.database(), statement: statements.clean.clone(), fixed: true, parameters })
    }

    /// The record that was found.
    pub fn record(&self, rows: &Rows, rules: &Rules, sockets: &Sockets) -> Record {
        let mut record = Record::default();
        for row in 0..rows.len() {
            if let Some(contact) = self.contact(rows, row, sockets) {
                record.insert(contact, rules);
            }
        }
        record
    }

    fn split(&self, aor: &[u8]) -> (Bytes, Option<Bytes>) {
        if !self.use_domain {
            return (Bytes::copy_from_slice(aor), None);
        }
        let at = aor.iter().position(|byte| *byte == b'@');
        let (user, domain) = at.and_then(|at| Some((aor.get(..at)?, aor.get(at + 1..)?))).unwrap_or((b"", aor));
        (Bytes::copy_from_slice(user), Some(Bytes::copy_from_slice(domain)))
    }

    /// What stands in the columns, in their order.
    fn values(&self, aor: &[u8], contact: &Contact, sockets: &Sockets) -> Vec<Value> {
        let (user, domain) = self.split(aor);
        let some = |text: &Bytes| if text.is_empty() { Value::Null } else { Value::Text(text.clone()) };
        let located = &contact.located;
        let q = match located.q {
            Some(_) => preference::shown(located.q),
            None => "-1.0".to_owned(),
        };
        let mut values = vec![
            Value::Text(user),
            Value::Text(contact.uri.clone()),
            self.time(contact.expires),
            Value::Text(Bytes::from(q)),
            Value::Text(contact.call_id.clone()),
            Value::Int(i64::from(contact.cseq)),
            Value::Int(0),
            Value::Int(i64::from(contact.branch_flags)),
            Value::Text(located.user_agent.clone()),
            some(&contact.received),
            some(&located.path),
            contact.socket.and_then(|id| socket_name(sockets, id)).map_or(Value::Null, Value::Text),
            if contact.methods == methods::ALL { Value::Null } else { Value::Int(i64::from(contact.methods)) },
            self.time(contact.modified),
            some(&located.instance),
            Value::Int(i64::from(located.reg_id)),
            Value::Int(i64::from(contact.server_id)),
            Value::Int(-1),
            Value::Int(0),
            Value::Int(0),
            Value::Text(located.ruid.clone()),
        ];
        values.extend(domain.map(Value::Text));
        values
    }

    fn time(&self, unix: u64) -> Value {
        if self.plain_times {
            return Value::Int(i64::try_from(unix).unwrap_or(i64::MAX));
        }
        self.database.map_or(Value::Null, |connected| (connected.dialect.time)(unix))
    }

    /// The contact of a row; `None` without a URI, or when it belongs to another server and is not wanted.
    fn contact(&self, rows: &Rows, row: usize, sockets: &Sockets) -> Option<Contact> {
        let cell = |at: usize| rows.cell(row, at).filter(|cell| !cell.is_nothing());
        let text = |at: usize| cell(at).map(Value::to_text).unwrap_or_default();
        let number = |at: usize| cell(at).map_or(0, Value::to_int);
        let uri = Some(text(1)).filter(|uri| !uri.is_empty())?;
        let socket_name = Some(text(11)).filter(|name| !name.is_empty());
        let socket = socket_name.as_ref().and_then(|name| socket_of(sockets, name));
        let server_id = number(SERVER_ID) as u32;
        let is_remote = self.skips_remote && socket_name.is_some() && socket.is_none();
        if is_remote || self.only_server.is_some_and(|own| own != server_id) {
            return None;
        }
        let located = Located {
            path: text(10),
            q: thousandths(&text(3)),
            ruid: text(RUID),
            instance: text(14),
            reg_id: u32::try_from(number(15)).unwrap_or(0),
            user_agent: text(8),
        };
        Some(Contact {
            uri,
            received: text(9),
            located: Arc::new(located),
            expires: self.seconds(&text(2)),
            call_id: text(4),
            cseq: number(5) as u32,
            memory_only: false,
            branch_flags: number(7) as u32,
            socket,
            connection: None,
            methods: cell(12).map_or(methods::ALL, |cell| cell.to_int() as u32),
            modified: self.seconds(&text(13)),
            answered: 0,
            server_id,
            kept: Kept::Same,
        })
    }

    /// A time as the database has it: a Julian day, a date or seconds since 1970.
    fn seconds(&self, text: &[u8]) -> u64 {
        if self.plain_times {
            return parse_int(text).and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(0);
        }
        self.database.map_or(0, |connected| (connected.dialect.seconds)(text))
    }
}

impl Statements {
    fn new(
        name: &Bytes,
        columns: &[String; 22],
        use_domain: bool,
        only_server: Option<u32>,
        dialect: &Dialect,
    ) -> Statements {
        let table = String::from_utf8_lossy(name);
        let all = listed(columns, use_domain);
        let mark = dialect.mark;
        let marks = dialect.marks(if use_domain { 22 } else { 21 });
        let updated = columns[UPDATED].iter().enumerate();
        let set: Vec<String> = updated.map(|(at, column)| format!("{column} = {}", mark(at + 1))).collect();
        let (user, expires, q, ruid, domain) =
            (&columns[0], &columns[2], &columns[3], &columns[RUID], &columns[DOMAIN]);
        let server_id = &columns[SERVER_ID];
        let and_server = only_server.map(|own| format!(" AND {server_id} = {own}")).unwrap_or_default();
        let and_domain = if use_domain { format!(" AND {domain} = {}", mark(2)) } else { String::new() };
        Statements {
            name: name.clone(),
            insert: format!("INSERT INTO {table} ({all}) VALUES ({marks})").into(),
            update: format!("UPDATE {table} SET {} WHERE {ruid} = {}", set.join(", "), mark(set.len() + 1)).into(),
            delete: format!("DELETE FROM {table} WHERE {ruid} = {}", mark(1)).into(),
            clean: format!(
                "DELETE FROM {table} WHERE {expires} < {} AND {expires} <> {}{and_server}",
                mark(1),
                mark(2)
            )
            .into(),
            select: format!("SELECT {all} FROM {table} WHERE {user} = {}{and_domain} ORDER BY {q}", mark(1)).into(),
        }
    }
}

fn listed(columns: &[String; 22], use_domain: bool) -> String {
    columns[..if use_domain { 22 } else { DOMAIN }].join(", ")
}

fn thousandths(text: &[u8]) -> Option<u16> {
    let q: f64 = std::str::from_utf8(text).ok()?.trim().parse().ok()?;
    (0.0..=1.0).contains(&q).then(|| (q * 1000.0).round() as u16)
}
