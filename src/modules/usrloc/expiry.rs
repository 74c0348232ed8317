//! What the clock does: contacts that have expired go, and with `db_mode` 2 the database is written.

use super::contact::{Contact, Kept, REMOVED};
use super::store::{Change, Store};
use super::{Mode, Usrloc};
use crate::builtin::{
    Background, Command, ConnectionId, Ending, Event, LogLevel, Query, Sockets, Statement, Statements,
};
use crate::modules::registrar;
use bytes::Bytes;
use std::any::Any;

/// Goes over all tables. What the database is told of it is one batch.
pub(super) fn tick(state: &Usrloc, cx: &mut Background) {
    let now = cx.now.unix.as_secs();
    let mut statements = clean(state, now);
    if state.mode != Mode::DatabaseOnly {
        let sockets = cx.core.sockets.clone();
        statements.extend(sweep(state, now, &sockets, |contact, table, aor| {
            if let Some(connection) = contact.connection.filter(|_| state.closes_connections) {
                cx.core.commands.push(Command::Close(connection));
            }
            if let Some(registrar) = state.on_expired {
                let run = registrar::expired(aor.clone(), table.clone(), contact.clone());
                let event = Event { local: Some((registrar, run)), ..Event::new("usrloc:contact-expired") };
                cx.core.commands.push(Command::Event(event));
            }
        }));
    }
    let module = cx.module;
    cx.core.commands.push(Command::Execute(Statements { module, list: statements }));
}

/// The contacts that registered by a connection expire with it; the clock removes them.
pub(super) fn lose(state: &Usrloc, connection: ConnectionId, cx: &mut Background) {
    for table in &state.tables {
        table.sweep(|aor, contact| {
            if contact.connection == Some(connection) {
                contact.expires = REMOVED;
                let (aor, uri) = (String::from_utf8_lossy(aor), String::from_utf8_lossy(&contact.uri));
                cx.core.log(LogLevel::Debug, format!("{uri} of {aor} expires with its connection"));
            }
            true
        });
    }
}

/// Writes what the clock would have written later.
pub(super) fn end(state: &Usrloc, cx: &mut Ending) -> Result<(), String> {
    let Some(store) = state.store.as_ref().filter(|_| state.rules.writes_later) else { return Ok(()) };
    let statements = sweep(state, cx.now.unix.as_secs(), cx.sockets, |_, _, _| {});
    if statements.is_empty() {
        return Ok(());
    }
    let all = statements.len();
    let queries: Vec<Query> = statements.into_iter().map(|its| its.query).collect();
    let refused = cx.world.execute(store.database(), queries);
    match refused.first() {
        None => Ok(()),
        Some((_, fault)) => Err(format!("{} of {all} changes of contacts are lost: {fault}", refused.len())),
    }
}

/// What removes from the database what expired there.
fn clean(state: &Usrloc, now: u64) -> Vec<Statement> {
    let (Some(store), Some(delay)) = (&state.store, state.cleans_after) else { return Vec::new() };
    let by = now.saturating_sub(delay);
    state.tables.iter().filter_map(|table| store.clean(&table.name, by)).map(Statement::from).collect()
}

/// Removes the contacts that have expired, telling of each, and gives what the database does not know yet.
fn sweep(
    state: &Usrloc,
    now: u64,
    sockets: &Sockets,
    mut expired: impl FnMut(&Contact, &Bytes, &Bytes),
) -> Vec<Statement> {
    let store = state.store.as_ref().filter(|_| state.rules.stores);
    let mut statements = Vec::new();
    for (at, table) in state.tables.iter().enumerate() {
        let mut tell = |store: &Store, aor: &Bytes, change: Change| {
            let about: Option<Box<dyn Any + Send>> = match &change {
                Change::Insert(contact) => Some(Box::new(Unwritten::new(at, aor, contact, Kept::New))),
                Change::Update(contact) => Some(Box::new(Unwritten::new(at, aor, contact, Kept::Changed))),
                Change::Delete(_) => None,
            };
            let query = store.statement(&table.name, aor, &change, sockets);
            statements.extend(query.map(|query| Statement { query, about }));
        };
        table.sweep(|aor, contact| {
            if contact.is_valid(now) {
                if let Some(store) = store
                    && let Some(change) = unwritten(contact)
                {
                    tell(store, aor, change);
                }
                return true;
            }
            expired(contact, &table.name, aor);
            if let Some(store) = store.filter(|_| contact.kept != Kept::New && !contact.memory_only) {
                tell(store, aor, Change::Delete(contact.located.ruid.clone()));
            }
            false
        });
    }
    statements
}

/// A contact that the database was told of.
pub(super) struct Unwritten {
    table: usize,
    aor: Bytes,
    ruid: Bytes,
    kept: Kept,
}

impl Unwritten {
    fn new(table: usize, aor: &Bytes, contact: &Contact, kept: Kept) -> Unwritten {
        Unwritten { table, aor: aor.clone(), ruid: contact.located.ruid.clone(), kept }
    }

    /// The database did not take it: the clock tells it again.
    pub(super) fn again(&self, state: &Usrloc) {
        let Some(table) = state.tables.get(self.table) else { return };
        table.edit(&self.aor, |record| {
            if let Some(contact) = record.contacts.iter_mut().find(|its| its.located.ruid == self.ruid) {
                contact.kept = self.kept;
            }
        });
    }
}

/// What the database does not know of a contact yet.
fn unwritten(contact: &mut Contact) -> Option<Change> {
    let kept = std::mem::replace(&mut contact.kept, Kept::Same);
    match kept {
        Kept::Same => None,
        Kept::New => Some(Change::Insert(Box::new(contact.clone()))),
        Kept::Changed => Some(Change::Update(Box::new(contact.clone()))),
    }
}
