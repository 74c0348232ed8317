//! The other host: a clock that jumps to the next deadline, wires between named peers, databases in memory.
//!
//! [`parse()`] reads a scenario; [`play()`] plays it against a [`node`](crate::node) and writes what happened as a ladder,
//! a text that two runs give alike. `alanui test` compares it with the ladder that was accepted.

mod against;
mod blocks;
mod call;
mod database;
mod digest;
mod dns;
mod expect;
mod fuzz;
mod keyword;
mod location;
mod operator;
mod pages;
mod parse;
mod peer;
mod play;
mod rows;
mod rtpengine;
mod scenario;
mod scene;
mod second_reader;
mod server;
mod stage;
mod steps;
mod streams;
mod surroundings;
mod text;
mod wires;
mod words;
mod world;

pub use against::{PeerSockets, against, decisions, left_out};
pub use fuzz::{Finding, FuzzOptions, Fuzzed, PROPERTIES, Property, fuzz};
pub use parse::{Reading, parse};
pub(crate) use peer::{Peer, reason_phrase};
pub use play::{Played, play};
pub use scenario::Scenario;
pub(crate) use scenario::{Answering, Extra, PeerLine, Sending, Status};
pub use server::Setting;
pub(crate) use text::Text;
pub(crate) use words::calendar;
