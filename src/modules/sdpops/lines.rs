//! Functions for single lines of a session description.

use super::session::{Missing, lines};
use super::{Local, sdp};
use crate::builtin::{Arg, Args, Context, Function, LogLevel, Outcome, Value, anywhere};
use crate::modules::line_walk::{self, LineWalks};
use crate::sip::Extent;

/// The functions.
pub(super) const ROWS: &[Function] = &[
    anywhere(&["sdp_get"], &[Arg::target("avp")], store, "Stores the session description; -2 without a body."),
    anywhere(
        &["sdp_get_line_startswith"],
        &[Arg::target("avp"), Arg::text("prefix")],
        store_line,
        "Stores the first line that begins with the text, without its line end; -2 without a body.",
    ),
    anywhere(
        &["sdp_remove_line_by_prefix"],
        &[Arg::text("prefix"), Arg::text("media").optional()],
        remove,
        "Removes every line that begins with the text, everywhere or in the media of one kind.",
    ),
    anywhere(
        &["sdp_iterator_start"],
        NAME,
        start,
        "Puts an iterator before the first line of the session description.",
    ),
    anywhere(
        &["sdp_iterator_next"],
        NAME,
        |cx, args| line_walk::next(cx, args, walks),
        "Moves an iterator to the next line; false when there is none.",
    ),
    anywhere(&["sdp_iterator_end"], NAME, |cx, args| line_walk::end(cx, args, walks), "Ends an iterator."),
    anywhere(
        &["sdp_iterator_rm"],
        NAME,
        |cx, args| line_walk::edit(cx, args, walks, |message, line| message.edits.remove(line)),
        "Removes the line at which an iterator stands.",
    ),
    anywhere(
        &["sdp_iterator_append"],
        TEXT,
        |cx, args| put(cx, args, line_walk::behind),
        "Adds a text, given with its line end, behind the line at which an iterator stands.",
    ),
    anywhere(
        &["sdp_iterator_insert"],
        TEXT,
        |cx, args| put(cx, args, line_walk::before),
        "Adds a text, given with its line end, before the line at which an iterator stands.",
    ),
];

const NAME: &[Arg] = &[Arg::text("iterator")];
const TEXT: &[Arg] = &[Arg::text("iterator"), Arg::text("text")];

/// The iterators of this message.
pub(super) fn walks<'a>(cx: &'a mut Context) -> &'a mut LineWalks {
    &mut cx.local_of_message::<Local>().walks
}

fn store(cx: &mut Context, args: &Args) -> Outcome {
    let sdp = match sdp(cx) {
        Ok(sdp) => sdp,
        Err(Missing::Body) => return Outcome::Return(-2),
        Err(Missing::Bad) => return Outcome::FALSE,
    };
    let text = Value::Text(cx.message.message.slice(sdp.raw));
    Outcome::truth(args.target(0).is_some_and(|target| target.assign(cx, text).is_ok()))
}

fn store_line(cx: &mut Context, args: &Args) -> Outcome {
    let prefix = args.text(cx, 1);
    if prefix.is_empty() {
        cx.log(LogLevel::Error, "sdp_get_line_startswith: the text is empty");
        return Outcome::FALSE;
    }
    let sdp = match sdp(cx) {
        Ok(sdp) => sdp,
        Err(Missing::Body) => return Outcome::Return(-2),
        Err(Missing::Bad) => return Outcome::FALSE,
    };
    let message = &cx.message.message;
    let Some(line) = lines(message, sdp.raw).find(|line| is_line(message.text(*line), &prefix)) else {
        return Outcome::FALSE;
    };
    let length = message.text(line).strip_suffix(b"\r\n").map_or(line.len(), <[u8]>::len);
    let text = Value::Text(message.slice(Extent::new(line.start.into(), usize::from(line.start) + length)));
    Outcome::truth(args.target(0).is_some_and(|target| target.assign(cx, text).is_ok()))
}

/// Whether a line has a type and begins so.
fn is_line(line: &[u8], prefix: &[u8]) -> bool {
    line.get(1) == Some(&b'=') && line.starts_with(prefix)
}

fn remove(cx: &mut Context, args: &Args) -> Outcome {
    let (prefix, media) = (args.text(cx, 0), args.text(cx, 1));
    let Ok(sdp) = sdp(cx) else { return Outcome::FALSE };
    let message = &mut *cx.message;
    let streams = sdp.sessions.iter().flat_map(|session| &session.streams);
    let parts: Vec<Extent> = if media.is_empty() {
        vec![sdp.raw]
    } else {
        let fits = |text: Extent| message.message.text(text).eq_ignore_ascii_case(&media);
        streams.filter(|stream| fits(stream.media)).map(|stream| stream.raw).collect()
    };
    for line in parts.into_iter().flat_map(|part| lines(&message.message, part)) {
        if !prefix.is_empty() && is_line(message.message.text(line), &prefix) {
            message.edits.remove(line);
        }
    }
    Outcome::TRUE
}

fn start(cx: &mut Context, args: &Args) -> Outcome {
    let name = args.text(cx, 0);
    let Ok(sdp) = sdp(cx) else { return Outcome::FALSE };
    Outcome::truth(walks(cx).start(name, sdp.raw))
}

fn put(cx: &mut Context, args: &Args, place: fn(Extent) -> Extent) -> Outcome {
    let text = args.text(cx, 1);
    line_walk::edit(cx, args, walks, |message, line| message.edits.replace(place(line), text))
}
