//! SIP as the server speaks it, whatever scripts want of it.

use super::generation::{Config, Generation};
use super::layer::Layer;
use super::machine::ServerEvent;
use super::refusals::Refusals;
use super::table::Table;
use super::transaction::{Due, Transaction};
use super::work::Work;
use crate::builtin::{Core, Counter, TransactionId};
use crate::time::Now;
use crate::transaction::{Seed, Wheel};
use crate::world::{Datagram, Want};
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::Arc;

/// What handles transactions, makes replies and sends: it runs no script. What follows for scripts from what it does is told by what its methods give back.
pub(super) struct Stack {
    /// What scripts see of the worker; the driver takes its log and its trace.
    pub(super) core: Core,
    /// The config at work: that of the transaction, or run, at hand. `core` has its settings, extensions and modules.
    pub(super) generation: Arc<Generation>,
    pub(super) layer: Layer,
    /// What is wanted of the driver, in order.
    pub(super) wants: VecDeque<Want>,
    pub(super) tag_prefix: [u8; 32],
    pub(super) next_message: u64,
    /// What is being handled.
    pub(super) at_hand: Option<AtHand>,
    /// Transactions that have ended while a run waits for them, which goes on with what they left.
    pub(super) left: Vec<Transaction>,
    pub(super) statistics: Statistics,
    pub(super) refusals: Refusals,
    /// Reused for writing.
    pub(super) buffer: Vec<u8>,
    pub(super) via: Vec<u8>,
}

/// What a node has counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Requests received.
    pub requests: u64,
    /// Replies received.
    pub replies: u64,
    /// Packets that are not SIP, or cannot be answered.
    pub garbage: u64,
    /// Requests that came back as they were.
    pub loops: u64,
    /// Messages, timers and answers that a fault of ours ended.
    pub broken: u64,
    /// Packets dropped because too much waits already.
    pub overloaded: u64,
}

/// What a node is in the middle of: a fault of ours ends it, and nothing else.
#[derive(Debug, Clone)]
pub(super) enum AtHand {
    /// A packet, of this call once that is known.
    Packet(Datagram, Option<u64>),
    /// A run of a call that goes on.
    Run(u64),
    /// What was due.
    Due(Due),
}

impl Stack {
    /// A stack without transactions.
    pub(super) fn new(mut core: Core, generation: Arc<Generation>) -> Stack {
        let seed = Seed::new(core.random.bits(), core.random.bits());
        let mut digits = Vec::with_capacity(32);
        core.random.hex(&mut digits);
        core.random.hex(&mut digits);
        let mut tag_prefix = [b'0'; 32];
        tag_prefix.copy_from_slice(&digits[..32]);
        let first = tag_prefix[..8].iter().fold(0u32, |number, digit| number.rotate_left(4) ^ u32::from(*digit));
        Stack {
            core,
            generation,
            layer: Layer { table: Table::new(first), wheel: Wheel::new(), seed, follows: VecDeque::new() },
            wants: VecDeque::new(),
            tag_prefix,
            next_message: 0,
            at_hand: None,
            left: Vec::new(),
            statistics: Statistics::default(),
            refusals: Refusals::default(),
            buffer: Vec::with_capacity(2048),
            via: Vec::with_capacity(128),
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
    pub(super) fn enter_that_of(&mut self, id: TransactionId) -> Option<Arc<Generation>> {
        let generation = &self.layer.table.get(id)?.generation;
        if Arc::ptr_eq(generation, &self.generation) {
            return None;
        }
        let generation = generation.clone();
        Some(self.enter(generation))
    }

    /// A transaction at work.
    pub(super) fn work(&mut self, now: Now, id: TransactionId) -> Option<Work<'_>> {
        let Layer { table, wheel, seed, follows } = &mut self.layer;
        let open = table.open(id)?;
        Some(Work { open, now, wheel, seed, follows, core: &self.core, wants: &mut self.wants })
    }

    /// Hands an event to the machine towards the caller; `bytes` is the reply that the event is about.
    pub(super) fn server_event(&mut self, now: Now, id: TransactionId, event: ServerEvent, bytes: Option<Bytes>) {
        if self.work(now, id).is_some_and(|mut work| work.server_event(event, bytes)) {
            self.end_transaction(id);
        }
    }

    /// Forgets a transaction.
    pub(super) fn end_transaction(&mut self, id: TransactionId) {
        if let Some(transaction) = self.layer.remove(id) {
            self.core.counters.add(const { Counter::named("inuse_transactions") }, -1);
            if !transaction.is_answered() {
                self.core.counters.add(const { Counter::named("active_transactions") }, -1);
            }
            if transaction.waiting > 0 {
                self.left.push(*transaction);
            }
        }
    }
}
