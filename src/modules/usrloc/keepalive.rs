//! Pings that keep the way to a contact open, and show which contacts are still there. `nathelper` has pings of its own; what is common to both is here.

use super::contact::Contact;
use super::{Mode, Usrloc};
use crate::builtin::{Background, Command, Core, LogLevel, Packet, Settings, Socket, SocketId, Sockets, Start};
use crate::modules::core::source;
use crate::modules::hash::core_hash;
use crate::sip::{Message, NameAddrs, Transport, Uri};
use bytes::Bytes;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Modules that ping are called this often.
pub const SECOND: Duration = Duration::from_secs(1);

/// Said where pings are wanted of contacts that are not in memory.
pub const NOT_DATABASE_ONLY: &str =
    "contacts that only the database has (db_mode 3) are not pinged; db_mode 1 keeps them in memory, too";

/// Bits of `ka_mode`; any other pings all.
const NATED: i64 = 2;
const UDP_ONLY: i64 = 4;

/// A contact that did not answer in time is left this many seconds.
const LAST_SECONDS: u64 = 10;

/// Seconds counted round and round.
#[derive(Debug)]
pub struct Round {
    length: u64,
    passed: AtomicU64,
}

impl Round {
    /// A round of so many seconds, one at least.
    pub fn new(length: u64) -> Round {
        Round { length: length.max(1), passed: AtomicU64::new(0) }
    }

    /// The second that begins, counted from 0, and the length of the round.
    pub fn next(&self) -> (u64, u64) {
        (self.passed.fetch_add(1, Ordering::Relaxed) % self.length, self.length)
    }
}

/// Which contacts are pinged.
#[derive(Debug, Default)]
pub struct Pinged {
    /// Only those that have all of these branch flags.
    pub flags: u32,
    /// Only those that registered with this server.
    pub own_only: bool,
    /// One whose last sign of life is older, in seconds, is taken for gone; 0 for never.
    pub timeout: u64,
    /// The timeout holds for contacts that registered over UDP only.
    pub timeout_of_udp: bool,
}

impl Usrloc {
    /// Hands each contact whose turn it is, and that is to be pinged, to `ping`. One that has not answered for too long is about to expire instead.
    /// Gives whether a round is over.
    pub fn each_pinged(
        &self,
        core: (&Settings, &Sockets),
        now: u64,
        (round, wanted): (&Round, &Pinged),
        mut ping: impl FnMut(&Bytes, &Contact),
    ) -> bool {
        let (settings, sockets) = core;
        let (turn, turns) = round.next();
        for table in &self.tables {
            table.in_turn(turn, turns, |aor, contact| {
                let is_wanted = contact.branch_flags & wanted.flags == wanted.flags
                    && (!wanted.own_only || contact.server_id == settings.server_id)
                    && contact.is_valid(now);
                if !is_wanted {
                    return;
                }
                let counts =
                    !wanted.timeout_of_udp || contact.socket.is_some_and(|id| sockets.transport(id) == Transport::Udp);
                let silent = now.saturating_sub(contact.answered) > wanted.timeout;
                if wanted.timeout > 0 && contact.answered > 0 && counts && silent {
                    if contact.expires > now + LAST_SECONDS {
                        contact.expires = now + LAST_SECONDS;
                    }
                    return;
                }
                ping(aor, contact);
            });
        }
        turn + 1 == turns
    }

    /// Notes that the contact with this name has answered.
    pub fn has_answered(&self, id: &ContactId, now: u64) {
        for table in &self.tables {
            table.edit_by_id(id.hash, &id.ruid, |contact| contact.answered = now);
        }
    }
}

/// What names a contact in the tag of a ping: `ruid-hash-...`.
#[derive(Debug, PartialEq, Eq)]
pub struct ContactId {
    ruid: Bytes,
    hash: u32,
}

impl ContactId {
    /// That of a contact.
    pub fn of(aor: &[u8], contact: &Contact) -> ContactId {
        ContactId { ruid: contact.located.ruid.clone(), hash: core_hash(&[aor]) }
    }

    /// The beginning of a tag.
    pub fn push(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.ruid);
        // Writing to a Vec does not fail.
        let _ = write!(out, "-{:x}", self.hash);
    }

    /// Reads a tag with so many parts behind the hash.
    pub fn read(tag: &[u8], behind: usize) -> Option<ContactId> {
        let mut parts = tag.rsplitn(behind + 2, |byte| *byte == b'-');
        let hash = parts.nth(behind)?;
        let ruid = parts.next().filter(|ruid| !ruid.is_empty())?;
        let hash = u32::from_str_radix(std::str::from_utf8(hash).ok()?, 16).ok()?;
        Some(ContactId { ruid: Bytes::copy_from_slice(ruid), hash })
    }

    /// The contact whose ping a reply answers: made here, of this method and From, with so many parts behind the hash in its tag.
    pub fn answered(reply: &Message, method: &[u8], from: &[u8], behind: usize) -> Option<ContactId> {
        let same = reply.cseq().is_some_and(|cseq| cseq.method_text == method);
        let address = reply.from().filter(|address| same && address.uri_text() == from)?;
        ContactId::read(address.tag()?, behind)
    }
}

/// The way to a contact: an address without a transport is one of UDP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// As a URI.
    pub uri: Bytes,
    /// The transport it names.
    pub transport: Transport,
    /// Where it leads.
    pub address: SocketAddr,
}

impl Way {
    /// The way that a URI names; `None` when its host is no address or its transport is not served.
    pub fn of(uri: &Bytes) -> Option<Way> {
        let read = Uri::parse(uri).ok()?;
        let transport = match read.transport() {
            Some(name) => Transport::served(name)?,
            None => Transport::Udp,
        };
        Some(Way { uri: uri.clone(), transport, address: SocketAddr::new(read.host_ip()?, read.port_or_default()) })
    }

    /// The way by the first URI of a Path.
    pub fn by_path(path: &[u8]) -> Option<Way> {
        let (_, first) = NameAddrs::new(path).next()?;
        Way::of(&Bytes::copy_from_slice(first.ok()?.uri_text()))
    }

    /// The socket that a ping leaves by.
    pub fn socket(&self, sockets: &Sockets, wanted: Option<SocketId>) -> Option<SocketId> {
        sockets.towards(self.transport, self.address, wanted, None)
    }
}

/// Host and port of a socket as a ping names them.
pub fn sent_by(sockets: &Sockets, id: SocketId, way: &Way) -> (String, u16) {
    let own = sockets.socket(id);
    let port = own.map_or(5060, |own| own.address.port());
    match own.and_then(Socket::advertised) {
        Some((host, port)) => (String::from_utf8_lossy(host).into_owned(), port),
        None => (source::host(sockets.address_towards(id, way.address.ip())), port),
    }
}

/// The pings of `usrloc` itself: `ka_mode` and what belongs to it.
#[derive(Debug)]
pub struct Keepalive {
    pinged: Pinged,
    udp_only: bool,
    from: Bytes,
    domain: Bytes,
    method: Bytes,
    /// One that has given a sign of life within so many seconds, and up to so many more, is left alone.
    interval: u64,
    spread: u64,
    /// Only answers with these codes, or of these classes, count; empty for all.
    codes: Vec<u16>,
    round: Round,
    count: AtomicU64,
}

impl Keepalive {
    /// What the parameters want; `None` when nothing is pinged.
    pub(super) fn start(start: &mut Start, mode: Mode, nat_flag: u32) -> Option<Keepalive> {
        let params = start.params;
        let bits = params.int("ka_mode");
        if bits == 0 {
            return None;
        }
        if mode == Mode::DatabaseOnly {
            start.log.push((LogLevel::Warning, format!("usrloc: {NOT_DATABASE_ONLY}")));
            return None;
        }
        if bits & NATED != 0 && nat_flag == 0 {
            start.log.push((LogLevel::Warning, "usrloc: ka_mode 2 pings nobody: nat_bflag is not set".to_owned()));
            return None;
        }
        let seconds = |name| u64::try_from(params.int(name)).unwrap_or(0);
        let text = |name| params.text(name).unwrap_or_default();
        let codes = text("ka_reply_codes");
        let codes = String::from_utf8_lossy(&codes);
        let codes = codes.split(',').map_while(|code| code.trim().parse().ok().filter(|code| *code > 0));
        Some(Keepalive {
            pinged: Pinged {
                flags: if bits & NATED == 0 { 0 } else { nat_flag },
                own_only: params.int("ka_filter") & 1 != 0,
                timeout: seconds("ka_timeout"),
                timeout_of_udp: false,
            },
            udp_only: bits & UDP_ONLY != 0,
            from: text("ka_from"),
            domain: text("ka_domain"),
            method: text("ka_method"),
            interval: seconds("ka_interval"),
            spread: seconds("ka_randomize"),
            codes: codes.collect(),
            round: Round::new(seconds("timer_interval")),
            count: AtomicU64::new(0),
        })
    }

    /// Pings the contacts whose turn it is; gives whether a round is over.
    pub(super) fn tick(&self, state: &Usrloc, cx: &mut Background) -> bool {
        let now = cx.now.unix;
        let Core { settings, sockets, random, commands, .. } = &mut *cx.core;
        let sockets: &Sockets = sockets;
        let turn = (&self.round, &self.pinged);
        state.each_pinged((&**settings, sockets), now.as_secs(), turn, |aor, contact| {
            let rest = self.interval + random.below(self.spread);
            if self.interval > 0 && contact.answered > 0 && contact.answered + rest > now.as_secs() {
                return;
            }
            commands.extend(self.ping(sockets, aor, contact, now, random.bits()).map(Command::Send));
        })
    }

    fn ping(&self, sockets: &Sockets, aor: &Bytes, contact: &Contact, now: Duration, mark: u64) -> Option<Packet> {
        let path = &contact.located.path;
        let way = match (contact.received.is_empty(), path.is_empty()) {
            (false, _) => Way::of(&contact.received),
            (true, false) => Way::by_path(path),
            (true, true) => Way::of(&contact.uri),
        };
        let way = way.filter(|way| !self.udp_only || way.transport == Transport::Udp)?;
        let socket = way.socket(sockets, contact.socket)?;
        let (host, port) = sent_by(sockets, socket, &way);
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let mut out = Vec::with_capacity(512);
        let text = String::from_utf8_lossy;
        let (method, uri, transport) = (text(&self.method), text(&contact.uri), way.transport.in_via());
        // Writing to a Vec does not fail.
        let _ = write!(
            out,
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/{transport} {host}:{port};branch=z9hG4bKx.{mark:x}.{count:x}.0\r\n"
        );
        if !path.is_empty() {
            let _ = write!(out, "Route: {}\r\n", text(path));
        }
        let _ = write!(out, "From: <{}>;tag=", text(&self.from));
        ContactId::of(aor, contact).push(&mut out);
        let _ = write!(out, "-{:x}-{:x}-{count:x}\r\nTo: <sip:{}", now.as_secs(), now.subsec_micros(), text(aor));
        if !aor.contains(&b'@') {
            let _ = write!(out, "@{}", text(&self.domain));
        }
        let _ =
            write!(out, ">\r\nCall-ID: ksrulka-{mark:x}-{count:x}\r\nCSeq: 80 {method}\r\nContent-Length: 0\r\n\r\n");
        Some(Packet { next_hop: way.uri, socket: Some(socket), bytes: Bytes::from(out) })
    }

    /// Takes a reply that may answer a ping.
    pub(super) fn reply(&self, state: &Usrloc, reply: &Message, cx: &Background) {
        let code = reply.status().unwrap_or(0);
        if !self.codes.is_empty() && !self.codes.iter().any(|wanted| [code, code / 100].contains(wanted)) {
            return;
        }
        if let Some(id) = ContactId::answered(reply, &self.method, &self.from, 3) {
            state.has_answered(&id, cx.now.unix.as_secs());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_names_its_contact() {
        let id = ContactId { ruid: Bytes::from_static(b"uloc-5f-a1-2"), hash: 0xbeef };
        let mut tag = Vec::new();
        id.push(&mut tag);
        tag.extend_from_slice(b"-12-34-56");
        assert_eq!(ContactId::read(&tag, 3), Some(id));
        for bad in ["", "x", "-1-2-3-4", "uloc-zz-1-2-3"] {
            assert_eq!(ContactId::read(bad.as_bytes(), 3), None, "{bad}");
        }
    }
}
