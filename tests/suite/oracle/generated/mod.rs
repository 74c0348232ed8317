//! Random programs through one Kamailio and through alanui, compared value by value.
//!
//! Left out, for what Kamailio 5.6.3 does there is a defect or garbage:
//! - `selval` where an integer is wanted (it fails), `method` compared with a number;
//! - a transformation behind one of `param`; a second question to an address that does not parse;
//! - `{uri.saor}`, `{uri.suri}` and `{uri.duri}`: one byte of them is anything;
//! - whether `@hf_value` of a missing header is defined: it is, and prints as null;
//! - dividing the smallest integer by -1 (it crashes); comparing with what is divided by zero (garbage);
//! - a route that returns 0 as an operand of a larger expression: whether the script ends depends on whether another call
//!   stands behind it; alanui ends it;
//! - more text than a log line takes.
//!
//! One thing may come up with other seeds and is no fault: inside a larger expression 5.6.3 makes `5 && $x && 5`, an `&&` of two constants
//! and something else, into `$x` itself, so that it is 7 there and 1 where it stands alone; alanui has 1 everywhere.
//!
//! Every program is a route of its own in one configuration; one request runs it. `ALANUI_GENERATED_SEED` gives other programs,
//! `ALANUI_GENERATED_CASES` more or fewer.

mod expression;
mod program;
mod random;
mod refused;
mod words;

use super::super::simulated;
use super::say;
use super::server::{self, Program, Server};
use crate::ports;
use alanui::sip::Message;
use random::Random;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// Programs between two requests whose reply says that all before them have run.
const BATCH: usize = 30;
const START: Duration = Duration::from_secs(30);
const FENCE: Duration = Duration::from_secs(10);

/// Differences that are shown in full.
const SHOWN: usize = 40;
/// Lines of a program that are shown before the one that differs.
const LINES: usize = 6;

pub(super) fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn random_programs_give_what_kamailio_gives() {
    let (seed, count) = (number("ALANUI_GENERATED_SEED", 1), number("ALANUI_GENERATED_CASES", 2000) as usize);
    let programs: Vec<String> = (0..count)
        .map(|at| program::program(&mut Random::new(seed.wrapping_mul(1_000_003).wrapping_add(at as u64)), at))
        .collect();
    if !Program::Kamailio.installed() {
        say(&format!("\ngenerated: KAMAILIO IS NOT INSTALLED. Nothing was compared: {count} programs wait for it.\n"));
        return;
    }
    let port = ports::free();
    let config = config(&programs, port);
    let theirs = kamailio(&config, port, count);
    let ours = alanui(&config, port, count);

    let (mut differences, mut values, mut text) = (0, 0, String::new());
    for (at, program) in programs.iter().enumerate() {
        let none = Vec::new();
        let (theirs, ours) = (theirs.get(&at).unwrap_or(&none), ours.get(&at).unwrap_or(&none));
        assert!(!theirs.is_empty(), "Kamailio printed nothing for\n{program}");
        values += theirs.len();
        if theirs == ours {
            continue;
        }
        differences += 1;
        if differences <= SHOWN {
            let first = (0..).find(|at| theirs.get(*at) != ours.get(*at)).unwrap_or(0);
            let (wanted, got) = (theirs.get(first), ours.get(first));
            let before = first.checked_sub(1).and_then(|at| theirs.get(at)).map_or("nothing", String::as_str);
            if std::env::var_os("ALANUI_GENERATED_WHOLE").is_some() {
                let _ = writeln!(text, "\n{program}");
            }
            let around = excerpt(program, wanted.or(got).map_or("", String::as_str));
            let _ = write!(
                text,
                "\n{at}:\n{around}  before:   {before}\n  Kamailio: {}\n  alanui:   {}\n",
                wanted.map_or("nothing", String::as_str),
                got.map_or("nothing", String::as_str)
            );
        }
    }
    say(&text);
    say(&format!("\ngenerated: {count} cases, {differences} differences ({values} values, seed {seed})\n"));
    assert_eq!(differences, 0, "alanui differs from Kamailio");
}

/// The lines of a program up to the one that printed this.
fn excerpt(program: &str, printed: &str) -> String {
    let place = printed.split(' ').next().unwrap_or_default();
    let lines: Vec<&str> = program.lines().collect();
    let at =
        lines.iter().position(|line| line.contains(&format!(" {place} "))).unwrap_or(lines.len().saturating_sub(1));
    let end = (at + 1).min(lines.len());
    lines[end.saturating_sub(LINES)..end].iter().fold(String::new(), |text, line| text + line + "\n")
}

/// One configuration with a route for every program; the user of the Request-URI says which one runs.
fn config(programs: &[String], port: u16) -> String {
    let mut text = format!("debug=2\nlisten=udp:127.0.0.1:{port}\nchildren=1\ndisable_tcp=yes\nauto_aliases=no\n");
    text.push_str(&modules());
    text.push_str("modparam(\"xlog\", \"prefix\", \"##\")\n");
    text.push_str(
        "request_route {\n    if ($rU == \"fence\") {\n        sl_send_reply(\"200\", \"OK\");\n        exit;\n    }\n    \
         $var(program) = \"C\" + $rU;\n    route($var(program));\n    xinfo(\"$rU returned $rc\\n\");\n    exit;\n}\n",
    );
    for program in programs {
        text.push_str(program);
    }
    text
}

/// Lines that load what programs use.
fn modules() -> String {
    let names = ["pv", "xlog", "tm", "sl", "rr", "siputils", "textops", "textopsx", "kex"];
    names.iter().fold(String::new(), |text, name| format!("{text}loadmodule \"{name}.so\"\n"))
}

fn request(user: &str, port: u16, source: SocketAddr) -> String {
    format!(
        "OPTIONS sip:{user}@127.0.0.1:{port} SIP/2.0\r\nVia: SIP/2.0/UDP {source};branch=z9hG4bK-{user}\r\nMax-Forwards: 70\r\n\
         From: \"Bob B\" <sip:bob@example.com>;tag=ft1\r\nTo: <sip:alice@example.org>\r\nCall-ID: {user}@generated\r\nCSeq: 42 OPTIONS\r\n\
         User-Agent: alanui-test\r\nX-Num: 17\r\nX-Str: abc\r\n\
         X-Rep: one\r\nX-Rep: two;a=2\r\nX-Rep: 3\r\nX-Address: <sip:c@[::1]:5062;lr>;tag=z\r\nContent-Length: 0\r\n\r\n"
    )
}

/// What each program printed.
type Printed = BTreeMap<usize, Vec<String>>;

fn sorted(lines: impl Iterator<Item = String>) -> Printed {
    let mut printed = Printed::new();
    for line in lines {
        let Some((program, value)) = line.split_once(' ') else { continue };
        if let Ok(program) = program.parse() {
            printed.entry(program).or_default().push(value.to_owned());
        }
    }
    printed
}

#[expect(clippy::disallowed_methods, reason = "a server of the real world has real deadlines")]
fn kamailio(config: &str, port: u16, count: usize) -> Printed {
    let mut server = Server::start(Program::Kamailio, server::fresh_folder().unwrap(), config, "").unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let source = socket.local_addr().unwrap();
    let to = SocketAddr::from(([127, 0, 0, 1], port));
    let mut fences = 0;
    let mut fence = |patience: Duration| {
        fences += 1;
        let id = format!("{fences}@generated");
        let text = request("fence", port, source).replace("fence@generated", &id);
        let _ = socket.send_to(text.as_bytes(), to);
        let deadline = Instant::now() + patience;
        let mut buffer = [0; 4096];
        while let Some(left) = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            socket.set_read_timeout(Some(left)).unwrap();
            let Ok((length, _)) = socket.recv_from(&mut buffer) else { continue };
            if String::from_utf8_lossy(&buffer[..length]).contains(&id) {
                return true;
            }
        }
        false
    };
    let deadline = Instant::now() + START;
    while !fence(Duration::from_millis(100)) {
        assert!(!server.ended() && Instant::now() < deadline, "Kamailio does not start\n{}", tail(&server.log()));
    }
    for first in (0..count).step_by(BATCH) {
        for at in first..count.min(first + BATCH) {
            socket.send_to(request(&at.to_string(), port, source).as_bytes(), to).unwrap();
        }
        assert!(
            fence(FENCE),
            "Kamailio has stopped answering between programs {first} and {}\n{}",
            first + BATCH,
            tail(&server.log())
        );
    }
    let log = server.log();
    sorted(log.lines().filter_map(|line| line.split_once("##").map(|(_, text)| text.to_owned())))
}

/// The end of a log.
fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}

fn alanui(config: &str, port: u16, count: usize) -> Printed {
    let (address, source) = (SocketAddr::from(([127, 0, 0, 1], port)), SocketAddr::from(([127, 0, 0, 1], 40404)));
    let mut server = simulated::Server::start(config.as_bytes(), simulated::Stage::default(), address)
        .unwrap_or_else(|refused| panic!("alanui does not start\n{}", refused.drawn));
    let mut lines = Vec::new();
    for at in 0..count {
        server.receive(request(&at.to_string(), port, source), source);
        lines.extend(server.log().0);
    }
    sorted(lines.into_iter())
}

#[test]
fn a_request_is_one() {
    let text = request("1", 5060, SocketAddr::from(([127, 0, 0, 1], 1)));
    assert!(Message::parse(text.into_bytes().into()).is_ok());
}
