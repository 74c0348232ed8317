//! The lines that say what happens.

use super::blocks::Block;
use super::expect;
use super::pages;
use super::parse::Parser;
use super::rows::cells;
use super::rtpengine;
use super::scenario::{Action, Answering, Canned, DatabaseMood, Detail, Extra, PeerId, Sending, Status};
use super::words::{Word, duration};
use crate::builtin::{Rows, Value};
use crate::source::Diagnostic;
use bytes::Bytes;
use std::time::Duration;

/// Reads one step; what is wrong with it goes to the parser.
pub(super) fn action(parser: &mut Parser, block: &Block) -> Option<Action> {
    let (first, rest) = block.words.split_first()?;
    let plain = match (first.text.as_str(), rest) {
        ("wait", [word, time]) if word.text == "until" => Some(Action::WaitUntil(time_of(parser, time)?)),
        ("wait", [time]) => Some(Action::Wait(time_of(parser, time)?)),
        ("database", [word]) if word.text == "works" => Some(Action::Database(DatabaseMood::Works)),
        ("database", [word]) if word.text == "fails" => Some(Action::Database(DatabaseMood::Fails)),
        ("database", [word, time]) if word.text == "slow" => {
            Some(Action::Database(DatabaseMood::Slow(time_of(parser, time)?)))
        }
        ("rpc", [_, ..]) => Some(Action::Rpc(block.line["rpc".len()..].trim().to_owned())),
        ("stop", []) => Some(Action::Stop),
        ("reload", [module]) => Some(Action::Reload(module.text.clone())),
        ("show", [word]) => match word.text.as_str() {
            "lines" => Some(Action::Show(Detail::Lines)),
            "decision" => Some(Action::Show(Detail::Decision)),
            "flow" => Some(Action::Show(Detail::Flow)),
            "messages" => Some(Action::Show(Detail::Messages)),
            _ => None,
        },
        ("note", [_, ..]) => Some(Action::Note(block.line["note".len()..].trim().to_owned())),
        ("lose", _) => lose(parser, rest),
        ("location", words) => super::location::read(parser, block, words),
        _ => None,
    };
    if let Some(plain) = plain {
        if let Some(line) = block.below.first() {
            parser.fault(line.span, "nothing can stand below this line");
        }
        return Some(plain);
    }
    match (first.text.as_str(), rest) {
        ("sql", [_, ..]) => {
            let mut statement = block.line["sql".len()..].trim().to_owned();
            for line in &block.below {
                statement.push('\n');
                statement.push_str(line.text.trim_end());
            }
            Some(Action::Sql(statement))
        }
        ("database", [word, part]) if word.text == "answers" && part.quoted => {
            Some(Action::Canned(canned(parser, block, part)?))
        }
        ("http", _) => Some(Action::Page(pages::page(parser, block)?)),
        ("rtpengine", words) => Some(Action::Relay(rtpengine::line(parser, block, words)?)),
        ("expect", words) => Some(Action::Expect(expect::read(parser, block, words)?)),
        ("location", _) => None,
        ("wait" | "rpc" | "database" | "reload" | "stop" | "show" | "note" | "lose" | "sql", _) => {
            parser.helped(block.span, format!("this is not how {} is written", first.text), usage(&first.text));
            None
        }
        (method, [target, from, peer, rest @ ..]) if from.text == "from" && parser.scenario.peer(method).is_none() => {
            begins(parser, block, method, target, peer, rest)
        }
        (method, _) if is_method(method) && parser.scenario.peer(method).is_none() => {
            let help = format!("{method} bob@example.com from alice [in CALL]");
            parser.helped(block.span, format!("this is not how {method} is written"), help);
            None
        }
        _ => of_peer(parser, block, first, rest),
    }
}

/// A line that begins with the name of a peer.
fn of_peer(parser: &mut Parser, block: &Block, name: &Word, rest: &[Word]) -> Option<Action> {
    let peer = peer_of(parser, name)?;
    let texts: Vec<&str> = rest.iter().map(|word| word.text.as_str()).collect();
    match texts.as_slice() {
        ["sends", "raw"] => {
            let extra = extra(parser, block)?;
            if let [(name, _), ..] = extra.headers.as_slice() {
                parser.helped(
                    block.span,
                    format!("{name}: a raw message is written line by line"),
                    "begin each line with |",
                );
            }
            let text: String = extra.body.iter().map(|line| format!("{line}\r\n")).collect();
            Some(Action::SendVerbatim(peer, Bytes::from(text)))
        }
        ["sends", "file", _] => {
            let bytes = parser.read(rest.get(2)?)?;
            Some(Action::SendVerbatim(peer, Bytes::from(bytes)))
        }
        ["sends", _, ..] => sends(parser, block, peer, rest.get(1..)?),
        ["answers", _, ..] => answers(parser, block, peer, rest.get(1..)?),
        ["always", "answers", method, "with", _, ..] => {
            let codes = statuses(parser, rest.get(4..)?)?;
            Some(Action::Always(peer, (*method).to_owned(), codes))
        }
        ["is", "silent"] => Some(Action::Silent(peer)),
        ["disconnects"] => Some(Action::Disconnect(peer)),
        _ => {
            let help = "a peer sends, answers, always answers, is silent, or disconnects";
            parser.helped(block.span, "this is nothing that a peer does", help);
            None
        }
    }
}

/// The methods of RFC 3261 and its extensions, as a line may begin with them.
const METHODS: &[&str] = &[
    "invite",
    "register",
    "options",
    "message",
    "subscribe",
    "publish",
    "notify",
    "refer",
    "info",
    "bye",
    "ack",
    "cancel",
];

fn is_method(word: &str) -> bool {
    METHODS.contains(&word)
}

/// `invite bob@example.com from alice`: the same as `alice sends INVITE sip:bob@example.com`. A REGISTER goes to the domain and is about the
/// address (RFC 3261 section 10.2).
fn begins(
    parser: &mut Parser,
    block: &Block,
    method: &str,
    target: &Word,
    from: &Word,
    rest: &[Word],
) -> Option<Action> {
    let peer = peer_of(parser, from)?;
    let has_scheme = ["sip:", "sips:", "tel:", "urn:"].iter().any(|scheme| target.text.starts_with(scheme));
    let address = if has_scheme { target.text.clone() } else { format!("sip:{}", target.text) };
    let (scheme, user_host) = address.split_once(':').unwrap_or(("sip", &address));
    let (uri, about) = match user_host.split_once('@') {
        Some((_, host)) if method == "register" => (format!("{scheme}:{host}"), Some(address.clone())),
        _ => (address.clone(), None),
    };
    let extra = extra(parser, block)?;
    let mut sending =
        Sending { method: method.to_ascii_uppercase(), uri: Some(uri), about, extra, ..Sending::default() };
    match rest {
        [] => {}
        [word, call] if word.text == "in" => sending.call = Some(call.text.clone()),
        [word, ..] => {
            parser.helped(
                word.span,
                "this is not how a request is written",
                "invite bob@example.com from alice [in CALL]",
            );
            return None;
        }
    }
    Some(Action::Send(peer, sending))
}

fn sends(parser: &mut Parser, block: &Block, peer: PeerId, words: &[Word]) -> Option<Action> {
    let (method, mut rest) = words.split_first()?;
    let mut sending = Sending { method: method.text.clone(), extra: extra(parser, block)?, ..Sending::default() };
    if let Some((uri, after)) = rest.split_first().filter(|(uri, _)| uri.text.contains(':') || uri.quoted) {
        sending.uri = Some(uri.text.clone());
        rest = after;
    }
    while let Some((word, after)) = rest.split_first() {
        match (word.text.as_str(), after) {
            ("again", _) => sending.again = true,
            ("in", [call, ..]) => sending.call = Some(call.text.clone()),
            _ => {
                parser.helped(
                    word.span,
                    "this is not how a request is written",
                    "alice sends METHOD [URI] [in CALL] [again]",
                );
                return None;
            }
        }
        rest = if word.text == "in" { after.get(1..)? } else { after };
    }
    Some(Action::Send(peer, sending))
}

fn answers(parser: &mut Parser, block: &Block, peer: PeerId, words: &[Word]) -> Option<Action> {
    let end = words.iter().skip(1).position(|word| !word.quoted).map_or(words.len(), |at| at + 1);
    let mut found = statuses(parser, words.get(..end)?)?;
    let status = found.pop()?;
    let mut answering = Answering { status, method: None, call: None, again: false, extra: extra(parser, block)? };
    let mut rest = words.get(end..)?;
    while let Some((word, after)) = rest.split_first() {
        match (word.text.as_str(), after) {
            ("again", _) => answering.again = true,
            ("to", [method, ..]) => answering.method = Some(method.text.clone()),
            ("in", [call, ..]) => answering.call = Some(call.text.clone()),
            _ => {
                let help = "bob answers CODE [\"reason\"] [to METHOD] [in CALL] [again]";
                parser.helped(word.span, "this is not how a reply is written", help);
                return None;
            }
        }
        rest = if word.text == "again" { after } else { after.get(1..)? };
    }
    Some(Action::Answer(peer, answering))
}

/// Codes, each with a quoted reason behind it or without one.
fn statuses(parser: &mut Parser, words: &[Word]) -> Option<Vec<Status>> {
    let mut found: Vec<Status> = Vec::new();
    for word in words {
        match (word.quoted, word.text.parse()) {
            (true, _) if !found.is_empty() => found.last_mut()?.reason = Some(word.text.clone()),
            (false, Ok(code)) if (100..700).contains(&code) => found.push(Status { code, reason: None }),
            _ => {
                parser.fault(word.span, "a reply begins with a code from 100 to 699");
                return None;
            }
        }
    }
    Some(found)
}

/// The rows of a canned answer: names of columns, then cells, parted by `|`; a number is one, NULL is none. Without any line there is no row; the
/// line `fails` alone means that the statement is refused.
pub(super) fn canned(parser: &mut Parser, block: &Block, part: &Word) -> Option<Canned> {
    let part = part.text.clone();
    let (names, rows) = match block.below.split_first() {
        None => return Some(Canned { part, rows: Some(Rows::default()) }),
        Some((line, [])) if line.text.trim() == "fails" => return Some(Canned { part, rows: None }),
        Some((names, rows)) => (cells(names), rows),
    };
    let mut found = Vec::new();
    for line in rows {
        let row = cells(line);
        if row.len() != names.len() {
            let message = format!("this row has {} cells, the answer {} columns", row.len(), names.len());
            parser.helped(line.span, message, "cells are parted by |");
            return None;
        }
        found.extend(row.iter().map(|cell| match (cell.as_str(), cell.parse()) {
            ("NULL", _) => Value::Null,
            (_, Ok(number)) => Value::Int(number),
            (text, Err(_)) => Value::Text(Bytes::copy_from_slice(text.as_bytes())),
        }));
    }
    Some(Canned { part, rows: Some(Rows { columns: names.into_iter().map(Bytes::from).collect(), cells: found }) })
}

fn lose(parser: &mut Parser, words: &[Word]) -> Option<Action> {
    let (next, mut rest) = words.split_first()?;
    let mut count = 1;
    if let Some((number, after)) = rest.split_first()
        && let Ok(number) = number.text.parse()
    {
        count = number;
        rest = after;
    }
    match rest {
        [direction, name] if next.text == "next" && matches!(direction.text.as_str(), "to" | "from") => {
            let peer = peer_of(parser, name)?;
            Some(Action::Lose { peer, to_peer: direction.text == "to", count })
        }
        _ => None,
    }
}

/// Header lines and `|` lines below a step.
pub(super) fn extra(parser: &mut Parser, block: &Block) -> Option<Extra> {
    let mut extra = Extra::default();
    let mut good = true;
    for line in &block.below {
        if let Some(body) = line.text.strip_prefix('|') {
            extra.body.push(body.strip_prefix(' ').unwrap_or(body).to_owned());
        } else if let Some((name, value)) = line.text.split_once(':').filter(|(name, _)| !name.contains(' ')) {
            extra.headers.push((name.to_owned(), value.trim().to_owned()));
        } else {
            parser.helped(line.span, "this is neither a header nor a line of the body", "write Name: value, or | text");
            good = false;
        }
    }
    good.then_some(extra)
}

pub(super) fn peer_of(parser: &mut Parser, name: &Word) -> Option<PeerId> {
    let found = parser.scenario.peer(&name.text);
    if found.is_none() {
        let known: Vec<&str> = parser.scenario.peers.iter().map(|peer| peer.name.as_str()).collect();
        let help = match known.as_slice() {
            [] => format!("name it first: peer {} 192.0.2.10:5060", name.text),
            _ => format!("known are {}; or name it first: peer {} 192.0.2.10:5060", known.join(", "), name.text),
        };
        let names = KEYWORDS.iter().chain(METHODS).copied().chain(known.iter().copied());
        let near = names.filter(|word| strsim::damerau_levenshtein(word, &name.text) <= word.len() / 3);
        let near = near.min_by_key(|word| strsim::damerau_levenshtein(word, &name.text));
        let help = near.map_or(help, |word| format!("did you mean {word}?"));
        let message = format!("there is no peer {}", name.text);
        parser.diagnostics.push(Diagnostic::error("unknown-peer", message, name.span).help(help));
    }
    found
}

/// Words that a line may begin with beside a method and the name of a peer.
const KEYWORDS: &[&str] = &[
    "config",
    "define",
    "strict",
    "allow-unsupported",
    "stand-in",
    "file",
    "database",
    "dns",
    "seed",
    "clock",
    "zone",
    "latency",
    "loss",
    "copies",
    "jitter",
    "machine",
    "listen",
    "peer",
    "table",
    "expect",
    "wait",
    "rpc",
    "reload",
    "stop",
    "show",
    "note",
    "lose",
    "sql",
    "http",
    "location",
    "rtpengine",
];

fn time_of(parser: &mut Parser, word: &Word) -> Option<Duration> {
    let found = duration(&word.text);
    if found.is_none() {
        parser.helped(word.span, "this is no duration", "write for example 500ms, 20s or 2m");
    }
    found
}

fn usage(keyword: &str) -> &'static str {
    match keyword {
        "wait" => "wait 20s, or wait until 30s",
        "database" => {
            "database FILE ... [for PART_OF_URL]; database works, fails, or slow 2s; database answers \"PART OF A STATEMENT\" with rows below"
        }
        "reload" => "reload dispatcher",
        "stop" => "stop",
        "rpc" => "rpc dispatcher.set_state ip 1 sip:10.0.0.11:5060",
        "show" => "show lines, show decision, show flow, or show messages",
        "note" => "note Text",
        "lose" => "lose next to bob, or lose next 2 from bob",
        _ => "sql SELECT * FROM dispatcher",
    }
}
