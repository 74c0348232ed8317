//! What a REGISTER changes in the record of its user (RFC 3261 section 10.3 step 7).

use super::Location;
use super::answer::{Fault, Verdict};
use super::request::{Binding, Carried, Registration, flag};
use crate::builtin::Context;
use crate::modules::usrloc::contact::{Contact, Kept, Match, Record};
use crate::modules::usrloc::{Change, Mode, Usrloc};
use bytes::Bytes;
use std::collections::VecDeque;

/// Changes of one record, gathered for the database.
pub(super) struct Changing<'a> {
    pub(super) location: &'a Location,
    pub(super) now: u64,
    pub(super) changes: &'a mut VecDeque<Change>,
}

impl Changing<'_> {
    fn usrloc(&self) -> &Usrloc {
        &self.location.usrloc
    }

    fn writes_now(&self) -> bool {
        matches!(self.usrloc().mode, Mode::WriteThrough | Mode::DatabaseOnly)
    }

    fn put(&mut self, record: &mut Record, mut contact: Contact) -> Result<usize, Fault> {
        if self.writes_now() {
            contact.kept = Kept::Same;
            self.changes.push_back(Change::Insert(Box::new(contact.clone())));
        }
        let full = self.location.table().is_full();
        let at = if full { None } else { record.insert(contact, &self.usrloc().rules) };
        at.ok_or(Fault::NotInserted)
    }

    fn renew(&mut self, record: &mut Record, at: usize, contact: Contact) -> usize {
        let at = record.update(at, contact, &self.usrloc().rules);
        if self.writes_now()
            && let Some(contact) = record.contacts.get_mut(at)
        {
            contact.kept = Kept::Same;
            self.changes.push_back(Change::Update(Box::new(contact.clone())));
        }
        at
    }

    fn remove(&mut self, record: &mut Record, at: usize, memory_only: bool) {
        if let Some(contact) = record.contacts.get_mut(at) {
            contact.memory_only = memory_only;
        }
        let gone = record.remove(at, &self.usrloc().rules);
        if let Some(contact) = gone.filter(|contact| self.writes_now() && !contact.memory_only) {
            self.changes.push_back(Change::Delete(contact.located.ruid.clone()));
        }
    }

    /// Removes all contacts.
    pub(super) fn remove_all(&mut self, record: &mut Record, memory_only: bool) {
        for at in (0..record.contacts.len()).rev() {
            self.remove(record, at, memory_only);
        }
    }

    /// Removes those that `goes` names, but one.
    fn remove_others(&mut self, record: &mut Record, kept: usize, goes: impl Fn(&Contact) -> bool) {
        for at in (0..record.contacts.len()).rev().filter(|at| *at != kept) {
            if record.contacts.get(at).is_some_and(&goes) {
                let memory_only = record.contacts.get(at).is_some_and(|contact| contact.memory_only);
                self.remove(record, at, memory_only);
            }
        }
    }

    fn id(&self, cx: &mut Context) -> Bytes {
        self.usrloc().new_id(self.now, &mut cx.core.random)
    }

    /// Contacts for an address that had none.
    pub(super) fn insert(
        &mut self,
        cx: &mut Context,
        record: &mut Record,
        registration: &Registration,
        all: &[Binding],
    ) -> Verdict {
        let mut carried = Carried::default();
        let mut kept = 0;
        for binding in all {
            if binding.brief {
                return Err(Fault::TooBrief);
            }
            if binding.expires == 0 {
                continue;
            }
            if registration.max_contacts > 0 && kept >= registration.max_contacts {
                return Err(Fault::TooManyContacts);
            }
            // The first that is kept has the parameters of the first of the request, whichever it is.
            let traits = all.first().filter(|_| kept == 0).unwrap_or(binding);
            kept += 1;
            let contact = registration.contact(binding, traits, &mut carried, self.id(cx))?;
            let mut wanted = registration.wanted(traits, &carried);
            (wanted.uri, wanted.cseq) = (&binding.uri, wanted.cseq.wrapping_add(1));
            // One that stands twice in the request counts as its later form.
            match record.find(&wanted, &self.usrloc().rules, self.now) {
                Match::At(at) => {
                    self.renew(record, at, contact);
                }
                Match::Missing | Match::Stale | Match::Repeated => {
                    self.put(record, contact)?;
                }
            }
        }
        Ok(1)
    }

    /// Contacts for an address that has some.
    pub(super) fn update(
        &mut self,
        cx: &mut Context,
        record: &mut Record,
        registration: &Registration,
        all: &[Binding],
    ) -> Verdict {
        let mut carried = Carried::default();
        if let Some(first) = all.first() {
            if !Registration::has_good_q(first) {
                return Err(Fault::BadQ);
            }
            carried.begun = true;
            registration.carry(first, &mut carried, true)?;
        }
        let replaces = registration.flags & flag::REPLACE != 0;
        if registration.max_contacts > 0 && !replaces {
            self.hold_against_limit(record, registration, all, &carried)?;
        }
        let mut code = 1;
        for binding in all {
            if binding.brief {
                return Err(Fault::TooBrief);
            }
            let contact = registration.contact(binding, binding, &mut carried, self.id(cx))?;
            let wanted = registration.wanted(binding, &carried);
            let at = match record.find(&wanted, &self.usrloc().rules, self.now) {
                Match::Stale => return Err(Fault::BadCSeq),
                Match::Repeated if binding.expires != 0 && replaces => break,
                Match::Repeated => continue,
                Match::Missing if binding.expires == 0 => continue,
                Match::Missing => None,
                Match::At(at) => Some(at),
            };
            let ends = match at {
                None => {
                    let at = self.put(record, contact)?;
                    code = 1;
                    if replaces {
                        self.remove_others(record, at, |_| true);
                    }
                    replaces
                }
                Some(at) if binding.expires == 0 => {
                    self.remove(record, at, registration.flags & flag::MEMORY_ONLY != 0);
                    code = 3;
                    false
                }
                Some(at) => {
                    code = 2;
                    self.refresh(record, at, contact, replaces)
                }
            };
            // The address has this one contact only, or the device begins anew.
            if ends {
                break;
            }
        }
        Ok(code)
    }

    /// Registers a contact anew; true when no other contact of the request counts.
    fn refresh(&mut self, record: &mut Record, at: usize, contact: Contact, replaces: bool) -> bool {
        let Some(old) = record.contacts.get(at) else { return false };
        let (ruid, instance) = (old.located.ruid.clone(), old.located.instance.clone());
        let restarted = !contact.located.instance.is_empty() && old.call_id != contact.call_id;
        if replaces {
            self.remove_others(record, at, |_| true);
        }
        if restarted {
            let at = record.contacts.iter().position(|its| its.located.ruid == ruid).unwrap_or(at);
            self.remove_others(record, at, |its| its.located.instance == instance);
        }
        let at = record.contacts.iter().position(|its| its.located.ruid == ruid).unwrap_or(at);
        self.renew(record, at, contact);
        replaces || restarted
    }

    fn hold_against_limit(
        &self,
        record: &Record,
        registration: &Registration,
        all: &[Binding],
        carried: &Carried,
    ) -> Result<(), Fault> {
        let Some(first) = all.first() else { return Ok(()) };
        let mut count = record.contacts.iter().filter(|contact| contact.is_valid(self.now)).count() as i64;
        for binding in all {
            // All are looked for by the instance of the first.
            let mut wanted = registration.wanted(first, carried);
            wanted.uri = &binding.uri;
            match record.find(&wanted, &self.usrloc().rules, self.now) {
                Match::Stale => return Err(Fault::BadCSeq),
                Match::Missing if binding.expires != 0 => count += 1,
                Match::At(_) if binding.expires == 0 => count -= 1,
                Match::Missing | Match::At(_) | Match::Repeated => {}
            }
        }
        if count > registration.max_contacts {
            return Err(Fault::TooManyContacts);
        }
        if all.iter().any(|binding| binding.brief) { Err(Fault::TooBrief) } else { Ok(()) }
    }
}
