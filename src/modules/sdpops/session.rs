//! A session description (RFC 8866), as far as scripts ask for it; every part is a stretch of the message.

use crate::sip::{Extent, HeaderName, Message, Parameters};

/// The session descriptions of a body: one, or those of its parts.
#[derive(Debug, Default)]
pub(super) struct Sdp {
    /// The text of the last one.
    pub(super) raw: Extent,
    pub(super) sessions: Vec<Session>,
}

/// One session description.
#[derive(Debug)]
pub(super) struct Session {
    /// The session version of `o=`.
    pub(super) version: Extent,
    /// The address in `o=`.
    pub(super) origin: Address,
    /// The address in the `c=` before the first media.
    pub(super) address: Option<Address>,
    /// The direction before the first media, when written.
    pub(super) mode: Option<Extent>,
    pub(super) streams: Vec<Stream>,
}

/// An address of `c=` or `o=`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Address {
    pub(super) text: Extent,
    pub(super) is_v6: bool,
}

/// One `m=` line with what belongs to it.
#[derive(Debug)]
pub(super) struct Stream {
    /// All its lines.
    pub(super) raw: Extent,
    pub(super) media: Extent,
    pub(super) port: Extent,
    pub(super) transport: Extent,
    /// The formats, separated by blanks.
    pub(super) formats: Extent,
    pub(super) address: Option<Address>,
    /// `sendrecv`, `inactive` and so on, when written.
    pub(super) mode: Option<Extent>,
    /// The port of `a=rtcp:`.
    pub(super) rtcp_port: Option<Extent>,
}

/// Why there is no session description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// There is no body.
    Body,
    /// The body is of another type, or cannot be read.
    Bad,
}

/// Reads what the body describes.
///
/// # Errors
/// When it describes nothing.
pub(super) fn read(message: &Message) -> Result<Sdp, Missing> {
    let body = message.body_extent();
    if body.is_empty() {
        return Err(Missing::Body);
    }
    let kind = message.content_type().ok_or(Missing::Bad)?;
    let plain = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    if plain.eq_ignore_ascii_case(b"application/sdp") {
        let session = session(message, body).ok_or(Missing::Bad)?;
        return Ok(Sdp { raw: body, sessions: vec![session] });
    }
    if !plain.eq_ignore_ascii_case(b"multipart/mixed") {
        return Err(Missing::Bad);
    }
    let boundary = Parameters::new(kind).lookup(b"boundary").flatten().ok_or(Missing::Bad)?;
    let boundary = boundary.strip_prefix(b"\"").and_then(|inner| inner.strip_suffix(b"\"")).unwrap_or(boundary);
    parts(message, body, boundary).ok_or(Missing::Bad)
}

/// The session descriptions among the parts of a body (RFC 2046 section 5.1). A body without one describes nothing, yet is no fault.
fn parts(message: &Message, body: Extent, boundary: &[u8]) -> Option<Sdp> {
    let text = message.text(body);
    let delimiter = [b"--", boundary].concat();
    let is_start = |at: &usize| *at == 0 || text.get(at - 1) == Some(&b'\n');
    let marks: Vec<usize> = memchr::memmem::find_iter(text, &delimiter).filter(is_start).collect();
    let mut sdp = Sdp::default();
    for (at, mark) in marks.iter().enumerate() {
        let end = marks.get(at + 1).copied().unwrap_or(text.len());
        let part = text.get(mark + delimiter.len()..end)?;
        let Some((headers, content)) = headers_and_content(part) else { continue };
        if !is_sdp(headers) {
            continue;
        }
        let start = usize::from(body.start) + end - content.len();
        sdp.raw = Extent::new(start, usize::from(body.start) + end);
        sdp.sessions.push(session(message, sdp.raw)?);
    }
    (!marks.is_empty()).then_some(sdp)
}

fn headers_and_content(part: &[u8]) -> Option<(&[u8], &[u8])> {
    let blank = memchr::memmem::find(part, b"\r\n\r\n").or_else(|| memchr::memmem::find(part, b"\n\n"))?;
    let (headers, content) = part.split_at_checked(blank)?;
    Some((headers, content.trim_ascii_start()))
}

fn is_sdp(headers: &[u8]) -> bool {
    headers.split(|byte| *byte == b'\n').any(|line| {
        let (name, value) = line.split_at(line.iter().position(|byte| *byte == b':').unwrap_or(line.len()));
        let value = value.strip_prefix(b":").unwrap_or_default();
        let kind = value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        HeaderName::parse(name.trim_ascii()) == HeaderName::ContentType && kind.eq_ignore_ascii_case(b"application/sdp")
    })
}

/// The lines of a text, each with its line end.
pub(super) fn lines(message: &Message, text: Extent) -> impl Iterator<Item = Extent> + use<'_> {
    let bytes = message.text(text);
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(start..).filter(|rest| !rest.is_empty())?;
        let end = start + memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        let line = Extent::new(start, end).shifted(text.start);
        start = end;
        Some(line)
    })
}

fn session(message: &Message, text: Extent) -> Option<Session> {
    let is = |line: &Extent, mark: &[u8]| message.text(*line).starts_with(mark);
    let mut all = lines(message, text).skip_while(|line| !is(line, b"v=")).skip_while(|line| !is(line, b"o="));
    let origin = all.next()?;
    let mut session = Session {
        version: version(message, origin)?,
        origin: address(message, origin)?,
        address: None,
        mode: None,
        streams: Vec::new(),
    };
    for line in all {
        if is(&line, b"m=") {
            session.streams.push(stream(message, line)?);
            continue;
        }
        let stream = session.streams.last_mut();
        if is(&line, b"c=") {
            let place = stream.map_or(&mut session.address, |stream| &mut stream.address);
            if place.is_none() {
                *place = Some(address(message, line)?);
            }
            continue;
        }
        if is(&line, b"a=") {
            let direction = direction(message, line);
            match stream {
                Some(stream) => {
                    stream.mode = direction.or(stream.mode);
                    stream.rtcp_port = rtcp_port(message, line).or(stream.rtcp_port);
                }
                None => session.mode = session.mode.or(direction),
            }
        }
    }
    let ends: Vec<u16> = session.streams.iter().skip(1).map(|stream| stream.raw.start).chain([text.end]).collect();
    for (stream, end) in session.streams.iter_mut().zip(ends) {
        stream.raw.end = end;
        if stream.address.is_none() && session.address.is_none() {
            return None;
        }
    }
    (!session.streams.is_empty()).then_some(session)
}

/// The words of a line behind its type, as stretches of the message.
fn words(message: &Message, line: Extent) -> impl Iterator<Item = Extent> + use<'_> {
    let text = message.text(line);
    let mut at = 2.min(text.len());
    std::iter::from_fn(move || {
        let start = at + text.get(at..)?.iter().position(|byte| !byte.is_ascii_whitespace())?;
        let rest = text.get(start..)?;
        at = start + rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
        Some(Extent::new(start, at).shifted(line.start))
    })
}

fn version(message: &Message, line: Extent) -> Option<Extent> {
    words(message, line).nth(2)
}

fn address(message: &Message, line: Extent) -> Option<Address> {
    let mut words = words(message, line);
    let is_v6 = words.find_map(|word| {
        let word = message.text(word);
        let is_v6 = word.eq_ignore_ascii_case(b"IP6");
        (is_v6 || word.eq_ignore_ascii_case(b"IP4")).then_some(is_v6)
    })?;
    Some(Address { text: words.next()?, is_v6 })
}

fn stream(message: &Message, line: Extent) -> Option<Stream> {
    let mut words = words(message, line);
    let (media, port, transport) = (words.next()?, words.next()?, words.next()?);
    let end = usize::from(line.start) + message.text(line).trim_ascii_end().len();
    let first = words.next().map_or(end, |word| word.start.into());
    let formats = Extent::new(first, end);
    Some(Stream { raw: line, media, port, transport, formats, address: None, mode: None, rtcp_port: None })
}

/// The direction that an attribute is.
fn direction(message: &Message, line: Extent) -> Option<Extent> {
    let attribute = message.text(line).get(2..)?;
    let is_direction = |word: &&[u8]| attribute.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    let words: [&[u8]; 4] = [b"sendrecv", b"sendonly", b"recvonly", b"inactive"];
    let word = words.iter().find(|word| is_direction(word))?;
    Some(Extent::new(2, 2 + word.len()).shifted(line.start))
}

/// The port of an `a=rtcp:` (RFC 3605).
fn rtcp_port(message: &Message, line: Extent) -> Option<Extent> {
    const NAME: &[u8] = b"a=rtcp:";
    let (name, port) = message.text(line).split_at_checked(NAME.len())?;
    let length = port.iter().position(u8::is_ascii_whitespace).unwrap_or(port.len());
    name.eq_ignore_ascii_case(NAME).then(|| Extent::new(NAME.len(), NAME.len() + length).shifted(line.start))
}
