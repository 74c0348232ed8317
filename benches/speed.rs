//! What a message costs: `cargo bench`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark that cannot go on has failed"
)]

use alanui::builtin::{
    Answer, Connected, Core, DatabaseId, Effect, Extensions, Locals, Memory, QueryFault, Random, Received, RouteId,
    RouteKind, Rows, Socket, SocketId, Sockets, Value, Working, World,
};
use alanui::config::{Additions, has_errors, load};
use alanui::lint;
use alanui::modules::MODULES;
use alanui::node::Node;
use alanui::script::{Program, Step, Task, run};
use alanui::sim::{self, Reading};
use alanui::sip::{Message, Transport};
use alanui::source::{Files, Sources, render};
use alanui::time::{Now, Tick};
use alanui::world::{Datagram, Flow, Given, Kept, Question, drive};
use bytes::Bytes;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// As in the command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

criterion_group!(benches, index, router_script, calls, sizes, steps, check, scenarios);
criterion_main!(benches);

/// A phone's INVITE: 725 bytes, 12 headers.
const INVITE: &str = "INVITE sip:bob@tenant1.example.com SIP/2.0
Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-524287-1---0123456789abcdef;rport
Max-Forwards: 70
Contact: <sip:alice@192.0.2.10:5060;transport=UDP>
To: <sip:bob@tenant1.example.com>
From: \"Alice\" <sip:alice@tenant1.example.com>;tag=a73kszlfl
Call-ID: 1j9FpLxk3uxtm8tn@192.0.2.10
CSeq: 1 INVITE
Allow: INVITE, ACK, CANCEL, BYE, NOTIFY, REFER, MESSAGE, OPTIONS, INFO, SUBSCRIBE
Content-Type: application/sdp
User-Agent: Phone 5.6.6 release 12 build 3456
Allow-Events: presence, kpml, talk
Content-Length: 158

v=0
o=- 1757 1757 IN IP4 192.0.2.10
s=-
c=IN IP4 192.0.2.10
t=0 0
m=audio 8000 RTP/AVP 0 8 101
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=x
";

fn invite() -> Bytes {
    Bytes::from(INVITE.replace('\n', "\r\n"))
}

/// A script and the worker it runs on, with a database that always answers the same.
struct Bench {
    program: Arc<Program>,
    core: Core,
}

/// The config in memory, or else a file of the package.
struct Source(Option<&'static str>);

impl Files for Source {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match self.0 {
            Some(text) => Ok(text.into()),
            None => std::fs::read(path),
        }
    }
}

/// The rows of the edge router's two tables.
struct Canned;

impl World for Canned {
    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn connect(&mut self, _: &str, _: Extensions) -> Result<Connected, QueryFault> {
        Ok(Connected { id: DatabaseId(0), dialect: &alanui::modules::db_sqlite::DIALECT })
    }

    fn address(&mut self, _: &str) -> Option<std::net::IpAddr> {
        None
    }

    fn query(&mut self, _: DatabaseId, sql: &str) -> Result<Rows, QueryFault> {
        if sql.contains("version") {
            return Err(QueryFault::Refused("no such table".into()));
        }
        let columns = ["setid", "destination", "flags", "priority", "attrs"].map(Bytes::from_static_str).into();
        let cells = vec![Value::Int(10), text("sip:127.0.0.1:5070"), Value::Int(0), Value::Int(0), Value::Null];
        Ok(Rows { columns, cells })
    }
}

trait StaticText {
    fn from_static_str(text: &'static str) -> Bytes;
}

impl StaticText for Bytes {
    fn from_static_str(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }
}

fn text(text: &'static str) -> Value {
    Value::Text(Bytes::from_static(text.as_bytes()))
}

/// What a domain's row says.
fn set_of_domain() -> Answer {
    Answer::Rows(Ok(Rows { columns: vec![Bytes::from_static(b"dispatcher_setid")], cells: vec![Value::Int(10)] }))
}

impl Bench {
    fn new(path: &str, config: Option<&'static str>) -> Bench {
        let extensions = Extensions::default();
        let (mut sources, mut found) = (Sources::default(), Vec::new());
        let additions = Additions::default();
        let config = load(Path::new(path), &Source(config), &additions, MODULES, extensions, &mut sources, &mut found);
        let started = config.start(Some(&mut Canned), &mut found);
        assert!(!has_errors(&found), "{}", render::human(&sources, &found, false));
        let address = "127.0.0.1:5060".parse().expect("an address");
        let list = vec![Socket { transport: Transport::Udp, address, advertise: None, name: None }];
        let core = Core {
            settings: Arc::new(started.settings),
            extensions,
            sockets: Arc::new(Sockets { list, ..Sockets::default() }),
            random: Random::repeatable(1),
            zone: jiff::tz::TimeZone::UTC,
            regexes: Default::default(),
            meter: Default::default(),
            reported: Default::default(),
            log: Vec::new(),
            commands: Vec::new(),
            trace: None,
            counters: Default::default(),
            memory: || Memory { total: 0, free: 0 },
            modules: Arc::from(started.states),
        };
        Bench { program: config.program.clone(), core }
    }

    fn edge_router() -> Bench {
        Bench::new(concat!(env!("CARGO_MANIFEST_DIR"), "/configs/edge-router/kamailio.cfg"), None)
    }

    /// Runs request_route on a message; whatever it wants succeeds.
    fn run(&mut self, message: &Message, route: RouteId) -> i64 {
        let received = Received { flow: Flow::to(source(), SocketId(0)), at: Tick::ZERO };
        let working = Box::new(Working::new(message.clone(), received, 1));
        let mut task = Task::of_route(working, Locals::default(), &self.program, route);
        let mut answer = None;
        loop {
            match run(&self.program, &mut task, &mut self.core, now(0), answer.take()) {
                Step::Done(end) => return end.value,
                Step::Wait(Effect::Ask(Question::Query(_))) => answer = Some(set_of_domain()),
                Step::Wait(_) => answer = Some(Answer::Code(1)),
            }
        }
    }
}

fn source() -> std::net::SocketAddr {
    "192.0.2.10:5060".parse().expect("an address")
}

fn now(millis: u64) -> Now {
    Now { tick: Tick::from_micros(millis * 1000), unix: Duration::from_millis(1_700_000_000_000 + millis) }
}

fn index(criterion: &mut Criterion) {
    let bytes = invite();
    criterion.bench_function("index an INVITE", |bencher| {
        bencher.iter(|| Message::parse(black_box(bytes.clone())).map(|message| message.body().len()));
    });
}

fn router_script(criterion: &mut Criterion) {
    let mut bench = Bench::edge_router();
    let message = Message::parse(invite()).expect("it is good");
    let route = bench.program.route(RouteKind::Request, "").expect("every config has it");
    criterion.bench_function("edge router: the script on an INVITE", |bencher| {
        bencher.iter(|| bench.run(&message, route));
    });
}

/// Each INVITE is a call of its own, forwarded, answered 486 and acknowledged, so that the node forgets it in time.
fn calls(criterion: &mut Criterion) {
    let Bench { program, core } = Bench::edge_router();
    let mut node = Node::new(program, core, false, now(0));
    let template = INVITE.replace('\n', "\r\n");
    let mut count = 0u64;
    criterion.bench_function("edge router: an INVITE through the node, refused by the backend", |bencher| {
        bencher.iter_batched(
            || {
                count += 1;
                let digits = format!("{count:016x}");
                let text = template.replace("0123456789abcdef", &digits).replace("1j9FpLxk3uxtm8tn", &digits);
                (Bytes::from(text), count)
            },
            |(bytes, count)| call(&mut node, bytes, now(count)),
            BatchSize::SmallInput,
        );
    });
}

/// What a call takes while it lives: printed, so that it is seen when it grows.
fn sizes(_: &mut Criterion) {
    const CALLS: u64 = 1000;
    for (name, bytes) in alanui::node::sizes() {
        println!("size of {name}: {bytes} bytes");
    }
    let Bench { program, core } = Bench::edge_router();
    let mut node = Node::new(program, core, false, now(0));
    let (mut kept, template) = (Kept::default(), INVITE.replace('\n', "\r\n"));
    for count in 1..=CALLS {
        let digits = format!("{count:016x}");
        let text = template.replace("0123456789abcdef", &digits).replace("1j9FpLxk3uxtm8tn", &digits);
        let arrived = Datagram { bytes: text.into(), flow: Flow::to(source(), SocketId(0)) };
        drive(&mut node, &mut kept, now(count), Given::Arrived(arrived));
        for (ticket, _) in std::mem::take(&mut kept.questions) {
            drive(&mut node, &mut kept, now(count), Given::Answered(ticket, set_of_domain()));
        }
        node.core_mut().log.clear();
    }
    let (name, held) = &node.held()[0];
    assert_eq!(held.count as u64, CALLS, "each call has its transaction");
    println!("{name}: {} bytes each, messages and what scripts left with them included", held.bytes / held.count);
}

fn call(node: &mut Node, bytes: Bytes, now: Now) -> usize {
    let mut kept = Kept::default();
    drive(node, &mut kept, now, Given::Arrived(Datagram { bytes, flow: Flow::to(source(), SocketId(0)) }));
    for (ticket, _) in std::mem::take(&mut kept.questions) {
        drive(node, &mut kept, now, Given::Answered(ticket, set_of_domain()));
    }
    // The last packet is the forwarded INVITE; the 100 went before.
    let forwarded = kept.packets.pop().expect("it is forwarded");
    let head = String::from_utf8_lossy(&forwarded.bytes);
    assert!(head.starts_with("INVITE"), "{head}\n{:?}", node.core().log);
    let lines = head
        .split("\r\n")
        .filter(|line| ["Via:", "From:", "To:", "Call-ID:", "CSeq:"].iter().any(|name| line.starts_with(name)));
    let mut reply = String::from("SIP/2.0 486 Busy Here\r\n");
    lines.for_each(|line| {
        reply.push_str(line);
        reply.push_str(if line.starts_with("To:") { ";tag=b\r\n" } else { "\r\n" });
    });
    reply.push_str("Content-Length: 0\r\n\r\n");
    drive(node, &mut kept, now, Given::Arrived(Datagram { bytes: reply.into(), flow: forwarded.flow }));
    drive(node, &mut kept, now, Given::Due);
    node.core_mut().log.clear();
    kept.packets.len()
}

fn steps(criterion: &mut Criterion) {
    const CONFIG: &str = r#"
loadmodule "pv.so"
loadmodule "textops.so"
max_while_loops=20000
request_route {
    $var(i) = 0;
    while ($var(i) < 10000) {
        $var(text) = "user " + $var(i);
        if ($var(text) =~ "^user [0-9]+$" && is_method("INVITE")) {
            $var(i) = $var(i) + 1;
        } else {
            exit;
        }
    }
    return 1;
}
"#;
    let mut bench = Bench::new("steps.cfg", Some(CONFIG));
    let message = Message::parse(invite()).expect("it is good");
    let route = bench.program.route(RouteKind::Request, "").expect("every config has it");
    assert_eq!(bench.run(&message, route), 1);
    criterion.bench_function("10,000 iterations with concatenation, a regex and a function", |bencher| {
        bencher.iter(|| bench.run(&message, route));
    });
}

/// What `alanui check` does with a config of 5,000 lines: eighty tenants with blocks of their own.
fn check(criterion: &mut Criterion) {
    const TENANTS: usize = 80;
    let numbered = |text: &str| (0..TENANTS).map(|at| text.replace('@', &at.to_string())).collect::<String>();
    let text = CHECKED.replace("CASES", &numbered(CASE)) + &numbered(TENANT);
    assert!(text.lines().count() >= 5000);
    let source = Source(Some(Box::leak(text.into_boxed_str())));
    criterion.bench_function("check a config of 5,000 lines with all lints", |bencher| {
        bencher.iter(|| {
            let (mut sources, mut found) = (Sources::default(), Vec::new());
            let (path, additions) = (Path::new("tenants.cfg"), Additions::default());
            let extensions = Extensions::default();
            let config = load(path, &source, &additions, MODULES, extensions, &mut sources, &mut found);
            lint::check(&config, &sources, None, &mut found);
            assert!(!has_errors(&found), "{}", render::human(&sources, &found, false));
            found.len()
        });
    });
}

/// The edge router's folder, with one scenario more.
struct Folder(String);

impl Files for Folder {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if path.ends_with("bench.call") { Ok(self.0.clone().into_bytes()) } else { std::fs::read(path) }
    }
}

/// What `alanui test` does with a long scenario: an INVITE, a 486 and an ACK each, 900 messages to the server in all.
fn scenarios(criterion: &mut Criterion) {
    let mut text = String::from(
        "config ../kamailio.cfg\ndatabase ../routing.sql one-backend.sql\n\
         peer alice 192.0.2.10\npeer asterisk1 10.0.2.20\n",
    );
    for call in 0..300 {
        text.push_str(&format!(
            "invite bob{call}@tenant2.example.com from alice\nasterisk1 answers 486\nalice sends ACK\n"
        ));
    }
    let folder = Folder(text);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/edge-router/scenarios/bench.call");
    criterion.bench_function("play a scenario of 900 messages through the edge router", |bencher| {
        bencher.iter(|| {
            let (mut sources, mut found) = (Sources::default(), Vec::new());
            let reading = Reading { files: &folder, variable: &|_| None, unbuilt: Default::default() };
            let scenarios = sim::parse(&path, &reading, &mut sources, &mut found).expect("a scenario");
            let played = sim::play(&scenarios[0], &reading, MODULES, false, &mut sources).expect("it can be played");
            assert!(played.failures.is_empty());
            played.ladder.len()
        });
    });
}

const CHECKED: &str = r#"#!KAMAILIO
loadmodule "pv.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "maxfwd.so"
loadmodule "sanity.so"
loadmodule "xlog.so"
loadmodule "htable.so"
loadmodule "dispatcher.so"
modparam("htable", "htable", "calls=>size=8;autoexpire=3600;")
modparam("dispatcher", "list_file", "/etc/kamailio/dispatcher.list")

request_route {
    if (!mf_process_maxfwd_header("10")) {
        sl_send_reply("483", "Too Many Hops");
        exit;
    }
    if (!sanity_check("1511", "7")) {
        exit;
    }
    if (is_method("CANCEL")) {
        if (t_check_trans()) {
            route(RELAY);
        }
        exit;
    }
    if (has_totag()) {
        if (loose_route()) {
            route(RELAY);
        }
        exit;
    }
    if (is_method("INVITE|SUBSCRIBE")) {
        record_route();
    }
    switch ($rd) {
CASES    }
    sl_send_reply("404", "Not Found");
}

route[RELAY] {
    if (!t_relay()) {
        sl_reply_error();
    }
    exit;
}
"#;

const CASE: &str = r#"        case "tenant@.example.com":
            route(TENANT@);
            break;
"#;

const TENANT: &str = r#"
# Calls of tenant @.
route[TENANT@] {
    if (is_method("REGISTER")) {
        sl_send_reply("405", "Method Not Allowed");
        exit;
    }
    $var(domain) = $fd;
    if ($var(domain) == "tenant@.example.com" && !has_totag()) {
        $avp(limit) = 10 + @;
        xlog("L_INFO", "tenant @: $rm from $fu to $ru ($ci)\n");
        if ($sht(calls=>tenant@::$fU) == $null) {
            $sht(calls=>tenant@::$fU) = 0;
        }
        $sht(calls=>tenant@::$fU) = $sht(calls=>tenant@::$fU) + 1;
        if ($sht(calls=>tenant@::$fU) > $avp(limit)) {
            send_reply("503", "Too Many Calls");
            exit;
        }
    } else if ($rU =~ "^\\+?[0-9]{7,15}$") {
        append_hf("X-Tenant: @\r\n");
        remove_hf("X-Internal");
    }
    switch ($rd) {
        case "a@.example.com":
            $var(set) = 1;
            break;
        case "b@.example.com":
            $var(set) = 2;
            break;
        default:
            $var(set) = 3;
    }
    if (!ds_select_dst($var(set), "4")) {
        send_reply("503", "No Destination");
        exit;
    }
    t_on_failure("NEXT@");
    t_on_branch("OUT@");
    route(RELAY);
}

branch_route[OUT@] {
    xlog("L_DBG", "branch to $du\n");
    if ($(hdr(Route)[0]) != $null) {
        remove_hf("P-Hint");
    }
}

failure_route[NEXT@] {
    if (t_is_canceled()) {
        exit;
    }
    if (t_check_status("5[0-9][0-9]") || t_branch_timeout()) {
        if (ds_next_dst()) {
            t_on_failure("NEXT@");
            route(RELAY);
            exit;
        }
    }
}
"#;
