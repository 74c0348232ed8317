//! The whole server, without I/O: bytes, answers and time go in; packets, queries and a trace come out.
//!
//! One node serves one worker's share of the calls. The contract with whoever drives it:
//!
//! 1. give it what arrived or is due, and do what it wants, by [`drive()`](crate::world::drive);
//! 2. take lines from `core.log`;
//! 3. sleep until [`Node::next`] or until something arrives; go to 1.
//!
//! It is made of four things, each of which knows those before it alone. What may make the next one act it says in what it gives back, or as data in
//! a queue (`Follow`, `Start`):
//!
//! ```text
//! Layer   transactions: what is kept, keys, timers; one at work with its machines   layer loops related work
//! Stack   SIP as the server speaks it: ways, bytes, replies; it runs no script      stack leave own_reply steps
//! Proxy   with blocks that see what it sends: relays, branches, what goes upstream  proxy respond relay upstream
//! Node    starts runs, lets them wait, and is what its driver calls                 request running own driver
//! ```
//!
//! Beside them stand how things are read, found, written, bounded and named (`address names via fault limits refusals share`), a config at work (`generation`), what is
//! kept of a transaction (`transaction machine table`), and what a run of the script is, and what waits (`run parked`).

mod address;
mod driver;
mod fault;
mod generation;
mod layer;
mod leave;
mod limits;
mod loops;
mod machine;
mod names;
mod own;
mod own_reply;
mod parked;
mod proxy;
mod refusals;
mod related;
mod relay;
mod request;
mod respond;
mod run;
mod running;
mod share;
mod stack;
mod steps;
mod table;
mod transaction;
mod upstream;
mod via;
mod work;

use crate::time::Tick;
use crate::world::Contract;
use generation::Generation;
use parked::Parked;
use proxy::Proxy;
use std::collections::VecDeque;
use std::sync::Arc;
use transaction::Due;

pub use generation::Config;
pub use limits::Limits;
pub use share::{Shares, call_id};
pub use stack::Statistics;

/// The whole server for one worker's share of the calls.
pub struct Node {
    proxy: Proxy,
    /// What it keeps at most.
    pub limits: Limits,
    /// Which calls are its own, where there are several nodes: those of its own requests are, so that their replies come back to it.
    pub share: Option<(Shares, usize)>,
    contract: Contract,
    /// The config that what arrives anew belongs to.
    current: Arc<Generation>,
    /// What waits for an answer.
    parked: Parked,
    stopping: bool,
    due: VecDeque<(Tick, Due)>,
}

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
