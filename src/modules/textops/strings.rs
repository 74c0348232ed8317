//! Comparing and searching texts that have nothing to do with the message.

use crate::builtin::{Arg, Args, Context, Does, Form, Function, LogLevel, Outcome, Routes, Value};
use bytes::Bytes;
use std::cmp::Ordering;

const TWO: &[Arg] = &[Arg::text("text"), Arg::text("other")];

/// A row that compares two texts.
const fn two(names: &'static [&'static str], run: fn(&mut Context, &Args) -> Outcome, doc: &'static str) -> Function {
    Function { names, args: TWO, routes: Routes::ANY, run, does: &[], doc }
}

fn texts(cx: &mut Context, args: &Args) -> (Bytes, Bytes) {
    (args.text(cx, 0), args.text(cx, 1))
}

/// 1 when both are the same, -1 when the first comes later in the order of bytes, -2 when it comes earlier.
fn compared(text: &[u8], other: &[u8]) -> Outcome {
    Outcome::Return(match text.cmp(other) {
        Ordering::Equal => 1,
        Ordering::Greater => -1,
        Ordering::Less => -2,
    })
}

pub(super) const CMP_STR: Function = two(
    &["cmp_str"],
    |cx, args| {
        let (text, other) = texts(cx, args);
        compared(&text, &other)
    },
    "True when both texts are the same.",
);

pub(super) const CMP_ISTR: Function = two(
    &["cmp_istr"],
    |cx, args| {
        let (text, other) = texts(cx, args);
        compared(&text.to_ascii_lowercase(), &other.to_ascii_lowercase())
    },
    "True when both texts are the same but for case.",
);

pub(super) const STARTS_WITH: Function = two(
    &["starts_with"],
    |cx, args| {
        let (text, other) = texts(cx, args);
        text.get(..other.len()).map_or(Outcome::FALSE, |start| compared(start, &other))
    },
    "True when the first text begins with the second.",
)
.does(&[Does::AskPrefix]);

pub(super) const ENDS_WITH: Function = two(
    &["ends_with"],
    |cx, args| {
        let (text, other) = texts(cx, args);
        let start = text.len().checked_sub(other.len());
        start.and_then(|start| text.get(start..)).map_or(Outcome::FALSE, |end| compared(end, &other))
    },
    "True when the first text ends with the second.",
);

pub(super) const STR_FIND: Function = two(
    &["str_find"],
    |cx, args| {
        let (text, other) = texts(cx, args);
        // Kamailio finds the empty text at the end, but whatever the case at the start.
        if other.is_empty() { Outcome::Return(text.len() as i32 + 1) } else { place(&text, &other) }
    },
    "Where the first text holds the second, counted from 1; false when it does not.",
);

pub(super) const STR_IFIND: Function = two(
    &["str_ifind"],
    |cx, args| {
        let (text, other) = texts(cx, args);
        place(&text.to_ascii_lowercase(), &other.to_ascii_lowercase())
    },
    "Where the first text holds the second whatever the case, counted from 1; false when it does not.",
);

fn place(text: &[u8], other: &[u8]) -> Outcome {
    let found = memchr::memmem::find(text, other);
    match found.and_then(|at| i32::try_from(at + 1).ok()) {
        Some(place) => Outcome::Return(place),
        None => Outcome::FALSE,
    }
}

pub(super) const STR_ANY_IN: Function = two(
    &["str_any_in"],
    |cx, args| {
        let (text, letters) = texts(cx, args);
        Outcome::truth(text.iter().any(|letter| letters.contains(letter)))
    },
    "True when the first text holds one of the letters of the second.",
);

pub(super) const STR_ALL_IN: Function = two(
    &["str_all_in"],
    |cx, args| {
        let (text, letters) = texts(cx, args);
        Outcome::truth(!letters.is_empty() && letters.iter().all(|letter| text.contains(letter)))
    },
    "True when the first text holds all letters of the second.",
);

pub(super) const SEARCH_STR: Function = Function {
    names: &["search_str"],
    args: &[Arg::text("text"), Arg::text("pattern")],
    routes: Routes::ANY,
    run: search_str,
    does: &[],
    doc: "True when the pattern matches a line of the text; case is ignored. 2 for an empty pattern, -2 for an empty text or a bad pattern.",
};

fn search_str(cx: &mut Context, args: &Args) -> Outcome {
    let (text, pattern) = texts(cx, args);
    if pattern.is_empty() {
        return Outcome::Return(2);
    }
    let compiled = cx.core.regexes.compile_by_line(&pattern, cx.core.extensions);
    match compiled.filter(|_| !text.is_empty()) {
        Some(compiled) => Outcome::truth(compiled.is_match(&text)),
        None => Outcome::Return(-2),
    }
}

const LIST: &[Arg] = &[Arg::text("text"), Arg::text("list"), Arg::text("separator").form(Form::Character)];

pub(super) const IN_LIST: Function = Function {
    names: &["in_list"],
    args: LIST,
    routes: Routes::ANY,
    run: |cx, args| in_list(cx, args, |text, item| text == item),
    does: &[],
    doc: "True when the text is one of a list; the separator is a single character.",
};

pub(super) const IN_LIST_PREFIX: Function = Function {
    names: &["in_list_prefix"],
    args: LIST,
    routes: Routes::ANY,
    run: |cx, args| in_list(cx, args, |text, item| !item.is_empty() && text.starts_with(item)),
    does: &[],
    doc: "True when the text begins with one of a list; the separator is a single character.",
};

fn in_list(cx: &mut Context, args: &Args, fits: fn(&[u8], &[u8]) -> bool) -> Outcome {
    let (text, list) = texts(cx, args);
    let separator = args.text(cx, 2);
    let [separator] = separator[..] else {
        cx.log(LogLevel::Error, "the separator of a list is a single character");
        return Outcome::FALSE;
    };
    let mut items = list.split(|byte| *byte == separator).map(<[u8]>::trim_ascii);
    Outcome::truth(!text.is_empty() && items.any(|item| fits(&text, item)))
}

pub(super) const REGEX_SUBSTRING: Function = Function {
    names: &["regex_substring"],
    args: &[Arg::text("text"), Arg::text("pattern"), Arg::int("group"), Arg::int("groups"), Arg::target("target")],
    routes: Routes::REQUEST.or(Routes::FAILURE).or(Routes::BRANCH).or(Routes::ONREPLY),
    run: regex_substring,
    does: &[],
    doc: "Stores the text of one group (0 is the whole match) of the first match; `groups` is how many are looked at. -2 without a match.",
};

fn regex_substring(cx: &mut Context, args: &Args) -> Outcome {
    let (text, pattern) = texts(cx, args);
    let (group, groups) = (args.int(cx, 2), args.int(cx, 3));
    let (Ok(place), true) = (usize::try_from(group), group < groups) else {
        cx.log(LogLevel::Error, "regex_substring: the group is not among those looked at");
        return Outcome::FALSE;
    };
    let Some(pattern) = cx.core.regexes.compile(&pattern, cx.core.extensions) else {
        cx.log(LogLevel::Error, "regex_substring: the pattern is bad");
        return Outcome::FALSE;
    };
    let Some(found) = pattern.groups_at(&text, 0) else { return Outcome::Return(-2) };
    let found = found.get(place).cloned().flatten().map(|range| text.slice(range));
    let Some(target) = args.target(4) else { return Outcome::FALSE };
    match found {
        Some(found) => Outcome::truth(target.assign(cx, Value::Text(found)).is_ok()),
        None => Outcome::FALSE,
    }
}
