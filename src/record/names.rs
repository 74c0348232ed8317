//! What peers are called: by what they are.

use super::gathered::value;
use super::traffic::{Kind, Traffic};
use crate::sip::{HeaderName, NameAddr};

/// For people without a name that would do.
const PEOPLE: [&str; 10] = ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy"];
/// Kinds of servers that a User-Agent or Server header may name.
const SERVERS: [&str; 6] = ["asterisk", "freeswitch", "kamailio", "opensips", "oversip", "sems"];
/// Words that begin lines of a scenario, or stand where a name may.
const TAKEN: &[&str] = &[
    "ack",
    "alanui",
    "bye",
    "cancel",
    "clock",
    "config",
    "copies",
    "database",
    "define",
    "dns",
    "expect",
    "info",
    "invite",
    "jitter",
    "latency",
    "listen",
    "log",
    "lose",
    "loss",
    "machine",
    "message",
    "no",
    "none",
    "note",
    "notify",
    "options",
    "peer",
    "publish",
    "refer",
    "register",
    "reload",
    "rpc",
    "seed",
    "show",
    "sql",
    "strict",
    "subscribe",
    "table",
    "to",
    "update",
    "uri",
    "wait",
];
/// The longest word that does for a name.
const LONGEST: usize = 16;

/// A name for each peer: a caller's user part when it is a plain word, else alice, bob and so on; who only receives is
/// called by the kind of server it says it is, or asterisk, and numbered.
pub(super) fn names(traffic: &Traffic) -> Vec<String> {
    let mut names: Vec<Option<String>> = traffic.peers.iter().map(|_| None).collect();
    let mut kinds: Vec<Option<&'static str>> = vec![None; names.len()];
    let mut called = vec![false; names.len()];
    for event in &traffic.events {
        match &event.kind {
            // Whom the server calls before it does anything by itself is no caller.
            Kind::Gets(peer, packet) if packet.bytes.starts_with(b"INVITE ") => called[*peer] = true,
            Kind::Sends(peer, _, packet) => {
                kinds[*peer] = kinds[*peer].or_else(|| kind(&packet.bytes));
                if names[*peer].is_none() && !called[*peer] && !packet.bytes.starts_with(b"SIP/2.0") {
                    names[*peer] = Some(caller(&names, &packet.bytes));
                }
            }
            _ => {}
        }
    }
    for (peer, kind) in kinds.into_iter().enumerate() {
        if names[peer].is_none() {
            names[peer] = Some(numbered(&names, kind.unwrap_or("asterisk")));
        }
    }
    names.into_iter().map(Option::unwrap_or_default).collect()
}

/// The name of who sends this request.
fn caller(names: &[Option<String>], request: &[u8]) -> String {
    let from = value(request, HeaderName::From).and_then(|from| NameAddr::parse(from).ok());
    let user = from.and_then(|from| from.uri().ok().and_then(|uri| uri.user.map(<[u8]>::to_vec)));
    let name = user.and_then(|user| plain(&user)).filter(|name| !is_used(names, name));
    name.unwrap_or_else(|| person(names))
}

/// The user part as a name, when it is a plain word.
fn plain(user: &[u8]) -> Option<String> {
    let text = String::from_utf8(user.to_ascii_lowercase()).ok()?;
    let is_word = text.starts_with(|letter: char| letter.is_ascii_lowercase())
        && text.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-');
    (is_word && text.len() <= LONGEST && !TAKEN.contains(&text.as_str())).then_some(text)
}

fn is_used(names: &[Option<String>], name: &str) -> bool {
    names.iter().flatten().any(|used| used == name)
}

fn person(names: &[Option<String>]) -> String {
    let free = PEOPLE.iter().find(|name| !is_used(names, name));
    free.map_or_else(|| numbered(names, "phone"), |name| (*name).to_owned())
}

fn numbered(names: &[Option<String>], kind: &str) -> String {
    let used = names.iter().flatten().filter(|name| name.strip_prefix(kind).is_some_and(is_number)).count();
    format!("{kind}{}", used + 1)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The kind of server that a message says it is from.
fn kind(message: &[u8]) -> Option<&'static str> {
    let said = [HeaderName::UserAgent, HeaderName::Server].into_iter().filter_map(|name| value(message, name));
    let texts = said.map(|text| String::from_utf8_lossy(text).to_lowercase());
    texts.into_iter().find_map(|text| SERVERS.into_iter().find(|kind| text.contains(kind)))
}
