//! `param`: lists of the form `a=1;b=2`.

use super::super::parameters::{Parameter, parameters};
use super::{ANY, char_param, checked, empty, int_param, of_text, part, text_param, with};
use crate::builtin::{Check, Context, Template, Transformation, Value};
use bytes::Bytes;

/// The transformations.
pub(super) const ROWS: &[Transformation] = &[
    checked(
        with(
            "param",
            "value",
            (1, 2),
            |cx, value, params| {
                let name = text_param(cx, params, 0);
                listed(cx, value, params, 1, |text, all| {
                    all.iter()
                        .rfind(|(its, _)| its.eq_ignore_ascii_case(&name))
                        .map_or_else(empty, |(_, value)| part(text, value))
                })
            },
            "The value of the last parameter of this name; empty without one. The last argument is the separator, the semicolon when not given.",
        ),
        SEPARATOR,
    ),
    checked(
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
        SEPARATOR,
    ),
    checked(
        with(
            "param",
            "valueat",
            (1, 2),
            |cx, value, params| {
                let index = int_param(cx, params, 0);
                listed(cx, value, params, 1, |text, all| {
                    at(all, index).map_or_else(empty, |(_, value)| part(text, value))
                })
            },
            "The value of the parameter at a place, counted from 0; a negative place counts from the end.",
        ),
        &[(0, ANY), (1, Check::Character)],
    ),
    checked(
        with(
            "param",
            "name",
            (1, 2),
            |cx, value, params| {
                let index = int_param(cx, params, 0);
                listed(cx, value, params, 1, |text, all| {
                    at(all, index).map_or_else(empty, |(name, _)| part(text, name))
                })
            },
            "The name of the parameter at a place, counted from 0; a negative place counts from the end.",
        ),
        &[(0, ANY), (1, Check::Character)],
    ),
    checked(
        with(
            "param",
            "count",
            (0, 1),
            |cx, value, params| listed(cx, value, params, 0, |_, all| Value::Int(all.len() as i64)),
            "How many parameters there are.",
        ),
        &[(0, Check::Character)],
    ),
];

const SEPARATOR: &[(usize, Check)] = &[(1, Check::Character)];

fn listed(
    cx: &mut Context,
    value: Value,
    params: &[Template],
    separator: usize,
    read: impl FnOnce(&Bytes, &[Parameter]) -> Value,
) -> Value {
    let separator = char_param(cx, params, separator).unwrap_or(b';');
    of_text(value, |text| Some(read(text, &parameters(text, separator)?)))
}

fn at<'a>(all: &[Parameter<'a>], index: i64) -> Option<Parameter<'a>> {
    let index = if index < 0 { index + all.len() as i64 } else { index };
    all.get(usize::try_from(index).ok()?).copied()
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
            ("param.value,a", "a=1;b;A=3", "3"),
            ("param.value,a", "a='x;\"y\"' ;b", "x;\"y\""),
            ("param.value,a", " a=1", "<null>"),
            ("param.value,a", "a=1 2;b", "<null>"),
            ("param.value,a", "a=\"1", "<null>"),
            ("param.value,a", "a=\"1\"2", "<null>"),
            ("param.count", "a=;b", "<null>"),
            ("param.count", "a;;b;", "3"),
            ("param.count", "a;;", "<null>"),
            ("param.count", ";", "<null>"),
            ("param.count", " ", "1"),
            ("param.value,branch", "SIP/2.0/UDP 127.0.0.1;branch=x", "<null>"),
        ]);
    }
}
