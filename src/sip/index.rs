use std::ops::Range;

use bytes::Bytes;
use smallvec::SmallVec;

use super::extent::{Extent, trimmed};
use super::head::{BodyLength, Line, Lines, line_at, name_and_colon};
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
    let mut index =
        Index { headers: SmallVec::new(), present: 0, twice: None, length: BodyLength::Unsaid, fault: None };
    let empty_line = index.read_headers(text, next);
    fault = fault.or(index.fault);
    let end_of_headers = empty_line.as_ref().map_or(text.len(), |line| line.start);
    let available = empty_line.map_or(text.len(), |line| line.end)..text.len();
    let body = match index.length {
        BodyLength::Bytes(length) if length <= available.len() => available.start..available.start + length,
        BodyLength::Bytes(_) => {
            fault = fault.or(Some(Malformed::BodyTooShort));
            available
        }
        BodyLength::Unreadable => {
            fault = fault.or(Some(Malformed::Unreadable(HeaderName::ContentLength)));
            available
        }
        BodyLength::Several => {
            fault = fault.or(Some(Malformed::Twice(HeaderName::ContentLength)));
            available
        }
        BodyLength::Unsaid => available,
    };
    let surplus = body.end < raw.len();
    let raw = if surplus { raw.slice(..body.end) } else { raw };
    let message = Message {
        start,
        start_line: Extent::new(0, next),
        headers: index.headers,
        present: index.present,
        twice: index.twice,
        body: body.into(),
        end_of_headers: Extent::new(end_of_headers, end_of_headers).start,
        surplus,
        typed: Typed::default(),
        raw,
    };
    Ok((message, fault))
}

/// The headers of which a message has one at most; with two of them nobody knows which is meant (RFC 4475 section 3.3.8).
const SINGLE: u128 = HeaderName::From.bit()
    | HeaderName::To.bit()
    | HeaderName::CallId.bit()
    | HeaderName::CSeq.bit()
    | HeaderName::MaxForwards.bit();

struct Index {
    headers: SmallVec<[Header; 20]>,
    present: u128,
    twice: Option<HeaderName>,
    length: BodyLength,
    fault: Option<Malformed>,
}

impl Index {
    /// Reads header lines from `at`: where the empty line behind them stands; `None` when none comes.
    fn read_headers(&mut self, text: &[u8], at: usize) -> Option<Range<usize>> {
        let mut lines = Lines::new(text, at);
        for line in &mut lines {
            if self.headers.len() == MAX_HEADERS {
                self.note(Malformed::TooManyHeaders);
                // The rest is looked through only for its end.
                continue;
            }
            match header(text, &line) {
                Ok(header) => {
                    let bit = header.name.bit();
                    if self.present & bit & SINGLE != 0 {
                        self.twice = self.twice.or(Some(header.name));
                    }
                    if header.name == HeaderName::ContentLength {
                        self.length = self.length.and(header.value.of(text));
                    }
                    self.present |= bit;
                    self.headers.push(header);
                }
                Err(fault) => self.note(fault),
            }
        }
        let end = lines.end();
        if end.is_none() {
            self.note(Malformed::NoEndOfHeaders);
        }
        end
    }

    fn note(&mut self, fault: Malformed) {
        self.fault = self.fault.or(Some(fault));
    }
}

fn header(text: &[u8], line: &Line) -> Result<Header, Malformed> {
    let content = text.get(line.start..line.end).unwrap_or_default();
    let (name, colon) = name_and_colon(content).ok_or(Malformed::HeaderWithoutColon)?;
    if name.is_empty() {
        return Err(Malformed::HeaderWithoutName);
    }
    Ok(Header {
        name: HeaderName::parse(name),
        folded: line.folded,
        name_text: Extent::new(line.start, line.start + name.len()),
        value: trimmed(text, line.start + colon + 1..line.end).into(),
        line: Extent::new(line.start, line.next),
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
    let uri = trimmed(line, method_end..version_start.max(method_end));
    let method_text = Extent::new(whole.start, method_end);
    if uri.is_empty() || !method_text.of(line).iter().all(u8::is_ascii_graphic) {
        return Err(Malformed::NotSip);
    }
    // Blanks behind the URI and the version do not hide what is meant; others do (RFC 4475 sections 3.1.2.8 to 3.1.2.10).
    let well_separated = whole.start == 0 && uri.start == method_end + 1 && line.get(method_end) == Some(&b' ');
    let torn = line.get(uri.clone()).unwrap_or_default().iter().any(blank);
    let fault = if number != b"2.0" {
        Some(Malformed::BadVersion)
    } else if torn || !well_separated {
        Some(Malformed::BadRequestLine)
    } else {
        None
    };
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
