//! The values that peers of the capture made up, and those that peers of the scenario make up in their place.

use crate::sip::HeaderName;
use bytes::Bytes;
use rustc_hash::{FxHashMap, FxHashSet};

/// Captured values with those of the scenario.
#[derive(Debug, Default)]
pub(super) struct Translation {
    calls: FxHashMap<Vec<u8>, String>,
    tags: FxHashMap<Vec<u8>, String>,
    /// Tags of the scenario that stand for one.
    taken: FxHashSet<String>,
}

/// Headers that name calls other than their own.
const NAMING_CALLS: [&str; 6] = ["replaces", "refer-to", "r", "in-reply-to", "target-dialog", "join"];

impl Translation {
    /// Whether a captured Call-ID has one in the scenario.
    pub(super) fn knows_call(&self, call: &[u8]) -> bool {
        self.calls.contains_key(call)
    }

    /// The scenario's Call-ID for a captured one.
    pub(super) fn call<'a>(&'a self, call: &'a [u8]) -> &'a [u8] {
        self.calls.get(call).map_or(call, |text| text.as_bytes())
    }

    /// Learns a Call-ID; the first stays.
    pub(super) fn learn_call(&mut self, captured: &[u8], scenario: &str) {
        self.calls.entry(captured.to_vec()).or_insert_with(|| scenario.to_owned());
    }

    /// Learns a tag; the first stays, and a tag of the scenario stands for one captured tag only.
    pub(super) fn learn_tag(&mut self, captured: &[u8], scenario: &str) {
        if !self.tags.contains_key(captured) && self.taken.insert(scenario.to_owned()) {
            self.tags.insert(captured.to_vec(), scenario.to_owned());
        }
    }

    /// A message with the scenario's values in place of the captured ones. In a message of a stream, what asks for a
    /// stream is taken out of addresses: scenarios are played over UDP.
    pub(super) fn message(&self, message: &[u8], streamed: bool) -> Bytes {
        let mut out = Vec::with_capacity(message.len());
        let mut rest = message;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(end + 1);
            rest = after;
            if line.trim_ascii().is_empty() {
                out.extend_from_slice(line);
                if out.iter().any(|byte| *byte != b'\r' && *byte != b'\n') {
                    break;
                }
                continue;
            }
            let line = self.line(line);
            out.extend(if streamed { without_stream(&line) } else { line });
        }
        out.extend_from_slice(rest);
        Bytes::from(out)
    }

    fn line(&self, line: &[u8]) -> Vec<u8> {
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(0);
        let (name, value) = line.split_at(colon);
        let name = name.trim_ascii();
        if HeaderName::parse(name) == HeaderName::CallId {
            let call = value.get(1..).unwrap_or_default().trim_ascii();
            return [line.get(..colon).unwrap_or_default(), b": ", self.call(call), b"\r\n"].concat();
        }
        let line = self.with_tags(line);
        if !NAMING_CALLS.iter().any(|naming| name.eq_ignore_ascii_case(naming.as_bytes())) {
            return line;
        }
        let Ok(mut text) = String::from_utf8(line.clone()) else { return line };
        for (captured, scenario) in &self.calls {
            if let Ok(captured) = std::str::from_utf8(captured) {
                text = text.replace(captured, scenario);
                text = text.replace(&captured.replace('@', "%40"), &scenario.replace('@', "%40"));
            }
        }
        text.into_bytes()
    }

    /// The line with each `tag=value` translated, also as the end of a longer name: `ftag=`, `to-tag%3D`.
    fn with_tags(&self, line: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(line.len());
        let mut rest = line;
        while let Some(at) = next_tag(rest) {
            let (before, after) = rest.split_at(at);
            out.extend_from_slice(before);
            let end = after.iter().position(|byte| b";,> \"&%?\t\r\n".contains(byte)).unwrap_or(after.len());
            let (tag, after) = after.split_at(end);
            out.extend_from_slice(self.tags.get(tag).map_or(tag, |text| text.as_bytes()));
            rest = after;
        }
        out.extend_from_slice(rest);
        out
    }
}

/// The place behind the next `tag=`.
fn next_tag(text: &[u8]) -> Option<usize> {
    let plain = text.windows(4).position(|four| four.eq_ignore_ascii_case(b"tag=")).map(|at| at + 4);
    let escaped = text.windows(6).position(|six| six.eq_ignore_ascii_case(b"tag%3d")).map(|at| at + 6);
    plain.into_iter().chain(escaped).min()
}

fn without_stream(line: &[u8]) -> Vec<u8> {
    let mut text = String::from_utf8_lossy(line).into_owned();
    for word in [";transport=tcp", ";transport=tls"] {
        while let Some(at) = text.to_ascii_lowercase().find(word) {
            text.replace_range(at..at + word.len(), "");
        }
    }
    for protocol in ["SIP/2.0/TCP", "SIP/2.0/TLS"] {
        text = text.replace(protocol, "SIP/2.0/UDP");
    }
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_translated_where_they_stand_for_themselves() {
        let mut translation = Translation::default();
        translation.learn_call(b"abc@192.0.2.1", "1@alice");
        translation.learn_tag(b"1", "alice-1");
        translation.learn_tag(b"2", "bob-1");
        let message = b"BYE sip:1@x;transport=TCP SIP/2.0\r\nRoute: <sip:x;lr;ftag=1>\r\nFrom: <sip:1@x>;tag=1\r\n\
            i:abc@192.0.2.1\r\nRefer-To: <sip:x?Replaces=abc%40192.0.2.1%3Bto-tag%3D2%3Bfrom-tag%3D1>\r\n\r\ntag=1\r\n";
        let expected = "BYE sip:1@x SIP/2.0\r\nRoute: <sip:x;lr;ftag=alice-1>\r\nFrom: <sip:1@x>;tag=alice-1\r\n\
            i: 1@alice\r\nRefer-To: <sip:x?Replaces=1%40alice%3Bto-tag%3Dbob-1%3Bfrom-tag%3Dalice-1>\r\n\r\ntag=1\r\n";
        assert_eq!(String::from_utf8_lossy(&translation.message(message, true)), expected);
    }
}
