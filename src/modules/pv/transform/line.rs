//! `line`: lines of a text.

use super::{ANY, checked, empty, int_param, of_text, part, plain, text_param, with};
use crate::builtin::{Transformation, Value};

/// The transformations.
pub(super) const ROWS: &[Transformation] = &[
    plain(
        "line",
        "count",
        |_, value, _| of_text(value, |text| (!text.is_empty()).then(|| Value::Int(lines(text).count() as i64))),
        "How many lines the text has; undefined when it is empty.",
    ),
    checked(
        with(
            "line",
            "at",
            (1, 1),
            |cx, value, params| {
                let index = int_param(cx, params, 0);
                of_text(value, |text| {
                    let index = if index < 0 { index + lines(text).count() as i64 } else { index };
                    let line = usize::try_from(index).ok().and_then(|index| lines(text).nth(index));
                    Some(line.map_or_else(empty, |line| part(text, line)))
                })
            },
            "The line at a place, counted from 0, without its line end; a negative place counts from the end.",
        ),
        &[(0, ANY)],
    ),
    with(
        "line",
        "sw",
        (1, 1),
        |cx, value, params| {
            let start = text_param(cx, params, 0);
            of_text(value, |text| {
                let line = lines(text).find(|line| line.starts_with(&start));
                Some(line.map_or_else(empty, |line| part(text, line)))
            })
        },
        "The first line that starts with the parameter; empty without one.",
    ),
];

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn lines_of_text() {
        let text = "l1\r\nl2\n\nl4";
        check(&[
            ("line.count", text, "4"),
            ("line.count", "l1\n", "1"),
            ("line.at,0", text, "l1"),
            ("line.at,-1", text, "l4"),
            ("line.at,2", text, ""),
            ("line.at,9", text, ""),
            ("line.sw,l2", text, "l2"),
            ("line.sw,zz", text, ""),
        ]);
    }
}
