//! What the server does without being asked by a peer: work of modules by the clock, requests of its own, event routes.

use super::Node;
use super::leave::NextHop;
use super::names::{Name, Resolution};
use super::parked::{Commanding, Waiting};
use super::proxy::stand_in;
use super::run::{Role, Start};
use super::transaction::{Branch, Client, Due, Transaction};
use super::via::{Leaving, push_via};
use crate::builtin::{
    Avps, Background, Command, Commanded, Counter, Event, LogLevel, ModuleId, OwnRequest, Received, RouteKind,
    RpcResult, SocketId, Working,
};
use crate::sip::{Message, Request, write};
use crate::time::Now;
use crate::transaction::{Actions, client_non_invite};
use crate::world::{Caller, Flow, Found, RpcCall, RpcFault, Unanswered, Want};
use bytes::Bytes;

impl Node {
    /// Lets modules do what comes before the first message.
    pub(super) fn begin(&mut self, now: Now) {
        self.begin_modules(now);
        self.run_event(now, Event::new("core:worker-one-init"));
    }

    pub(super) fn begin_modules(&mut self, now: Now) {
        for (at, state) in self.proxy.stack.core.modules.clone().iter().enumerate() {
            state.begin(&mut Background { now, core: &mut self.proxy.stack.core, module: ModuleId(at as u16) });
        }
    }

    /// Starts the clocks of modules.
    pub(super) fn start_clocks(&mut self, now: Now) {
        for at in 0..self.proxy.stack.core.modules.len() {
            if let Some(period) = self.proxy.stack.core.modules[at].period() {
                self.proxy
                    .stack
                    .layer
                    .wheel
                    .insert(now.tick.after(period), Due::tick(ModuleId(at as u16), &self.proxy.stack.generation));
            }
        }
    }

    /// The clock of a module has come round.
    pub(super) fn tick(&mut self, now: Now, module: ModuleId) {
        let Some(state) = self.proxy.stack.core.modules.get(module.0 as usize).cloned() else { return };
        state.tick(&mut Background { now, core: &mut self.proxy.stack.core, module });
        if let Some(period) = state.period() {
            self.proxy
                .stack
                .layer
                .wheel
                .insert(now.tick.after(period), Due::tick(module, &self.proxy.stack.generation));
        }
    }

    /// Tells modules that the peer of a connection is gone.
    pub(super) fn gone(&mut self, now: Now, flow: Flow) {
        let Some(connection) = flow.connection else { return };
        for (at, state) in self.proxy.stack.core.modules.clone().iter().enumerate() {
            state.gone(
                connection,
                &mut Background { now, core: &mut self.proxy.stack.core, module: ModuleId(at as u16) },
            );
        }
        self.obey(now);
    }

    /// Does what modules asked for, and what follows from it.
    pub(super) fn obey(&mut self, now: Now) {
        // Each round may ask for more; a module that never stops asking is cut off.
        for _ in 0..1000 {
            if self.proxy.stack.core.commands.is_empty() {
                return;
            }
            for command in std::mem::take(&mut self.proxy.stack.core.commands) {
                match command {
                    Command::Request(request) => self.send_own(now, request),
                    Command::Send(packet) => self.proxy.stack.send_bare(packet),
                    Command::Event(event) => self.run_event(now, event),
                    Command::Execute(statements) => self.execute(statements),
                    Command::Ask(own) => self.ask(
                        own.service.into(),
                        Waiting::Service(self.proxy.stack.generation.clone(), own.module, own.tag),
                    ),
                    Command::Close(connection) => self.proxy.stack.wants.push_back(Want::Close(connection)),
                    Command::Reload(module) => self.proxy.stack.wants.push_back(Want::Reload(module)),
                }
            }
        }
    }

    /// Does what an operator wants.
    pub(super) fn command(&mut self, now: Now, caller: Caller, call: &RpcCall) {
        let commands = &self.proxy.stack.generation.program().commands;
        let Some((module, row)) = commands.iter().find(|(_, row)| row.name == call.name).copied() else {
            let known = commands.iter().map(|(_, row)| row.name).collect();
            return self.proxy.stack.wants.push_back(Want::Answered(caller, Err(RpcFault::Unknown(known))));
        };
        let parameters: Vec<&str> = call.parameters.iter().map(String::as_str).collect();
        let came = (row.run)(&mut Background { now, core: &mut self.proxy.stack.core, module }, &parameters);
        self.commanded(now, Commanding { caller, module, row }, came);
    }

    /// What came of a command: its answer, behind all that it brings about, or a question for which it waits.
    pub(super) fn commanded(&mut self, now: Now, command: Commanding, came: RpcResult) {
        self.obey(now);
        match came {
            Ok(Commanded::Done(lines)) => self.proxy.stack.wants.push_back(Want::Answered(command.caller, Ok(lines))),
            Ok(Commanded::Ask(question, then)) => {
                self.ask(question, Waiting::Command(self.proxy.stack.generation.clone(), command, then));
            }
            Err(why) => {
                let fault = RpcFault::Refused { why, usage: command.row.usage };
                self.proxy.stack.wants.push_back(Want::Answered(command.caller, Err(fault)));
            }
        }
    }

    fn run_event(&mut self, now: Now, event: Event) {
        let Some(route) = self.proxy.stack.generation.program().route(RouteKind::Event, &event.name) else { return };
        let Some(message) = stand_in(&event.uri) else { return };
        let source = self.proxy.stack.core.sockets.list.first().map(|socket| socket.address);
        let Some(source) = source else { return };
        let received = Received { flow: Flow::to(source, SocketId(0)), at: now.tick };
        let mut working = Box::new(Working::new(message, received, self.proxy.stack.next_message));
        working.target.next_hop = event.destination;
        if let Some((module, local)) = event.local {
            self.proxy.carried.keep(module, local);
        }
        self.start(now, Start { message: working, avps: Avps::default(), route, role: Role::Event, call: 0 });
        self.end_step(now);
    }

    fn send_own(&mut self, now: Now, request: OwnRequest) {
        let hop = request.next_hop.as_ref().unwrap_or(&request.uri);
        match self.proxy.stack.way(hop, (request.socket, None)) {
            Ok(NextHop::Known(flow)) => self.send_own_by(now, &request, flow),
            Ok(NextHop::Named(name)) => self.ask_for(name, request),
            Err(_) => self.tell_unsent(now, &request),
        }
    }

    fn ask_for(&mut self, name: Name, request: OwnRequest) {
        let question = name.question().into();
        let generation = self.proxy.stack.generation.clone();
        self.ask(question, Waiting::Own(generation, Box::new((request, name))));
    }

    /// Goes on with a request of a module's own with what was found of the name that it goes to.
    pub(super) fn own_found(
        &mut self,
        now: Now,
        (request, name): (OwnRequest, Name),
        found: Result<Found, Unanswered>,
    ) {
        match self.proxy.stack.resolve(name, found, (request.socket, None)) {
            Resolution::Next(name) => self.ask_for(name, request),
            Resolution::Found(flow) => self.send_own_by(now, &request, flow),
            Resolution::Failed => self.tell_unsent(now, &request),
        }
    }

    fn send_own_by(&mut self, now: Now, request: &OwnRequest, flow: Flow) {
        let branch = self.proxy.stack.layer.new_branch(&mut self.proxy.stack.core.random, 0, 0);
        let transport = self.proxy.stack.core.sockets.transport(flow.socket);
        let mut via = format!("SIP/2.0/{} ", transport.in_via()).into_bytes();
        via.extend_from_slice(&self.proxy.stack.core.via_text(flow.socket, None, flow.peer.ip()));
        via.extend_from_slice(b";branch=");
        via.extend_from_slice(&branch);
        let mut from = b"<".to_vec();
        from.extend_from_slice(&request.from);
        from.extend_from_slice(b">;tag=");
        from.extend_from_slice(&self.proxy.stack.tag_prefix);
        from.push(b'-');
        self.proxy.stack.core.random.hex(&mut from);
        let mut to = b"<".to_vec();
        to.extend_from_slice(&request.uri);
        to.push(b'>');
        let call_id = self.call_id_of_own(&flow);
        let agent = self.proxy.stack.core.settings.user_agent_header.clone();
        let bytes = Request {
            method: &request.method,
            uri: &request.uri,
            via: &via,
            from: &from,
            to: &to,
            call_id: &call_id,
            cseq: 10,
            max_forwards: Some(70),
            user_agent: agent.strip_prefix(b"User-Agent: "),
            extra_headers: &request.headers,
            body: b"",
        }
        .to_bytes();
        let sent = Bytes::from(bytes);
        let Ok(message) = Message::parse(sent.clone()) else { return self.tell_unsent(now, request) };
        let hop = request.next_hop.as_ref().unwrap_or(&request.uri);
        self.begin_own(now, request, (message, sent), hop, &branch, flow);
    }

    /// A Call-ID for a request of our own that goes this way, of a call that belongs to this node.
    fn call_id_of_own(&mut self, flow: &Flow) -> Vec<u8> {
        let host = self.proxy.stack.core.via_text(flow.socket, None, flow.peer.ip());
        // Without the port.
        let colon = host.iter().rposition(|byte| *byte == b':').filter(|_| !host.contains(&b'['));
        let host = host.get(..colon.unwrap_or(host.len())).unwrap_or_default();
        loop {
            let mut call_id = self.proxy.stack.own_call_id();
            call_id.push(b'@');
            call_id.extend_from_slice(host);
            // Each try has a chance of one in as many as there are nodes.
            if self.share.as_ref().is_none_or(|(shares, own)| shares.of_call(&call_id) == *own) {
                return call_id;
            }
        }
    }

    fn begin_own(
        &mut self,
        now: Now,
        request: &OwnRequest,
        (message, sent): (Message, Bytes),
        hop: &Bytes,
        branch: &[u8],
        flow: Flow,
    ) {
        let id = self.proxy.stack.layer.table.reserve();
        let received = Received { flow, at: now.tick };
        let mut transaction = Box::new(Transaction::new(
            id,
            message,
            received,
            self.proxy.stack.generation.timers,
            self.proxy.stack.generation.clone(),
        ));
        transaction.owner = Some((request.module, request.tag));
        let Some(sent) = self.before_own(now, &mut transaction, sent, hop) else {
            if let Some(state) = self.proxy.stack.core.modules.get(request.module.0 as usize) {
                state.kept_back(request.tag);
            }
            return self.proxy.stack.layer.table.release(id);
        };
        let key = self.proxy.stack.layer.seed.client(branch, &request.method);
        let mut actions = Actions::new();
        let reliable = self.proxy.stack.core.sockets.transport(flow.socket).is_reliable();
        let machine = client_non_invite::State::start(now.tick, now.tick, reliable, &transaction.timers, &mut actions);
        let mut branch = Branch::new(Client::Other(machine), key, sent, flow);
        branch.armed.reply = transaction.armed.reply;
        self.proxy.stack.layer.table.insert(transaction);
        self.proxy.stack.core.counters.count(const { Counter::named("UAC_transactions") });
        self.proxy.stack.core.counters.count(const { Counter::named("active_transactions") });
        self.proxy.stack.core.counters.count(const { Counter::named("inuse_transactions") });
        if let Some(mut work) = self.proxy.stack.work(now, id) {
            work.begin_branch(branch, &actions);
            work.open.weigh();
        }
    }

    /// Runs `event_route[tm:local-request]`; gives the bytes to send, or `None` when it drops the request. As in Kamailio, what it
    /// changes of the message leaves, a Request-URI included, by the way that was found before.
    fn before_own(&mut self, now: Now, transaction: &mut Transaction, sent: Bytes, hop: &Bytes) -> Option<Bytes> {
        let Flow { peer: destination, socket, .. } = transaction.received.flow;
        let own = self
            .proxy
            .stack
            .core
            .sockets
            .socket(socket)
            .filter(|_| self.proxy.stack.generation.asides.local_request.is_some());
        let Some(own) = own.map(|own| own.address) else { return Some(sent) };
        self.proxy.stack.next_message += 1;
        let received = Received { flow: Flow::to(own, socket), at: now.tick };
        let mut message = Box::new(Working::new(transaction.request.clone(), received, self.proxy.stack.next_message));
        message.target.next_hop = Some(hop.clone());
        message.transaction = Some(transaction.view(None, 0));
        let Some((task, end)) = self.proxy.local_request(now, message) else { return Some(sent) };
        if end.dropped {
            return None;
        }
        let mut message = task.message;
        transaction.timers = self.proxy.stack.timers_of(&message);
        transaction.armed.reply = message.armed.reply;
        transaction.avps = task.locals.avps;
        let leaving = self.proxy.stack.core.leaving_route_text(socket, Some(&message), destination.ip());
        message.settle_record_routes(socket, &leaving);
        message.edits.new_uri = message.target.uri.take().or(message.edits.new_uri.take());
        if let Some(index) = message.message.via_extent()
            && let Some(branch) = message.message.via().and_then(|via| via.branch())
        {
            let leaving = Leaving { socket, next: destination.ip(), branch };
            let mut via = Vec::new();
            push_via(&self.proxy.stack.core, &message, &transaction.avps, &leaving, &mut via);
            if *message.message.text(index) != *via {
                message.edits.replace(index, via);
            }
        }
        let mut bytes = Vec::with_capacity(sent.len() + 256);
        write(&message.message, &message.edits, &mut bytes);
        let bytes = Bytes::from(bytes);
        // What a script makes unreadable leaves all the same; its replies are told by their branch.
        if let Ok(read) = Message::parse(bytes.clone()) {
            transaction.request = read;
        }
        Some(bytes)
    }

    /// A request that cannot be sent counts as one that nobody answered.
    fn tell_unsent(&mut self, now: Now, request: &OwnRequest) {
        let Some(state) = self.proxy.stack.core.modules.get(request.module.0 as usize).cloned() else { return };
        let uri = String::from_utf8_lossy(&request.uri).into_owned();
        self.proxy.stack.core.log(LogLevel::Error, format!("{uri} cannot be reached"));
        state.replied(
            request.tag,
            408,
            &mut Background { now, core: &mut self.proxy.stack.core, module: request.module },
        );
    }
}
