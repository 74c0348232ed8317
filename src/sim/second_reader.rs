//! A second, foreign reader of what the server itself makes: replies, ACKs, CANCELs, pings. rsip reads the bytes and has to find in them what this
//! crate's own reader finds. Forwarded messages are their senders' and never go through it.

use crate::sip::Message;
use rsip::SipMessage;
use rsip::message::HeadersExt;
use rsip::prelude::{HasHeaders, ToTypedHeader, UntypedHeader};

/// What a reader finds in a message.
#[derive(Debug, PartialEq, Eq)]
struct Read {
    start: String,
    branch: String,
    from_tag: String,
    to_tag: String,
    call_id: String,
    cseq: (u32, String),
    headers: usize,
    body: usize,
}

/// What the two readers do not agree on, in a message that the server made; `arrived` are those that it may be about. Parts of them are sent back as
/// they are: where the readers do not agree on one of those, nothing is said.
pub(super) fn disagreement<'m>(made: &Message, arrived: impl IntoIterator<Item = &'m Message>) -> Option<String> {
    let names = |its: &Message| [its.from(), its.to()].into_iter().all(|who| who.is_some_and(|who| who.uri().is_ok()));
    // rsip reads text alone.
    let is_text = |its: &Message| std::str::from_utf8(its.bytes()).is_ok();
    let is_plain = |its: &Message| is_text(its) && names(its) && compared(its).is_none();
    if arrived.into_iter().all(is_plain) && is_text(made) { compared(made) } else { None }
}

/// What the two readers do not agree on in a message.
fn compared(message: &Message) -> Option<String> {
    let here = here(message)?;
    let there = match there(message) {
        Ok(there) => there,
        Err(fault) => return Some(format!("rsip cannot read it: {fault}")),
    };
    let parts = [
        ("the first line", !here.start.eq_ignore_ascii_case(&there.start)),
        ("the branch of the topmost Via", here.branch != there.branch),
        ("the tag of From", here.from_tag != there.from_tag),
        ("the tag of To", here.to_tag != there.to_tag),
        ("the Call-ID", here.call_id != there.call_id),
        ("CSeq", here.cseq != there.cseq),
        ("how many headers there are", here.headers != there.headers),
        ("how long the body is", here.body != there.body),
    ];
    let (part, _) = parts.into_iter().find(|(_, differs)| *differs)?;
    Some(format!("rsip reads {part} otherwise: {there:?}, not {here:?}"))
}

/// Whether the server made a message by itself, rather than sent on what arrived: it has put its tag on a reply, or it is a 100, or another method than
/// what arrived has.
pub(super) fn is_made_here(message: &Message, arrived: &Message) -> bool {
    let is_own = |tag: &[u8]| {
        let (own, rest) = tag.split_at_checked(32).unwrap_or_default();
        let digits = |text: &[u8]| text.iter().all(u8::is_ascii_hexdigit);
        digits(own) && rest.len() == 9 && matches!(rest[0], b'-' | b'.') && digits(&rest[1..])
    };
    match message.status() {
        Some(code) => code == 100 || message.to_tag().is_some_and(is_own),
        None => message.method_text() != arrived.method_text(),
    }
}

/// What this crate finds; `None` where something is missing that every message has.
fn here(message: &Message) -> Option<Read> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let cseq = message.cseq()?;
    Some(Read {
        start: match message.status() {
            Some(code) => code.to_string(),
            None => format!("{} {}", text(message.method_text()), text(message.request_uri())),
        },
        branch: text(message.via()?.branch().unwrap_or_default()),
        from_tag: text(message.from_tag().unwrap_or_default()),
        to_tag: text(message.to_tag().unwrap_or_default()),
        call_id: text(message.call_id()),
        cseq: (cseq.number, text(cseq.method_text)),
        headers: message.headers().len(),
        body: message.body().len(),
    })
}

/// What rsip finds.
fn there(message: &Message) -> Result<Read, String> {
    let text = |fault: rsip::Error| fault.to_string();
    let read = SipMessage::try_from(unfolded(message)).map_err(text)?;
    let via = read.via_header().and_then(|via| via.typed()).map_err(text)?;
    let from = read.from_header().and_then(|from| from.typed()).map_err(text)?;
    let to = read.to_header().and_then(|to| to.typed()).map_err(text)?;
    let cseq = read.cseq_header().and_then(|cseq| cseq.typed()).map_err(text)?;
    let tag = |tag: Option<&rsip::common::uri::param::Tag>| tag.map(|tag| tag.value().to_owned()).unwrap_or_default();
    let (start, body) = match &read {
        SipMessage::Request(request) => (format!("{} {}", request.method, request.uri), request.body.len()),
        SipMessage::Response(response) => (response.status_code.code().to_string(), response.body.len()),
    };
    Ok(Read {
        start,
        branch: via.branch().map(|branch| branch.value().to_owned()).unwrap_or_default(),
        from_tag: tag(from.tag()),
        to_tag: tag(to.tag()),
        call_id: read.call_id_header().map_err(text)?.value().to_owned(),
        cseq: (cseq.seq, cseq.method.to_string()),
        headers: read.headers().iter().count(),
        body,
    })
}

/// The message with each header on one line: rsip knows no folding (RFC 3261 section 7.3.1).
fn unfolded(message: &Message) -> Vec<u8> {
    let (head, body) = message.bytes().split_at(message.bytes().len() - message.body().len());
    let head = String::from_utf8_lossy(head).replace("\r\n ", " ").replace("\r\n\t", " ");
    [head.as_bytes(), body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn message(text: &str) -> Message {
        Message::parse(Bytes::from(text.replace('\n', "\r\n"))).unwrap()
    }

    const REPLY: &str = "SIP/2.0 404 Not Found\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK-1;received=192.0.2.11\n\
                         From: <sip:a@b>;tag=1\nTo: <sip:b@b>;tag=2\nCall-ID: c@h\nCSeq: 7 INVITE\nContent-Length: 0\n\n";

    #[test]
    fn both_find_the_same_in_what_is_well_made() {
        assert_eq!(disagreement(&message(REPLY), []), None);
        let cancel = "CANCEL sip:bob@10.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKx\nFrom: <sip:a@b>;tag=1\n\
                      To: <sip:b@b>\nCall-ID: c\nCSeq: 7 CANCEL\nMax-Forwards: 70\nContent-Length: 0\n\n";
        assert_eq!(disagreement(&message(cancel), []), None);
    }

    #[test]
    fn a_line_that_is_folded_is_one_to_both() {
        assert_eq!(disagreement(&message(&REPLY.replace("Call-ID: c@h", "Call-ID: c@h\nSubject: a\n b")), []), None);
    }

    #[test]
    fn what_they_do_not_agree_on_is_named() {
        for (plain, odd, named) in [
            ("404 Not Found", "404", "cannot read it"),
            ("branch=z9hG4bK-1", "branch=z9hG4bK/1", "the branch of the topmost Via"),
            ("Call-ID: c@h", "Call-ID: c@h ", "the Call-ID"),
        ] {
            let made = message(&REPLY.replace(plain, odd));
            assert!(disagreement(&made, []).is_some_and(|what| what.contains(named)), "{odd}");
            // A peer wrote it so: it comes back as it was.
            assert_eq!(disagreement(&made, [&made]), None, "{odd}");
        }
    }
}
