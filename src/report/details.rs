//! The steps of a run as a list: what each message changed and why it was sent, which way the script took and through which lines.

use super::covered::Files;
use super::diagram::class;
use super::outcome::{Place, Run, span_of};
use super::steps::{Step, What, short, title};
use crate::source::Span;
use crate::story::{Entry, Event, Sent, is_all_of, stamp};
use maud::{Markup, html};
use std::collections::BTreeMap;
use std::path::Path;

/// Lines of one run of the script that are shown.
const MOST_LINES: usize = 400;
/// Lines shown above and below those that ran.
const AROUND: usize = 1;

/// The list; each step has the id `prefix-place`.
pub(super) fn details(run: &Run, steps: &[Step], prefix: &str, files: &Files) -> Markup {
    let list = Details { run, files };
    html! {
        ol.steps {
            @for (place, step) in steps.iter().enumerate() { (list.step(step, &format!("{prefix}-{place}"))) }
        }
    }
}

struct Details<'a> {
    run: &'a Run,
    files: &'a Files<'a>,
}

impl Details<'_> {
    fn step(&self, step: &Step, id: &str) -> Markup {
        let time = stamp(step.at);
        match &step.what {
            What::Note(text) => html! { li.note { (text) } },
            What::Pause(passed) => html! { li.pause { (short(*passed)) " pass" } },
            What::Moment(line, below) => html! {
                li { details {
                    summary { time { (time) } span.what { (line) } }
                    div id=(id) { @if !below.is_empty() { pre { (below.join("\n")) } } }
                } }
            },
            What::Message(sent, reason) => {
                let reason = reason.map(|reason| (reason.why.as_str(), reason.span));
                self.message(&time, sent, reason, id)
            }
            What::Script(script) => html! {
                li.ran { details {
                    summary { time { (time) } span.what { (title(script)) } }
                    div id=(id) { (self.script(script)) }
                } }
            },
        }
    }

    fn message(&self, time: &str, sent: &Sent, reason: Option<(&str, Option<Span>)>, id: &str) -> Markup {
        html! {
            li { details class=(class(sent)) {
                summary {
                    time { (time) }
                    span.way { (sent.from) " \u{2192} " (sent.to) }
                    span.what { (sent.title) @if let Some(call) = &sent.call { " in " (call) } }
                    @if sent.again { span.tag { "again" } }
                    @if sent.lost { span.tag { "lost" } }
                }
                div id=(id) {
                    @if let Some((why, span)) = reason {
                        p.why { "because " (why) @if let Some(link) = span.and_then(|span| self.link(span, false)) { " " (link) } }
                    }
                    @if !sent.again {
                        @if !sent.changes.is_empty() { pre.changes { @for line in &sent.changes { (change(line)) } } }
                        details.whole { summary { "the whole message" } pre { (sent.lines.join("\n")) } }
                    }
                }
            } }
        }
    }

    /// A link to a line of the config, in short without the file's name.
    fn link(&self, span: Span, short: bool) -> Option<Markup> {
        let place = self.run.place(span)?;
        let name = place.path.file_name().unwrap_or_default().to_string_lossy();
        let text = if short { format!(":{}", place.line) } else { format!("{name}:{}", place.line) };
        Some(match self.files.id(&place.path) {
            Some(id) => {
                html! { a.place href=(format!("#{id}-{}", place.line)) title=[short.then_some(name)] { (text) } }
            }
            None => html! { span.place { (text) } },
        })
    }

    fn script(&self, script: &[Entry]) -> Markup {
        let is_shown = |place: usize| {
            place == 0
                || !script
                    .get(place - 1)
                    .zip(script.get(place))
                    .is_some_and(|(call, condition)| is_all_of(&call.event, &condition.event))
        };
        let lines = script.iter().enumerate().filter(|(place, _)| is_shown(*place)).map(|(_, entry)| entry);
        html! {
            div.ran {
                ul.path {
                    @for entry in lines.take(MOST_LINES) { (self.line(entry)) }
                    @if script.len() > MOST_LINES { li.left-out { (script.len() - MOST_LINES) " more" } }
                }
                (self.excerpt(script))
            }
        }
    }

    fn line(&self, entry: &Entry) -> Markup {
        let at = span_of(&entry.event).and_then(|span| self.link(span, true));
        let row =
            |class: &str, text: Markup| html! { li class=(class) { code { (text) } @if let Some(at) = &at { (at) } } };
        match &entry.event {
            Event::Timer(name, after) => row("timer", html! { "timer " (name) " after " (short(*after)) }),
            Event::Route(name, _) => row("route", html! { (name) }),
            Event::Back(name) => row("route", html! { (name) ", further" }),
            // A call that only logs is told by its line.
            Event::Call { logged: true, .. } => html! {},
            Event::Call { name, args, code, .. } => {
                row(if *code > 0 { "call" } else { "call no" }, html! { (name) "(" (args) ") " b { "= " (code) } })
            }
            Event::Condition(text, true, _) => row("if yes", html! { "if " (text) " " b { "yes" } }),
            Event::Condition(text, false, _) => row("if no", html! { "if " (text) " " b { "no" } }),
            Event::Switch(value, _) => row("if", html! { "switch " b { (value) } }),
            Event::Set(name, value, _) => {
                row("set", html! { (name) " = " b { (value.as_deref().unwrap_or("$null")) } })
            }
            Event::End(how, _) => row("end", html! { (how) }),
            Event::Log(level, text) => row("log", html! { (level.name()) " " (text) }),
            Event::Asked(lines) => row("asked", html! { (lines.join("\n")) }),
            Event::Gap | Event::Note(_) | Event::Show(_) | Event::Message(_) | Event::Moment(..) => html! {},
        }
    }

    /// The lines of the config that ran, with those around them.
    fn excerpt(&self, script: &[Entry]) -> Markup {
        let mut ran: BTreeMap<&Path, BTreeMap<usize, &str>> = BTreeMap::new();
        for entry in script {
            let Some(place) = span_of(&entry.event).and_then(|span| self.run.place(span)) else { continue };
            let class = match &entry.event {
                Event::Condition(_, true, _) => "hit yes",
                Event::Condition(_, false, _) => "hit no",
                _ => "hit",
            };
            let Place { path, line, last } = place;
            // Of what holds other statements only the head ran.
            let last = if matches!(entry.event, Event::Route(..) | Event::Switch(..)) { line } else { last };
            let lines = ran.entry(path).or_default();
            for line in *line..=*last.min(&(line + 8)) {
                let its = lines.entry(line).or_insert(class);
                *its = if class == "hit" { its } else { class };
            }
        }
        html! {
            div.excerpts {
                @for (path, lines) in &ran {
                    @if let Some(text) = self.files.text(path) {
                        p.of { (path.file_name().unwrap_or_default().to_string_lossy()) }
                        (excerpt(text, lines))
                    }
                }
            }
        }
    }
}

fn excerpt(text: &str, ran: &BTreeMap<usize, &str>) -> Markup {
    let near = |line: usize| ran.range(line.saturating_sub(AROUND)..=line + AROUND).next().is_some();
    let shown: Vec<(usize, &str)> = text
        .lines()
        .enumerate()
        .map(|(at, text)| (at + 1, text))
        .filter(|(line, _)| near(*line))
        .take(MOST_LINES)
        .collect();
    let gap =
        |place: usize| place > 0 && shown.get(place - 1).zip(shown.get(place)).is_some_and(|(a, b)| a.0 + 1 < b.0);
    html! {
        pre.code {
            @for (place, (line, text)) in shown.iter().enumerate() {
                @if gap(place) { span.gap { "\u{22ef}" } }
                span class=[ran.get(line)] { i { (line) } (text.replace('\t', "    ")) "\n" }
            }
        }
    }
}

fn change(line: &str) -> Markup {
    let class = match line.as_bytes().first() {
        Some(b'+') => "added",
        Some(b'-') => "removed",
        Some(b'~') => "changed",
        _ => "body",
    };
    html! { span class=(class) { (line) "\n" } }
}
