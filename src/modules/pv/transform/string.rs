//! `s`: measures, case, blanks, replacing.

use super::{COUNT, char_param, checked, empty, int_param, of_text, owned, part, plain, text_param, with};
use crate::builtin::{Context, LogLevel, MOST_HELD, Template, Transformation, Value, calendar, parse_int};

/// The transformations.
pub(super) const ROWS: &[Transformation] = &[
    plain(
        "s",
        "len",
        |_, value, _| of_text(value, |text| Some(Value::Int(text.len() as i64))),
        "How long the text is.",
    ),
    plain(
        "s",
        "int",
        |_, value, _| {
            of_text(
                value,
                |text| if text.is_empty() || text.contains(&b'x') { None } else { parse_int(text).map(Value::Int) },
            )
        },
        "The text as an integer; undefined when it is none, which hexadecimal digits are.",
    ),
    plain(
        "s",
        "numeric",
        |_, value, _| of_text(value, |text| Some(owned(kept(text, u8::is_ascii_digit)))),
        "The digits of the text.",
    ),
    plain(
        "s",
        "tolower",
        |_, value, _| of_text(value, |text| Some(owned(text.to_ascii_lowercase()))),
        "The text in small letters.",
    ),
    plain(
        "s",
        "toupper",
        |_, value, _| of_text(value, |text| Some(owned(text.to_ascii_uppercase()))),
        "The text in capitals.",
    ),
    plain(
        "s",
        "trim",
        |_, value, _| of_text(value, |text| Some(part(text, text.trim_ascii()))),
        "The text without blanks around it.",
    ),
    plain(
        "s",
        "ltrim",
        |_, value, _| of_text(value, |text| Some(part(text, text.trim_ascii_start()))),
        "The text without blanks before it.",
    ),
    plain(
        "s",
        "rtrim",
        |_, value, _| of_text(value, |text| Some(part(text, text.trim_ascii_end()))),
        "The text without blanks behind it.",
    ),
    plain(
        "s",
        "rmws",
        |_, value, _| of_text(value, |text| Some(owned(kept(text, |byte| !byte.is_ascii_whitespace())))),
        "The text without any blanks.",
    ),
    plain(
        "s",
        "rmhdws",
        |_, value, _| of_text(value, |text| Some(owned(unfolded(text, b" ")))),
        "The text without line ends; the blanks that a folded header line begins with become one.",
    ),
    plain(
        "s",
        "rmhlws",
        |_, value, _| of_text(value, |text| Some(owned(unfolded(text, b"")))),
        "The text without line ends and the blanks behind them.",
    ),
    plain(
        "s",
        "intv",
        |_, value, _| match value {
            Value::Null => Value::Null,
            Value::Int(number) => Value::both(number),
            value => of_text(value, |text| {
                let number = std::str::from_utf8(text).ok()?.parse().ok()?;
                Some(Value::Both(number, text.clone()))
            }),
        },
        "The text as an integer that is text as well; undefined when it is none.",
    ),
    with("s", "rm", (1, 1), remove, "The text without the places where the parameter stands in it."),
    with("s", "replace", (2, 2), replace, "The text with the second parameter wherever the first stands in it."),
    with("s", "count", (1, 1), count, "How often a character stands in the text."),
    plain(
        "s",
        "unquote",
        |_, value, _| of_text(value, |text| Some(part(text, inner(text, &[(b'"', b'"'), (b'\'', b'\'')])))),
        "The text without the quotes around it.",
    ),
    plain(
        "s",
        "unbracket",
        |_, value, _| {
            of_text(value, |text| {
                Some(part(text, inner(text, &[(b'<', b'>'), (b'(', b')'), (b'[', b']'), (b'{', b'}')])))
            })
        },
        "The text without the brackets around it.",
    ),
    with("s", "ftime", (1, 1), ftime, "Seconds since 1970 in a form that strftime describes, local time."),
    checked(
        with(
            "s",
            "charat",
            (1, 1),
            |cx, value, params| at(cx, value, params, |text, place| part(text, &text[place..=place])),
            "The character at a place, counted from 0.",
        ),
        &[(0, COUNT)],
    ),
    checked(
        with(
            "s",
            "byteat",
            (1, 1),
            |cx, value, params| at(cx, value, params, |text, place| Value::Int(text[place].into())),
            "The number of the character at a place, counted from 0.",
        ),
        &[(0, COUNT)],
    ),
    checked(
        with(
            "s",
            "fmtlines",
            (2, 2),
            |cx, value, params| lines(cx, value, params, b' '),
            "The text over so many lines, the later ones indented by so many blanks.",
        ),
        &[(0, COUNT), (1, COUNT)],
    ),
    checked(
        with(
            "s",
            "fmtlinet",
            (2, 2),
            |cx, value, params| lines(cx, value, params, b'\t'),
            "The text over so many lines, the later ones indented by so many tabs.",
        ),
        &[(0, COUNT), (1, COUNT)],
    ),
];

/// The text without line ends, and with `blanks` for those that follow one.
fn unfolded(text: &[u8], blanks: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let (mut in_line_end, mut has_blanks) = (false, false);
    for byte in text {
        match byte {
            b'\r' | b'\n' => (in_line_end, has_blanks) = (true, false),
            b' ' | b'\t' if in_line_end => {
                if !std::mem::replace(&mut has_blanks, true) {
                    out.extend_from_slice(blanks);
                }
            }
            _ => {
                in_line_end = false;
                out.push(*byte);
            }
        }
    }
    out
}

fn kept(text: &[u8], keep: fn(&u8) -> bool) -> Vec<u8> {
    text.iter().copied().filter(keep).collect()
}

fn remove(cx: &mut Context, value: Value, params: &[Template]) -> Value {
    let gone = text_param(cx, params, 0);
    of_text(value, |text| Some(owned(replaced(text, gone.trim_ascii(), b""))))
}

fn replace(cx: &mut Context, value: Value, params: &[Template]) -> Value {
    let (from, to) = (text_param(cx, params, 0), text_param(cx, params, 1));
    of_text(value, |text| Some(owned(replaced(text, &from, &to))))
}

fn replaced(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while !from.is_empty()
        && out.len() <= MOST_HELD
        && let Some(at) = memchr::memmem::find(rest, from)
    {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(to);
        rest = &rest[at + from.len()..];
    }
    out.extend_from_slice(rest);
    out
}

fn count(cx: &mut Context, value: Value, params: &[Template]) -> Value {
    let wanted = char_param(cx, params, 0);
    of_text(value, |text| Some(Value::Int(text.iter().filter(|byte| Some(**byte) == wanted).count() as i64)))
}

/// The text between the first pair of which both ends are there.
fn inner<'a>(text: &'a [u8], pairs: &[(u8, u8)]) -> &'a [u8] {
    match text {
        [first, inner @ .., last] if pairs.contains(&(*first, *last)) => inner,
        _ => text,
    }
}

fn ftime(cx: &mut Context, value: Value, params: &[Template]) -> Value {
    let seconds = match &value {
        Value::Int(number) | Value::Both(number, _) => *number,
        Value::Null => return Value::Null,
        Value::Unset => 0,
        Value::Text(text) => match parse_int(text) {
            Some(number) if text.iter().all(u8::is_ascii_digit) => number,
            _ => {
                cx.log(LogLevel::Error, "{s.ftime}: the value is no number");
                return Value::Null;
            }
        },
    };
    let form = text_param(cx, params, 0);
    Value::Text(calendar::formatted(&cx.core.zone, seconds, &form).into())
}

fn at(cx: &mut Context, value: Value, params: &[Template], read: fn(&bytes::Bytes, usize) -> Value) -> Value {
    let place = usize::try_from(int_param(cx, params, 0)).ok();
    of_text(value, |text| Some(place.filter(|place| *place < text.len()).map_or_else(empty, |place| read(text, place))))
}

/// Kamailio 5.6.3 puts one character on each line but the last, which holds the rest.
fn lines(cx: &mut Context, value: Value, params: &[Template], indent: u8) -> Value {
    let lines = usize::try_from(int_param(cx, params, 0)).unwrap_or(0);
    let depth = usize::try_from(int_param(cx, params, 1)).unwrap_or(0).min(1024);
    of_text(value, |text| {
        let alone = lines.saturating_sub(1).min(text.len().saturating_sub(1));
        let mut out = Vec::with_capacity(text.len());
        for byte in &text[..alone] {
            // The run that wants more is about to be ended.
            if out.len() > MOST_HELD {
                break;
            }
            out.extend_from_slice(&[*byte, b'\r', b'\n']);
            out.resize(out.len() + depth, indent);
        }
        out.extend_from_slice(&text[alone..]);
        Some(owned(out))
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn strings() {
        check(&[
            ("s.len", "Hello World", "11"),
            ("s.int", "17", "17"),
            ("s.int", "-17", "-17"),
            ("s.int", "12abc", "<null>"),
            ("s.numeric", "12ab34", "1234"),
            ("s.toupper", "Hello", "HELLO"),
            ("s.trim", "  a b  ", "a b"),
            ("s.rmws", "a b\tc", "abc"),
            ("s.rm,l", "Hello World", "Heo Word"),
            ("s.rm, ", "  a b  ", "  a b  "),
            ("s.replace,l,LL", "alice", "aLLice"),
            ("s.count,ll", "Hello World", "3"),
            ("s.unquote", "\"Bob B\"", "Bob B"),
            ("s.unquote", "'x", "'x"),
            ("s.unbracket", "<sip:x>", "sip:x"),
            ("s.ftime,%Y", "1795221402", "2026"),
            ("s.ftime,%Y", "alice", "<null>"),
            ("s.ftime,%Y", "", "1970"),
            ("s.ftime,%Y", "-5", "<null>"),
            ("s.ftime,%Y", "0x1F", "<null>"),
            ("s.int", "0x1F", "<null>"),
            ("s.charat,1", "abc", "b"),
            ("s.charat,9", "abc", ""),
            ("s.byteat,0", "A", "65"),
            ("s.fmtlines,4,2", "Hello World", "H\r\n  e\r\n  l\r\n  lo World"),
            ("s.fmtlinet,2,1", "alice", "a\r\n\tlice"),
            ("s.fmtlines,5,1", "ab", "a\r\n b"),
            ("s.fmtlines,5,1", "", ""),
        ]);
    }
}
