//! What an operator does: `rpc`, `reload`, `stop`.

use super::blocks::Block;
use super::keyword::{Keyword, Misread, Said};
use super::parse::Parser;
use super::play::{Happens, Play};
use super::scenario::Action;
use super::surroundings::Telling;
use super::words::Word;
use crate::source::Span;

/// The words.
pub(super) static KEYWORDS: &[&Keyword] = &[
    &Keyword { name: "rpc", usage: "rpc dispatcher.set_state ip 1 sip:10.0.0.11:5060", has_lines: false, read: rpc },
    &Keyword { name: "reload", usage: "reload dispatcher", has_lines: false, read: reload },
    &Keyword { name: "stop", usage: "stop", has_lines: false, read: stop },
];

fn rpc(_: &mut Parser, block: &Block, words: &[Word]) -> Result<Said, Misread> {
    if words.is_empty() {
        return Err(Misread::Form);
    }
    Ok(Said::Happens(Action::host(Command(block.rest().to_owned()))))
}

fn reload(_: &mut Parser, _: &Block, words: &[Word]) -> Result<Said, Misread> {
    match words {
        [module] => Ok(Said::Happens(Action::host(Reload(module.text.clone())))),
        _ => Err(Misread::Form),
    }
}

fn stop(_: &mut Parser, _: &Block, words: &[Word]) -> Result<Said, Misread> {
    if words.is_empty() { Ok(Said::Happens(Action::host(Stop))) } else { Err(Misread::Form) }
}

/// `rpc dispatcher.set_state ip 1 sip:10.0.0.11`
#[derive(Debug)]
struct Command(String);

impl Happens for Command {
    fn happen(&self, play: &mut Play, span: Span) {
        play.command(&self.0, Telling::Command(self.0.clone()), span);
    }
}

/// `reload dispatcher`
#[derive(Debug)]
struct Reload(String);

impl Happens for Reload {
    fn happen(&self, play: &mut Play, span: Span) {
        if !play.is_running(span) {
            return;
        }
        let at = play.around.modules.iter().position(|its| its.name == self.0);
        match at {
            Some(at) => play.around.reload_module(at),
            None => play.around.scene.stuck(span, format!("the config loads no module {}", self.0)),
        }
    }
}

#[derive(Debug)]
struct Stop;

impl Happens for Stop {
    fn happen(&self, play: &mut Play, span: Span) {
        if play.is_running(span) {
            play.stop();
        }
    }
}
