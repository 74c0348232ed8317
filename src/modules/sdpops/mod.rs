//! `sdpops`: the session description in the body: what it offers, and taking parts of it away.

mod codecs;
mod lines;
mod media;
mod session;
#[cfg(test)]
mod tests;
mod variables;

use super::line_walk::LineWalks;
use crate::builtin::{Context, Function, LogLevel, Module, count, join};
use crate::sip::{Extent, Message};
use session::{Missing, Sdp};

/// The module.
pub static MODULE: Module = Module {
    functions: &const { join::<_, { count(FUNCTIONS) }>(FUNCTIONS) },
    variables: variables::ROWS,
    ..Module::new("sdpops", "Asks about the session description in the body, and takes parts of it away.")
};

const FUNCTIONS: &[&[Function]] = &[media::ROWS, codecs::ROWS, lines::ROWS];

/// What the body describes.
fn sdp(cx: &mut Context) -> Result<Sdp, Missing> {
    look(cx, LogLevel::Error)
}

/// The same; a body of another kind is told of at this level.
fn look(cx: &mut Context, level: LogLevel) -> Result<Sdp, Missing> {
    let sdp = session::read(&cx.message.message);
    if matches!(sdp, Err(Missing::Bad)) {
        cx.log(level, "the body is no session description");
    }
    sdp
}

/// What the module keeps for one message.
#[derive(Debug, Default)]
struct Local {
    walks: LineWalks,
}

/// Whether the body is, or has among its parts, a session description that can be read.
pub(super) fn is_described(message: &Message) -> bool {
    session::read(message).is_ok()
}

/// Where the last session description of the body stands.
pub(super) fn description(message: &Message) -> Option<Extent> {
    session::read(message).ok().map(|sdp| sdp.raw).filter(|raw| !raw.is_empty())
}

/// Whether the body puts audio on hold, as `is_audio_on_hold` gives it: 1 by its address, 2 by its direction, else -1.
pub(super) fn audio_on_hold(message: &Message) -> i32 {
    let Ok(sdp) = session::read(message) else { return -1 };
    let is_hold = |mode: Option<Extent>| {
        let mode = mode.map(|mode| message.text(mode)).unwrap_or_default();
        mode.eq_ignore_ascii_case(b"sendonly") || mode.eq_ignore_ascii_case(b"inactive")
    };
    for session in &sdp.sessions {
        for stream in session.streams.iter().filter(|stream| message.text(stream.media) == b"audio") {
            if is_hold(stream.mode) {
                return 2;
            }
            let address = stream.address.or(session.address);
            if address.is_some_and(|address| message.text(address.text) == b"0.0.0.0") {
                return 1;
            }
            if is_hold(session.mode) {
                return 2;
            }
        }
    }
    -1
}
