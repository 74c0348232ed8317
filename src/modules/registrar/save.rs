//! `save`: contacts are kept as a REGISTER asks, and it is answered (RFC 3261 section 10.3).

use super::answer::{self, Fault};
use super::params::Registrar;
use super::request::{self, Asked, Binding, Carried, Registration, flag};
use super::{Local, Location, record_of_rows, tell};
use crate::builtin::{
    Answer, Args, Context, Counter, Effect, Fault as AuthorFault, LogLevel, Outcome, Prepare, Prepared, Query, Reply,
    ReplyMode, RouteKind, Template, parse_int,
};
use crate::modules::usrloc::contact::{Contact, Kept, Match, Record};
use crate::modules::usrloc::{Change, Mode, Usrloc};
use bytes::Bytes;
use std::collections::VecDeque;

/// What came of a registration: the return code, or why it is refused.
type Verdict = Result<i32, Fault>;

/// A registration under way.
#[derive(Debug, Default)]
pub(super) struct Work {
    registration: Registration,
    verdict: Option<Verdict>,
    contacts: Vec<u8>,
    changes: VecDeque<Change>,
}

/// The reply that `reg_send_reply` sends: what the last `save` found out.
#[derive(Debug, Default)]
pub(super) struct Ready {
    fault: Option<Fault>,
    contacts: Vec<u8>,
    path: Bytes,
}

/// Prepares the flags of `save`.
pub(super) fn prepare_flags(text: &Template, _: &mut Prepare) -> Result<Prepared, AuthorFault> {
    let constant = text.constant();
    let number = constant.as_deref().and_then(|text| if text.is_empty() { Some(0) } else { parse_int(text) });
    match number.and_then(|flags| u32::try_from(flags).ok()).filter(|flags| *flags <= flag::ALL) {
        Some(flags) => Ok(Box::new(flags)),
        None => Err(AuthorFault::new(format!("{text:?} are no flags of save")).help(
            "a sum of 1 (in memory only), 2 (no reply), 4 (replaces the other contacts), 8 (exact times), 16 (prepares the reply)",
        )),
    }
}

/// `save(table, flags, uri)`.
pub(super) fn save(cx: &mut Context, args: &Args) -> Outcome {
    let Some(location) = Location::of(cx, args) else { return Outcome::FALSE };
    let Location { registrar, usrloc, .. } = &location;
    let flags = args.prepared::<u32>(1).copied().unwrap_or(0);
    let uri = if args.has(2) { Some(args.text(cx, 2)).filter(|uri| !uri.is_empty()) } else { None };
    if args.has(2) && uri.is_none() {
        cx.log(LogLevel::Error, "save: the URI is empty");
        return Outcome::FALSE;
    }
    let registration = match request::read(cx, registrar, usrloc, uri.as_deref(), flags) {
        Ok(registration) => registration,
        Err(fault) => {
            let registration = Registration { flags, ..Registration::default() };
            return finish(cx, Work { registration, verdict: Some(Err(fault)), ..Work::default() });
        }
    };
    let work = Work { registration, ..Work::default() };
    if usrloc.mode != Mode::DatabaseOnly {
        return location.edit(cx, work);
    }
    let select = usrloc.store.as_ref().and_then(|store| store.select(&location.table().name, &work.registration.aor));
    let Some(query) = select else { return Outcome::FALSE };
    cx.local::<Local>().work = Some(work);
    Outcome::Wait(Effect::Query(query), found)
}

/// The record has come from the database.
fn found(cx: &mut Context, args: &Args, answer: Answer) -> Outcome {
    let (Some(location), Some(mut work)) = (Location::of(cx, args), cx.local::<Local>().work.take()) else {
        return Outcome::FALSE;
    };
    match record_of_rows(cx, &location, answer) {
        Some(mut record) => {
            location.apply(cx, &mut work, &mut record);
            go_on(cx, &location, work)
        }
        None => {
            work.verdict = Some(Err(Fault::NotRead));
            finish(cx, work)
        }
    }
}

impl Location {
    fn edit(&self, cx: &mut Context, mut work: Work) -> Outcome {
        let aor = work.registration.aor.clone();
        self.table().edit(&aor, |record| self.apply(cx, &mut work, record));
        go_on(cx, self, work)
    }

    /// Changes a record as the request asks.
    fn apply(&self, cx: &mut Context, work: &mut Work, record: &mut Record) {
        let now = cx.now.unix.as_secs();
        let Work { registration, contacts, changes, .. } = work;
        let mut change = Changing { location: self, now, changes };
        let verdict = match &registration.what {
            Asked::Nothing => Ok(4),
            Asked::RemoveAll => {
                change.remove_all(record, registration.flags & flag::MEMORY_ONLY != 0);
                Ok(3)
            }
            Asked::Bindings(all) if record.contacts.is_empty() => {
                let done = change.insert(cx, record, registration, all);
                if done.is_err() {
                    // Nothing of it stays, and the database was not told yet.
                    record.contacts.clear();
                    change.changes.clear();
                }
                done
            }
            Asked::Bindings(all) => change.update(cx, record, registration, all),
        };
        if !matches!(registration.what, Asked::RemoveAll) {
            let gruu = (&registration.host[..], registration.wants_gruu);
            answer::push_contacts(&self.registrar, record, &registration.aor, gruu, now, contacts);
            if self.registrar.xavp_rcd.is_some() {
                let valid = record.contacts.iter().filter(|contact| contact.is_valid(now));
                valid.for_each(|contact| tell(cx, &self.registrar, contact));
            }
        }
        work.verdict = Some(verdict);
    }
}

/// Changes of one record, gathered for the database.
struct Changing<'a> {
    location: &'a Location,
    now: u64,
    changes: &'a mut VecDeque<Change>,
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

    fn remove_all(&mut self, record: &mut Record, memory_only: bool) {
        for at in (0..record.contacts.len()).rev() {
            self.remove(record, at, memory_only);
        }
    }

    /// Removes all but one; gives its place.
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
    fn insert(
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
    fn update(
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

/// Tells the database what has changed, one statement after the other, then answers.
fn go_on(cx: &mut Context, location: &Location, mut work: Work) -> Outcome {
    let Some(store) = &location.usrloc.store else { return finish(cx, work) };
    while let Some(change) = work.changes.front() {
        let sockets = cx.core.sockets.clone();
        match store.statement(&location.table().name, &work.registration.aor, change, &sockets) {
            Some(query) => return write(cx, work, query),
            None => work.changes.pop_front(),
        };
    }
    finish(cx, work)
}

fn write(cx: &mut Context, work: Work, query: Query) -> Outcome {
    cx.local::<Local>().work = Some(work);
    Outcome::Wait(Effect::Query(query), written)
}

/// The database has answered a change.
fn written(cx: &mut Context, args: &Args, answer: Answer) -> Outcome {
    let (Some(location), Some(mut work)) = (Location::of(cx, args), cx.local::<Local>().work.take()) else {
        return Outcome::FALSE;
    };
    let change = work.changes.pop_front();
    let Answer::Rows(Err(fault)) = answer else { return go_on(cx, &location, work) };
    cx.log(LogLevel::Error, format!("save: the database did not take a contact: {fault}"));
    let (fault, unwritten) = match change {
        Some(Change::Insert(contact)) => (Fault::NotInserted, Some((contact, Kept::New))),
        Some(Change::Update(contact)) => (Fault::NotUpdated, Some((contact, Kept::Changed))),
        Some(Change::Delete(_)) | None => (Fault::NotDeleted, None),
    };
    if let Some((contact, kept)) = unwritten {
        // The clock tries again.
        location.table().edit(&work.registration.aor, |record| {
            let its = |one: &&mut Contact| one.located.ruid == contact.located.ruid;
            if let Some(contact) = record.contacts.iter_mut().find(its) {
                contact.kept = kept;
            }
        });
    }
    work.verdict = Some(Err(fault));
    work.changes.clear();
    finish(cx, work)
}

/// Answers, when that is wanted, and gives the result.
fn finish(cx: &mut Context, work: Work) -> Outcome {
    let Some(registrar) = cx.state::<Registrar>() else { return Outcome::FALSE };
    let (code, fault) = match work.verdict {
        Some(Ok(code)) => (code, None),
        Some(Err(fault)) => (fault.code(), Some(fault)),
        None => (-1, Some(Fault::BadMessage)),
    };
    cx.core.counters.count(match fault {
        None => const { Counter::named("accepted_regs") },
        Some(_) => const { Counter::named("rejected_regs") },
    });
    let flags = work.registration.flags;
    let ready = Ready { fault, contacts: work.contacts, path: work.registration.common.path };
    let answers = match cx.route {
        RouteKind::Request | RouteKind::Event => true,
        RouteKind::Failure => fault.is_none(),
        _ => false,
    };
    if flags & flag::NO_REPLY != 0 {
        if flags & flag::PREPARE_REPLY != 0 && fault.is_none() {
            let (_, _, lines) = answer::reply(&registrar, &cx.message.message, fault, &ready.contacts, &ready.path);
            cx.message.reply_headers.extend_from_slice(&lines);
        }
        cx.local::<Local>().ready = ready;
        return Outcome::Return(code);
    }
    if !answers {
        return Outcome::Return(code);
    }
    cx.local::<Local>().code = code;
    send(cx, &registrar, &ready, |cx, _, answer| {
        let code = cx.local::<Local>().code;
        Outcome::Return(if answer.code() < 0 { code.min(-1) } else { code })
    })
}

/// `reg_send_reply`.
pub(super) fn reg_send_reply(cx: &mut Context, _: &Args) -> Outcome {
    let Some(registrar) = cx.state::<Registrar>() else { return Outcome::FALSE };
    let mut ready = std::mem::take(&mut cx.local::<Local>().ready);
    let outcome = send(cx, &registrar, &ready, |_, _, answer| Outcome::truth(answer.code() >= 0));
    // Contacts are told once; what went wrong is told again.
    ready.contacts.clear();
    cx.local::<Local>().ready = ready;
    outcome
}

fn send(cx: &mut Context, registrar: &Registrar, ready: &Ready, then: crate::builtin::Then) -> Outcome {
    let (code, reason, headers) =
        answer::reply(registrar, &cx.message.message, ready.fault, &ready.contacts, &ready.path);
    // Later replies to the same request have them as well.
    cx.message.reply_headers.extend_from_slice(&headers);
    Outcome::Wait(Effect::Reply(Reply::new(code, reason.as_bytes(), ReplyMode::Either)), then)
}
