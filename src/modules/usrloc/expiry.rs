//! What the clock does: contacts that have expired go, and with `db_mode` 2 the database is written.

use super::contact::{Contact, Kept};
use super::store::Change;
use super::{Mode, Usrloc};
use crate::builtin::{Background, Command, Event};
use crate::modules::registrar;

/// Goes over all tables.
pub(super) fn tick(state: &Usrloc, cx: &mut Background) {
    if state.mode == Mode::DatabaseOnly {
        return;
    }
    let now = cx.now.unix.as_secs();
    let sockets = cx.core.sockets.clone();
    for table in &state.tables {
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
            cx.core.commands.extend(store.statement(&table.name, &aor, &change, &sockets).map(Command::Query));
        }
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
