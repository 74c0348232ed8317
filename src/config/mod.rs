//! Text to program.
//!
//! [`preprocess`] follows includes and defines and remembers where every byte came from; [`parse`] cuts the result into
//! top-level items and turns each into the tree of [`ast`], keeping what it can when a part does not parse.

pub mod ast;
mod literal;
pub mod parse;
pub mod preprocess;

pub use parse::parse_config;
pub use preprocess::{CommandLine, Environment, Options};

#[cfg(test)]
mod tests;
