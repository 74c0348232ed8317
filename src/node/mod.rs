//! The whole server, without I/O: bytes, answers and time go in; packets, queries and a trace come out.
//!
//! One node serves one worker's share of the calls. The contract with whoever drives it:
//!
//! 1. hand it what arrived ([`Node::receive`], [`Node::answer`], [`Node::unsent`]) or the time ([`Node::expire`]);
//! 2. take what it wants from [`Node::output`] (and lines from `core.log`): packets first, in order, then queries;
//! 3. sleep until [`Node::next`] or until something arrives; go to 1.

mod address;
mod aside;
mod branch;
mod driver;
mod loops;
mod own;
mod recover;
mod refuse;
mod related;
mod relay;
mod reply;
mod request;
mod respond;
mod run;
mod server;
mod share;
mod table;
mod transaction;
mod upstream;
mod via;

pub use driver::{Datagram, EffectId, Limits, Node, Output, Statistics, Transmit};
pub use share::{Shares, call_id};
