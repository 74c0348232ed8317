//! A config that runs, and the change to another one while calls are in flight.
//!
//! Each transaction, and each run that waits, keeps the generation that it began in: its routes, timers, settings and modules are those of that config
//! until it has ended. Whatever arrives anew belongs to the current one. A generation is of one node, so that nothing of it is counted by two workers.

use crate::builtin::{Extensions, Related, RouteId, RouteKind, Settings, State};
use crate::script::Program;
use crate::transaction::Timers;
use std::sync::Arc;

/// A config, compiled and started.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its blocks.
    pub program: Arc<Program>,
    /// Its settings.
    pub settings: Arc<Settings>,
    /// The extensions in force.
    pub extensions: Extensions,
    /// What its modules made of their parameters, by [`ModuleId`](crate::builtin::ModuleId).
    pub modules: Arc<[Arc<dyn State>]>,
}

/// A config as a node runs it.
pub(super) struct Generation {
    /// How many there were before.
    pub(super) number: u32,
    pub(super) config: Config,
    /// The main blocks that messages start in.
    pub(super) request_route: Option<RouteId>,
    pub(super) reply_route: Option<RouteId>,
    /// `event_route[core:pre-routing]`.
    pub(super) before_routing: Option<RouteId>,
    /// Blocks that run in the middle of something else.
    pub(super) asides: Asides,
    /// The script asks replies for their request, or CANCELs for their INVITE.
    pub(super) relates: bool,
    pub(super) timers: Timers,
}

impl Generation {
    pub(super) fn new(number: u32, config: Config) -> Generation {
        // A list of its own: whoever holds a state through it counts where no other worker does.
        let modules = config.modules.iter().cloned().collect();
        let config = Config { modules, ..config };
        let Config { program, settings, .. } = &config;
        let transaction = &settings.transaction;
        Generation {
            number,
            request_route: program.route(RouteKind::Request, ""),
            reply_route: program.route(RouteKind::CoreReply, ""),
            before_routing: program.route(RouteKind::Event, "core:pre-routing"),
            asides: Asides::new(program, settings),
            relates: program.slots.len(Related::WANTED) > 0,
            timers: Timers {
                retr_t1: transaction.retr_timer1,
                retr_t2: transaction.retr_timer2,
                fr: transaction.fr_timer,
                fr_inv: transaction.fr_inv_timer,
                wait: transaction.wt_timer,
                max_inv_lifetime: transaction.max_inv_lifetime,
                max_noninv_lifetime: transaction.max_noninv_lifetime,
                restart_fr_on_each_reply: transaction.restart_fr_on_each_reply,
            },
            config,
        }
    }

    pub(super) fn program(&self) -> &Program {
        &self.config.program
    }
}

/// The blocks that run aside, by what starts them; a config without them pays for a look at a `None`.
pub(super) struct Asides {
    pub(super) onsend: Option<RouteId>,
    /// The same, when it runs for replies as well: `onsend_route_reply`.
    pub(super) onsend_reply: Option<RouteId>,
    pub(super) received: Option<RouteId>,
    pub(super) parse_error: Option<RouteId>,
    pub(super) local_response: Option<RouteId>,
    pub(super) transaction_response: Option<RouteId>,
    pub(super) filtered_ack: Option<RouteId>,
    pub(super) local_request: Option<RouteId>,
}

impl Asides {
    pub(super) fn new(program: &Program, settings: &Settings) -> Asides {
        use RouteKind::{Event, Onsend};
        let onsend = program.route(Onsend, "");
        let received = program.route(Event, "core:msg-received");
        Asides {
            onsend,
            onsend_reply: onsend.filter(|_| settings.onsend_route_reply),
            received: received.filter(|_| settings.received_route_mode),
            parse_error: program.route(Event, "core:receive-parse-error"),
            local_response: program.route(Event, "sl:local-response"),
            transaction_response: program.route(Event, "tm:local-response"),
            filtered_ack: program.route(Event, "sl:filtered-ack"),
            local_request: program.route(Event, "tm:local-request"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list that all workers share would be the one place that all of them write.
    #[test]
    fn who_looks_at_a_state_counts_where_no_other_worker_does() {
        let state: Arc<dyn State> = Arc::new(());
        let config = Config {
            program: Arc::default(),
            settings: Arc::default(),
            extensions: Extensions::default(),
            modules: Arc::from([state]),
        };
        let [one, other] = [0, 0].map(|number| Generation::new(number, config.clone()).config.modules);
        assert!(!Arc::ptr_eq(&one, &other) && !Arc::ptr_eq(&one, &config.modules));
        assert!(Arc::ptr_eq(&one[0], &other[0]), "what modules made is the same for all");
    }
}
