//! The ways of a worker to the world: sockets, connections, databases and other services.

use super::connections::{Connections, Directory, Unsent};
use super::databases;
use super::effects::services::Services;
use super::handed::{Handed, Settle};
use super::log;
use super::wires::Wires;
use crate::node::{Node, Shares};
use crate::time::Now;
use crate::world::{Answer, ConnectionId, Driver, Given, ModuleId, Question, Server, Ticket, Transmit};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tokio::sync::mpsc::{Sender, UnboundedSender};

/// Packets that may wait until the system takes them.
const HELD: usize = 8192;

/// What a worker has beside its node.
pub(super) struct Ways {
    /// Its place among the workers.
    pub(super) index: usize,
    pub(super) wires: Wires,
    pub(super) connections: Option<Connections>,
    pub(super) directory: Arc<Directory>,
    /// Something went through a connection since they last had their turn.
    pub(super) streamed: bool,
    /// What leaves by connections of each other worker.
    pub(super) leaving: Vec<Vec<Transmit>>,
    pub(super) databases: databases::Worker,
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

    /// Sends a packet by its connection, or hands it to the worker whose that is. Gives it back when it cannot be sent and its call is of this worker.
    pub(super) fn send_by_connection(&mut self, now: Now, packet: Transmit) -> Option<Transmit> {
        let Some(connections) = &mut self.connections else {
            return self.unsent_by_connection(packet, &io::ErrorKind::NotConnected.into());
        };
        self.streamed = true;
        let traced = self.wires.tracer.as_ref().map(|_| packet.clone());
        let there = match connections.send(packet) {
            Ok(there) => there,
            Err(Unsent::Elsewhere(packet, owner)) => {
                match self.leaving.get_mut(owner) {
                    Some(leaving) => leaving.push(packet),
                    None => self.wires.counts.dropped += 1,
                }
                return None;
            }
            Err(Unsent::Failed(packet, error)) => return self.unsent_by_connection(packet, &error),
        };
        self.wires.counts.sent += 1;
        if let (Some(tracer), Some(mut packet)) = (&mut self.wires.tracer, traced) {
            packet.flow.peer = there;
            tracer.left(now.unix, &packet);
        }
        None
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

    /// Lets a connection be found under another port, or closes it; or has the worker do so whose it is.
    pub(super) fn settle(&mut self, connection: ConnectionId, what: Settle) {
        let owner = self.directory.owner(connection);
        if owner != self.index {
            if let Some(other) = self.others.get(owner) {
                // What one that does not keep up is not told is no more than a convenience: the peer is found by its address, silence closes.
                let _ = other.try_send(Handed::Settle(connection, what));
            }
            return;
        }
        match (&mut self.connections, what) {
            (Some(connections), Settle::Alias(port)) => connections.alias(connection, port),
            (Some(connections), Settle::Close) => connections.close_for_good(connection),
            (None, _) => {}
        }
    }

    /// Gives other workers what leaves by their connections.
    pub(super) fn hand_leaving(&mut self) {
        for (leaving, other) in self.leaving.iter_mut().zip(&self.others).filter(|(leaving, _)| !leaving.is_empty()) {
            let batch = std::mem::take(leaving);
            let count = batch.len() as u64;
            if other.try_send(Handed::Leaving(batch)).is_err() {
                self.wires.counts.dropped += count;
            }
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
        log::drain(self.index, &mut node.core_mut().log);
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
            Question::Query(query) => self.databases.ask(ticket, query),
            Question::Execute(statements) => self.databases.execute(ticket, statements),
            Question::Service(service) => {
                self.services.submit(ticket, service, &self.answering);
                None
            }
            Question::Connection(flow) => {
                let is_there = self.connections.as_ref().is_some_and(|connections| connections.has(&flow));
                Some(Answer::Code(if is_there { 1 } else { -1 }))
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
