//! A REGISTER taken apart: what it asks for, in a form that lives without the message.

use super::answer::{Fault, Outbound, names_option, varied};
use super::params::Registrar;
use super::{aor, config_number, config_text};
use crate::builtin::{ConnectionId, Context, Located, LogLevel, SocketId};
use crate::modules::core;
use crate::modules::usrloc::contact::{Contact, Kept, Wanted};
use crate::modules::usrloc::{Usrloc, methods, preference};
use crate::sip::{HeaderName, Message, NameAddr, Uri, number};
use bytes::Bytes;
use std::sync::Arc;

/// Kamailio's limits, in bytes.
const MOST_CALL_ID: usize = 255;
const MOST_USER_AGENT: usize = 255;
const MOST_RECEIVED: usize = 255;
const MOST_PATH: usize = 256;

/// Flags of `save`.
pub(super) mod flag {
    pub(in super::super) const MEMORY_ONLY: u32 = 1;
    pub(in super::super) const NO_REPLY: u32 = 2;
    pub(in super::super) const REPLACE: u32 = 4;
    pub(in super::super) const NO_VARIATION: u32 = 8;
    pub(in super::super) const PREPARE_REPLY: u32 = 16;
    pub(in super::super) const ALL: u32 = 31;
}

/// What a REGISTER asks for.
#[derive(Debug, Default)]
pub(super) struct Registration {
    pub(super) aor: Bytes,
    /// The host of To, and whether addresses of devices are wanted.
    pub(super) host: Bytes,
    pub(super) wants_gruu: bool,
    pub(super) what: Asked,
    pub(super) common: Common,
    pub(super) max_contacts: i64,
    pub(super) flags: u32,
}

/// The three kinds of REGISTER (RFC 3261 section 10.2).
#[derive(Debug, Default)]
pub(super) enum Asked {
    /// What is there?
    #[default]
    Nothing,
    /// Remove all.
    RemoveAll,
    /// Add, refresh or remove these.
    Bindings(Vec<Binding>),
}

/// What all contacts of a REGISTER have in common.
#[derive(Debug, Default)]
pub(super) struct Common {
    pub(super) call_id: Bytes,
    pub(super) cseq: u32,
    pub(super) path: Bytes,
    user_agent: Bytes,
    socket: Option<SocketId>,
    connection: Option<ConnectionId>,
    branch_flags: u32,
    path_received: Bytes,
    avp_received: Bytes,
    server_id: u32,
    now: u64,
}

/// One contact of a REGISTER.
#[derive(Debug)]
pub(super) struct Binding {
    pub(super) uri: Bytes,
    /// Seconds from now; 0 removes it.
    pub(super) expires: u64,
    /// It asks for less than is allowed.
    pub(super) brief: bool,
    q: Option<Option<u16>>,
    methods: u32,
    received: Bytes,
    pub(super) instance: Bytes,
    /// `Err` when it is no number above 0.
    pub(super) reg_id: Result<u32, ()>,
}

/// What earlier contacts of the same request leave behind for later ones, as in Kamailio.
#[derive(Debug, Default)]
pub(super) struct Carried {
    received: Bytes,
    reg_id: u32,
    pub(super) begun: bool,
}

/// Reads a REGISTER.
pub(super) fn read(
    cx: &mut Context,
    registrar: &Registrar,
    location: &Usrloc,
    uri: Option<&[u8]>,
    flags: u32,
) -> Result<Registration, Fault> {
    let message = &cx.message.message;
    let Some(to) = message.to() else { return Err(Fault::NoTo) };
    if !message.has(HeaderName::CallId) {
        return Err(Fault::NoCallId);
    }
    if message.value(HeaderName::Expires).is_some_and(<[u8]>::is_empty) {
        return Err(Fault::BadExpires);
    }
    let Some(cseq) = message.cseq().map(|cseq| cseq.number) else { return Err(Fault::NoCSeq) };
    let addresses = contacts(message)?;
    let star = is_star(message, &addresses, registrar)?;
    let use_reg_id = outbound(message, &addresses, registrar)?;
    let aor = aor::of(uri.unwrap_or_else(|| to.uri_text()), registrar, location)?;
    let host = to.uri().map(|uri| Bytes::copy_from_slice(uri.host)).unwrap_or_default();
    let wants_gruu = names_option(message, HeaderName::Supported, b"gruu");
    let mut registration = Registration { aor, host, wants_gruu, flags, ..Registration::default() };
    if star {
        registration.what = Asked::RemoveAll;
    } else if !addresses.is_empty() {
        let addresses: Vec<Bytes> = addresses.iter().map(|address| Bytes::copy_from_slice(address.text())).collect();
        registration.common = common(cx, registrar, location, cseq)?;
        registration.max_contacts = config_number(cx, registrar, b"max_contacts").unwrap_or(registrar.max_contacts);
        let bindings = addresses.iter().filter_map(|text| binding(cx, registrar, text, use_reg_id, flags));
        registration.what = Asked::Bindings(bindings.collect());
    }
    Ok(registration)
}

/// The contacts in Kamailio's order: header by header, but those of one header from the last to the first.
fn contacts(message: &Message) -> Result<Vec<NameAddr<'_>>, Fault> {
    let mut all = Vec::new();
    let (mut line, mut begin) = (None, 0);
    for entry in message.contacts() {
        let begins = line != Some(entry.header.line);
        // What stands behind a star is not looked at.
        if !begins && all.get(begin).is_some_and(NameAddr::is_star) {
            continue;
        }
        let address = entry.value.map_err(|_| Fault::BadContact)?;
        if begins {
            (line, begin) = (Some(entry.header.line), all.len());
        } else if address.is_star() {
            return Err(Fault::BadContact);
        }
        all.insert(begin, address);
    }
    Ok(all)
}

/// Whether all contacts are to be removed.
fn is_star(message: &Message, addresses: &[NameAddr], registrar: &Registrar) -> Result<bool, Fault> {
    if addresses.first().is_some_and(NameAddr::is_star) {
        if message.expires() != Some(0) {
            return Err(Fault::StarWithExpires);
        }
        return if addresses.len() == 1 { Ok(true) } else { Err(Fault::StarAmongOthers) };
    }
    for address in addresses {
        if address.is_star() {
            return Err(Fault::StarAmongOthers);
        }
        let received = address.parameter(b"received").flatten().unwrap_or_default();
        if address.uri_text().len() > registrar.longest_contact || received.len() > MOST_RECEIVED {
            return Err(Fault::LongContact);
        }
    }
    Ok(false)
}

/// What SIP outbound asks for (RFC 5626 section 6); gives whether a reg-id counts.
fn outbound(message: &Message, addresses: &[NameAddr], registrar: &Registrar) -> Result<bool, Fault> {
    let supports = names_option(message, HeaderName::Supported, b"outbound");
    if message.has(HeaderName::Supported) && !supports && registrar.outbound == Outbound::Required {
        return Err(Fault::OutboundUnsupported);
    }
    if names_option(message, HeaderName::Require, b"outbound") && registrar.outbound == Outbound::None {
        return Err(Fault::OutboundNotHere);
    }
    let first_hop = message.vias().nth(1).is_none();
    if registrar.outbound == Outbound::None || addresses.is_empty() || first_hop {
        return Ok(true);
    }
    let edge = message.addresses(HeaderName::Path).next().and_then(|path| path.value.ok());
    if edge.is_some_and(|edge| edge.uri().is_ok_and(|uri| uri.is_outbound())) || registrar.always_reg_id {
        return Ok(true);
    }
    if supports && addresses.first().is_some_and(|address| address.parameter(b"reg-id").is_some()) {
        return Err(Fault::OutboundNotAtEdge);
    }
    Ok(false)
}

fn common(cx: &mut Context, registrar: &Registrar, location: &Usrloc, cseq: u32) -> Result<Common, Fault> {
    let call_id = Bytes::copy_from_slice(cx.message.message.call_id());
    if call_id.len() > MOST_CALL_ID {
        return Err(Fault::LongCallId);
    }
    let agent = cx.message.message.value(HeaderName::UserAgent).unwrap_or_default();
    let agent = if agent.is_empty() || agent.len() >= MOST_USER_AGENT { b"n/a" } else { agent };
    let user_agent = Bytes::copy_from_slice(agent);
    let (path, path_received) = match registrar.use_path {
        true => path(&cx.message.message, registrar.path_received)?,
        false => (Bytes::new(), Bytes::new()),
    };
    let behind_nat = if path_received.is_empty() { 0 } else { location.nat_flag };
    let received = registrar.received_avp.as_ref().and_then(|name| cx.locals.avps.value(name, 0));
    let received = received.map(|value| value.to_text()).unwrap_or_default();
    if received.len() > MOST_RECEIVED {
        return Err(Fault::LongContact);
    }
    let socket = socket(cx, registrar).or(Some(cx.message.received.flow.socket));
    Ok(Common {
        call_id,
        cseq,
        path,
        user_agent,
        socket,
        connection: cx.message.received.flow.connection,
        branch_flags: cx.message.target.flags | behind_nat,
        path_received,
        avp_received: Bytes::copy_from_slice(&received),
        server_id: cx.core.settings.server_id,
        now: cx.now.unix.as_secs(),
    })
}

/// The socket that the request names, for one that came by way of another server.
fn socket(cx: &mut Context, registrar: &Registrar) -> Option<SocketId> {
    if cx.message.flags.plain & registrar.socket_flag == 0 {
        return None;
    }
    let text = match registrar.socket_header.is_empty() {
        true => config_text(cx, registrar, b"socket")?,
        false => {
            let message = &cx.message.message;
            message.slice(message.headers_called(&registrar.socket_header).next()?.value)
        }
    };
    let found = core::socket(cx, &text);
    if found.is_none() {
        let text = String::from_utf8_lossy(&text).into_owned();
        cx.log(LogLevel::Error, format!("save: {text} is no socket of this server"));
    }
    found
}

/// The values of all Path headers, and where its first URI says that the contact is (RFC 3327 section 5.3).
fn path(message: &Message, wants_received: bool) -> Result<(Bytes, Bytes), Fault> {
    let mut all = Vec::new();
    for header in message.headers_named(HeaderName::Path) {
        if !all.is_empty() {
            all.push(b',');
        }
        all.extend_from_slice(&message.unfolded(header));
    }
    if all.is_empty() {
        return Ok((Bytes::new(), Bytes::new()));
    }
    let first = message.addresses(HeaderName::Path).next().and_then(|entry| entry.value.ok());
    let first = first.and_then(|address| address.uri().ok()).filter(Uri::is_loose);
    let Some(first) = first.filter(|_| all.len() < MOST_PATH) else { return Err(Fault::BadPath) };
    let received = first.parameter(b"received").flatten().filter(|_| wants_received).unwrap_or_default();
    Ok((Bytes::from(all), Bytes::from(percent_decoded(received))))
}

fn percent_decoded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        let digits = behind.get(..2).filter(|_| *first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                rest = behind.get(2..).unwrap_or_default();
            }
            None => {
                out.push(*first);
                rest = behind;
            }
        }
    }
    out
}

fn binding(cx: &mut Context, registrar: &Registrar, text: &[u8], use_reg_id: bool, flags: u32) -> Option<Binding> {
    let address = NameAddr::parse(text).ok()?;
    let parameter = |name: &[u8]| address.parameter(name).flatten().map(unquoted).filter(|value| !value.is_empty());
    let copied = |value: Option<&[u8]>| Bytes::copy_from_slice(value.unwrap_or_default());
    let (expires, brief) = expires(cx, registrar, parameter(b"expires"), flags & flag::NO_VARIATION != 0);
    let q = match (config_number(cx, registrar, b"q"), parameter(b"q")) {
        (Some(q), _) => u16::try_from(q).ok().filter(|q| *q <= preference::MOST).map(Some),
        (None, Some(text)) => preference::read(text).map(Some),
        (None, None) => Some(registrar.default_q),
    };
    let methods = match parameter(b"methods") {
        Some(list) => methods::read(list),
        None => methods::allowed(&cx.message.message),
    };
    let instance = copied(parameter(b"+sip.instance"));
    let reg_id = match parameter(b"reg-id").filter(|_| use_reg_id && !instance.is_empty()) {
        Some(digits) => number(digits).filter(|number| *number > 0).ok_or(()),
        None => Ok(0),
    };
    let (uri, received) = (Bytes::copy_from_slice(address.uri_text()), copied(parameter(b"received")));
    Some(Binding { uri, expires, brief, q, methods, received, instance, reg_id })
}

fn unquoted(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value)
}

/// How long a contact is to be kept, and whether that is less than is allowed.
fn expires(cx: &mut Context, registrar: &Registrar, parameter: Option<&[u8]>, exactly: bool) -> (u64, bool) {
    // Kamailio's number of the header has a sign: what is too large for that counts as nothing said.
    let signed = |number: u32| i32::try_from(number).ok().map(i64::from);
    let header = cx.message.message.expires();
    let asked = match parameter {
        Some(text) => number(text).map(i64::from),
        None => header.and_then(signed),
    };
    let configured = config_number(cx, registrar, b"expires").filter(|seconds| *seconds >= 0);
    let (mut seconds, range) = match (configured, asked) {
        (Some(seconds), _) => (seconds, 0),
        (None, Some(seconds)) => (seconds, registrar.range),
        (None, None) => (registrar.default_expires, registrar.default_range),
    };
    if seconds == 0 {
        return (0, false);
    }
    if seconds < registrar.min_expires {
        if registrar.refuses_brief {
            return (u64::try_from(seconds).unwrap_or(0), true);
        }
        seconds = registrar.min_expires;
    }
    if !exactly {
        seconds = varied(seconds, range, &mut cx.core.random).max(registrar.min_expires);
    }
    if registrar.max_expires > 0 {
        seconds = seconds.min(registrar.max_expires);
    }
    (u64::try_from(seconds).unwrap_or(0), false)
}

impl Registration {
    /// What tells a contact of the request from others.
    pub(super) fn wanted<'a>(&'a self, binding: &'a Binding, carried: &Carried) -> Wanted<'a> {
        Wanted {
            uri: &binding.uri,
            call_id: &self.common.call_id,
            cseq: self.common.cseq,
            path: &self.common.path,
            instance: &binding.instance,
            reg_id: carried.reg_id,
        }
    }

    /// A contact as it will be kept. `traits` is the contact of the request whose parameters count: another one only where Kamailio takes another.
    pub(super) fn contact(
        &self,
        binding: &Binding,
        traits: &Binding,
        carried: &mut Carried,
        ruid: Bytes,
    ) -> Result<Contact, Fault> {
        let common = &self.common;
        let q = traits.q.ok_or(Fault::BadQ)?;
        let first = !std::mem::replace(&mut carried.begun, true);
        self.carry(traits, carried, first)?;
        let located = Located {
            path: common.path.clone(),
            q,
            ruid,
            instance: traits.instance.clone(),
            reg_id: carried.reg_id,
            user_agent: common.user_agent.clone(),
        };
        Ok(Contact {
            uri: binding.uri.clone(),
            received: carried.received.clone(),
            located: Arc::new(located),
            expires: common.now.saturating_add(binding.expires),
            call_id: common.call_id.clone(),
            cseq: common.cseq,
            memory_only: self.flags & flag::MEMORY_ONLY != 0,
            branch_flags: common.branch_flags,
            socket: common.socket,
            connection: common.connection,
            methods: traits.methods,
            modified: common.now,
            answered: common.now,
            server_id: common.server_id,
            kept: Kept::New,
        })
    }

    /// Takes over from a contact what counts for it and, when they say nothing, for those behind it.
    pub(super) fn carry(&self, binding: &Binding, carried: &mut Carried, first: bool) -> Result<(), Fault> {
        let common = &self.common;
        if carried.received.is_empty() {
            let all = [&common.path_received, &binding.received, &common.avp_received];
            carried.received = all.into_iter().find(|text| !text.is_empty()).cloned().unwrap_or_default();
        }
        match binding.reg_id {
            Ok(0) => Ok(()),
            Ok(reg_id) => {
                carried.reg_id = reg_id;
                Ok(())
            }
            Err(()) if first => Err(Fault::BadFirstRegId),
            Err(()) => Err(Fault::BadRegId),
        }
    }

    /// Whether the q of a contact can be read.
    pub(super) fn has_good_q(binding: &Binding) -> bool {
        binding.q.is_some()
    }
}
