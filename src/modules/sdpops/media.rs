//! Functions for the media of a session description.

use super::sdp;
use super::session::{Missing, Stream};
use crate::builtin::{Arg, Args, Context, Function, LogLevel, Outcome, Value, anywhere};
use crate::sip::{Extent, Message};

/// The functions.
pub(super) const ROWS: &[Function] = &[
    anywhere(
        &["sdp_content"],
        &[],
        |cx, _| Outcome::truth(sdp(cx).is_ok()),
        "True when the body is, or holds, a session description that can be read.",
    ),
    anywhere(
        &["sdp_content"],
        &[Arg::literal("sloppy")],
        |cx, _| Outcome::truth(is_declared(&cx.message.message)),
        "True when the body says it is a session description, or that one of its parts is.",
    ),
    anywhere(
        &["sdp_with_ice"],
        &[],
        |cx, _| Outcome::truth(memchr::memmem::find(cx.message.message.body(), b"a=candidate").is_some()),
        "True when the body has an ICE candidate.",
    ),
    anywhere(
        &["sdp_get_address_family"],
        &[],
        address_family,
        "4 or 6: the kind of the address in the `c=` before all media; false without one.",
    ),
    anywhere(
        &["sdp_with_media"],
        MEDIA,
        |cx, args| any(cx, args, |message, stream, media| message.text(stream.media).eq_ignore_ascii_case(media)),
        "True when there is media of this kind: audio, video.",
    ),
    anywhere(
        &["sdp_with_active_media"],
        MEDIA,
        |cx, args| {
            any(cx, args, |message, stream, media| {
                message.text(stream.media).eq_ignore_ascii_case(media) && is_active(message, stream)
            })
        },
        "True when there is media of this kind with a port and not `inactive`.",
    ),
    anywhere(
        &["sdp_with_transport"],
        TRANSPORT,
        |cx, args| any(cx, args, |message, stream, wanted| message.text(stream.transport).eq_ignore_ascii_case(wanted)),
        "True when there is media of this transport, such as RTP/SAVP.",
    ),
    anywhere(
        &["sdp_with_transport_like"],
        TRANSPORT,
        |cx, args| {
            any(cx, args, |message, stream, wanted| {
                memchr::memmem::find(message.text(stream.transport), wanted).is_some()
            })
        },
        "True when there is media whose transport holds this text.",
    ),
    anywhere(
        &["sdp_transport"],
        &[Arg::target("avp")],
        common_transport,
        "Stores the transport that all media have; -2 when they differ.",
    ),
    anywhere(
        &["sdp_remove_media"],
        MEDIA,
        |cx, args| remove(cx, args, |stream| stream.media),
        "Removes the media of this kind with all their lines; false when there is none.",
    ),
    anywhere(
        &["sdp_remove_transport"],
        TRANSPORT,
        |cx, args| remove(cx, args, |stream| stream.transport),
        "Removes the media of this transport with all their lines; false when there is none.",
    ),
    anywhere(&["sdp_print"], &[Arg::int("level")], print, "Logs what the session description offers at this level."),
];

const MEDIA: &[Arg] = &[Arg::text("media")];
const TRANSPORT: &[Arg] = &[Arg::text("transport")];

fn is_declared(message: &Message) -> bool {
    if message.body().is_empty() {
        return false;
    }
    let Some(kind) = message.content_type() else { return true };
    let plain = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let holds_sdp = || message.body().to_ascii_lowercase();
    plain.eq_ignore_ascii_case(b"application/sdp")
        || plain.eq_ignore_ascii_case(b"multipart/mixed")
            && memchr::memmem::find(&holds_sdp(), b"application/sdp").is_some()
}

fn is_active(message: &Message, stream: &Stream) -> bool {
    let port = message.text(stream.port);
    let has_port = port.first().is_some_and(u8::is_ascii_digit)
        && port.iter().take_while(|byte| byte.is_ascii_digit()).any(|byte| *byte != b'0');
    has_port && stream.mode.is_none_or(|mode| !message.text(mode).eq_ignore_ascii_case(b"inactive"))
}

/// Whether a stream fits the first argument.
fn any(cx: &mut Context, args: &Args, fits: fn(&Message, &Stream, &[u8]) -> bool) -> Outcome {
    let wanted = args.text(cx, 0);
    let Ok(sdp) = sdp(cx) else { return Outcome::FALSE };
    let message = &cx.message.message;
    let mut streams = sdp.sessions.iter().flat_map(|session| &session.streams);
    Outcome::truth(streams.any(|stream| fits(message, stream, &wanted)))
}

fn address_family(cx: &mut Context, _: &Args) -> Outcome {
    let Ok(sdp) = sdp(cx) else { return Outcome::FALSE };
    Outcome::Return(match sdp.sessions.iter().find_map(|session| session.address) {
        Some(address) if address.is_v6 => 6,
        Some(_) => 4,
        None => -1,
    })
}

fn common_transport(cx: &mut Context, args: &Args) -> Outcome {
    let sdp = match sdp(cx) {
        Ok(sdp) => sdp,
        Err(Missing::Body) => return Outcome::TRUE,
        Err(Missing::Bad) => return Outcome::FALSE,
    };
    let message = &cx.message.message;
    let mut transports = sdp.sessions.iter().flat_map(|session| &session.streams).map(|stream| stream.transport);
    let Some(first) = transports.next() else { return Outcome::TRUE };
    if transports.any(|other| !message.text(other).eq_ignore_ascii_case(message.text(first))) {
        return Outcome::Return(-2);
    }
    let transport = Value::Text(message.slice(first));
    Outcome::truth(args.target(0).is_some_and(|target| target.assign(cx, transport).is_ok()))
}

/// Removes the streams whose part `part` is the first argument.
fn remove(cx: &mut Context, args: &Args, part: fn(&Stream) -> Extent) -> Outcome {
    let wanted = args.text(cx, 0);
    let Ok(sdp) = sdp(cx) else { return Outcome::FALSE };
    let message = &mut *cx.message;
    let mut found = false;
    for stream in sdp.sessions.iter().flat_map(|session| &session.streams) {
        if message.message.text(part(stream)).eq_ignore_ascii_case(&wanted) {
            message.edits.remove(stream.raw);
            found = true;
        }
    }
    Outcome::truth(found)
}

fn print(cx: &mut Context, args: &Args) -> Outcome {
    let level = LogLevel::from_number(args.int(cx, 0));
    let sdp = match sdp(cx) {
        Ok(sdp) => sdp,
        Err(Missing::Body) => return Outcome::TRUE,
        Err(Missing::Bad) => return Outcome::FALSE,
    };
    for (number, session) in sdp.sessions.iter().enumerate() {
        let text = |extent| String::from_utf8_lossy(cx.message.message.text(extent)).into_owned();
        let address = session.address.map_or_else(String::new, |address| text(address.text));
        let mut lines = vec![format!("session {number}: origin {}, address {address}", text(session.origin.text))];
        lines.extend(session.streams.iter().map(|stream| {
            let parts = [stream.media, stream.port, stream.transport, stream.formats].map(text);
            format!("session {number}: {}", parts.join(" "))
        }));
        lines.into_iter().for_each(|line| cx.log(level, line));
    }
    Outcome::TRUE
}
