use std::net::{IpAddr, SocketAddr};

use crate::sip::extent::{Extent, is_blank, skip_blanks, trimmed};
use crate::sip::number::port;
use crate::sip::parameters::{Parameters, is_word, next_unquoted};
use crate::sip::uri::parse_ip;

/// One value of a Via header (RFC 3261 section 20.42, RFC 3581).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Via<'a> {
    text: &'a [u8],
    parts: ViaParts,
}

/// Why a value is no Via.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ViaFault {
    /// It does not start with `SIP / version / transport`.
    BadProtocol,
    /// There is no sent-by host.
    NoHost,
    /// The port of sent-by is no port.
    BadPort,
    /// Bytes between sent-by and the parameters.
    Surplus,
    /// More than 65535 bytes.
    TooLong,
}

/// The `rport` parameter of a Via (RFC 3581 section 3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Rport {
    /// There is none.
    #[default]
    Absent,
    /// It stands without a value: the client asks for it.
    Asked,
    /// A server has filled it in.
    Port(u16),
}

/// What a server writes into the topmost Via of a request it received (RFC 3261 section 18.2.1, RFC 3581 section 4).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stamp {
    /// The source address, for `received`.
    pub received: Option<IpAddr>,
    /// The source port, for `rport`.
    pub rport: Option<u16>,
}

/// What is remembered of a Via value: extents in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in crate::sip) struct ViaParts {
    transport: Extent,
    host: Extent,
    port_text: Extent,
    port: Option<u16>,
    parameters: Extent,
    branch: Option<Extent>,
    received: Option<Extent>,
    /// The whole `;rport=value`, counted in the value.
    rport: Option<Extent>,
    rport_state: Rport,
    /// A parameter is missing between two semicolons, or behind the last one.
    empty_parameter: bool,
}

impl<'a> Via<'a> {
    /// Reads one Via value. Blanks are accepted around slashes, colon and semicolons, as RFC 4475 section 3.1.1.1 asks.
    pub fn parse(text: &'a [u8]) -> Result<Via<'a>, ViaFault> {
        ViaParts::parse(text).map(|parts| Via { text, parts })
    }

    /// The whole value as written.
    pub fn text(&self) -> &'a [u8] {
        self.text
    }

    /// The transport as written: `UDP`, `TCP`, `TLS`, `WS` and so on.
    pub fn transport(&self) -> &'a [u8] {
        self.parts.transport.of(self.text)
    }

    /// The host of sent-by; an IPv6 reference keeps its brackets.
    pub fn host(&self) -> &'a [u8] {
        self.parts.host.of(self.text)
    }

    /// The host of sent-by as an address, when it is one.
    pub fn host_ip(&self) -> Option<IpAddr> {
        parse_ip(self.host())
    }

    /// The port of sent-by, when written.
    pub fn port(&self) -> Option<u16> {
        self.parts.port
    }

    /// Host and port of sent-by as written.
    pub fn sent_by(&self) -> &'a [u8] {
        Extent { start: self.parts.host.start, end: self.sent_by_end() }.of(self.text)
    }

    /// The `branch` parameter (RFC 3261 section 8.1.1.7).
    pub fn branch(&self) -> Option<&'a [u8]> {
        self.parts.branch.map(|branch| branch.of(self.text))
    }

    /// The `received` parameter as written.
    pub fn received(&self) -> Option<&'a [u8]> {
        self.parameter(b"received").flatten()
    }

    /// The `rport` parameter.
    pub fn rport(&self) -> Rport {
        self.parts.rport_state
    }

    /// The `maddr` parameter.
    pub fn maddr(&self) -> Option<&'a [u8]> {
        self.parameter(b"maddr").flatten()
    }

    /// The `ttl` parameter.
    pub fn ttl(&self) -> Option<&'a [u8]> {
        self.parameter(b"ttl").flatten()
    }

    /// Whether `alias` is there (RFC 5923 section 5).
    pub fn has_alias(&self) -> bool {
        self.parameter(b"alias").is_some()
    }

    /// All parameters as written, from their first semicolon.
    pub fn parameters_text(&self) -> &'a [u8] {
        self.parts.parameters.of(self.text)
    }

    /// All parameters; their ranges count from the start of [`Via::parameters_text`].
    pub fn parameters(&self) -> Parameters<'a> {
        Parameters::new(self.parameters_text())
    }

    /// The parameter called `name`, in any case: `Some(None)` when it stands without a value.
    pub fn parameter(&self, name: &[u8]) -> Option<Option<&'a [u8]>> {
        self.parameters().lookup(name)
    }

    /// Whether a parameter is missing between two semicolons, or behind the last one (RFC 4475 section 3.1.2.1).
    pub fn has_empty_parameter(&self) -> bool {
        self.parts.empty_parameter
    }

    /// What to record for a request that came from `source`: `received` when sent-by names another host, when the client wrote one itself, for it is
    /// the server's to write (RFC 3261 section 18.2.1), or when it asked for `rport`, which wants both (RFC 3581 section 4). `force_rport` adds
    /// `rport` alone, as Kamailio does.
    pub fn stamp(&self, source: SocketAddr, force_rport: bool) -> Stamp {
        let asked = self.rport() != Rport::Absent;
        let address = source.ip().to_canonical();
        let elsewhere = self.host_ip().map(|host| host.to_canonical()) != Some(address);
        Stamp {
            received: (asked || elsewhere || self.parts.received.is_some()).then_some(address),
            rport: (asked || force_rport).then(|| source.port()),
        }
    }

    /// Where the parameters begin: behind sent-by, at the first semicolon if there is one.
    pub(in crate::sip) fn parameters_start(&self) -> usize {
        usize::from(if self.parts.parameters.is_empty() { self.sent_by_end() } else { self.parts.parameters.start })
    }

    /// The whole `;received=value`, counted in the value.
    pub(in crate::sip) fn received_extent(&self) -> Option<Extent> {
        self.parts.received
    }

    /// The whole `;rport=value`, counted in the value.
    pub(in crate::sip) fn rport_extent(&self) -> Option<Extent> {
        self.parts.rport
    }

    fn sent_by_end(&self) -> u16 {
        self.parts.host.end.max(self.parts.port_text.end)
    }
}

impl Stamp {
    /// Whether there is nothing to record.
    pub fn is_empty(&self) -> bool {
        self.received.is_none() && self.rport.is_none()
    }
}

impl ViaParts {
    pub(in crate::sip) fn parse(text: &[u8]) -> Result<ViaParts, ViaFault> {
        if text.len() > usize::from(u16::MAX) {
            return Err(ViaFault::TooLong);
        }
        let (transport, after) = protocol(text).ok_or(ViaFault::BadProtocol)?;
        let mut parts = ViaParts { transport, ..ViaParts::default() };
        let sent_by = sent_by(text, after, &mut parts)?;
        let start = skip_blanks(text, sent_by);
        if start < text.len() && text.get(start) != Some(&b';') {
            return Err(ViaFault::Surplus);
        }
        let end = trimmed(text, start..text.len()).end;
        parts.parameters = Extent::new(start, end);
        parts.read_parameters(text, start);
        Ok(parts)
    }

    pub(in crate::sip) fn view(self, text: &[u8]) -> Via<'_> {
        Via { text, parts: self }
    }

    fn read_parameters(&mut self, text: &[u8], start: usize) {
        let mut parameters = Parameters::new(self.parameters.of(text));
        for parameter in &mut parameters {
            let whole = Extent::new(parameter.range.start + start, parameter.range.end + start);
            let value = parameter.value.map(|value| Extent {
                start: whole.end - u16::try_from(value.len()).unwrap_or_default(),
                end: whole.end,
            });
            match parameter.name.len() {
                6 if parameter.name.eq_ignore_ascii_case(b"branch") => self.branch = value,
                8 if parameter.name.eq_ignore_ascii_case(b"received") => {
                    self.received = Some(whole);
                }
                5 if parameter.name.eq_ignore_ascii_case(b"rport") => {
                    self.rport = Some(whole);
                    self.rport_state = value.and_then(|value| port(value.of(text))).map_or(Rport::Asked, Rport::Port);
                }
                _ => {}
            }
        }
        self.empty_parameter = parameters.skipped_empty();
    }
}

/// Reads `SIP / 2.0 / UDP`: the transport and the offset behind it.
fn protocol(text: &[u8]) -> Option<(Extent, usize)> {
    // As nearly everybody writes it.
    if let Some(rest) = text.strip_prefix(b"SIP/2.0/")
        && let length @ 1.. = rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count()
        && rest.get(length) == Some(&b' ')
    {
        return Some((Extent::new(8, 8 + length), 8 + length));
    }
    let (name, at) = word(text, 0);
    let at = skip_slash(text, at)?;
    let (version, at) = word(text, at);
    let at = skip_slash(text, at)?;
    let (transport, at) = word(text, at);
    let known = name.of(text).eq_ignore_ascii_case(b"SIP") && version.of(text) == b"2.0" && !transport.is_empty();
    // At least one blank before sent-by.
    (known && text.get(at).copied().is_some_and(is_blank)).then_some((transport, at))
}

/// The run of bytes up to a blank, slash, semicolon or comma, after leading blanks.
fn word(text: &[u8], from: usize) -> (Extent, usize) {
    let start = skip_blanks(text, from);
    let rest = text.get(start..).unwrap_or_default();
    let ends = |byte: &u8| is_blank(*byte) || matches!(byte, b'/' | b';' | b',');
    let end = start + rest.iter().position(ends).unwrap_or(rest.len());
    (Extent::new(start, end), end)
}

fn skip_slash(text: &[u8], from: usize) -> Option<usize> {
    let at = skip_blanks(text, from);
    (text.get(at) == Some(&b'/')).then_some(at + 1)
}

/// Reads host and port into `parts`; the offset behind them.
fn sent_by(text: &[u8], from: usize, parts: &mut ViaParts) -> Result<usize, ViaFault> {
    let start = skip_blanks(text, from);
    let rest = text.get(start..).unwrap_or_default();
    let end = if rest.first() == Some(&b'[') {
        start + memchr::memchr(b']', rest).ok_or(ViaFault::NoHost)? + 1
    } else {
        next_unquoted(text, start, |byte| is_blank(byte) || matches!(byte, b':' | b';' | b','))
    };
    parts.host = Extent::new(start, end);
    if !is_word(parts.host.of(text)) {
        return Err(ViaFault::NoHost);
    }
    let colon = skip_blanks(text, end);
    if text.get(colon) != Some(&b':') {
        return Ok(end);
    }
    let (digits, after) = word(text, colon + 1);
    parts.port_text = digits;
    parts.port = Some(port(digits.of(text)).ok_or(ViaFault::BadPort)?);
    Ok(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_values_apart() {
        let via = Via::parse(b"SIP/2.0/UDP 10.0.0.1:5060;rport;branch=z9hG4bKa ;received=1.2.3.4;x=\"a;b\"").unwrap();
        assert_eq!((via.transport(), via.host(), via.port()), (&b"UDP"[..], &b"10.0.0.1"[..], Some(5060)));
        assert_eq!(via.branch(), Some(&b"z9hG4bKa"[..]));
        assert_eq!(via.received(), Some(&b"1.2.3.4"[..]));
        assert_eq!(via.rport(), Rport::Asked);
        assert_eq!(via.rport_extent().unwrap().of(via.text()), b";rport");
        assert_eq!(via.received_extent().unwrap().of(via.text()), b";received=1.2.3.4");
        assert_eq!(via.sent_by(), b"10.0.0.1:5060");
        assert_eq!(via.parameter(b"X"), Some(Some(&b"\"a;b\""[..])));
        assert!(!via.has_alias());
    }

    #[test]
    fn tolerates_blanks() {
        let via = Via::parse(b"SIP  / 2.0\r\n /UDP\r\n    [2001:db8::1] : 5061 ;\r\n branch = b ; rport = 9").unwrap();
        assert_eq!((via.host(), via.port(), via.branch()), (&b"[2001:db8::1]"[..], Some(5061), Some(&b"b"[..])));
        assert_eq!(via.rport(), Rport::Port(9));
        assert_eq!(via.host_ip(), Some("2001:db8::1".parse().unwrap()));
        assert_eq!(Via::parse(b"SIP/2.0/TCP host").unwrap().parameters_start(), 16);
    }

    #[test]
    fn refuses_what_is_none() {
        let fault = |text: &'static str| Via::parse(text.as_bytes()).unwrap_err();
        for text in ["", "SIP/2.0", "SIP/2.0/UDP", "HTTP/2.0/UDP h", "SIP//UDP h"] {
            assert_eq!(fault(text), ViaFault::BadProtocol, "{text}");
        }
        assert_eq!(fault("SIP/2.0/UDP ;branch=x"), ViaFault::NoHost);
        assert_eq!(fault("SIP/2.0/UDP [::1"), ViaFault::NoHost);
        assert_eq!(fault("SIP/2.0/UDP h:70000"), ViaFault::BadPort);
        assert_eq!(fault("SIP/2.0/UDP h x"), ViaFault::Surplus);
    }

    #[test]
    fn stamps() {
        let source = "127.0.0.1:15089".parse().unwrap();
        let stamp = |text: &'static str, force| Via::parse(text.as_bytes()).unwrap().stamp(source, force);
        let both = Stamp { received: Some(source.ip()), rport: Some(15089) };
        assert!(stamp("SIP/2.0/UDP 127.0.0.1:5060;branch=b", false).is_empty());
        assert_eq!(stamp("SIP/2.0/UDP 127.0.0.1:5060;branch=b", true), Stamp { received: None, ..both });
        assert_eq!(stamp("SIP/2.0/UDP 10.0.0.1:5060;branch=b", true), both);
        assert_eq!(stamp("SIP/2.0/UDP 127.0.0.1;rport", false), both);
        assert_eq!(stamp("SIP/2.0/UDP localhost", false), Stamp { rport: None, ..both });
        assert_eq!(stamp("SIP/2.0/UDP 127.0.0.1;received=10.0.0.1", false), Stamp { rport: None, ..both });
        assert_eq!(stamp("SIP/2.0/UDP 127.0.0.1;received", false), Stamp { rport: None, ..both });
    }

    #[test]
    fn the_last_of_several_counts() {
        let via =
            Via::parse(b"SIP/2.0/UDP h;branch=a;received=1.2.3.4;rport=7;branch=b;received=5.6.7.8;rport").unwrap();
        assert_eq!((via.branch(), via.received(), via.rport()), (Some(&b"b"[..]), Some(&b"5.6.7.8"[..]), Rport::Asked));
        assert_eq!(via.received_extent().unwrap().of(via.text()), b";received=5.6.7.8");
    }
}
