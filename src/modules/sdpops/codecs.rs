//! Functions for the codecs of a session description, by payload type or by name.

use super::sdp;
use super::session::{Missing, Sdp, Stream, lines};
use crate::builtin::{Arg, Args, Context, Function, Outcome, anywhere};
use crate::sip::{Edits, Extent, Message};

/// The functions.
pub(super) const ROWS: &[Function] = &[
    anywhere(
        &["sdp_remove_codecs_by_id"],
        CODECS,
        |cx, args| change(cx, args, By::Id, false),
        "Removes these payload types, separated by commas, from the media, or from those of one kind.",
    ),
    anywhere(
        &["sdp_remove_codecs_by_name"],
        CODECS,
        |cx, args| change(cx, args, By::Name, false),
        "Removes these codecs, separated by commas, from the media, or from those of one kind. False when none of them is known.",
    ),
    anywhere(
        &["sdp_keep_codecs_by_id"],
        CODECS,
        |cx, args| change(cx, args, By::Id, true),
        "Removes all payload types but these, separated by commas, from the media, or from those of one kind.",
    ),
    anywhere(
        &["sdp_keep_codecs_by_name"],
        CODECS,
        |cx, args| change(cx, args, By::Name, true),
        "Removes all codecs but these, separated by commas, from the media, or from those of one kind. False when none of them is known.",
    ),
    anywhere(
        &["sdp_with_codecs_by_id"],
        &[Arg::text("codecs")],
        |cx, args| with(cx, args, By::Id),
        "1 when every media has all of these payload types, 2 when some are missing somewhere, false when none is there.",
    ),
    anywhere(
        &["sdp_with_codecs_by_name"],
        &[Arg::text("codecs")],
        |cx, args| with(cx, args, By::Name),
        "1 when every media has all of these codecs, 2 when some are missing somewhere, false when none is there.",
    ),
];

const CODECS: &[Arg] = &[Arg::text("codecs"), Arg::text("media").optional()];

/// How codecs are named.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Id,
    Name,
}

/// Payload types that need no `a=rtpmap` (RFC 3551 section 6), by the codec's name.
const STATIC: &[(&[u8], &[&[u8]])] = &[
    (b"PCMU", &[b"0"]),
    (b"GSM", &[b"3"]),
    (b"G723", &[b"4"]),
    (b"DVI4", &[b"5", b"6", b"16", b"17"]),
    (b"LPC", &[b"7"]),
    (b"PCMA", &[b"8"]),
    (b"G722", &[b"9"]),
    (b"L16", &[b"10", b"11"]),
    (b"QCELP", &[b"12"]),
    (b"CN", &[b"13"]),
    (b"MPA", &[b"14"]),
    (b"G728", &[b"15"]),
    (b"G729", &[b"18"]),
];

/// The payload types that a list stands for.
fn ids<'a>(message: &'a Message, sdp: &Sdp, list: &'a [u8], by: By) -> Vec<&'a [u8]> {
    let items = list.split(|byte| *byte == b',').map(<[u8]>::trim_ascii_start);
    // Nothing counts behind an empty item.
    let items = items.take_while(|item| !item.is_empty());
    if by == By::Id {
        return items.collect();
    }
    let mut found = Vec::new();
    for name in items {
        match STATIC.iter().find(|(its, _)| its.eq_ignore_ascii_case(name)) {
            Some((_, ids)) => found.extend_from_slice(ids),
            None => {
                let streams = sdp.sessions.iter().flat_map(|session| &session.streams);
                found.extend(streams.flat_map(|stream| mapped(message, stream, name)));
            }
        }
    }
    found
}

/// The payload types that a stream maps to this codec.
fn mapped<'a>(message: &'a Message, stream: &Stream, name: &[u8]) -> Vec<&'a [u8]> {
    let maps = lines(message, stream.raw).filter_map(|line| {
        let line = message.text(line);
        let map = line.get(..9).filter(|start| start.eq_ignore_ascii_case(b"a=rtpmap:")).and(line.get(9..))?;
        let blank = map.iter().position(|byte| *byte == b' ')?;
        let (id, codec) = map.split_at_checked(blank)?;
        let codec = codec.trim_ascii().split(|byte| *byte == b'/').next()?;
        codec.eq_ignore_ascii_case(name).then_some(id)
    });
    let offered: Vec<&[u8]> = formats(message, stream).map(|(id, _)| id).collect();
    maps.filter(|id| offered.contains(id)).collect()
}

/// The payload types of a stream, each with what is to go when it is removed: itself and the blank before it.
fn formats<'a>(message: &'a Message, stream: &Stream) -> impl Iterator<Item = (&'a [u8], Extent)> + use<'a> {
    let (text, base) = (message.text(stream.formats), stream.formats.start);
    let mut start = 0;
    text.split(|byte| *byte == b' ').filter_map(move |id| {
        let place = Extent::new(start, start + id.len()).shifted(base);
        start += id.len() + 1;
        let place = Extent { start: place.start.saturating_sub(1), ..place };
        (!id.is_empty()).then_some((id, place))
    })
}

/// Removes the payload types of the first argument from the streams of the second, or all but these.
fn change(cx: &mut Context, args: &Args, by: By, keep: bool) -> Outcome {
    let (list, media) = (args.text(cx, 0), args.text(cx, 1));
    let Ok(sdp) = sdp(cx) else { return Outcome::FALSE };
    let working = &mut *cx.message;
    let message = &working.message;
    let wanted = ids(message, &sdp, &list, by);
    if by == By::Name && wanted.is_empty() {
        return Outcome::FALSE;
    }
    for stream in sdp.sessions.iter().flat_map(|session| &session.streams) {
        if !media.is_empty() && !message.text(stream.media).eq_ignore_ascii_case(&media) {
            continue;
        }
        let mut gone: Vec<&[u8]> = Vec::new();
        for (id, place) in formats(message, stream) {
            // One that is offered twice goes once.
            if wanted.contains(&id) != keep && !gone.contains(&id) {
                gone.push(id);
                working.edits.remove(place);
                remove_attributes(message, stream, id, &mut working.edits);
            }
        }
    }
    Outcome::TRUE
}

/// Removes the lines that describe a payload type.
fn remove_attributes(message: &Message, stream: &Stream, id: &[u8], edits: &mut Edits) {
    const DESCRIBING: [&[u8]; 3] = [b"a=rtpmap:", b"a=fmtp:", b"a=rtcp-fb:"];
    for line in lines(message, stream.raw) {
        let text = message.text(line);
        let describes = |start: &&[u8]| {
            let (its, rest) = text.split_at_checked(start.len())?;
            let rest = Some(rest).filter(|_| its.eq_ignore_ascii_case(start))?;
            rest.strip_prefix(id)?.starts_with(b" ").then_some(())
        };
        if DESCRIBING.iter().any(|start| describes(start).is_some()) {
            edits.remove(line);
        }
    }
}

fn with(cx: &mut Context, args: &Args, by: By) -> Outcome {
    let list = args.text(cx, 0);
    let sdp = match (sdp(cx), by) {
        (Ok(sdp), _) => sdp,
        (Err(Missing::Body | Missing::Bad), By::Id) => return Outcome::Return(-2),
        (Err(Missing::Body | Missing::Bad), By::Name) => return Outcome::FALSE,
    };
    let message = &cx.message.message;
    let wanted = ids(message, &sdp, &list, by);
    let (mut found, mut missing) = (false, false);
    for stream in sdp.sessions.iter().flat_map(|session| &session.streams) {
        for id in &wanted {
            let has = formats(message, stream).any(|(its, _)| its == *id);
            (found, missing) = (found || has, missing || !has);
        }
    }
    Outcome::Return(match (found, missing) {
        (false, _) => -1,
        (true, false) => 1,
        (true, true) => 2,
    })
}
