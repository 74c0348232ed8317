//! What the clock does: contacts that have expired go, and with `db_mode` 2 the database is written.

use super::contact::{Contact, Kept};
use super::store::Change;
use super::{Mode, Usrloc};
use crate::builtin::{Background, Command, Event, Statement};
use crate::modules::registrar;
use bytes::Bytes;
use std::any::Any;

/// Goes over all tables.
pub(super) fn tick(state: &Usrloc, cx: &mut Background) {
    let now = cx.now.unix.as_secs();
    if let (Some(store), Some(delay)) = (&state.store, state.cleans_after) {
        for table in &state.tables {
            let query = store.clean(&table.name, now.saturating_sub(delay));
            let module = cx.module;
            cx.core.commands.extend(query.map(|query| Command::Tell(Statement { module, query, about: None })));
        }
    }
    if state.mode == Mode::DatabaseOnly {
        return;
    }
    let sockets = cx.core.sockets.clone();
    for (at, table) in state.tables.iter().enumerate() {
        let mut changes = Vec::new();
        table.sweep(|aor, contact| {
            if contact.is_valid(now) {
                if state.rules.stores
                    && let Some(change) = unwritten(contact)
                {
                    changes.push((aor.clone(), change));
                }
                return true;
            }
            if let Some(registrar) = state.on_expired {
                let run = registrar::expired(aor.clone(), table.name.clone(), contact.clone());
                let event = Event { local: Some((registrar, run)), ..Event::new("usrloc:contact-expired") };
                cx.core.commands.push(Command::Event(event));
            }
            if state.rules.stores && contact.kept != Kept::New && !contact.memory_only {
                changes.push((aor.clone(), Change::Delete(contact.located.ruid.clone())));
            }
            false
        });
        let Some(store) = &state.store else { continue };
        for (aor, change) in changes {
            let about: Option<Box<dyn Any + Send>> = match &change {
                Change::Insert(contact) => Some(Box::new(Unwritten::new(at, &aor, contact, Kept::New))),
                Change::Update(contact) => Some(Box::new(Unwritten::new(at, &aor, contact, Kept::Changed))),
                Change::Delete(_) => None,
            };
            let query = store.statement(&table.name, &aor, &change, &sockets);
            let module = cx.module;
            cx.core.commands.extend(query.map(|query| Command::Tell(Statement { module, query, about })));
        }
    }
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
