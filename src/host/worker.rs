//! A worker: a thread with its sockets, its node and a runtime that sleeps until something arrives or is due.
//!
//! Everything that happens is handed to the node in place; no task is made for a packet. A packet of a call that another worker owns goes there
//! in batches, through one channel for each pair of workers and so in the order in which it arrived.

use super::clock::Clock;
use super::connections::{ConnectionCounts, Connections, Directory, News};
use super::databases;
use super::datagram_socket::DatagramSocket;
use super::effects::services::Services;
use super::fault::ServerFault;
use super::handed::Handed;
use super::trace::Tracer;
use super::udp::BATCH;
use super::ways::Ways;
use super::wires::{Counts, Sending, Wires};
use crate::node::{Node, Shares};
use crate::time::{Now, Tick};
use crate::world::{Answer, Datagram, Given, ModuleId, SocketId, Ticket, drive};
use std::fmt::Write;
use std::future::{Future, poll_fn};
use std::io;
use std::net::UdpSocket;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, Sender, UnboundedReceiver, UnboundedSender};
use tokio::time::Sleep;

/// How long calls in flight may take to end once the server was told to.
pub(super) const GRACE: Duration = Duration::from_secs(5);
/// Batches of packets that may wait for another worker; what comes beyond is dropped, as the system drops what a socket cannot take.
pub(super) const HANDED: usize = 1024;
/// Alarms ring at multiples of this, so that what is due at nearly the same time costs one; Kamailio's timers tick every 62.5 ms.
const ALARM: Duration = Duration::from_millis(4);

/// What the server tells its workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Control {
    /// Take no new calls, finish those in flight.
    Stop,
    /// End at once.
    End,
    /// Log what was counted.
    Report,
}

/// What a worker is made of.
pub(super) struct Parts {
    /// Its place among the workers.
    pub(super) index: usize,
    /// The clock of the server.
    pub(super) clock: Clock,
    /// The node.
    pub(super) node: Node,
    /// Its sockets of UDP, by [`SocketId`]; those of TCP come behind them.
    pub(super) sockets: Vec<UdpSocket>,
    /// Where it takes connections.
    pub(super) listeners: Vec<(SocketId, std::net::TcpListener)>,
    /// What all workers know of connections.
    pub(super) directory: Arc<Directory>,
    /// Its way to databases.
    pub(super) databases: databases::Worker,
    /// What looks up and does what scripts want of the world.
    pub(super) services: Services,
    /// Answers of databases that were not asked in place, and of services.
    pub(super) answers: UnboundedReceiver<(Ticket, Answer)>,
    /// The other end of it, for services.
    pub(super) answering: UnboundedSender<(Ticket, Answer)>,
    /// What other workers hand over.
    pub(super) handed: Receiver<Handed>,
    /// To each worker; its own is not used.
    pub(super) others: Vec<Sender<Handed>>,
    /// Which calls are whose.
    pub(super) shares: Shares,
    /// What the server tells it.
    pub(super) control: UnboundedReceiver<Control>,
    /// To the server: modules that want their data loaded again, where waiting is fine.
    pub(super) reloads: UnboundedSender<ModuleId>,
    /// Where packets are traced, when somebody asked for it.
    pub(super) tracer: Option<Tracer>,
}

/// Serves until told to end.
///
/// # Errors
/// When the runtime cannot watch a socket.
pub(super) fn serve(parts: Parts) -> Result<(), ServerFault> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    runtime.block_on(async {
        let mut worker = Worker::new(parts)?;
        // What comes before the first message comes before those that wait at the sockets already.
        let now = worker.clock.now();
        worker.give(now, Given::Due);
        while !worker.ended {
            poll_fn(|cx| worker.poll(cx)).await;
            if std::mem::take(&mut worker.ways.streamed) {
                // Connections read and write in tasks of their own; without this they would have their turn only once nothing else is left to do.
                tokio::task::yield_now().await;
            }
            if worker.ways.aborted {
                return Err(ServerFault::Aborted);
            }
        }
        if let Some(connections) = worker.ways.connections {
            connections.end().await;
        }
        Ok(())
    })
}

struct Worker {
    clock: Clock,
    node: Node,
    ways: Ways,
    answers: UnboundedReceiver<(Ticket, Answer)>,
    handed: Receiver<Handed>,
    /// What is gathered for each other worker.
    gathered: Vec<Vec<Datagram>>,
    control: UnboundedReceiver<Control>,
    /// Wakes it when something is due.
    alarm: Pin<Box<Sleep>>,
    /// What the alarm is set to: never later than what is due.
    armed: Option<Tick>,
    /// When it ends at the latest, once it was told to stop.
    stopping: Option<Tick>,
    ended: bool,
}

impl Worker {
    fn new(parts: Parts) -> io::Result<Worker> {
        let sockets: io::Result<Vec<_>> = parts.sockets.into_iter().map(DatagramSocket::new).collect();
        let core = &parts.node.core();
        let shared = || (parts.directory.clone(), parts.index);
        let start =
            |listeners| Connections::start(listeners, core.settings.connections, core.sockets.clone(), shared());
        let connections = Some(parts.listeners).filter(|listeners| !listeners.is_empty()).map(start).transpose()?;
        Ok(Worker {
            clock: parts.clock,
            node: parts.node,
            gathered: parts.others.iter().map(|_| Vec::new()).collect(),
            ways: Ways {
                index: parts.index,
                wires: Wires::new(sockets?, parts.tracer),
                connections,
                streamed: false,
                directory: parts.directory,
                leaving: parts.others.iter().map(|_| Vec::new()).collect(),
                databases: parts.databases,
                services: parts.services,
                answering: parts.answering,
                others: parts.others,
                shares: parts.shares,
                reloads: parts.reloads,
                aborted: false,
            },
            answers: parts.answers,
            handed: parts.handed,
            control: parts.control,
            alarm: Box::pin(tokio::time::sleep_until(parts.clock.instant(Tick::ZERO).into())),
            armed: None,
            stopping: None,
            ended: false,
        })
    }

    /// Hands what arrived and what is due to the node and sends what it wants. Ready when there may be more, or it ends; else whatever comes wakes it.
    fn poll(&mut self, cx: &mut Context) -> Poll<()> {
        let now = self.clock.now();
        self.poll_control(now, cx);
        let mut more = false;
        for at in 0..self.ways.wires.sockets.len() {
            more |= self.poll_socket(SocketId(at as u16), now, cx);
        }
        more |= self.poll_connections(now, cx);
        more |= self.poll_channels(now, cx);
        more |= self.poll_time(now, cx);
        self.send(now, cx);
        if let Some(latest) = self.stopping {
            let late = now.tick >= latest;
            if late {
                self.give(now, Given::Abandon);
                self.send(now, cx);
            }
            self.ended |= late || self.node.is_idle() && self.ways.wires.held.is_empty() && !more;
        }
        if more || self.ended || self.ways.aborted { Poll::Ready(()) } else { Poll::Pending }
    }

    fn poll_control(&mut self, now: Now, cx: &mut Context) {
        while let Poll::Ready(control) = self.control.poll_recv(cx) {
            match control {
                Some(Control::Stop) => {
                    self.stopping = Some(now.tick.after(GRACE));
                    self.give(now, Given::Stop);
                }
                Some(Control::Report) => self.report(),
                // Without a server to tell it anything it has no reason to go on.
                Some(Control::End) | None => {
                    self.ended = true;
                    break;
                }
            }
        }
    }

    /// Takes one batch from a socket. Gives whether there may be more.
    fn poll_socket(&mut self, id: SocketId, now: Now, cx: &mut Context) -> bool {
        let more = self.ways.wires.receive(id, now, cx);
        let mut arrived = std::mem::take(&mut self.ways.wires.arrived);
        for datagram in arrived.drain(..) {
            self.sort(now, datagram);
        }
        self.ways.wires.arrived = arrived;
        self.hand_over();
        more
    }

    /// Handles a packet, or gathers it for the worker whose call it is of.
    fn sort(&mut self, now: Now, datagram: Datagram) {
        let share = self.ways.share(&datagram.bytes);
        match self.gathered.get_mut(share) {
            Some(gathered) if share != self.ways.index => gathered.push(datagram),
            _ => self.receive(now, datagram),
        }
    }

    /// Takes what other threads and workers have for it. Gives whether there may be more.
    fn poll_channels(&mut self, now: Now, cx: &mut Context) -> bool {
        // As much as one batch of a socket, so that no source starves another.
        let mut more = true;
        for _ in 0..BATCH {
            let Poll::Ready(Some((id, answer))) = self.answers.poll_recv(cx) else {
                more = false;
                break;
            };
            self.give(now, Given::Answered(id, answer));
        }
        if self.ways.others.len() > 1
            && let Poll::Ready(Some(handed)) = self.handed.poll_recv(cx)
        {
            match handed {
                Handed::Arrived(batch) => batch.into_iter().for_each(|datagram| self.receive(now, datagram)),
                Handed::Leaving(batch) => {
                    for packet in batch {
                        if let Some(packet) = self.ways.send_by_connection(now, packet) {
                            self.give(now, Given::Unsent(packet));
                        }
                    }
                }
                Handed::Unsent(packet) => self.give(now, Given::Unsent(packet)),
                Handed::Settle(connection, what) => self.ways.settle(connection, what),
            }
            more = true;
        }
        more
    }

    /// Takes what connections brought, as much as one batch of a socket. Gives whether there may be more.
    fn poll_connections(&mut self, now: Now, cx: &mut Context) -> bool {
        let mut more = true;
        for _ in 0..BATCH {
            let news = self.ways.connections.as_mut().map(|connections| connections.poll(cx));
            let Some(Poll::Ready(news)) = news else {
                more = false;
                break;
            };
            self.ways.streamed = true;
            match news {
                News::Arrived(datagram) => {
                    if let Some(tracer) = &mut self.ways.wires.tracer {
                        tracer.arrived(now.unix, &datagram);
                    }
                    self.sort(now, datagram);
                }
                News::Gone(flow) => self.give(now, Given::Gone(flow)),
                News::Unsent(packet, error) => {
                    if let Some(packet) = self.ways.unsent_by_connection(packet, &error) {
                        self.give(now, Given::Unsent(packet));
                    }
                }
            }
        }
        self.hand_over();
        more
    }

    /// Has the node do what is due. Gives whether more may be.
    fn poll_time(&mut self, now: Now, cx: &mut Context) -> bool {
        if self.node.next().is_some_and(|due| due <= now.tick) {
            self.give(now, Given::Due);
        }
        let Some(due) = self.node.next().into_iter().chain(self.stopping).min() else { return false };
        let due = due.rounded_up(ALARM);
        // What is due moves back with almost every packet; the alarm stays where it is and is set again when it rings.
        if self.armed.is_none_or(|armed| due < armed) {
            self.alarm.as_mut().reset(self.clock.instant(due).into());
            self.armed = Some(due);
        }
        let rings = self.alarm.as_mut().poll(cx).is_ready();
        if rings {
            self.armed = None;
        }
        rings
    }

    fn receive(&mut self, now: Now, datagram: Datagram) {
        tracing::trace!(target: "alanui", process = self.ways.index + 1, "{} bytes from {}", datagram.bytes.len(), datagram.flow.peer);
        self.give(now, Given::Arrived(datagram));
    }

    /// Gives the node something and does what it wants.
    fn give(&mut self, now: Now, given: Given) {
        if !self.ways.aborted {
            drive(&mut self.node, &mut self.ways, now, given);
        }
    }

    /// Gives other workers what was gathered for them.
    fn hand_over(&mut self) {
        for (gathered, other) in self.gathered.iter_mut().zip(&self.ways.others) {
            if gathered.is_empty() {
                continue;
            }
            let batch = std::mem::take(gathered);
            let count = batch.len() as u64;
            if other.try_send(Handed::Arrived(batch)).is_err() {
                self.ways.wires.counts.dropped += count;
            }
        }
    }

    /// Sends what is held, as far as the system takes it.
    fn send(&mut self, now: Now, cx: &mut Context) {
        loop {
            self.ways.hand_leaving();
            match self.ways.wires.send(now, cx) {
                Sending::Done | Sending::Waits => return,
                Sending::Failed(packet, error) => {
                    self.ways.wires.counts.unsent += 1;
                    tracing::debug!(target: "alanui", process = self.ways.index + 1, "send to {}: {error}", packet.flow.peer);
                    self.give(now, Given::Unsent(packet));
                }
            }
        }
    }

    fn report(&self) {
        let node = self.node.statistics();
        let Counts { sent, unsent, dropped } = self.ways.wires.counts;
        let mut text = format!(
            "{} requests, {} replies, {} packets of garbage, {} loops, {} refused under load, {} broken; {sent} packets sent, {unsent} unsendable, {dropped} dropped",
            node.requests, node.replies, node.garbage, node.loops, node.overloaded, node.broken
        );
        for (fault, count) in self.node.refusals() {
            // Writing to a String does not fail.
            let _ = write!(text, "; {count} refused: {fault}");
        }
        if let Some(connections) = &self.ways.connections {
            let ConnectionCounts { refused, broken, slow } = connections.counts();
            let count = connections.count();
            let _ = write!(
                text,
                "; {count} connections, {refused} refused, {broken} closed for a bad message, {slow} for a slow one"
            );
        }
        tracing::info!(target: "alanui", process = self.ways.index + 1, "{text}");
        let parts = self.node.held().map(|(name, held)| format!("{name}: {held}"));
        tracing::info!(target: "alanui", process = self.ways.index + 1, "holds {}", parts.join(", "));
    }
}
