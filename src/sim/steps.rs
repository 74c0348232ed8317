//! Lines of peers, and those of time and telling: `wait`, `lose`, `show`, `note`.

use super::blocks::Block;
use super::keyword::{Keyword, Misread, Said, keywords};
use super::parse::Parser;
use super::scenario::{Action, Answering, Extra, PeerId, Sending, Status};
use super::words::{Word, duration_of};
use crate::source::Diagnostic;
use crate::story::Detail;
use bytes::Bytes;

/// The words.
pub(super) static KEYWORDS: &[&Keyword] = &[
    &Keyword { name: "wait", usage: "wait 20s, or wait until 30s", has_lines: false, read: wait },
    &Keyword { name: "lose", usage: "lose next to bob, or lose next 2 from bob", has_lines: false, read: lose },
    &Keyword {
        name: "show",
        usage: "show lines, show decision, show flow, or show messages",
        has_lines: false,
        read: show,
    },
    &Keyword { name: "note", usage: "note Text", has_lines: false, read: note },
];

fn wait(parser: &mut Parser, _: &Block, words: &[Word]) -> Result<Said, Misread> {
    let (time, is_until) = match words {
        [word, time] if word.text == "until" => (time, true),
        [time] => (time, false),
        _ => return Err(Misread::Form),
    };
    let time = duration_of(parser, time).ok_or(Misread::Reported)?;
    Ok(Said::Happens(if is_until { Action::WaitUntil(time) } else { Action::Wait(time) }))
}

fn show(_: &mut Parser, _: &Block, words: &[Word]) -> Result<Said, Misread> {
    let [word] = words else { return Err(Misread::Form) };
    let detail = match word.text.as_str() {
        "lines" => Detail::Lines,
        "decision" => Detail::Decision,
        "flow" => Detail::Flow,
        "messages" => Detail::Messages,
        _ => return Err(Misread::Form),
    };
    Ok(Said::Happens(Action::Show(detail)))
}

fn note(_: &mut Parser, block: &Block, words: &[Word]) -> Result<Said, Misread> {
    let [_, ..] = words else { return Err(Misread::Form) };
    Ok(Said::Happens(Action::Note(block.rest().to_owned())))
}

fn lose(parser: &mut Parser, _: &Block, words: &[Word]) -> Result<Said, Misread> {
    let (count, direction, name) = match words {
        [next, direction, name] if next.text == "next" => (1, direction, name),
        [next, count, direction, name] if next.text == "next" => {
            (count.text.parse().map_err(|_| Misread::Form)?, direction, name)
        }
        _ => return Err(Misread::Form),
    };
    let to_peer = match direction.text.as_str() {
        "to" => true,
        "from" => false,
        _ => return Err(Misread::Form),
    };
    let peer = peer_of(parser, name).ok_or(Misread::Reported)?;
    Ok(Said::Happens(Action::Lose { peer, to_peer, count }))
}

/// A line that begins with a method or the name of a peer.
pub(super) fn of_peers(parser: &mut Parser, block: &Block, first: &Word, rest: &[Word]) -> Option<Action> {
    let method = first.text.as_str();
    let is_named = parser.scenario.peer(method).is_some();
    match rest {
        [target, from, peer, rest @ ..] if from.text == "from" && !is_named => {
            begins(parser, block, method, target, peer, rest)
        }
        _ if is_method(method) && !is_named => {
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
        let words = keywords().map(|row| row.name);
        let names = words.chain(METHODS.iter().copied()).chain(known.iter().copied());
        let near = names.filter(|word| strsim::damerau_levenshtein(word, &name.text) <= word.len() / 3);
        let near = near.min_by_key(|word| strsim::damerau_levenshtein(word, &name.text));
        let help = near.map_or(help, |word| format!("did you mean {word}?"));
        let message = format!("there is no peer {}", name.text);
        parser.diagnostics.push(Diagnostic::error("unknown-peer", message, name.span).help(help));
    }
    found
}
