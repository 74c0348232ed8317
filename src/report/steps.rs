//! A story cut into what a reader follows one after another: messages, runs of the script, pauses.

use super::explain::Reason;
use super::outcome::Run;
use crate::story::{Entry, Event, Sent};
use crate::time::Tick;
use std::time::Duration;

/// Time in which nothing happens is told from here on.
const PAUSE: Duration = Duration::from_secs(1);

/// One step, and when it is.
pub(super) struct Step<'a> {
    /// When, since the start.
    pub(super) at: Tick,
    /// What.
    pub(super) what: What<'a>,
}

/// What a step is.
pub(super) enum What<'a> {
    /// Somebody sent a message; why, when that is known.
    Message(&'a Sent, Option<&'a Reason>),
    /// The script ran, or a timer did.
    Script(&'a [Entry]),
    /// The scenario, or the host, did something, and what it brought.
    Moment(&'a str, &'a [String]),
    /// A heading.
    Note(&'a str),
    /// Nothing happened for so long.
    Pause(Duration),
}

/// The steps of a run.
pub(super) fn steps(run: &Run) -> Vec<Step<'_>> {
    let mut steps: Vec<Step> = Vec::new();
    let mut reasons = run.reasons.iter().peekable();
    let (mut place, mut before) = (0, Tick::ZERO);
    while let Some(rest) = run.entries.get(place..).filter(|rest| !rest.is_empty()) {
        let within = rest.iter().take_while(|entry| is_inside(&entry.event)).count();
        let (script, entry) = (rest.get(..within).unwrap_or_default(), rest.get(within));
        let at = rest.first().map_or(before, |entry| entry.at);
        if !script.iter().all(|entry| is_retransmission(&entry.event)) {
            pause(&mut steps, &mut before, at);
            steps.push(Step { at, what: What::Script(script) });
        }
        let reason = reasons.next_if(|reason| reason.entry == place + within);
        place += within + 1;
        let Some(entry) = entry else { break };
        let what = match &entry.event {
            Event::Message(sent) => What::Message(sent, reason),
            Event::Moment(line, below) => What::Moment(line, below),
            Event::Note(text) => What::Note(text),
            _ => continue,
        };
        pause(&mut steps, &mut before, entry.at);
        steps.push(Step { at: entry.at, what });
    }
    steps
}

fn pause(steps: &mut Vec<Step>, before: &mut Tick, at: Tick) {
    let passed = at.since(*before);
    if passed >= PAUSE {
        steps.push(Step { at: *before, what: What::Pause(passed) });
    }
    *before = at;
}

/// Whether it happens inside the server, between messages.
fn is_inside(event: &Event) -> bool {
    match event {
        Event::Timer(..)
        | Event::Route(..)
        | Event::Back(_)
        | Event::Call { .. }
        | Event::Condition(..)
        | Event::Switch(..)
        | Event::Set(..)
        | Event::End(..)
        | Event::Log(..)
        | Event::Asked(_) => true,
        Event::Gap | Event::Note(_) | Event::Show(_) | Event::Message(_) | Event::Moment(..) => false,
    }
}

/// The message that follows says that it is sent again.
fn is_retransmission(event: &Event) -> bool {
    matches!(event, Event::Timer(name, _) if name.starts_with("retr"))
}

/// What ran, in a few words: `request_route › DOMAIN_CHECK`, `fr_timer after 5.000 s`.
pub(super) fn title(script: &[Entry]) -> String {
    let mut words: Vec<String> = Vec::new();
    for entry in script {
        let word = match &entry.event {
            Event::Timer(name, _) if name.starts_with("retr") => continue,
            Event::Timer(name, after) => format!("{name} after {}", short(*after)),
            Event::Route(name, _) => match name.strip_prefix("route[").and_then(|rest| rest.strip_suffix(']')) {
                Some(name) => name.to_owned(),
                None => name.clone(),
            },
            _ => continue,
        };
        if words.last() != Some(&word) {
            words.push(word);
        }
    }
    if words.is_empty() {
        let logs = script.iter().all(|entry| matches!(entry.event, Event::Log(..)));
        return if logs { "the server logs" } else { "the script goes on" }.to_owned();
    }
    words.join(" \u{203a} ")
}

/// `5.0 s`, `40 ms`
pub(super) fn short(time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{} ms", time.as_millis()),
        seconds @ 1..120 => format!("{seconds}.{} s", time.subsec_millis() / 100),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}
