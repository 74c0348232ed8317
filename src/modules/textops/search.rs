//! Searching and replacing text of the message, line by line.

use super::HeaderKey;
use super::substitution::Changes;
use crate::builtin::{
    Arg, Args, Context, Fault, Function, LogLevel, Outcome, Prepare, Prepared, Regex, Template, anywhere,
};
use crate::sip::{Edits, Extent, Header, Message};
use std::ops::Range;

const PATTERN: &[Arg] = &[Arg::pattern("pattern")];
const PATTERN_AND_TEXT: &[Arg] = &[Arg::pattern("pattern"), Arg::literal("text")];
const TEXTS: &[Arg] = &[Arg::text("text"), Arg::text("replacement"), Arg::text("mode")];

pub(super) const SEARCH: Function = anywhere(
    &["search"],
    PATTERN,
    |cx, args| Outcome::truth(args.pattern(0).is_some_and(|pattern| pattern.is_match(cx.message.message.bytes()))),
    "True when the pattern matches somewhere in the message.",
);

pub(super) const SEARCH_BODY: Function = anywhere(
    &["search_body"],
    PATTERN,
    |cx, args| {
        let body = cx.message.message.body();
        Outcome::truth(!body.is_empty() && args.pattern(0).is_some_and(|pattern| pattern.is_match(body)))
    },
    "True when the pattern matches somewhere in the body.",
);

pub(super) const SEARCH_HF: Function = anywhere(
    &["search_hf"],
    &[HeaderKey::argument("header"), Arg::pattern("pattern"), Arg::custom("which", prepare_which)],
    search_hf,
    "True when the pattern matches the value of any (`a`), the first (`f`) or the last (`l`) header of this name.",
);

fn search_hf(cx: &mut Context, args: &Args) -> Outcome {
    let (Some(key), Some(pattern)) = (args.prepared::<HeaderKey>(0), args.pattern(1)) else { return Outcome::FALSE };
    let message = &cx.message.message;
    let fits = |header: &&Header| pattern.is_match(message.text(header.value));
    let which = args.prepared::<Which>(2).copied().unwrap_or(Which::Any);
    Outcome::truth(which.of(key.headers(message)).any(|header| fits(&header)))
}

/// Which headers of a name are meant.
#[derive(Clone, Copy)]
pub(super) enum Which {
    Any,
    First,
    Last,
}

impl Which {
    /// The headers meant.
    pub(super) fn of<'a>(
        self,
        mut headers: impl DoubleEndedIterator<Item = &'a Header>,
    ) -> impl Iterator<Item = &'a Header> {
        let (one, all) = match self {
            Which::Any => (None, Some(headers)),
            Which::First => (headers.next(), None),
            Which::Last => (headers.next_back(), None),
        };
        one.into_iter().chain(all.into_iter().flatten())
    }
}

pub(super) fn prepare_which(text: &Template, _: &mut Prepare) -> Result<Prepared, Fault> {
    Ok(Box::new(match text.constant().unwrap_or_default().first() {
        Some(b'a') => Which::Any,
        Some(b'f') => Which::First,
        Some(b'l') => Which::Last,
        _ => {
            return Err(
                Fault::new(format!("{text:?} does not say which headers")).help("write a, f or l: all, first, last")
            );
        }
    }))
}

pub(super) const SEARCH_APPEND: Function = anywhere(
    &["search_append"],
    PATTERN_AND_TEXT,
    |cx, args| search_append(cx, args, behind_first_line),
    "Adds text behind the first match after the first line; false without one.",
);

pub(super) const SEARCH_APPEND_BODY: Function = anywhere(
    &["search_append_body"],
    PATTERN_AND_TEXT,
    |cx, args| search_append(cx, args, in_body),
    "Adds text behind the first match in the body; false without one.",
);

fn search_append(cx: &mut Context, args: &Args, place: fn(&Message) -> Range<usize>) -> Outcome {
    let text = args.text(cx, 1);
    let message = &mut *cx.message;
    let Some(found) = args.pattern(0).and_then(|pattern| matches(&message.message, pattern, place).next()) else {
        return Outcome::FALSE;
    };
    let matched = message.message.bytes().get(found.clone()).unwrap_or_default();
    let longer = [matched, &text].concat();
    change(&message.message, &mut message.edits, vec![(found, longer)]);
    Outcome::TRUE
}

pub(super) const REPLACE: Function = anywhere(
    &["replace"],
    PATTERN_AND_TEXT,
    |cx, args| replace(cx, args, behind_first_line, 1),
    "Puts text in place of the first match after the first line; false without one.",
);

pub(super) const REPLACE_ALL: Function = anywhere(
    &["replace_all"],
    PATTERN_AND_TEXT,
    |cx, args| replace(cx, args, behind_first_line, usize::MAX),
    "Puts text in place of every match after the first line; false without one.",
);

pub(super) const REPLACE_BODY: Function = anywhere(
    &["replace_body"],
    PATTERN_AND_TEXT,
    |cx, args| replace(cx, args, in_body, 1),
    "Puts text in place of the first match in the body; false without one.",
);

pub(super) const REPLACE_BODY_ALL: Function = anywhere(
    &["replace_body_all"],
    PATTERN_AND_TEXT,
    |cx, args| replace(cx, args, in_body, usize::MAX),
    "Puts text in place of every match in the body; false without one.",
);

pub(super) const REPLACE_HDRS: Function = anywhere(
    &["replace_hdrs"],
    PATTERN_AND_TEXT,
    |cx, args| replace(cx, args, in_headers, 1),
    "Puts text in place of the first match in the headers; false without one.",
);

pub(super) const REPLACE_BODY_ATONCE: Function = anywhere(
    &["replace_body_atonce"],
    &[Arg::custom("pattern", prepare_whole), Arg::literal("text")],
    |cx, args| replace(cx, args, in_body, usize::MAX),
    "Puts text in place of every match in the body, which is searched as one text and not line by line.",
);

fn prepare_whole(text: &Template, cx: &mut Prepare) -> Result<Prepared, Fault> {
    let pattern = text.constant().ok_or_else(|| Fault::new("the pattern holds a variable"))?;
    let regex =
        Regex::new(&pattern, true, cx.extensions).map_err(|why| Fault::new(format!("the pattern is bad: {why}")))?;
    Ok(Box::new(regex))
}

fn replace(cx: &mut Context, args: &Args, place: fn(&Message) -> Range<usize>, most: usize) -> Outcome {
    let text = args.text(cx, 1);
    let Some(pattern) = args.pattern(0) else { return Outcome::FALSE };
    let found: Vec<_> = matches(&cx.message.message, pattern, place).take(most).collect();
    if found.iter().any(Range::is_empty) {
        cx.log(LogLevel::Error, "the pattern matches the empty text");
        return Outcome::FALSE;
    }
    finish(cx, found, &text)
}

pub(super) const REPLACE_STR: Function = anywhere(
    &["replace_str"],
    TEXTS,
    |cx, args| replace_str(cx, args, behind_first_line),
    "Puts a text in place of another after the first line: everywhere (mode `a`) or once (`f`).",
);

pub(super) const REPLACE_BODY_STR: Function = anywhere(
    &["replace_body_str"],
    TEXTS,
    |cx, args| replace_str(cx, args, in_body),
    "Puts a text in place of another in the body: everywhere (mode `a`) or once (`f`).",
);

pub(super) const REPLACE_HDRS_STR: Function = anywhere(
    &["replace_hdrs_str"],
    TEXTS,
    |cx, args| replace_str(cx, args, in_headers),
    "Puts a text in place of another in the headers: everywhere (mode `a`) or once (`f`).",
);

fn replace_str(cx: &mut Context, args: &Args, place: fn(&Message) -> Range<usize>) -> Outcome {
    let (wanted, text, mode) = (args.text(cx, 0), args.text(cx, 1), args.text(cx, 2));
    if wanted.is_empty() {
        return Outcome::TRUE;
    }
    let message = &cx.message.message;
    let range = place(message);
    let within = message.bytes().get(range.clone()).unwrap_or_default();
    let most = if matches!(mode.first(), Some(b'f' | b'F') | None) { 1 } else { usize::MAX };
    let found = memchr::memmem::find_iter(within, &wanted).take(most);
    let found = found.map(|at| range.start + at..range.start + at + wanted.len()).collect();
    finish(cx, found, &text);
    // Whether the text was found is not told.
    Outcome::TRUE
}

fn finish(cx: &mut Context, found: Vec<Range<usize>>, text: &[u8]) -> Outcome {
    if found.is_empty() {
        return Outcome::FALSE;
    }
    // A short text in place of many long ones: the run is about to be ended.
    let meter = &mut cx.core.meter;
    let changes = found.into_iter().map_while(|range| {
        meter.make(text.len());
        (!meter.is_spent()).then(|| (range, text.to_vec()))
    });
    let changes = changes.collect();
    let message = &mut *cx.message;
    change(&message.message, &mut message.edits, changes);
    Outcome::TRUE
}

/// Everything but the first line.
pub(super) fn behind_first_line(message: &Message) -> Range<usize> {
    usize::from(message.start_line().end)..message.bytes().len()
}

pub(super) fn in_body(message: &Message) -> Range<usize> {
    message.body_extent().range()
}

fn in_headers(message: &Message) -> Range<usize> {
    usize::from(message.start_line().end)..usize::from(message.end_of_headers())
}

/// The matches within a part of the message, as ranges of the message.
fn matches<'a>(
    message: &'a Message,
    pattern: &'a Regex,
    place: fn(&Message) -> Range<usize>,
) -> impl Iterator<Item = Range<usize>> + use<'a> {
    let range = place(message);
    let text = message.bytes().get(range.clone()).unwrap_or_default();
    pattern.find_all(text).map(move |found| range.start + found.start..range.start + found.end)
}

/// Makes changes at places of the message as it came. Those in the body are made together, for Content-Length follows the body that is written.
pub(super) fn change(message: &Message, edits: &mut Edits, changes: Changes) {
    let body = message.body_extent().range();
    let (inside, outside): (Vec<_>, Vec<_>) = changes.into_iter().partition(|(range, _)| range.start >= body.start);
    for (range, text) in outside {
        edits.replace(Extent::from(range), text);
    }
    if inside.is_empty() {
        return;
    }
    let came = message.body();
    let mut out = Vec::with_capacity(came.len() + 64);
    let mut written = 0;
    let earlier = edits.new_body().cloned();
    match earlier {
        None => {
            for (range, text) in inside {
                let (start, end) = (range.start - body.start, range.end - body.start);
                out.extend_from_slice(came.get(written..start).unwrap_or_default());
                out.extend_from_slice(&text);
                written = end;
            }
            out.extend_from_slice(came.get(written..).unwrap_or_default());
        }
        Some(changed) => {
            // The places are those of the body as it came: in the changed one each is found again by its text.
            let mut rest = &changed[..];
            for (range, text) in inside {
                let wanted = message.bytes().get(range).unwrap_or_default();
                if let Some((before, behind)) = memchr::memmem::find(rest, wanted)
                    .and_then(|at| Some((rest.get(..at)?, rest.get(at + wanted.len()..)?)))
                {
                    out.extend_from_slice(before);
                    out.extend_from_slice(&text);
                    rest = behind;
                }
            }
            out.extend_from_slice(rest);
        }
    }
    edits.replace_body(message, out);
}
