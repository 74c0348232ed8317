//! `lookup`: a request goes where the user it is for has registered.

use super::params::Registrar;
use super::{Location, aor, config_number, record_of_rows, tell};
use crate::builtin::{Answer, Args, Context, Extension, Located, LogLevel, OnAnswer, Outcome, Target, Working};
use crate::modules::usrloc::Mode;
use crate::modules::usrloc::contact::{Contact, Record, same_instance};
use crate::sip::{Method, NameAddrs, Uri};
use bytes::Bytes;
use smallvec::SmallVec;
use std::sync::Arc;

const NOT_FOUND: i32 = -1;
const NOT_ALLOWED: i32 = -2;
const ERROR: i32 = -3;

/// `lookup`.
pub(super) fn lookup(cx: &mut Context, args: &Args) -> Outcome {
    start(
        cx,
        args,
        |cx, args, location, _, record| Outcome::Return(take(cx, args, location, record, true)),
        |cx, args, answer| found(cx, args, answer, true),
    )
}

/// `lookup_to_dset`.
pub(super) fn lookup_to_dset(cx: &mut Context, args: &Args) -> Outcome {
    start(
        cx,
        args,
        |cx, args, location, _, record| Outcome::Return(take(cx, args, location, record, false)),
        |cx, args, answer| found(cx, args, answer, false),
    )
}

fn start(cx: &mut Context, args: &Args, on: super::OnRecord, then: impl OnAnswer) -> Outcome {
    let Some(location) = Location::of(cx, args) else { return Outcome::FALSE };
    let Some(uri) = uri(cx, args) else {
        cx.log(LogLevel::Error, "lookup: the URI is empty");
        return Outcome::FALSE;
    };
    let Ok(aor) = aor::of(&uri, &location.registrar, &location.usrloc) else { return Outcome::Return(ERROR) };
    if let Ok(Device::Temporary(ruid, hash)) = device(&uri) {
        return Outcome::Return(temporary(cx, &location, &ruid, hash));
    }
    location.find(cx, args, &aor, on, then)
}

fn found(cx: &mut Context, args: &Args, answer: Answer, rewrites: bool) -> Outcome {
    let Some(location) = Location::of(cx, args) else { return Outcome::FALSE };
    let Some(record) = record_of_rows(cx, &location, answer) else { return Outcome::Return(NOT_FOUND) };
    Outcome::Return(take(cx, args, &location, Some(&record), rewrites))
}

/// The URI that is looked up; `None` when one is given and empty.
fn uri(cx: &mut Context, args: &Args) -> Option<Bytes> {
    if args.has(1) {
        return Some(args.text(cx, 1)).filter(|uri| !uri.is_empty());
    }
    Some(cx.message.request_uri())
}

/// The device that an address names (RFC 5627).
enum Device {
    /// None: it is the user's.
    Any,
    /// By its instance.
    Public(Bytes),
    /// By the name of its record and the hash of its address.
    Temporary(Bytes, u32),
}

fn device(uri: &[u8]) -> Result<Device, ()> {
    let uri = Uri::parse(uri).map_err(|_| ())?;
    match uri.gruu() {
        None => Ok(Device::Any),
        Some(Some(instance)) if !instance.is_empty() => Ok(Device::Public(Bytes::copy_from_slice(instance))),
        Some(_) => {
            let user = uri.user.unwrap_or_default();
            let dash = user.iter().rposition(|byte| *byte == b'-').ok_or(())?;
            let (ruid, digits) = (user.get(..dash).ok_or(())?, user.get(dash + 1..).ok_or(())?);
            let mut hash = 0u32;
            for digit in digits.iter().rev() {
                hash = hash << 4 | char::from(*digit).to_digit(16).ok_or(())?;
            }
            Ok(Device::Temporary(Bytes::copy_from_slice(ruid), hash))
        }
    }
}

/// What decides whether a contact is taken.
struct Choice<'a> {
    registrar: &'a Registrar,
    now: u64,
    /// The bit of the method, when contacts are chosen by it.
    method: Option<u32>,
    /// Branch flags of which one is wanted; 0 for any contact.
    flags: u32,
}

impl Choice<'_> {
    fn of<'a>(cx: &Context, registrar: &'a Registrar) -> Choice<'a> {
        let message = &cx.message.message;
        let in_dialog = message.to_tag().is_some();
        let method = message.method().filter(|_| registrar.filters_methods && !in_dialog);
        let flags = config_number(cx, registrar, b"rlf_bflags").filter(|_| registrar.filters_flags);
        Choice {
            registrar,
            now: cx.now.unix.as_secs(),
            method: method.map(Method::bit),
            flags: flags.unwrap_or(0) as u32,
        }
    }

    fn is_usable(&self, contact: &Contact) -> bool {
        contact.is_valid(self.now) || self.registrar.uses_expired
    }

    fn takes_method(&self, contact: &Contact) -> bool {
        self.method.is_none_or(|bit| contact.methods & bit != 0)
    }

    fn has_flags(&self, contact: &Contact) -> bool {
        self.flags == 0 || contact.branch_flags & self.flags != 0
    }
}

/// Sends the request to the contacts of a record; gives what `lookup` returns.
fn take(cx: &mut Context, args: &Args, location: &Location, record: Option<&Record>, rewrites: bool) -> i32 {
    let Some(record) = record else { return NOT_FOUND };
    let Some(uri) = uri(cx, args) else { return NOT_FOUND };
    let Ok(device) = device(&uri) else { return ERROR };
    follow(cx, &location.registrar, &record.contacts, &device, rewrites)
}

fn follow(cx: &mut Context, registrar: &Registrar, contacts: &[Contact], device: &Device, rewrites: bool) -> i32 {
    let choice = Choice::of(cx, registrar);
    let usable = contacts.iter().filter(|contact| choice.is_usable(contact));
    let contacts: SmallVec<[&Contact; 4]> = usable.filter(|contact| leads_away(cx, registrar, contact)).collect();
    let mut missed = NOT_FOUND;
    let mut first = None;
    for (at, contact) in contacts.iter().copied().enumerate() {
        if !choice.takes_method(contact) {
            missed = NOT_ALLOWED;
            continue;
        }
        let fits = match device {
            Device::Any | Device::Temporary(..) => choice.has_flags(contact),
            Device::Public(instance) => same_instance(instance, &contact.located.instance),
        };
        if fits {
            first = Some((at, contact));
            break;
        }
    }
    let Some((mut at, contact)) = first else { return missed };
    if rewrites {
        if aim(cx, registrar, contact).is_err() {
            return ERROR;
        }
        at += 1;
    }
    if registrar.append_branches && matches!(device, Device::Any) {
        let others = contacts.iter().copied().skip(at);
        let others = others.filter(|its| choice.takes_method(its) && choice.has_flags(its));
        others.for_each(|contact| append(cx, registrar, contact));
    }
    1
}

/// Whether a request to a contact would not come straight back to this server: anybody can register that, and a few such contacts fork without end.
fn leads_away(cx: &mut Context, registrar: &Registrar, contact: &Contact) -> bool {
    if !cx.core.extensions.allows(Extension::ContactElsewhere) {
        return true;
    }
    let core = &*cx.core;
    let is_own = |uri: &[u8]| {
        let own = |uri: Uri| core.is_own(uri.maddr().unwrap_or(uri.host), Some(uri.port_or_default()));
        Uri::parse(uri).is_ok_and(own)
    };
    let mut hops = NameAddrs::new(&contact.located.path).filter_map(|(_, hop)| Some(hop.ok()?.uri_text()));
    // A first hop of ours is passed over when the registrar looks for it.
    let hop = hops
        .next()
        .and_then(|first| if registrar.path_check_local && is_own(first) { hops.next() } else { Some(first) });
    let received = Some(&contact.received[..]).filter(|received| !received.is_empty());
    let is_here = is_own(hop.or(received).unwrap_or(&contact.uri));
    if is_here {
        let uri = contact.uri.clone();
        let text = || format!("lookup: the contact {} is this server and left out", String::from_utf8_lossy(&uri));
        cx.core.log_once(LogLevel::Warning, "a contact that is this server", text);
    }
    !is_here
}

/// Makes a contact the destination of the request itself.
fn aim(cx: &mut Context, registrar: &Registrar, contact: &Contact) -> Result<(), ()> {
    let hop = first_hop(cx, registrar, contact);
    cx.message.target.uri = Some(contact.uri.clone());
    cx.message.target.next_hop = None;
    tell(cx, registrar, contact);
    let (destination, located) = hop?;
    let message = &mut *cx.message;
    message.target.next_hop = destination;
    message.target.located = Some(located);
    message.target.flags |= contact.branch_flags;
    message.target.socket = contact.socket.or(message.target.socket);
    Ok(())
}

fn append(cx: &mut Context, registrar: &Registrar, contact: &Contact) {
    if !cx.core.has_room_for_branch(cx.message.branches.len()) {
        return cx.log(LogLevel::Error, "lookup: there are too many branches");
    }
    let Ok((next_hop, located)) = first_hop(cx, registrar, contact) else { return };
    cx.message.branches.push(Target {
        uri: Some(contact.uri.clone()),
        next_hop,
        socket: contact.socket,
        flags: contact.branch_flags,
        located: Some(located),
    });
}

/// Where a request to a contact goes first: along its Path, else where its REGISTER came from.
fn first_hop(cx: &mut Context, registrar: &Registrar, contact: &Contact) -> Result<(Option<Bytes>, Arc<Located>), ()> {
    let located = contact.located.clone();
    let received = Some(contact.received.clone()).filter(|received| !received.is_empty());
    if located.path.is_empty() {
        return Ok((received, located));
    }
    let uri_at = |path: &[u8], at: usize| {
        let (range, address) = NameAddrs::new(path).nth(at)?;
        let uri = address.ok()?.uri_text();
        Some((range.start, Bytes::copy_from_slice(uri)))
    };
    let Some((_, first)) = uri_at(&located.path, 0) else {
        cx.log(LogLevel::Error, "lookup: the Path of a contact cannot be read");
        return Err(());
    };
    let is_here = |uri: &Bytes| Uri::parse(uri).is_ok_and(|uri| cx.core.is_own(uri.host, None));
    if !registrar.path_check_local || !is_here(&first) {
        return Ok((Some(first), located));
    }
    let without = |path: Bytes| Arc::new(Located { path, ..Located::clone(&contact.located) });
    match uri_at(&located.path, 1) {
        Some((start, second)) => Ok((Some(second), without(located.path.slice(start..)))),
        None => Ok((received, without(Bytes::new()))),
    }
}

/// A request to the temporary address of a device.
fn temporary(cx: &mut Context, location: &Location, ruid: &[u8], hash: u32) -> i32 {
    if location.usrloc.mode == Mode::DatabaseOnly {
        cx.log(LogLevel::Error, "lookup: temporary addresses are not found with db_mode 3");
        return NOT_FOUND;
    }
    let Some(contact) = location.table().by_id(hash, ruid) else { return NOT_FOUND };
    follow(cx, &location.registrar, &[contact], &Device::Temporary(Bytes::new(), hash), true)
}

/// `lookup_branches`.
pub(super) fn lookup_branches(cx: &mut Context, args: &Args) -> Outcome {
    let Some(location) = Location::of(cx, args) else { return Outcome::FALSE };
    if location.usrloc.mode == Mode::DatabaseOnly {
        cx.log(LogLevel::Error, "lookup_branches needs the table in memory: db_mode 3 does not work with it");
        return Outcome::Return(ERROR);
    }
    let count = cx.message.branches.len();
    let mut code = one(cx, &location);
    let mut found = code > 0;
    let own = cx.message.target.clone();
    for at in 0..count {
        let Some(branch) = cx.message.branches.get(at) else { break };
        let has_path = branch.located.as_ref().is_some_and(|its| !its.path.is_empty());
        if branch.uri.as_ref().is_none_or(Bytes::is_empty)
            || branch.next_hop.is_some()
            || has_path
            || branch.socket.is_some()
            || branch.flags != 0
        {
            continue;
        }
        cx.message.target = Target { uri: branch.uri.clone(), ..Target::default() };
        code = one(cx, &location);
        if code > 0 {
            found = true;
            let Working { target, branches, .. } = &mut *cx.message;
            if let Some(branch) = branches.get_mut(at) {
                branch.clone_from(target);
            }
        }
    }
    cx.message.target = own;
    Outcome::Return(if found { 1 } else { code })
}

/// Looks up the Request-URI as it stands.
fn one(cx: &mut Context, location: &Location) -> i32 {
    let uri = cx.message.request_uri();
    let Ok(aor) = aor::of(&uri, &location.registrar, &location.usrloc) else { return ERROR };
    let Ok(device) = device(&uri) else { return ERROR };
    if let Device::Temporary(ruid, hash) = &device {
        return temporary(cx, location, ruid, *hash);
    }
    location.table().read(&aor, |record| match record {
        Some(record) => follow(cx, &location.registrar, &record.contacts, &device, true),
        None => NOT_FOUND,
    })
}
