//! A worker: a thread with its sockets, its node and a runtime that sleeps until something arrives or is due.
//!
//! Everything that happens is handed to the node in place; no task is made for a packet. A packet of a call that another worker owns goes there
//! in batches, through one channel for each pair of workers and so in the order in which it arrived.

use super::clock::Clock;
use super::connections::{ConnectionCounts, Connections, News};
use super::datagram_socket::DatagramSocket;
use super::effects::errands::Errands;
use super::effects::sqlite;
use super::log;
use super::server::ServerFault;
use super::trace::Tracer;
use super::udp::{BATCH, Inbox, Outbox};
use crate::builtin::{Answer, ModuleId, SocketId};
use crate::node::{Datagram, EffectId, Node, Shares, Transmit};
use crate::time::{Now, Tick};
use std::collections::VecDeque;
use std::fmt::Write;
use std::future::{Future, poll_fn};
use std::io;
use std::net::UdpSocket;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
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
/// Packets that may wait until the system takes them.
const HELD: usize = 8192;

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

/// What one worker hands to another.
pub(super) enum Handed {
    /// Packets of calls that are the other's.
    Arrived(Vec<Datagram>),
    /// Packets that leave by connections, to the worker that has them.
    Leaving(Vec<Transmit>),
    /// A packet of a call of the other's that could not be sent.
    Unsent(Transmit),
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
    /// Where connections are taken; the first worker has them.
    pub(super) listeners: Option<Vec<(SocketId, std::net::TcpListener)>>,
    /// Its way to databases.
    pub(super) databases: sqlite::Worker,
    /// Where errands are done.
    pub(super) errands: Errands,
    /// Answers of databases that were not asked in place, and what errands brought.
    pub(super) answers: UnboundedReceiver<(EffectId, Answer)>,
    /// The other end of it, for errands.
    pub(super) answering: UnboundedSender<(EffectId, Answer)>,
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
        worker.guarded(now, |node| node.expire(now));
        worker.ask(now);
        while !worker.ended {
            poll_fn(|cx| worker.poll(cx)).await;
            if std::mem::take(&mut worker.streamed) {
                // Connections read and write in tasks of their own; without this they would have their turn only once nothing else is left to do.
                tokio::task::yield_now().await;
            }
            if worker.node.output.aborted {
                return Err(ServerFault::Aborted);
            }
        }
        if let Some(connections) = worker.connections {
            connections.end().await;
        }
        Ok(())
    })
}

struct Worker {
    index: usize,
    clock: Clock,
    node: Node,
    wires: Wires,
    connections: Option<Connections>,
    /// Something went through a connection since they last had their turn.
    streamed: bool,
    /// What leaves by connections of another worker.
    leaving: Vec<Transmit>,
    databases: sqlite::Worker,
    errands: Errands,
    answers: UnboundedReceiver<(EffectId, Answer)>,
    answering: UnboundedSender<(EffectId, Answer)>,
    handed: Receiver<Handed>,
    others: Vec<Sender<Handed>>,
    shares: Shares,
    /// What is gathered for each other worker.
    gathered: Vec<Vec<Datagram>>,
    control: UnboundedReceiver<Control>,
    reloads: UnboundedSender<ModuleId>,
    /// Wakes it when something is due.
    alarm: Pin<Box<Sleep>>,
    /// What the alarm is set to: never later than what is due.
    armed: Option<Tick>,
    /// When it ends at the latest, once it was told to stop.
    stopping: Option<Tick>,
    ended: bool,
}

/// The sockets and what waits at them.
struct Wires {
    sockets: Vec<DatagramSocket>,
    inbox: Inbox,
    outbox: Outbox,
    /// One batch that arrived.
    arrived: Vec<Datagram>,
    /// Packets that the system did not take yet, in order.
    held: VecDeque<Transmit>,
    counts: Counts,
    tracer: Option<Tracer>,
}

/// What a worker counts beside its node.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    sent: u64,
    unsent: u64,
    /// Dropped because another worker, or the system, did not keep up.
    dropped: u64,
}

/// How sending ended.
enum Sending {
    /// Nothing is left.
    Done,
    /// The system takes no more at the moment; it wakes the worker when it does.
    Waits,
    /// This packet cannot be sent.
    Failed(Transmit, io::Error),
}

impl Worker {
    fn new(parts: Parts) -> io::Result<Worker> {
        let sockets: io::Result<Vec<_>> = parts.sockets.into_iter().map(DatagramSocket::new).collect();
        let core = &parts.node.core;
        let start = |listeners| Connections::start(listeners, core.settings.connections, core.sockets.clone());
        let connections = parts.listeners.filter(|listeners| !listeners.is_empty()).map(start).transpose()?;
        Ok(Worker {
            index: parts.index,
            clock: parts.clock,
            node: parts.node,
            wires: Wires {
                sockets: sockets?,
                inbox: Inbox::new(),
                outbox: Outbox::new(),
                arrived: Vec::with_capacity(BATCH),
                held: VecDeque::new(),
                counts: Counts::default(),
                tracer: parts.tracer,
            },
            connections,
            streamed: false,
            leaving: Vec::new(),
            databases: parts.databases,
            errands: parts.errands,
            answers: parts.answers,
            answering: parts.answering,
            handed: parts.handed,
            gathered: parts.others.iter().map(|_| Vec::new()).collect(),
            others: parts.others,
            shares: parts.shares,
            control: parts.control,
            reloads: parts.reloads,
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
        for at in 0..self.wires.sockets.len() {
            more |= self.poll_socket(SocketId(at as u16), now, cx);
        }
        more |= self.poll_connections(now, cx);
        more |= self.poll_channels(now, cx);
        more |= self.poll_time(now, cx);
        self.send(now, cx);
        log::drain(self.index, &mut self.node.core.log);
        if let Some(latest) = self.stopping {
            let late = now.tick >= latest;
            if late {
                self.guarded(now, |node| node.abandon(now));
                self.ask(now);
                self.send(now, cx);
            }
            self.ended |= late || self.node.is_idle() && self.wires.held.is_empty() && !more;
        }
        if more || self.ended || self.node.output.aborted { Poll::Ready(()) } else { Poll::Pending }
    }

    fn poll_control(&mut self, now: Now, cx: &mut Context) {
        while let Poll::Ready(control) = self.control.poll_recv(cx) {
            match control {
                Some(Control::Stop) => {
                    self.stopping = Some(now.tick.after(GRACE));
                    self.node.stop();
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
        let more = self.wires.receive(id, now, cx);
        let mut arrived = std::mem::take(&mut self.wires.arrived);
        for datagram in arrived.drain(..) {
            self.sort(now, datagram);
        }
        self.wires.arrived = arrived;
        self.hand_over();
        more
    }

    /// Handles a packet, or gathers it for the worker whose call it is of.
    fn sort(&mut self, now: Now, datagram: Datagram) {
        let share = if self.others.len() > 1 { self.shares.of(&datagram.bytes) } else { self.index };
        match self.gathered.get_mut(share) {
            Some(gathered) if share != self.index => gathered.push(datagram),
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
            self.guarded(now, |node| node.answer(now, id, answer));
            self.ask(now);
        }
        if self.others.len() > 1
            && let Poll::Ready(Some(handed)) = self.handed.poll_recv(cx)
        {
            match handed {
                Handed::Arrived(batch) => batch.into_iter().for_each(|datagram| self.receive(now, datagram)),
                Handed::Leaving(batch) => batch.into_iter().for_each(|packet| self.send_by_connection(now, packet)),
                Handed::Unsent(packet) => self.unsent(now, &packet),
            }
            more = true;
        }
        more
    }

    /// Takes what connections brought, as much as one batch of a socket. Gives whether there may be more.
    fn poll_connections(&mut self, now: Now, cx: &mut Context) -> bool {
        let mut more = true;
        for _ in 0..BATCH {
            let news = self.connections.as_mut().map(|connections| connections.poll(cx));
            let Some(Poll::Ready(news)) = news else {
                more = false;
                break;
            };
            self.streamed = true;
            match news {
                News::Arrived(datagram) => {
                    if let Some(tracer) = &mut self.wires.tracer {
                        tracer.arrived(now.unix, &datagram);
                    }
                    self.sort(now, datagram);
                }
                News::Unsent(packet, error) => self.unsent_by_connection(now, packet, &error),
            }
        }
        self.hand_over();
        more
    }

    /// Sends a packet by a connection, or hands it to the worker that has them.
    fn send_by_connection(&mut self, now: Now, packet: Transmit) {
        let Some(connections) = &mut self.connections else { return self.leaving.push(packet) };
        if let Some(tracer) = &mut self.wires.tracer {
            tracer.left(now.unix, &packet);
        }
        self.streamed = true;
        match connections.send(packet) {
            Ok(()) => self.wires.counts.sent += 1,
            Err((packet, error)) => self.unsent_by_connection(now, packet, &error),
        }
    }

    /// Tells the worker whose call it is that a packet could not be sent.
    fn unsent_by_connection(&mut self, now: Now, packet: Transmit, error: &io::Error) {
        self.wires.counts.unsent += 1;
        tracing::debug!(target: "alanui", process = self.index + 1, "send to tcp:{}: {error}", packet.destination);
        let share = if self.others.len() > 1 { self.shares.of(&packet.bytes) } else { self.index };
        match self.others.get(share) {
            Some(other) if share != self.index => {
                // A worker that does not keep up finds out by its timers.
                let _ = other.try_send(Handed::Unsent(packet));
            }
            _ => self.unsent(now, &packet),
        }
    }

    fn unsent(&mut self, now: Now, packet: &Transmit) {
        self.guarded(now, |node| node.unsent(now, packet));
        self.ask(now);
    }

    /// Has the node do what is due. Gives whether more may be.
    fn poll_time(&mut self, now: Now, cx: &mut Context) -> bool {
        if self.node.next().is_some_and(|due| due <= now.tick) {
            self.guarded(now, |node| node.expire(now));
            self.ask(now);
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
        tracing::trace!(target: "alanui", process = self.index + 1, "{} bytes from {}", datagram.bytes.len(), datagram.source);
        self.guarded(now, |node| node.receive(now, datagram));
        self.ask(now);
    }

    /// Has the node do something. A fault of ours in it costs that message, and never the server.
    fn guarded(&mut self, now: Now, step: impl FnOnce(&mut Node)) {
        let node = &mut self.node;
        if catch_unwind(AssertUnwindSafe(|| step(node))).is_err() {
            // What breaks while it is cleared away is left as it is.
            let _ = catch_unwind(AssertUnwindSafe(|| node.recover(now)));
        }
        // As they come: a message that logs much must not have its lines kept for those behind it.
        log::drain(self.index, &mut self.node.core.log);
    }

    /// Asks what the node wants to know. A read that the worker makes itself is answered before anything else happens, so that the packets of a
    /// call keep their order.
    fn ask(&mut self, now: Now) {
        loop {
            self.tell(now);
            if self.node.output.queries.is_empty() {
                break;
            }
            for (id, query) in std::mem::take(&mut self.node.output.queries) {
                let found = match self.databases.read_inline(&query) {
                    Some(found) => found,
                    None => match self.databases.submit(id.0, query) {
                        Ok(()) => continue,
                        Err(fault) => Err(fault),
                    },
                };
                self.guarded(now, |node| node.answer(now, id, Answer::Rows(found)));
            }
        }
        for (id, errand) in self.node.output.errands.drain(..) {
            self.errands.submit(id, errand, &self.answering);
        }
        for module in self.node.output.reloads.drain(..) {
            // A server that is gone reloads nothing.
            let _ = self.reloads.send(module);
        }
    }

    /// Tells databases what no call waits for.
    fn tell(&mut self, now: Now) {
        for (id, statements) in std::mem::take(&mut self.node.output.told) {
            let count = statements.len();
            if let Err(fault) = self.databases.tell(id.0, statements) {
                let refused = (0..count).map(|at| (at, fault.clone())).collect();
                self.node.answer(now, id, Answer::Told(refused));
            }
        }
    }

    /// Gives other workers what was gathered for them.
    fn hand_over(&mut self) {
        for (gathered, other) in self.gathered.iter_mut().zip(&self.others) {
            if gathered.is_empty() {
                continue;
            }
            let batch = std::mem::take(gathered);
            let count = batch.len() as u64;
            if other.try_send(Handed::Arrived(batch)).is_err() {
                self.wires.counts.dropped += count;
            }
        }
    }

    /// Sends what the node wants sent, as far as the system takes it.
    fn send(&mut self, now: Now, cx: &mut Context) {
        loop {
            self.sort_leaving(now);
            match self.wires.send(now, cx) {
                Sending::Done | Sending::Waits => return,
                Sending::Failed(packet, error) => {
                    self.wires.counts.unsent += 1;
                    tracing::debug!(target: "alanui", process = self.index + 1, "send to {}: {error}", packet.destination);
                    self.unsent(now, &packet);
                }
            }
        }
    }

    /// Puts what the node wants sent where it leaves by.
    fn sort_leaving(&mut self, now: Now) {
        // What cannot be sent at once may have the node send something else.
        while !self.node.output.packets.is_empty() {
            let mut packets = std::mem::take(&mut self.node.output.packets);
            for packet in packets.drain(..) {
                if usize::from(packet.socket.0) >= self.wires.sockets.len() {
                    self.send_by_connection(now, packet);
                } else if self.wires.held.len() < HELD {
                    self.wires.held.push_back(packet);
                } else {
                    self.wires.counts.dropped += 1;
                }
            }
            if self.node.output.packets.is_empty() {
                self.node.output.packets = packets;
                break;
            }
        }
        self.hand_leaving();
    }

    /// Gives the worker that has the connections what leaves by them.
    fn hand_leaving(&mut self) {
        if self.leaving.is_empty() {
            return;
        }
        let batch = std::mem::take(&mut self.leaving);
        let count = batch.len() as u64;
        if self.others.first().is_none_or(|first| first.try_send(Handed::Leaving(batch)).is_err()) {
            self.wires.counts.dropped += count;
        }
    }

    fn report(&self) {
        let node = self.node.statistics();
        let Counts { sent, unsent, dropped } = self.wires.counts;
        let mut text = format!(
            "{} requests, {} replies, {} packets of garbage, {} loops, {} refused under load, {} broken; {sent} packets sent, {unsent} unsendable, {dropped} dropped",
            node.requests, node.replies, node.garbage, node.loops, node.overloaded, node.broken
        );
        for (fault, count) in self.node.refusals() {
            // Writing to a String does not fail.
            let _ = write!(text, "; {count} refused: {fault}");
        }
        if let Some(connections) = &self.connections {
            let ConnectionCounts { refused, broken, slow } = connections.counts();
            let count = connections.count();
            let _ = write!(
                text,
                "; {count} connections, {refused} refused, {broken} closed for a bad message, {slow} for a slow one"
            );
        }
        tracing::info!(target: "alanui", process = self.index + 1, "{text}");
        let parts = self.node.held().map(|(name, held)| format!("{name}: {held}"));
        tracing::info!(target: "alanui", process = self.index + 1, "holds {}", parts.join(", "));
    }
}

impl Wires {
    /// Takes one batch from a socket into `arrived`, when it has something. Gives whether there may be more.
    fn receive(&mut self, id: SocketId, now: Now, cx: &mut Context) -> bool {
        let Some(watched) = self.sockets.get(id.0 as usize) else { return false };
        let (inbox, arrived) = (&mut self.inbox, &mut self.arrived);
        let more = watched.poll_receive(cx, |socket| {
            match inbox.receive(socket, |bytes, source| arrived.push(Datagram { bytes, source, socket: id })) {
                Ok(count) => count < BATCH,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => true,
                Err(error) => {
                    // The ICMP answer to an earlier packet, or a system short of memory for a moment: it is read again.
                    tracing::debug!(target: "alanui", "receive: {error}");
                    false
                }
            }
        });
        if let Some(tracer) = &mut self.tracer {
            self.arrived.iter().for_each(|datagram| tracer.arrived(now.unix, datagram));
        }
        more.is_ready()
    }

    /// Sends what is held, in order.
    fn send(&mut self, now: Now, cx: &mut Context) -> Sending {
        while let Some(first) = self.held.front() {
            let id = first.socket;
            let Some(watched) = self.sockets.get_mut(id.0 as usize) else {
                match self.held.pop_front() {
                    Some(packet) => return Sending::Failed(packet, io::ErrorKind::NotConnected.into()),
                    None => return Sending::Done,
                }
            };
            let (held, outbox) = (&self.held, &mut self.outbox);
            let run = || held.iter().take_while(|packet| packet.socket == id);
            let Poll::Ready(sent) = watched.poll_send(cx, |socket| outbox.send(socket, run())) else {
                return Sending::Waits;
            };
            let error = match sent {
                Ok(count) => {
                    if let Some(tracer) = &mut self.tracer {
                        self.held.iter().take(count).for_each(|packet| tracer.left(now.unix, packet));
                    }
                    self.held.drain(..count);
                    self.counts.sent += count as u64;
                    continue;
                }
                Err(error) => error,
            };
            match error.raw_os_error() {
                // The ICMP answer to an earlier packet is told to the next one, which then can be sent.
                Some(libc::EINTR | libc::ECONNREFUSED) => {}
                // What the system has no room for is lost as on the wire; the sender of the request repeats it.
                Some(libc::ENOBUFS | libc::ENOMEM | libc::EMFILE | libc::ENFILE) => {
                    self.held.pop_front();
                    self.counts.dropped += 1;
                }
                _ => {
                    if let Some(packet) = self.held.pop_front() {
                        return Sending::Failed(packet, error);
                    }
                }
            }
        }
        Sending::Done
    }
}
