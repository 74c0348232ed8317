use super::header::{HeaderName, Stamp};
use super::message::{Header, Message};
use super::number::push_number;
use super::write::push_stamped_via;

/// A reply to a request (RFC 3261 section 8.2.6), in the form of Kamailio's own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reply<'a> {
    /// The status code.
    pub code: u16,
    /// The reason phrase.
    pub reason: &'a [u8],
    /// The tag for To when the request has none; leave it out of a 100.
    pub to_tag: Option<&'a [u8]>,
    /// What to record in the topmost Via.
    pub stamp: Stamp,
    /// Whole header lines: Contact, challenges, `append_to_reply` and so on.
    pub extra_headers: &'a [u8],
    /// The value for Server.
    pub server: Option<&'a [u8]>,
    /// The value for Content-Type; it goes before the extra headers.
    pub content_type: Option<&'a [u8]>,
    /// A whole header line that stands last.
    pub warning: &'a [u8],
    /// The body.
    pub body: &'a [u8],
}

impl Reply<'_> {
    /// Appends the reply to `request`: Via, From, To, Call-ID and CSeq raw and in the order of the request, Record-Route
    /// with codes 102 to 299 as Kamailio does (RFC 3261 section 12.1.1), then what is the reply's own.
    ///
    /// `received` goes to the end of the topmost Via value. Kamailio puts it at the end of that header line, which marks
    /// the wrong hop when the line holds several values.
    pub fn write(&self, request: &Message, out: &mut Vec<u8>) {
        out.extend_from_slice(b"SIP/2.0 ");
        push_number(out, usize::from(self.code));
        out.push(b' ');
        out.extend_from_slice(self.reason);
        out.extend_from_slice(b"\r\n");
        let mut seen = 0;
        for header in request.headers() {
            let again = seen & header.name.bit() != 0;
            match header.name {
                HeaderName::Via if !again => self.push_top_via(request, header, out),
                HeaderName::Via => push_line(request, header, out),
                HeaderName::To if !again => self.push_to(request, header, out),
                HeaderName::From | HeaderName::CallId | HeaderName::CSeq if !again => push_line(request, header, out),
                HeaderName::RecordRoute if (102..300).contains(&self.code) => push_line(request, header, out),
                _ => {}
            }
            seen |= header.name.bit();
        }
        if let Some(content_type) = self.content_type {
            push_header(b"Content-Type", content_type, out);
        }
        out.extend_from_slice(self.extra_headers);
        if let Some(server) = self.server {
            push_header(b"Server", server, out);
        }
        out.extend_from_slice(b"Content-Length: ");
        push_number(out, self.body.len());
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(self.warning);
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(self.body);
    }

    /// The reply to `request` as bytes of its own.
    pub fn to_bytes(&self, request: &Message) -> Vec<u8> {
        let mut out = Vec::with_capacity(request.bytes().len() + 256);
        self.write(request, &mut out);
        out
    }

    fn push_top_via(&self, request: &Message, header: &Header, out: &mut Vec<u8>) {
        let (Some(via), Some(place)) = (request.via(), request.via_extent()) else {
            return push_line(request, header, out);
        };
        let raw = request.bytes();
        out.extend_from_slice(raw.get(usize::from(header.line.start)..usize::from(place.start)).unwrap_or_default());
        push_stamped_via(&via, self.stamp, out);
        out.extend_from_slice(raw.get(usize::from(place.end)..usize::from(header.value.end)).unwrap_or_default());
        out.extend_from_slice(b"\r\n");
    }

    fn push_to(&self, request: &Message, header: &Header, out: &mut Vec<u8>) {
        let lacks_tag = request.to().is_some() && request.to_tag().is_none();
        match self.to_tag.filter(|_| lacks_tag) {
            Some(tag) => {
                let raw = request.bytes();
                let (line, value) = (header.line.range(), header.value.range());
                out.extend_from_slice(raw.get(line.start..value.end).unwrap_or_default());
                out.extend_from_slice(b";tag=");
                out.extend_from_slice(tag);
                out.extend_from_slice(raw.get(value.end..line.end).unwrap_or_default());
                end_line(out);
            }
            None => push_line(request, header, out),
        }
    }
}

/// Appends the whole line of `header`.
pub(super) fn push_line(message: &Message, header: &Header, out: &mut Vec<u8>) {
    out.extend_from_slice(message.text(header.line));
    end_line(out);
}

/// Appends `name: value` as a line.
pub(super) fn push_header(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    for part in [name, b": ", value, b"\r\n"] {
        out.extend_from_slice(part);
    }
}

/// The last line of a message that was cut off has no end of its own.
fn end_line(out: &mut Vec<u8>) {
    if out.last() != Some(&b'\n') {
        out.extend_from_slice(b"\r\n");
    }
}
