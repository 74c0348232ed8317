//! A message changed at random.

use super::input::Input;
use super::seeds::METHODS;
use super::words::{Foreign, Words};
use crate::builtin::Random;
use std::time::Duration;

/// What the world answers to what is sent on.
const ANSWERS: [&[u16]; 10] =
    [&[200], &[200], &[180, 200], &[], &[100], &[404], &[100, 486], &[503], &[183, 600], &[302]];

/// Numbers that servers stumble over.
const NUMBERS: [&str; 12] =
    ["0", "1", "-1", "70", "255", "256", "2147483648", "4294967296", "99999999999999999999", "", "abc", "3600"];

/// Bytes that mean something somewhere.
const NOISE: &[u8] = b" ;:<>@\"\\,=%[]\t\r\n\0\xff?&0aZ";

/// A message like one of these, changed in a few places. `before` is the number of the message sent last.
pub(super) fn mutated(models: &[Input], words: &Words, number: u32, before: u32, random: &mut Random) -> Input {
    let Some(mut input) = pick(models, random).cloned() else {
        return super::seeds::plain("OPTIONS", "sip:{server}");
    };
    input.number = number;
    if random.below(8) == 0 {
        input.answers = pick(&ANSWERS, random).copied().unwrap_or_default();
    }
    if random.below(50) == 0 {
        input.pause = Duration::from_secs(1 + random.below(60));
    }
    for _ in 0..=random.below(4) {
        change(&mut input, models, words, before, random);
    }
    input
}

fn pick<'a, T>(from: &'a [T], random: &mut Random) -> Option<&'a T> {
    from.get(random.below(from.len() as u64) as usize)
}

fn word<'a>(words: &'a Words, random: &mut Random) -> &'a str {
    match random.below(8) {
        0 => pick(&NUMBERS, random).copied().unwrap_or_default(),
        1..4 if !words.compared.is_empty() => pick(&words.compared, random).map_or("x", String::as_str),
        _ => pick(&words.all, random).map_or("x", String::as_str),
    }
}

/// A host: one of the config, the server, or one that the config does not speak of.
fn host(words: &Words, random: &mut Random) -> String {
    match random.below(5) {
        0 => "{server}".to_owned(),
        1 => words.foreign.elsewhere.to_string(),
        2 => Foreign::DOMAIN.to_owned(),
        _ => pick(&words.hosts, random).cloned().unwrap_or_else(|| "{server}".to_owned()),
    }
}

/// One change.
fn change(input: &mut Input, models: &[Input], words: &Words, before: u32, random: &mut Random) {
    match random.below(20) {
        0 => uri(input, words, random),
        1 => {
            let user = word(words, random).to_owned();
            user_of(input, &user);
        }
        2 => method(input, pick(&METHODS, random).copied().unwrap_or("OPTIONS")),
        3 | 4 => {
            let line = 1 + random.below(input.lines.len() as u64) as usize;
            let value = word(words, random);
            if let Some(line) = input.lines.get_mut(line) {
                let end = line.iter().position(|byte| *byte == b':').map_or(0, |at| at + 1);
                line.truncate(end);
                line.push(b' ');
                line.extend_from_slice(value.as_bytes());
            }
        }
        5 | 6 => {
            let name = pick(&words.headers, random).map_or("X-Any", String::as_str);
            input.set(name, word(words, random).as_bytes());
        }
        7 => {
            let at = 1 + random.below(input.lines.len() as u64) as usize;
            if at < input.lines.len() {
                input.lines.remove(at);
            }
        }
        8 => {
            if let Some(line) = pick(&input.lines, random).cloned() {
                input.lines.push(line);
            }
        }
        9 => bytes(input, random),
        10 => party(input, "From", ";tag=f{n}", words, random),
        11 => party(input, "To", if random.below(2) == 0 { "" } else { ";tag=t{n}" }, words, random),
        12 => everywhere(input, words, random),
        13 => {
            let route = match random.below(3) {
                0 => "<sip:{server};lr>".to_owned(),
                1 => format!("<sip:{{server}};lr>, <sip:{};lr>", host(words, random)),
                _ => format!("<sip:{};lr>", host(words, random)),
            };
            input.set("Route", route.as_bytes());
        }
        14 => {
            input.body = match random.below(3) {
                0 => Vec::new(),
                1 => format!("{}\r\n", word(words, random)).into_bytes(),
                _ => pick(models, random).map(|model| model.body.clone()).unwrap_or_default(),
            };
        }
        15 => input.set("Max-Forwards", pick(&NUMBERS, random).copied().unwrap_or("0").as_bytes()),
        16 => input.source = if random.below(3) == 0 { None } else { pick(&words.addresses, random).copied() },
        17 => input.number = before,
        18 => splice(input, models, random),
        _ => {
            input.number = before;
            method(input, if random.below(2) == 0 { "CANCEL" } else { "ACK" });
        }
    }
}

fn start(input: &mut Input, make: impl FnOnce(&str, &str) -> String) {
    let Some(line) = input.lines.first_mut() else { return };
    let text = String::from_utf8_lossy(line).into_owned();
    let mut parts = text.splitn(3, ' ');
    if let (Some(method), Some(uri)) = (parts.next(), parts.next()) {
        *line = make(method, uri).into_bytes();
    }
}

fn method(input: &mut Input, method: &str) {
    start(input, |_, uri| format!("{method} {uri} SIP/2.0"));
}

fn uri(input: &mut Input, words: &Words, random: &mut Random) {
    let host = host(words, random);
    let more = ["", "", "", ":5060", ";transport=tcp", ";lr", ":0", ";maddr=10.0.0.8"];
    let more = pick(&more, random).copied().unwrap_or_default();
    start(input, |method, uri| {
        let user = uri.rsplit_once('@').map_or("sip:bob", |(user, _)| user);
        format!("{method} {user}@{host}{more} SIP/2.0")
    });
}

fn user_of(input: &mut Input, user: &str) {
    start(input, |method, uri| {
        let host = uri.rsplit_once('@').map_or("{server}", |(_, host)| host);
        let user: String = user.chars().filter(|c| !c.is_whitespace()).collect();
        format!("{method} sip:{user}@{host} SIP/2.0")
    });
}

fn party(input: &mut Input, name: &str, tag: &str, words: &Words, random: &mut Random) {
    let user = word(words, random).to_owned();
    let host = host(words, random);
    let display = if random.below(3) == 0 { format!("\"{}\" ", word(words, random)) } else { String::new() };
    input.set(name, format!("{display}<sip:{user}@{host}>{tag}").as_bytes());
}

/// One host in the Request-URI, To and From: configs compare them.
fn everywhere(input: &mut Input, words: &Words, random: &mut Random) {
    let host = host(words, random);
    start(input, |method, _| format!("{method} sip:bob@{host} SIP/2.0"));
    input.set("To", format!("<sip:bob@{host}>").as_bytes());
    input.set("From", format!("<sip:alice@{host}>;tag=f{{n}}").as_bytes());
}

/// Noise in one line.
fn bytes(input: &mut Input, random: &mut Random) {
    let at = random.below(input.lines.len() as u64) as usize;
    let Some(line) = input.lines.get_mut(at) else { return };
    let place = random.below(line.len() as u64 + 1) as usize;
    match random.below(4) {
        0 if place < line.len() => {
            line.remove(place);
        }
        1 => line.truncate(place),
        2 => {
            let end = usize::min(line.len(), place + 8);
            let copy = line.get(place..end).unwrap_or_default().to_vec();
            line.splice(place..place, copy);
        }
        _ => line.insert(place, pick(NOISE, random).copied().unwrap_or(b' ')),
    }
}

/// A line of another message.
fn splice(input: &mut Input, models: &[Input], random: &mut Random) {
    let Some(line) = pick(models, random).and_then(|model| pick(model.lines.get(1..)?, random)) else { return };
    let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
    let place = input.place(&String::from_utf8_lossy(name));
    match place.and_then(|at| input.lines.get_mut(at)) {
        Some(place) => *place = line.clone(),
        None => input.lines.push(line.clone()),
    }
}
