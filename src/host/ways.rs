//! The ways of a worker to the world: sockets, connections, databases and other services.

use super::connections::Connections;
use super::effects::services::Services;
use super::effects::sqlite;
use super::log;
use super::wires::Wires;
use super::worker::{Handed, Settle};
use crate::node::{Node, Shares};
use crate::time::Now;
use crate::world::{Answer, ConnectionId, Driver, Given, ModuleId, Question, Server, Ticket, Transmit};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tokio::sync::mpsc::{Sender, UnboundedSender};

/// Packets that may wait until the system takes them.
const HELD: usize = 8192;

/// What a worker has beside its node.
pub(super) struct Ways {
    /// Its place among the workers.
    pub(super) index: usize,
    pub(super) wires: Wires,
    pub(super) connections: Option<Connections>,
    /// Something went through a connection since they last had their turn.
    pub(super) streamed: bool,
    /// What leaves by connections of another worker.
    pub(super) leaving: Vec<Transmit>,
    pub(super) databases: sqlite::Worker,
    pub(super) services: Services,
    /// Where services put their answers.
    pub(super) answering: UnboundedSender<(Ticket, Answer)>,
    pub(super) others: Vec<Sender<Handed>>,
    pub(super) shares: Shares,
    pub(super) reloads: UnboundedSender<ModuleId>,
    /// The script has ended the server.
    pub(super) aborted: bool,
}

impl Ways {
    /// The worker that a packet belongs to.
    pub(super) fn share(&self, packet: &[u8]) -> usize {
        if self.others.len() > 1 { self.shares.of(packet) } else { self.index }
    }

    /// Sends a packet by a connection, or hands it to the worker that has them. Gives it back when it cannot be sent and its call is of this worker.
    pub(super) fn send_by_connection(&mut self, now: Now, packet: Transmit) -> Option<Transmit> {
        let Some(connections) = &mut self.connections else {
            self.leaving.push(packet);
            return None;
        };
        if let Some(tracer) = &mut self.wires.tracer {
            tracer.left(now.unix, &packet);
        }
        self.streamed = true;
        match connections.send(packet) {
            Ok(()) => {
                self.wires.counts.sent += 1;
                None
            }
            Err((packet, error)) => self.unsent_by_connection(packet, &error),
        }
    }

    /// Gives a packet back that a connection did not take, or tells the worker whose call it is of.
    pub(super) fn unsent_by_connection(&mut self, packet: Transmit, error: &io::Error) -> Option<Transmit> {
        self.wires.counts.unsent += 1;
        tracing::debug!(target: "alanui", process = self.index + 1, "send to tcp:{}: {error}", packet.flow.peer);
        let share = self.share(&packet.bytes);
        match self.others.get(share) {
            Some(other) if share != self.index => {
                // A worker that does not keep up finds out by its timers.
                let _ = other.try_send(Handed::Unsent(packet));
                None
            }
            _ => Some(packet),
        }
    }

    /// Lets a connection be found under another port, or closes it; or has the worker do so that has the connections.
    pub(super) fn settle(&mut self, connection: ConnectionId, what: Settle) {
        match (&mut self.connections, self.others.first(), what) {
            (Some(connections), _, Settle::Alias(port)) => connections.alias(connection, port),
            (Some(connections), _, Settle::Close) => drop(connections.close(connection)),
            // What one that does not keep up is not told is no more than a convenience: the peer is found by its address, silence closes.
            (None, Some(first), what) => drop(first.try_send(Handed::Settle(connection, what))),
            (None, None, _) => {}
        }
    }

    /// Gives the worker that has the connections what leaves by them.
    pub(super) fn hand_leaving(&mut self) {
        if self.leaving.is_empty() {
            return;
        }
        let batch = std::mem::take(&mut self.leaving);
        let count = batch.len() as u64;
        if self.others.first().is_none_or(|first| first.try_send(Handed::Leaving(batch)).is_err()) {
            self.wires.counts.dropped += count;
        }
    }
}

impl Driver<Node> for Ways {
    /// A fault of ours costs the message at hand, and never the server.
    fn hand(&mut self, node: &mut Node, now: Now, given: Given) {
        if catch_unwind(AssertUnwindSafe(|| node.give(now, given))).is_err() {
            // What breaks while it is cleared away is left as it is.
            let _ = catch_unwind(AssertUnwindSafe(|| node.recover(now)));
        }
        // As they come: a message that logs much must not have its lines kept for those behind it.
        log::drain(self.index, &mut node.core.log);
    }

    fn send(&mut self, now: Now, packet: Transmit) -> Option<Transmit> {
        if usize::from(packet.flow.socket.0) >= self.wires.sockets.len() {
            return self.send_by_connection(now, packet);
        }
        // What leaves by sockets goes in batches, at the end of the worker's turn.
        if self.wires.held.len() < HELD {
            self.wires.held.push_back(packet);
        } else {
            self.wires.counts.dropped += 1;
        }
        None
    }

    /// A read that the worker makes itself is answered at once.
    fn ask(&mut self, _now: Now, ticket: Ticket, question: Question) -> Option<Answer> {
        match question {
            Question::Query(query) => match self.databases.read_inline(&query) {
                Some(found) => Some(Answer::Rows(found)),
                None => self.databases.submit(ticket.0, query).err().map(|fault| Answer::Rows(Err(fault))),
            },
            Question::Execute(statements) => {
                let count = statements.len();
                let fault = self.databases.execute(ticket.0, statements).err()?;
                Some(Answer::Executed((0..count).map(|at| (at, fault.clone())).collect()))
            }
            Question::Service(service) => {
                self.services.submit(ticket, service, &self.answering);
                None
            }
        }
    }

    fn alias(&mut self, _now: Now, connection: ConnectionId, port: u16) {
        self.settle(connection, Settle::Alias(port));
    }

    fn close(&mut self, _now: Now, connection: ConnectionId) {
        self.settle(connection, Settle::Close);
    }

    fn reload(&mut self, _now: Now, module: ModuleId) {
        // A server that is gone reloads nothing.
        let _ = self.reloads.send(module);
    }

    fn abort(&mut self, _now: Now) {
        self.aborted = true;
    }
}
