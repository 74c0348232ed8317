//! What happened, as a text: one line a message, what led to it indented below.

use super::changes::{changes, own_headers};
use super::names::Names;
use super::scenario::{Action, Detail, Scenario};
use super::table::{bound_statement, summary, table};
use crate::builtin::{Errand, ErrandFault, Found, LogLine, Query, QueryFault, RecordKind, RouteKind, Rows, TraceEvent};
use crate::sip::Message;
use crate::time::Tick;
use bytes::Bytes;
use std::time::Duration;

/// The ladder of a scenario while it is played.
#[derive(Debug)]
pub(super) struct Ladder {
    text: String,
    pub(super) detail: Detail,
    names: Names,
    /// Calls that the scenario names.
    calls: Vec<String>,
    /// How wide `alice -> alanui` may be.
    width: usize,
    /// The highest log level that is shown.
    debug: i8,
    /// What was sent, by whom and to whom, to know copies.
    sent: Vec<(String, Bytes)>,
    /// What arrived at the server, newest last.
    arrived: Vec<Message>,
    /// Log lines so far, as shown.
    pub(super) log: Vec<String>,
}

/// How far the lines below a message are indented, and arguments of a call are shown.
const INDENT: &str = "          ";
const LONGEST_ARGUMENTS: usize = 60;

impl Ladder {
    pub(super) fn new(scenario: &Scenario, debug: i8) -> Ladder {
        let longest = scenario.peers.iter().map(|peer| peer.name.chars().count()).max().unwrap_or(0);
        let width = longest + " -> alanui".len();
        let named = scenario.steps.iter().filter_map(|step| match &step.action {
            Action::Send(_, sending) => sending.call.clone(),
            _ => None,
        });
        Ladder {
            text: String::new(),
            detail: Detail::default(),
            names: Names::default(),
            calls: named.collect(),
            width,
            debug,
            sent: Vec::new(),
            arrived: Vec::new(),
            log: Vec::new(),
        }
    }

    /// The text.
    pub(super) fn finish(mut self) -> String {
        self.gap();
        self.text.truncate(self.text.trim_end().len());
        self.text.push('\n');
        self.text
    }

    /// An empty line, between what two steps of the scenario bring about.
    pub(super) fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    pub(super) fn note(&mut self, text: &str) {
        self.gap();
        self.text.push_str(&format!("== {text}\n\n"));
    }

    /// A line with its moment.
    pub(super) fn moment(&mut self, at: Tick, text: &str) {
        let shown = self.names.shown(text);
        self.text.push_str(format!("{:<9} {shown}", stamp(at)).trim_end());
        self.text.push('\n');
    }

    fn below(&mut self, text: &str) {
        let shown = self.names.shown(text);
        self.text.push_str(format!("{INDENT}  {shown}").trim_end());
        self.text.push('\n');
    }

    /// A message that a peer sends.
    pub(super) fn peer_sends(&mut self, at: Tick, from: &str, to: &str, bytes: &Bytes, lost: bool) {
        self.names.sent(&String::from_utf8_lossy(bytes));
        self.message(at, from, to, bytes, lost);
    }

    /// A message that the server sends.
    pub(super) fn server_sends(&mut self, at: Tick, to: &str, bytes: &Bytes, lost: bool) {
        self.names.received(&String::from_utf8_lossy(bytes));
        let again = self.message(at, "alanui", to, bytes, lost);
        if self.detail != Detail::Decisions || again {
            return;
        }
        let Ok(message) = Message::parse(bytes.clone()) else { return };
        let lines = match origin(&self.arrived, &message) {
            Some(origin) => changes(origin, &message),
            None if !message.is_request() => own_headers(&message),
            None => Vec::new(),
        };
        for line in lines {
            self.below(&line);
        }
    }

    /// Takes note of a message that arrived at the server.
    pub(super) fn arrives(&mut self, bytes: &Bytes) {
        if let Ok(message) = Message::parse(bytes.clone()) {
            self.arrived.push(message);
        }
    }

    /// One message; whether it is a copy of an earlier one.
    fn message(&mut self, at: Tick, from: &str, to: &str, bytes: &Bytes, lost: bool) -> bool {
        let way = format!("{from} -> {to}");
        let known = (way.clone(), bytes.clone());
        let again = self.sent.contains(&known);
        let mut line = format!("{way:<width$}  {}", title(bytes), width = self.width);
        let call = Message::parse(bytes.clone()).map(|message| String::from_utf8_lossy(message.call_id()).into_owned());
        let call = call.unwrap_or_default();
        if let Some(name) = self.calls.iter().find(|name| call.split('@').next() == Some(name)) {
            line.push_str(&format!("  in {name}"));
        }
        for (mark, holds) in [("  again", again), ("  lost", lost)] {
            if holds {
                line.push_str(mark);
            }
        }
        self.moment(at, &line);
        if self.detail == Detail::Messages && !again {
            for line in String::from_utf8_lossy(bytes).trim_end_matches("\r\n\r\n").lines() {
                self.below(&format!("| {line}"));
            }
        }
        if !again {
            self.sent.push(known);
        }
        again
    }

    /// What the node did, and what it logged meanwhile.
    pub(super) fn inside(&mut self, at: Tick, events: Vec<(usize, TraceEvent)>, log: Vec<LogLine>) {
        let mut lines = log.into_iter().enumerate().peekable();
        for (before, event) in events {
            let mut wrote = false;
            while let Some((_, line)) = lines.next_if(|(number, _)| *number < before) {
                wrote |= line.from_script;
                self.log_line(&line);
            }
            self.event(at, event, wrote);
        }
        for (_, line) in lines {
            self.log_line(&line);
        }
    }

    fn event(&mut self, at: Tick, event: TraceEvent, wrote: bool) {
        match event {
            // The copies that follow say as much.
            TraceEvent::Timer { name, .. } if self.detail == Detail::Flow && name.starts_with("retr") => {}
            TraceEvent::Timer { name, after } => self.moment(at, &format!("timer {name} after {}", seconds(after))),
            _ if self.detail == Detail::Flow => {}
            TraceEvent::Route { kind, name } => {
                let shown = self.names.shown(&route_name(kind, &name));
                self.text.push_str(&format!("{INDENT}{shown}\n"));
            }
            // A call that only logs is told by its line.
            TraceEvent::Call { .. } if wrote => {}
            TraceEvent::Call { name, args, code } => {
                let args = args.split_whitespace().collect::<Vec<_>>().join(" ");
                let args = self.names.shown(&args);
                let args = match args.char_indices().nth(LONGEST_ARGUMENTS) {
                    Some((end, _)) => format!("{}…", args.get(..end).unwrap_or(&args)),
                    None => args,
                };
                self.below(&format!("{name}({args}) = {code}"));
            }
        }
    }

    pub(super) fn log_line(&mut self, line: &LogLine) {
        if line.level as i8 <= self.debug {
            let text = line.text.strip_prefix("<script>: ").filter(|_| line.from_script).unwrap_or(&line.text);
            let text = self.names.shown(text.trim_end());
            self.log.push(text.clone());
            self.below(&format!("log {}: {text}", line.level.name()));
        }
    }

    /// A statement that a database is asked, with what it says when it says it at once.
    pub(super) fn query(&mut self, query: &Query, said: Option<&Result<Rows, QueryFault>>) {
        if self.detail == Detail::Flow {
            return;
        }
        let statement = bound_statement(&query.statement, &query.parameters);
        self.below(&format!("sql {statement}"));
        match said {
            Some(said) => self.answer(said),
            None => self.below("  waits"),
        }
    }

    /// What a database says.
    pub(super) fn answer(&mut self, said: &Result<Rows, QueryFault>) {
        if self.detail == Detail::Flow {
            return;
        }
        match said {
            Ok(rows) if rows.columns.is_empty() => self.below("  done"),
            Ok(rows) => self.below(&format!("  {}", summary(rows))),
            Err(fault) => self.below(&format!("  failed: {fault}")),
        }
    }

    /// Something that the host did for the script, and what it brought.
    pub(super) fn errand(&mut self, errand: &Errand, said: &Result<Found, ErrandFault>) {
        if self.detail == Detail::Flow {
            return;
        }
        let asked = match errand {
            Errand::Resolve(name, kind) => {
                let kind = RecordKind::NAMED.iter().find(|(_, its)| its == kind).map_or("addresses", |(name, _)| name);
                format!("dns {name} {kind}")
            }
            Errand::ReadFile(path) => format!("read {}", path.display()),
            Errand::WriteFile(path, text) => format!("write {} bytes to {}", text.len(), path.display()),
        };
        self.below(&asked);
        match said {
            Ok(Found::Records(records)) => records.iter().for_each(|record| self.below(&format!("  {record}"))),
            Ok(Found::File(text)) => self.below(&format!("  {} bytes", text.len())),
            Ok(Found::Done) => self.below("  done"),
            Err(fault) => self.below(&format!("  failed: {fault}")),
        }
    }

    /// What a `sql` line of the scenario gave.
    pub(super) fn sql(&mut self, at: Tick, statement: &str, said: &Result<Rows, QueryFault>, changed: u64) {
        let statement = statement.split_whitespace().collect::<Vec<_>>().join(" ");
        self.moment(at, &format!("sql {statement}"));
        match said {
            Ok(rows) if rows.columns.is_empty() => {
                self.below(&format!("{changed} {} changed", if changed == 1 { "row" } else { "rows" }));
            }
            Ok(rows) => {
                for line in table(rows) {
                    self.below(&line);
                }
            }
            Err(fault) => self.below(&fault.to_string()),
        }
    }
}

/// `+0.001`
pub(super) fn stamp(at: Tick) -> String {
    let millis = at.as_micros() / 1000;
    format!("+{}.{:03}", millis / 1000, millis % 1000)
}

/// `2.000 s`
pub(super) fn seconds(time: Duration) -> String {
    format!("{}.{:03} s", time.as_secs(), time.subsec_millis())
}

/// A message in a few words.
pub(super) fn title(bytes: &Bytes) -> String {
    let Ok((message, fault)) = Message::parse_lenient(bytes.clone()) else {
        let line = bytes.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
        let text = String::from_utf8_lossy(line.trim_ascii()).into_owned();
        return format!("{} bytes that are no SIP message: {text}", bytes.len());
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut title = match message.status() {
        Some(code) => {
            let method = message.cseq().map(|cseq| text(cseq.method_text)).unwrap_or_default();
            format!("{code} {} ({method})", text(message.reason()))
        }
        None => format!("{} {}", text(message.method_text()), text(message.request_uri())),
    };
    if let Some(fault) = fault {
        title.push_str(&format!("  malformed: {fault:?}"));
    }
    title
}

/// The message that this one came from: the last that arrived of the same transaction, and for a reply with the same code.
fn origin<'a>(arrived: &'a [Message], message: &Message) -> Option<&'a Message> {
    let sequence = |message: &Message| message.cseq().map(|cseq| (cseq.number, cseq.method));
    // The tag tells a reply of the server's own from a backend's.
    let tag = |message: &Message| message.to().and_then(|to| to.tag().map(<[u8]>::to_vec));
    arrived.iter().rev().find(|its| {
        its.status() == message.status()
            && its.is_request() == message.is_request()
            && its.call_id() == message.call_id()
            && sequence(its) == sequence(message)
            && (message.is_request() || tag(its) == tag(message))
    })
}

fn route_name(kind: RouteKind, name: &str) -> String {
    let word = match kind {
        RouteKind::Request if name.is_empty() => "request_route",
        RouteKind::Request => "route",
        RouteKind::CoreReply | RouteKind::Reply => "onreply_route",
        RouteKind::Failure => "failure_route",
        RouteKind::Branch => "branch_route",
        RouteKind::Onsend => "onsend_route",
        RouteKind::Event => "event_route",
    };
    if name.is_empty() { word.to_owned() } else { format!("{word}[{name}]") }
}
