use super::uri::{Scheme, Uri};

/// The parts a URI is put together from: a copy of another's with some replaced, as Kamailio's assignments to `$rU`,
/// `$rd` and `$rp` do.
impl Uri<'_> {
    /// The URI with `user` in place of its own; a password stays, and so do the parameters of a telephone-subscriber.
    pub fn with_user(&self, user: &[u8]) -> Vec<u8> {
        Uri { user: Some(user), ..*self }.to_bytes()
    }

    /// The URI without user and password.
    pub fn without_user(&self) -> Vec<u8> {
        Uri { user: None, user_parameters_text: b"", password: None, ..*self }.to_bytes()
    }

    /// The URI with `host` in place of its own; the port stays. IPv6 addresses need their brackets. A `tel:` becomes a
    /// `sip:` with its parameters in the user and `;user=phone` (RFC 3261 section 19.1.6), a `urn:` one with its first part for the user.
    pub fn with_host(&self, host: &[u8]) -> Vec<u8> {
        let scheme = match self.scheme {
            Scheme::Tel => Scheme::Sip,
            Scheme::Tels => Scheme::Sips,
            Scheme::Sip | Scheme::Sips => return Uri { host, ..*self }.to_bytes(),
            Scheme::Urn => return Uri { scheme: Scheme::Sip, host, ..*self }.to_bytes(),
        };
        let user = self.text.get(self.scheme.as_str().len() + 1..).unwrap_or_default();
        Uri { scheme, user: Some(user), host, parameters_text: b"user=phone", ..*self }.to_bytes()
    }

    /// The URI with `host` and `port_text` in place of its own; an empty port leaves none.
    pub fn with_host_and_port(&self, host: &[u8], port_text: &[u8]) -> Vec<u8> {
        Uri { host, port_text, ..*self }.to_bytes()
    }

    /// The URI with `port_text` in place of its own port; an empty one leaves none. A `tel:`, which has no ports, stays as it is.
    pub fn with_port(&self, port_text: &[u8]) -> Vec<u8> {
        if matches!(self.scheme, Scheme::Tel | Scheme::Tels) {
            return self.text.to_vec();
        }
        Uri { port_text, ..*self }.to_bytes()
    }

    /// The URI with `parameters` (without the first semicolon) in place of its own; empty leaves none.
    pub fn with_parameters(&self, parameters: &[u8]) -> Vec<u8> {
        Uri { parameters_text: parameters, ..*self }.to_bytes()
    }

    /// Puts the parts together; `text` is not looked at.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.text.len() + 32);
        let mut push = |parts: [&[u8]; 2]| parts.into_iter().for_each(|part| out.extend_from_slice(part));
        push([self.scheme.as_str().as_bytes(), b":"]);
        if let Some(user) = self.user {
            push([user, b""]);
            if !self.user_parameters_text.is_empty() {
                push([b";", self.user_parameters_text]);
            }
            if let Some(password) = self.password {
                push([b":", password]);
            }
            match self.scheme {
                Scheme::Urn => push([b":", b""]),
                _ if !self.host.is_empty() => push([b"@", b""]),
                _ => {}
            }
        }
        push([self.host, b""]);
        for (mark, part) in [(b":", self.port_text), (b";", self.parameters_text), (b"?", self.headers_text)] {
            if !part.is_empty() {
                push([mark, part]);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_one_part() {
        let uri = Uri::parse(b"sip:a:pw@h:5070;lr?x=y").unwrap();
        assert_eq!(uri.to_bytes(), uri.text);
        assert_eq!(uri.with_user(b"b"), b"sip:b:pw@h:5070;lr?x=y");
        assert_eq!(uri.without_user(), b"sip:h:5070;lr?x=y");
        assert_eq!(uri.with_host(b"[::1]"), b"sip:a:pw@[::1]:5070;lr?x=y");
        assert_eq!(uri.with_host_and_port(b"g", b""), b"sip:a:pw@g;lr?x=y");
        assert_eq!(uri.with_port(b"1"), b"sip:a:pw@h:1;lr?x=y");
        assert_eq!(uri.with_parameters(b""), b"sip:a:pw@h:5070?x=y");
        assert_eq!(Uri::parse(b"sip:h").unwrap().with_user(b"b"), b"sip:b@h");
        let phone = Uri::parse(b"sip:+1;npdi:pw@h;user=phone").unwrap();
        assert_eq!(
            (phone.to_bytes(), phone.with_user(b"2")),
            (phone.text.to_vec(), b"sip:2;npdi:pw@h;user=phone".to_vec())
        );
        assert_eq!(phone.without_user(), b"sip:h;user=phone");
        let tel = Uri::parse(b"tel:+1;x=y").unwrap();
        assert_eq!(tel.with_host(b"h.com"), b"sip:+1;x=y@h.com;user=phone");
        let urn = Uri::parse(b"urn:service:sos").unwrap();
        assert_eq!((urn.to_bytes(), urn.with_host(b"h")), (b"urn:service:sos".to_vec(), b"sip:service@h".to_vec()));
        assert_eq!(tel.with_port(b"1"), tel.text);
        assert_eq!((tel.to_bytes(), tel.with_user(b"2")), (b"tel:+1;x=y".to_vec(), b"tel:2;x=y".to_vec()));
    }
}
