use super::header::HeaderName;
use super::message::{Header, Message, StartLine};
use super::number::push_number;
use super::reply::{push_header, push_line};

/// Appends the ACK for `reply`, a final reply other than 2xx to `invite` as it was sent (RFC 3261 section 17.1.1.3): its
/// topmost Via alone, Content-Length spelled as there, To from the reply, the rest from the INVITE in the INVITE's order.
pub fn write_ack(invite: &Message, reply: &Message, copied: &[u8], out: &mut Vec<u8>) {
    write_hop(invite, b"ACK", Some(reply), (copied, b""), out);
}

/// Appends the CANCEL for `invite` as it was sent (RFC 3261 section 9.1); `extra_headers` are whole lines, such as Reason
/// (RFC 3326), and headers of the INVITE whose lines begin with `copied`, unless that is empty, are copied.
pub fn write_cancel(invite: &Message, copied: &[u8], extra_headers: &[u8], out: &mut Vec<u8>) {
    write_hop(invite, b"CANCEL", None, (copied, extra_headers), out);
}

/// Appends the ACK for `reply`, or without one the CANCEL, for an INVITE that was `sent`, made from what it was as it `arrived`: the way of
/// Kamailio's `reparse_invite` 0. `extra_headers` are whole lines, such as Reason (RFC 3326).
pub fn write_as_arrived(
    (arrived, sent): (&Message, &Message),
    reply: Option<&Message>,
    user_agent: Option<&[u8]>,
    extra_headers: &[u8],
    out: &mut Vec<u8>,
) {
    let method: &[u8] = if reply.is_some() { b"ACK" } else { b"CANCEL" };
    push_start(sent, method, out);
    if let Some(via) = sent.via() {
        push_header(b"Via", via.text(), out);
    }
    for name in [HeaderName::From, HeaderName::CallId] {
        if let Some(header) = arrived.header(name) {
            push_line(arrived, header, out);
        }
    }
    let answered = reply.and_then(|reply| Some((reply, reply.header(HeaderName::To)?)));
    let asked = || Some((arrived, arrived.header(HeaderName::To)?));
    if let Some((message, to)) = answered.or_else(asked) {
        push_line(message, to, out);
    }
    if let Some(header) = arrived.header(HeaderName::CSeq) {
        out.extend_from_slice(cseq_before_method(arrived, header).trim_ascii_end());
        for part in [b" ", method, b"\r\n"] {
            out.extend_from_slice(part);
        }
    }
    push_header(b"Max-Forwards", b"70", out);
    for header in arrived.headers_named(HeaderName::Route) {
        push_line(arrived, header, out);
    }
    if let Some(user_agent) = user_agent {
        push_header(b"User-Agent", user_agent, out);
    }
    push_header(b"Content-Length", b"0", out);
    out.extend_from_slice(extra_headers);
    out.extend_from_slice(b"\r\n");
}

/// A request of the server's own, such as an OPTIONS that asks a destination whether it lives.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'a> {
    /// The method.
    pub method: &'a [u8],
    /// The request URI.
    pub uri: &'a [u8],
    /// The value for Via.
    pub via: &'a [u8],
    /// The value for From, with its tag.
    pub from: &'a [u8],
    /// The value for To.
    pub to: &'a [u8],
    /// The Call-ID.
    pub call_id: &'a [u8],
    /// The number for CSeq.
    pub cseq: u32,
    /// Max-Forwards, when it is to be written.
    pub max_forwards: Option<u32>,
    /// The value for User-Agent.
    pub user_agent: Option<&'a [u8]>,
    /// Whole header lines.
    pub extra_headers: &'a [u8],
    /// The body; its Content-Type is among the extra headers.
    pub body: &'a [u8],
}

impl Request<'_> {
    /// Appends the request (RFC 3261 section 8.1.1), its headers in the order of Kamailio's own requests.
    pub fn write(&self, out: &mut Vec<u8>) {
        for part in [self.method, b" ", self.uri, b" SIP/2.0\r\n"] {
            out.extend_from_slice(part);
        }
        push_header(b"Via", self.via, out);
        push_header(b"To", self.to, out);
        push_header(b"From", self.from, out);
        out.extend_from_slice(b"CSeq: ");
        push_number(out, usize::try_from(self.cseq).unwrap_or(usize::MAX));
        for part in [b" ", self.method, b"\r\n"] {
            out.extend_from_slice(part);
        }
        push_header(b"Call-ID", self.call_id, out);
        if let Some(hops) = self.max_forwards {
            out.extend_from_slice(b"Max-Forwards: ");
            push_number(out, usize::try_from(hops).unwrap_or(usize::MAX));
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"Content-Length: ");
        push_number(out, self.body.len());
        out.extend_from_slice(b"\r\n");
        if let Some(user_agent) = self.user_agent {
            push_header(b"User-Agent", user_agent, out);
        }
        out.extend_from_slice(self.extra_headers);
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(self.body);
    }

    /// The request as bytes of its own.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(512 + self.extra_headers.len() + self.body.len());
        self.write(&mut out);
        out
    }
}

fn write_hop(
    invite: &Message,
    method: &[u8],
    reply: Option<&Message>,
    (copied, extra_headers): (&[u8], &[u8]),
    out: &mut Vec<u8>,
) {
    let is_copied = |header: &Header| {
        let line = invite.text(header.line);
        !copied.is_empty() && line.get(..copied.len()).is_some_and(|start| start.eq_ignore_ascii_case(copied))
    };
    push_start(invite, method, out);
    let mut seen = 0;
    for header in invite.headers() {
        let again = seen & header.name.bit() != 0;
        seen |= header.name.bit();
        match header.name {
            HeaderName::Via if !again => match invite.via() {
                Some(via) => push_header(b"Via", via.text(), out),
                None => push_line(invite, header, out),
            },
            HeaderName::To if !again => match reply.and_then(|reply| Some((reply, reply.header(HeaderName::To)?))) {
                Some((reply, to)) => push_line(reply, to, out),
                None => push_line(invite, header, out),
            },
            HeaderName::CSeq if !again => {
                out.extend_from_slice(cseq_before_method(invite, header));
                out.extend_from_slice(method);
                out.extend_from_slice(b"\r\n");
            }
            HeaderName::From | HeaderName::CallId | HeaderName::MaxForwards if !again => push_line(invite, header, out),
            HeaderName::Route => push_line(invite, header, out),
            HeaderName::ContentLength if !again => push_header(invite.text(header.name_text), b"0", out),
            HeaderName::Via
            | HeaderName::To
            | HeaderName::CSeq
            | HeaderName::From
            | HeaderName::CallId
            | HeaderName::MaxForwards
            | HeaderName::Require
            | HeaderName::ProxyRequire
            | HeaderName::ContentLength => {}
            _ if is_copied(header) => push_line(invite, header, out),
            _ => {}
        }
    }
    if invite.header(HeaderName::ContentLength).is_none() {
        push_header(b"Content-Length", b"0", out);
    }
    out.extend_from_slice(extra_headers);
    out.extend_from_slice(b"\r\n");
}

/// The request line for a request of this method to where `invite` went.
fn push_start(invite: &Message, method: &[u8], out: &mut Vec<u8>) {
    if let StartLine::Request { uri, .. } = invite.start() {
        for part in [method, b" ", invite.text(uri), b" SIP/2.0\r\n"] {
            out.extend_from_slice(part);
        }
    }
}

/// The line of a CSeq up to its method.
fn cseq_before_method<'a>(invite: &'a Message, header: &Header) -> &'a [u8] {
    let value = header.value.range();
    let word = invite.cseq_method().map_or(0, <[u8]>::len);
    invite.bytes().get(usize::from(header.line.start)..value.end.saturating_sub(word)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn a_number_that_cannot_be_read_is_copied_as_it_is() {
        for number in ["1", "4294967295", "4294967296", "99999999999999999999", "0001"] {
            let invite = format!(
                "INVITE sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKx\r\nFrom: <sip:b>;tag=b\r\nTo: <sip:a>\r\nCall-ID: c\r\n\
                 CSeq: {number}  INVITE\r\n\r\n"
            );
            let invite = Message::parse(Bytes::from(invite)).unwrap();
            let mut cancel = Vec::new();
            write_cancel(&invite, b"", b"", &mut cancel);
            let text = String::from_utf8(cancel).unwrap();
            assert!(text.contains(&format!("\r\nCSeq: {number}  CANCEL\r\n")), "{text}");
        }
    }
}
