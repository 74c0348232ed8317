//! `alanui test --against`: the scenarios of the tutorial in memory and against a server on loopback must decide alike; where the server has
//! another config, the difference is told.

use super::oracle::server::{Program, Server, fresh_folder};
use super::ports;
use alanui::command::test::{Summary, TestOptions, test};
use std::io::Write as _;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A folder with a config and scenarios whose addresses are of this machine, and where the server stands.
struct Place {
    folder: PathBuf,
    port: u16,
    /// As `--against` takes it.
    against: String,
    /// The config that the server has.
    config: String,
}

/// Peers by TCP, and a server with three listeners: by UDP and TCP at one port, by UDP at another.
const CONFIG: &str = r#"
children=1
tcp_children=1
auto_aliases=no
mlock_pages=no
listen=udp:FIRST
listen=tcp:FIRST
listen=udp:SECOND name "second"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
request_route {
    if (is_method("OPTIONS")) {
        sl_send_reply("200", "At $Rp");
        exit;
    }
    if (!has_totag() && is_method("INVITE|MESSAGE")) {
        record_route();
    } else if (has_totag()) {
        loose_route();
    }
    if ($rU == "second") {
        $fsn = "second";
    }
    t_relay();
}
"#;

const SCENARIOS: [(&str, &str); 4] = [
    (
        "inside.call",
        r#"# What nobody can see or set from outside.
config ../kamailio.cfg
clock 2026-02-01 12:00:00
peer alice ALICE
alice sends OPTIONS sip:127.0.0.1
expect 200
http answers "api/route" 200
expect log "nothing"
"#,
    ),
    (
        "second-listener.call",
        r#"# A call that leaves by the second listener, one that came by it, and their answers.
config ../kamailio.cfg
peer alice ALICE
peer carol CAROL uses SECOND
peer bob BOB
invite second@BOB from alice
expect to bob
expect header Via ~ "PORT2"
bob answers 180
bob answers 200
expect alice gets 200
alice sends ACK
bob sends BYE
alice answers 200
carol sends OPTIONS sip:127.0.0.1
expect 200
invite bob@BOB from carol
bob answers 486
expect 486
"#,
    ),
    (
        "tcp.call",
        r#"# A call between peers that speak tcp: one opens its connection, the other is connected to.
config ../kamailio.cfg
peer alice tcp:ALICE
peer bob tcp:BOB
peer carol CAROL
alice sends INVITE sip:bob@BOB;transport=tcp
  Subject: a body
  Content-Type: text/plain
expect to bob
bob answers 180
bob answers 200
expect alice gets 200
alice sends ACK
bob sends BYE
alice answers 200
alice sends MESSAGE sip:carol@CAROL
carol answers 202
expect alice gets 202
carol sends MESSAGE sip:bob@BOB;transport=tcp
bob answers 200
expect carol gets 200
"#,
    ),
    (
        "disconnects.call",
        r#"# Connections break; what comes later goes by others.
config ../kamailio.cfg
peer alice tcp:ALICE
peer bob BOB
alice sends INVITE sip:bob@BOB
bob answers 200
alice sends ACK
alice disconnects
alice sends BYE
expect to bob
bob answers 200
expect alice gets 200
alice disconnects
bob sends MESSAGE sip:alice@ALICE;transport=tcp
alice sends OPTIONS sip:127.0.0.1
expect alice gets 200
bob sends MESSAGE sip:alice@ALICE;transport=tcp
expect to alice
alice answers 200
"#,
    ),
];

impl Place {
    /// Writes [`CONFIG`] and [`SCENARIOS`]; the scenarios may say that the listeners stand elsewhere than they do.
    fn with_listeners(elsewhere: bool) -> Place {
        let (folder, port, second) = (fresh_folder().unwrap(), ports::free(), ports::free());
        let own = |port: u16| format!("127.0.0.1:{port}");
        let mut swaps: Vec<(&str, String)> =
            ["ALICE", "BOB", "CAROL"].into_iter().map(|name| (name, own(ports::free()))).collect();
        swaps.push(("PORT2", second.to_string()));
        let filled = |text: &str, listeners: [String; 2]| {
            let all = swaps.iter().cloned().chain(["FIRST", "SECOND"].into_iter().zip(listeners));
            all.fold(text.to_owned(), |text, (name, with)| text.replace(name, &with))
        };
        let real = [own(port), own(second)];
        let said = if elsewhere { ["198.51.100.1:5060", "198.51.100.1:5070"].map(str::to_owned) } else { real.clone() };
        std::fs::create_dir(folder.join("scenarios")).unwrap();
        for (name, text) in SCENARIOS {
            std::fs::write(folder.join("scenarios").join(name), filled(text, said.clone())).unwrap();
        }
        std::fs::write(folder.join("kamailio.cfg"), filled(CONFIG, said)).unwrap();
        let places: &[String] = if elsewhere { &real } else { &real[..1] };
        let against = places.iter().map(|place| format!("udp:{place}")).collect::<Vec<_>>().join(",");
        Place { folder, port, against, config: filled(CONFIG, real) }
    }

    fn tutorial() -> Place {
        let (folder, port) = (fresh_folder().unwrap(), ports::free());
        let list = folder.join("dispatcher.list");
        let mut swaps = vec![
            ("198.51.100.1:5060".to_owned(), format!("127.0.0.1:{port}")),
            ("198[.]51[.]100[.]1".to_owned(), "127[.]0[.]0[.]1".to_owned()),
            ("\"dispatcher.list\"".to_owned(), format!("{:?}", list.display().to_string())),
            ("\"fr_timer\", 5000".to_owned(), "\"fr_timer\", 1500".to_owned()),
            ("wait 6s".to_owned(), "wait 1700ms".to_owned()),
            ("wait 20s".to_owned(), "wait 100ms".to_owned()),
        ];
        for host in ["10.0.0.11", "10.0.0.12", "192.0.2.10", "203.0.113.9"] {
            let own = format!("127.0.0.1:{}", ports::free());
            swaps.push((format!("{host}:5060"), own.clone()));
            swaps.push((host.to_owned(), own));
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/testing.in");
        std::fs::create_dir(folder.join("scenarios")).unwrap();
        let scenarios = ["first-call", "failover", "refused"].map(|name| format!("scenarios/{name}.call"));
        for file in scenarios.iter().map(String::as_str).chain(["kamailio.cfg", "dispatcher.list"]) {
            let text = std::fs::read_to_string(root.join(file)).unwrap();
            let text = swaps.iter().fold(text, |text, (from, to)| text.replace(from, to));
            std::fs::write(folder.join(file), text).unwrap();
        }
        let config = std::fs::read_to_string(folder.join("kamailio.cfg")).unwrap();
        Place { folder, port, against: format!("udp:127.0.0.1:{port}"), config }
    }

    /// Starts a server with the config, changed.
    fn serve(&self, program: Program, change: impl Fn(String) -> String) -> Server {
        let mut server = Server::start(program, self.folder.clone(), &change(self.config.clone()), "").unwrap();
        let probe = UdpSocket::bind("127.0.0.1:0").unwrap();
        probe.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let from = probe.local_addr().unwrap();
        for attempt in 0.. {
            assert!(attempt < 100 && !server.ended(), "{program:?} does not serve:\n{}", server.log());
            let options = format!(
                "OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bK{attempt}\r\nMax-Forwards: 9\r\n\
                 From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: probe{attempt}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
            );
            let _ = probe.send_to(options.as_bytes(), ("127.0.0.1", self.port));
            if probe.recv_from(&mut [0; 4096]).is_ok() {
                break;
            }
        }
        server
    }

    fn compare(&self) -> (Summary, String) {
        let against = Some(self.against.clone());
        let options = TestOptions { paths: vec![self.folder.join("scenarios")], against, ..TestOptions::default() };
        let mut output = Vec::new();
        let summary = test(&options, &|_| None, false, &mut output).unwrap();
        (summary, String::from_utf8_lossy(&output).into_owned())
    }
}

#[test]
fn alanui_on_the_wire_decides_as_in_memory() {
    let tutorial = Place::tutorial();
    let _server = tutorial.serve(Program::Alanui, |config| config);
    let (summary, output) = tutorial.compare();
    assert_eq!(summary, Summary { passed: 3, ..Summary::default() }, "{output}");
}

#[test]
fn kamailio_decides_as_the_simulator() {
    if !Program::Kamailio.installed() {
        let _ = std::io::stderr().write_all(b"\nagainst: KAMAILIO IS NOT INSTALLED. Nothing was compared.\n");
        return;
    }
    let tutorial = Place::tutorial();
    let server = tutorial.serve(Program::Kamailio, |config| config);
    let (summary, output) = tutorial.compare();
    assert_eq!(summary, Summary { passed: 3, ..Summary::default() }, "{output}\n{}", server.log());
}

/// All of [`SCENARIOS`] play alike; but the log of the simulator has no line that one of them expects, which says nothing of a real server.
fn plays_alike(program: Program, elsewhere: bool) {
    let place = Place::with_listeners(elsewhere);
    let server = place.serve(program, |config| config);
    let (summary, output) = place.compare();
    assert_eq!(summary, Summary { passed: SCENARIOS.len(), ..Summary::default() }, "{output}\n{}", server.log());
    let left_out: Vec<&str> = output.lines().filter(|line| line.starts_with("  left out")).collect();
    let wanted = ["the clock that it sets", "line 7: http answers \"api/route\" 200", "line 8: expect log \"nothing\""];
    assert_eq!(left_out, wanted.map(|what| format!("  left out against {}: {what}", place.against)));
}

#[test]
fn all_listeners_and_connections_play_alike_with_alanui() {
    plays_alike(Program::Alanui, false);
}

#[test]
fn listeners_that_stand_elsewhere_play_alike() {
    plays_alike(Program::Alanui, true);
}

#[test]
fn all_listeners_and_connections_play_alike_with_kamailio() {
    if !Program::Kamailio.installed() {
        let _ = std::io::stderr().write_all(b"\nagainst: KAMAILIO IS NOT INSTALLED. Nothing was compared.\n");
        return;
    }
    plays_alike(Program::Kamailio, false);
}

#[test]
fn another_config_is_told() {
    let tutorial = Place::tutorial();
    let _server = tutorial.serve(Program::Alanui, |config| config.replace("record_route();", ""));
    let (summary, output) = tutorial.compare();
    assert_eq!(summary, Summary { passed: 1, failed: 2, ..Summary::default() }, "{output}");
    assert!(output.contains("\n-  + Record-Route: <sip:127.0.0.1:"), "{output}");
    assert!(output.contains("has no such Record-Route"), "{output}");
}
