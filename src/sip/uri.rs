use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::number::{number, port};
use super::parameters::Parameters;
use super::set::ByteSet;
use super::transport::Transport;

/// The scheme of a URI.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Scheme {
    /// `sip:` (RFC 3261 section 19.1).
    Sip,
    /// `sips:` (RFC 3261 section 19.1).
    Sips,
    /// `tel:` (RFC 3966).
    Tel,
    /// `tels:`, the secure twin of `tel:` that Kamailio knows.
    Tels,
    /// `urn:` (RFC 8141), as in `urn:service:sos`.
    Urn,
}

/// A URI as a view of its text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Uri<'a> {
    /// The whole URI as written.
    pub text: &'a [u8],
    /// Its scheme.
    pub scheme: Scheme,
    /// The user; the number of a `tel:`. `None` without `@`. With `;user=phone` it is a telephone-subscriber (RFC 3261 section 19.1.6), whose
    /// parameters are no part of it.
    pub user: Option<&'a [u8]>,
    /// The parameters of a user that is a telephone-subscriber, without the first semicolon: `npdi` of `sip:+1;npdi@host;user=phone`.
    pub user_parameters_text: &'a [u8],
    /// The password, between `:` and `@`.
    pub password: Option<&'a [u8]>,
    /// The host; an IPv6 reference keeps its brackets. Empty for `tel:`; for `urn:service:sos` user `service`
    /// and host `sos`, as Kamailio prints them.
    pub host: &'a [u8],
    /// The port.
    pub port: Option<u16>,
    /// The port as written; empty without one.
    pub port_text: &'a [u8],
    /// The parameters as written, without the first semicolon.
    pub parameters_text: &'a [u8],
    /// The headers as written, without the question mark.
    pub headers_text: &'a [u8],
}

/// Why a text is no URI.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UriFault {
    /// There is no scheme.
    NoScheme,
    /// A scheme that no SIP element routes by.
    UnknownScheme,
    /// `@` without a user before it.
    EmptyUser,
    /// There is no host.
    EmptyHost,
    /// Bytes in the host that no host has, or an IPv6 reference that does not end.
    BadHost,
    /// The port is no number up to 65535.
    BadPort,
    /// The number of a `tel:` is missing.
    EmptyNumber,
    /// A blank or control byte.
    BadByte,
}

impl<'a> Uri<'a> {
    /// Takes a URI apart (RFC 3261 section 19.1.1, RFC 3966 section 3).
    pub fn parse(text: &'a [u8]) -> Result<Uri<'a>, UriFault> {
        // Without an end in the middle the compiler looks at many bytes at once.
        if text.iter().fold(false, |bad, byte| bad | (*byte <= b' ') | (*byte == 0x7f)) {
            return Err(UriFault::BadByte);
        }
        let (scheme, rest) = split_at_byte(text, b':').ok_or(UriFault::NoScheme)?;
        let scheme = Scheme::parse(scheme).ok_or(UriFault::UnknownScheme)?;
        match scheme {
            Scheme::Sip | Scheme::Sips => parse_sip(text, scheme, rest),
            Scheme::Tel | Scheme::Tels => parse_tel(text, scheme, rest),
            Scheme::Urn if rest.is_empty() => Err(UriFault::EmptyHost),
            Scheme::Urn => {
                let (user, host) = split_at_byte(rest, b':').map_or((None, rest), |(user, host)| (Some(user), host));
                Ok(Uri { user, host, ..Uri::bare(text, scheme) })
            }
        }
    }

    /// The host as an address, when it is one.
    pub fn host_ip(&self) -> Option<IpAddr> {
        parse_ip(self.host)
    }

    /// The user as it stands in the text, the parameters of a telephone-subscriber included.
    pub fn written_user(&self) -> Option<&'a [u8]> {
        let user = self.user?;
        let parameters = if self.user_parameters_text.is_empty() { 0 } else { self.user_parameters_text.len() + 1 };
        let start = self.scheme.as_str().len() + 1;
        Some(self.text.get(start..start + user.len() + parameters).unwrap_or(user))
    }

    /// Whether the user of a `sip:` or `sips:` is a telephone-subscriber: `;user=phone`, in small letters as Kamailio wants it.
    pub fn is_telephone(&self) -> bool {
        matches!(self.scheme, Scheme::Sip | Scheme::Sips) && self.user_kind() == Some(b"phone")
    }

    /// The scheme as scripts see it: `tel` for a telephone-subscriber, whatever it is wrapped in.
    pub fn kind(&self) -> Scheme {
        if self.is_telephone() { Scheme::Tel } else { self.scheme }
    }

    /// The parameters that say who is meant: those of the telephone-subscriber when there is one, else those of the URI.
    pub fn identity_parameters(&self) -> Parameters<'a> {
        Parameters::new(if self.is_telephone() { self.user_parameters_text } else { self.parameters_text })
    }

    /// The URI parameters; their ranges count from the start of [`Uri::parameters_text`].
    pub fn parameters(&self) -> Parameters<'a> {
        Parameters::new(self.parameters_text)
    }

    /// The URI parameter called `name`, in any case: `Some(None)` when it stands without a value.
    pub fn parameter(&self, name: &[u8]) -> Option<Option<&'a [u8]>> {
        self.parameters().lookup(name)
    }

    /// The `transport` parameter as written.
    pub fn transport(&self) -> Option<&'a [u8]> {
        self.parameter(b"transport").flatten()
    }

    /// The `maddr` parameter.
    pub fn maddr(&self) -> Option<&'a [u8]> {
        self.parameter(b"maddr").flatten()
    }

    /// The `ttl` parameter.
    pub fn ttl(&self) -> Option<u32> {
        self.parameter(b"ttl").flatten().and_then(number)
    }

    /// The `method` parameter.
    pub fn method(&self) -> Option<&'a [u8]> {
        self.parameter(b"method").flatten()
    }

    /// The `user` parameter: `phone` or `ip`.
    pub fn user_kind(&self) -> Option<&'a [u8]> {
        self.parameter(b"user").flatten()
    }

    /// The `r2` parameter that Kamailio's double Record-Route carries.
    pub fn r2(&self) -> Option<&'a [u8]> {
        self.parameter(b"r2").flatten()
    }

    /// Whether `lr` is there: a loose router (RFC 3261 section 19.1.1).
    pub fn is_loose(&self) -> bool {
        self.parameter(b"lr").is_some()
    }

    /// Whether `ob` is there (RFC 5626 section 4.3).
    pub fn is_outbound(&self) -> bool {
        self.parameter(b"ob").is_some()
    }

    /// The `gr` parameter (RFC 5627): `Some(None)` when it stands without a value.
    pub fn gruu(&self) -> Option<Option<&'a [u8]>> {
        self.parameter(b"gr")
    }

    /// The headers behind `?`: name and value, as written.
    pub fn headers(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let pairs = self.headers_text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
        pairs.map(|pair| split_at_byte(pair, b'=').unwrap_or((pair, b"")))
    }

    /// The port to send to: the one written, or the default of scheme and transport (RFC 3261 section 19.1.2; RFC 7118
    /// section 5 for WebSocket).
    pub fn port_or_default(&self) -> u16 {
        self.port.unwrap_or_else(|| match self.transport().and_then(Transport::of) {
            Some(websocket @ (Transport::Ws | Transport::Wss)) => websocket.default_port(),
            _ if matches!(self.scheme, Scheme::Sips | Scheme::Tels) => Transport::Tls.default_port(),
            transport => transport.unwrap_or_default().default_port(),
        })
    }

    fn bare(text: &'a [u8], scheme: Scheme) -> Uri<'a> {
        Uri {
            text,
            scheme,
            user: None,
            user_parameters_text: b"",
            password: None,
            host: b"",
            port: None,
            port_text: b"",
            parameters_text: b"",
            headers_text: b"",
        }
    }
}

impl Scheme {
    /// The scheme called `text`, in any case.
    pub fn parse(text: &[u8]) -> Option<Scheme> {
        let all = [Scheme::Sip, Scheme::Sips, Scheme::Tel, Scheme::Tels, Scheme::Urn];
        all.into_iter().find(|scheme| scheme.as_str().as_bytes().eq_ignore_ascii_case(text))
    }

    /// Its name, in small letters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Scheme::Sip => "sip",
            Scheme::Sips => "sips",
            Scheme::Tel => "tel",
            Scheme::Tels => "tels",
            Scheme::Urn => "urn",
        }
    }
}

/// Reads what stands between the brackets of an IPv6 reference. The grammar of RFC 3261 allowed a third colon before an IPv4 address by mistake
/// (RFC 5118 section 4.10).
fn parse_ipv6(text: &str) -> Option<Ipv6Addr> {
    text.parse().ok().or_else(|| {
        let (before, after) = text.split_once(":::")?;
        after.parse::<Ipv4Addr>().ok()?;
        format!("{before}::{after}").parse().ok()
    })
}

/// Reads an IP address as hosts are written: IPv4, or IPv6 with or without brackets.
pub fn parse_ip(host: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(host).ok()?;
    match text.as_bytes().first()? {
        b'[' => parse_ipv6(text.get(1..text.len() - 1).filter(|_| text.ends_with(']'))?).map(IpAddr::V6),
        b'0'..=b'9' => text.parse::<Ipv4Addr>().map(IpAddr::V4).or_else(|_| text.parse()).ok(),
        _ if text.contains(':') => text.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        _ => None,
    }
}

fn parse_sip<'a>(text: &'a [u8], scheme: Scheme, rest: &'a [u8]) -> Result<Uri<'a>, UriFault> {
    let mut uri = Uri::bare(text, scheme);
    let rest = match split_at_byte(rest, b'@') {
        Some((user_info, rest)) => {
            let (user, password) =
                split_at_byte(user_info, b':').map_or((user_info, None), |(user, password)| (user, Some(password)));
            if user.is_empty() {
                return Err(UriFault::EmptyUser);
            }
            (uri.user, uri.password) = (Some(user), password);
            rest
        }
        None => rest,
    };
    let rest = match split_at_byte(rest, b'?') {
        Some((rest, headers)) => {
            uri.headers_text = headers;
            rest
        }
        None => rest,
    };
    let host_port = match split_at_byte(rest, b';') {
        Some((host_port, parameters)) => {
            uri.parameters_text = parameters;
            host_port
        }
        None => rest,
    };
    let host_end = if host_port.first() == Some(&b'[') {
        memchr::memchr(b']', host_port).ok_or(UriFault::BadHost)? + 1
    } else {
        memchr::memchr(b':', host_port).unwrap_or(host_port.len())
    };
    let (host, after) = host_port.split_at_checked(host_end).unwrap_or((host_port, b""));
    uri.host = host;
    if host.is_empty() {
        return Err(UriFault::EmptyHost);
    }
    if !is_host(host) {
        return Err(UriFault::BadHost);
    }
    if let Some((colon, digits)) = after.split_first() {
        if *colon != b':' {
            return Err(UriFault::BadHost);
        }
        uri.port_text = digits;
        uri.port = Some(port(digits).ok_or(UriFault::BadPort)?);
    }
    if let Some((number, parameters)) =
        uri.user.and_then(|user| split_at_byte(user, b';')).filter(|_| uri.is_telephone())
    {
        if number.is_empty() {
            return Err(UriFault::EmptyUser);
        }
        (uri.user, uri.user_parameters_text) = (Some(number), parameters);
    }
    Ok(uri)
}

fn parse_tel<'a>(text: &'a [u8], scheme: Scheme, rest: &'a [u8]) -> Result<Uri<'a>, UriFault> {
    let (number, parameters) = split_at_byte(rest, b';').unwrap_or((rest, b""));
    if number.is_empty() {
        return Err(UriFault::EmptyNumber);
    }
    Ok(Uri { user: Some(number), parameters_text: parameters, ..Uri::bare(text, scheme) })
}

/// Whether `host` can be a host: names are taken generously (underscores occur), an address in brackets must be IPv6.
fn is_host(host: &[u8]) -> bool {
    if host.first() == Some(&b'[') {
        return parse_ip(host).is_some();
    }
    const HOST: ByteSet = ByteSet::visible_without(b"<>\",;@/\\[]:?='()");
    !host.is_empty() && HOST.holds(host)
}

/// `text` before and after the first `byte`.
fn split_at_byte(text: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(byte, text)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Uri<'_> {
        Uri::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn takes_uris_apart() {
        let uri = read("sip:al%40ice;phone-context=+1:pw@[2001:db8::1]:5070;transport=TCP;lr?Subject=a&b=c");
        assert_eq!(uri.user, Some(&b"al%40ice;phone-context=+1"[..]));
        assert_eq!(uri.password, Some(&b"pw"[..]));
        assert_eq!((uri.host, uri.port, uri.port_text), (&b"[2001:db8::1]"[..], Some(5070), &b"5070"[..]));
        assert_eq!(uri.host_ip(), Some("2001:db8::1".parse().unwrap()));
        assert_eq!(uri.transport(), Some(&b"TCP"[..]));
        assert!(uri.is_loose() && !uri.is_outbound());
        assert_eq!(uri.headers().count(), 2);
    }

    #[test]
    fn the_parameters_of_a_telephone_number_are_no_part_of_it() {
        let uri = read("sips:+1;npdi;rn=+2:pw@h:5070;user=phone;lr");
        assert_eq!((uri.user, uri.password), (Some(&b"+1"[..]), Some(&b"pw"[..])));
        assert_eq!(uri.user_parameters_text, b"npdi;rn=+2");
        assert_eq!(uri.written_user(), Some(&b"+1;npdi;rn=+2"[..]));
        assert_eq!(uri.identity_parameters().lookup(b"rn"), Some(Some(&b"+2"[..])));
        assert_eq!((uri.scheme, uri.kind()), (Scheme::Sips, Scheme::Tel));
        for text in ["sip:+1;npdi@h", "sip:+1;npdi@h;user=ip", "sip:+1;npdi@h;user=PHONE", "sip:+1;npdi@h;user=phone2"]
        {
            assert_eq!(read(text).user, Some(&b"+1;npdi"[..]), "{text}");
            assert_eq!(read(text).written_user(), read(text).user, "{text}");
            assert_eq!(read(text).kind(), Scheme::Sip, "{text}");
        }
    }

    #[test]
    fn other_schemes() {
        let tel = read("tel:+1-201-555;phone-context=x");
        assert_eq!((tel.scheme, tel.user, tel.host), (Scheme::Tel, Some(&b"+1-201-555"[..]), &b""[..]));
        assert_eq!(tel.parameter(b"phone-context"), Some(Some(&b"x"[..])));
        let urn = read("urn:service:sos");
        assert_eq!((urn.user, urn.host), (Some(&b"service"[..]), &b"sos"[..]));
        assert_eq!(read("SIPS:h").port_or_default(), 5061);
        assert_eq!(read("sip:h;transport=wss").port_or_default(), 443);
        let odd =
            "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@e.com";
        assert_eq!(read(odd).host, b"e.com");
    }

    #[test]
    fn refuses_what_is_none() {
        for (text, fault) in [
            ("", UriFault::NoScheme),
            ("alice", UriFault::NoScheme),
            ("http://h", UriFault::UnknownScheme),
            ("sip:", UriFault::EmptyHost),
            ("sip:a@", UriFault::EmptyHost),
            ("sip:@h", UriFault::EmptyUser),
            ("sip:;npdi@h;user=phone", UriFault::EmptyUser),
            ("sip:a@b@c", UriFault::BadHost),
            ("sip:[::1", UriFault::BadHost),
            ("sip:[x]", UriFault::BadHost),
            ("sip:[::1]x", UriFault::BadHost),
            ("sip:h:", UriFault::BadPort),
            ("sip:h:99999", UriFault::BadPort),
            ("tel:;x", UriFault::EmptyNumber),
            ("sip:a b@c", UriFault::BadByte),
        ] {
            assert_eq!(Uri::parse(text.as_bytes()), Err(fault), "{text}");
        }
    }
}
