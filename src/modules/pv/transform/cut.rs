//! `s`: pieces of the text.

use super::{ANY, COUNT, char_param, checked, empty, int_param, of_text, owned, part, with};
use crate::builtin::{Check, Context, LogLevel, MOST_HELD, Template, Transformation, Value};
use bytes::Bytes;

/// The transformations.
pub(super) const ROWS: &[Transformation] = &[
    checked(
        with(
            "s",
            "substr",
            (2, 2),
            substr,
            "So many characters from a place on, 0 for all that follow; a negative place counts from the end. Undefined when the place is outside.",
        ),
        &[(0, ANY), (1, COUNT)],
    ),
    with(
        "s",
        "selectsw",
        (1, 1),
        select_blank,
        "The piece at a place, counted from 0, of the text cut at each blank; a negative place counts from the end.",
    ),
    checked(
        with(
            "s",
            "select",
            (2, 2),
            select,
            "One of the pieces that a character parts, counted from 0; a negative number counts from the end.",
        ),
        &[(0, ANY), (1, Check::Character)],
    ),
    checked(
        with(
            "s",
            "strip",
            (1, 1),
            |cx, value, params| strip(cx, value, params, |text, count| text.get(count..)),
            "The text without its first characters.",
        ),
        &[(0, ANY)],
    ),
    checked(
        with(
            "s",
            "striptail",
            (1, 1),
            |cx, value, params| strip(cx, value, params, |text, count| text.get(..text.len().checked_sub(count)?)),
            "The text without its last characters.",
        ),
        &[(0, ANY)],
    ),
    with(
        "s",
        "stripto",
        (1, 1),
        |cx, value, params| found(cx, value, params, |text, at| at.and_then(|at| text.get(at..)).unwrap_or_default()),
        "The text from a character on; empty without it.",
    ),
    with(
        "s",
        "before",
        (1, 1),
        |cx, value, params| found(cx, value, params, |text, at| at.and_then(|at| text.get(..at)).unwrap_or(text)),
        "The text before the first place of a character; all of it without one.",
    ),
    with(
        "s",
        "after",
        (1, 1),
        |cx, value, params| {
            found(cx, value, params, |text, at| at.and_then(|at| text.get(at + 1..)).unwrap_or_default())
        },
        "The text after the first place of a character; empty without one.",
    ),
    with("s", "rbefore", (1, 1), before_last, "The text before the last place of a character; all of it without one."),
    with(
        "s",
        "rafter",
        (1, 1),
        |_, value, _| of_text(value, |_| Some(empty())),
        "Should be the text after the last place of a character; in Kamailio 5.6.3 it is always empty, and here too.",
    ),
    checked(
        with(
            "s",
            "prefixes",
            (0, 1),
            |cx, value, params| prefixes(cx, value, params, b""),
            "All beginnings of the text, up to a length, with commas between.",
        ),
        &[(0, ANY)],
    ),
    checked(
        with(
            "s",
            "prefixes.quoted",
            (0, 1),
            |cx, value, params| prefixes(cx, value, params, b"'"),
            "All beginnings of the text, each in quotes, with commas between.",
        ),
        &[(0, ANY)],
    ),
];

fn substr(cx: &mut Context, value: Value, params: &[Template]) -> Value {
    let (start, count) = (int_param(cx, params, 0), int_param(cx, params, 1));
    let result = of_text(value.clone(), |text| {
        let start = if start < 0 { start + text.len() as i64 } else { start };
        let start = usize::try_from(start).ok().filter(|start| *start < text.len())?;
        let count = usize::try_from(count).ok()?;
        let end = if count == 0 { text.len() } else { start.saturating_add(count).min(text.len()) };
        Some(part(text, &text[start..end]))
    });
    if result.is_null() && !value.is_null() {
        cx.log(LogLevel::Error, "{s.substr}: out of range");
    }
    result
}

fn select_blank(cx: &mut Context, value: Value, params: &[Template]) -> Value {
    let index = int_param(cx, params, 0);
    of_text(value, |text| Some(piece(text, index, |byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))))
}

fn select(cx: &mut Context, value: Value, params: &[Template]) -> Value {
    let (index, separator) = (int_param(cx, params, 0), char_param(cx, params, 1));
    of_text(value, |text| Some(piece(text, index, |byte| Some(*byte) == separator)))
}

/// The piece at a place of the text; a negative place counts from the end.
fn piece(text: &Bytes, index: i64, cuts: impl Fn(&u8) -> bool) -> Value {
    let at = match index {
        0.. => usize::try_from(index).ok(),
        _ => usize::try_from(text.iter().filter(|byte| cuts(byte)).count() as i64 + 1 + index).ok(),
    };
    let found = at.and_then(|at| text.split(|byte| cuts(byte)).nth(at));
    found.map_or_else(empty, |piece| part(text, piece))
}

fn strip(
    cx: &mut Context,
    value: Value,
    params: &[Template],
    keep: for<'a> fn(&'a [u8], usize) -> Option<&'a [u8]>,
) -> Value {
    let count = usize::try_from(int_param(cx, params, 0)).unwrap_or(0);
    of_text(value, |text| Some(keep(text, count).map_or_else(empty, |kept| part(text, kept))))
}

fn found(
    cx: &mut Context,
    value: Value,
    params: &[Template],
    cut: for<'a> fn(&'a [u8], Option<usize>) -> &'a [u8],
) -> Value {
    let wanted = char_param(cx, params, 0);
    of_text(value, |text| {
        let at = text.iter().position(|byte| Some(*byte) == wanted);
        Some(part(text, cut(text, at)))
    })
}

fn before_last(cx: &mut Context, value: Value, params: &[Template]) -> Value {
    let wanted = char_param(cx, params, 0);
    of_text(value, |text| {
        let at = text.iter().rposition(|byte| Some(*byte) == wanted).unwrap_or(text.len());
        Some(part(text, &text[..at]))
    })
}

fn prefixes(cx: &mut Context, value: Value, params: &[Template], quote: &[u8]) -> Value {
    let most = usize::try_from(int_param(cx, params, 0)).unwrap_or(0);
    of_text(value, |text| {
        let most = if most == 0 { text.len() } else { most.min(text.len()) };
        let mut out = Vec::with_capacity(text.len());
        for end in 1..=most {
            // The run that wants more is about to be ended.
            if out.len() > MOST_HELD {
                break;
            }
            if end > 1 {
                out.push(b',');
            }
            [quote, &text[..end], quote].into_iter().for_each(|piece| out.extend_from_slice(piece));
        }
        Some(owned(out))
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn pieces() {
        check(&[
            ("s.substr,0,5", "Hello World", "Hello"),
            ("s.substr,6,0", "Hello World", "World"),
            ("s.substr,-3,2", "alice", "ic"),
            ("s.substr,1,99", "alice", "lice"),
            ("s.substr,5,1", "alice", "<null>"),
            ("s.substr,-99,2", "alice", "<null>"),
            ("s.select,1, ", "Hello World", "World"),
            ("s.select,-1, ", "Hello World", "World"),
            ("s.selectsw,1", "a b\tc", "b"),
            ("s.selectsw,-1", "a b\tc", "c"),
            ("s.selectsw,1", "a  c", ""),
            ("s.selectsw,7", "a  c", ""),
            ("s.select,5, ", "Hello World", ""),
            ("s.select,3,,", "1,2,,4", "4"),
            ("s.select,-2,,", "1,2,,4", ""),
            ("s.select,-3,x", "alice", ""),
            ("s.strip,2", "alice", "ice"),
            ("s.strip,9", "alice", ""),
            ("s.strip,-1", "alice", "alice"),
            ("s.striptail,3", "Hello World", "Hello Wo"),
            ("s.stripto,i", "alice", "ice"),
            ("s.stripto,z", "alice", ""),
            ("s.before,o", "Hello World", "Hell"),
            ("s.before,z", "alice", "alice"),
            ("s.after,o", "Hello World", " World"),
            ("s.after,z", "alice", ""),
            ("s.rbefore,o", "Hello World", "Hello W"),
            ("s.prefixes", "alice", "a,al,ali,alic,alice"),
            ("s.prefixes.quoted,2", "alice", "'a','al'"),
        ]);
    }
}
