//! Commands for operators, as `kamcmd` gives them: a row beside the module's code.

use super::background::Background;

/// A command for operators: `dispatcher.set_state ip 1 sip:10.0.0.11`.
#[derive(Debug)]
pub struct Rpc {
    /// Its name, with that of its module before the dot.
    pub name: &'static str,
    /// Its parameters, as they are written: `STATE GROUP ADDRESS`.
    pub usage: &'static str,
    /// What it does, in a sentence.
    pub doc: &'static str,
    /// Does it; gives what is printed, line by line, or says why it cannot be done.
    pub run: fn(&mut Background, &[&str]) -> Result<Vec<String>, String>,
}
