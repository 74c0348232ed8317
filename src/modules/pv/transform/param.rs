//! `param`: lists of the form `a=1;b=2`.

use super::{char_param, empty, int_param, of_text, part, text_param, with};
use crate::builtin::{Context, Template, Transformation, Value};
use bytes::Bytes;

/// The transformations.
pub(super) const ROWS: &[Transformation] = &[
    with(
        "param",
        "value",
        (1, 2),
        |cx, value, params| {
            let name = text_param(cx, params, 0);
            listed(cx, value, params, 1, |text, all| {
                all.iter()
                    .find(|(its, _)| its.eq_ignore_ascii_case(&name))
                    .map_or_else(empty, |(_, value)| part(text, value))
            })
        },
        "The value of the parameter of this name; empty without one. The last argument is the separator, the semicolon when not given.",
    ),
    with(
        "param",
        "in",
        (1, 2),
        |cx, value, params| {
            let name = text_param(cx, params, 0);
            listed(cx, value, params, 1, |_, all| {
                Value::truth(all.iter().any(|(its, _)| its.eq_ignore_ascii_case(&name)))
            })
        },
        "1 when there is a parameter of this name, else 0.",
    ),
    with(
        "param",
        "valueat",
        (1, 2),
        |cx, value, params| {
            let index = int_param(cx, params, 0);
            listed(cx, value, params, 1, |text, all| at(all, index).map_or_else(empty, |(_, value)| part(text, value)))
        },
        "The value of the parameter at a place, counted from 0; a negative place counts from the end.",
    ),
    with(
        "param",
        "name",
        (1, 2),
        |cx, value, params| {
            let index = int_param(cx, params, 0);
            listed(cx, value, params, 1, |text, all| at(all, index).map_or_else(empty, |(name, _)| part(text, name)))
        },
        "The name of the parameter at a place, counted from 0; a negative place counts from the end.",
    ),
    with(
        "param",
        "count",
        (0, 1),
        |cx, value, params| listed(cx, value, params, 0, |_, all| Value::Int(all.len() as i64)),
        "How many parameters there are.",
    ),
];

/// Name and value; a value without its quotes.
type Pair<'a> = (&'a [u8], &'a [u8]);

fn listed(
    cx: &mut Context,
    value: Value,
    params: &[Template],
    separator: usize,
    read: impl FnOnce(&Bytes, &[Pair]) -> Value,
) -> Value {
    let separator = char_param(cx, params, separator).unwrap_or(b';');
    of_text(value, |text| if text.is_empty() { None } else { Some(read(text, &pairs(text, separator)?)) })
}

fn at<'a>(all: &[Pair<'a>], index: i64) -> Option<Pair<'a>> {
    let index = if index < 0 { index + all.len() as i64 } else { index };
    all.get(usize::try_from(index).ok()?).copied()
}

/// `None` when a name has a blank in it: the text is no list of parameters.
fn pairs(text: &[u8], separator: u8) -> Option<Vec<Pair<'_>>> {
    let mut all = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut quoted = false;
        let end = rest.iter().position(|byte| {
            quoted ^= *byte == b'"';
            (*byte == separator || *byte == b',') && !quoted
        });
        let (one, after) = rest.split_at(end.unwrap_or(rest.len()));
        // A comma that is not the separator ends the list: what follows is another one.
        rest = after.strip_prefix(&[separator]).unwrap_or_default();
        let one = one.trim_ascii();
        if one.is_empty() {
            continue;
        }
        let (name, value) = match memchr::memchr(b'=', one) {
            Some(equals) => (one[..equals].trim_ascii(), one[equals + 1..].trim_ascii()),
            None => (one, &one[one.len()..]),
        };
        if name.iter().any(u8::is_ascii_whitespace) {
            return None;
        }
        let bare = value.strip_prefix(b"\"").and_then(|inner| inner.strip_suffix(b"\"")).unwrap_or(value);
        all.push((name, bare));
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn lists_of_parameters() {
        let list = "a=1;b=2;c;d=\"q s\"";
        check(&[
            ("param.value,a", list, "1"),
            ("param.value,B", list, "2"),
            ("param.value,d", list, "q s"),
            ("param.value,c", list, ""),
            ("param.value,zz", list, ""),
            ("param.value,b,,", "a=1,b=2", "2"),
            ("param.valueat,1", list, "2"),
            ("param.valueat,9", list, ""),
            ("param.name,0", list, "a"),
            ("param.name,-1", list, "d"),
            ("param.count", list, "4"),
            ("param.count", "", "<null>"),
            ("param.in,a", "", "<null>"),
            ("param.name,-1", "a,b,,c", "a"),
            ("param.valueat,1", "<sip:a@b>;expires=60, <sip:c@d>", "60"),
            ("param.in,b", list, "1"),
            ("param.in,zz", list, "0"),
            ("param.value,a", "a = 1 ; b= 2", "1"),
            ("param.value,branch", "SIP/2.0/UDP 127.0.0.1;branch=x", "<null>"),
        ]);
    }
}
