//! Who writes a story down while it happens.

use super::changes::{changes, own_headers};
use super::entry::{Entry, Event, Sent};
use super::names::Names;
use super::table::{bound_statement, summary, table};
use crate::builtin::{
    Found, LogLevel, LogLine, Query, QueryFault, RecordKind, RouteKind, Rows, Service, TraceEvent, Unanswered,
};
use crate::modules::rtpengine::shown as rtpengine;
use crate::sip::Message;
use crate::source::{Sources, Span};
use crate::time::Tick;
use bytes::Bytes;
use rustc_hash::{FxHashMap, FxHashSet};

/// Lines of a page that are shown.
const MOST_PAGE_LINES: usize = 20;

/// A story while it happens.
#[derive(Debug)]
pub(crate) struct Story<'a> {
    sources: &'a Sources,
    pub(crate) entries: Vec<Entry>,
    names: Names,
    /// Calls that the scenario names.
    calls: Vec<String>,
    /// The highest log level that is told.
    debug: i8,
    /// What was sent, by whom and to whom, to know copies.
    sent: FxHashSet<(String, Bytes)>,
    /// What arrived at the server, by Call-ID, newest last.
    arrived: FxHashMap<Vec<u8>, Vec<Message>>,
    /// The block that goes on, until something happens in it.
    back: Option<Event>,
    /// Lines that were logged below the level that is told: how many were told before each, its level, and its text.
    pub(crate) untold: Vec<(usize, LogLevel, String)>,
    /// Log lines so far, as told.
    pub(crate) log: Vec<String>,
}

/// So many lines that nobody sees are kept for what an expectation has to say of them.
const MOST_UNTOLD: usize = 1000;

impl<'a> Story<'a> {
    /// A story in which nothing has happened yet: of calls with these names, with log lines up to this level.
    pub(crate) fn new(calls: Vec<String>, debug: i8, sources: &'a Sources) -> Story<'a> {
        Story {
            sources,
            entries: Vec::new(),
            names: Names::default(),
            calls,
            debug,
            sent: FxHashSet::default(),
            arrived: FxHashMap::default(),
            back: None,
            untold: Vec::new(),
            log: Vec::new(),
        }
    }

    /// Line and column of a place, both from 1.
    pub(crate) fn line_column(&self, span: Span) -> (usize, usize) {
        self.sources.line_column(span.file, span.start)
    }

    pub(crate) fn tell(&mut self, at: Tick, event: Event) {
        self.entries.push(Entry { at, event });
    }

    /// Something that the scenario or the host does.
    pub(crate) fn moment(&mut self, at: Tick, text: &str) {
        let text = self.names.shown(text);
        self.tell(at, Event::Moment(text, Vec::new()));
    }

    /// A message that a peer sends.
    pub(crate) fn peer_sends(&mut self, at: Tick, from: &str, to: &str, bytes: &Bytes, lost: bool) {
        self.names.sent(&String::from_utf8_lossy(bytes));
        self.message(at, from, to, bytes, lost, Vec::new());
    }

    /// A message that the server sends.
    pub(crate) fn server_sends(&mut self, at: Tick, to: &str, bytes: &Bytes, lost: bool) {
        self.names.received(&String::from_utf8_lossy(bytes));
        let lines = match Message::parse(bytes.clone()) {
            Ok(message) => match self.arrived.get(message.call_id()).and_then(|arrived| origin(arrived, &message)) {
                Some(origin) => changes(origin, &message),
                None if !message.is_request() => own_headers(&message),
                None => Vec::new(),
            },
            Err(_) => Vec::new(),
        };
        let changes = lines.iter().map(|line| self.names.shown(line)).collect();
        self.message(at, "alanui", to, bytes, lost, changes);
    }

    /// The messages of its call that arrived, when the server made a message itself; `None` when it came from one of them.
    pub(crate) fn behind<'s>(&'s self, made: &Message) -> Option<&'s [Message]> {
        let arrived = self.arrived.get(made.call_id()).map_or(&[][..], Vec::as_slice);
        origin(arrived, made).is_none().then_some(arrived)
    }

    /// The last message could not be sent.
    pub(crate) fn unsent(&mut self) {
        let last = self.entries.iter_mut().rev().find_map(|entry| match &mut entry.event {
            Event::Message(sent) => Some(sent),
            _ => None,
        });
        if let Some(sent) = last {
            sent.unsent = true;
        }
    }

    /// Takes note of a message that arrived at the server.
    pub(crate) fn arrives(&mut self, bytes: &Bytes) {
        if let Ok(message) = Message::parse(bytes.clone()) {
            self.arrived.entry(message.call_id().to_vec()).or_default().push(message);
        }
    }

    fn message(&mut self, at: Tick, from: &str, to: &str, bytes: &Bytes, lost: bool, changes: Vec<String>) {
        let known = (format!("{from} -> {to}"), bytes.clone());
        let again = self.sent.contains(&known);
        let call = Message::parse(bytes.clone()).map(|message| String::from_utf8_lossy(message.call_id()).into_owned());
        let call = call.unwrap_or_default();
        let call = self.calls.iter().find(|name| call.split('@').next() == Some(name)).cloned();
        let full = String::from_utf8_lossy(bytes);
        let lines = full.trim_end_matches("\r\n\r\n").lines().map(|line| self.names.shown(line)).collect();
        let title = self.names.shown(&title(bytes));
        let (from, to, bytes) = (from.to_owned(), to.to_owned(), bytes.clone());
        let sent = Sent { from, to, title, call, again, lost, unsent: false, changes, lines, bytes };
        self.tell(at, Event::Message(Box::new(sent)));
        if !again {
            self.sent.insert(known);
        }
    }

    /// What the node did, and what it logged meanwhile.
    pub(crate) fn inside(&mut self, at: Tick, events: Vec<(usize, TraceEvent)>, log: Vec<LogLine>) {
        let mut lines = log.into_iter().enumerate().peekable();
        for (before, event) in events {
            let mut wrote = false;
            while let Some((_, line)) = lines.next_if(|(number, _)| *number < before) {
                wrote |= line.from_script;
                self.goes_on(at);
                self.log_line(at, &line);
            }
            match self.event(event, wrote) {
                back @ Event::Back(_) => self.back = Some(back),
                event => {
                    if matches!(event, Event::Route(..) | Event::Timer(..)) {
                        self.back = None;
                    }
                    self.goes_on(at);
                    self.tell(at, event);
                }
            }
        }
        for (_, line) in lines {
            self.log_line(at, &line);
        }
    }

    /// Something happens in the block that goes on.
    fn goes_on(&mut self, at: Tick) {
        if let Some(back) = self.back.take() {
            self.tell(at, back);
        }
    }

    fn event(&self, event: TraceEvent, logged: bool) -> Event {
        match event {
            TraceEvent::Back { kind, name } => Event::Back(self.names.shown(&route_name(kind, &name))),
            TraceEvent::Timer { name, after } => Event::Timer(name, after),
            TraceEvent::Route { kind, name, span } => Event::Route(self.names.shown(&route_name(kind, &name)), span),
            TraceEvent::Call { name, args, code, does, span } => {
                let args = args.split_whitespace().collect::<Vec<_>>().join(" ");
                Event::Call { name, args: self.names.shown(&args), code, does, span, logged }
            }
            TraceEvent::Condition { span, holds } => {
                let text = String::from_utf8_lossy(self.sources.slice(span)).replace("\\\n", "\n");
                let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
                Event::Condition(unwrapped(&text).to_owned(), holds, span)
            }
            TraceEvent::Switch { value, span } => Event::Switch(self.names.shown(&value), span),
            TraceEvent::Set { name, value, span } => {
                Event::Set(name, value.map(|value| self.names.shown(&value)), span)
            }
            TraceEvent::End { how, span } => Event::End(how, span),
        }
    }

    /// A line that the server logged.
    pub(crate) fn log_line(&mut self, at: Tick, line: &LogLine) {
        let text = line.text.strip_prefix("<script>: ").filter(|_| line.from_script).unwrap_or(&line.text);
        let text = self.names.shown(text.trim_end());
        if line.level as i8 <= self.debug {
            self.log.push(text.clone());
            self.tell(at, Event::Log(line.level, text));
        } else if self.untold.len() < MOST_UNTOLD {
            self.untold.push((self.log.len(), line.level, text));
        }
    }

    /// A statement that a database is asked, with what it says when it says it at once.
    pub(crate) fn query(&mut self, at: Tick, query: &Query, said: Option<&Result<Rows, QueryFault>>) {
        let statement = bound_statement(&query.statement, &query.parameters);
        let said = said.map_or_else(|| "waits".to_owned(), answer);
        self.asked(at, vec![format!("sql {statement}"), said]);
    }

    /// What a slow database says in the end.
    pub(crate) fn answer(&mut self, at: Tick, said: &Result<Rows, QueryFault>) {
        self.moment(at, "the database answers");
        self.asked(at, vec![String::new(), answer(said)]);
    }

    /// Something that was looked up or done for the script, and what was found when that was known at once.
    pub(crate) fn service(&mut self, at: Tick, service: &Service, said: Option<&Result<Found, Unanswered>>) {
        let mut lines = vec![match service {
            Service::Resolve(name, kind) => {
                let kind = RecordKind::NAMED.iter().find(|(_, its)| its == kind).map_or("addresses", |(name, _)| name);
                format!("dns {name} {kind}")
            }
            Service::Fetch(fetch) => match &fetch.body {
                Some(body) => {
                    format!(
                        "http {} {} {}",
                        fetch.method,
                        fetch.url,
                        String::from_utf8_lossy(body).replace('\r', "\\r").replace('\n', "\\n")
                    )
                }
                None => format!("http {} {}", fetch.method, fetch.url),
            },
            Service::ReadFile(path) => format!("read {}", path.display()),
            Service::Ask(ask) => rtpengine::asked(ask),
            Service::WriteFile(path, text) => format!("write {} bytes to {}", text.len(), path.display()),
        }];
        match said {
            None => lines.push("waits".to_owned()),
            Some(Ok(Found::Answer(answer))) => lines.push(rtpengine::said(answer)),
            Some(Ok(Found::Records(records))) => lines.extend(records.iter().map(ToString::to_string)),
            Some(Ok(Found::File(text))) => lines.push(format!("{} bytes", text.len())),
            Some(Ok(Found::Page(page))) => {
                lines.push(page.status.to_string());
                lines.extend(String::from_utf8_lossy(&page.body).lines().take(MOST_PAGE_LINES).map(str::to_owned));
            }
            Some(Ok(Found::Done)) => lines.push("done".to_owned()),
            Some(Err(fault)) => lines.push(format!("failed: {fault}")),
        }
        self.asked(at, lines);
    }

    fn asked(&mut self, at: Tick, lines: Vec<String>) {
        let lines = lines.iter().map(|line| self.names.shown(line)).collect();
        self.tell(at, Event::Asked(lines));
    }

    /// A command for operators, and what it printed.
    pub(crate) fn command(&mut self, at: Tick, command: &str, lines: Vec<String>) {
        self.tell(at, Event::Moment(format!("rpc {command}"), lines));
    }

    /// What a `sql` line of the scenario gave.
    pub(crate) fn sql(&mut self, at: Tick, statement: &str, said: &Result<Rows, QueryFault>, changed: u64) {
        let statement = statement.split_whitespace().collect::<Vec<_>>().join(" ");
        let lines = match said {
            Ok(rows) if rows.columns.is_empty() => {
                vec![format!("{changed} {} changed", if changed == 1 { "row" } else { "rows" })]
            }
            Ok(rows) => table(rows),
            Err(fault) => vec![fault.to_string()],
        };
        let lines = lines.iter().map(|line| self.names.shown(line)).collect();
        let line = self.names.shown(&format!("sql {statement}"));
        self.tell(at, Event::Moment(line, lines));
    }
}

fn answer(said: &Result<Rows, QueryFault>) -> String {
    match said {
        Ok(rows) if rows.columns.is_empty() => "done".to_owned(),
        Ok(rows) => summary(rows),
        Err(fault) => format!("failed: {fault}"),
    }
}

/// A condition without the parentheses around all of it.
fn unwrapped(text: &str) -> &str {
    let Some(inner) = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')) else { return text };
    let mut depth = 0;
    for byte in inner.bytes() {
        depth += match byte {
            b'(' => 1,
            b')' => -1,
            _ => 0,
        };
        if depth < 0 {
            return text;
        }
    }
    inner.trim()
}

/// A message in a few words.
pub(crate) fn title(bytes: &Bytes) -> String {
    let Ok((message, fault)) = Message::parse_lenient(bytes.clone()) else {
        let line = bytes.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
        let text = String::from_utf8_lossy(line.trim_ascii());
        let shown =
            |letter: char| if letter.is_control() { letter.escape_default().to_string() } else { letter.into() };
        let text: String = text.chars().map(shown).collect();
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

/// The message of one Call-ID that this one came from: the last that arrived of the same transaction, and for a reply with the same code.
fn origin<'a>(arrived: &'a [Message], message: &Message) -> Option<&'a Message> {
    let sequence = |message: &Message| message.cseq().map(|cseq| (cseq.number, cseq.method));
    // The tag tells a reply of the server's own from a backend's.
    let tag = |message: &Message| message.to_tag().map(<[u8]>::to_vec);
    arrived.iter().rev().find(|its| {
        its.status() == message.status()
            && its.is_request() == message.is_request()
            && sequence(its) == sequence(message)
            && (message.is_request() || tag(its) == tag(message))
    })
}

fn route_name(kind: RouteKind, name: &str) -> String {
    match kind {
        RouteKind::Request if name.is_empty() => "request_route".to_owned(),
        kind if name.is_empty() => kind.word().to_owned(),
        kind => format!("{}[{name}]", kind.word()),
    }
}
