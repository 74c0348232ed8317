//! Lines that set the stage: the config, the clock, the wires, who takes part.

use super::blocks::Block;
use super::digest::Account;
use super::keyword::{Keyword, Misread, Said, keyword};
use super::parse::Parser;
use super::scenario::PeerLine;
use super::words::{Word, calendar, duration};
use crate::config::Unbuilt;
use crate::sip::Transport;
use jiff::tz::TimeZoneDatabase;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The words.
pub(super) static KEYWORDS: &[&Keyword] = &[
    &word("config", "config FILE", config),
    &word("define", "define NAME, or define NAME value", define),
    &word("strict", "strict", strict),
    &word("stand-in", "stand-in acc siptrace", stand_in),
    &word("file", "file /etc/kamailio/dispatcher.list is dispatcher.list", file),
    &word("allow-unsupported", "allow-unsupported, or allow-unsupported auth", allow_unsupported),
    &word("seed", "seed 7", seed),
    &word("clock", CLOCK, clock),
    &word("zone", "zone Asia/Tokyo", zone),
    &word("latency", "latency 5ms", |parser, _, words| {
        let time = travel(parser, words)?;
        parser.scenario.latency = time.unwrap_or(parser.scenario.latency);
        Ok(Said::Stage)
    }),
    &word("loss", "loss 5%", |parser, _, words| {
        parser.scenario.faults.lost = share(parser, words)?;
        Ok(Said::Stage)
    }),
    &word("copies", "copies 2%", |parser, _, words| {
        parser.scenario.faults.doubled = share(parser, words)?;
        Ok(Said::Stage)
    }),
    &word("jitter", "jitter 20ms", |parser, _, words| {
        let time = travel(parser, words)?;
        parser.scenario.faults.jitter = time.unwrap_or_default();
        Ok(Said::Stage)
    }),
    &word("machine", "machine 198.51.100.1", machine),
    &word("listen", "listen udp:198.51.100.1:5060", listen),
    &word("peer", "peer alice 192.0.2.10:5060 [uses LISTENER] [user NAME] [password WORD]", peer),
    // Tables are taken out before lines are read.
    &Keyword { has_lines: true, ..word("table", "table, with rows below", |_, _, _| Ok(Said::Stage)) },
];

type Read = fn(&mut Parser, &Block, &[Word]) -> Result<Said, Misread>;

const fn word(name: &'static str, usage: &'static str, read: Read) -> Keyword {
    Keyword { name, usage, has_lines: false, read }
}

const CLOCK: &str = "clock 2026-01-31, or clock 2026-01-31 12:00:00";

fn config(parser: &mut Parser, block: &Block, words: &[Word]) -> Result<Said, Misread> {
    let [path] = words else { return Err(Misread::Form) };
    if parser.config.replace(path.span).is_some() {
        parser.fault(block.span, "a scenario has one config");
    }
    parser.scenario.config_span = path.span;
    parser.scenario.config = parser.path(path).unwrap_or_default();
    Ok(Said::Stage)
}

fn define(parser: &mut Parser, _: &Block, words: &[Word]) -> Result<Said, Misread> {
    parser.scenario.defines.push(match words {
        [name] => name.text.clone(),
        [name, value] => format!("{}={}", name.text, value.text),
        _ => return Err(Misread::Form),
    });
    Ok(Said::Stage)
}

fn strict(parser: &mut Parser, _: &Block, words: &[Word]) -> Result<Said, Misread> {
    let [] = words else { return Err(Misread::Form) };
    parser.scenario.strict = true;
    Ok(Said::Stage)
}

fn stand_in(parser: &mut Parser, _: &Block, words: &[Word]) -> Result<Said, Misread> {
    let [_, ..] = words else { return Err(Misread::Form) };
    let modules = words.iter().map(|module| module.text.trim_end_matches(".so").to_owned());
    parser.scenario.stand_ins.extend(modules);
    Ok(Said::Stage)
}

fn file(parser: &mut Parser, _: &Block, words: &[Word]) -> Result<Said, Misread> {
    match words {
        [path, word, stand_in] if word.text == "is" => {
            if let Some(stand_in) = parser.path(stand_in) {
                parser.scenario.files.push((PathBuf::from(&path.text), stand_in));
            }
            Ok(Said::Stage)
        }
        _ => Err(Misread::Form),
    }
}

fn allow_unsupported(parser: &mut Parser, _: &Block, words: &[Word]) -> Result<Said, Misread> {
    let unbuilt = match words {
        [] => Unbuilt::Allowed,
        [word] if word.text == "auth" => Unbuilt::AllowedWithAuthentication,
        _ => return Err(Misread::Form),
    };
    parser.scenario.unbuilt = parser.scenario.unbuilt.max(unbuilt);
    Ok(Said::Stage)
}

fn seed(parser: &mut Parser, _: &Block, words: &[Word]) -> Result<Said, Misread> {
    let [number] = words else { return Err(Misread::Form) };
    match number.text.parse() {
        Ok(seed) => parser.scenario.seed = seed,
        Err(_) => parser.fault(number.span, "a seed is a whole number"),
    }
    Ok(Said::Stage)
}

fn clock(parser: &mut Parser, block: &Block, words: &[Word]) -> Result<Said, Misread> {
    let found = match words {
        [date] => calendar(&date.text, "00:00:00"),
        [date, time] => calendar(&date.text, &time.text),
        _ => return Err(Misread::Form),
    };
    match found {
        Some(clock) => parser.scenario.clock = clock,
        None => parser.helped(block.span, "this is no date", CLOCK),
    }
    Ok(Said::Stage)
}

fn zone(parser: &mut Parser, _: &Block, words: &[Word]) -> Result<Said, Misread> {
    let [name] = words else { return Err(Misread::Form) };
    match TimeZoneDatabase::bundled().get(&name.text) {
        Ok(zone) => parser.scenario.zone = zone,
        Err(_) => parser.helped(name.span, format!("{} is no time zone", name.text), "write for example Asia/Tokyo"),
    }
    Ok(Said::Stage)
}

/// How long a packet travels, or may travel longer.
fn travel(parser: &mut Parser, words: &[Word]) -> Result<Option<Duration>, Misread> {
    let [time] = words else { return Err(Misread::Form) };
    let found = duration(&time.text);
    if found.is_none() {
        parser.helped(time.span, "this is no duration", "write for example 5ms");
    }
    Ok(found)
}

/// A share in percent, of a thousand.
fn share(parser: &mut Parser, words: &[Word]) -> Result<u64, Misread> {
    let [word] = words else { return Err(Misread::Form) };
    let percent = word.text.strip_suffix('%').and_then(|number| number.parse::<f64>().ok());
    Ok(match percent.filter(|percent| (0.0..=100.0).contains(percent)) {
        Some(percent) => (percent * 10.0).round() as u64,
        None => {
            parser.helped(word.span, "this is no share", "write for example 5%");
            0
        }
    })
}

fn machine(parser: &mut Parser, _: &Block, words: &[Word]) -> Result<Said, Misread> {
    let [address] = words else { return Err(Misread::Form) };
    match address.text.parse() {
        Ok(address) => parser.scenario.machine = address,
        Err(_) => parser.helped(address.span, "this is no address", "write for example 198.51.100.1"),
    }
    Ok(Said::Stage)
}

fn listen(parser: &mut Parser, _: &Block, words: &[Word]) -> Result<Said, Misread> {
    let [address] = words else { return Err(Misread::Form) };
    if let Some(address) = place(parser, address) {
        parser.scenario.listen.push(address);
    }
    Ok(Said::Stage)
}

/// An address, by UDP and at port 5060 unless it says otherwise.
fn place(parser: &mut Parser, word: &Word) -> Option<(Transport, SocketAddr)> {
    let kind = word.text.split_once(':').filter(|(kind, _)| Transport::of(kind.as_bytes()).is_some());
    let (transport, text) = match kind {
        None => (Transport::Udp, word.text.as_str()),
        Some((kind, rest)) => match Transport::served(kind.as_bytes()) {
            Some(transport) => (transport, rest),
            None => {
                parser.helped(word.span, format!("{kind} is not served yet"), "peers speak udp or tcp");
                return None;
            }
        },
    };
    let with_port = text.parse().ok();
    let found = with_port.or_else(|| text.parse().ok().map(|ip| SocketAddr::new(ip, 5060)));
    if found.is_none() {
        parser.helped(word.span, "this is no address", "write for example 192.0.2.10:5060");
    }
    found.map(|address| (transport, address))
}

fn peer(parser: &mut Parser, _: &Block, words: &[Word]) -> Result<Said, Misread> {
    let [name, address, more @ ..] = words else { return Err(Misread::Form) };
    let is_known = |pair: &[Word]| matches!(pair[0].text.as_str(), "uses" | "user" | "password");
    if !more.len().is_multiple_of(2) || !more.chunks_exact(2).all(is_known) {
        return Err(Misread::Form);
    }
    if name.text == "alanui" || keyword(&name.text).is_some() {
        parser.fault(name.span, format!("a peer cannot be called {}", name.text));
    } else if parser.scenario.peer(&name.text).is_some() {
        parser.fault(name.span, format!("there is a peer {} already", name.text));
    }
    let given = |wanted: &str| more.chunks_exact(2).find(|pair| pair[0].text == wanted).map(|pair| &pair[1]);
    let uses = given("uses").and_then(|uses| place(parser, uses)).map(|(_, uses)| uses);
    let user = given("user").unwrap_or(name).text.clone();
    let account = given("password").map(|password| Account { user, password: password.text.clone() });
    if let Some((transport, address)) = place(parser, address) {
        let (name, span) = (name.text.clone(), name.span);
        parser.scenario.peers.push(PeerLine { name, span, transport, address, uses, account });
    }
    Ok(Said::Stage)
}
