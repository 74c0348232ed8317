//! What a story is made of.

use crate::builtin::{Does, LogLevel};
use crate::source::Span;
use crate::time::Tick;
use bytes::Bytes;
use std::time::Duration;

/// What happened, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When, since the start.
    pub at: Tick,
    /// What.
    pub event: Event,
}

/// One thing that happened. Its texts have stable names in place of what the server makes up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The scenario's next line.
    Gap,
    /// `note Text`
    Note(String),
    /// `show flow`
    Show(Detail),
    /// Somebody sent a message.
    Message(Box<Sent>),
    /// The scenario, or the host, did something: a line, and what it brought.
    Moment(String, Vec<String>),
    /// A timer ran out: its name, and how long it had run.
    Timer(&'static str, Duration),
    /// A route block was entered, with the place of its head.
    Route(String, Span),
    /// A route block goes on behind the call of another.
    Back(String),
    /// A function returned.
    Call {
        /// Its name.
        name: &'static str,
        /// Its arguments.
        args: String,
        /// The return code.
        code: i32,
        /// What it does.
        does: &'static [Does],
        /// Where it is called.
        span: Span,
        /// The log line before it tells what it did.
        logged: bool,
    },
    /// A condition was decided: its text, whether it held, and where it stands.
    Condition(String, bool, Span),
    /// A `switch` looked at a value.
    Switch(String, Span),
    /// A variable was written: its name, the value, and where.
    Set(String, Option<String>, Span),
    /// A statement ended the script.
    End(&'static str, Span),
    /// A line was logged.
    Log(LogLevel, String),
    /// The script asked somebody: the question, and what came back.
    Asked(Vec<String>),
}

/// A message on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Who sends it.
    pub from: String,
    /// Who gets it.
    pub to: String,
    /// It in a few words: `INVITE sip:bob@example.com`, `180 Ringing (INVITE)`.
    pub title: String,
    /// The call it belongs to, when the scenario names it.
    pub call: Option<String>,
    /// The same bytes went the same way before.
    pub again: bool,
    /// It never arrives.
    pub lost: bool,
    /// Nobody took the connection that it should have gone by, and the server knows.
    pub unsent: bool,
    /// What it has that the one it came from had not.
    pub changes: Vec<String>,
    /// It in full.
    pub lines: Vec<String>,
    /// Its bytes.
    pub bytes: Bytes,
}

/// How much a ladder tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Detail {
    /// One line a message.
    Lines,
    /// And the header lines that changed: what was decided, whatever the script looks like.
    #[default]
    Decision,
    /// And how: routes, functions, conditions, variables, questions to others, timers, log lines.
    Flow,
    /// Every message in full.
    Messages,
}
