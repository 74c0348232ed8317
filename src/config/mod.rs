//! Text to program.

pub mod ast;
