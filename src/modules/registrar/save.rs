//! `save`: contacts are kept as a REGISTER asks, and it is answered (RFC 3261 section 10.3).

use super::answer::{self, Fault, Verdict};
use super::change::Changing;
use super::params::Registrar;
use super::request::{self, Asked, Registration, flag};
use super::{Local, Location, record_of_rows, tell};
use crate::builtin::{
    Answer, Args, Context, Counter, Effect, Fault as AuthorFault, LogLevel, OnAnswer, Outcome, Prepare, Prepared,
    Reply, ReplyMode, RouteKind, Template, parse_int,
};
use crate::modules::usrloc::contact::{Contact, Kept, Record};
use crate::modules::usrloc::{Change, Mode};
use bytes::Bytes;
use std::collections::VecDeque;

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
    Outcome::ask(query, |cx, args, answer| found(cx, args, work, answer))
}

/// The record has come from the database.
fn found(cx: &mut Context, args: &Args, mut work: Work, answer: Answer) -> Outcome {
    let Some(location) = Location::of(cx, args) else { return Outcome::FALSE };
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

/// Tells the database what has changed, one statement after the other, then answers.
fn go_on(cx: &mut Context, location: &Location, mut work: Work) -> Outcome {
    let Some(store) = &location.usrloc.store else { return finish(cx, work) };
    while let Some(change) = work.changes.front() {
        let sockets = cx.core.sockets.clone();
        match store.statement(&location.table().name, &work.registration.aor, change, &sockets) {
            Some(query) => return Outcome::ask(query, |cx, args, answer| written(cx, args, work, answer)),
            None => work.changes.pop_front(),
        };
    }
    finish(cx, work)
}

/// The database has answered a change.
fn written(cx: &mut Context, args: &Args, mut work: Work, answer: Answer) -> Outcome {
    let Some(location) = Location::of(cx, args) else { return Outcome::FALSE };
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
            cx.message.replies.headers.extend_from_slice(&lines);
        }
        cx.local::<Local>().ready = ready;
        return Outcome::Return(code);
    }
    if !answers {
        return Outcome::Return(code);
    }
    send(cx, &registrar, &ready, move |_, _, answer| {
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

fn send(cx: &mut Context, registrar: &Registrar, ready: &Ready, then: impl OnAnswer) -> Outcome {
    let (code, reason, headers) =
        answer::reply(registrar, &cx.message.message, ready.fault, &ready.contacts, &ready.path);
    // Later replies to the same request have them as well.
    cx.message.replies.headers.extend_from_slice(&headers);
    Outcome::wait(Effect::Reply(Reply::new(code, reason.as_bytes(), ReplyMode::Either)), then)
}
