//! Why: one sentence for each message that leaves the server, and for each that gets no answer.

use crate::builtin::Does;
use crate::sim::Setting;
use crate::sip::{Message, Method};
use crate::source::{Sources, Span};
use crate::story::{Entry, Event, Sent, stamp};
use crate::time::Tick;
use rustc_hash::FxHashMap;
use std::time::Duration;

/// Why something happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The message it is about, by its place in the story.
    pub entry: usize,
    /// When the message was sent.
    pub at: Tick,
    /// The message: `408 Request Timeout (INVITE) to alice`.
    pub what: String,
    /// Why, in one sentence.
    pub why: String,
    /// The place in the config that decided.
    pub span: Option<Span>,
}

/// Variables that say where a request goes.
/// What functions do that name a destination.
const STEERING: &[Does] = &[Does::LooseRoute, Does::Choose, Does::Rewrite];
const STEERED: &[&str] = &["$du", "$ru", "$rd", "$rU", "$rp", "$duri", "$ruri"];

/// The reasons for all that the server did.
pub fn reasons(entries: &[Entry], settings: &[Setting], sources: &Sources) -> Vec<Reason> {
    let story = Story::new(entries, settings, sources);
    let mut reasons = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        let Event::Message(sent) = &entry.event else { continue };
        let why = match sent.from == "alanui" {
            true => Some(story.sent(at, sent)),
            false => story.unanswered(at, sent),
        };
        if let Some((why, span)) = why {
            let what = match sent.from == "alanui" {
                true => format!("{} to {}", sent.title, sent.to),
                false => format!("no answer to {} of {}", sent.title, sent.from),
            };
            reasons.push(Reason { entry: at, at: entry.at, what, why, span });
        }
    }
    reasons
}

/// Why, and the place that decided.
type Why = (String, Option<Span>);

struct Story<'a> {
    entries: &'a [Entry],
    settings: &'a [Setting],
    sources: &'a Sources,
    /// The messages, by their places.
    messages: FxHashMap<usize, Message>,
    /// The places of the messages of each Call-ID, in order.
    calls: FxHashMap<Vec<u8>, Vec<usize>>,
}

impl<'a> Story<'a> {
    fn new(entries: &'a [Entry], settings: &'a [Setting], sources: &'a Sources) -> Story<'a> {
        let (mut messages, mut calls): (FxHashMap<_, _>, FxHashMap<Vec<u8>, Vec<usize>>) = Default::default();
        for (at, entry) in entries.iter().enumerate() {
            let Event::Message(sent) = &entry.event else { continue };
            let Ok(message) = Message::parse(sent.bytes.clone()) else { continue };
            calls.entry(message.call_id().to_vec()).or_default().push(at);
            messages.insert(at, message);
        }
        Story { entries, settings, sources, messages, calls }
    }

    /// The other messages of a message's call, each with its place.
    fn of_call(&self, message: &Message) -> impl DoubleEndedIterator<Item = (usize, Tick, &Sent, &Message)> {
        let places = self.calls.get(message.call_id()).map_or(&[][..], Vec::as_slice);
        places.iter().filter_map(|at| match self.entries.get(*at) {
            Some(Entry { at: tick, event: Event::Message(sent) }) => {
                Some((*at, *tick, &**sent, self.messages.get(at)?))
            }
            _ => None,
        })
    }

    fn sent(&self, at: usize, sent: &Sent) -> Why {
        if sent.again {
            let why = match sent.title.starts_with(|c: char| c.is_ascii_digit()) {
                true => "the request came once more, or no ACK came (RFC 3261 section 17.2.1)",
                false => "nobody has answered it yet (RFC 3261 section 17.1.1.2)",
            };
            return (why.to_owned(), None);
        }
        match self.messages.get(&at) {
            Some(message) if message.is_request() => self.request(at, message),
            Some(message) => self.reply(at, message),
            None => ("the script sends these bytes".to_owned(), None),
        }
    }

    fn reply(&self, at: usize, reply: &Message) -> Why {
        let code = reply.status().unwrap_or(0);
        if let Some((from, title)) = self.heard(at, reply) {
            return (format!("{from} sent {title}"), None);
        }
        if code == 100 {
            let relay = self.called(at, &[Does::Relay]);
            let place = relay.as_ref().map_or(String::new(), |call| format!(" at {}", self.place(call.span)));
            let by = relay.as_ref().map_or("the server", |call| call.name);
            let text = format!(
                "{by}{place} takes the INVITE on, and answers 100 so that it is not sent again (RFC 3261 section 17.2.1)"
            );
            return (text, relay.map(|call| call.span));
        }
        if code == 200 && reply.cseq().is_some_and(|cseq| cseq.method == Method::Cancel) {
            return ("a CANCEL of a call that is known is always answered 200 (RFC 3261 section 9.2)".to_owned(), None);
        }
        if let Some(call) = self.called(at, &[Does::Reply, Does::Save]) {
            return self.because(at, &call);
        }
        if let Some(why) = self.timer(at) {
            return (why, None);
        }
        if code == 487 {
            return ("the call was cancelled".to_owned(), None);
        }
        match self.last_final(at, reply) {
            Some((from, title)) if code == 500 && title.starts_with("503") => {
                let text = format!(
                    "{from} sent {title}, which speaks for {from} alone and goes on as 500 (RFC 3261 section 16.7)"
                );
                (text, None)
            }
            Some((from, title)) => {
                (format!("it is the best of the final replies; the last was {title} of {from}"), None)
            }
            None => match self.script_end(at) {
                Some((how, span)) => (format!("the script ended with {how} at {}", self.place(span)), Some(span)),
                None => ("the server answers by itself, without the script".to_owned(), None),
            },
        }
    }

    fn request(&self, at: usize, request: &Message) -> Why {
        let method = request.method();
        let arrived = self.arrived(at, request);
        if method == Some(Method::Ack) && arrived.is_none() {
            let refusal = self.last_final(at, request);
            let of = refusal.map_or("a refusal".to_owned(), |(from, title)| format!("{title} of {from}"));
            return (format!("{of} is acknowledged hop by hop (RFC 3261 section 17.1.1.3)"), None);
        }
        if method == Some(Method::Cancel) {
            if let Some(why) = self.timer(at) {
                return (why, None);
            }
            return match arrived {
                Some((by, _)) => (format!("{by} cancelled the call"), None),
                None => ("another branch was answered, or the call is over (RFC 3261 section 16.7)".to_owned(), None),
            };
        }
        let Some(relay) = self.called(at, &[Does::Relay]) else {
            return self.own_request(request);
        };
        let mut why = match self.steered(at) {
            Some((what, span)) => format!("{what} at {} named the destination", self.place(span)),
            None => "its Request-URI names the destination".to_owned(),
        };
        why.push_str(&format!(", and {} at {} sent it", relay.name, self.place(relay.span)));
        let failed = self.window(at).find_map(|entry| match &entry.event {
            Event::Route(name, _) if name.starts_with("failure_route") => Some(name.clone()),
            _ => None,
        });
        if let Some(name) = failed {
            why = format!("the call failed and {name} ran: {why}");
        }
        (why, Some(relay.span))
    }

    /// A request that no script relayed.
    fn own_request(&self, request: &Message) -> Why {
        if request.method() == Some(Method::Options) {
            let interval = self.setting("ds_ping_interval");
            return (format!("dispatcher asks whether the destination is there, every {interval}"), None);
        }
        ("the server sends it by itself".to_owned(), None)
    }

    /// A request that a peer sent and nothing came of.
    fn unanswered(&self, at: usize, sent: &Sent) -> Option<Why> {
        let request = self.messages.get(&at).filter(|message| message.is_request())?;
        if sent.to != "alanui" {
            return None;
        }
        if sent.lost {
            return Some(("it never arrived".to_owned(), None));
        }
        let after = self.entries.get(at + 1..)?;
        let until = after.iter().position(|entry| match &entry.event {
            Event::Gap => true,
            Event::Message(sent) => sent.from != "alanui",
            _ => false,
        });
        let batch = after.get(..until.unwrap_or(after.len()))?;
        if batch.iter().any(|entry| matches!(entry.event, Event::Message(_))) {
            return None;
        }
        let script = batch.iter().any(|entry| matches!(entry.event, Event::Route(..)));
        if !script {
            let why = match request.method() {
                _ if sent.again => "it is a retransmission, which the transaction takes in",
                Some(Method::Ack) => {
                    "it acknowledges a reply of the server's own, which ends there (RFC 3261 section 17.2.1)"
                }
                _ => "it is no request that the script sees",
            };
            return Some((why.to_owned(), None));
        }
        if let Some(later) = self.answered_later(at + batch.len(), request) {
            return Some((format!("the script waits; the answer comes at {}", stamp(later)), None));
        }
        let last = at + batch.len();
        let end = self.script_end(last + 1);
        let decided = self.decided(last + 1, None);
        let mut why = match end {
            Some((how, span)) => format!("the script ended with {how} at {} and had sent nothing", self.place(span)),
            None => "the script came to its end and had sent nothing".to_owned(),
        };
        if let Some(decided) = decided {
            why.push_str(&format!("; before, {decided}"));
        }
        Some((why, end.map(|(_, span)| span)))
    }

    /// When the server answered a request in the end.
    fn answered_later(&self, at: usize, request: &Message) -> Option<Tick> {
        let mut later = self.of_call(request).filter(|(place, _, sent, _)| *place >= at && sent.from == "alanui");
        later.find(|(_, _, _, its)| !its.is_request() && number(its) == number(request)).map(|(_, tick, ..)| tick)
    }

    /// A call of the script, and the condition that led to it.
    fn because(&self, at: usize, call: &Called) -> Why {
        let mut why = format!("{}({}) stands at {}", call.name, call.args, self.place(call.span));
        if let Some(decided) = self.decided(at, Some(call.span)) {
            why.push_str(&format!(", where {decided}"));
        }
        (why, Some(call.span))
    }

    /// The last thing that was decided before `at`, and above `span` when it is given.
    fn decided(&self, at: usize, span: Option<Span>) -> Option<String> {
        self.window(at).find_map(|entry| match &entry.event {
            Event::Condition(text, holds, its)
                if span.is_none_or(|span| *its != span && its.start <= span.start || its.file != span.file) =>
            {
                let how = if *holds { "held" } else { "did not hold" };
                Some(format!("{text} {how} ({})", self.place(*its)))
            }
            Event::Switch(value, its) => Some(format!("the switch at {} found {value}", self.place(*its))),
            _ => None,
        })
    }

    /// What the script did last before `at`, newest first, back to the block that the server ran; nothing when no script ran at that moment.
    fn window(&self, at: usize) -> impl Iterator<Item = &Entry> {
        let now = self.entries.get(at).or(self.entries.last()).map(|entry| entry.at);
        let before = self.entries.get(..at.min(self.entries.len())).unwrap_or_default();
        let ran =
            before.iter().rev().take_while(|entry| Some(entry.at) == now || at >= self.entries.len()).any(|entry| {
                matches!(
                    entry.event,
                    Event::Call { .. } | Event::Route(..) | Event::End(..) | Event::Condition(..) | Event::Set(..)
                )
            });
        let mut over = !ran;
        before.iter().rev().take_while(move |entry| {
            let goes_on = !over;
            if let Event::Route(name, _) = &entry.event {
                over |= !name.starts_with("route[") && !name.starts_with("branch_route");
            }
            goes_on
        })
    }

    /// The last call that did one of these to the request.
    fn called(&self, at: usize, what: &[Does]) -> Option<Called> {
        self.window(at).find_map(|entry| match &entry.event {
            Event::Call { name, args, code, does, span, .. } => {
                let did = match does.contains(&Does::ReplyOnFailure) {
                    true => *code <= 0 && what.contains(&Does::Reply),
                    false => *code > 0 && does.iter().any(|done| what.contains(done)),
                };
                did.then(|| Called { name, args: args.clone(), span: *span })
            }
            _ => None,
        })
    }

    /// What named the destination last: a function that chooses, the Route of the dialog, or a variable.
    fn steered(&self, at: usize) -> Option<(String, Span)> {
        self.window(at).find_map(|entry| match &entry.event {
            Event::Call { name, args, code, does, span, .. }
                if *code > 0 && does.iter().any(|done| STEERING.contains(done)) =>
            {
                Some((format!("{name}({args})"), *span))
            }
            Event::Set(name, Some(value), span) if STEERED.contains(&name.as_str()) => {
                Some((format!("{name} = {value}"), *span))
            }
            _ => None,
        })
    }

    fn script_end(&self, at: usize) -> Option<(&'static str, Span)> {
        self.window(at).find_map(|entry| match &entry.event {
            Event::End(how, span) => Some((*how, *span)),
            _ => None,
        })
    }

    /// A timer that ran out at the moment of the message at `at`.
    fn timer(&self, at: usize) -> Option<String> {
        let now = self.entries.get(at)?.at;
        let place = self.entries.get(..at)?.iter().rposition(|entry| {
            entry.at == now && matches!(&entry.event, Event::Timer(name, _) if !name.starts_with("retr"))
        })?;
        let Event::Timer(name, after) = &self.entries.get(place)?.event else { return None };
        let mut setting = self.setting(name);
        let short_value = |setting: &&Setting| setting.name == *name && setting.value.len() <= 3;
        if *after < Duration::from_secs(1) && self.settings.iter().any(|setting| short_value(&setting)) {
            setting.push_str(", which are milliseconds,");
        }
        let message = self.messages.get(&at)?;
        let provisional = self.of_call(message).rev().filter(|(at, _, sent, _)| *at < place && sent.to == "alanui");
        let provisional = provisional.map(|(_, at, sent, _)| (at, sent)).find(|(_, sent)| sent.title.starts_with('1'));
        Some(match provisional.filter(|_| *name == "fr_inv_timer") {
            Some((at, sent)) => {
                format!(
                    "{setting} ran out {} after {} of {}",
                    short(now.since(at)),
                    first_words(&sent.title),
                    sent.from
                )
            }
            None => format!("{setting} ran out {} after the request was sent, and nobody had answered", short(*after)),
        })
    }

    /// A setting as the config gives it: `fr_inv_timer = 30000 (kamailio.cfg:48)`.
    fn setting(&self, name: &str) -> String {
        match self.settings.iter().rfind(|setting| setting.name == name) {
            Some(setting) => format!("{name} = {} ({})", setting.value, self.place(setting.span)),
            None => format!("{name} as it is when the config does not set it"),
        }
    }

    fn place(&self, span: Span) -> String {
        let path = self.sources.path(span.file);
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        format!("{name}:{}", self.sources.line_column(span.file, span.start).0)
    }

    /// The same reply as a peer sent it.
    fn heard(&self, at: usize, reply: &Message) -> Option<(String, String)> {
        let tag = |message: &Message| message.to_tag().map(<[u8]>::to_vec);
        self.sent_by_peer(at, reply, |its| its.status() == reply.status() && tag(its) == tag(reply))
    }

    /// The last final reply of a peer to this transaction.
    fn last_final(&self, at: usize, message: &Message) -> Option<(String, String)> {
        self.sent_by_peer(at, message, |its| its.status().is_some_and(|code| code >= 200))
    }

    /// The same request as a peer sent it.
    fn arrived(&self, at: usize, request: &Message) -> Option<(String, String)> {
        self.sent_by_peer(at, request, |its| its.is_request() && its.method() == request.method())
    }

    fn sent_by_peer(&self, at: usize, message: &Message, fits: impl Fn(&Message) -> bool) -> Option<(String, String)> {
        let mut earlier = self.of_call(message).rev().filter(|(place, _, sent, _)| *place < at && sent.to == "alanui");
        let found = earlier.find(|(_, _, _, its)| number(its) == number(message) && fits(its));
        found.map(|(_, _, sent, _)| (sent.from.clone(), sent.title.clone()))
    }
}

fn number(message: &Message) -> Option<u32> {
    message.cseq().map(|cseq| cseq.number)
}

struct Called {
    name: &'static str,
    args: String,
    span: Span,
}

fn first_words(title: &str) -> &str {
    title.split(" (").next().unwrap_or(title)
}

/// `30.0 s`, `64 ms`
fn short(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else {
        format!("{:.1} s", time.as_secs_f64())
    }
}
