//! Questions to an rtpengine and its answers, as people read them.

use super::bencode::Bencode;
use crate::builtin::{Ask, AskedServer};
use bytes::Bytes;

/// A server as it is shown.
pub(crate) fn place(server: &AskedServer) -> String {
    if server.is_v6 { format!("[{}]:{}", server.host, server.port) } else { format!("{}:{}", server.host, server.port) }
}

/// The dictionary behind the cookie of a question.
pub(crate) fn question(ask: &Ask) -> Option<Bencode> {
    Bencode::read(&ask.bytes.slice(ask.bytes.len().min(ask.cookie + 1)..))
}

/// What a question says that does not follow from the message.
pub(crate) fn asked(ask: &Ask) -> String {
    const USUAL: [&str; 7] = ["supports", "sdp", "call-id", "received-from", "from-tag", "to-tag", "command"];
    let Some(Bencode::Dict(entries)) = question(ask) else { return format!("asks {}", place(&ask.server)) };
    let command = entries.iter().find(|(name, _)| name == "command").map(|(_, command)| shown(command));
    let mut line = format!("rtpengine {} {}", place(&ask.server), command.unwrap_or_default());
    for (name, value) in entries.iter().filter(|(name, _)| !USUAL.iter().any(|usual| name == usual)) {
        line.push_str(&format!("; {} {}", String::from_utf8_lossy(name), shown(value)));
    }
    line
}

/// An answer in a few words.
pub(crate) fn said(answer: &Bytes) -> String {
    let Some(answer) = Bencode::read(&answer.slice(answer.len().min(1)..)) else {
        return format!("{} bytes", answer.len());
    };
    let text = |name| answer.get_text(name).map(|text| String::from_utf8_lossy(text).into_owned());
    let result = text("result").unwrap_or_default();
    match (text("error-reason"), answer.get_text("sdp")) {
        (Some(why), _) => format!("{result}: {why}"),
        (None, Some(sdp)) => format!("{result}, {} bytes of SDP", sdp.len()),
        (None, None) => result,
    }
}

fn shown(value: &Bencode) -> String {
    match value {
        Bencode::Int(number) => number.to_string(),
        Bencode::Text(text) => String::from_utf8_lossy(text).into_owned(),
        Bencode::List(values) => values.iter().map(shown).collect::<Vec<_>>().join(" "),
        Bencode::Dict(entries) => {
            let entry =
                |(name, value): &(Bytes, Bencode)| format!("{} {}", String::from_utf8_lossy(name), shown(value));
            entries.iter().map(entry).collect::<Vec<_>>().join(", ")
        }
    }
}
