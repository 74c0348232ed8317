use std::borrow::Cow;
use std::cell::OnceCell;

use bytes::Bytes;
use smallvec::SmallVec;

use super::extent::Extent;
use super::header::{CSeqParts, HeaderName, NameAddrParts, ViaParts};
use super::index;
use super::method::Method;

/// A SIP message: bytes that do not change, and an index of where its headers stand (RFC 3261 section 7).
///
/// Offsets ([`Extent`]) count from the first byte of the start line; line ends before it and bytes behind the body of a
/// datagram are not part of the message. Values with a shape (Via, From, ...) are read when first asked for.
#[derive(Clone, Debug)]
pub struct Message {
    pub(super) raw: Bytes,
    pub(super) start: StartLine,
    pub(super) start_line: Extent,
    pub(super) headers: SmallVec<[Header; 20]>,
    pub(super) present: u128,
    pub(super) twice: Option<HeaderName>,
    pub(super) body: Extent,
    pub(super) end_of_headers: u16,
    pub(super) surplus: bool,
    pub(super) typed: Typed,
}

/// What was read of the headers that have a shape; `None` inside when the header is missing or malformed.
#[derive(Clone, Debug, Default)]
pub(super) struct Typed {
    pub(super) via: OnceCell<Option<(Extent, ViaParts)>>,
    pub(super) from: OnceCell<Option<(Extent, NameAddrParts)>>,
    pub(super) from_tag: OnceCell<Option<Extent>>,
    pub(super) to: OnceCell<Option<(Extent, NameAddrParts)>>,
    pub(super) to_tag: OnceCell<Option<Extent>>,
    pub(super) cseq: OnceCell<Option<(Extent, CSeqParts)>>,
}

/// The first line of a message (RFC 3261 sections 7.1 and 7.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StartLine {
    /// `INVITE sip:bob@example.com SIP/2.0`
    Request {
        /// The method.
        method: Method,
        /// The method as written.
        method_text: Extent,
        /// The request URI as written.
        uri: Extent,
        /// `SIP/2.0` as written.
        version: Extent,
    },
    /// `SIP/2.0 200 OK`
    Status {
        /// The status code, 100 to 699.
        code: u16,
        /// The reason phrase; may be empty.
        reason: Extent,
    },
}

/// One header line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// Its name.
    pub name: HeaderName,
    /// Whether the value goes on over several lines (RFC 3261 section 7.3.1).
    pub folded: bool,
    /// Its name as written.
    pub name_text: Extent,
    /// Its value without blanks around it; line ends of a folded one are still in it.
    pub value: Extent,
    /// All of it, with its line end.
    pub line: Extent,
}

/// What is wrong with bytes that should be a message: one variant a fault.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Malformed {
    /// More than 65535 bytes.
    TooLarge,
    /// Nothing but line ends: a keep-alive (RFC 5626 section 4.4.1), or nothing at all.
    NoStartLine,
    /// The first line is no SIP start line.
    NotSip,
    /// The first line of a request has blanks where none belong, so that its URI is not known for sure.
    BadRequestLine,
    /// A SIP version other than 2.0; a request is answered 505.
    BadVersion,
    /// The status code is no number from 100 to 699.
    BadStatus,
    /// A header line without a colon.
    HeaderWithoutColon,
    /// A header line that begins with its colon.
    HeaderWithoutName,
    /// No empty line ends the headers.
    NoEndOfHeaders,
    /// More than 256 header lines.
    TooManyHeaders,
    /// A header that every message needs is not there (RFC 3261 section 8.1.1).
    Missing(HeaderName),
    /// A header that must be understood is not.
    Unreadable(HeaderName),
    /// A header does not begin with a number of 32 bits where it must (RFC 4475 sections 3.1.2.4 and 3.1.2.5).
    NoNumber(HeaderName),
    /// A header that a message has one of at most stands there twice (RFC 4475 sections 3.3.8 and 3.3.9).
    Twice(HeaderName),
    /// Fewer bytes than Content-Length says (RFC 3261 section 18.3).
    BodyTooShort,
}

/// The most bytes a message may have.
pub const MAX_MESSAGE: usize = 65_535;

/// The most header lines a message may have.
pub const MAX_HEADERS: usize = 256;

impl Message {
    /// Reads one datagram. Tolerant where a proxy must be: line ends before the start line, bare LF, folded lines, blanks
    /// before the colon, compact names, bytes beyond ASCII, unknown methods and any text as request URI are accepted.
    /// A body longer than Content-Length is cut, without Content-Length it runs to the end (RFC 3261 section 18.3).
    pub fn parse(raw: Bytes) -> Result<Message, Malformed> {
        match index::read(raw)? {
            (_, Some(fault)) => Err(fault),
            (message, None) => Ok(message),
        }
    }

    /// Reads as much as there is to read, with the first fault [`Message::parse`] would refuse it for: what a 400 is built
    /// from ([`Message::can_be_answered`]). Fails only without a start line, or when it is too large.
    pub fn parse_lenient(raw: Bytes) -> Result<(Message, Option<Malformed>), Malformed> {
        index::read(raw)
    }

    /// Whether bytes beyond Content-Length arrived with the message and were discarded (RFC 3261 section 18.3).
    pub fn had_surplus(&self) -> bool {
        self.surplus
    }

    /// Whether this is a request that a reply can be made for: with a Via, which says where it goes. An ACK is never answered.
    pub fn can_be_answered(&self) -> bool {
        self.method().is_some_and(|method| method != Method::Ack) && self.has(HeaderName::Via)
    }

    /// All bytes of the message.
    pub fn bytes(&self) -> &Bytes {
        &self.raw
    }

    /// The bytes in `extent`, sharing the message's memory.
    pub fn slice(&self, extent: Extent) -> Bytes {
        if extent.range().end <= self.raw.len() { self.raw.slice(extent.range()) } else { Bytes::new() }
    }

    /// The bytes in `extent`.
    pub fn text(&self, extent: Extent) -> &[u8] {
        extent.of(&self.raw)
    }

    /// Writes as many bytes over those in `extent`, digits over digits: the index of the message stays as it is. Reads see them, which an edit
    /// does not bring about; Kamailio does so with Max-Forwards and the status code.
    pub fn overwrite(&mut self, extent: Extent, bytes: &[u8]) {
        let range = extent.range();
        if range.len() != bytes.len() || range.end > self.raw.len() {
            return;
        }
        let mut raw = self.raw.to_vec();
        raw[range].copy_from_slice(bytes);
        self.raw = Bytes::from(raw);
        if let StartLine::Status { code, .. } = &mut self.start
            && extent.end <= self.start_line.end
            && let Some(written) = super::number::number(bytes).and_then(|number| u16::try_from(number).ok())
        {
            *code = written;
        }
    }

    /// The first line, taken apart.
    pub fn start(&self) -> StartLine {
        self.start
    }

    /// Where the first line stands, with its line end.
    pub fn start_line(&self) -> Extent {
        self.start_line
    }

    /// Whether this is a request.
    pub fn is_request(&self) -> bool {
        matches!(self.start, StartLine::Request { .. })
    }

    /// The method of a request.
    pub fn method(&self) -> Option<Method> {
        match self.start {
            StartLine::Request { method, .. } => Some(method),
            StartLine::Status { .. } => None,
        }
    }

    /// The method of a request as written; empty for a reply.
    pub fn method_text(&self) -> &[u8] {
        match self.start {
            StartLine::Request { method_text, .. } => self.text(method_text),
            StartLine::Status { .. } => b"",
        }
    }

    /// The request URI as written; empty for a reply.
    pub fn request_uri(&self) -> &[u8] {
        match self.start {
            StartLine::Request { uri, .. } => self.text(uri),
            StartLine::Status { .. } => b"",
        }
    }

    /// The status code of a reply.
    pub fn status(&self) -> Option<u16> {
        match self.start {
            StartLine::Status { code, .. } => Some(code),
            StartLine::Request { .. } => None,
        }
    }

    /// The reason phrase of a reply; empty for a request.
    pub fn reason(&self) -> &[u8] {
        match self.start {
            StartLine::Status { reason, .. } => self.text(reason),
            StartLine::Request { .. } => b"",
        }
    }

    /// All header lines, in order.
    pub fn headers(&self) -> &[Header] {
        &self.headers
    }

    /// Whether there is a header `name`.
    pub fn has(&self, name: HeaderName) -> bool {
        self.present & name.bit() != 0
    }

    /// The first header `name`.
    pub fn header(&self, name: HeaderName) -> Option<&Header> {
        self.headers_named(name).next()
    }

    /// All headers `name`, in order.
    pub fn headers_named(&self, name: HeaderName) -> impl DoubleEndedIterator<Item = &Header> {
        let among = if self.has(name) { self.headers.as_slice() } else { &[] };
        among.iter().filter(move |header| header.name == name)
    }

    /// All headers called `text`, in any case: a compact form finds the long one and the other way round.
    pub fn headers_called<'a>(&'a self, text: &'a [u8]) -> impl DoubleEndedIterator<Item = &'a Header> {
        let name = HeaderName::parse(text);
        self.headers_named(name)
            .filter(move |header| name != HeaderName::Other || self.text(header.name_text).eq_ignore_ascii_case(text))
    }

    /// The value of the first header `name` as written; line ends of a folded one are still in it.
    pub fn value(&self, name: HeaderName) -> Option<&[u8]> {
        self.header(name).map(|header| self.text(header.value))
    }

    /// The value of `header` on one line: each line end and the blanks around it become one blank (RFC 3261 section
    /// 7.3.1).
    pub fn unfolded(&self, header: &Header) -> Cow<'_, [u8]> {
        let value = self.text(header.value);
        if header.folded { Cow::Owned(unfold(value)) } else { Cow::Borrowed(value) }
    }

    /// The value of `header` on one line, sharing the message's memory where it is one.
    pub fn unfolded_bytes(&self, header: &Header) -> Bytes {
        if header.folded { unfold(self.text(header.value)).into() } else { self.slice(header.value) }
    }

    /// Where the empty line behind the headers stands.
    pub fn end_of_headers(&self) -> u16 {
        self.end_of_headers
    }

    /// Where the body stands.
    pub fn body_extent(&self) -> Extent {
        self.body
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        self.text(self.body)
    }
}

fn unfold(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    for line in value.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty()) {
        if !out.is_empty() {
            out.push(b' ');
        }
        out.extend_from_slice(line);
    }
    out
}
