//! `usrloc`: where registered users can be reached.
//!
//! `contact` has what is known of a contact and the order of those of one address, `table` the records of all addresses, `store` their way to a database
//! and back, `expiry` what the clock does to them.

pub mod contact;
mod expiry;
pub mod keepalive;
pub mod methods;
mod params;
pub mod preference;
mod rpc;
mod store;
pub mod table;

use crate::builtin::{
    Background, ConnectionId, Ending, Fault, Held, Module, ModuleId, Prepare, Prepared, State, Template,
};
use crate::sip::Message;
use bytes::Bytes;
use keepalive::{Keepalive, SECOND};
use std::any::Any;
use std::io::Write;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
pub use store::{Change, Store};
use table::Table;

/// The module.
pub static MODULE: Module = Module {
    params: params::PARAMS,
    rpc: rpc::ROWS,
    start: params::start,
    ..Module::new("usrloc", "Knows where registered users can be reached.")
};

/// The name space of table names.
pub const SPACE: &str = "location table";

/// How contacts of one address are told apart: `matching_mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matching {
    /// By their URI.
    Contact,
    /// By their URI and the Call-ID that registered them.
    ContactAndCallId,
    /// By their URI and Path.
    ContactAndPath,
    /// By the Call-ID that registered them.
    CallId,
}

/// What decides how records change.
#[derive(Debug)]
pub struct Rules {
    /// How contacts are told apart.
    pub matching: Matching,
    /// How long a request that comes again is passed over, in seconds: `cseq_delay`.
    pub cseq_delay: u64,
    /// The contact registered last comes first, whatever its q: `desc_time_order`.
    pub newest_first: bool,
    /// A database keeps them beside the memory: `db_mode` 1 and 2.
    pub stores: bool,
    /// It is written by the clock: `db_mode` 2.
    pub writes_later: bool,
}

/// Where contacts are kept: `db_mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// 0: in memory.
    Memory,
    /// 1: in memory, and written to the database at once.
    WriteThrough,
    /// 2: in memory, and written to the database by the clock.
    WriteBack,
    /// 3: in the database only.
    DatabaseOnly,
    /// 4: in memory, loaded from the database once.
    ReadOnly,
}

/// What the module knows.
#[derive(Debug)]
pub struct Usrloc {
    /// By the slot of the name, then those that only `preload` names.
    pub tables: Box<[Table]>,
    /// How records change.
    pub rules: Rules,
    /// Where contacts are kept.
    pub mode: Mode,
    /// Users of different domains are different: `use_domain`.
    pub use_domain: bool,
    /// The branch flag of contacts behind NAT as a mask, 0 for none: `nat_bflag`.
    pub nat_flag: u32,
    /// The way to the database, when there is one.
    pub store: Option<Store>,
    period: Duration,
    /// A contact expires with its connection: `handle_lost_tcp`.
    lost_connections: bool,
    /// A connection ends with its contact: `close_expired_tcp`.
    closes_connections: bool,
    /// The clock removes from the database what has expired, by so many seconds: `rm_expired_delay`.
    cleans_after: Option<u64>,
    /// The module that runs `event_route[usrloc:contact-expired]`, when the config has it.
    on_expired: Option<ModuleId>,
    /// Contacts are pinged.
    keepalive: Option<Keepalive>,
    ids: Ids,
}

/// Makes the names of records.
#[derive(Debug, Default)]
struct Ids {
    prefix: OnceLock<Bytes>,
    last: AtomicU64,
}

impl Usrloc {
    /// A new name for a record: no other record of this database has it, whichever server wrote that.
    pub fn new_id(&self, now: u64, random: &mut crate::builtin::Random) -> Bytes {
        let prefix = self.ids.prefix.get_or_init(|| Bytes::from(format!("uloc-{now:x}-{:x}", random.below(1 << 24))));
        let mut id = prefix.to_vec();
        // Writing to a Vec does not fail.
        let _ = write!(id, "-{:x}", self.ids.last.fetch_add(1, Ordering::Relaxed) + 1);
        Bytes::from(id)
    }

    /// A table by name.
    pub fn named(&self, name: &[u8]) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }
}

/// The name of a table, as an argument of a function.
#[derive(Debug, Clone, Copy)]
pub struct TableSlot(u32);

impl TableSlot {
    /// The table.
    pub fn of(self, state: &Usrloc) -> Option<&Table> {
        state.tables.get(self.0 as usize)
    }
}

/// Prepares the name of a table: it is there from the start because a function names it.
///
/// # Errors
/// A name that is empty or holds a variable.
pub fn prepare_table(text: &Template, cx: &mut Prepare) -> Result<Prepared, Fault> {
    match text.constant().filter(|name| !name.is_empty()) {
        Some(name) => Ok(Box::new(TableSlot(cx.slot(SPACE, &name)))),
        None => Err(Fault::new("the name of a table is a constant").help("write it as \"location\"")),
    }
}

/// An address of record as Kamailio's tables have it: without its domain unless domains count, in small letters unless case does.
pub fn aor_of_operator(text: &str, use_domain: bool) -> Result<String, String> {
    match (text.split_once('@'), use_domain) {
        (None, true) => Err(format!("{text} has no domain")),
        (Some((user, _)), false) => Ok(user.to_ascii_lowercase()),
        (_, _) => Ok(text.to_ascii_lowercase()),
    }
}

impl State for Usrloc {
    fn held(&self) -> Option<Held> {
        let all = self.tables.iter().map(|table| table.held());
        all.reduce(|one, other| Held {
            count: one.count + other.count,
            bytes: one.bytes + other.bytes,
            most: one.most + other.most,
        })
    }

    fn begin(&self, cx: &mut Background) {
        if let Some(store) = &self.store {
            store.fill(self, cx);
        }
    }

    fn period(&self) -> Option<Duration> {
        Some(if self.keepalive.is_some() { SECOND } else { self.period })
    }

    fn tick(&self, cx: &mut Background) {
        let Some(keepalive) = &self.keepalive else { return expiry::tick(self, cx) };
        // What expires does so once a round, which is as long as `timer_interval`.
        if keepalive.tick(self, cx) {
            expiry::tick(self, cx);
        }
    }

    fn answered(&self, reply: &Message, cx: &mut Background) {
        if let Some(keepalive) = &self.keepalive {
            keepalive.reply(self, reply, cx);
        }
    }

    fn gone(&self, connection: ConnectionId, cx: &mut Background) {
        if self.lost_connections {
            expiry::lose(self, connection, cx);
        }
    }

    fn end(&self, cx: &mut Ending) -> Result<(), String> {
        expiry::end(self, cx)
    }

    fn refused(&self, about: Box<dyn Any + Send>) {
        if let Ok(unwritten) = about.downcast::<expiry::Unwritten>() {
            unwritten.again(self);
        }
    }
}
