use std::ops::Range;

use crate::sip::extent::{Extent, skip_blanks, trimmed};
use crate::sip::parameters::{Parameter, Parameters, Values, next_unquoted};
use crate::sip::uri::{Uri, UriFault};

/// An address with its header parameters: From, To, Contact, Route and their kin (RFC 3261 section 20.10).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NameAddr<'a> {
    text: &'a [u8],
    parts: NameAddrParts,
}

/// Why a value is no address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NameAddrFault {
    /// It is empty.
    Empty,
    /// A quoted display name does not end.
    OpenQuote,
    /// `<` without `>`.
    OpenBracket,
    /// There is no URI in it.
    NoUri,
    /// Bytes between `>` and the parameters.
    Surplus,
    /// More than 65535 bytes.
    TooLong,
}

/// What is remembered of an address: extents in its value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::sip) struct NameAddrParts {
    display: Extent,
    uri: Extent,
    parameters: Extent,
    bracketed: bool,
}

impl<'a> NameAddr<'a> {
    /// Reads one address: `"Name" <uri>;parameters`, or a bare URI, whose parameters then belong to the header
    /// (RFC 3261 section 20). Text after a comma is the caller's to cut; see [`NameAddrs`].
    pub fn parse(text: &'a [u8]) -> Result<NameAddr<'a>, NameAddrFault> {
        NameAddrParts::parse(text).map(|parts| NameAddr { text, parts })
    }

    /// The whole value as written.
    pub fn text(&self) -> &'a [u8] {
        self.text
    }

    /// The display name as written, quotes kept; empty without one.
    pub fn display(&self) -> &'a [u8] {
        self.parts.display.of(self.text)
    }

    /// The URI as written, without brackets.
    pub fn uri_text(&self) -> &'a [u8] {
        self.parts.uri.of(self.text)
    }

    /// Where the URI stands in [`NameAddr::text`].
    pub fn uri_extent(&self) -> Extent {
        self.parts.uri
    }

    /// The URI taken apart.
    pub fn uri(&self) -> Result<Uri<'a>, UriFault> {
        Uri::parse(self.uri_text())
    }

    /// Whether the URI stands in angle brackets.
    pub fn is_bracketed(&self) -> bool {
        self.parts.bracketed
    }

    /// Whether this is the `*` of a Contact that removes every binding (RFC 3261 section 10.2.2).
    pub fn is_star(&self) -> bool {
        !self.parts.bracketed && self.uri_text() == b"*"
    }

    /// The header parameters as written, from their first semicolon.
    pub fn parameters_text(&self) -> &'a [u8] {
        self.parts.parameters.of(self.text)
    }

    /// Where [`NameAddr::parameters_text`] stands in [`NameAddr::text`].
    pub fn parameters_extent(&self) -> Extent {
        self.parts.parameters
    }

    /// The header parameters; their ranges count from the start of [`NameAddr::parameters_text`].
    pub fn parameters(&self) -> Parameters<'a> {
        Parameters::new(self.parameters_text())
    }

    /// The header parameter called `name`, in any case: `Some(None)` when it stands without a value.
    pub fn parameter(&self, name: &[u8]) -> Option<Option<&'a [u8]>> {
        self.parameters().lookup(name)
    }

    /// The `tag` of a From or To; `None` without one or when it is empty.
    pub fn tag(&self) -> Option<&'a [u8]> {
        self.tag_extent().map(|extent| extent.of(self.text))
    }

    /// Where [`NameAddr::tag`] stands in [`NameAddr::text`].
    pub fn tag_extent(&self) -> Option<Extent> {
        let named = |parameter: &Parameter<'_>| parameter.name.eq_ignore_ascii_case(b"tag");
        let last = self.parameters().filter(named).last()?;
        let end = usize::from(self.parts.parameters.start) + last.range.end;
        last.value.filter(|tag| !tag.is_empty()).map(|tag| Extent::new(end - tag.len(), end))
    }

    /// The parameter called `name` with its place, in [`NameAddr::text`].
    pub fn parameter_range(&self, name: &[u8]) -> Option<Range<usize>> {
        let base = usize::from(self.parts.parameters.start);
        let found = |parameter: &Parameter<'_>| parameter.name.eq_ignore_ascii_case(name);
        self.parameters().find(found).map(|parameter| parameter.range.start + base..parameter.range.end + base)
    }
}

impl NameAddrParts {
    pub(in crate::sip) fn parse(text: &[u8]) -> Result<NameAddrParts, NameAddrFault> {
        if text.len() > usize::from(u16::MAX) {
            return Err(NameAddrFault::TooLong);
        }
        let whole = trimmed(text, 0..text.len());
        if whole.is_empty() {
            return Err(NameAddrFault::Empty);
        }
        let open = next_unquoted(text, whole.start, |byte| byte == b'<');
        if open < whole.end {
            return bracketed(text, whole, open);
        }
        if text.get(whole.start) == Some(&b'"') {
            let close = next_unquoted(text, whole.start, |byte| byte == b';');
            return Err(if ends_quoted(text, &whole) || close < whole.end {
                NameAddrFault::NoUri
            } else {
                NameAddrFault::OpenQuote
            });
        }
        let end = next_unquoted(text, whole.start, |byte| byte == b';').min(whole.end);
        let uri = trimmed(text, whole.start..end);
        if uri.is_empty() {
            return Err(NameAddrFault::NoUri);
        }
        Ok(NameAddrParts {
            display: Extent::new(whole.start, whole.start),
            uri: uri.into(),
            parameters: Extent::new(end, whole.end),
            bracketed: false,
        })
    }

    pub(in crate::sip) fn view(self, text: &[u8]) -> NameAddr<'_> {
        NameAddr { text, parts: self }
    }
}

fn bracketed(text: &[u8], whole: Range<usize>, open: usize) -> Result<NameAddrParts, NameAddrFault> {
    let inner = text.get(open + 1..whole.end).unwrap_or_default();
    let close = open + 1 + memchr::memchr(b'>', inner).ok_or(NameAddrFault::OpenBracket)?;
    let uri = trimmed(text, open + 1..close);
    if uri.is_empty() {
        return Err(NameAddrFault::NoUri);
    }
    let parameters = skip_blanks(text, close + 1).min(whole.end);
    if parameters < whole.end && text.get(parameters) != Some(&b';') {
        return Err(NameAddrFault::Surplus);
    }
    Ok(NameAddrParts {
        display: trimmed(text, whole.start..open).into(),
        uri: uri.into(),
        parameters: Extent::new(parameters, whole.end),
        bracketed: true,
    })
}

/// Whether the quoted string at the start of `whole` ends within it.
fn ends_quoted(text: &[u8], whole: &Range<usize>) -> bool {
    let mut at = whole.start + 1;
    while let Some(byte) = text.get(at).filter(|_| at < whole.end) {
        match byte {
            b'"' => return true,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    false
}

/// The addresses of one header value, in order, each with its range in that value.
#[derive(Clone, Debug)]
pub struct NameAddrs<'a> {
    text: &'a [u8],
    values: Values<'a>,
}

impl<'a> NameAddrs<'a> {
    /// The comma-separated addresses in `text`.
    pub fn new(text: &'a [u8]) -> NameAddrs<'a> {
        NameAddrs { text, values: Values::new(text) }
    }
}

impl<'a> Iterator for NameAddrs<'a> {
    type Item = (Range<usize>, Result<NameAddr<'a>, NameAddrFault>);

    fn next(&mut self) -> Option<Self::Item> {
        let range = self.values.next()?;
        Some((range.clone(), NameAddr::parse(self.text.get(range).unwrap_or_default())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_addresses_apart() {
        let read = |text: &'static str| NameAddr::parse(text.as_bytes()).unwrap();
        let quoted = read("\"A, \\\" <B>\" <sip:a;b@c;lr>  ;tag=1;x");
        assert_eq!(quoted.display(), b"\"A, \\\" <B>\"");
        assert_eq!(quoted.uri_text(), b"sip:a;b@c;lr");
        assert_eq!(quoted.tag(), Some(&b"1"[..]));
        assert_eq!(quoted.parameter(b"X"), Some(None));
        assert_eq!(&quoted.text()[quoted.parameter_range(b"tag").unwrap()], b";tag=1");
        let bare = read(" sip:a@c;tag=2 ");
        assert_eq!((bare.uri_text(), bare.tag()), (&b"sip:a@c"[..], Some(&b"2"[..])));
        assert!(read("*").is_star());
        assert_eq!(read("Bob Smith <sip:b@c>").display(), b"Bob Smith");
        assert_eq!(read("<sip:b@c>").tag(), None);
    }

    #[test]
    fn refuses_what_is_none() {
        let fault = |text: &'static str| NameAddr::parse(text.as_bytes()).unwrap_err();
        assert_eq!(fault(" "), NameAddrFault::Empty);
        assert_eq!(fault("\"a <sip:b@c>"), NameAddrFault::OpenQuote);
        assert_eq!(fault("\"a\""), NameAddrFault::NoUri);
        assert_eq!(fault("a <sip:b@c"), NameAddrFault::OpenBracket);
        assert_eq!(fault("<>"), NameAddrFault::NoUri);
        assert_eq!(fault(";tag=1"), NameAddrFault::NoUri);
        assert_eq!(fault("<sip:b@c> x"), NameAddrFault::Surplus);
    }

    #[test]
    fn lists() {
        let all: Vec<_> = NameAddrs::new(b"<sip:a@b>;q=1, sip:c@d;x , \"e,\" <sip:e@f>").collect();
        assert_eq!(all.len(), 3);
        assert_eq!(all[1].0, 15..24);
        assert_eq!(all[2].1.unwrap().display(), b"\"e,\"");
    }
}
