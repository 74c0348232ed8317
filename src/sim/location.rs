//! `location bob@example.com sip:bob@192.0.2.20 expires 60s`: somebody is registered, without a REGISTER.

use super::blocks::Block;
use super::keyword::{Keyword, Misread, Said};
use super::parse::Parser;
use super::play::{Happens, Play};
use super::scenario::Action;
use super::surroundings::Telling;
use super::words::{Word, duration};
use crate::source::Span;

/// The word.
pub(super) static KEYWORD: Keyword = Keyword { name: "location", usage: USAGE, has_lines: false, read };

const USAGE: &str = "location bob@example.com sip:bob@192.0.2.20:5060 [expires 60s] [q 0.5] [received URI] [path URI] [flags 64] [socket udp:ADDRESS:PORT] [table location]";

/// What the line says beside address and contact.
struct Terms<'a> {
    expires: u64,
    q: &'a str,
    received: &'a str,
    path: &'a str,
    flags: &'a str,
    socket: &'a str,
    table: &'a str,
}

/// Reads the line behind its first word: it does what the command `ul.add` does. Instead of a URI it may name a peer.
fn read(parser: &mut Parser, block: &Block, words: &[Word]) -> Result<Said, Misread> {
    let [aor, contact, rest @ ..] = words else { return Err(Misread::Form) };
    let mut terms =
        Terms { expires: 3600, q: "-1", received: ".", path: ".", flags: "0", socket: ".", table: "location" };
    for pair in rest.chunks(2) {
        let [name, value] = pair else { return Err(Misread::Form) };
        let text = value.text.as_str();
        match name.text.as_str() {
            "expires" => terms.expires = seconds(parser, value).ok_or(Misread::Reported)?,
            "q" => terms.q = text,
            "received" => terms.received = text,
            "path" => terms.path = text,
            "flags" => terms.flags = text,
            "socket" => terms.socket = text,
            "table" => terms.table = text,
            _ => return Err(Misread::Form),
        }
    }
    let Terms { expires, q, received, path, flags, socket, table } = terms;
    let (aor, contact) = (aor.text.strip_prefix("sip:").unwrap_or(&aor.text), uri(parser, &contact.text));
    // Every method, as Kamailio's bit mask.
    let methods = u32::MAX;
    let command =
        format!("ul.add {table} {aor} {contact} {expires} {q} {path} 0 {flags} {methods} {received} {socket}");
    Ok(Said::Happens(Action::host(Registered { shown: block.line.trim().to_owned(), command })))
}

/// The URI of a contact, or that of a peer.
fn uri(parser: &Parser, text: &str) -> String {
    match parser.scenario.peers.iter().find(|peer| peer.name == text) {
        Some(peer) => format!("sip:{}@{}", peer.name, peer.address),
        None => text.to_owned(),
    }
}

/// `60s`, `60`, or `never`.
fn seconds(parser: &mut Parser, word: &Word) -> Option<u64> {
    let found = match word.text.as_str() {
        "never" => Some(0),
        text => text.parse().ok().or_else(|| duration(text).map(|time| time.as_secs())),
    };
    if found.is_none() {
        parser.helped(word.span, "this is no duration", "write for example 60s, 2m or never");
    }
    found
}

/// Somebody is registered.
#[derive(Debug)]
struct Registered {
    /// The line.
    shown: String,
    /// The command that does it.
    command: String,
}

impl Happens for Registered {
    fn happen(&self, play: &mut Play, span: Span) {
        play.command(&self.command, Telling::Line(self.shown.clone()), span);
    }
}
