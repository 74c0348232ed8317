//! `dispatcher`: sends requests to one of a set of destinations, and knows which of them are well.
//!
//! `set` holds the destinations, `table` reads them, `select` has the algorithms, `failover` the list that follows a message, `probe` the pings,
//! `health` what their results mean, `load` the calls that each destination carries, `question` what scripts only ask.

mod failover;
mod health;
mod latency;
mod load;
mod params;
mod probe;
mod question;
mod rpc;
mod select;
mod set;
mod table;

pub use health::{Health, Thresholds};
pub use set::{Attributes, Destination, Live, Set, Sets};

use crate::builtin::{
    Arg, Background, Context, Does, Function, KeyKind, LogLevel, Module, Routes, StartFault, State, Template, Variable,
    World,
};
use crate::modules::place::Place;
use arc_swap::ArcSwap;
use bytes::Bytes;
use load::Loads;
use probe::Probing;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use table::{Names, Source};

/// The module.
pub static MODULE: Module = Module {
    functions: FUNCTIONS,
    params: params::PARAMS,
    variables: &[
        Variable::read(
            &["dsv"],
            question::event,
            "In an event route of this module: $dsv(code) and $dsv(reason) of the reply that changed the state.",
        )
        .keyed(KeyKind::Text),
        Variable::read(
            &["dsg"],
            question::group,
            "What ds_dsg_fetch found: $dsg(count), active, inactive, and in percent pactive and pinactive.",
        )
        .keyed(KeyKind::Text),
    ],
    events: &["dispatcher:dst-up", "dispatcher:dst-down"],
    rpc: rpc::ROWS,
    start: params::start,
    ..Module::new("dispatcher", "Spreads requests over sets of destinations and pings them.")
};

const REQUEST_OR_FAILURE: Routes = Routes::REQUEST.or(Routes::FAILURE);
const SELECTION: &[Arg] = &[Arg::int("set"), Arg::int("algorithm"), Arg::int("limit").optional()];

static FUNCTIONS: &[Function] = &[
    Function {
        names: &["ds_select_dst"],
        args: SELECTION,
        routes: REQUEST_OR_FAILURE,
        run: failover::select_dst,
        does: &[Does::Choose, Does::SelectDestination, Does::SelectByAlgorithm],
        doc: "Chooses a destination of a set by an algorithm and makes it the next hop, $du; false when none can be used. Algorithms: 0 Call-ID, 1 From URI, 2 To URI, 3 Request-URI, 4 round robin, 5 digest user, 6 random, 7 hash_pvar, 8 first by priority, 9 weight, 10 call load, 11 relative weight, 12 all at once, 13 latency.",
    },
    Function {
        names: &["ds_select_domain"],
        args: SELECTION,
        routes: REQUEST_OR_FAILURE,
        run: failover::select_domain,
        does: &[Does::Choose, Does::SelectDestination, Does::SelectByAlgorithm],
        doc: "The same, but the destination becomes the host part of the Request-URI.",
    },
    Function {
        names: &["ds_select"],
        args: SELECTION,
        routes: Routes::ANY,
        run: failover::select_only,
        does: &[Does::Choose, Does::SelectDestination, Does::SelectByAlgorithm],
        doc: "The same, but only the list of destinations is made.",
    },
    Function {
        names: &["ds_select_routes"],
        args: &[Arg::text("rules"), Arg::text("mode"), Arg::int("limit").optional()],
        routes: REQUEST_OR_FAILURE,
        run: failover::select_routes,
        does: &[Does::SelectDestination],
        doc: "Selects from several sets in turn, as \"1=4;2=8\" says; mode 0 writes $du, 1 the Request-URI, 2 nothing.",
    },
    Function {
        names: &["ds_next_dst"],
        args: &[],
        routes: REQUEST_OR_FAILURE,
        run: failover::next_dst,
        does: &[Does::Choose, Does::NextDestination],
        doc: "Makes the next destination of the list the next hop; false when there is no other.",
    },
    Function {
        names: &["ds_next_domain"],
        args: &[],
        routes: REQUEST_OR_FAILURE,
        run: failover::next_domain,
        does: &[Does::Choose, Does::NextDestination],
        doc: "The same for the host part of the Request-URI.",
    },
    Function {
        names: &["ds_set_dst"],
        args: &[],
        routes: REQUEST_OR_FAILURE,
        run: failover::set_dst,
        does: &[],
        doc: "Makes the first destination of the list the next hop.",
    },
    Function {
        names: &["ds_set_domain"],
        args: &[],
        routes: REQUEST_OR_FAILURE,
        run: failover::set_domain,
        does: &[],
        doc: "The same for the host part of the Request-URI.",
    },
    Function {
        names: &["ds_mark_dst"],
        args: &[Arg::literal("state").optional()],
        routes: REQUEST_OR_FAILURE.or(Routes::ONREPLY),
        run: failover::mark_dst,
        does: &[Does::MarkDestination],
        doc: "Sets the state of the destination in use: a active, i inactive, t trying, d disabled, with p to ping it as well; inactive when nothing is given.",
    },
    Function {
        names: &["ds_mark_addr"],
        args: &[Arg::text("state"), Arg::int("set"), Arg::text("uri")],
        routes: Routes::ANY,
        run: failover::mark_addr,
        does: &[],
        doc: "The same for a destination named by set and URI.",
    },
    Function {
        names: &["ds_list_exists", "ds_list_exist"],
        args: &[Arg::int("set")],
        routes: Routes::ANY,
        run: question::list_exists,
        does: &[],
        doc: "Whether there is such a set.",
    },
    Function {
        names: &["ds_is_active"],
        args: &[Arg::int("set"), Arg::text("uri").optional()],
        routes: Routes::ANY,
        run: question::is_active,
        does: &[],
        doc: "Whether a set has a destination that can be used, or this one can be.",
    },
    Function {
        names: &["ds_is_from_list"],
        args: &[Arg::int("set").optional(), Arg::int("mode").optional(), Arg::text("uri").optional()],
        routes: Routes::ANY,
        run: question::is_from_list,
        does: &[Does::CheckSource, Does::AskDestinations],
        doc: "Whether the sender, or a URI, is a destination of a set, or of any set without one or with -1. Mode: 1 ignores the port, 2 the transport, 4 counts only the active.",
    },
    Function {
        names: &["ds_load_update"],
        args: &[],
        routes: Routes::ANY,
        run: question::load_update,
        does: &[Does::CountLoad],
        doc: "Ends the call's share of the load on BYE and CANCEL, and confirms it on a 2xx to INVITE.",
    },
    Function {
        names: &["ds_load_unset"],
        args: &[],
        routes: Routes::ANY,
        run: question::load_unset,
        does: &[Does::EndLoad],
        doc: "Ends the call's share of the load.",
    },
    Function {
        names: &["ds_reload"],
        args: &[],
        routes: Routes::ANY,
        run: question::reload,
        does: &[Does::ReloadDestinations],
        doc: "Asks for the destinations to be read again; it happens after this message.",
    },
    Function {
        names: &["ds_dsg_fetch"],
        args: &[Arg::int("set")],
        routes: Routes::ANY,
        run: question::fetch,
        does: &[],
        doc: "Counts the destinations of a set for $dsg.",
    },
];

/// What the module knows.
#[derive(Debug)]
pub struct Dispatcher {
    sets: ArcSwap<Sets>,
    source: Source,
    names: Names,
    load_all: bool,
    mark_plain: bool,
    keep_latency: bool,
    user_only: bool,
    failover: bool,
    use_default: bool,
    force: bool,
    xavp_dst: Bytes,
    xavp_mode: i64,
    xavp_ctx: Bytes,
    xavp_ctx_mode: i64,
    socket: Option<Bytes>,
    socket_name: Option<Bytes>,
    hash_of: Option<Template>,
    found_set: Option<Place>,
    found_attributes: Option<Place>,
    thresholds: Thresholds,
    probing: Probing,
    loads: Option<Loads>,
    check_loads: Duration,
    loads_checked: AtomicU64,
    // What start and reloads have to say, until somebody can log it.
    notes: Mutex<Vec<(LogLevel, String)>>,
}

impl Dispatcher {
    /// The sets as they stand.
    pub fn sets(&self) -> Arc<Sets> {
        self.sets.load_full()
    }

    fn count_call(&self, cx: &Context, destination: &Arc<Destination>) -> bool {
        let call_id = cx.message.message.call_id();
        self.loads.as_ref().is_some_and(|loads| loads.add(call_id, destination, cx.now.tick))
    }
}

// Destinations without attributes get one that scripts can test for, when wanted.
fn marked(mut destinations: Vec<Destination>, mark_plain: bool) -> Vec<Destination> {
    for destination in destinations.iter_mut().filter(|its| mark_plain && its.attributes.text.is_empty()) {
        destination.attributes.text = Bytes::from_static(b"none=yes");
    }
    destinations
}

impl State for Dispatcher {
    fn period(&self) -> Option<Duration> {
        match (self.probing.interval.is_zero(), &self.loads) {
            (false, _) => Some(self.probing.interval),
            (true, Some(_)) => Some(self.check_loads),
            (true, None) => None,
        }
    }

    fn tick(&self, cx: &mut Background) {
        if let Ok(mut notes) = self.notes.lock() {
            notes.drain(..).for_each(|(level, text)| cx.core.log(level, text));
        }
        if let Some(loads) = &self.loads {
            let now = cx.now.tick.as_micros();
            let due = Duration::from_micros(now.saturating_sub(self.loads_checked.load(Ordering::Relaxed)));
            if due >= self.check_loads {
                self.loads_checked.store(now, Ordering::Relaxed);
                loads.expire(cx.now.tick);
            }
        }
        if !self.probing.interval.is_zero() {
            self.ping(cx);
        }
    }

    fn replied(&self, tag: u64, code: u16, cx: &mut Background) {
        self.answered(tag, code, cx);
    }

    fn kept_back(&self, tag: u64) {
        self.forget(tag);
    }

    fn reload(&self, world: &mut dyn World) -> Result<(), StartFault> {
        let loaded = self.source.load(world, self.names, self.load_all)?;
        let mut sets = Sets::new(marked(loaded.destinations, self.mark_plain));
        sets.inherit(&self.sets.load(), self.keep_latency);
        self.sets.store(Arc::new(sets));
        if let Ok(mut notes) = self.notes.lock() {
            notes.extend(loaded.log);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
