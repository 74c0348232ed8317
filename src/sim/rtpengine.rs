//! The rtpengines of a scenario: one behaves as all do, unless a line says otherwise.

use super::blocks::Block;
use super::keyword::{Keyword, Misread, Said};
use super::parse::Parser;
use super::play::{Happens, Play};
use super::scenario::Action;
use super::steps::extra;
use super::words::Word;
use crate::builtin::{Ask, AskedServer, Unanswered};
use crate::modules::rtpengine::bencode::Bencode;
use crate::modules::rtpengine::shown::{place, question};
use crate::source::Span;
use bytes::Bytes;

/// Where media go (RFC 5737, RFC 3849).
const ADDRESS: &str = "203.0.113.10";
const ADDRESS_V6: &str = "2001:db8:113::10";
/// The ports of media begin here; each medium takes one for RTP and the next for RTCP.
const FIRST_PORT: u16 = 30_000;
const LAST_PORT: u16 = 60_000;

/// How an rtpengine behaves from here on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RelayLine {
    /// Which, as the config names its host or its host and port; `None` for all.
    server: Option<String>,
    /// The command that it is about; `None` for all.
    command: Option<String>,
    /// What it does.
    mood: RelayMood,
}

/// What an rtpengine does when it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
enum RelayMood {
    /// What it does by itself.
    Works,
    /// Nothing.
    Silent,
    /// It answers with an error.
    Fails(String),
    /// It answers with this session description.
    Answers(Bytes),
}

/// The word.
pub(super) static KEYWORD: Keyword = Keyword {
    name: "rtpengine",
    usage: USAGE,
    has_lines: true,
    read: |parser, block, words| Ok(Said::Happens(Action::host(line(parser, block, words)?))),
};

const USAGE: &str = "rtpengine [HOST[:PORT]] answers [to offer] with SDP below it, each line behind |; rtpengine is silent, fails \
                                \"reason\" or works, each with to COMMAND or without";

/// Reads `rtpengine [HOST[:PORT]] answers|fails|is silent|works [to COMMAND]`.
fn line(parser: &mut Parser, block: &Block, words: &[Word]) -> Result<RelayLine, Misread> {
    let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    let (server, texts) = match texts.split_first() {
        Some((first, rest)) if !["answers", "fails", "is", "works"].contains(first) => {
            (Some((*first).to_owned()), rest)
        }
        _ => (None, texts.as_slice()),
    };
    let extra = extra(parser, block).ok_or(Misread::Reported)?;
    let (mood, rest) = match texts {
        ["answers", rest @ ..] if !extra.body.is_empty() => {
            let sdp: String = extra.body.iter().map(|line| format!("{line}\r\n")).collect();
            (Some(RelayMood::Answers(Bytes::from(sdp))), rest)
        }
        ["is", "silent", rest @ ..] => (Some(RelayMood::Silent), rest),
        ["works", rest @ ..] => (Some(RelayMood::Works), rest),
        ["fails", rest @ ..] if matches!(rest.first(), None | Some(&"to")) => {
            (Some(RelayMood::Fails("the scenario says so".into())), rest)
        }
        ["fails", reason, rest @ ..] => (Some(RelayMood::Fails((*reason).to_owned())), rest),
        rest => (None, rest),
    };
    let answers = matches!(mood, Some(RelayMood::Answers(_)));
    let is_bare = extra.headers.is_empty() && (answers || extra.body.is_empty());
    match (mood.filter(|_| is_bare), rest) {
        (Some(mood), []) => Ok(RelayLine { server, command: None, mood }),
        (Some(mood), ["to", command @ ..]) if !command.is_empty() => {
            Ok(RelayLine { server, command: Some(command.join(" ")), mood })
        }
        _ => Err(Misread::Form),
    }
}

/// All rtpengines of a scenario.
#[derive(Debug, Default)]
pub(super) struct Relays {
    /// What lines say, the newest first.
    lines: Vec<RelayLine>,
    /// Ports by Call-ID, tag and place of the medium.
    ports: Vec<(Bytes, Bytes, usize, u16)>,
}

impl Relays {
    /// From here on they behave so.
    pub(super) fn set(&mut self, line: RelayLine) {
        if line.mood == RelayMood::Works {
            let all = |known: &RelayLine| {
                (line.server.is_none() || line.server == known.server)
                    && (line.command.is_none() || line.command == known.command)
            };
            self.lines.retain(|known| !all(known));
        }
        self.lines.insert(0, line);
    }

    /// What an rtpengine says to a question; an error is silence.
    pub(super) fn answer(&mut self, ask: &Ask) -> Result<Bytes, Unanswered> {
        let question = question(ask).ok_or_else(|| Unanswered::Failed("nobody understands this question".into()))?;
        let command = question.get_text("command").cloned().unwrap_or_default();
        let fits = |line: &&RelayLine| {
            let is_it = line.server.as_ref().is_none_or(|server| is_named(&ask.server, server));
            let is_all = line.command.is_none() && (command != "ping" || line.mood == RelayMood::Silent);
            is_it && line.command.as_ref().map_or(is_all, |its| command == its.as_bytes())
        };
        let mood = self.lines.iter().find(fits).map_or(RelayMood::Works, |line| line.mood.clone());
        let answer = match mood {
            RelayMood::Silent => return Err(Unanswered::Failed("nobody answers".into())),
            RelayMood::Fails(why) => {
                Bencode::dict([("result", Bencode::text("error")), ("error-reason", Bencode::Text(Bytes::from(why)))])
            }
            RelayMood::Answers(sdp) => Bencode::dict([("sdp", Bencode::Text(sdp)), ("result", Bencode::text("ok"))]),
            RelayMood::Works => self.usual(&command, &question),
        };
        let mut out = vec![b' '];
        answer.write(&mut out);
        Ok(Bytes::from(out))
    }

    /// What an rtpengine says that works.
    fn usual(&mut self, command: &[u8], question: &Bencode) -> Bencode {
        let ok = ("result", Bencode::text("ok"));
        match command {
            b"ping" => Bencode::dict([("result", Bencode::text("pong"))]),
            b"offer" | b"answer" => {
                let sdp = Bytes::from(self.relayed(question));
                Bencode::dict([("sdp", Bencode::Text(sdp)), ok])
            }
            b"delete" | b"query" => {
                let none = || {
                    let zero = Bencode::Int(0);
                    Bencode::dict([("packets", zero.clone()), ("bytes", zero.clone()), ("errors", zero)])
                };
                let totals = Bencode::dict([("RTP", none()), ("RTCP", none())]);
                Bencode::dict([("totals", totals), ok])
            }
            b"play media" => Bencode::dict([("duration", Bencode::Int(1000)), ok]),
            _ => Bencode::dict([ok]),
        }
    }

    /// The session description with the relay's addresses and ports.
    fn relayed(&mut self, question: &Bencode) -> String {
        let text = |name| question.get_text(name).cloned().unwrap_or_default();
        // The tag of the party whose description it is.
        let tag = if text("command") == "answer" { text("to-tag") } else { text("from-tag") };
        let (call_id, sdp) = (text("call-id"), text("sdp"));
        let transport = question.get_text("transport-protocol").map(|name| String::from_utf8_lossy(name));
        let origin =
            matches!(question.get("replace"), Some(Bencode::List(list)) if list.contains(&Bencode::text("origin")));
        let (mut media, mut port) = (0, 0);
        let mut out = String::with_capacity(sdp.len());
        for line in String::from_utf8_lossy(&sdp).split_inclusive('\n') {
            let content = line.trim_end_matches(['\r', '\n']);
            let mut words: Vec<String> = content.split(' ').map(str::to_owned).collect();
            let last = words.len() - 1;
            let is_address = |words: &[String]| last >= 2 && matches!(words[last - 1].as_str(), "IP4" | "IP6");
            if content.starts_with("m=") && last >= 2 {
                if words[1] != "0" {
                    port = self.port(&call_id, &tag, media);
                    words[1] = port.to_string();
                }
                media += 1;
                if let Some(transport) = &transport {
                    words[2] = transport.to_string();
                }
            } else if content.starts_with("a=rtcp:") && port != 0 {
                words[0] = format!("a=rtcp:{}", port + 1);
            }
            let replaced =
                content.starts_with("c=") || content.starts_with("a=rtcp:") || origin && content.starts_with("o=");
            if replaced && is_address(&words) && words[last] != "0.0.0.0" {
                words[last] = if words[last - 1] == "IP4" { ADDRESS } else { ADDRESS_V6 }.to_owned();
            }
            out.push_str(&words.join(" "));
            out.push_str(&line[content.len()..]);
        }
        out
    }

    fn port(&mut self, call_id: &Bytes, tag: &Bytes, medium: usize) -> u16 {
        let known = self.ports.iter().find(|(its, of, at, _)| its == call_id && of == tag && *at == medium);
        if let Some((.., port)) = known {
            return *port;
        }
        let port = self
            .ports
            .last()
            .map_or(FIRST_PORT, |(.., last)| if *last + 2 < LAST_PORT { last + 2 } else { FIRST_PORT });
        // As many as there are ports.
        if self.ports.len() > usize::from(LAST_PORT - FIRST_PORT) / 2 {
            self.ports.remove(0);
        }
        self.ports.push((call_id.clone(), tag.clone(), medium, port));
        port
    }
}

/// Whether a scenario means this server by `host` or `host:port`.
fn is_named(server: &AskedServer, name: &str) -> bool {
    name == server.host || name == place(server)
}

impl Happens for RelayLine {
    fn happen(&self, play: &mut Play, _: Span) {
        play.around.stage.relays.set(self.clone());
        let does = match &self.mood {
            RelayMood::Works => "works".to_owned(),
            RelayMood::Silent => "is silent".to_owned(),
            RelayMood::Fails(why) => format!("fails \"{why}\""),
            RelayMood::Answers(sdp) => format!("answers with {} bytes of SDP", sdp.len()),
        };
        let server = self.server.as_ref().map(|server| format!(" {server}")).unwrap_or_default();
        let command = self.command.as_ref().map(|command| format!(" to {command}")).unwrap_or_default();
        play.around.moment(&format!("rtpengine{server} {does}{command}"));
    }
}
