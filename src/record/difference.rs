//! What a scenario has to say of a message, because a peer would not make it so by itself.

use crate::sim::{Extra, Text};
use crate::sip::{Header, HeaderName, Message, Via};
use std::net::SocketAddr;

/// What is compared.
pub(super) struct Comparison<'a> {
    /// The message as the peer would make it.
    pub(super) draft: &'a Text,
    /// The message as it was, its made-up values translated.
    pub(super) captured: &'a Message,
    /// Where the peer sends from.
    pub(super) address: SocketAddr,
    /// All headers are given as they were, but for those that depend on the server.
    pub(super) full: bool,
    /// The call has no place in the peer's memory: what tells it from others is given, too.
    pub(super) apart: bool,
}

impl Comparison<'_> {
    /// The lines to be written below the step; `None` when lines cannot say it.
    pub(super) fn extra(&self) -> Option<Extra> {
        let body = body(self.captured.body())?;
        let mut extra = Extra { headers: Vec::new(), body };
        let mut seen: Vec<String> = Vec::new();
        for header in self.captured.headers() {
            let name = self.name(header)?;
            if seen.iter().any(|before| before.eq_ignore_ascii_case(&name)) {
                continue;
            }
            let lines: Option<Vec<(String, String)>> = self
                .captured
                .headers()
                .iter()
                .filter(|other| same(self.captured, header, other))
                .map(|one| self.line(one))
                .collect();
            let lines = lines?;
            seen.push(name.clone());
            let made = self.made(&name);
            let values: Vec<&str> =
                lines.iter().map(|(_, value)| value.as_str()).filter(|value| !value.is_empty()).collect();
            if !values.is_empty() && !self.is_same(header.name, &made, &values) {
                extra.headers.extend(self.written(header.name, &name, &made, lines));
            }
        }
        for name in self.made_names() {
            let missing = !seen.iter().any(|before| before.eq_ignore_ascii_case(&name));
            if missing && HeaderName::parse(name.as_bytes()) != HeaderName::Via {
                extra.headers.push((name, String::new()));
            }
        }
        Some(extra)
    }

    /// The name by which scenarios give a header: the long one.
    fn name(&self, header: &Header) -> Option<String> {
        let text = std::str::from_utf8(self.captured.text(header.name_text)).ok()?;
        let name = if header.name == HeaderName::Other { text } else { header.name.as_str() };
        (!name.contains([' ', '|', '#']) && !name.contains(char::is_control)).then(|| name.to_owned())
    }

    /// A header's name as it was and its value on one line.
    fn line(&self, header: &Header) -> Option<(String, String)> {
        let name = String::from_utf8(self.captured.text(header.name_text).to_vec()).ok()?;
        let value = String::from_utf8(self.captured.unfolded(header).into_owned()).ok()?;
        (!value.contains(|letter: char| letter.is_control() && letter != '\t')).then_some((name, value))
    }

    /// The values that the peer would give by itself.
    fn made(&self, name: &str) -> Vec<String> {
        let length = self.captured.body().len().to_string();
        let mut made: Vec<String> = self
            .draft
            .headers
            .iter()
            .filter(|(its, _)| its.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.clone())
            .collect();
        match HeaderName::parse(name.as_bytes()) {
            HeaderName::ContentLength => made.push(length),
            HeaderName::ContentType if !self.captured.body().is_empty() => made.push("application/sdp".to_owned()),
            _ => {}
        }
        made
    }

    fn made_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.draft.headers.iter().map(|(name, _)| name.clone()).collect();
        names.dedup();
        names.push("Content-Length".to_owned());
        if !self.captured.body().is_empty() {
            names.push("Content-Type".to_owned());
        }
        names
    }

    /// Whether the peer's own header does as well.
    fn is_same(&self, name: HeaderName, made: &[String], values: &[&str]) -> bool {
        let reply = !self.captured.is_request();
        match name {
            // A reply goes the way of the request that it answers.
            HeaderName::Via if reply => true,
            _ if self.full => false,
            HeaderName::Via => self.is_same_via(values),
            HeaderName::CallId | HeaderName::CSeq => !self.apart,
            // Blanks in front of the number say nothing.
            _ => made.iter().map(|value| value.trim()).eq(values.iter().map(|value| value.trim())),
        }
    }

    /// Whether replies find the same way back, and nobody stands in front of the peer.
    fn is_same_via(&self, values: &[&str]) -> bool {
        if self.is_hop_request() {
            return true;
        }
        let [value] = values else { return false };
        let Ok(via) = Via::parse(value.as_bytes()) else { return false };
        let here = via.host_ip() == Some(self.address.ip()) && via.port().unwrap_or(5060) == self.address.port();
        let plain =
            |name: &[u8]| [&b"branch"[..], b"rport", b"alias"].iter().any(|known| name.eq_ignore_ascii_case(known));
        let cookie = via.branch().is_some_and(|branch| branch.starts_with(b"z9hG4bK"));
        here && cookie && via.parameters().all(|parameter| plain(parameter.name))
    }

    /// CANCEL, and ACK to what is no 2xx: they go with their INVITE.
    fn is_hop_request(&self) -> bool {
        let method = self.captured.method_text();
        method == b"CANCEL"
            || method == b"ACK"
                && !self.draft.headers.iter().any(|(name, value)| name == "Via" && value.contains("rport"))
    }

    fn written(
        &self,
        name: HeaderName,
        long: &str,
        made: &[String],
        mut lines: Vec<(String, String)>,
    ) -> Vec<(String, String)> {
        lines.retain(|(_, value)| !value.is_empty());
        if name == HeaderName::Via && !self.full {
            // The branch stays the peer's own, so that what follows belongs to it.
            let own = made.first().and_then(|value| Via::parse(value.as_bytes()).ok()?.branch().map(<[u8]>::to_vec));
            let own = own.map(|own| String::from_utf8_lossy(&own).into_owned());
            if let (Some(own), Some((_, value))) = (own, lines.first_mut()) {
                let captured = Via::parse(value.as_bytes()).ok().and_then(|via| via.branch().map(<[u8]>::to_vec));
                if let Some(captured) = captured.filter(|branch| branch.starts_with(b"z9hG4bK")) {
                    *value = value.replace(&String::from_utf8_lossy(&captured).into_owned(), &own);
                }
            }
        }
        let compact = lines.iter().any(|(its, _)| !its.eq_ignore_ascii_case(long));
        if self.full && compact {
            let own = std::iter::once((long.to_owned(), String::new()));
            return own.chain(lines).collect();
        }
        lines.into_iter().map(|(_, value)| (long.to_owned(), value)).collect()
    }
}

fn same(message: &Message, one: &Header, other: &Header) -> bool {
    let text = |header: &Header| message.text(header.name_text).to_ascii_lowercase();
    one.name == other.name && (one.name != HeaderName::Other || text(one) == text(other))
}

/// The lines of a body; `None` when they would not give it back. The end of its last line is the scenario's.
fn body(bytes: &[u8]) -> Option<Vec<String>> {
    if bytes.is_empty() {
        return Some(Vec::new());
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let lines: Vec<String> = text.strip_suffix("\r\n").unwrap_or(text).split("\r\n").map(str::to_owned).collect();
    let plain = |line: &String| !line.contains(|letter: char| letter.is_control() && letter != '\t');
    lines.iter().all(plain).then_some(lines)
}
