//! Plays one sequence through one server and keeps what every peer got.
//!
//! Nothing sleeps. After each message a *fence* goes to the server, a request with no hops left that every configuration
//! answers at once: when its 483 is there, the message before it has been dealt with.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use crate::ports;
use alanui::sip::Transport;

use super::normalise::Normaliser;
use super::peers::{NAMES, Peer};
use super::relay::{self, Relay};
use super::sequence::{Action, Sequence, Step};
use super::server::{self, Program, Server};

const START: Duration = Duration::from_secs(15);
const FENCE: Duration = Duration::from_secs(5);
const EXPECT: Duration = Duration::from_secs(10);
/// How long a server may take to see that a connection is closed.
const NOTICED: Duration = Duration::from_millis(100);
/// A server that hands work to other threads may still be writing when it answers the fence.
const QUIET: Duration = Duration::from_millis(25);
/// Where somebody speaks TCP the fence, which comes by UDP, may overtake what it stands behind.
const STREAM_QUIET: Duration = Duration::from_millis(150);

/// How long nothing must come before a step counts as dealt with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Pace {
    /// Enough on a machine that has nothing else to do.
    Brisk,
    /// Enough where others keep every core busy.
    Patient,
}

impl Pace {
    fn quiet(self, streamed: bool) -> Duration {
        let quiet = if streamed { STREAM_QUIET } else { QUIET };
        match self {
            Pace::Brisk => quiet,
            Pace::Patient => 12 * quiet,
        }
    }
}

/// What each peer got, made comparable.
pub(super) struct Record {
    pub(super) peers: Vec<(&'static str, Vec<String>)>,
}

impl Record {
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for (name, messages) in &self.peers {
            for message in messages {
                text.push_str(&format!("--- {name}\n{message}"));
            }
        }
        text
    }
}

pub(super) fn play(sequence: &Sequence, program: Program, pace: Pace) -> Result<Record, String> {
    let mut stage = Stage::open(sequence, program, pace)?;
    for step in &sequence.steps {
        stage.step(step).map_err(|reason| format!("{reason}\n{}", stage.server.log()))?;
    }
    if program == Program::Kamailio && !stage.missed.is_empty() {
        return Err(format!("the sequence asks for what does not happen: {}", stage.missed.join(", ")));
    }
    let record = stage.record(&sequence.once);
    let silent = record.peers.iter().all(|(_, messages)| messages.is_empty());
    if program == Program::Kamailio && silent != sequence.silence {
        return Err("`silence` belongs below the heading when, and only when, nobody gets anything".to_owned());
    }
    Ok(record)
}

struct Stage {
    server: Server,
    peers: Vec<Peer>,
    relays: Vec<Relay>,
    address: SocketAddr,
    second: SocketAddr,
    fence: UdpSocket,
    fences: u32,
    /// How long it waits after each step.
    quiet: Duration,
    normaliser: Normaliser,
    /// The Call-ID of the last message sent: a fence belongs to its call, behind whatever that message still waits for.
    call: Option<String>,
    /// What a step waited for in vain.
    missed: Vec<String>,
}

impl Stage {
    fn open(sequence: &Sequence, program: Program, pace: Pace) -> Result<Self, String> {
        let failed = |error: std::io::Error| error.to_string();
        let peers = NAMES.into_iter().map(|name| {
            let streamed = sequence.tcp.iter().any(|its| its == name);
            Peer::new(name, if streamed { Transport::Tcp } else { Transport::Udp })
        });
        let peers = peers.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let relays = relay::NAMES.into_iter().map(Relay::start).collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let folder = server::fresh_folder().map_err(failed)?;
        let [address, second] = [(); 2].map(|()| SocketAddr::from(([127, 0, 0, 1], ports::free())));

        let mut values = sequence.settings.clone();
        values.push(("SERVER".into(), address.port().to_string()));
        values.push(("SECOND".into(), second.port().to_string()));
        values.push(("DATABASE".into(), server::database(&folder).display().to_string()));
        for peer in &peers {
            values.push((peer.name.to_uppercase(), peer.address.port().to_string()));
        }
        for relay in &relays {
            values.push((relay.name.to_uppercase(), relay.address.port().to_string()));
        }
        values.push(("READ".into(), String::new()));
        values.push(("WRITE".into(), String::new()));
        // Long enough that no sequence is overtaken by a timer it does not ask for.
        values.push(("FR_TIMER".into(), "60000".into()));
        values.push(("FR_INV_TIMER".into(), "60000".into()));
        values.push(("PING_INTERVAL".into(), "30".into()));
        values.push(("PROBING_MODE".into(), "0".into()));
        let read = |name: &str| {
            let mut text =
                std::fs::read_to_string(super::folder().join(name)).map_err(|error| format!("{name}: {error}"))?;
            for (name, value) in &values {
                text = text.replace(&format!("@{name}@"), value);
            }
            Ok::<_, String>(text)
        };
        let config = read(&format!("{}.cfg.in", sequence.config))?;
        let tables = read("tables.sql.in")?;

        let mut names = vec![(address, "server".to_owned()), (second, "second".to_owned())];
        names.extend(peers.iter().map(|peer| (peer.address, peer.name.to_owned())));
        names.extend(relays.iter().map(|relay| (relay.address, relay.name.to_owned())));
        let fence = UdpSocket::bind("127.0.0.1:0").map_err(failed)?;
        let server = Server::start(program, folder, &config, &tables).map_err(failed)?;
        let normaliser = Normaliser::new(names);
        let quiet = pace.quiet(!sequence.tcp.is_empty());
        let (call, missed) = (None, Vec::new());
        let mut stage =
            Self { server, peers, relays, address, second, fence, fences: 0, quiet, normaliser, call, missed };
        stage.await_start()?;
        Ok(stage)
    }

    #[expect(clippy::disallowed_methods, reason = "a server of the real world has real deadlines")]
    fn await_start(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + START;
        while Instant::now() < deadline {
            if self.fenced(Duration::from_millis(50)) {
                return Ok(());
            }
            if self.server.ended() {
                return Err(format!("the server has ended\n{}", self.server.log()));
            }
        }
        Err(format!("the server does not answer\n{}", self.server.log()))
    }

    /// Sends a fence; true when its answer came in time.
    #[expect(clippy::disallowed_methods, reason = "a server of the real world has real deadlines")]
    fn fenced(&mut self, patience: Duration) -> bool {
        self.fences += 1;
        let id = format!("fence-{}@oracle", self.fences);
        let Ok(me) = self.fence.local_addr() else { return false };
        let call = self.call.as_deref().unwrap_or(&id);
        let request = format!(
            "OPTIONS sip:fence@fence.invalid SIP/2.0\r\nVia: SIP/2.0/UDP {me};branch=z9hG4bK-{id}\r\nMax-Forwards: 0\r\n\
             From: <sip:fence@fence.invalid>;tag=fence\r\nTo: <sip:fence@fence.invalid>\r\nCall-ID: {call}\r\n\
             CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        );
        let _ = self.fence.send_to(request.as_bytes(), self.address);
        let deadline = Instant::now() + patience;
        let mut buffer = [0; 4096];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || self.fence.set_read_timeout(Some(left)).is_err() {
                return false;
            }
            if let Ok((length, _)) = self.fence.recv_from(&mut buffer)
                && String::from_utf8_lossy(&buffer[..length]).contains(&id)
            {
                return true;
            }
        }
    }

    /// Waits until the server has dealt with everything sent to it.
    fn settle(&mut self) -> Result<(), String> {
        if !self.fenced(FENCE) {
            return Err("the server has stopped answering".to_owned());
        }
        self.collect();
        while self.pause(self.quiet) {}
        Ok(())
    }

    /// Lets this much time pass on the idle socket of the fence; true when a peer got something.
    fn pause(&mut self, time: Duration) -> bool {
        let mut buffer = [0; 4096];
        let _ = self.fence.set_read_timeout(Some(time));
        let _ = self.fence.recv_from(&mut buffer);
        self.collect()
    }

    /// Takes what has arrived everywhere; true when there was something.
    fn collect(&mut self) -> bool {
        let mut some = false;
        for peer in &mut self.peers {
            let before = peer.received.len();
            some |= peer.collect();
            for received in &peer.received[before..] {
                self.normaliser.came(&received.bytes);
            }
        }
        some
    }

    fn step(&mut self, step: &Step) -> Result<(), String> {
        let place = self.peers.iter().position(|peer| peer.name == step.peer);
        let place = place.ok_or_else(|| format!("nobody is called {}", step.peer))?;
        let mut to = self.address;
        let peer = &mut self.peers[place];
        let message = match &step.action {
            Action::Call(name) => {
                peer.call.clone_from(name);
                return Ok(());
            }
            Action::Expect { start, again } => return self.expect(place, start, *again),
            Action::Repeat => peer.last_sent.clone(),
            Action::Disconnect => {
                peer.line.disconnect();
                // Nobody tells when the server has seen it.
                self.pause(NOTICED);
                return Ok(());
            }
            Action::SendBytes(escaped) => unescape(&self.fill(place, escaped)?),
            Action::SendText(lines) => {
                let end = if lines.iter().any(String::is_empty) { "\r\n" } else { "\r\n\r\n" };
                self.fill(place, &format!("{}{end}", lines.join("\r\n")))?.into_bytes()
            }
            Action::Send { start, block } => {
                let message = peer.make_request(start, block);
                self.fill(place, &message)?.into_bytes()
            }
            Action::Answer { method, status, block } => match peer.reply(method, status, block) {
                Some((message, from)) => {
                    // Where its connection is closed, a reply goes to the address in Via.
                    to = if peer.line.reaches(from) { from } else { self.address };
                    self.fill(place, &message)?.into_bytes()
                }
                None => {
                    self.miss(place, format!("a {method} to answer"));
                    return Ok(());
                }
            },
        };
        self.call = call_id(&message);
        self.normaliser.went(&message);
        let peer = &mut self.peers[place];
        peer.line.send(&message, to).map_err(|error| error.to_string())?;
        peer.last_sent = message;
        self.settle()
    }

    #[expect(clippy::disallowed_methods, reason = "a server of the real world has real deadlines")]
    fn expect(&mut self, place: usize, start: &str, again: bool) -> Result<(), String> {
        let deadline = Instant::now() + EXPECT;
        let begins = unescape(start);
        loop {
            let found = self.peers[place]
                .received
                .iter_mut()
                .find(|received| !received.expected && received.again == again && received.bytes.starts_with(&begins));
            if let Some(found) = found {
                found.expected = true;
                return self.settle();
            }
            if Instant::now() >= deadline {
                self.miss(place, if again { format!("`{start}` again") } else { format!("`{start}`") });
                return Ok(());
            }
            self.pause(Duration::from_millis(10));
        }
    }

    /// Something that was waited for did not come, which is a difference of its own.
    fn miss(&mut self, place: usize, what: String) {
        let name = self.peers[place].name;
        self.normaliser.remark(name, format!("(waited in vain for {what})\n"));
        self.missed.push(format!("{name} waited for {what}"));
    }

    /// Replaces every `{name}`, and `{length}` by the length of what follows the empty line.
    fn fill(&self, place: usize, template: &str) -> Result<String, String> {
        let peer = &self.peers[place];
        let mut filled = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let Some((name, after)) = after.split_once('}') else { return Err(format!("unclosed brace: {template}")) };
            filled.push_str(&self.value(peer, name).ok_or_else(|| format!("unknown name {{{name}}}"))?);
            rest = after;
        }
        filled.push_str(rest);
        let length = filled.split_once("\r\n\r\n").map_or(0, |(_, body)| body.len());
        Ok(filled.replace("{length}", &length.to_string()))
    }

    fn value(&self, peer: &Peer, name: &str) -> Option<String> {
        if name == "length" {
            return Some("{length}".to_owned());
        }
        if let Some((letter, count)) = name.split_once('*') {
            return Some(letter.repeat(count.parse().ok()?));
        }
        let known = [("server", self.address), ("second", self.second)];
        let known = known.into_iter().chain(self.peers.iter().map(|peer| (peer.name, peer.address)));
        for (known, address) in known {
            if name == known {
                return Some(address.to_string());
            }
            if name.strip_suffix(".port") == Some(known) {
                return Some(address.port().to_string());
            }
        }
        peer.recall(name)
    }

    fn record(mut self, once: &[String]) -> Record {
        self.collect();
        let mut peers = Vec::new();
        for peer in &self.peers {
            let mut seen = vec![false; once.len()];
            let first = peer.received.iter().filter(|received| {
                let text = String::from_utf8_lossy(&received.bytes);
                let kept = once.iter().position(|start| text.starts_with(start.as_str()));
                !received.again && kept.is_none_or(|index| !std::mem::replace(&mut seen[index], true))
            });
            peers.push((peer.name, self.normaliser.record(peer.name, first.map(|received| received.bytes.as_slice()))));
        }
        for relay in &self.relays {
            let commands = relay.commands();
            let commands = self.normaliser.record(relay.name, commands.iter().map(String::as_bytes));
            peers.push((relay.name, commands));
        }
        Record { peers }
    }
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let meant = if character == '\\' { characters.next() } else { None };
        match meant {
            Some('r') => bytes.push(b'\r'),
            Some('n') => bytes.push(b'\n'),
            Some('t') => bytes.push(b'\t'),
            Some('0') => bytes.push(0),
            Some('x') => bytes.push(0xff),
            _ => bytes.extend_from_slice(meant.unwrap_or(character).encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes
}

/// The Call-ID of a message, when it has one that can be written again.
fn call_id(message: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(message).ok()?;
    let line = text.lines().find(|line| line.to_ascii_lowercase().starts_with("call-id:"))?;
    let id = line.split_once(':')?.1.trim();
    (!id.is_empty()).then(|| id.to_owned())
}
