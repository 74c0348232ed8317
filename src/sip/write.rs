use bytes::Bytes;
use smallvec::SmallVec;

use super::edit::{Edits, Order};
use super::extent::{Extent, trimmed};
use super::header::{HeaderName, Rport, Stamp, Via};
use super::message::{Malformed, Message, StartLine};
use super::multipart;
use super::number::{number, push_address, push_number};
use super::uri::Uri;

/// Appends `message` with `edits` made to `out`; what no edit touches goes byte for byte.
pub fn write(message: &Message, edits: &Edits, out: &mut Vec<u8>) {
    Writing::new(message, edits).finish(out);
}

/// Appends a request as it is forwarded (RFC 3261 section 16.6): `request_uri` in its first line (`None`: the one of
/// `edits`, or its own), `via_line` (a whole Via line with its line end) right before its first Via header, and `stamp`
/// recorded in the former topmost Via, where Kamailio puts it. `more_lines`, a whole Route line, a Max-Breadth line or nothing, go before
/// the Route headers, or behind the new Via. Superfluous blanks of the first line (RFC 4475
/// sections 3.1.2.9 and 3.1.2.10) and the headers in a request URI (RFC 3261 section 16.6, step 2) are left out.
pub fn write_request(
    message: &Message,
    edits: &Edits,
    request_uri: Option<&[u8]>,
    (via_line, more_lines): (&[u8], &[u8]),
    stamp: Stamp,
    out: &mut Vec<u8>,
) {
    let (mut received, mut rport) = (Vec::new(), Vec::new());
    stamp_texts(stamp, &mut received, &mut rport);
    let mut writing = Writing::new(message, edits);
    if let Some(uri) = request_uri {
        writing.put_request_uri(uri);
    }
    writing.tidy_first_line(request_uri);
    let top = message.header(HeaderName::Via).map_or(message.start_line().end, |header| header.line.start);
    writing.put(at(top), Order::Via, via_line);
    if !more_lines.is_empty() {
        let place = message.header(HeaderName::Route).map_or(top, |header| header.line.start);
        writing.put(at(place), Order::Path, more_lines);
    }
    if let (Some(via), Some(extent), false) = (message.via(), message.via_extent(), stamp.is_empty()) {
        let base = extent.start;
        let start = at(Extent::new(via.parameters_start(), via.parameters_start()).start).shifted(base);
        let asked = via.rport() != Rport::Absent;
        let rport_place = via.rport_extent().map_or(start, |place| place.shifted(base));
        let received_place = via.received_extent().map_or(start, |place| place.shifted(base));
        // Kamailio's order: behind sent-by, first a forced rport, then received.
        for (text, place, order) in [
            (&rport, rport_place, if asked { Order::Replace } else { Order::Before }),
            (&received, received_place, if received_place.is_empty() { Order::Before } else { Order::Replace }),
        ] {
            if !text.is_empty() {
                writing.put(place, order, text);
            }
        }
    }
    writing.finish(out);
}

/// Appends a reply as it is forwarded (RFC 3261 section 16.7, step 3): without its topmost Via value, or without the
/// whole line when that is its only one.
pub fn write_reply(message: &Message, edits: &Edits, out: &mut Vec<u8>) {
    let mut writing = Writing::new(message, edits);
    let top = message.vias().next().map(|via| message.removal(&via));
    if let Some(extent) = top {
        writing.put(extent, Order::Replace, b"");
    }
    writing.finish(out);
}

/// The message that `edits` make of `message`: `msg_apply_changes`.
pub fn apply(message: &Message, edits: &Edits) -> Result<Message, Malformed> {
    let mut out = Vec::with_capacity(message.bytes().len() + 256);
    write(message, edits, &mut out);
    Message::parse(Bytes::from(out))
}

/// The texts for `received` and `rport`, each with its semicolon.
pub(super) fn stamp_texts(stamp: Stamp, received: &mut Vec<u8>, rport: &mut Vec<u8>) {
    if let Some(address) = stamp.received {
        received.extend_from_slice(b";received=");
        push_address(received, address);
    }
    if let Some(port) = stamp.rport {
        rport.extend_from_slice(b";rport=");
        push_number(rport, usize::from(port));
    }
}

/// Appends the value of `via` with `stamp` as Kamailio's own replies show it: `rport` in its place or, forced, at the
/// end, and `received` behind everything.
pub(super) fn push_stamped_via(via: &Via<'_>, stamp: Stamp, out: &mut Vec<u8>) {
    let text = via.text();
    let (mut received, mut rport) = (Vec::new(), Vec::new());
    stamp_texts(stamp, &mut received, &mut rport);
    match via.rport_extent() {
        Some(place) if !rport.is_empty() => {
            out.extend_from_slice(text.get(..usize::from(place.start)).unwrap_or_default());
            out.extend_from_slice(&rport);
            out.extend_from_slice(text.get(usize::from(place.end)..).unwrap_or_default());
        }
        _ => {
            out.extend_from_slice(text);
            out.extend_from_slice(&rport);
        }
    }
    out.extend_from_slice(&received);
}

/// A change with borrowed text.
#[derive(Clone, Copy)]
struct Piece<'a> {
    remove: Extent,
    order: Order,
    text: &'a [u8],
}

struct Writing<'a> {
    message: &'a Message,
    edits: &'a Edits,
    pieces: SmallVec<[Piece<'a>; 12]>,
}

impl<'a> Writing<'a> {
    fn new(message: &'a Message, edits: &'a Edits) -> Writing<'a> {
        let piece = |edit: &'a super::edit::Edit| Piece { remove: edit.remove, order: edit.order, text: &edit.text };
        let mut writing = Writing { message, edits, pieces: edits.list().iter().map(piece).collect() };
        if let Some(uri) = &edits.new_uri {
            writing.put_request_uri(uri);
        }
        if let Some(body) = edits.new_body() {
            writing.pieces.retain(|piece| piece.remove.is_empty() || piece.remove.start < message.body_extent().start);
            writing.put(message.body_extent(), Order::Replace, body);
        }
        writing
    }

    fn put(&mut self, remove: Extent, order: Order, text: &'a [u8]) {
        self.pieces.push(Piece { remove, order, text });
    }

    fn put_request_uri(&mut self, text: &'a [u8]) {
        if let StartLine::Request { uri, .. } = self.message.start() {
            self.pieces.retain(|piece| piece.remove != uri);
            self.put(uri, Order::Replace, text);
        }
    }

    /// Leaves single blanks in the first line, and no headers in its URI; `given` is the one that replaces it.
    fn tidy_first_line(&mut self, given: Option<&'a [u8]>) {
        let StartLine::Request { uri, version, .. } = self.message.start() else { return };
        let gap = Extent { start: uri.end, end: version.start };
        if gap.of(self.message.bytes()) != b" " {
            self.put(gap, Order::Replace, b" ");
        }
        let line = self.message.start_line();
        let end = trimmed(self.message.bytes(), usize::from(version.start)..usize::from(line.end)).end;
        let line_end = self.message.bytes().get(end..usize::from(line.end)).unwrap_or_default();
        let blanks = line_end.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        if blanks > 0 {
            self.put(Extent::new(end, end + blanks), Order::Replace, b"");
        }
        let edits = self.edits;
        let text = given.or(edits.new_uri.as_deref()).unwrap_or(self.message.request_uri());
        // A URI that a script has put together ends where another line would begin.
        let line = text.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
        let bare = memchr::memchr(b'?', line).and_then(|_| {
            let headers = Uri::parse(line).ok()?.headers_text;
            line.strip_suffix(headers)?.strip_suffix(b"?")
        });
        let kept = bare.unwrap_or(line);
        if kept.len() < text.len() {
            self.put_request_uri(kept);
        }
    }

    /// Writes everything, and Content-Length right when the body is another.
    fn finish(self, out: &mut Vec<u8>) {
        let Some(body) = self.body_of_parts() else { return self.finish_as_edited(out) };
        let extent = self.message.body_extent();
        let before = self.pieces.iter().copied().filter(|piece| piece.remove.start < extent.start);
        let mut writing = Writing { message: self.message, edits: self.edits, pieces: before.collect() };
        writing.put(extent, Order::Replace, &body);
        writing.finish_as_edited(out);
    }

    /// The body with its delimiters set right, when parts of it changed.
    fn body_of_parts(&self) -> Option<Vec<u8>> {
        let delimiter = self.edits.parts_changed.then(|| multipart::delimiter(self.message))??;
        multipart::with_closing_delimiter(&self.body(), &delimiter)
    }

    fn finish_as_edited(self, out: &mut Vec<u8>) {
        let body_start = self.message.body_extent().start;
        if !self.pieces.iter().any(|piece| piece.remove.start >= body_start) {
            return emit(self.message, 0, self.pieces, out);
        }
        let mut digits = Vec::new();
        push_number(&mut digits, self.body().len());
        let line = [b"Content-Length: ", digits.as_slice(), b"\r\n"].concat();
        let mut pieces: SmallVec<[Piece<'_>; 12]> = self.pieces.iter().copied().collect();
        match self.message.header(HeaderName::ContentLength).filter(|header| !self.edits.removes(header)) {
            Some(header) if number(&digits) == self.message.content_length() => {
                pieces.retain(|piece| piece.remove != header.value);
            }
            Some(header) => {
                pieces.retain(|piece| piece.remove != header.value);
                let order = if header.value.is_empty() { Order::Before } else { Order::Replace };
                pieces.push(Piece { remove: header.value, order, text: &digits });
            }
            None => match pieces.iter_mut().find(|piece| piece.order == Order::ContentLength) {
                Some(piece) => piece.text = &line,
                None => {
                    let end = at(self.message.end_of_headers());
                    pieces.push(Piece { remove: end, order: Order::ContentLength, text: &line });
                }
            },
        }
        emit(self.message, 0, pieces, out);
    }

    /// What the edits make of the body.
    fn body(&self) -> Vec<u8> {
        let mut body = Vec::new();
        let start = self.message.body_extent().start;
        let pieces = self.pieces.iter().filter(|piece| piece.remove.start >= start).copied().collect();
        emit(self.message, usize::from(start), pieces, &mut body);
        body
    }
}

/// Writes the message from `from` on, with `pieces` in their places.
fn emit(message: &Message, from: usize, mut pieces: SmallVec<[Piece<'_>; 12]>, out: &mut Vec<u8>) {
    pieces.sort_by_key(|piece| (piece.remove.start, rank(piece.order), std::cmp::Reverse(piece.remove.end)));
    let raw = message.bytes();
    let mut written = from;
    for piece in pieces {
        let place = piece.remove.range();
        if place.start < written && place.end <= written {
            // It lies inside what an earlier edit replaced.
            continue;
        }
        let start = place.start.max(written);
        out.extend_from_slice(raw.get(written..start).unwrap_or_default());
        out.extend_from_slice(piece.text);
        written = place.end;
    }
    out.extend_from_slice(raw.get(written..).unwrap_or_default());
}

/// Appended lines and a Content-Length among them keep the order of their calls.
fn rank(order: Order) -> u8 {
    match order {
        Order::After => 0,
        Order::Before | Order::ContentLength => 1,
        Order::Via => 2,
        Order::Path => 3,
        Order::Replace => 4,
    }
}

fn at(place: u16) -> Extent {
    Extent { start: place, end: place }
}
