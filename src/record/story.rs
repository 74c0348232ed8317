//! From what happened to the lines of a scenario.
//!
//! A peer of the simulator stands for each peer of the capture and is told everything. What it would send by itself need
//! not be written; where the capture differs, the lines say how.

use super::calls;
use super::difference::Comparison;
use super::gathered::{is_sip, value};
use super::traffic::{Event, Kind, NO_TITLE, PeerId, Traffic, title};
use super::translation::Translation;
use crate::builtin::SocketId;
use crate::sim::{Answering, Extra, Peer, PeerLine, Sending, Status, reason_phrase};
use crate::sip::{HeaderName, Message};
use bytes::Bytes;
use rustc_hash::{FxHashMap, FxHashSet};
use std::time::Duration;

/// Gaps up to this long are not worth a line.
const UNNOTICED: Duration = Duration::from_millis(100);
/// Waits are counted in these.
const STEP: Duration = Duration::from_millis(100);
/// How much later than in life a timer may fire in the simulator.
const SLACK: Duration = Duration::from_millis(20);

/// The lines of a scenario that say what happens.
pub(super) struct Story<'a> {
    traffic: &'a Traffic,
    names: &'a [String],
    peers: Vec<Peer>,
    translation: Translation,
    /// Names of calls that happen beside others, by their captured Call-IDs.
    calls: FxHashMap<Vec<u8>, String>,
    /// Calls that turned out to need one.
    unnamed: FxHashSet<Vec<u8>>,
    /// Calls of which the server sent something.
    heard: FxHashSet<Vec<u8>>,
    /// What peers answer by themselves, whoever asks.
    always: FxHashMap<(PeerId, String), u16>,
    full: bool,
    /// What the names of further files begin with.
    stem: &'a str,
    pub(super) lines: Vec<String>,
    /// Files that lines name.
    pub(super) files: Vec<(String, Bytes)>,
    start: Duration,
    /// How far the clock of the simulator has come.
    clock: Duration,
    /// Repetitions that are not told of yet: who did what, and how often.
    repeated: Vec<(String, u32)>,
}

/// Tells what happened. Calls that need a name turn out only on the way: it is told again with those named.
pub(super) fn story<'a>(traffic: &'a Traffic, names: &'a [String], full: bool, stem: &'a str) -> Story<'a> {
    let beside = calls::beside_others(&traffic.events);
    let story = told(traffic, names, full, stem, calls::numbered(beside.clone()));
    if story.unnamed.is_empty() {
        return story;
    }
    let needed: Vec<Vec<u8>> = calls::in_order(&traffic.events)
        .filter(|call| beside.iter().any(|other| other == call) || story.unnamed.contains(*call))
        .map(<[u8]>::to_vec)
        .collect();
    told(traffic, names, full, stem, calls::numbered(needed))
}

fn told<'a>(
    traffic: &'a Traffic,
    names: &'a [String],
    full: bool,
    stem: &'a str,
    calls: FxHashMap<Vec<u8>, String>,
) -> Story<'a> {
    let peer = |(seen, name): (&super::traffic::Seen, &String)| {
        let line = PeerLine::new(name.clone(), seen.address);
        Peer::new(&line, SocketId::default())
    };
    let mut story = Story {
        traffic,
        names,
        peers: traffic.peers.iter().zip(names).map(peer).collect(),
        translation: Translation::default(),
        calls,
        unnamed: FxHashSet::default(),
        heard: calls::heard(&traffic.events),
        always: FxHashMap::default(),
        full,
        stem,
        lines: Vec::new(),
        files: Vec::new(),
        start: traffic.start,
        clock: Duration::ZERO,
        repeated: Vec::new(),
    };
    story.first_pings();
    for event in &traffic.events {
        if !matches!(event.kind, Kind::AnswersPings(.., true)) {
            story.event(event);
        }
    }
    story.tell_repetitions();
    story
}

impl Story<'_> {
    /// Who answers the first ping answers before it, too.
    fn first_pings(&mut self) {
        for event in &self.traffic.events {
            if let Kind::AnswersPings(peer, method, Some(code), true) = &event.kind {
                self.lines.push(format!("{} always answers {method} with {code}", self.names[*peer]));
                self.always.insert((*peer, method.clone()), *code);
            }
        }
        if !self.lines.is_empty() {
            self.lines.push(String::new());
        }
    }

    fn event(&mut self, event: &Event) {
        match &event.kind {
            // A provisional reply that is repeated keeps a proxy waiting (RFC 3261 section 16.7, timer C).
            Kind::SendsAgain(peer, code) if code.len() == 3 && code.starts_with('1') => {
                self.wait(event.at, false);
                self.lines.push(format!("{} answers {code} again", self.names[*peer]));
            }
            Kind::SendsAgain(peer, what) => self.repetition(format!("{} sent {what}", self.names[*peer])),
            Kind::GetsAgain(peer, what) => self.repetition(format!("the server sent {what} to {}", self.names[*peer])),
            Kind::AnswersPings(peer, method, answer, _) => {
                self.wait(event.at, false);
                let name = &self.names[*peer];
                let line = match answer {
                    Some(code) => {
                        self.always.insert((*peer, method.clone()), *code);
                        format!("{name} always answers {method} with {code}")
                    }
                    None => {
                        self.always.retain(|(its, _), _| its != peer);
                        format!("{name} is silent")
                    }
                };
                self.lines.push(line);
            }
            Kind::Gets(peer, packet) => {
                let streamed = packet.transport == super::gathered::Transport::Tcp;
                let translated = self.translation.message(&packet.bytes, streamed);
                self.peers[*peer].receive(&translated, SocketId::default(), true);
                let what = title(&packet.bytes);
                if what != NO_TITLE {
                    self.wait(event.at, true);
                    self.lines.push(format!("expect {} gets {what}", self.names[*peer]));
                }
            }
            Kind::Sends(peer, to, packet) => {
                if self.is_sent_anyway(*peer, &packet.bytes) {
                    return;
                }
                self.wait(event.at, false);
                let streamed = packet.transport == super::gathered::Transport::Tcp;
                let sent = match Message::parse(packet.bytes.clone()) {
                    Ok(message) if message.is_request() => self.request(*peer, &message, streamed),
                    Ok(message) => self.reply(*peer, &message, streamed),
                    Err(_) => None,
                };
                let sent = sent.unwrap_or_else(|| self.verbatim(*peer, &packet.bytes, streamed));
                let call = value(&packet.bytes, HeaderName::CallId).unwrap_or_default();
                if to.is_none() && !self.heard.contains(call) {
                    self.lines.push(format!("expect {} gets nothing", self.names[*peer]));
                }
                if let Some(to) = to {
                    self.peers[*to].receive(&sent, SocketId::default(), true);
                }
            }
        }
    }

    /// Whether a peer that answers pings by itself gives this reply to another request of the method.
    fn is_sent_anyway(&self, peer: PeerId, bytes: &Bytes) -> bool {
        let Ok(message) = Message::parse(bytes.clone()) else { return false };
        let Some(method) = message.status().and(message.cseq()).and_then(|cseq| word(cseq.method_text)) else {
            return false;
        };
        self.always.get(&(peer, method)).copied() == message.status()
    }

    /// Sets what follows apart, with the wait that leads to it.
    fn paragraph(&mut self) {
        let waits = self.lines.last().is_some_and(|line| line.starts_with("wait "));
        let at = self.lines.len() - usize::from(waits);
        if at > 0 && self.lines.get(at - 1).is_some_and(|line| !line.is_empty()) {
            self.lines.insert(at, String::new());
        }
    }

    fn repetition(&mut self, what: String) {
        match self.repeated.iter_mut().find(|(known, _)| *known == what) {
            Some((_, count)) => *count += 1,
            None => self.repeated.push((what, 1)),
        }
    }

    fn tell_repetitions(&mut self) {
        for (what, count) in std::mem::take(&mut self.repeated) {
            let often = if count == 1 { "once more".to_owned() } else { format!("{count} times more") };
            self.lines.push(format!("# {what} {often}"));
        }
    }

    /// Lets the time pass that passed in life. What the server does by itself must have happened at the end of it.
    fn wait(&mut self, at: Duration, of_server: bool) {
        self.tell_repetitions();
        let gap = at.saturating_sub(self.start).saturating_sub(self.clock);
        if gap <= UNNOTICED {
            return;
        }
        let more = if of_server { SLACK + STEP - Duration::from_micros(1) } else { STEP / 2 };
        let steps = (gap + more).as_micros() / STEP.as_micros();
        let wait = STEP * u32::try_from(steps).unwrap_or(u32::MAX);
        self.clock += wait;
        self.lines.push(format!("wait {}", seconds(wait)));
    }

    /// Writes a request; gives it as the scenario's peer sends it.
    fn request(&mut self, peer: PeerId, message: &Message, streamed: bool) -> Option<Bytes> {
        // A word that begins so would be a comment.
        let method = word(message.method_text()).filter(|method| !method.starts_with('#'))?;
        let call_id = message.call_id().to_vec();
        let tag = message.from_tag().map(<[u8]>::to_vec);
        let name = self.calls.get(&call_id).cloned();
        let known = self.translation.knows_call(&call_id);
        let translated = Message::parse(self.translation.message(message.bytes(), streamed)).ok()?;
        let uri = word(translated.request_uri())?;
        let inside = Sending { method: method.clone(), ..Sending::default() };
        let named = Sending { call: name.clone(), ..inside.clone() };
        let elsewhere = Sending { uri: Some(uri.clone()).filter(|_| name.is_some()), ..named.clone() };
        let start = format!("{method} {uri} SIP/2.0");
        let cseq = message.cseq().is_some_and(|cseq| cseq.method_text == message.method_text());
        for sending in [inside, named, elsewhere].into_iter().filter(|_| known && cseq) {
            let Ok(draft) = self.peers[peer].draft(&sending) else { continue };
            let call = draft.text.headers.iter().find(|(name, _)| name == "Call-ID").map(|(_, value)| value.as_bytes());
            if call == Some(translated.call_id()) && draft.text.start == start {
                let extra = self.extra(peer, &draft.text, &translated, false)?;
                self.line_of_request(peer, &sending, &extra);
                return Some(self.peers[peer].send_draft(draft, &extra).bytes);
            }
        }
        if known && name.is_none() {
            self.unnamed.insert(call_id.clone());
        }
        let sending = Sending {
            uri: Some(uri.clone()),
            call: name.filter(|_| !known),
            ..Sending { method, ..Sending::default() }
        };
        let draft = self.peers[peer].draft(&sending).ok()?;
        let made = Message::parse(draft.text.clone().finish(&Extra::default())).ok()?;
        if !known && self.full {
            self.translation.learn_call(&call_id, &String::from_utf8_lossy(&call_id));
        } else if !known {
            let made_tag = made.from_tag().unwrap_or_default();
            self.translation.learn_call(&call_id, &String::from_utf8_lossy(made.call_id()));
            self.translation.learn_tag(&tag.unwrap_or_default(), &String::from_utf8_lossy(made_tag));
        }
        let translated = Message::parse(self.translation.message(message.bytes(), streamed)).ok()?;
        let extra = self.extra(peer, &draft.text, &translated, known || !cseq)?;
        if !known {
            self.paragraph();
        }
        self.line_of_request(peer, &sending, &extra);
        Some(self.peers[peer].send_draft(draft, &extra).bytes)
    }

    /// Writes a reply; gives it as the scenario's peer sends it.
    fn reply(&mut self, peer: PeerId, message: &Message, streamed: bool) -> Option<Bytes> {
        let code = message.status()?;
        let reason = String::from_utf8(message.reason().to_vec()).ok()?;
        if reason.contains(|letter: char| letter == '"' || letter.is_control()) {
            return None;
        }
        let reason = (reason != reason_phrase(code)).then_some(reason);
        let status = Status { code, reason };
        let branch = message.via()?.branch()?.to_vec();
        let cseq = message.cseq()?;
        let method = word(cseq.method_text)?;
        let call = self.calls.get(message.call_id()).cloned();
        let forms = [(None, None), (Some(method.clone()), None), (None, call.clone()), (Some(method.clone()), call)];
        // Pings that wait for an answer stand between, and not always at the same places.
        let silent = self.traffic.peers.get(peer).is_some_and(|seen| seen.silent);
        for (to, call) in forms.into_iter().filter(|(to, _)| to.is_some() || !silent) {
            let answering =
                Answering { status: status.clone(), method: to, call, again: false, extra: Extra::default() };
            let Ok(draft) = self.peers[peer].draft_answer(&answering) else { continue };
            let asked = draft.request.via().and_then(|via| via.branch()).unwrap_or_default();
            if asked != branch || draft.request.method_text() != method.as_bytes() {
                continue;
            }
            if let Some(tag) = message.to_tag().filter(|_| !self.full) {
                let asked_tag = draft.request.to_tag().is_some();
                if !asked_tag {
                    self.translation.learn_tag(tag, &draft.tag);
                }
            }
            let translated = Message::parse(self.translation.message(message.bytes(), streamed)).ok()?;
            let extra = self.extra(peer, &draft.text, &translated, false)?;
            self.line_of_reply(peer, &answering, &extra);
            return self.peers[peer].send_answer(draft, &extra).map(|packet| packet.bytes);
        }
        None
    }

    fn extra(&self, peer: PeerId, draft: &crate::sim::Text, captured: &Message, apart: bool) -> Option<Extra> {
        let address = self.traffic.peers.get(peer)?.address;
        Comparison { draft, captured, address, full: self.full, apart }.extra()
    }

    fn line_of_request(&mut self, peer: PeerId, sending: &Sending, extra: &Extra) {
        let mut line = format!("{} sends {}", self.names[peer], sending.method);
        if let Some(uri) = &sending.uri {
            let bare = uri.contains(':') && !uri.starts_with('#');
            line.push_str(&if bare { format!(" {uri}") } else { format!(" \"{uri}\"") });
        }
        if let Some(call) = &sending.call {
            line.push_str(&format!(" in {call}"));
        }
        self.step(line, extra);
    }

    fn line_of_reply(&mut self, peer: PeerId, answering: &Answering, extra: &Extra) {
        let mut line = format!("{} answers {}", self.names[peer], answering.status.code);
        if let Some(reason) = &answering.status.reason {
            line.push_str(&format!(" \"{reason}\""));
        }
        for (word, value) in [(" to ", &answering.method), (" in ", &answering.call)] {
            if let Some(value) = value {
                line.push_str(&format!("{word}{value}"));
            }
        }
        self.step(line, extra);
    }

    fn step(&mut self, line: String, extra: &Extra) {
        self.lines.push(line);
        self.lines.extend(extra.headers.iter().map(|(name, value)| format!("  {name}: {value}").trim_end().to_owned()));
        self.lines.extend(extra.body.iter().map(|line| format!("  | {line}")));
    }

    /// Writes bytes as they are: line by line, or in a file of their own when that would not give them back.
    fn verbatim(&mut self, peer: PeerId, bytes: &Bytes, streamed: bool) -> Bytes {
        let bytes = if is_sip(bytes) { self.translation.message(bytes, streamed) } else { bytes.clone() };
        let name = &self.names[peer];
        let text = std::str::from_utf8(&bytes).ok().and_then(|text| text.strip_suffix("\r\n"));
        let plain = |line: &str| !line.contains(|letter: char| letter.is_control() && letter != '\t');
        match text.filter(|text| text.split("\r\n").all(plain)) {
            Some(text) => {
                self.lines.push(format!("{name} sends raw"));
                self.lines.extend(text.split("\r\n").map(|line| format!("  | {line}").trim_end().to_owned()));
            }
            None => {
                let file = format!("{}-{}.sip", self.stem, self.files.len() + 1);
                self.lines.push(format!("{name} sends file {file}"));
                self.files.push((file, bytes.clone()));
            }
        }
        bytes
    }
}

/// Bytes as one word of a scenario's line.
fn word(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8(bytes.to_vec()).ok()?;
    let bad = |letter: char| letter.is_whitespace() || letter.is_control() || letter == '"';
    (!text.is_empty() && !text.contains(bad) && !matches!(text.as_str(), "raw" | "file")).then_some(text)
}

/// A wait as a person writes it.
fn seconds(wait: Duration) -> String {
    match (wait.as_secs(), wait.subsec_millis() / 100) {
        (seconds, 0) => format!("{seconds}s"),
        (seconds, tenth) => format!("{seconds}.{tenth}s"),
    }
}
