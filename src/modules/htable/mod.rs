//! `htable`: tables of values by key, in memory, shared by all calls.

mod expiry;
mod functions;
mod item;
mod iterator;
mod matching;
mod rpc;
mod spec;
mod table;
#[cfg(test)]
mod tests;
mod variables;

use super::lock::{Holding, Locks};
use crate::builtin::{
    Background, Changes, Context, Held, Module, Param, ParamGivenValue, Start, StartFault, State, Unit, Value, count,
    join,
};
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use table::Table;

/// The module.
pub static MODULE: Module = Module {
    functions: &const { join::<_, { count(FUNCTIONS) }>(FUNCTIONS) },
    params: PARAMS,
    variables: variables::ROWS,
    rpc: rpc::ROWS,
    events: &["htable:mod-init", "htable:expired:<table>"],
    start,
    ..Module::new("htable", "Tables of values by key, in memory, shared by all calls.")
};

const FUNCTIONS: &[&[crate::builtin::Function]] = &[functions::ROWS, matching::ROWS, iterator::ROWS];

static PARAMS: &[Param] = &[
    Param::absent(
        &["htable"],
        "A table: `name=>size=8;autoexpire=3600;updateexpire=0;initval=0`. Values expire after `autoexpire` seconds, counted anew with each write unless `updateexpire` is 0.",
    )
    .repeated(),
    Param::int(&["timer_interval"], "20", Unit::Seconds, "How often values that have expired are removed."),
    Param::int(&["timer_procs"], "0", Unit::None, "How many processes do so.").inert(),
    Param::absent(&["event_callback"], "A function of an embedded script for events.").without(Changes::Wire),
    Param::int(&["event_callback_mode"], "0", Unit::None, "Where that function is called.").inert(),
];

/// All tables.
#[derive(Debug)]
struct Htable {
    tables: Box<[Table]>,
    /// The table of each name that the config uses in `$sht(name=>key)`, by the slot of the name.
    by_slot: Box<[Option<usize>]>,
    locks: Arc<Locks>,
    period: Option<Duration>,
    has_begin: bool,
}

impl Htable {
    fn named(&self, name: &[u8]) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// The number of the lock for a key: keys of one slot of a table share one.
    fn lock_number(&self, table: &Table, key: &[u8]) -> u32 {
        let at = self.tables.iter().position(|its| std::ptr::eq(its, table)).unwrap_or(0);
        (at as u32) << 16 | table.slot_of(key) as u32
    }
}

/// What the module keeps for the blocks of one message.
#[derive(Debug, Default)]
struct Local {
    iterators: Vec<iterator::Iterator>,
    holding: Holding,
    /// The key and value that expired, in the event route for it.
    expired: Option<(Bytes, Value)>,
}

/// The name space of table names.
const SPACE: &str = "htable";

fn start(start: &mut Start) -> Result<Box<dyn State>, StartFault> {
    let mut tables: Vec<Table> = Vec::new();
    for given in start.params.all("htable") {
        let ParamGivenValue::Text(text) = &given.value else {
            return Err(StartFault::new("a table is defined by a text").at(given.span));
        };
        let fault = |message: String| {
            StartFault::new(message).at(given.span).help("write it as name=>size=8;autoexpire=3600;initval=0")
        };
        let room = table::MOST_OF_ALL - tables.iter().map(|table| table.slots.len()).sum::<usize>();
        let mut table = spec::read(text, room).map_err(fault)?;
        if tables.iter().any(|its| its.name == table.name) {
            return Err(fault(format!("the table {} is defined already", String::from_utf8_lossy(&table.name))));
        }
        let event = format!("htable:expired:{}", String::from_utf8_lossy(&table.name));
        table.has_event = start.events.iter().any(|(name, _)| *name == event);
        if let Some(first) = tables.first() {
            table.bytes = first.bytes.clone();
        }
        tables.push(table);
    }
    let by_slot = start.slots.names(SPACE).map(|name| tables.iter().position(|table| table.name == name)).collect();
    let interval = match start.params.int("timer_interval") {
        seconds @ 1.. => seconds.unsigned_abs(),
        _ => 20,
    };
    let period = tables.iter().any(|table| table.expires > 0).then(|| Duration::from_secs(interval));
    let has_begin = start.events.iter().any(|(name, _)| name == "htable:mod-init");
    Ok(Box::new(Htable { tables: tables.into(), by_slot, locks: Arc::default(), period, has_begin }))
}

impl State for Htable {
    fn begin(&self, cx: &mut Background) {
        expiry::begin(self, cx);
    }

    fn period(&self) -> Option<Duration> {
        self.period
    }

    fn tick(&self, cx: &mut Background) {
        expiry::tick(self, cx);
    }

    fn held(&self) -> Option<Held> {
        let first = self.tables.first()?;
        let count = self.tables.iter().map(Table::len).sum();
        Some(Held { count, bytes: first.bytes.load(Ordering::Relaxed), most: table::MOST_BYTES })
    }
}

/// The seconds that tables count in.
fn seconds(cx: &Context) -> u64 {
    cx.now.unix.as_secs()
}
