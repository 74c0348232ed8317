//! What a scenario expects.

use super::ladder::title;
use super::play::Play;
use super::scenario::{Expected, PeerId};
use crate::sip::Message;
use crate::source::{Diagnostic, Span};

impl Play<'_> {
    /// Whether a peer got what it should have, since the scenario last looked.
    pub(super) fn expect(&mut self, at: PeerId, expected: &Expected, span: Span) {
        let peer = &mut self.peers[at];
        let fresh = peer.received.get(peer.looked..).unwrap_or_default();
        let titles = || fresh.iter().map(|message| title(message.bytes())).collect::<Vec<_>>().join("; ");
        let Some(what) = &expected.what else {
            if !fresh.is_empty() {
                let message = format!("{} got: {}", peer.name, titles());
                self.failures.push(Diagnostic::error("unmet-expectation", message, span));
            }
            return;
        };
        let is = |message: &&Message| match message.status() {
            Some(code) => code.to_string() == *what,
            None => message.method_text() == what.as_bytes(),
        };
        let found = fresh.iter().position(|message| is(&message));
        let Some(place) = found else {
            let got = if fresh.is_empty() { "nothing".to_owned() } else { titles() };
            let message = format!("{} got no {what}", peer.name);
            let failure = Diagnostic::error("unmet-expectation", message, span).note(format!("it got {got}"));
            return self.failures.push(failure);
        };
        let message = fresh[place].clone();
        let name = peer.name.clone();
        peer.looked += place + 1;
        for (header, pattern) in &expected.headers {
            let values: Vec<String> = message
                .headers_called(header.as_bytes())
                .map(|header| String::from_utf8_lossy(&message.unfolded(header)).into_owned())
                .collect();
            if !values.iter().any(|value| fits(pattern, value)) {
                let got = if values.is_empty() { "none".to_owned() } else { values.join("; ") };
                let text = format!("the {what} that {name} got has no such {header}");
                let failure = Diagnostic::error("unmet-expectation", text, span);
                self.failures.push(failure.note(format!("expected {pattern}; it has {got}")));
            }
        }
    }

    /// Whether such a line was logged since the scenario last looked.
    pub(super) fn expect_log(&mut self, text: &str, span: Span) {
        let fresh = self.ladder.log.get(self.log_looked..).unwrap_or_default();
        match fresh.iter().position(|line| line.contains(text)) {
            Some(at) => self.log_looked += at + 1,
            None => {
                let failure = Diagnostic::error("unmet-expectation", "nothing like this was logged", span);
                self.failures.push(failure);
            }
        }
    }
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
