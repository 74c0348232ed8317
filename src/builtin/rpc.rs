//! Commands for operators, as `kamcmd` gives them: a row beside the module's code.

use super::background::Background;
use crate::world::{Answer, Question};

/// A command for operators: `dispatcher.set_state ip 1 sip:10.0.0.11`.
#[derive(Debug)]
pub struct Rpc {
    /// Its name, with that of its module before the dot.
    pub name: &'static str,
    /// Its parameters, as they are written: `STATE GROUP ADDRESS`.
    pub usage: &'static str,
    /// What it does, in a sentence.
    pub doc: &'static str,
    /// Does it, or says why it cannot be done.
    pub run: fn(&mut Background, &[&str]) -> RpcResult,
}

/// What a command did, or why it cannot be done.
pub type RpcResult = Result<Commanded, String>;

/// What a command did.
pub enum Commanded {
    /// It is done: what is printed, line by line.
    Done(Vec<String>),
    /// It asks the world outside first; `then` goes on with the answer. Calls go on meanwhile.
    Ask(Question, CommandThen),
}

/// Called with the answer to what a command has asked.
pub type CommandThen = Box<dyn FnOnce(&mut Background, Answer) -> RpcResult + Send>;

impl Commanded {
    /// Asks the world outside.
    pub fn ask(
        question: impl Into<Question>,
        then: impl FnOnce(&mut Background, Answer) -> RpcResult + Send + 'static,
    ) -> RpcResult {
        Ok(Commanded::Ask(question.into(), Box::new(then)))
    }
}
