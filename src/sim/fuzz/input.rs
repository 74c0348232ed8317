//! A message to be sent: lines with blanks that are filled in when it leaves.

use bytes::Bytes;
use std::net::SocketAddr;
use std::time::Duration;

/// A message to be sent, by whom, and how the world answers what the server sends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Input {
    /// The start line and header lines. `{n}` stands for the number, `{source}` for the sender, `{server}` for the server, `{method}` for the method;
    /// a Content-Length of `*` counts the body.
    pub(super) lines: Vec<Vec<u8>>,
    pub(super) body: Vec<u8>,
    /// What Call-ID, tags and branches are made of: inputs of one number belong to one call.
    pub(super) number: u32,
    /// Who sends it; `None` is somebody outside that the config does not speak of.
    pub(super) source: Option<SocketAddr>,
    /// The codes with which its kind of request is answered, one after another; nothing is silence.
    pub(super) answers: &'static [u16],
    /// How long nothing else is sent after it.
    pub(super) pause: Duration,
}

impl Input {
    /// The method as the start line has it.
    pub(super) fn method(&self) -> &[u8] {
        self.lines.first().and_then(|line| line.split(|byte| *byte == b' ').next()).unwrap_or_default()
    }

    /// The place of the first header line of this name.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.lines.iter().enumerate().skip(1).find(|(_, line)| is_named(line, name)).map(|(at, _)| at)
    }

    /// Sets the first header line of this name, or adds one.
    pub(super) fn set(&mut self, name: &str, value: &[u8]) {
        let line = [name.as_bytes(), b": ", value].concat();
        match self.place(name).and_then(|at| self.lines.get_mut(at)) {
            Some(place) => *place = line,
            None => self.lines.push(line),
        }
    }

    /// The lines with all blanks filled in.
    pub(super) fn filled(&self, source: SocketAddr, server: SocketAddr) -> Vec<Vec<u8>> {
        let blanks: [(&[u8], Vec<u8>); 4] = [
            (b"{n}", self.number.to_string().into_bytes()),
            (b"{source}", source.to_string().into_bytes()),
            (b"{server}", server.to_string().into_bytes()),
            (b"{method}", self.method().to_vec()),
        ];
        let length = format!("Content-Length: {}", self.body.len()).into_bytes();
        let line = |line: &Vec<u8>| match line.as_slice() {
            b"Content-Length: *" => length.clone(),
            line => filled(line, &blanks),
        };
        self.lines.iter().map(line).collect()
    }

    /// The bytes.
    pub(super) fn bytes(&self, source: SocketAddr, server: SocketAddr) -> Bytes {
        let mut all = self.filled(source, server).join(&b"\r\n"[..]);
        all.extend_from_slice(b"\r\n\r\n");
        all.extend_from_slice(&self.body);
        Bytes::from(all)
    }
}

/// Whether a header line has this name.
pub(super) fn is_named(line: &[u8], name: &str) -> bool {
    line.get(..name.len()).is_some_and(|its| its.eq_ignore_ascii_case(name.as_bytes()))
        && line.get(name.len()) == Some(&b':')
}

fn filled(line: &[u8], blanks: &[(&[u8], Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len() + 32);
    let mut rest = line;
    while let Some(at) = memchr::memchr(b'{', rest) {
        let (before, after) = rest.split_at(at);
        out.extend_from_slice(before);
        let blank = blanks.iter().find_map(|(blank, value)| Some((after.strip_prefix(*blank)?, value)));
        rest = match blank {
            Some((behind, value)) => {
                out.extend_from_slice(value);
                behind
            }
            None => {
                out.push(b'{');
                after.get(1..).unwrap_or_default()
            }
        };
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_are_filled_and_braces_stay() {
        let input = Input {
            lines: vec![
                b"INFO sip:{server} SIP/2.0".to_vec(),
                b"CSeq: {n} {method}{x}".to_vec(),
                b"Content-Length: *".to_vec(),
            ],
            body: b"ab".to_vec(),
            number: 7,
            source: None,
            answers: &[],
            pause: Duration::ZERO,
        };
        let bytes = input.bytes("192.0.2.1:5060".parse().unwrap(), "192.0.2.2:5060".parse().unwrap());
        assert_eq!(&bytes[..], b"INFO sip:192.0.2.2:5060 SIP/2.0\r\nCSeq: 7 INFO{x}\r\nContent-Length: 2\r\n\r\nab");
    }
}
