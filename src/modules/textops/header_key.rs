//! The name of a header as scripts give it.

use crate::builtin::{Arg, Fault, Prepare, Prepared, Template};
use crate::sip::{Header, HeaderName, Message};
use bytes::Bytes;

/// The name of a header, looked up once.
#[derive(Debug)]
pub(in crate::modules) struct HeaderKey {
    name: HeaderName,
    text: Bytes,
}

impl HeaderKey {
    /// The header called `text`, in its long or compact form.
    pub(in crate::modules) fn new(text: Bytes) -> HeaderKey {
        HeaderKey { name: HeaderName::parse(&text), text }
    }

    /// An argument that is such a name.
    pub(in crate::modules) const fn argument(name: &'static str) -> Arg {
        Arg::custom(name, prepare)
    }

    /// The headers of a message with this name.
    pub(in crate::modules) fn headers<'a>(
        &'a self,
        message: &'a Message,
    ) -> impl DoubleEndedIterator<Item = &'a Header> + use<'a> {
        let strange = self.name == HeaderName::Other;
        let same = move |header: &&Header| !strange || message.text(header.name_text).eq_ignore_ascii_case(&self.text);
        message.headers_named(self.name).filter(same)
    }
}

fn prepare(text: &Template, _: &mut Prepare) -> Result<Prepared, Fault> {
    let name = text.constant().unwrap_or_default();
    let name = name.slice_ref(name.trim_ascii_end());
    // The characters of a token (RFC 3261 section 25.1).
    let token = |byte: &u8| byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(byte);
    if name.is_empty() || !name.iter().all(token) {
        return Err(Fault::new(format!("{text:?} is no name of a header")).help("write it without a colon"));
    }
    Ok(Box::new(HeaderKey::new(name)))
}
