//! `Name[2].parameter`: a header, a value in it, and a parameter of the value, as the `*_hf_value` functions take them.

use crate::builtin::{Arg, Fault, Prepare, Prepared, Template};
use crate::modules::textops::HeaderKey;
use crate::sip::{Extent, Header, Message};
use bytes::Bytes;

/// Which value of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// No index.
    Unsaid,
    /// `[2]`, counted from 1; negative from the end.
    At(i64),
    /// `[*]`.
    All,
}

/// A header, a value in it, and a parameter of the value.
#[derive(Debug)]
pub(super) struct Selector {
    pub(super) key: HeaderKey,
    pub(super) name: Bytes,
    pub(super) which: Which,
    /// Empty without one.
    pub(super) parameter: Bytes,
}

/// One value of a header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value<'a> {
    pub(super) header: &'a Header,
    /// Without blanks around it.
    pub(super) text: Extent,
    /// With its blanks and the comma behind it.
    pub(super) whole: Extent,
}

impl Selector {
    /// The values of all headers of this name, in order.
    pub(super) fn values<'a>(&'a self, message: &'a Message) -> Vec<Value<'a>> {
        self.key.headers(message).flat_map(|header| values(message, header)).collect()
    }

    /// The value at an index, which is not 0.
    pub(super) fn value<'a>(&'a self, message: &'a Message, index: i64) -> Option<Value<'a>> {
        let all = self.values(message);
        let at = if index < 0 { all.len() as i64 + index } else { index - 1 };
        usize::try_from(at).ok().and_then(|at| all.get(at).copied())
    }

    /// The header at an index, which is not 0.
    pub(super) fn header<'a>(&'a self, message: &'a Message, index: i64) -> Option<&'a Header> {
        let mut headers = self.key.headers(message);
        match usize::try_from(index) {
            Ok(index) => headers.nth(index.saturating_sub(1)),
            Err(_) => headers.nth_back(usize::try_from(-(index + 1)).ok()?),
        }
    }
}

/// The values of a header: what stands between commas outside quotes.
pub(super) fn values<'a>(message: &'a Message, header: &'a Header) -> Vec<Value<'a>> {
    let text = message.text(header.value);
    let mut values = Vec::new();
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    let mut push = |start: usize, end: usize, whole: usize| {
        let inner = text.get(start..end).unwrap_or_default();
        let left = start + inner.len() - inner.trim_ascii_start().len();
        let right = left + inner.trim_ascii().len();
        let base = header.value.start;
        values.push(Value {
            header,
            text: Extent::new(left, right).shifted(base),
            whole: Extent::new(start, whole).shifted(base),
        });
    };
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'"' if !(quoted && escaped) => quoted = !quoted,
            b',' if !quoted => {
                push(start, at, at + 1);
                start = at + 1;
            }
            _ => {}
        }
        escaped = *byte == b'\\' && !escaped;
    }
    if start < text.len() || text.is_empty() {
        push(start, text.len(), text.len());
    }
    values
}

/// What a function demands of its selector.
#[derive(Clone, Copy)]
struct Demands {
    index: bool,
    all: bool,
    parameter: bool,
}

/// The header alone.
pub(super) const HEADER: Arg =
    Arg::custom("header", |text, _: &mut Prepare| read(text, Demands { index: false, all: false, parameter: false }));
/// The header and perhaps the place of a value.
pub(super) const PLACE: Arg =
    Arg::custom("header", |text, _: &mut Prepare| read(text, Demands { index: true, all: false, parameter: false }));
/// The header, perhaps the place of a value, perhaps a parameter.
pub(super) const ANY: Arg =
    Arg::custom("header", |text, _: &mut Prepare| read(text, Demands { index: true, all: true, parameter: true }));
/// The same, but `[*]` only with a parameter.
pub(super) const ASSIGNED: Arg = Arg::custom("header", |text, _: &mut Prepare| {
    let prepared = read(text, Demands { index: true, all: true, parameter: true })?;
    match prepared.downcast_ref::<Selector>() {
        Some(selector) if selector.which == Which::All && selector.parameter.is_empty() => {
            Err(bad(text).help("[*] needs a parameter here: Name[*].parameter"))
        }
        _ => Ok(prepared),
    }
});

fn bad(text: &Template) -> Fault {
    Fault::new(format!("{text:?} names no such value of a header"))
}

fn read(text: &Template, demands: Demands) -> Result<Prepared, Fault> {
    let bad =
        || bad(text).help("write it as Name, Name[2], Name[*] or Name[2].parameter, as far as the function allows");
    let constant = text.constant().ok_or_else(bad)?;
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let mut rest = constant.trim_ascii();
    let length = rest.iter().position(|byte| !is_word(byte)).unwrap_or(rest.len());
    let (name, behind) = rest.split_at(length);
    rest = behind.trim_ascii_start();
    let mut which = Which::Unsaid;
    if let Some(inner) = rest.strip_prefix(b"[") {
        let close = memchr::memchr(b']', inner).ok_or_else(bad)?;
        which = match inner.get(..close).unwrap_or_default().trim_ascii() {
            b"*" => Which::All,
            b"" => Which::Unsaid,
            number => {
                let number = std::str::from_utf8(number).ok().and_then(|number| number.parse().ok());
                number.map(|number: i64| if number == 0 { Which::Unsaid } else { Which::At(number) }).ok_or_else(bad)?
            }
        };
        rest = inner.get(close + 1..).unwrap_or_default().trim_ascii_start();
    }
    let parameter = match rest.strip_prefix(b".") {
        Some(parameter) => parameter.trim_ascii(),
        None if rest.is_empty() => b"",
        None => return Err(bad()),
    };
    let is_refused = which != Which::Unsaid && !demands.index
        || which == Which::All && !demands.all
        || !parameter.is_empty() && !demands.parameter;
    if name.is_empty() || !parameter.iter().all(is_word) || is_refused || rest == b"." {
        return Err(bad());
    }
    let name = Bytes::copy_from_slice(name);
    let parameter = Bytes::copy_from_slice(parameter);
    Ok(Box::new(Selector { key: HeaderKey::new(name.clone()), name, which, parameter }))
}
