//! The server: its workers, and the signals that steer it.

use super::clock::{self, Clock};
use super::connections::Directory;
use super::databases::Changed;
use super::effects::services::Services;
use super::fault::ServerFault;
use super::log;
use super::memory::memory;
use super::sockets::Bound;
use super::trace::MessageTrace;
use super::worker::{self, Control, GRACE, HANDED, Parts};
use super::world::HostWorld;
use crate::builtin::{
    Core, Counters, Ending, Extensions, LogLevel, LogLine, ModuleId, Random, Settings, Sockets, State,
};
use crate::node::{Node, Shares};
use crate::script::Program;
use jiff::tz::TimeZone;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, channel, unbounded_channel};

/// Measured on complete calls through the edge router: one worker spends 130 µs a call at 1000 calls a second and 90 at 2500, which leaves room
/// for some 10,000; two workers spend 190 and 130, for more threads wake and half of the packets change hands.
pub const DEFAULT_WORKERS: usize = 1;

/// How often the server looks whether databases still have the files that were opened.
const LOOK: Duration = Duration::from_secs(10);

/// What is served.
#[derive(Debug)]
pub struct Plan {
    /// The script.
    pub program: Arc<Program>,
    /// The settings.
    pub settings: Arc<Settings>,
    /// The extensions in force.
    pub extensions: Extensions,
    /// Each module's name and state, in the order of loading.
    pub modules: Vec<(&'static str, Arc<dyn State>)>,
    /// Files and databases.
    pub world: HostWorld,
    /// Where messages are traced, when somebody asked for it.
    pub trace: Option<MessageTrace>,
}

/// Serves on sockets until SIGTERM or SIGINT; a second one ends it at once. SIGHUP loads again what modules loaded at start, SIGUSR1 logs what was
/// counted. `ready` is called when packets are being served.
///
/// # Errors
/// When it cannot start, or a worker breaks.
pub fn run(plan: Plan, bound: Bound, ready: impl FnOnce()) -> Result<(), ServerFault> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut signals = Signals::new()?;
        let mut server = Server::start(plan, bound)?;
        ready();
        let result = server.steer(&mut signals).await;
        server.tell(Control::End);
        for thread in server.threads.drain(..) {
            // Its result has come through the channel.
            let _ = thread.join();
        }
        server.end();
        if let Some(trace) = server.trace {
            trace.end();
        }
        result
    })
}

struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
    report: tokio::signal::unix::Signal,
    /// Kamailio ignores it; without a listener it would end the process.
    unused: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            report: signal(SignalKind::user_defined1())?,
            unused: signal(SignalKind::user_defined2())?,
        })
    }
}

/// Workers that serve.
struct Server {
    clock: Clock,
    sockets: Arc<Sockets>,
    modules: Vec<(&'static str, Arc<dyn State>)>,
    world: HostWorld,
    controls: Vec<UnboundedSender<Control>>,
    threads: Vec<JoinHandle<()>>,
    /// Modules that scripts want loaded again.
    reloads: UnboundedReceiver<ModuleId>,
    /// Each worker that ended, and how.
    ended: UnboundedReceiver<(usize, Result<(), ServerFault>)>,
    /// Databases whose files have changed, which was said.
    changed: Vec<(String, Changed)>,
    trace: Option<MessageTrace>,
}

impl Server {
    fn start(plan: Plan, bound: Bound) -> Result<Server, ServerFault> {
        let clock = Clock::start();
        let states: Arc<[Arc<dyn State>]> = plan.modules.iter().map(|(_, state)| state.clone()).collect();
        let (handing, handed): (Vec<_>, Vec<_>) = bound.workers.iter().map(|_| channel(HANDED)).unzip();
        let (end, ended) = unbounded_channel();
        let (reload, reloads) = unbounded_channel();
        let (controls, threads, trace) = (Vec::new(), Vec::new(), plan.trace);
        let (modules, world, sockets) = (plan.modules, plan.world, bound.sockets.clone());
        world.allow_readers(plan.settings.children);
        let changed = Vec::new();
        let mut server = Server { clock, sockets, modules, world, controls, threads, reloads, ended, changed, trace };
        let services = Services::default();
        let counters = Counters::of(bound.workers.len());
        let zone = clock::zone();
        let shares = Shares::new(bound.workers.len(), &mut clock::random()?);
        let directory = Directory::new(bound.workers.len());
        let parts = bound.workers.into_iter().zip(handed).zip(counters);
        let mut listeners = bound.listeners.into_iter();
        for (index, ((sockets, handed), counters)) in parts.enumerate() {
            let listeners = listeners.next().unwrap_or_default();
            let directory = directory.clone();
            let (control, controlled) = unbounded_channel();
            let (answer, answers) = unbounded_channel();
            let random = clock::random()?;
            let core = core(&plan.settings, plan.extensions, &bound.sockets, &states, counters, random, zone.clone());
            let answering = answer.clone();
            let databases = server.world.worker(answer).map_err(ServerFault::Database)?;
            let (program, others) = (plan.program.clone(), handing.clone());
            let (end, reloads, services) = (end.clone(), reload.clone(), services.clone());
            let tracer = server.trace.as_ref().map(|trace| trace.tracer(&bound.sockets));
            let serve = move || {
                // A node is made on its own thread: what it keeps need not travel.
                let mut node = Node::new(program, core, index == 0, clock.now());
                node.share = Some((shares, index));
                worker::serve(Parts {
                    index,
                    clock,
                    node,
                    sockets,
                    listeners,
                    directory,
                    databases,
                    services,
                    answers,
                    answering,
                    handed,
                    others,
                    shares,
                    control: controlled,
                    reloads,
                    tracer,
                })
            };
            let name = format!("worker-{}", index + 1);
            let thread = std::thread::Builder::new().name(name).spawn(move || {
                let result = match catch_unwind(AssertUnwindSafe(serve)) {
                    Ok(result) => result,
                    Err(_) => Err(ServerFault::Worker(index + 1)),
                };
                // Nobody listens once the server gave up.
                let _ = end.send((index, result));
            })?;
            server.controls.push(control);
            server.threads.push(thread);
        }
        Ok(server)
    }

    fn tell(&self, control: Control) {
        for worker in &self.controls {
            // A worker that has ended needs no telling.
            let _ = worker.send(control);
        }
    }

    /// Follows signals until every worker has ended, or one broke.
    async fn steer(&mut self, signals: &mut Signals) -> Result<(), ServerFault> {
        let mut stopping = false;
        let mut looking = tokio::time::interval(LOOK);
        let mut serving = self.threads.len();
        while serving > 0 {
            tokio::select! {
                _ = signals.terminate.recv() => self.stop(&mut stopping),
                _ = signals.interrupt.recv() => self.stop(&mut stopping),
                _ = signals.hangup.recv() => self.reload(None),
                Some(module) = self.reloads.recv() => self.reload(Some(module)),
                _ = signals.report.recv() => self.report(),
                _ = signals.unused.recv() => {}
                _ = looking.tick() => self.look(),
                Some((_, result)) = self.ended.recv() => {
                    result?;
                    serving -= 1;
                }
            }
        }
        Ok(())
    }

    /// Has modules write what they kept to be written later. Nobody changes it any more: the workers have ended.
    fn end(&mut self) {
        for (name, state) in &self.modules {
            let mut ending = Ending { now: self.clock.now(), sockets: &self.sockets, world: &mut self.world };
            if let Err(fault) = state.end(&mut ending) {
                say(LogLevel::Error, format!("{name}: {fault}"));
            }
        }
        self.world.finish();
    }

    /// Says once when the file of a database is no longer the one that is asked.
    fn look(&mut self) {
        let changed = self.world.changed();
        for (path, how) in changed.iter().filter(|its| !self.changed.contains(its)) {
            let text = match how {
                Changed::Replaced => format!("{path} was replaced: SIGHUP has it read"),
                Changed::Gone => {
                    format!("{path} is gone: what it held is served on, and changes are lost when the server ends")
                }
            };
            say(LogLevel::Warning, text);
        }
        self.changed = changed;
    }

    fn report(&self) {
        self.tell(Control::Report);
        for (name, state) in &self.modules {
            if let Some(held) = state.held() {
                say(LogLevel::Notice, format!("{name} holds {held}"));
            }
        }
        if let Some(trace) = &self.trace {
            say(LogLevel::Notice, trace.report());
        }
    }

    fn stop(&self, stopping: &mut bool) {
        if std::mem::replace(stopping, true) {
            self.tell(Control::End);
        } else {
            say(LogLevel::Notice, format!("stopping: calls in flight have {} seconds", GRACE.as_secs()));
            self.tell(Control::Stop);
        }
    }

    /// Loads the data of one module again, or of all.
    fn reload(&mut self, module: Option<ModuleId>) {
        let faults = self.world.renew();
        let mut done = faults.is_empty();
        for fault in faults {
            say(LogLevel::Error, format!("reload: {fault}"));
        }
        self.changed = self.world.changed();
        for (at, (name, state)) in self.modules.iter().enumerate() {
            if module.is_some_and(|module| usize::from(module.0) != at) {
                continue;
            }
            if let Err(fault) = state.reload(&mut self.world) {
                say(LogLevel::Error, format!("reload: {name}: {}", fault.message));
                done = false;
            }
        }
        match done {
            true => say(LogLevel::Notice, "reload: done".to_owned()),
            false => say(LogLevel::Error, "reload: not done: what was loaded before is served on".to_owned()),
        }
    }
}

fn say(level: LogLevel, text: String) {
    log::write(0, &LogLine { level, from_script: false, text });
}

fn core(
    settings: &Arc<Settings>,
    extensions: Extensions,
    sockets: &Arc<Sockets>,
    states: &Arc<[Arc<dyn State>]>,
    counters: Counters,
    random: Random,
    zone: TimeZone,
) -> Core {
    Core {
        settings: settings.clone(),
        extensions,
        sockets: sockets.clone(),
        random,
        regexes: Default::default(),
        meter: Default::default(),
        reported: Default::default(),
        log: Vec::new(),
        commands: Vec::new(),
        trace: None,
        counters,
        zone,
        memory,
        modules: states.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sockets::bind;
    use super::*;
    use crate::builtin::{Listen, Module, anywhere};
    use crate::config::{Additions, has_errors, load};
    use crate::modules::MODULES;
    use crate::sip::{Frame, Framer};
    use crate::source::{Files, Sources};
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
    use std::path::Path;

    struct Text(&'static str);

    impl Files for Text {
        fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
            Ok(self.0.into())
        }
    }

    /// A server for this config on a free port of the loopback, and its address.
    fn serve(config: &'static str, workers: usize) -> (Server, SocketAddr) {
        let (server, [address, _]) = serve_by_each(config, workers);
        (server, address)
    }

    /// The same with its addresses by UDP and by TCP.
    fn serve_by_each(config: &'static str, workers: usize) -> (Server, [SocketAddr; 2]) {
        serve_with(MODULES, config, workers)
    }

    fn serve_with(
        modules: &'static [&'static Module],
        config: &'static str,
        workers: usize,
    ) -> (Server, [SocketAddr; 2]) {
        let extensions = Extensions::default();
        let (mut sources, mut diagnostics) = (Sources::default(), Vec::new());
        let additions = Additions::default();
        let path = Path::new("test.cfg");
        let config = load(path, &Text(config), &additions, modules, extensions, &mut sources, &mut diagnostics);
        let mut world = HostWorld::default();
        let started = config.start(Some(&mut world), &mut diagnostics);
        assert!(!has_errors(&diagnostics), "{diagnostics:?}");
        let line = Listen { transport: None, host: "127.0.0.1".into(), port: 0, advertise: None, name: None };
        let bound = bind(&Settings { listen: vec![line], ..Settings::default() }, workers).expect("a free port");
        let addresses = [bound.sockets.list[0].address, bound.sockets.list[1].address];
        let names = config.registry.loaded().iter().map(|module| module.name);
        let states = names.zip(started.states).collect();
        let settings = Arc::new(started.settings);
        let plan = Plan { program: config.program.clone(), settings, extensions, modules: states, world, trace: None };
        (Server::start(plan, bound).expect("the system has threads"), addresses)
    }

    /// Ends the workers and gives how each did.
    fn end(mut server: Server, control: Control) -> Vec<Result<(), ServerFault>> {
        server.tell(control);
        for thread in server.threads.drain(..) {
            thread.join().expect("what happens in it is caught");
        }
        std::iter::from_fn(|| server.ended.try_recv().ok().map(|(_, result)| result)).collect()
    }

    fn phone() -> UdpSocket {
        let phone = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        phone.set_read_timeout(Some(Duration::from_secs(10))).expect("a plain socket");
        phone
    }

    fn options(phone: &UdpSocket, call: usize) -> String {
        let own = phone.local_addr().expect("bound");
        [
            "OPTIONS sip:127.0.0.1 SIP/2.0",
            &format!("Via: SIP/2.0/UDP {own};branch=z9hG4bK-{call};rport"),
            "From: <sip:a@127.0.0.1>;tag=1",
            "To: <sip:127.0.0.1>",
            &format!("Call-ID: {call}@phone"),
            "CSeq: 1 OPTIONS",
            "\r\n",
        ]
        .join("\r\n")
    }

    /// Takes whole replies from a stream; there are as many as asked for.
    fn replies(stream: &mut TcpStream, count: usize) -> Vec<String> {
        let (mut framer, mut found, mut chunk) = (Framer::default(), Vec::new(), [0; 1000]);
        while found.len() < count {
            let length = stream.read(&mut chunk).expect("an answer");
            assert_ne!(length, 0, "closed after {found:?}");
            framer.push(&chunk[..length]);
            while let Some(frame) = framer.frame().expect("whole messages") {
                if let Frame::Message(bytes) = frame {
                    found.push(String::from_utf8_lossy(&bytes).into_owned());
                }
            }
        }
        found
    }

    fn connect(address: SocketAddr) -> TcpStream {
        let stream = TcpStream::connect(address).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a plain socket");
        stream.set_nodelay(true).expect("a plain socket");
        stream
    }

    fn over_tcp(phone: &UdpSocket, call: usize) -> String {
        options(phone, call).replace("/UDP", "/TCP").replace("\r\n\r\n", "\r\nContent-Length: 0\r\n\r\n")
    }

    #[test]
    fn connections_are_answered_whichever_worker_owns_the_call() {
        for workers in [1, 3] {
            let (server, [_, address]) = serve_by_each(ANSWERS, workers);
            let phone = phone();
            let mut stream = connect(address);
            let text: String = (0..50).map(|call| over_tcp(&phone, call)).collect();
            // In pieces that know nothing of messages.
            for piece in text.as_bytes().chunks(777) {
                stream.write_all(piece).expect("loopback takes it");
            }
            let answered = replies(&mut stream, 50);
            assert!(
                answered.iter().all(|reply| reply.starts_with("SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP ")),
                "{answered:?}"
            );
            stream.write_all(b"\r\n\r\n").expect("loopback takes it");
            let mut pong = [0; 2];
            stream.read_exact(&mut pong).expect("an answer to the ping");
            assert_eq!(&pong, b"\r\n");
            let mut other = connect(address);
            other.write_all(b"GET / HTTP/1.0\r\n\r\n").expect("loopback takes it");
            assert_eq!(other.read(&mut [0; 9]).expect("it is closed"), 0);
            let ends = end(server, Control::Stop);
            assert!(ends.iter().all(Result::is_ok), "{ends:?}");
        }
    }

    #[test]
    fn requests_leave_by_connections_and_a_refused_one_is_told() {
        let peer = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let closed = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound");
        let there = peer.local_addr().expect("bound");
        let config = format!(
            "loadmodule \"tm.so\"\nloadmodule \"sl.so\"\nloadmodule \"pv.so\"\n\
             request_route {{ $du = \"sip:{closed};transport=tcp\"; t_on_failure(\"NEXT\"); t_relay(); }}\n\
             failure_route[NEXT] {{ if (t_check_status(\"477\")) {{ $du = \"sip:{there};transport=tcp\"; t_relay(); }} }}"
        );
        for workers in [1, 3] {
            let (server, address) = serve(Box::leak(config.clone().into_boxed_str()), workers);
            let phone = phone();
            phone.send_to(options(&phone, 7).as_bytes(), address).expect("loopback takes it");
            let (mut stream, _) = peer.accept().expect("the server comes");
            stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a plain socket");
            let request = replies(&mut stream, 1).remove(0);
            assert!(request.contains("\r\nVia: SIP/2.0/TCP 127.0.0.1"), "{request}");
            let reply = request.replacen("OPTIONS sip:127.0.0.1 SIP/2.0", "SIP/2.0 200 Fine", 1);
            stream.write_all(reply.as_bytes()).expect("loopback takes it");
            let mut buffer = [0; 2000];
            let length = phone.recv(&mut buffer).expect("an answer");
            assert!(
                buffer[..length].starts_with(b"SIP/2.0 200 Fine\r\n"),
                "{}",
                String::from_utf8_lossy(&buffer[..length])
            );
            assert!(end(server, Control::End).iter().all(Result::is_ok));
        }
    }

    const ANSWERS: &str = "loadmodule \"sl.so\"\nrequest_route { sl_send_reply(\"200\", \"OK\"); }";

    #[test]
    fn requests_are_answered_whichever_worker_owns_the_call() {
        for workers in [1, 3] {
            let (server, address) = serve(ANSWERS, workers);
            let phone = phone();
            for call in 0..100 {
                phone.send_to(options(&phone, call).as_bytes(), address).expect("loopback takes it");
            }
            let mut answered: Vec<usize> = (0..100)
                .map(|_| {
                    let mut buffer = [0; 2000];
                    let length = phone.recv(&mut buffer).expect("an answer");
                    let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                    assert!(text.starts_with("SIP/2.0 200 OK\r\n"), "{text}");
                    let rest = text.split_once("Call-ID: ").expect("a Call-ID").1;
                    rest.split_once('@').expect("ours").0.parse().expect("a number")
                })
                .collect();
            if workers == 1 {
                assert!(answered.is_sorted(), "{answered:?}");
            }
            answered.sort_unstable();
            assert_eq!(answered, (0..100).collect::<Vec<_>>());
            let ends = end(server, Control::Stop);
            assert_eq!(ends.len(), workers);
            assert!(ends.iter().all(Result::is_ok), "{ends:?}");
        }
    }

    /// What a server answers a phone.
    fn answer(phone: &UdpSocket, address: SocketAddr, call: usize) -> String {
        phone.send_to(options(phone, call).as_bytes(), address).expect("loopback takes it");
        let mut buffer = [0; 2000];
        let length = phone.recv(&mut buffer).expect("an answer");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    /// The tag of an answer holds two outputs of the generator in a row. Those of xorshift64* tell its state, and all that it will ever give.
    #[test]
    fn an_answer_does_not_tell_the_next() {
        const FACTOR: u64 = 0x2545_f491_4f6c_dd1d;
        let inverse = (0..6).fold(FACTOR, |it, _| it.wrapping_mul(2u64.wrapping_sub(FACTOR.wrapping_mul(it))));
        let step = |state: u64| {
            let state = state ^ state >> 12;
            let state = state ^ state << 25;
            state ^ state >> 27
        };
        let output = |digits: &str| {
            digits.bytes().rev().fold(0, |number: u64, digit| {
                number << 4 | u64::from(char::from(digit).to_digit(16).expect("a hexadecimal digit"))
            })
        };
        let phone = phone();
        let mut ends = Vec::new();
        for _ in 0..2 {
            let (server, address) = serve(ANSWERS, 1);
            let reply = answer(&phone, address, 1);
            let tag = reply.split_once("\r\nTo: <sip:127.0.0.1>;tag=").expect("a tag").1;
            let (first, second) = (output(&tag[..16]), output(&tag[16..32]));
            assert_ne!(step(first.wrapping_mul(inverse)), second.wrapping_mul(inverse), "{reply}");
            ends.push(tag[32..41].to_owned());
            assert!(end(server, Control::End).iter().all(Result::is_ok));
        }
        // What follows from the request does so under a secret of the server.
        assert_ne!(ends[0], ends[1]);
    }

    /// A module with a fault of ours.
    static FAULTY: Module = Module {
        functions: &[anywhere(&["break_down"], &[], |_, _| panic!("on purpose"), "Breaks.")],
        ..Module::new("faulty", "A fault.")
    };

    #[test]
    fn a_fault_of_ours_costs_one_message() {
        const CONFIG: &str = "loadmodule \"tm.so\"\nloadmodule \"sl.so\"\nloadmodule \"pv.so\"\nloadmodule \"faulty.so\"\n\
            request_route { if ($ci == \"1@phone\") break_down(); if ($ci == \"2@phone\") { t_newtran(); break_down(); } \
            sl_send_reply(\"200\", \"OK\"); }";
        let modules = [MODULES, &[&FAULTY]].concat();
        let (server, [address, _]) = serve_with(Box::leak(modules.into_boxed_slice()), CONFIG, 1);
        let phone = phone();
        for (call, expected) in [(0, "200 OK"), (1, "500 Server"), (2, "500 Server"), (1, "500 Server"), (3, "200 OK")]
        {
            let reply = answer(&phone, address, call);
            assert!(
                reply.starts_with(&format!("SIP/2.0 {expected}")) && reply.contains(&format!("{call}@phone")),
                "{reply}"
            );
        }
        assert!(end(server, Control::Stop).iter().all(Result::is_ok));
    }

    /// The last callee has answered while the server stops: its ACK still passes, and then the server ends well before its time is over.
    #[test]
    fn a_server_that_stops_waits_for_the_ack_of_what_it_has_relayed() {
        let (callee, caller) = (phone(), phone());
        let there = callee.local_addr().expect("bound");
        let config = format!(
            "loadmodule \"tm.so\"\nloadmodule \"sl.so\"\nloadmodule \"pv.so\"\nrequest_route {{ $du = \"sip:{there}\"; t_relay(); }}"
        );
        let (mut server, address) = serve(Box::leak(config.into_boxed_str()), 1);
        let mut buffer = [0; 2000];
        let mut next = |phone: &UdpSocket, start: &str| loop {
            let length = phone.recv(&mut buffer).expect("a packet");
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if text.starts_with(start) {
                return text;
            }
        };
        let invite = options(&caller, 9).replace("OPTIONS", "INVITE");
        caller.send_to(invite.as_bytes(), address).expect("loopback takes it");
        let relayed = next(&callee, "INVITE ");
        server.tell(Control::Stop);
        let ok = relayed.split_once("\r\n").expect("lines").1.replacen(
            "To: <sip:127.0.0.1>",
            "To: <sip:127.0.0.1>;tag=b",
            1,
        );
        callee.send_to(format!("SIP/2.0 200 OK\r\n{ok}").as_bytes(), address).expect("loopback takes it");
        next(&caller, "SIP/2.0 200");
        let ack = invite
            .replace("INVITE", "ACK")
            .replace("bK-9", "bK-ack")
            .replace("To: <sip:127.0.0.1>", "To: <sip:127.0.0.1>;tag=b");
        assert!(server.ended.try_recv().is_err(), "it waits");
        caller.send_to(ack.as_bytes(), address).expect("loopback takes it");
        next(&callee, "ACK ");
        let began = super::super::clock::Stopwatch::start();
        for thread in server.threads.drain(..) {
            thread.join().expect("what happens in it is caught");
        }
        assert!(began.elapsed() < GRACE / 2, "{:?}", began.elapsed());
    }

    /// The query of call 0 sleeps: it counts until SQLite has worked for a good while. One worker serves a hundred calls meanwhile, and in the end
    /// also that one.
    #[test]
    fn a_query_that_sleeps_holds_up_its_own_call_only() {
        let folder = std::env::temp_dir().join(format!("alanui-sleep-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let database = folder.join("sleep.db");
        rusqlite::Connection::open(&database).and_then(|it| it.execute_batch("CREATE TABLE t(a)")).expect("a database");
        let config = format!(
            "loadmodule \"sl.so\"\nloadmodule \"pv.so\"\nloadmodule \"sqlops.so\"\nloadmodule \"db_sqlite.so\"\n\
             modparam(\"sqlops\", \"sqlcon\", \"cb=>sqlite:///{}\")\n\
             request_route {{ if ($ci == \"0@phone\") {{ sql_query(\"cb\", \"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT \
             i + 1 FROM n WHERE i < 3000000) SELECT count(*) FROM n\", \"r\"); }} sl_send_reply(\"200\", \"OK\"); }}",
            database.display()
        );
        let (server, address) = serve(Box::leak(config.into_boxed_str()), 1);
        let phone = phone();
        for call in 0..=100 {
            phone.send_to(options(&phone, call).as_bytes(), address).expect("loopback takes it");
        }
        let answered: Vec<bool> = (0..=100)
            .map(|_| {
                let mut buffer = [0; 2000];
                let length = phone.recv(&mut buffer).expect("an answer");
                String::from_utf8_lossy(&buffer[..length]).contains("Call-ID: 0@phone")
            })
            .collect();
        assert_eq!(answered.iter().position(|slow| *slow), Some(100), "the call that waits comes last");
        assert!(end(server, Control::Stop).iter().all(Result::is_ok));
        let _ = std::fs::remove_dir_all(folder);
    }

    #[test]
    fn garbage_does_not_stop_it() {
        let (server, address) = serve(ANSWERS, 1);
        let phone = phone();
        let long = vec![b'x'; 60_000];
        for garbage in [&b""[..], b"\r\n\r\n", b"\0\0\0\0", b"hello", &long] {
            phone.send_to(garbage, address).expect("loopback takes it");
        }
        phone.send_to(options(&phone, 1).as_bytes(), address).expect("loopback takes it");
        let length = phone.recv(&mut [0; 2000]).expect("an answer to the good one");
        assert!(length > 100);
        assert!(end(server, Control::End).iter().all(Result::is_ok));
    }
}
