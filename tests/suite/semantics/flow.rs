//! Whole configs between a sender and a scripted next hop.

use super::super::simulated::{Server, Stage};
use super::row::{Row, unescaped};
use super::snippet::{SENDER, SERVER, address, head, logged, message, ports, shown, start, status};
use alanui::sip::{Message, Reply};
use alanui::world::Transmit;
use std::time::Duration;

/// Where the next hop is; in results `UPORT`.
const HOP: &str = "127.0.0.1:42001";

/// How long a row is watched: long enough for the timers of the server when the next hop says nothing.
const WATCHED: Duration = Duration::from_millis(1200);
const WATCHED_IN_SILENCE: Duration = Duration::from_secs(5);

pub(super) fn play(row: &Row) -> String {
    let modules = ["pv", "xlog", "sl", "tm", "tmx", "rr", "maxfwd", "siputils", "textops", "textopsx", "kex", "corex"];
    let mut config = head(&modules, SERVER);
    config.push_str("modparam(\"tm\", \"fr_timer\", 1500)\nmodparam(\"tm\", \"fr_inv_timer\", 2500)\n");
    config.push_str(&unescaped(row.text()).replace("UPORT", "42001"));
    let server = match start(&config, Stage::default(), SERVER) {
        Ok(server) => server,
        Err(why) => return why,
    };
    let (method, codes) = scripted(&row.note);
    let mut scene = Scene { server, codes, next: 0, hop: Vec::new(), answers: Vec::new(), replies: Vec::new() };
    let sent = scene.server.receive(message(&method, "c1", &row.id), address(SENDER));
    scene.deliver(sent);
    let answered = scene.hop.is_empty() || scene.codes.iter().any(|code| *code >= 200);
    let silent = scene.replies.is_empty() && (!answered || scene.hop.is_empty());
    let watched = if silent { WATCHED_IN_SILENCE } else { WATCHED };
    let end = scene.server.micros() + watched.as_micros() as u64;
    while let Some(left) = end.checked_sub(scene.server.micros()) {
        let Some(sent) = scene.server.wait(Duration::from_micros(left)) else { break };
        scene.deliver(sent);
    }
    let (lines, own) = scene.server.log();
    let prints = if lines.is_empty() { "nothing".to_owned() } else { shown(&lines) };
    let hop = scene.hop_seen(row);
    let replies = scene.replies_seen(row);
    let logs = if row.observed.contains("; logs ") { logged(&own).replace(" ;", ";") } else { String::new() };
    format!("prints: {prints}; next hop gets: {hop}; sender gets: {replies}{logs}")
}

/// The method and the answers that a note names.
fn scripted(note: &str) -> (String, Vec<u16>) {
    let mut words = note.split("; ");
    let method = words.next().and_then(|word| word.strip_prefix("method ")).unwrap_or("MESSAGE").to_owned();
    let answers = words.next().and_then(|word| word.strip_prefix("next hop answers ")).unwrap_or("200");
    (method, answers.split(',').filter_map(|code| code.parse().ok()).collect())
}

struct Scene {
    server: Server,
    codes: Vec<u16>,
    next: usize,
    hop: Vec<Message>,
    answers: Vec<Vec<Vec<u8>>>,
    replies: Vec<String>,
}

impl Scene {
    fn deliver(&mut self, mut sent: Vec<Transmit>) {
        let mut rounds = 0;
        while let Some(packet) = (!sent.is_empty()).then(|| sent.remove(0)) {
            rounds += 1;
            assert!(rounds < 1000, "packets go round without end");
            if packet.flow.peer == address(SENDER) {
                let status = status(&packet.bytes);
                if !self.replies.contains(&status) {
                    self.replies.push(status);
                }
            } else if packet.flow.peer == address(HOP) {
                for answer in self.answer(&packet) {
                    sent.extend(self.server.receive(answer, address(HOP)));
                }
            } else if packet.flow.peer == address(SERVER) {
                sent.extend(self.server.receive(packet.bytes, address(SERVER)));
            }
        }
    }

    /// What the next hop says to a request: provisional answers and the final one behind them; the last final one once all are used up.
    fn answer(&mut self, packet: &Transmit) -> Vec<Vec<u8>> {
        let Ok(message) = Message::parse(packet.bytes.clone()) else { return Vec::new() };
        if !message.is_request() {
            return Vec::new();
        }
        if message.method_text() == b"ACK" {
            return Vec::new();
        }
        // A request that comes again is answered as before.
        if let Some(known) = self.hop.iter().position(|its| its.bytes() == message.bytes()) {
            return self.answers[known].clone();
        }
        self.hop.push(message.clone());
        let answers = self.scripted_answers(&message);
        self.answers.push(answers.clone());
        answers
    }

    fn scripted_answers(&mut self, message: &Message) -> Vec<Vec<u8>> {
        let mut answers = Vec::new();
        let mut reply = |code: u16| {
            let reason = format!("R{code}");
            let reply = Reply { code, reason: reason.as_bytes(), to_tag: Some(b"hop"), ..Default::default() };
            answers.push(reply.to_bytes(message));
        };
        while let Some(code) = self.codes.get(self.next).copied() {
            self.next += 1;
            reply(code);
            if code >= 200 {
                return answers;
            }
        }
        if let Some(last) = self.codes.last() {
            reply(*last);
        }
        answers
    }

    fn hop_seen(&self, row: &Row) -> String {
        let mut seen: Vec<String> = Vec::new();
        for message in &self.hop {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let mut line = format!("{} {}", text(message.method_text()), text(message.request_uri()));
            if let Some((_, asked)) = row.observed.split_once(" [") {
                let asked = asked.split(']').next().unwrap_or_default();
                let headers = text(message.bytes());
                let found = asked.split(", ").map(|what| match what.split_once(": ") {
                    Some((name, _)) => {
                        let line = headers.lines().find(|line| line.starts_with(name));
                        line.unwrap_or("nothing").to_owned()
                    }
                    None => {
                        let name = what.split(' ').next().unwrap_or_default();
                        let there = headers.lines().any(|line| line.starts_with(&format!("{name}:")));
                        format!("{name} {}", if there { "yes" } else { "no" })
                    }
                });
                line.push_str(&format!(" [{}]", found.collect::<Vec<_>>().join(", ")));
            }
            let line = ports(&line).replace(HOP, "127.0.0.1:UPORT");
            if !seen.contains(&line) {
                seen.push(line);
            }
        }
        if seen.is_empty() { "nothing".to_owned() } else { seen.join(", ") }
    }

    /// The replies; a phrase that the row calls a default is not looked at.
    fn replies_seen(&self, row: &Row) -> String {
        let wanted = row.observed.split("sender gets: ").nth(1).unwrap_or_default();
        let seen = self.replies.iter().map(|status| {
            let code = status.split(' ').next().unwrap_or_default();
            let default = wanted.split(", ").find(|its| its.starts_with(&format!("{code} (default phrase")));
            default.map_or_else(|| status.clone(), |text| text.split("; ").next().unwrap_or_default().to_owned())
        });
        let seen: Vec<_> = seen.collect();
        if seen.is_empty() { "nothing".to_owned() } else { seen.join(", ") }
    }
}
