//! A story as text: one line a message, what led to it indented below.

use super::entry::{Detail, Entry, Event, Sent};
use crate::time::Tick;
use std::time::Duration;

/// How far the lines below a message are indented, and how much of arguments and conditions is shown.
const INDENT: &str = "          ";
const LONGEST: usize = 60;

/// The ladder of a story among peers of these names. With `detail` it tells that much, whatever the story shows.
pub fn ladder<'p>(peers: impl Iterator<Item = &'p str>, entries: &[Entry], detail: Option<Detail>) -> String {
    let longest = peers.map(|name| name.chars().count()).max().unwrap_or(0);
    let width = longest + " -> alanui".len();
    let mut ladder = Ladder { text: String::new(), detail: detail.unwrap_or_default(), width };
    for (place, entry) in entries.iter().enumerate() {
        if place > 0 && entries.get(place - 1).is_some_and(|before| is_all_of(&before.event, &entry.event)) {
            continue;
        }
        match (&entry.event, detail) {
            (Event::Show(shown), None) => ladder.detail = *shown,
            _ => ladder.entry(entry),
        }
    }
    ladder.gap();
    ladder.text.truncate(ladder.text.trim_end().len());
    ladder.text.push('\n');
    ladder.text
}

struct Ladder {
    text: String,
    detail: Detail,
    /// How wide `alice -> alanui` may be.
    width: usize,
}

impl Ladder {
    fn entry(&mut self, entry: &Entry) {
        let flow = self.detail == Detail::Flow;
        match &entry.event {
            Event::Gap => self.gap(),
            Event::Note(text) => {
                self.gap();
                self.text.push_str(&format!("== {text}\n\n"));
            }
            Event::Show(_) => {}
            Event::Message(sent) => self.message(entry.at, sent),
            Event::Moment(line, below) => {
                self.moment(entry.at, line);
                below.iter().for_each(|line| self.below(line));
            }
            Event::Timer(name, after) if flow => {
                self.moment(entry.at, &format!("timer {name} after {}", seconds(*after)));
            }
            Event::Back(name) if flow => self.text.push_str(&format!("{INDENT}{name}, further\n")),
            Event::Route(name, _) if flow => self.text.push_str(&format!("{INDENT}{name}\n")),
            // A call that only logs is told by its line.
            Event::Call { name, args, code, logged: false, .. } if flow => {
                self.below(&format!("{name}({}) = {code}", shortened(args)));
            }
            Event::Condition(text, holds, _) if flow => {
                self.below(&format!("if {}: {}", shortened(text), if *holds { "yes" } else { "no" }));
            }
            Event::Switch(value, _) if flow => self.below(&format!("switch {value}")),
            Event::Set(name, value, _) if flow => match value {
                Some(value) => self.below(&format!("{name} = {value}")),
                None => self.below(&format!("{name} = $null")),
            },
            Event::End(how, _) if flow => self.below(how),
            Event::Log(level, text) if flow => self.below(&format!("log {}: {text}", level.name())),
            Event::Asked(lines) if flow => {
                for (at, line) in lines.iter().enumerate().filter(|(_, line)| !line.is_empty()) {
                    self.below(&format!("{}{line}", if at == 0 { "" } else { "  " }));
                }
            }
            _ => {}
        }
    }

    /// An empty line, between what two steps of the scenario bring about.
    fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// A line with its moment.
    fn moment(&mut self, at: Tick, text: &str) {
        self.text.push_str(format!("{:<9} {text}", stamp(at)).trim_end());
        self.text.push('\n');
    }

    fn below(&mut self, text: &str) {
        self.text.push_str(format!("{INDENT}  {text}").trim_end());
        self.text.push('\n');
    }

    fn message(&mut self, at: Tick, sent: &Sent) {
        let way = format!("{} -> {}", sent.from, sent.to);
        let mut line = format!("{way:<width$}  {}", sent.title, width = self.width);
        if let Some(call) = &sent.call {
            line.push_str(&format!("  in {call}"));
        }
        for (mark, holds) in [("  again", sent.again), ("  lost", sent.lost)] {
            if holds {
                line.push_str(mark);
            }
        }
        self.moment(at, &line);
        if sent.again {
            return;
        }
        match self.detail {
            Detail::Lines => {}
            Detail::Decision | Detail::Flow => sent.changes.iter().for_each(|line| self.below(line)),
            Detail::Messages => sent.lines.iter().for_each(|line| self.below(&format!("| {line}"))),
        }
    }
}

/// Whether a call that was just told is all that a condition asks, so that its result says enough.
pub fn is_all_of(call: &Event, condition: &Event) -> bool {
    let (Event::Call { name, span: call, .. }, Event::Condition(text, _, span)) = (call, condition) else {
        return false;
    };
    let within = call.file == span.file && span.start <= call.start && call.end <= span.end;
    let asked = text.trim_start_matches(['!', ' ']);
    within && asked.strip_prefix(name).is_some_and(|rest| rest.starts_with('(') && closes_at_end(rest))
}

/// Whether the parenthesis that opens a text is closed by its last byte.
fn closes_at_end(text: &str) -> bool {
    let mut depth = 0;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => continue,
        }
        if depth == 0 {
            return at + 1 == text.len();
        }
    }
    false
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(text)),
        None => text.to_owned(),
    }
}

/// `+0.001`
pub fn stamp(at: Tick) -> String {
    let millis = at.as_micros() / 1000;
    format!("+{}.{:03}", millis / 1000, millis % 1000)
}

/// `2.000 s`
pub fn seconds(time: Duration) -> String {
    format!("{}.{:03} s", time.as_secs(), time.subsec_millis())
}
