//! Start to selection, as a config has it.

use super::*;
use crate::builtin::bench::Bench;
use crate::builtin::{
    Background, Command, Connected, DatabaseId, Extension, Extensions, Outcome, ParamGiven, ParamGivenValue, Params,
    QueryFault, Rows, Settings, Slots, Start, Value,
};
use crate::source::Span;
use crate::time::{Now, Tick};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::path::Path;

type Row = (i64, &'static str, i64, i64, &'static str);

// A database with a table of destinations, or a list file.
#[derive(Default)]
struct Paper {
    rows: Vec<Row>,
    list: Option<&'static str>,
    version: Option<i64>,
    columns: Option<&'static [&'static str]>,
}

impl World for Paper {
    fn read(&mut self, _: &Path) -> io::Result<Vec<u8>> {
        self.list.map(|list| list.as_bytes().to_vec()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn connect(&mut self, url: &str, _: Extensions) -> Result<Connected, QueryFault> {
        match url.contains("missing") {
            true => Err(QueryFault::Unavailable("no such file".into())),
            false => Ok(Connected { id: DatabaseId(0), dialect: &crate::modules::db_sqlite::DIALECT }),
        }
    }

    fn address(&mut self, name: &str) -> Option<IpAddr> {
        (!name.ends_with(".invalid")).then_some(IpAddr::from([192, 0, 2, 77]))
    }

    fn query(&mut self, _: DatabaseId, sql: &str) -> Result<Rows, QueryFault> {
        if sql.contains("FROM version") {
            let version = self.version.ok_or_else(|| QueryFault::Refused("no such table: version".into()))?;
            return Ok(Rows { columns: vec![Bytes::from_static(b"table_version")], cells: vec![Value::Int(version)] });
        }
        assert_eq!(sql, "SELECT * FROM dispatcher");
        let columns = self.columns.unwrap_or(&["id", "setid", "destination", "flags", "priority", "attrs"]);
        let cells = self.rows.iter().enumerate().flat_map(|(id, (set, uri, flags, priority, attrs))| {
            let text = |text: &'static str| Value::text(text);
            [Value::Int(id as i64), Value::Int(*set), text(uri), Value::Int(*flags), Value::Int(*priority), text(attrs)]
        });
        Ok(Rows {
            columns: columns.iter().map(|name| Bytes::from_static(name.as_bytes())).collect(),
            cells: cells.collect(),
        })
    }
}

fn given(params: &[(&'static str, &str)]) -> Vec<ParamGiven> {
    let value = |text: &str| match text.parse() {
        Ok(number) if !text.contains("code") => ParamGivenValue::Int(number),
        _ => ParamGivenValue::Text(Bytes::from(text.to_owned())),
    };
    params.iter().map(|(name, text)| ParamGiven { name, value: value(text), span: Span::default() }).collect()
}

struct Started {
    state: Arc<dyn State>,
    used: Vec<Extension>,
    log: Vec<String>,
}

fn try_start(
    params: &[(&'static str, &str)],
    paper: &mut Paper,
    extensions: Extensions,
) -> Result<Started, StartFault> {
    let mut all = given(params);
    if !params.iter().any(|(name, _)| ["db_url", "list_file"].contains(name)) {
        all.extend(given(&[("db_url", "sqlite:////routing.db")]));
    }
    let (mut used, mut log, mut settings) = (Vec::new(), Vec::new(), Settings::default());
    let state = (MODULE.start)(&mut Start {
        params: Params::new(MODULE.params, &all),
        settings: &mut settings,
        extensions,
        used: &mut used,
        slots: &Slots::default(),
        routes: &[],
        events: &[],
        dialects: &[&crate::modules::db_sqlite::DIALECT],
        world: Some(paper),
        module: crate::builtin::ModuleId(0),
        modules: &[],
        given: &[],
        log: &mut log,
    })?;
    let used = used.into_iter().map(|(extension, _)| extension).collect();
    Ok(Started { state: Arc::from(state), used, log: log.into_iter().map(|(_, text)| text).collect() })
}

fn bench(params: &[(&'static str, &str)], rows: &[Row]) -> Bench {
    let mut paper = Paper { rows: rows.to_vec(), version: Some(4), ..Paper::default() };
    Bench::new(INVITE, try_start(params, &mut paper, Extensions::default()).unwrap().state)
}

const INVITE: &str = "INVITE sip:bob@example.com SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\nFrom: <sip:alice@example.com>;tag=1\nTo: <sip:bob@example.com>\nCall-ID: call-1\nCSeq: 1 INVITE\nContent-Length: 0\n\n";
const BYE: &str = "BYE sip:bob@example.com SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK2\nFrom: <sip:alice@example.com>;tag=1\nTo: <sip:bob@example.com>;tag=2\nCall-ID: call-1\nCSeq: 2 BYE\nContent-Length: 0\n\n";

fn call(bench: &mut Bench, name: &str, args: &[&str]) -> i32 {
    let fits = |row: &&Function| row.names.contains(&name) && (row.arity().0..=row.arity().1).contains(&args.len());
    match bench.call(FUNCTIONS.iter().find(fits).unwrap(), args) {
        Outcome::Return(code) => code,
        Outcome::Wait(..) => panic!("it waits for nothing"),
    }
}

fn du(bench: &Bench) -> String {
    bench.message.target.next_hop.as_ref().map(|uri| String::from_utf8_lossy(uri).into_owned()).unwrap_or_default()
}

// How often each destination is chosen, by the last digit of its port.
fn spread(bench: &mut Bench, algorithm: &str, calls: usize) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for _ in 0..calls {
        assert_eq!(call(bench, "ds_select_dst", &["1", algorithm]), 1);
        let du = du(bench);
        *counts.entry(du[du.len() - 1..].to_owned()).or_insert(0) += 1;
    }
    counts
}

fn counts(pairs: &[(&str, usize)]) -> BTreeMap<String, usize> {
    pairs.iter().map(|(name, count)| (name.to_string(), *count)).collect()
}

fn letters(bench: &Bench, uri: &str) -> String {
    let state: crate::builtin::StateOf<Dispatcher> = bench.core.state(crate::builtin::ModuleId(0)).unwrap();
    let sets = state.sets();
    let all = sets.iter().flat_map(|set| set.destinations.iter());
    let health = all.into_iter().find(|its| its.uri == uri.as_bytes()).unwrap().live.health.load();
    String::from_utf8(health.letters().to_vec()).unwrap()
}

#[test]
fn round_robin_begins_with_the_highest_priority_and_among_equals_the_last() {
    let order = |rows: &[Row]| {
        let mut bench = bench(&[], rows);
        (0..4)
            .map(|_| {
                call(&mut bench, "ds_select_dst", &["1", "4"]);
                du(&bench)
            })
            .collect::<Vec<_>>()
    };
    let ranked = [(1, "sip:h:6001", 0, 0, ""), (1, "sip:h:6002", 0, 10, "")];
    assert_eq!(order(&ranked), ["sip:h:6002", "sip:h:6001", "sip:h:6002", "sip:h:6001"]);
    let equal = [(1, "sip:h:6001", 0, 0, ""), (1, "sip:h:6002", 0, 0, ""), (1, "sip:h:6003", 0, 0, "")];
    assert_eq!(order(&equal), ["sip:h:6003", "sip:h:6002", "sip:h:6001", "sip:h:6003"]);
}

#[test]
fn bare_addresses_become_uris() {
    let mut bench = bench(&[], &[(1, "10.0.1.100", 0, 0, ""), (1, "10.0.1.101:5070", 0, 0, "")]);
    call(&mut bench, "ds_select_dst", &["1", "4"]);
    assert_eq!(du(&bench), "sip:10.0.1.101:5070");
    call(&mut bench, "ds_select_dst", &["1", "4"]);
    assert_eq!(du(&bench), "sip:10.0.1.100");
}

// The examples of the telephony document, with the nodes in the order it shows them.
#[test]
fn weights_are_shared_as_documented() {
    let nodes = |kind: &'static [&'static str; 3], off: Option<usize>| -> Vec<Row> {
        (0..3)
            .map(|at| {
                (1, ["sip:h:6001", "sip:h:6002", "sip:h:6003"][at], i64::from(off == Some(at)), 9 - at as i64, kind[at])
            })
            .collect()
    };
    let weights: &'static [&'static str; 3] = &["weight=25", "weight=50", "weight=25"];
    let relative: &'static [&'static str; 3] = &["rweight=25", "rweight=50", "rweight=25"];
    let cases = [
        (weights, "9", None, [25, 50, 25]),
        (weights, "9", Some(0), [0, 75, 25]),
        (weights, "9", Some(1), [25, 0, 75]),
        (weights, "9", Some(2), [50, 50, 0]),
        (relative, "11", None, [25, 50, 25]),
        (relative, "11", Some(0), [0, 66, 34]),
        (relative, "11", Some(1), [50, 0, 50]),
        (relative, "11", Some(2), [33, 67, 0]),
    ];
    for (kind, algorithm, off, shares) in cases {
        let mut bench = bench(&[], &nodes(kind, off));
        let expected = ["1", "2", "3"].into_iter().zip(shares).filter(|(_, share)| *share > 0).collect::<Vec<_>>();
        assert_eq!(spread(&mut bench, algorithm, 100), counts(&expected), "{algorithm} without {off:?}");
    }
    // Without priorities the table is read from its end, as Kamailio does: then the first node takes the rest.
    let rows: Vec<Row> = nodes(relative, Some(2)).into_iter().map(|row| (row.0, row.1, row.2, 0, row.4)).collect();
    assert_eq!(spread(&mut bench(&[], &rows), "11", 100), counts(&[("1", 34), ("2", 66)]));
}

#[test]
fn relative_weights_follow_the_state() {
    let rows = [(1, "sip:h:6001", 0, 2, "rweight=50"), (1, "sip:h:6002", 0, 1, "rweight=50")];
    let mut bench = bench(&[("flags", "2")], &rows);
    assert_eq!(spread(&mut bench, "11", 100), counts(&[("1", 50), ("2", 50)]));
    assert_eq!(call(&mut bench, "ds_mark_addr", &["i", "1", "sip:h:6001"]), 1);
    assert_eq!(spread(&mut bench, "11", 10), counts(&[("2", 10)]));
}

#[test]
fn hashes_stay_and_the_inactive_is_passed_over() {
    let rows = [(1, "sip:h:6001", 0, 3, ""), (1, "sip:h:6002", 0, 2, ""), (1, "sip:h:6003", 1, 1, "")];
    for algorithm in ["0", "1", "2", "3"] {
        assert_eq!(spread(&mut bench(&[], &rows), algorithm, 20).len(), 1, "{algorithm}");
    }
    let random = spread(&mut bench(&[], &rows), "6", 300);
    assert!(random.len() == 2 && random.values().all(|count| *count > 50), "{random:?}");
    assert_eq!(spread(&mut bench(&[], &rows), "8", 5), counts(&[("1", 5)]));
    assert_eq!(call(&mut bench(&[], &rows), "ds_select_dst", &["1", "7"]), -1);
    let mut seventh = bench(&[("hash_pvar", "a key")], &rows);
    assert_eq!(spread(&mut seventh, "7", 5).len(), 1);
}

#[test]
fn nobody_active_is_false_unless_there_is_a_default() {
    let rows = [(1, "sip:h:6001", 1, 3, ""), (1, "sip:h:6002", 4, 2, ""), (1, "sip:h:6003", 0, 1, "")];
    assert_eq!(spread(&mut bench(&[("use_default", "1")], &rows), "4", 3), counts(&[("3", 3)]));
    let dead = [(1, "sip:h:6001", 1, 0, "")];
    assert_eq!(call(&mut bench(&[], &dead), "ds_select_dst", &["1", "4"]), -1);
    assert_eq!(call(&mut bench(&[], &dead), "ds_select_dst", &["9", "4"]), -1);
    assert_eq!(call(&mut bench(&[], &dead), "ds_select_dst", &["-1", "4"]), -1);
}

#[test]
fn failover_goes_down_the_list_and_marks_what_failed() {
    let rows = [
        (1, "sip:h:6001", 0, 10, "a=1"),
        (1, "sip:h:6002", 8, 5, ""),
        (1, "sip:h:6003", 4, 3, ""),
        (1, "sip:h:6004", 0, 1, ""),
    ];
    let mut bench = bench(&[("flags", "2")], &rows);
    assert_eq!(call(&mut bench, "ds_select_dst", &["1", "4"]), 1);
    let field = |bench: &Bench, at, name: &[u8]| {
        bench.locals.avps.record(b"_dsdst_", at).and_then(|its| its.field(name).cloned())
    };
    assert_eq!(field(&bench, 0, b"uri"), Some(Value::text("sip:h:6001")));
    assert_eq!(field(&bench, 0, b"attrs"), Some(Value::text("a=1")));
    assert_eq!(field(&bench, 0, b"grp"), Some(Value::Int(1)));
    assert_eq!(field(&bench, 2, b"uri"), Some(Value::text("sip:h:6004")));
    assert_eq!(bench.locals.avps.records(b"_dsdst_"), 3);
    assert_eq!(bench.locals.avps.record(b"_dsctx_", 0).unwrap().field(b"cnt"), Some(&Value::Int(3)));
    assert_eq!(call(&mut bench, "ds_mark_dst", &["ip"]), 1);
    assert_eq!(letters(&bench, "sip:h:6001"), "IP");
    let [Command::Event(event)] = &bench.core.commands[..] else { panic!("{:?}", bench.core.commands) };
    assert_eq!((&*event.name, event.destination.as_deref()), ("dispatcher:dst-down", Some(&b"sip:h:6001"[..])));
    assert_eq!(call(&mut bench, "ds_next_dst", &[]), 1);
    assert_eq!(du(&bench), "sip:h:6002");
    assert_eq!(call(&mut bench, "ds_next_domain", &[]), 1);
    assert_eq!(bench.message.request_uri(), "sip:bob@h:6004");
    assert_eq!(call(&mut bench, "ds_next_dst", &[]), -1);
    assert_eq!(call(&mut bench, "ds_set_dst", &[]), -1);
    assert_eq!(call(&mut bench, "ds_mark_dst", &[]), -1);
    assert_eq!(call(&mut bench, "ds_select_dst", &["1", "4", "1"]), 1);
    assert_eq!(bench.locals.avps.records(b"_dsdst_"), 1);
}

#[test]
fn all_at_once_makes_a_branch_for_each() {
    let rows = [(1, "sip:h:6001", 0, 2, ""), (1, "sip:h:6002", 1, 1, ""), (1, "sip:h:6003", 0, 0, "")];
    let mut bench = bench(&[], &rows);
    assert_eq!(call(&mut bench, "ds_select_dst", &["1", "12"]), 1);
    assert_eq!((du(&bench), bench.message.branches.len()), ("sip:h:6001".into(), 2));
    assert_eq!(bench.message.branches[0].next_hop.as_deref(), Some(&b"sip:h:6002"[..]));
    assert_eq!(call(&mut bench, "ds_select_domain", &["1", "12"]), 1);
    assert_eq!(bench.message.branches[3].uri.as_deref(), Some(&b"sip:bob@h:6003"[..]));
}

#[test]
fn slow_destinations_lose_priority() {
    let rows =
        [(1, "sip:h:6001", 0, 10, "latency=100"), (1, "sip:h:6002", 0, 10, "latency=5"), (1, "sip:h:6003", 0, 5, "")];
    assert_eq!(spread(&mut bench(&[], &rows), "13", 6), counts(&[("2", 6)]));
    let even = [(1, "sip:h:6001", 0, 10, ""), (1, "sip:h:6002", 0, 10, "")];
    assert_eq!(spread(&mut bench(&[], &even), "13", 6), counts(&[("1", 3), ("2", 3)]));
}

#[test]
fn routes_are_tried_in_turn() {
    let rows = [(1, "sip:h:6001", 0, 2, ""), (1, "sip:h:6002", 0, 1, ""), (2, "sip:h:6005", 0, 0, "")];
    let mut bench = bench(&[("flags", "2")], &rows);
    assert_eq!(call(&mut bench, "ds_select_routes", &["2=8;7=8;1=8", "0"]), 1);
    assert_eq!((du(&bench), bench.locals.avps.records(b"_dsdst_")), ("sip:h:6005".into(), 3));
    assert_eq!(call(&mut bench, "ds_select_routes", &["x", "0"]), -1);
    assert_eq!(call(&mut bench, "ds_select_routes", &["1=4", "9"]), -1);
}

#[test]
fn call_load_evens_out_and_is_given_back() {
    let rows = [(1, "sip:h:6001", 0, 2, "duid=a;maxload=1"), (1, "sip:h:6002", 0, 1, "duid=b")];
    let mut first = bench(&[("flags", "2"), ("ds_hash_size", "4")], &rows);
    assert_eq!(call(&mut first, "ds_select_dst", &["1", "10"]), 1);
    assert_eq!(du(&first), "sip:h:6001");
    let state = first.core.modules[0].clone();
    let mut second = Bench::new(&INVITE.replace("call-1", "call-2"), state.clone());
    assert_eq!(call(&mut second, "ds_select_dst", &["1", "10"]), 1);
    assert_eq!(du(&second), "sip:h:6002");
    let mut third = Bench::new(&INVITE.replace("call-1", "call-3"), state.clone());
    assert_eq!(call(&mut third, "ds_select_dst", &["1", "10"]), 1);
    assert_eq!(du(&third), "sip:h:6002", "the first carries all it may");
    assert_eq!(call(&mut Bench::new(BYE, state.clone()), "ds_load_update", &[]), 1);
    let mut fourth = Bench::new(&INVITE.replace("call-1", "call-4"), state.clone());
    assert_eq!(call(&mut fourth, "ds_select_dst", &["1", "10"]), 1);
    assert_eq!(du(&fourth), "sip:h:6001");
    assert_eq!(call(&mut fourth, "ds_next_dst", &[]), 1);
    let loads = |bench: &Bench| {
        let state: crate::builtin::StateOf<Dispatcher> = bench.core.state(crate::builtin::ModuleId(0)).unwrap();
        let sets = state.sets();
        sets.set(1).unwrap().destinations.iter().map(|its| its.live.load.load(Ordering::Relaxed)).collect::<Vec<_>>()
    };
    assert_eq!(loads(&fourth), [0, 3]);
    assert_eq!(call(&mut fourth, "ds_load_unset", &[]), 1);
    assert_eq!(loads(&fourth), [0, 2]);
    let later = Now { tick: Tick::from_micros(7201 * 1_000_000), ..Now::default() };
    state.tick(&mut Background { now: later, core: &mut fourth.core, module: crate::builtin::ModuleId(0) });
    assert_eq!(loads(&fourth), [0, 0]);
}

#[test]
fn sources_are_known_by_address_port_and_set() {
    let rows = [
        (1, "sip:192.0.2.1", 0, 0, "x=y"),
        (2, "sip:192.0.2.1:5070", 1, 0, ""),
        (3, "sip:192.0.2.9;transport=tcp", 0, 0, ""),
    ];
    let mut bench = bench(&[("setid_pvname", "$avp(sid)"), ("attrs_pvname", "$avp(at)")], &rows);
    let cases: [(&[&str], i32); 10] = [
        (&[], 1),
        (&["1"], 1),
        (&["2"], -1),
        // It names no transport, and the message came by one.
        (&["2", "1"], -1),
        (&["2", "3"], 1),
        (&["2", "7"], -1),
        (&["9"], -1),
        (&["3", "0", "sip:192.0.2.9"], -1),
        (&["3", "2", "sip:192.0.2.9"], 1),
        (&["-1", "3", "sip:nowhere"], -1),
    ];
    for (args, code) in cases {
        assert_eq!(call(&mut bench, "ds_is_from_list", args), code, "{args:?}");
    }
    assert_eq!(bench.locals.avps.value(b"sid", 0), Some(&Value::Int(1)));
    assert_eq!(bench.locals.avps.value(b"at", 0), Some(&Value::text("x=y")));
    assert_eq!(call(&mut bench, "ds_list_exists", &["1"]), 1);
    assert_eq!(call(&mut bench, "ds_list_exists", &["9"]), -1);
    assert_eq!(call(&mut bench, "ds_is_active", &["2"]), -1);
    assert_eq!(call(&mut bench, "ds_is_active", &["1", "sip:192.0.2.1"]), 1);
}

// Pings once and answers with this code; gives how many went out and the names of the events.
fn ping(bench: &mut Bench, code: u16) -> (usize, Vec<String>) {
    let state = bench.core.modules[0].clone();
    let module = crate::builtin::ModuleId(0);
    state.tick(&mut Background { now: bench.now, core: &mut bench.core, module });
    let sent: Vec<_> = bench.core.commands.drain(..).collect();
    for command in &sent {
        let Command::Request(request) = command else { panic!("{command:?}") };
        state.replied(request.tag, code, &mut Background { now: bench.now, core: &mut bench.core, module });
    }
    let events = bench.core.commands.drain(..).map(|command| match command {
        Command::Event(event) => event.name.into_owned(),
        other => panic!("{other:?}"),
    });
    (sent.len(), events.collect())
}

#[test]
fn pings_move_the_state_as_observed() {
    let (down, up) = (vec!["dispatcher:dst-down".to_owned()], vec!["dispatcher:dst-up".to_owned()]);
    let params = [
        ("ds_ping_interval", "2"),
        ("ds_probing_mode", "1"),
        ("ds_probing_threshold", "2"),
        ("ds_inactive_threshold", "2"),
    ];
    let mut all = bench(&params, &[(1, "sip:h:1", 0, 0, ""), (1, "sip:h:2", 4, 0, "")]);
    assert_eq!(letters(&all, "sip:h:1"), "AX");
    assert_eq!((ping(&mut all, 408), letters(&all, "sip:h:1")), ((1, vec![]), "TP".into()));
    assert_eq!((ping(&mut all, 404), letters(&all, "sip:h:1")), ((1, down), "IP".into()));
    assert_eq!((ping(&mut all, 503), letters(&all, "sip:h:1")), ((1, vec![]), "IP".into()));
    assert_eq!((ping(&mut all, 200), letters(&all, "sip:h:1")), ((1, vec![]), "IP".into()));
    assert_eq!((ping(&mut all, 204), letters(&all, "sip:h:1")), ((1, up), "AP".into()));
    assert_eq!(letters(&all, "sip:h:2"), "DX");

    let flagged = [("ds_ping_interval", "2"), ("ds_probing_mode", "0"), ("ds_probing_threshold", "2")];
    let mut none = bench(&flagged, &[(1, "sip:h:1", 8, 0, ""), (1, "sip:h:2", 0, 0, "")]);
    assert_eq!((ping(&mut none, 408), letters(&none, "sip:h:1")), ((1, vec![]), "TX".into()));
    assert_eq!(ping(&mut none, 408).0, 0);
}

#[test]
fn the_edge_router_of_the_notes_pings_by_interval_and_bare_codes() {
    let params =
        [("ds_ping_interval", "30"), ("ds_ping_reply_codes", "200,488;code=404"), ("ds_probing_threshold", "2")];
    let rows = [(10, "sip:h:1", 0, 0, "ping_from=sip:me@x;obproxy=sip:p")];
    let mut paper = Paper { rows: rows.to_vec(), ..Paper::default() };
    let started = try_start(&params, &mut paper, Extensions::default()).unwrap();
    for extension in [Extension::ProbingByInterval, Extension::BareReplyCodes, Extension::NoVersionTable] {
        assert!(started.used.contains(&extension), "{extension:?}");
    }
    assert_eq!(started.state.period(), Some(Duration::from_secs(30)));
    let mut bench = Bench::new(INVITE, started.state);
    let state = bench.core.modules[0].clone();
    state.tick(&mut Background { now: bench.now, core: &mut bench.core, module: crate::builtin::ModuleId(0) });
    let Some(Command::Request(request)) = bench.core.commands.pop() else { panic!("no ping") };
    assert_eq!((&*request.method, &*request.uri, &*request.from), (&b"OPTIONS"[..], &b"sip:h:1"[..], &b"sip:me@x"[..]));
    assert_eq!(request.next_hop.as_deref(), Some(&b"sip:p"[..]));
    assert_eq!((ping(&mut bench, 408), ping(&mut bench, 488).1.len()), ((1, vec![]), 0));
    assert_eq!(letters(&bench, "sip:h:1"), "AP");
}

#[test]
fn what_cannot_start_says_why() {
    let fault = |params: &[(&'static str, &str)], mut paper: Paper, extensions| {
        try_start(params, &mut paper, extensions).err().unwrap().message
    };
    let usual = Extensions::default();
    let fits = |text: String, part: &str| assert!(text.contains(part), "{text}");
    fits(fault(&[("db_url", "sqlite:////missing.db")], Paper::default(), usual), "no such file");
    fits(fault(&[("list_file", "/x")], Paper::default(), usual), "/x cannot be read");
    fits(
        fault(
            &[],
            Paper { columns: Some(&["id", "setid", "uri", "flags", "priority", "attrs"]), ..Paper::default() },
            usual,
        ),
        "no column destination",
    );
    fits(fault(&[], Paper::default(), Extensions::STRICT), "version");
    fits(fault(&[], Paper { version: Some(9), ..Paper::default() }, usual), "is 9");
    fits(fault(&[("table_name", "a; DROP TABLE b")], Paper::default(), usual), "no name of a table");
    fits(fault(&[("ds_probing_mode", "7")], Paper::default(), usual), "ds_probing_mode 7");
    fits(fault(&[("setid_pvname", "$ru")], Paper::default(), usual), "cannot be used for setid_pvname");
    let bad = [(1, "::bad::", 0, 0, ""), (1, "sip:h:1", 0, 0, "")];
    let paper = || Paper { rows: bad.to_vec(), version: Some(4), ..Paper::default() };
    fits(fault(&[("ds_load_mode", "1")], paper(), usual), "no SIP URI");
    let started = try_start(&[], &mut paper(), usual).unwrap();
    assert!(started.log.iter().any(|line| line.contains("left out")), "{:?}", started.log);
}

#[test]
fn a_host_without_an_address_is_left_out_where_the_mode_asks_for_one() {
    let rows = [(1, "sip:a.invalid:5060", 0, 3, ""), (1, "sip:b.invalid", 0, 2, ""), (1, "sip:h:1", 0, 1, "")];
    let paper = || Paper { rows: rows.to_vec(), version: Some(4), ..Paper::default() };
    let usual = Extensions::default();
    for (mode, first) in [("1", "sip:h:1"), ("4", "sip:h:1"), ("9", "sip:b.invalid"), ("0", "sip:a.invalid:5060")] {
        let started = try_start(&[("ds_dns_mode", mode)], &mut paper(), usual).unwrap();
        let mut bench = Bench::new(INVITE, started.state);
        assert_eq!(call(&mut bench, "ds_select_dst", &["1", "8"]), 1);
        assert_eq!(du(&bench), first, "ds_dns_mode {mode}");
    }
    let Err(fault) = try_start(&[("ds_load_mode", "1")], &mut paper(), usual) else { panic!("one is missing") };
    assert!(fault.message.contains("a.invalid"), "{}", fault.message);
}

#[test]
fn a_list_file_is_read_line_by_line() {
    let list = "# sets\n1 sip:h:6001 0 5 weight=50\n\n 1  sip:h:6002 8 # fine\n2 sip:h:6003\n";
    let mut paper = Paper { list: Some(list), ..Paper::default() };
    let started = try_start(&[("list_file", "/x")], &mut paper, Extensions::default()).unwrap();
    let mut bench = Bench::new(INVITE, started.state);
    assert_eq!(call(&mut bench, "ds_select_dst", &["1", "8"]), 1);
    assert_eq!((du(&bench), letters(&bench, "sip:h:6002")), ("sip:h:6001".into(), "AP".into()));
    assert_eq!(call(&mut bench, "ds_list_exists", &["2"]), 1);
}

#[test]
fn a_reload_keeps_what_was_learnt_unless_the_table_says_otherwise() {
    let mut bench = bench(&[("flags", "2")], &[(1, "sip:h:1", 0, 2, ""), (1, "sip:h:2", 0, 1, "")]);
    for uri in ["sip:h:1", "sip:h:2"] {
        assert_eq!(call(&mut bench, "ds_mark_addr", &["i", "1", uri]), 1);
    }
    let rows = vec![(1, "sip:h:1", 0, 2, ""), (1, "sip:h:2", 8, 1, ""), (1, "sip:h:3", 0, 0, "")];
    bench.core.modules[0].reload(&mut Paper { rows, version: Some(4), ..Paper::default() }).unwrap();
    assert_eq!((letters(&bench, "sip:h:1"), letters(&bench, "sip:h:2")), ("IX".into(), "AP".into()));
    assert_eq!(letters(&bench, "sip:h:3"), "AX");
    assert!(bench.core.modules[0].reload(&mut Paper::default()).is_ok(), "an empty table is no fault");
    let bad = bench.core.modules[0].reload(&mut Paper { version: Some(9), ..Paper::default() });
    assert!(bad.is_err());
    assert_eq!(call(&mut bench, "ds_reload", &[]), 1);
    assert!(matches!(bench.core.commands.last(), Some(Command::Reload(_))));
}

proptest! {
    // Whatever is reported: at most one of active, trying, inactive, disabled; counters below their thresholds; events only at the edge.
    #[test]
    fn health_stays_sound(steps in proptest::collection::vec(0u32..16, 0..60), failures in 1u32..5, successes in 1u32..5) {
        let thresholds = Thresholds { failures, successes };
        let mut health = Health::default();
        for wanted in steps {
            let before = health;
            health = health.reported(wanted, thresholds);
            prop_assert!(health.count < failures.max(successes));
            prop_assert_eq!(health.flags & health::NO_DNS, 0);
            let failed = wanted & health::TRYING != 0 && wanted & (health::INACTIVE | health::DISABLED) == 0;
            if failed && !before.is_skipped() && health.is_skipped() {
                prop_assert!(before.count + 1 >= failures);
            }
        }
    }

    // Answers only: down after exactly the threshold of failures in a row, up after exactly that of successes.
    #[test]
    fn pings_count_exactly(answers in proptest::collection::vec(any::<bool>(), 0..80), failures in 1u32..5, successes in 1u32..5) {
        let thresholds = Thresholds { failures, successes };
        let (mut health, mut down, mut run) = (Health::default(), false, 0u32);
        for good in answers {
            health = health.reported(if good { health::PROBING } else { health::TRYING | health::PROBING }, thresholds);
            run = if good == down { run + 1 } else { 0 };
            if run >= if down { successes } else { failures } {
                down = !down;
                run = 0;
            }
            prop_assert_eq!(health.is_skipped(), down, "{:?}", health);
            prop_assert!(health.flags & health::PROBING != 0);
        }
    }
}
