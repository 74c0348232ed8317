use bytes::Bytes;
use memchr::memchr;
use smallvec::SmallVec;

use super::extent::{Extent, trimmed};
use super::header::HeaderName;
use super::message::{Header, MAX_HEADERS, MAX_MESSAGE, Malformed, Message, StartLine, Typed};
use super::method::Method;
use super::number::number;

/// Reads a datagram into a [`Message`], with the first fault found.
pub(super) fn read(raw: Bytes) -> Result<(Message, Option<Malformed>), Malformed> {
    let begin = raw.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).ok_or(Malformed::NoStartLine)?;
    if raw.len() - begin > MAX_MESSAGE {
        return Err(Malformed::TooLarge);
    }
    let raw = if begin == 0 { raw } else { raw.slice(begin..) };
    let text: &[u8] = &raw;
    let (line, next) = line_at(text, 0);
    let (start, mut fault) = start_line(text, line.end)?;
    let mut index = Index { headers: SmallVec::new(), present: 0, content_length: None, fault: None };
    let body_start = index.read_headers(text, next);
    fault = fault.or(index.fault);
    let end_of_headers = body_start.map_or(text.len(), |(end, _)| end);
    let available = body_start.map_or(text.len(), |(_, body)| body)..text.len();
    let body = match index.content_length.map(|value| number(value.of(text))) {
        None => available,
        Some(None) => {
            fault = fault.or(Some(Malformed::BadContentLength));
            available
        }
        Some(Some(length)) => match usize::try_from(length) {
            Ok(length) if length <= available.len() => available.start..available.start + length,
            _ => {
                fault = fault.or(Some(Malformed::BodyTooShort));
                available
            }
        },
    };
    let surplus = body.end < raw.len();
    let raw = if surplus { raw.slice(..body.end) } else { raw };
    let message = Message {
        start,
        start_line: Extent::new(0, next),
        headers: index.headers,
        present: index.present,
        body: body.into(),
        end_of_headers: Extent::new(end_of_headers, end_of_headers).start,
        surplus,
        typed: Typed::default(),
        raw,
    };
    Ok((message, fault))
}

struct Index {
    headers: SmallVec<[Header; 20]>,
    present: u128,
    content_length: Option<Extent>,
    fault: Option<Malformed>,
}

impl Index {
    /// Reads header lines from `at`: where the empty line and where the body begins; `None` when no empty line comes.
    fn read_headers(&mut self, text: &[u8], mut at: usize) -> Option<(usize, usize)> {
        loop {
            if at >= text.len() {
                self.note(Malformed::NoEndOfHeaders);
                return None;
            }
            let start = at;
            let (mut line, mut next) = line_at(text, at);
            if line.is_empty() {
                return Some((start, next));
            }
            let mut folded = false;
            while matches!(text.get(next), Some(b' ' | b'\t')) {
                let (more, after) = line_at(text, next);
                line.end = more.end;
                next = after;
                folded = true;
            }
            at = next;
            if self.headers.len() == MAX_HEADERS {
                self.note(Malformed::TooManyHeaders);
                // The rest is looked through only for its end.
                continue;
            }
            match header(text, start, line.end, next, folded) {
                Ok(header) => {
                    if header.name == HeaderName::ContentLength && self.content_length.is_none() {
                        self.content_length = Some(header.value);
                    }
                    self.present |= header.name.bit();
                    self.headers.push(header);
                }
                Err(fault) => self.note(fault),
            }
        }
    }

    fn note(&mut self, fault: Malformed) {
        self.fault = self.fault.or(Some(fault));
    }
}

/// The line at `at` without its line end, and where the next one begins.
fn line_at(text: &[u8], at: usize) -> (std::ops::Range<usize>, usize) {
    let rest = text.get(at..).unwrap_or_default();
    match memchr(b'\n', rest) {
        Some(length) => {
            let carriage = length > 0 && rest.get(length - 1) == Some(&b'\r');
            (at..at + length - usize::from(carriage), at + length + 1)
        }
        None => (at..text.len(), text.len()),
    }
}

fn header(text: &[u8], start: usize, end: usize, next: usize, folded: bool) -> Result<Header, Malformed> {
    let line = text.get(start..end).unwrap_or_default();
    // Names are short: a plain walk beats a vector search.
    let length = line.iter().position(|byte| *byte == b':' || *byte <= b' ').ok_or(Malformed::HeaderWithoutColon)?;
    let (name, rest) = line.split_at_checked(length).unwrap_or_default();
    let blanks = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    if rest.get(blanks) != Some(&b':') {
        return Err(Malformed::HeaderWithoutColon);
    }
    if name.is_empty() {
        return Err(Malformed::HeaderWithoutName);
    }
    let name_end = start + length;
    let colon = name_end + blanks;
    Ok(Header {
        name: HeaderName::parse(name),
        folded,
        name_text: Extent::new(start, name_end),
        value: trimmed(text, colon + 1..end).into(),
        line: Extent::new(start, next),
    })
}

/// Reads the first line, `text[..end]`. Without `SIP/` at either end it is no SIP at all.
fn start_line(text: &[u8], end: usize) -> Result<(StartLine, Option<Malformed>), Malformed> {
    let line = text.get(..end).unwrap_or_default();
    if line.get(..4).is_some_and(|name| name.eq_ignore_ascii_case(b"SIP/")) {
        return status_line(line);
    }
    let whole = trimmed(line, 0..line.len());
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let line = line.get(..whole.end).unwrap_or_default();
    let method_end =
        whole.start + line.get(whole.start..).unwrap_or_default().iter().position(blank).ok_or(Malformed::NotSip)?;
    let version_start = line.iter().rposition(blank).ok_or(Malformed::NotSip)? + 1;
    let version = line.get(version_start..).unwrap_or_default();
    let protocol = version.split_at_checked(4).filter(|(name, _)| name.eq_ignore_ascii_case(b"SIP/"));
    let (_, number) = protocol.ok_or(Malformed::NotSip)?;
    let fault = (number != b"2.0").then_some(Malformed::BadVersion);
    let uri = trimmed(line, method_end..version_start.max(method_end));
    let method_text = Extent::new(whole.start, method_end);
    if uri.is_empty() || !method_text.of(line).iter().all(u8::is_ascii_graphic) {
        return Err(Malformed::NotSip);
    }
    let method = Method::parse(method_text.of(line));
    let version = Extent::new(version_start, line.len());
    Ok((StartLine::Request { method, method_text, uri: uri.into(), version }, fault))
}

fn status_line(line: &[u8]) -> Result<(StartLine, Option<Malformed>), Malformed> {
    let version_end = line.iter().position(|byte| *byte == b' ').ok_or(Malformed::BadStatus)?;
    let fault = (line.get(4..version_end) != Some(b"2.0")).then_some(Malformed::BadVersion);
    let rest = trimmed(line, version_end..line.len());
    let code = line.get(rest.start..rest.start + 3).and_then(number).and_then(|code| u16::try_from(code).ok());
    let code = code.filter(|code| (100..1000).contains(code)).ok_or(Malformed::BadStatus)?;
    let reason = rest.start + 3;
    if reason < rest.end && line.get(reason) != Some(&b' ') {
        return Err(Malformed::BadStatus);
    }
    let reason = trimmed(line, reason..rest.end);
    Ok((StartLine::Status { code, reason: reason.into() }, fault))
}
