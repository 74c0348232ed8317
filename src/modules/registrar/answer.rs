//! The reply to a REGISTER (RFC 3261 section 10.3), with the words of Kamailio's registrar.

use super::Registrar;
use crate::builtin::Random;
use crate::modules::hash::core_hash;
use crate::modules::usrloc::contact::{Contact, Record, bare_instance};
use crate::modules::usrloc::preference;
use crate::sip::{HeaderName, Message};
use std::io::Write;

/// What came of a registration: the return code, or why it is refused.
pub(super) type Verdict = Result<i32, Fault>;

/// Why a REGISTER is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    BadCSeq,
    NotInserted,
    NotUpdated,
    NotDeleted,
    NotRead,
    BadAddress,
    LongAddress,
    BadEscape,
    BadQ,
    BadMessage,
    NoTo,
    NoCallId,
    NoCSeq,
    BadExpires,
    BadContact,
    StarWithExpires,
    StarAmongOthers,
    TooManyContacts,
    LongContact,
    LongCallId,
    BadPath,
    PathUnsupported,
    OutboundUnsupported,
    OutboundNotHere,
    OutboundNotAtEdge,
    BadRegId,
    /// The same of the first contact, which Kamailio does not tell.
    BadFirstRegId,
    TooBrief,
}

impl Fault {
    /// The code, and what `P-Registrar-Error` says.
    fn code_and_error(self) -> (u16, &'static str) {
        match self {
            Fault::BadCSeq => (400, "Invalid CSeq number"),
            Fault::NotInserted => (500, "usrloc_contact_insert failed"),
            Fault::NotUpdated => (500, "usrloc_contact_update failed"),
            Fault::NotDeleted => (500, "usrloc_contact_delete failed"),
            Fault::NotRead => (500, "usrloc_record_get failed"),
            Fault::BadAddress => (400, "Error while parsing AOR"),
            Fault::LongAddress => (500, "Address Of Record too long"),
            Fault::BadEscape => (400, "Error while unescaping username"),
            Fault::BadQ => (400, "Invalid q param in contact"),
            Fault::BadMessage => (400, "Message parse error"),
            Fault::NoTo => (400, "To header not found"),
            Fault::NoCallId => (400, "Call-ID header not found"),
            Fault::NoCSeq => (400, "CSeq header not found"),
            Fault::BadExpires => (400, "Expires parse error"),
            Fault::BadContact => (400, "Contact parse error"),
            Fault::StarWithExpires => (400, "* used in contact and expires is not zero"),
            Fault::StarAmongOthers => (400, "* used in contact and more than 1 contact"),
            Fault::TooManyContacts => (503, "Too many registered contacts"),
            Fault::LongContact => (400, "Contact/received too long"),
            Fault::LongCallId => (400, "Callid too long"),
            Fault::BadPath => (400, "Path parse error"),
            Fault::PathUnsupported => (420, "No support for found Path indicated"),
            Fault::OutboundUnsupported => (421, "No support for Outbound indicated"),
            Fault::OutboundNotHere => (420, "No support for Outbound on server"),
            Fault::OutboundNotAtEdge => (439, "No support for Outbound on edge proxy"),
            Fault::BadRegId => (400, "Invalid Reg-Id number"),
            Fault::BadFirstRegId => (200, "No problem"),
            Fault::TooBrief => (423, "Interval too brief"),
        }
    }

    /// What `save` returns.
    pub(super) fn code(self) -> i32 {
        if self == Fault::TooManyContacts { -2 } else { -1 }
    }
}

fn reason(code: u16) -> &'static str {
    match code {
        400 => "Bad Request",
        420 => "Bad Extension",
        421 => "Extension Required",
        423 => "Interval Too Brief",
        439 => "First Hop Lacks Outbound Support",
        500 => "Server Internal Error",
        503 => "Service Unavailable",
        _ => "OK",
    }
}

/// Whether an option stands in the headers of this name.
pub(super) fn names_option(message: &Message, header: HeaderName, option: &[u8]) -> bool {
    message.headers_named(header).any(|header| {
        let mut options = message.text(header.value).split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        options.any(|its| its.eq_ignore_ascii_case(option))
    })
}

/// The reply that is told of a registration: code, reason and header lines. `path` is that of the request, when one is to be told.
pub(super) fn reply(
    registrar: &Registrar,
    message: &Message,
    fault: Option<Fault>,
    contacts: &[u8],
    path: &[u8],
) -> (u16, &'static str, Vec<u8>) {
    let mut lines = contacts.to_vec();
    let mut fault = fault;
    let mut line = |name: &[u8], value: &[u8]| {
        [name, b": ", value, b"\r\n"].into_iter().for_each(|part| lines.extend_from_slice(part));
    };
    match fault.filter(|fault| *fault != Fault::BadFirstRegId) {
        None => {
            let supports_path = names_option(message, HeaderName::Supported, b"path");
            if !path.is_empty() && registrar.path_mode != PathMode::Off {
                if supports_path {
                    line(b"Path", path);
                } else if registrar.path_mode == PathMode::Strict {
                    fault = Some(Fault::PathUnsupported);
                    line(b"Unsupported", b"path");
                    line(b"Path", path);
                }
            }
            outbound(registrar, message, &mut line);
        }
        Some(Fault::OutboundUnsupported) => {
            line(b"Require", b"outbound");
            line(b"Supported", b"outbound");
        }
        Some(Fault::OutboundNotHere) => line(b"Unsupported", b"outbound"),
        Some(Fault::TooBrief) => line(b"Min-Expires", registrar.min_expires.to_string().as_bytes()),
        Some(_) => {}
    }
    let Some((code, error)) = fault.map(Fault::code_and_error).filter(|(code, _)| *code != 200) else {
        return (200, reason(200), lines);
    };
    line(b"P-Registrar-Error", error.as_bytes());
    if (500..600).contains(&code) && registrar.retry_after > 0 {
        line(b"Retry-After", registrar.retry_after.to_string().as_bytes());
    }
    (code, reason(code), lines)
}

fn outbound(registrar: &Registrar, message: &Message, line: &mut impl FnMut(&[u8], &[u8])) {
    let asks =
        [HeaderName::Require, HeaderName::Supported].iter().any(|name| names_option(message, *name, b"outbound"));
    match registrar.outbound {
        Outbound::None => return,
        Outbound::Required => {
            line(b"Require", b"outbound");
            line(b"Supported", b"outbound");
        }
        Outbound::Supported => {
            line(b"Supported", b"outbound");
            if !asks {
                return;
            }
            line(b"Require", b"outbound");
        }
    }
    if registrar.flow_timer > 0 {
        line(b"Flow-Timer", registrar.flow_timer.to_string().as_bytes());
    }
}

/// `path_mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PathMode {
    /// Path is not told back.
    Off,
    /// Told to those that say they support it.
    Lazy,
    /// And others are refused.
    Strict,
}

/// `outbound_mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outbound {
    None,
    Supported,
    Required,
}

/// Appends the Contact line of a record; nothing when no contact is valid. `host` is that of To, for addresses of devices, which are told when asked for
/// (RFC 5627).
pub(super) fn push_contacts(
    registrar: &Registrar,
    record: &Record,
    aor: &[u8],
    (host, gruu): (&[u8], bool),
    now: u64,
    out: &mut Vec<u8>,
) {
    let begin = out.len();
    for contact in record.contacts.iter().filter(|contact| contact.is_valid(now)) {
        out.extend_from_slice(if out.len() == begin { b"Contact: <" } else { b", <" });
        out.extend_from_slice(&contact.uri);
        out.push(b'>');
        if let Some(q) = contact.located.q {
            out.extend_from_slice(b";q=");
            preference::push(q, out);
        }
        out.extend_from_slice(b";expires=");
        // For one that never expires Kamailio tells the huge number that this makes, too. Writing to a Vec does not fail.
        let _ = write!(out, "{}", i64::from(contact.expires.wrapping_sub(now) as i32) as u64);
        if !registrar.received_param.is_empty() && !contact.received.is_empty() {
            quoted(out, &[b";", &registrar.received_param, b"="], &contact.received);
        }
        push_instance(registrar, contact, aor, (host, gruu), out);
    }
    if out.len() > begin {
        out.extend_from_slice(b"\r\n");
    }
}

fn quoted(out: &mut Vec<u8>, name: &[&[u8]], value: &[u8]) {
    name.iter().for_each(|part| out.extend_from_slice(part));
    out.push(b'"');
    out.extend_from_slice(value);
    out.push(b'"');
}

fn push_instance(registrar: &Registrar, contact: &Contact, aor: &[u8], (host, gruu): (&[u8], bool), out: &mut Vec<u8>) {
    let located = &contact.located;
    if !located.instance.is_empty() {
        if registrar.gruu && gruu {
            let public: &[&[u8]] = if aor.contains(&b'@') { &[aor] } else { &[aor, b"@", host] };
            let bare = bare_instance(&located.instance);
            quoted(out, &[b";pub-gruu="], &[b"sip:", &public.concat()[..], b";gr=", bare].concat());
            let mut temporary = [b"sip:", &located.ruid[..], b"-"].concat();
            temporary.extend_from_slice(&backwards(core_hash(&[aor])));
            temporary.extend_from_slice(b"@");
            temporary.extend_from_slice(host);
            temporary.extend_from_slice(b";gr");
            quoted(out, &[b";temp-gruu="], &temporary);
        }
        quoted(out, &[b";+sip.instance="], &located.instance);
    }
    if located.reg_id > 0 {
        // Writing to a Vec does not fail.
        let _ = write!(out, ";reg-id={}", located.reg_id);
    }
}

/// The digits of a hash in a temporary address, the lowest first.
fn backwards(hash: u32) -> Vec<u8> {
    let mut digits = format!("{hash:x}").into_bytes();
    digits.reverse();
    digits
}

/// A time that is shorter by chance, by no more than this many percent: `expires_range`.
pub(super) fn varied(expires: i64, percent: i64, random: &mut Random) -> i64 {
    if percent == 0 {
        return expires;
    }
    let least = (expires as f64 - percent as f64 / 100.0 * expires as f64) as i64;
    least + (random.below(100) as f64 / 100.0 * (expires - least) as f64) as i64
}
