//! Walks through the headers and through the lines of the body.

use super::Local;
use crate::builtin::{
    Arg, Args, Context, Function, Key, KeyKind, LogLevel, Outcome, Value, Variable, Working, anywhere,
};
use crate::modules::line_walk::{self, LineWalks};
use crate::sip::{Extent, Header};
use bytes::Bytes;

/// The functions.
pub(super) const ROWS: &[Function] = &[
    anywhere(&["hf_iterator_start"], NAME, start, "Puts an iterator before the first header."),
    anywhere(&["hf_iterator_next"], NAME, next, "Moves an iterator to the next header; false when there is none."),
    anywhere(
        &["hf_iterator_prev"],
        NAME,
        previous,
        "Moves an iterator to the header before; from the first, to its start.",
    ),
    anywhere(&["hf_iterator_end"], NAME, end, "Ends an iterator."),
    anywhere(
        &["hf_iterator_rm"],
        NAME,
        |cx, args| edit(cx, args, |message, header| message.edits.remove_header(header)),
        "Removes the header at which an iterator stands.",
    ),
    anywhere(
        &["hf_iterator_append"],
        TEXT,
        |cx, args| {
            let text = args.lines(cx, 1);
            edit(cx, args, |message, header| message.edits.insert_after(header, text))
        },
        "Adds a text, given with its line end, behind the header at which an iterator stands.",
    ),
    anywhere(
        &["hf_iterator_insert"],
        TEXT,
        |cx, args| {
            let text = args.lines(cx, 1);
            edit(cx, args, |message, header| message.edits.insert_before(header, text))
        },
        "Adds a text, given with its line end, before the header at which an iterator stands.",
    ),
    anywhere(&["bl_iterator_start"], NAME, start_lines, "Puts an iterator before the first line of the body."),
    anywhere(
        &["bl_iterator_next"],
        NAME,
        |cx, args| line_walk::next(cx, args, lines),
        "Moves an iterator to the next line of the body; false when there is none.",
    ),
    anywhere(&["bl_iterator_end"], NAME, |cx, args| line_walk::end(cx, args, lines), "Ends an iterator."),
    anywhere(
        &["bl_iterator_rm"],
        NAME,
        |cx, args| line_walk::edit(cx, args, lines, |message, line| message.edits.remove(line)),
        "Removes the line at which an iterator stands.",
    ),
    anywhere(
        &["bl_iterator_append"],
        TEXT,
        |cx, args| put_line(cx, args, line_walk::behind),
        "Adds a text, given with its line end, behind the line at which an iterator stands.",
    ),
    anywhere(
        &["bl_iterator_insert"],
        TEXT,
        |cx, args| put_line(cx, args, line_walk::before),
        "Adds a text, given with its line end, before the line at which an iterator stands.",
    ),
];

/// The variables.
pub(super) const VARIABLES: &[Variable] = &[
    Variable::read(
        &["hfitname"],
        |cx, key, _| of_header(cx, key, |header| header.name_text),
        "The name of the header at which an iterator stands.",
    )
    .keyed(KeyKind::Text),
    Variable::read(
        &["hfitbody"],
        |cx, key, _| of_header(cx, key, |header| header.value),
        "The value of the header at which an iterator stands.",
    )
    .keyed(KeyKind::Text),
    Variable::read(
        &["blitval"],
        |cx, key, _| line_walk::value(cx, key, lines),
        "The line at which an iterator stands, with its line end.",
    )
    .keyed(KeyKind::Text),
];

const NAME: &[Arg] = &[Arg::text("iterator")];
const TEXT: &[Arg] = &[Arg::text("iterator"), Arg::text("text")];

/// As many as Kamailio has at once.
const MOST: usize = 4;

/// A walk through the headers.
#[derive(Debug)]
pub(super) struct HeaderWalk {
    name: Bytes,
    /// The place of the header it stands at.
    at: Option<usize>,
    /// It has come behind the last header.
    over: bool,
}

fn lines<'a>(cx: &'a mut Context) -> &'a mut LineWalks {
    &mut cx.local_of_message::<Local>().lines
}

fn walk<'a>(cx: &'a mut Context, name: &[u8]) -> Option<&'a mut HeaderWalk> {
    cx.local_of_message::<Local>().headers.iter_mut().find(|walk| walk.name == name)
}

fn start(cx: &mut Context, args: &Args) -> Outcome {
    let walk = HeaderWalk { name: args.text(cx, 0), at: None, over: false };
    let walks = &mut cx.local_of_message::<Local>().headers;
    match walks.iter().position(|its| its.name == walk.name) {
        Some(place) => walks[place] = walk,
        None if walks.len() < MOST => walks.push(walk),
        None => {
            cx.log(LogLevel::Error, format!("no more than {MOST} iterators can be used at once"));
            return Outcome::FALSE;
        }
    }
    Outcome::TRUE
}

fn next(cx: &mut Context, args: &Args) -> Outcome {
    let name = args.text(cx, 0);
    let count = cx.message.message.headers().len();
    let Some(walk) = walk(cx, &name) else { return missing(cx, &name) };
    if walk.over {
        return Outcome::FALSE;
    }
    let next = walk.at.map_or(0, |at| at + 1);
    walk.at = Some(next).filter(|next| *next < count);
    walk.over = walk.at.is_none();
    Outcome::truth(!walk.over)
}

fn previous(cx: &mut Context, args: &Args) -> Outcome {
    let name = args.text(cx, 0);
    let Some(walk) = walk(cx, &name) else { return missing(cx, &name) };
    if walk.over {
        return Outcome::FALSE;
    }
    walk.at = walk.at.and_then(|at| at.checked_sub(1));
    Outcome::TRUE
}

fn end(cx: &mut Context, args: &Args) -> Outcome {
    let name = args.text(cx, 0);
    let walks = &mut cx.local_of_message::<Local>().headers;
    match walks.iter().position(|walk| walk.name == name) {
        Some(at) => {
            walks.swap_remove(at);
            Outcome::TRUE
        }
        None => missing(cx, &name),
    }
}

fn edit(cx: &mut Context, args: &Args, edit: impl FnOnce(&mut Working, &Header)) -> Outcome {
    let name = args.text(cx, 0);
    let place = walk(cx, &name).and_then(|walk| walk.at);
    let header = place.and_then(|place| cx.message.message.headers().get(place).copied());
    match header {
        Some(header) => {
            edit(cx.message, &header);
            Outcome::TRUE
        }
        None => missing(cx, &name),
    }
}

fn missing(cx: &mut Context, name: &[u8]) -> Outcome {
    cx.log(LogLevel::Error, format!("the iterator {} stands at no header", String::from_utf8_lossy(name)));
    Outcome::FALSE
}

fn of_header(cx: &mut Context, key: &Key, part: fn(&Header) -> Extent) -> Value {
    let name = key.text(cx);
    let place = walk(cx, &name).and_then(|walk| walk.at);
    let message = &cx.message.message;
    Value::text_or_null(place.and_then(|place| message.headers().get(place)).map(|header| message.slice(part(header))))
}

fn start_lines(cx: &mut Context, args: &Args) -> Outcome {
    let name = args.text(cx, 0);
    let body = cx.message.message.body_extent();
    Outcome::truth(lines(cx).start(name, body))
}

fn put_line(cx: &mut Context, args: &Args, place: fn(Extent) -> Extent) -> Outcome {
    let text = args.text(cx, 1);
    line_walk::edit(cx, args, lines, |message, line| message.edits.replace(place(line), text))
}
