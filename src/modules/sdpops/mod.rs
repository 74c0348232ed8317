//! `sdpops`: the session description in the body: what it offers, and taking parts of it away.

mod codecs;
mod lines;
mod media;
mod session;
#[cfg(test)]
mod tests;
mod variables;

use super::line_walk::LineWalks;
use crate::builtin::{Arg, Args, Context, Function, LogLevel, Module, Outcome, Routes, count, join};
use session::{Missing, Sdp};

/// The module.
pub static MODULE: Module = Module {
    functions: &const { join::<_, { count(FUNCTIONS) }>(FUNCTIONS) },
    variables: variables::ROWS,
    ..Module::new("sdpops", "Asks about the session description in the body, and takes parts of it away.")
};

const FUNCTIONS: &[&[Function]] = &[media::ROWS, codecs::ROWS, lines::ROWS];

type Run = fn(&mut Context, &Args) -> Outcome;

const fn row(names: &'static [&'static str], args: &'static [Arg], run: Run, doc: &'static str) -> Function {
    Function { names, args, routes: Routes::ANY, run, doc }
}

/// What the body describes.
fn sdp(cx: &mut Context) -> Result<Sdp, Missing> {
    let sdp = session::read(&cx.message.message);
    if matches!(sdp, Err(Missing::Bad)) {
        cx.log(LogLevel::Error, "the body is no session description");
    }
    sdp
}

/// What the module keeps for one run of the script.
#[derive(Debug, Default)]
struct Local {
    walks: LineWalks,
}
