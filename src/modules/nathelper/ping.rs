//! Pings that keep the binding of a NAT open: four bytes of 0, or a request.

use super::NatHelper;
use crate::builtin::{
    Background, Command, Commanded, Core, LogLevel, ModuleId, Packet, ParamGiven, Random, Rpc, RpcResult, Sockets,
    Start, StartFault,
};
use crate::modules::core;
use crate::modules::usrloc::Usrloc;
use crate::modules::usrloc::contact::Contact;
use crate::modules::usrloc::keepalive::{ContactId, NOT_DATABASE_ONLY, Pinged, Round, Way, sent_by};
use crate::sip::{Message, Transport};
use bytes::Bytes;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

const NOTHING: &[u8] = &[0; 4];

/// Commands for operators.
pub(super) static RPC: &[Rpc] = &[Rpc {
    name: "nathelper.enable_ping",
    usage: "1|0",
    doc: "Begins or ends the pings of contacts.",
    run: enable_ping,
}];

fn enable_ping(cx: &mut Background, args: &[&str]) -> RpcResult {
    let [on] = args else { return Err("it takes 1 or 0".to_owned()) };
    let on = on.parse::<i64>().map_err(|_| format!("{on} is no number"))?;
    let state = cx.core.state::<NatHelper>(cx.module);
    let pings = state.as_ref().and_then(|state| state.pings.as_ref());
    let pings = pings.ok_or("contacts are not pinged: natping_interval is 0")?;
    pings.on.store(on != 0, Ordering::Relaxed);
    Ok(Commanded::Done(Vec::new()))
}

/// How contacts are pinged.
#[derive(Debug)]
pub(super) struct Pings {
    usrloc: ModuleId,
    on: AtomicBool,
    round: Round,
    pinged: Pinged,
    nated_only: bool,
    request: Option<Request>,
    /// Contacts with this branch flag are left alone.
    except: u32,
    follows_path: bool,
    socket: Option<Bytes>,
}

/// A request in place of four bytes.
#[derive(Debug)]
struct Request {
    /// For contacts with this branch flag; for all, when not only those behind NAT are pinged.
    flag: u32,
    from: Bytes,
    method: Bytes,
}

/// What the parameters want; `None` when nothing is pinged.
pub(super) fn start(start: &mut Start) -> Result<Option<Pings>, StartFault> {
    let params = start.params;
    let interval = u64::try_from(params.int("natping_interval")).unwrap_or(0);
    if interval == 0 {
        return Ok(None);
    }
    let at = |name: &'static str, text: &str, help: &str| {
        let fault = StartFault::new(text).help(help);
        params.given(name).map_or(fault.clone(), |given: &ParamGiven| fault.at(given.span))
    };
    let Some((usrloc, location)) = start.module_id("usrloc").zip(start.params_of("usrloc")) else {
        let text = "pings go to the contacts of usrloc, which is not loaded";
        return Err(at("natping_interval", text, "add loadmodule \"usrloc.so\""));
    };
    if location.int("db_mode") == 3 {
        start.log.push((LogLevel::Warning, format!("nathelper: {NOT_DATABASE_ONLY}")));
        return Ok(None);
    }
    let nated_only = params.switch("ping_nated_only");
    let nat_flag = location.int("nat_bflag");
    if nated_only && nat_flag == -1 {
        let text = "ping_nated_only finds no contact: nat_bflag of usrloc says which are behind NAT, and is not set";
        return Err(at("ping_nated_only", text, "add modparam(\"usrloc\", \"nat_bflag\", FLAG)"));
    }
    let flag = |name: &'static str| match params.int(name) {
        -1 => Ok(0),
        flag @ 0..=31 => Ok(1 << flag),
        flag => Err(at(name, &format!("there is no branch flag {flag}"), "0 to 31")),
    };
    let flag_of_request = flag("sipping_bflag")?;
    let text = |name: &'static str| params.text(name).filter(|text| !text.is_empty());
    let request = match flag_of_request {
        0 => None,
        flag => Some(Request {
            flag,
            from: text("sipping_from").ok_or_else(|| {
                let help = "add modparam(\"nathelper\", \"sipping_from\", \"sip:pinger@example.com\")";
                at("sipping_bflag", "a request needs a From: sipping_from is not set", help)
            })?,
            method: text("sipping_method")
                .ok_or_else(|| at("sipping_method", "a ping has a method", "write OPTIONS"))?,
        }),
    };
    let timeout = u64::try_from(params.int("keepalive_timeout")).unwrap_or(0);
    Ok(Some(Pings {
        usrloc,
        on: AtomicBool::new(true),
        round: Round::new(interval),
        pinged: Pinged {
            flags: if nated_only { 1_u32.checked_shl(u32::try_from(nat_flag).unwrap_or(32)).unwrap_or(0) } else { 0 },
            own_only: params.switch("filter_server_id"),
            timeout: if request.is_some() { timeout } else { 0 },
            timeout_of_udp: true,
        },
        nated_only,
        request,
        except: flag("natping_disable_bflag")?,
        follows_path: !params.switch("ignore_path"),
        socket: text("force_socket"),
    }))
}

impl Pings {
    /// Pings the contacts whose turn it is.
    pub(super) fn tick(&self, cx: &mut Background) {
        if !self.on.load(Ordering::Relaxed) {
            return;
        }
        let Some(usrloc) = cx.core.state::<Usrloc>(self.usrloc) else { return };
        let mut nowhere = 0;
        let Core { settings, sockets, random, commands, .. } = &mut *cx.core;
        let sockets: &Sockets = sockets;
        let turn = (&self.round, &self.pinged);
        usrloc.each_pinged((&**settings, sockets), cx.now.unix.as_secs(), turn, |aor, contact| {
            if contact.branch_flags & self.except != 0 {
                return;
            }
            match self.ping(sockets, aor, contact, random) {
                Some(packet) => commands.push(Command::Send(packet)),
                None => nowhere += 1,
            }
        });
        if nowhere > 0 {
            cx.core.log(LogLevel::Debug, format!("{nowhere} contacts are not pinged: they are not reached over UDP"));
        }
    }

    fn ping(&self, sockets: &Sockets, aor: &Bytes, contact: &Contact, random: &mut Random) -> Option<Packet> {
        let path = Some(&contact.located.path).filter(|path| !path.is_empty() && self.follows_path);
        let request = self.request.as_ref();
        let flagged = request.is_some_and(|request| contact.branch_flags & request.flag != 0);
        let way = match path.filter(|_| flagged) {
            Some(path) => Way::by_path(path),
            None if contact.received.is_empty() => Way::of(&contact.uri),
            None => Way::of(&contact.received),
        };
        let way = way.filter(|way| way.transport == Transport::Udp)?;
        let forced = self.socket.as_ref().and_then(|text| core::socket_of(sockets, text));
        let socket = way.socket(sockets, forced.or(contact.socket))?;
        let bytes = match request.filter(|_| flagged || !self.nated_only) {
            Some(request) => request.bytes(&sent_by(sockets, socket, &way), aor, contact, path, random),
            None => Bytes::from_static(NOTHING),
        };
        Some(Packet { next_hop: way.uri, socket: Some(socket), bytes })
    }

    /// Takes a reply that may answer a ping.
    pub(super) fn reply(&self, reply: &Message, cx: &Background) {
        let Some(request) = self.request.as_ref().filter(|_| self.pinged.timeout > 0) else { return };
        let Some(id) = ContactId::answered(reply, &request.method, &request.from, 1) else { return };
        if let Some(usrloc) = cx.core.state::<Usrloc>(self.usrloc) {
            usrloc.has_answered(&id, cx.now.unix.as_secs());
        }
    }
}

impl Request {
    /// The request as Kamailio writes it: From and To without angle brackets, and no Max-Forwards.
    fn bytes(
        &self,
        (host, port): &(String, u16),
        aor: &Bytes,
        contact: &Contact,
        path: Option<&Bytes>,
        random: &mut Random,
    ) -> Bytes {
        let text = String::from_utf8_lossy;
        let (method, uri) = (text(&self.method), text(&contact.uri));
        let (branch, tag, call, count) = (random.bits(), random.bits(), random.bits(), random.bits() as u32);
        let mut out = Vec::with_capacity(512);
        // Writing to a Vec does not fail.
        let _ = write!(out, "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{branch:016x}");
        if let Some(path) = path {
            let _ = write!(out, "\r\nRoute: {}", text(path));
        }
        let _ = write!(out, "\r\nFrom: {};tag=", text(&self.from));
        ContactId::of(aor, contact).push(&mut out);
        let _ = write!(
            out,
            "-{tag:x}\r\nTo: {uri}\r\nCall-ID: {call:016x}-{count:x}@{host}\r\nCSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n"
        );
        Bytes::from(out)
    }
}
