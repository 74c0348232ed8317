//! Functions for single values of headers: `append_hf_value` and its kin.

use super::parameter::{Found, comma, semicolon};
use super::selector::{ANY, ASSIGNED, HEADER, PLACE, Selector, Value, Which, values};
use crate::builtin::{Arg, Args, Context, Does, Function, Outcome, Routes, Working};
use crate::sip::{Edits, Extent, Message};

/// The functions.
pub(super) const ROWS: &[Function] = &[
    row(
        &["append_hf_value"],
        &[PLACE, TEXT],
        append,
        "Adds a header with a value behind the last header; `Name[2]` adds the value behind this one of the header.",
    ).does(&[Does::WriteHeader]),
    row(
        &["insert_hf_value"],
        &[PLACE, TEXT],
        insert,
        "Adds a header with a value before the first of this name; `Name[2]` adds the value before this one of the header.",
    ).does(&[Does::WriteHeader]),
    row(
        &["remove_hf_value"],
        &[ANY],
        |cx, args| change(cx, args, None, Form::Semicolons),
        "Removes a value of a header, the first without index, or a parameter of it.",
    ),
    row(
        &["assign_hf_value"],
        &[ASSIGNED, TEXT],
        |cx, args| {
            let text = args.header_value(cx, 1);
            change(cx, args, Some(&text), Form::Semicolons)
        },
        "Writes a value of a header, the first without index, or a parameter of it.",
    ).does(&[Does::WriteHeader]),
    row(
        &["remove_hf_value2"],
        &[ANY],
        |cx, args| change(cx, args, None, Form::Commas),
        "As remove_hf_value, for headers whose parameters stand between commas, such as Authorization.",
    ),
    row(
        &["assign_hf_value2"],
        &[ASSIGNED, TEXT],
        |cx, args| {
            let text = args.header_value(cx, 1);
            change(cx, args, Some(&text), Form::Commas)
        },
        "As assign_hf_value, for headers whose parameters stand between commas, such as Authorization.",
    ).does(&[Does::WriteHeader]),
    row(
        &["include_hf_value"],
        &[HEADER, TEXT],
        include,
        "Adds a value to a header unless it has it, whatever the case.",
    ),
    row(
        &["exclude_hf_value"],
        &[HEADER, TEXT],
        exclude,
        "Removes a value from a header wherever it stands, whatever the case.",
    ),
    row(
        &["hf_value_exists"],
        &[HEADER, TEXT],
        |cx, args| Outcome::truth(has(cx, args)),
        "True when a header has this value, whatever the case.",
    ),
];

const TEXT: Arg = Arg::text("value");
const ROUTES: Routes = Routes::REQUEST.or(Routes::FAILURE).or(Routes::ONREPLY).or(Routes::BRANCH);

type Run = fn(&mut Context, &Args) -> Outcome;

const fn row(names: &'static [&'static str], args: &'static [Arg], run: Run, doc: &'static str) -> Function {
    Function { names, args, routes: ROUTES, run, does: &[], doc }
}

/// How parameters are separated.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Semicolons,
    Commas,
}

/// Where a text goes that is put before a place.
const fn at(place: u16) -> Extent {
    Extent { start: place, end: place }
}

fn line(selector: &Selector, text: &[u8]) -> Vec<u8> {
    [&selector.name[..], b": ", text, b"\r\n"].concat()
}

fn append(cx: &mut Context, args: &Args) -> Outcome {
    let Some(selector) = args.prepared::<Selector>(0) else { return Outcome::FALSE };
    let text = args.header_value(cx, 1);
    let Working { message, edits, .. } = &mut *cx.message;
    let index = match selector.which {
        Which::At(index) => Some(index),
        Which::Unsaid | Which::All => None,
    };
    match index.and_then(|index| selector.value(message, index)) {
        Some(value) => put(edits, value, value.whole.end, &text),
        None => edits.append(message, line(selector, &text)),
    }
    Outcome::TRUE
}

fn insert(cx: &mut Context, args: &Args) -> Outcome {
    let Some(selector) = args.prepared::<Selector>(0) else { return Outcome::FALSE };
    let text = args.header_value(cx, 1);
    let Working { message, edits, .. } = &mut *cx.message;
    match selector.which {
        Which::At(index) => match selector.value(message, index) {
            Some(value) => put(edits, value, value.whole.start, &text),
            None if index == 1 => edits.append(message, line(selector, &text)),
            None => return Outcome::FALSE,
        },
        Which::Unsaid | Which::All => match selector.key.headers(message).next() {
            Some(header) => edits.insert_before(header, line(selector, &text)),
            None => edits.append(message, line(selector, &text)),
        },
    }
    Outcome::TRUE
}

/// Puts a value among others.
fn put(edits: &mut Edits, among: Value, place: u16, text: &[u8]) {
    let with_comma = if place == among.header.value.end { [b",", text].concat() } else { [text, b","].concat() };
    edits.replace(at(place), with_comma);
}

fn has(cx: &mut Context, args: &Args) -> bool {
    let text = args.header_value(cx, 1);
    let message = &cx.message.message;
    let Some(selector) = args.prepared::<Selector>(0).filter(|_| !text.is_empty()) else { return false };
    selector.values(message).iter().any(|value| message.text(value.text).eq_ignore_ascii_case(&text))
}

fn include(cx: &mut Context, args: &Args) -> Outcome {
    let text = args.header_value(cx, 1);
    if text.is_empty() {
        return Outcome::FALSE;
    }
    if has(cx, args) {
        return Outcome::TRUE;
    }
    let Some(selector) = args.prepared::<Selector>(0) else { return Outcome::FALSE };
    let Working { message, edits, .. } = &mut *cx.message;
    match selector.key.headers(message).next() {
        Some(header) => edits.replace(at(header.value.end), [b",", &text[..]].concat()),
        None => edits.append(message, line(selector, &text)),
    }
    Outcome::TRUE
}

fn exclude(cx: &mut Context, args: &Args) -> Outcome {
    let text = args.header_value(cx, 1);
    let Some(selector) = args.prepared::<Selector>(0).filter(|_| !text.is_empty()) else { return Outcome::FALSE };
    let Working { message, edits, .. } = &mut *cx.message;
    for value in selector.values(message) {
        if message.text(value.text).eq_ignore_ascii_case(&text) {
            remove(edits, value);
        }
    }
    Outcome::TRUE
}

/// Removes a value with its comma, or the whole header with its only one.
fn remove(edits: &mut Edits, value: Value) {
    let body = value.header.value;
    if value.whole == body {
        return edits.remove_header(value.header);
    }
    let takes_comma_before = value.whole.end == body.end && value.whole.start > body.start;
    let start = value.whole.start - u16::from(takes_comma_before);
    edits.remove(Extent { start, end: value.whole.end });
}

/// Writes a value or parameter, or removes it without a text.
fn change(cx: &mut Context, args: &Args, text: Option<&[u8]>, form: Form) -> Outcome {
    let Some(selector) = args.prepared::<Selector>(0) else { return Outcome::FALSE };
    let Working { message, edits, .. } = &mut *cx.message;
    let index = match selector.which {
        Which::At(index) => index,
        Which::Unsaid => 1,
        Which::All if selector.parameter.is_empty() => {
            let mut any = false;
            for header in selector.key.headers(message) {
                edits.remove_header(header);
                any = true;
            }
            return Outcome::truth(any);
        }
        Which::All => {
            let mut any = false;
            for header in selector.key.headers(message) {
                let areas: Vec<Extent> = match form {
                    Form::Semicolons => values(message, header).iter().map(|value| value.text).collect(),
                    Form::Commas => vec![header.value],
                };
                for area in areas {
                    any |= change_parameter(message, edits, area, &selector.parameter, text, form);
                }
            }
            return Outcome::truth(any);
        }
    };
    let place = match form {
        Form::Semicolons => selector.value(message, index),
        Form::Commas => {
            selector.header(message, index).map(|header| Value { header, text: header.value, whole: header.value })
        }
    };
    let Some(value) = place else { return Outcome::FALSE };
    if !selector.parameter.is_empty() {
        return Outcome::truth(change_parameter(message, edits, value.text, &selector.parameter, text, form));
    }
    match text {
        Some(text) => edits.replace(value.text, text.to_vec()),
        None => remove(edits, value),
    }
    Outcome::TRUE
}

/// Writes a parameter of what stands in `area`, or removes every one of its name; false when there is none to remove.
fn change_parameter(
    message: &Message,
    edits: &mut Edits,
    area: Extent,
    name: &[u8],
    text: Option<&[u8]>,
    form: Form,
) -> bool {
    let bytes = message.text(area);
    let find = |from: usize| match form {
        Form::Semicolons => semicolon(bytes, name, from),
        Form::Commas => comma(bytes, name, from),
    };
    let Some(text) = text else {
        let (mut from, mut any) = (0, false);
        while let Found::Here { whole, .. } = find(from) {
            from = whole.end;
            any = true;
            edits.remove(Extent::from(whole).shifted(area.start));
        }
        return any;
    };
    let equals = if text.is_empty() { Vec::new() } else { [b"=", text].concat() };
    match find(0) {
        Found::Here { value, .. } => edits.replace(Extent::from(value).shifted(area.start), equals),
        Found::Missing { at: place, delimiter } => {
            let mut parameter: Vec<u8> = delimiter.into_iter().collect();
            parameter.extend_from_slice(name);
            parameter.extend_from_slice(&equals);
            edits.replace(Extent::new(place, place).shifted(area.start), parameter);
        }
    }
    true
}
