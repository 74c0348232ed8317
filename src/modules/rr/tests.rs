//! Routes that Kamailio 5.6.3 was given, and what it made of them.

use super::loose::{DRIVEN, PRELOADED, follow};
use super::{MODULE, Rr, direction};
use crate::builtin::{
    Args, Argument, CallSite, Key, ModuleId, Outcome, Place, Prepare, Regex, Settings, Slots, Socket, SocketId,
    Sockets, Template, bench::Bench,
};
use crate::sip;
use bytes::Bytes;
use std::sync::Arc;

fn bench(uri: &str, routes: &str, to_tag: &str) -> Bench {
    let text = format!(
        "BYE {uri} SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\n{routes}From: <sip:a@b>;tag=from1\nTo: <sip:c@d>{to_tag}\nCall-ID: 1\nCSeq: 1 BYE\n\n"
    );
    let mut bench = Bench::new(&text, Arc::new(Rr::default()));
    let socket = |address: &str| Socket {
        transport: crate::sip::Transport::Udp,
        address: address.parse().unwrap(),
        advertise: None,
        name: None,
    };
    let list = vec![socket("127.0.0.7:17001"), socket("127.0.0.8:17002")];
    bench.core.sockets = Arc::new(Sockets { list, ..Sockets::default() });
    let alias = vec![("me.example.com".into(), Some(17009))];
    bench.core.settings = Arc::new(Settings { alias, ..Settings::default() });
    bench
}

fn run(bench: &mut Bench) -> (i32, String, String, Vec<String>) {
    let code = follow(&mut bench.context(), 0);
    let mut out = Vec::new();
    sip::write(&bench.message.message, &bench.message.edits, &mut out);
    let out = String::from_utf8(out).unwrap();
    let routes = out.split("\r\n").filter(|line| line.starts_with("Route")).map(str::to_owned).collect();
    let text = |bytes: Bytes| String::from_utf8(bytes.to_vec()).unwrap();
    let working = &bench.message;
    (code, text(working.request_uri()), text(working.target.next_hop.clone().unwrap_or_default()), routes)
}

/// What Kamailio 5.6.3 did with each.
#[test]
fn routes_in_a_dialog() {
    let us = "<sip:127.0.0.7:17001;lr;ftag=from1>";
    let bob = "sip:bob@example.com";
    type Case<'a> = (&'a str, String, i32, &'a str, &'a str, &'a [&'a str]);
    let cases: &[Case] = &[
        (bob, format!("Route: {us}\n"), 1, bob, "", &[]),
        (bob, "Route: <sip:me.example.com:17009;lr>\n".into(), 1, bob, "", &[]),
        (bob, "Route: <sip:127.0.0.7:17001>\n".into(), 1, bob, "", &[]),
        (
            bob,
            "Route: <sip:127.0.0.7:17001;r2=on;lr>, <sip:127.0.0.8:17002;r2=on;lr>, <sip:z:9;lr>\n".into(),
            1,
            bob,
            "sip:z:9;lr",
            &["Route: <sip:z:9;lr>"],
        ),
        (bob, "Route: <sip:127.0.0.7:17001;r2=on;lr>\nRoute: <sip:127.0.0.8:17002;r2=on;lr>\n".into(), 1, bob, "", &[]),
        (
            bob,
            "Route: <sip:9.9.9.9;lr>\nRoute: <sip:8.8.8.8>\n".into(),
            1,
            bob,
            "sip:9.9.9.9;lr",
            &["Route: <sip:9.9.9.9;lr>", "Route: <sip:8.8.8.8>"],
        ),
        (
            bob,
            "Route: <sip:9.9.9.9>\nRoute: <sip:8.8.8.8;lr>\n".into(),
            1,
            "sip:9.9.9.9",
            "",
            &["Route: <sip:8.8.8.8;lr>", "Route: <sip:bob@example.com>"],
        ),
        (
            bob,
            format!("Route: {us}, <sip:9.9.9.9>, <sip:8.8.8.8;lr>\n"),
            1,
            "sip:9.9.9.9",
            "",
            &["Route: <sip:8.8.8.8;lr>", "Route: <sip:bob@example.com>"],
        ),
        (
            bob,
            format!("Route: {us}\nRoute: <sip:9.9.9.9;maddr=7.7.7.7;lr>\n"),
            1,
            bob,
            "sip:7.7.7.7",
            &["Route: <sip:9.9.9.9;maddr=7.7.7.7;lr>"],
        ),
        (bob, "Route: garbage\n".into(), -1, bob, "", &["Route: garbage"]),
        (bob, "Route: <foo>\n".into(), -1, bob, "", &["Route: <foo>"]),
        (
            bob,
            "Route: <sip:127.0.0.7:17001;lr;gr=1>\n".into(),
            1,
            bob,
            "sip:127.0.0.7:17001;lr;gr=1",
            &["Route: <sip:127.0.0.7:17001;lr;gr=1>"],
        ),
        (bob, String::new(), -1, bob, "", &[]),
        (
            "sip:127.0.0.7:17001",
            "Route: <sip:1.1.1.1;lr>, <sip:2.2.2.2;lr>\nRoute: <sip:3.3.3.3;x>\n".into(),
            1,
            "sip:3.3.3.3;x",
            "sip:1.1.1.1;lr",
            &["Route: <sip:1.1.1.1;lr>, <sip:2.2.2.2;lr>"],
        ),
        (
            "sip:127.0.0.7:17001",
            "Route: <sip:1.1.1.1>, <sip:2.2.2.2;lr>\n".into(),
            1,
            "sip:1.1.1.1",
            "",
            &["Route: <sip:2.2.2.2;lr>"],
        ),
        (
            "sip:127.0.0.7:17001;lr",
            "Route: <sip:127.0.0.8:17002;r2=on;lr>, <sip:2.2.2.2;lr>, <sip:5.5.5.5>\n".into(),
            1,
            "sip:5.5.5.5",
            "sip:2.2.2.2;lr",
            &["Route: <sip:2.2.2.2;lr>"],
        ),
    ];
    for (uri, routes, code, request_uri, destination, left) in cases {
        let result = run(&mut bench(uri, routes, ";tag=t"));
        let left: Vec<String> = left.iter().map(|line| line.to_string()).collect();
        assert_eq!(result, (*code, request_uri.to_string(), destination.to_string(), left), "{uri} {routes}");
    }
}

#[test]
fn a_preloaded_route_is_false_only_when_none_is_left() {
    let ours = "Route: <sip:127.0.0.7:17001;lr>\n";
    assert_eq!(run(&mut bench("sip:b@c", ours, "")).0, PRELOADED);
    let more = "Route: <sip:127.0.0.7:17001;lr>, <sip:z:9;lr>\n";
    assert_eq!(run(&mut bench("sip:b@c", more, "")).0, DRIVEN);
}

#[test]
fn the_second_route_names_the_socket() {
    let two = "Route: <sip:127.0.0.7:17001;r2=on;lr>\nRoute: <sip:127.0.0.8:17002;r2=on;lr>\n";
    let mut bench = bench("sip:b@c", two, ";tag=t");
    run(&mut bench);
    assert_eq!(bench.message.target.socket, Some(SocketId(1)));
}

fn call(bench: &mut Bench, name: &str, argument: Argument) -> i32 {
    let function = MODULE.functions.iter().find(|function| function.names.contains(&name)).unwrap();
    let site = CallSite {
        function,
        name: function.names[0],
        module: ModuleId(0),
        args: [argument].into(),
        span: Default::default(),
    };
    match (function.run)(&mut bench.context(), &Args::new(&site, &[])) {
        Outcome::Return(code) => code,
        Outcome::Wait(..) => panic!("it waits"),
    }
}

#[test]
fn the_route_tells_the_direction() {
    let prepared = |word: &str| {
        let (mut used, mut slots) = (Vec::new(), Slots::default());
        let mut prepare = Prepare::new(Default::default(), &mut used, &mut slots, &[]);
        let prepared = direction::prepare(&Template::fixed(word.to_owned()), &mut prepare).unwrap();
        Argument::Custom(prepared, word.into())
    };
    let regex = |text: &str| {
        let regex = Regex::by_line(text.as_bytes(), Default::default()).unwrap();
        Argument::Custom(Box::new(regex), text.into())
    };
    for (tag, up) in [("from1", -1), ("t", 1), ("other", 1)] {
        let routes = format!("Route: <sip:127.0.0.7:17001;lr;ftag={tag}>\n");
        let mut bench = bench("sip:b@c", &routes, ";tag=t");
        run(&mut bench);
        assert_eq!(call(&mut bench, "is_direction", prepared("upstream")), up, "{tag}");
        assert_eq!(call(&mut bench, "is_direction", prepared("Downstream")), -up, "{tag}");
        assert_eq!(call(&mut bench, "check_route_param", regex("ftag=from1")), -up, "{tag}");
        assert_eq!(call(&mut bench, "check_route_param", regex("^;lr")), 1, "{tag}");
        let fti = direction::from_tag_of_dialog(&mut bench.context(), &Key::None, Place::Whole);
        assert_eq!(fti.to_text(), if up == 1 { "t" } else { "from1" });
    }
}
