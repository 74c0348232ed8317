//! The whole server, without I/O: bytes, answers and time go in; packets, queries and a trace come out.
//!
//! One node serves one worker's share of the calls. The contract with whoever drives it:
//!
//! 1. give it what arrived or is due, and do what it wants, by [`drive()`](crate::world::drive);
//! 2. take lines from `core.log`;
//! 3. sleep until [`Node::next`] or until something arrives; go to 1.
//!
//! Its files from the bottom, where none uses one that stands further down in this list:
//!
//! ```text
//! address via fault limits refusals share            how things are read, written, bounded, named
//! generation transaction table layer loops related   a config at work; transactions and their machines
//! stack leave own_reply server                       SIP as the server speaks it: it runs no script
//! run parked                                         what a run of the script is, and what waits
//! driver                                             the node, and what its driver calls
//! request reply relay branch upstream respond        the steps of a message, which start runs and follow their ends
//! running own aside refuse recover
//! ```

mod address;
mod aside;
mod branch;
mod driver;
mod fault;
mod generation;
mod layer;
mod leave;
mod limits;
mod loops;
mod own;
mod own_reply;
mod parked;
mod recover;
mod refusals;
mod refuse;
mod related;
mod relay;
mod reply;
mod request;
mod respond;
mod run;
mod running;
mod server;
mod share;
mod stack;
mod table;
mod transaction;
mod upstream;
mod via;

pub use driver::{Node, Statistics};
pub use generation::Config;
pub use limits::Limits;

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
