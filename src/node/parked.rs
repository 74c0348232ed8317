//! What waits for an answer, each under its ticket, and the messages of the same calls that wait behind it.

use super::generation::Generation;
use super::limits::Limits;
use super::names::Name;
use super::run::{Asking, Run};
use crate::builtin::{CommandThen, Held, ModuleId, OwnRequest, Rpc, TransactionId};
use crate::world::{Caller, Datagram, Ticket};
use rustc_hash::FxHashMap;
use std::any::Any;
use std::collections::VecDeque;
use std::sync::Arc;

/// Messages of one call that may wait; more are dropped, for their sender repeats them.
const MAX_QUEUE: usize = 64;

/// Who waits.
pub(super) enum Waiting {
    /// A run of the script.
    Run(Box<Run>),
    /// A run whose request is on its way.
    Sending(Box<Asking>),
    /// A request of a module's own that goes to a name.
    Own(Arc<Generation>, Box<(OwnRequest, Name)>),
    /// A module, with what its statements were about, each at its place, should the database not take them.
    Statements(Arc<Generation>, ModuleId, Vec<Option<Box<dyn Any + Send>>>),
    /// A module, for what was found under this tag of its own.
    Service(Arc<Generation>, ModuleId, u64),
    /// An operator's command, which goes on with the answer.
    Command(Arc<Generation>, Commanding, CommandThen),
}

impl Waiting {
    /// About how many bytes a run takes that waits.
    pub(super) fn size(&self) -> usize {
        match self {
            Waiting::Run(run) => run.size(),
            Waiting::Sending(asking) => asking.size(),
            Waiting::Own(..) | Waiting::Statements(..) | Waiting::Service(..) | Waiting::Command(..) => 0,
        }
    }

    /// The run of the script that waits.
    pub(super) fn run(&mut self) -> Option<&mut Run> {
        match self {
            Waiting::Run(run) => Some(run),
            Waiting::Sending(asking) => Some(asking.run()),
            Waiting::Own(..) | Waiting::Statements(..) | Waiting::Service(..) | Waiting::Command(..) => None,
        }
    }
}

/// A command of an operator.
#[derive(Clone, Copy)]
pub(super) struct Commanding {
    pub(super) caller: Caller,
    pub(super) module: ModuleId,
    pub(super) row: &'static Rpc,
}

/// What becomes of a message whose call may have somebody who waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Turn {
    /// It is its turn.
    Now,
    /// It waits behind others.
    Later,
    /// Too many wait already.
    Never,
}

/// All who wait.
#[derive(Default)]
pub(super) struct Parked {
    waiting: FxHashMap<Ticket, Waiting>,
    runs: Amount,
    /// Calls with runs that wait.
    calls: FxHashMap<u64, Queue>,
    packets: Amount,
    next: u64,
}

/// So many, of so many bytes.
#[derive(Clone, Copy, Default)]
struct Amount {
    count: usize,
    bytes: usize,
}

impl Amount {
    fn add(&mut self, bytes: usize) {
        self.count += 1;
        self.bytes += bytes;
    }

    fn take(&mut self, bytes: usize) {
        self.count = self.count.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    fn held(self, most: usize) -> Held {
        Held { count: self.count, bytes: self.bytes, most }
    }
}

/// Messages of one call that wait.
#[derive(Default)]
struct Queue {
    waiting: VecDeque<Datagram>,
    /// Runs of this call that wait.
    runs: u32,
}

impl Parked {
    /// Lets somebody wait.
    pub(super) fn park(&mut self, mut waiting: Waiting) -> Ticket {
        if let Some(run) = waiting.run() {
            self.runs.add(run.weight);
            self.calls.entry(run.call).or_default().runs += 1;
        }
        let ticket = Ticket(self.next);
        self.next += 1;
        self.waiting.insert(ticket, waiting);
        ticket
    }

    /// Who waits no more: the answer is there. `None` when nobody did.
    pub(super) fn take(&mut self, ticket: Ticket) -> Option<Waiting> {
        let mut waiting = self.waiting.remove(&ticket)?;
        if let Some(run) = waiting.run() {
            self.runs.take(run.weight);
            if let Some(queue) = self.calls.get_mut(&run.call) {
                queue.runs = queue.runs.saturating_sub(1);
            }
        }
        Some(waiting)
    }

    /// The call of the run that waits under this ticket.
    pub(super) fn call(&mut self, ticket: Ticket) -> Option<u64> {
        self.waiting.get_mut(&ticket)?.run().map(|run| run.call)
    }

    /// The runs that hold on to a transaction.
    pub(super) fn of_transaction(&mut self, id: TransactionId) -> impl Iterator<Item = &mut Run> {
        self.waiting.values_mut().filter_map(Waiting::run).filter(move |run| run.transaction() == Some(id))
    }

    /// Whether no further run may wait.
    pub(super) fn is_crowded(&self, limits: &Limits) -> bool {
        self.runs.count >= limits.parked || self.runs.bytes >= limits.waiting
    }

    /// Whether no call has anybody who waits.
    pub(super) fn is_quiet(&self) -> bool {
        self.calls.is_empty()
    }

    /// Whether somebody of this call waits.
    pub(super) fn holds(&self, call: u64) -> bool {
        self.calls.get(&call).is_some_and(|queue| queue.runs > 0)
    }

    /// When it is the turn of a message of this call; one that waits is kept.
    pub(super) fn turn(&mut self, call: u64, datagram: &Datagram, limits: &Limits) -> Turn {
        let Some(queue) = self.calls.get_mut(&call).filter(|queue| queue.runs > 0) else { return Turn::Now };
        if queue.waiting.len() >= MAX_QUEUE || self.packets.bytes >= limits.waiting {
            return Turn::Never;
        }
        queue.waiting.push_back(datagram.clone());
        self.packets.add(datagram.bytes.len());
        Turn::Later
    }

    /// The next message of a call, once nobody of it waits any more.
    pub(super) fn next_of(&mut self, call: u64) -> Option<Datagram> {
        let queue = self.calls.get_mut(&call).filter(|queue| queue.runs == 0)?;
        match queue.waiting.pop_front() {
            Some(datagram) => {
                self.packets.take(datagram.bytes.len());
                Some(datagram)
            }
            None => {
                self.calls.remove(&call);
                None
            }
        }
    }

    /// Forgets all of a call.
    pub(super) fn drop_call(&mut self, call: u64) {
        let runs = &mut self.runs;
        self.waiting.retain(|_, waiting| match waiting.run() {
            Some(run) if run.call == call => {
                runs.take(run.weight);
                false
            }
            _ => true,
        });
        for datagram in self.calls.remove(&call).map(|queue| queue.waiting).unwrap_or_default() {
            self.packets.take(datagram.bytes.len());
        }
    }

    /// Whether neither a run nor a message waits, nor what a module has to be sure of.
    pub(super) fn is_idle(&self) -> bool {
        let matters = |waiting: &Waiting| !matches!(waiting, Waiting::Service(..) | Waiting::Own(..));
        self.packets.count == 0 && !self.waiting.values().any(matters)
    }

    /// How much waits: runs, and packets behind them.
    pub(super) fn held(&self, limits: &Limits) -> [Held; 2] {
        [self.runs.held(limits.waiting), self.packets.held(limits.waiting)]
    }
}
