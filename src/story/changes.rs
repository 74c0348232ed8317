//! What a message has that the one it came from had not.

use crate::sip::{HeaderName, Message};
use similar::{Algorithm, DiffOp, capture_diff_slices};

/// Header lines that differ, in the order of the message: `+` added, `-` removed, `~` changed. Then the body. That a reply
/// loses its topmost Via goes without saying.
pub(super) fn changes(from: &Message, to: &Message) -> Vec<String> {
    let (mut old, new) = (lines(from), lines(to));
    if !from.is_request() {
        let via = from.headers().iter().position(|header| header.name == HeaderName::Via);
        if let Some(via) = via {
            old.remove(via);
        }
    }
    let mut changes = Vec::new();
    for op in capture_diff_slices(Algorithm::Patience, &old, &new) {
        let (before, after) = (old.get(op.old_range()), new.get(op.new_range()));
        let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
        if !matches!(op, DiffOp::Equal { .. }) {
            tell(before, after, &mut changes);
        }
    }
    if from.body() != to.body() {
        changes.push(format!("~ body, {} bytes", to.body().len()));
        changes.extend(String::from_utf8_lossy(to.body()).lines().map(|line| format!("  | {line}")));
    }
    changes
}

/// Pairs lines of one name, last with last: headers are added in front.
fn tell(before: &[String], after: &[String], changes: &mut Vec<String>) {
    let name = |line: &str| line.split(':').next().unwrap_or("").to_ascii_lowercase();
    let mut paired: Vec<Option<usize>> = vec![None; after.len()];
    for (place, line) in before.iter().enumerate().rev() {
        let fits = (0..after.len()).rev().find(|&at| paired[at].is_none() && name(&after[at]) == name(line));
        match fits {
            Some(at) => paired[at] = Some(place),
            None => changes.push(format!("- {line}")),
        }
    }
    for (line, partner) in after.iter().zip(&paired) {
        changes.push(format!("{} {line}", if partner.is_some() { '~' } else { '+' }));
    }
}

/// The header lines of a reply of the server's own that say more than any reply does.
pub(super) fn own_headers(reply: &Message) -> Vec<String> {
    use HeaderName::{CSeq, CallId, ContentLength, From, Server, To, Via};
    let usual = [Via, From, To, CallId, CSeq, Server, ContentLength];
    let more = reply.headers().iter().filter(|header| !usual.contains(&header.name));
    more.map(|header| format!("+ {}", line(reply, header))).collect()
}

fn lines(message: &Message) -> Vec<String> {
    message.headers().iter().map(|header| line(message, header)).collect()
}

fn line(message: &Message, header: &crate::sip::Header) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}: {}", text(message.text(header.name_text)), text(&message.unfolded(header)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn message(headers: &str) -> Message {
        let text = format!("INVITE sip:bob@x SIP/2.0\n{headers}\n").replace('\n', "\r\n");
        Message::parse(Bytes::from(text)).unwrap()
    }

    #[test]
    fn only_what_differs_is_told() {
        let from = message("Via: a;rport\nMax-Forwards: 70\nRoute: <sip:us>\nTo: b\n");
        let to = message("Record-Route: <sip:us>\nVia: own\nVia: a;rport=5\nMax-Forwards: 69\nTo: b\n");
        let expected =
            ["- Route: <sip:us>", "+ Record-Route: <sip:us>", "+ Via: own", "~ Via: a;rport=5", "~ Max-Forwards: 69"];
        assert_eq!(changes(&from, &to), expected);
        assert!(changes(&from, &from).is_empty());
    }
}
