//! What a scenario expects: how such lines are written, and whether they hold.

use super::blocks::Block;
use super::keyword::{Keyword, Misread, Said};
use super::parse::Parser;
use super::scenario::{Action, PeerId};
use super::scene::Scene;
use super::steps;
use super::words::Word;
use crate::sip::Message;
use crate::source::{Diagnostic, Span};
use crate::story::title;
use regex::Regex;

/// What a scenario expects at one of its lines.
#[derive(Debug, Clone)]
pub enum Expectation {
    /// `expect bob gets INVITE`: the peer got such a message since the scenario last looked.
    Gets(PeerId, Expected),
    /// `expect 403`: whoever sent the last request got this reply to it.
    Reply(u16),
    /// `expect to asterisk1`: a request went to this peer.
    To(PeerId),
    /// `expect none`: nothing left the server.
    Nothing,
    /// `expect uri ~ "^sip:bob@"`: of the message that the last expectation spoke of.
    Uri(Pattern),
    /// `expect header X-Tenant ~ "^a"`, `expect no header X-Tenant`.
    Header {
        /// Its name.
        name: String,
        /// What one of its values is like; `None` when it should be there, whatever it is.
        value: Option<Pattern>,
        /// None should be like this.
        absent: bool,
    },
    /// `expect log ~ "Door-knock"`: such a line was logged since the scenario last looked.
    Log(Pattern),
    /// `expect no log ~ "ERROR"`: none was since the last line that is no expectation.
    NoLog(Pattern),
}

/// What a peer should have received.
#[derive(Debug, Clone)]
pub struct Expected {
    /// Nothing at all, or a method or code.
    pub what: Option<String>,
    /// Headers it must carry; `*` stands for anything.
    pub headers: Vec<(String, String)>,
}

/// What a text should be like.
#[derive(Debug, Clone)]
pub enum Pattern {
    /// `= text`, where `*` stands for anything.
    Like(String),
    /// `~ "regex"`, found anywhere.
    Regex(Regex),
    /// `"text"`, found anywhere.
    Holds(String),
}

impl Pattern {
    fn fits(&self, text: &str) -> bool {
        match self {
            Pattern::Like(pattern) => fits(pattern, text),
            Pattern::Regex(regex) => regex.is_match(text),
            Pattern::Holds(part) => text.contains(part.as_str()),
        }
    }

    fn shown(&self) -> String {
        match self {
            Pattern::Like(text) => text.clone(),
            Pattern::Regex(regex) => format!("something like {}", regex.as_str()),
            Pattern::Holds(text) => format!("something with {text}"),
        }
    }
}

/// The word.
pub(super) static KEYWORD: Keyword = Keyword {
    name: "expect",
    usage: USAGE,
    has_lines: true,
    read: |parser, block, words| read(parser, block, words).map(|read| Said::Happens(Action::Expect(read))),
};

const USAGE: &str = "expect 403; expect to bob; expect none; expect bob gets INVITE; expect bob gets nothing; \
    expect header NAME ~ \"regex\"; expect no header NAME; expect uri ~ \"regex\"; expect [no] log ~ \"regex\"; expect log \"text\"";

/// Reads what stands behind `expect`.
fn read(parser: &mut Parser, block: &Block, words: &[Word]) -> Result<Expectation, Misread> {
    let word = |at: usize| words.get(at).ok_or(Misread::Form);
    let behind = |at: usize| words.get(at..).unwrap_or_default();
    let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    let expectation = match texts.as_slice() {
        [_, "gets", what] => {
            let peer = steps::peer_of(parser, word(0)?).ok_or(Misread::Reported)?;
            let headers = steps::extra(parser, block).ok_or(Misread::Reported)?.headers;
            let what = (*what != "nothing").then(|| (*what).to_owned());
            return Ok(Expectation::Gets(peer, Expected { what, headers }));
        }
        ["none"] => Expectation::Nothing,
        ["to", _] => Expectation::To(steps::peer_of(parser, word(1)?).ok_or(Misread::Reported)?),
        ["uri", ..] => Expectation::Uri(pattern(parser, behind(1)).ok_or(Misread::Reported)?),
        ["no", "log", ..] => Expectation::NoLog(pattern(parser, behind(2)).ok_or(Misread::Reported)?),
        ["log", ..] => Expectation::Log(pattern(parser, behind(1)).ok_or(Misread::Reported)?),
        ["header", name] => Expectation::Header { name: (*name).to_owned(), value: None, absent: false },
        ["no", "header", name] => Expectation::Header { name: (*name).to_owned(), value: None, absent: true },
        ["header", name, ..] => {
            let value = Some(pattern(parser, behind(2)).ok_or(Misread::Reported)?);
            Expectation::Header { name: (*name).to_owned(), value, absent: false }
        }
        ["no", "header", name, ..] => {
            let value = Some(pattern(parser, behind(3)).ok_or(Misread::Reported)?);
            Expectation::Header { name: (*name).to_owned(), value, absent: true }
        }
        [code] if code.parse().is_ok_and(|code: u16| (100..700).contains(&code)) => {
            Expectation::Reply(code.parse().unwrap_or(0))
        }
        _ => return Err(Misread::Form),
    };
    if let Some(line) = block.below.first() {
        parser.helped(
            line.span,
            "nothing can stand below this line",
            "header lines belong below: expect bob gets INVITE",
        );
    }
    Ok(expectation)
}

/// `~ "regex"`, `= text` or `"text"`.
fn pattern(parser: &mut Parser, words: &[Word]) -> Option<Pattern> {
    match words {
        [sign, word] if sign.text == "~" && !sign.quoted => match Regex::new(&word.text) {
            Ok(regex) => Some(Pattern::Regex(regex)),
            Err(fault) => {
                let fault = fault.to_string();
                let why = fault.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                parser.fault(word.span, format!("this is no regular expression: {why}"));
                None
            }
        },
        [sign, word] if sign.text == "=" && !sign.quoted => Some(Pattern::Like(word.text.clone())),
        [word] if word.quoted => Some(Pattern::Holds(word.text.clone())),
        [word] => Some(Pattern::Like(word.text.clone())),
        _ => {
            let span = words.first().map_or(parser.scenario.config_span, |word| word.span);
            parser.helped(span, "this is no pattern", "write ~ \"regex\", = text, or \"part of it\"");
            None
        }
    }
}

impl Scene<'_> {
    /// Whether something is as the scenario expects it.
    pub(super) fn expect(&mut self, expectation: &Expectation, span: Span) {
        let met = match expectation {
            Expectation::Gets(peer, expected) => self.expect_gets(*peer, expected),
            Expectation::Reply(code) => self.expect_reply(*code),
            Expectation::To(peer) => self.expect_to(*peer),
            Expectation::Nothing => match self.recent.as_slice() {
                [] => Ok(()),
                sent => Err(("something left the server".to_owned(), Some(format!("it sent {}", titles(sent))))),
            },
            Expectation::Uri(pattern) => self.expect_uri(pattern),
            Expectation::Header { name, value, absent } => self.expect_header(name, value.as_ref(), *absent),
            Expectation::Log(pattern) => self.expect_log(pattern),
            Expectation::NoLog(pattern) => {
                let fresh = self.story.log.get(self.log_before..).unwrap_or_default();
                match fresh.iter().find(|line| pattern.fits(line)) {
                    Some(line) => Err(("such a line was logged".to_owned(), Some(line.clone()))),
                    None => Ok(()),
                }
            }
        };
        let finds = matches!(expectation, Expectation::Gets(..) | Expectation::Reply(_) | Expectation::To(_));
        let echo = self.missed && matches!(expectation, Expectation::Uri(_) | Expectation::Header { .. });
        if finds {
            self.missed = met.is_err();
        }
        if echo {
            return;
        }
        if let Err((message, note)) = met {
            let failure = Diagnostic::error("unmet-expectation", message, span);
            self.failures.push(note.into_iter().fold(failure, Diagnostic::note));
        }
    }

    fn expect_gets(&mut self, at: PeerId, expected: &Expected) -> Met {
        let peer = &mut self.peers[at];
        let fresh = peer.received.get(peer.looked..).unwrap_or_default();
        let all = || fresh.iter().map(|message| title(message.bytes())).collect::<Vec<_>>().join("; ");
        let Some(what) = &expected.what else {
            return if fresh.is_empty() { Ok(()) } else { Err((format!("{} got: {}", peer.name, all()), None)) };
        };
        let is = |message: &&Message| match message.status() {
            Some(code) => code.to_string() == *what,
            None => message.method_text() == what.as_bytes(),
        };
        let Some(place) = fresh.iter().position(|message| is(&message)) else {
            let got = if fresh.is_empty() { "nothing".to_owned() } else { all() };
            return Err((format!("{} got no {what}", peer.name), Some(format!("it got {got}"))));
        };
        let message = fresh[place].clone();
        let name = peer.name.clone();
        peer.looked += place + 1;
        self.focus = Some(message.clone());
        for (header, pattern) in &expected.headers {
            let values = values(&message, header);
            if !values.iter().any(|value| fits(pattern, value)) {
                let text = format!("the {what} that {name} got has no such {header}");
                return Err((text, Some(format!("expected {pattern}; it has {}", listed(&values)))));
            }
        }
        Ok(())
    }

    fn expect_reply(&mut self, code: u16) -> Met {
        let Some(asker) = self.asker.map(|peer| self.peers[peer].name.clone()) else {
            return Err(("nobody has sent a request yet".to_owned(), None));
        };
        let replies = self.recent.iter().filter(|(to, message)| *to == asker && !message.is_request());
        let found = replies.clone().find(|(_, message)| message.status() == Some(code));
        let Some((_, message)) = found else {
            let got: Vec<(String, Message)> = replies.cloned().collect();
            return Err((format!("{asker} got no {code}"), Some(format!("it got {}", titles(&got)))));
        };
        self.focus = Some(message.clone());
        Ok(())
    }

    fn expect_to(&mut self, peer: PeerId) -> Met {
        let name = &self.peers[peer].name;
        let requests: Vec<(String, Message)> =
            self.recent.iter().filter(|(_, message)| message.is_request()).cloned().collect();
        let Some((_, message)) = requests.iter().find(|(to, _)| to == name) else {
            let went = match requests.as_slice() {
                [] => "no request left the server".to_owned(),
                all => format!("it sent {}", titles(all)),
            };
            return Err((format!("no request went to {name}"), Some(went)));
        };
        self.focus = Some(message.clone());
        Ok(())
    }

    fn expect_uri(&mut self, pattern: &Pattern) -> Met {
        let request = self.spoken_of().filter(|message| message.is_request());
        let request = request.or_else(|| self.last(Message::is_request));
        let Some(request) = request else { return Err(("no request left the server".to_owned(), None)) };
        let uri = String::from_utf8_lossy(request.request_uri()).into_owned();
        if pattern.fits(&uri) {
            return Ok(());
        }
        Err(("the Request-URI is another".to_owned(), Some(format!("expected {}; it is {uri}", pattern.shown()))))
    }

    fn expect_header(&mut self, name: &str, value: Option<&Pattern>, absent: bool) -> Met {
        let Some(message) = self.spoken_of() else { return Err(("nothing left the server".to_owned(), None)) };
        let values = values(message, name);
        let found = values.iter().any(|its| value.is_none_or(|pattern| pattern.fits(its)));
        if found != absent {
            return Ok(());
        }
        let what = title(message.bytes());
        let wanted = value.map_or(String::new(), |pattern| format!("expected {}; ", pattern.shown()));
        let no = if absent { "" } else { "no " };
        let such = if value.is_some() { "such " } else { "" };
        Err((format!("{what} has {no}{such}{name}"), Some(format!("{wanted}it has {}", listed(&values)))))
    }

    fn expect_log(&mut self, pattern: &Pattern) -> Met {
        let fresh = self.story.log.get(self.log_looked..).unwrap_or_default();
        match fresh.iter().position(|line| pattern.fits(line)) {
            Some(at) => {
                self.log_looked += at + 1;
                Ok(())
            }
            None => {
                let since = self.log_looked;
                let untold = self.story.untold.iter().filter(|(before, ..)| *before >= since);
                let hint = untold.clone().find(|(.., line)| pattern.fits(line)).map(|(_, level, _)| {
                    let (name, debug) = (level.name(), *level as i8);
                    format!(
                        "such a line has the level {name}, which the config leaves out: it takes debug={debug} or more"
                    )
                });
                Err(("nothing like this was logged".to_owned(), hint))
            }
        }
    }

    /// The message that the last expectation spoke of; else the last request that left, else the last reply.
    fn spoken_of(&self) -> Option<&Message> {
        self.focus.as_ref().or_else(|| self.last(Message::is_request)).or_else(|| self.last(|_| true))
    }

    fn last(&self, fits: impl Fn(&Message) -> bool) -> Option<&Message> {
        self.recent.iter().rev().map(|(_, message)| message).find(|message| fits(message))
    }
}

/// Whether an expectation is met; if not, what is wrong and what is so instead.
type Met = Result<(), (String, Option<String>)>;

fn titles(messages: &[(String, Message)]) -> String {
    if messages.is_empty() {
        return "nothing".to_owned();
    }
    let all = messages.iter().map(|(to, message)| format!("{} to {to}", title(message.bytes())));
    all.collect::<Vec<_>>().join("; ")
}

fn values(message: &Message, name: &str) -> Vec<String> {
    let headers = message.headers_called(name.as_bytes());
    headers.map(|header| String::from_utf8_lossy(&message.unfolded(header)).into_owned()).collect()
}

fn listed(values: &[String]) -> String {
    if values.is_empty() { "none".to_owned() } else { values.join("; ") }
}

/// Whether a value is as written, where `*` stands for anything.
fn fits(pattern: &str, value: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or("");
    let Some(mut rest) = value.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, value, expected) in [
            ("69", "69", true),
            ("69", "690", false),
            ("<sip:*;lr;*>", "<sip:1.2.3.4;lr;ftag=x>", true),
            ("*", "", true),
            ("a*b", "ab", true),
            ("a*b*", "xab", false),
        ] {
            assert_eq!(fits(pattern, value), expected, "{pattern} {value}");
        }
    }
}
