//! A config that runs, and the change to another one while calls are in flight.
//!
//! Each transaction, and each run that waits, keeps the generation that it began in: its routes, timers, settings and modules are those of that config
//! until it has ended. Whatever arrives anew belongs to the current one. A generation is of one node, so that nothing of it is counted by two workers.

use super::aside::Asides;
use super::driver::Node;
use super::transaction::Due;
use crate::builtin::{Extensions, ModuleId, Related, RouteId, RouteKind, Settings, State};
use crate::script::Program;
use crate::time::Now;
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
    /// What its modules made of their parameters, by [`ModuleId`].
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

impl Node {
    /// Has whatever arrives from here on handled by another config; what is in flight ends as it began. `background` is whether modules work by the clock
    /// here, as in [`Node::new`]. The listeners stay those that were opened.
    #[cfg_attr(feature = "closed", expect(dead_code, reason = "for tests, until a command brings it about"))]
    pub fn replace(&mut self, now: Now, config: Config, background: bool) {
        let number = self.current.number.wrapping_add(1);
        self.current = Arc::new(Generation::new(number, config));
        self.enter_current();
        // Names stand at other places in another program.
        self.carried.forget(true);
        if background {
            self.begin_modules(now);
            self.start_clocks(now);
            self.obey(now);
        }
    }

    /// Goes on with what arrives anew.
    pub(super) fn enter_current(&mut self) {
        if !Arc::ptr_eq(&self.generation, &self.current) {
            self.enter(self.current.clone());
        }
    }

    /// Goes on as this generation; gives the one before.
    pub(super) fn enter(&mut self, generation: Arc<Generation>) -> Arc<Generation> {
        let Config { settings, extensions, modules, .. } = &generation.config;
        self.core.settings = settings.clone();
        self.core.extensions = *extensions;
        self.core.modules = modules.clone();
        std::mem::replace(&mut self.generation, generation)
    }

    /// Goes on as the generation of a transaction; gives the one before, where it is another.
    pub(super) fn enter_that_of(&mut self, id: crate::builtin::TransactionId) -> Option<Arc<Generation>> {
        let generation = &self.layer.table.get(id)?.generation;
        if Arc::ptr_eq(generation, &self.generation) {
            return None;
        }
        let generation = generation.clone();
        Some(self.enter(generation))
    }

    /// What a module of the current generation does by the clock; one of an earlier generation has stopped.
    pub(super) fn is_current(&self, number: u32) -> bool {
        self.current.number == number
    }
}

impl Due {
    /// The next turn of a module's clock.
    pub(super) fn tick(module: ModuleId, generation: &Generation) -> Due {
        Due::Module(module, generation.number)
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
