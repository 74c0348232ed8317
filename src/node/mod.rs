//! The whole server, without I/O: bytes, answers and time go in; packets, queries and a trace come out.
//!
//! One node serves one worker's share of the calls. The contract with whoever drives it:
//!
//! 1. give it what arrived or is due, and do what it wants, by [`drive()`](crate::world::drive);
//! 2. take lines from `core.log`;
//! 3. sleep until [`Node::next`] or until something arrives; go to 1.

mod address;
mod aside;
mod branch;
mod driver;
mod generation;
mod layer;
mod loops;
mod own;
mod parked;
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

pub use driver::{Limits, Node, Statistics};
pub use generation::Config;

/// How many bytes the parts of a call take by themselves, for the benchmark that watches them.
#[cfg_attr(feature = "closed", expect(dead_code, reason = "for tests and benchmarks"))]
pub fn sizes() -> [(&'static str, usize); 5] {
    [
        ("Transaction", size_of::<transaction::Transaction>()),
        ("Branch", size_of::<transaction::Branch>()),
        ("Run", size_of::<run::Run>()),
        ("Working", size_of::<crate::builtin::Working>()),
        ("Message", size_of::<crate::sip::Message>()),
    ]
}
pub use share::{Shares, call_id};
