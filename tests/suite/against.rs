//! `alanui test --against`: the scenarios of the tutorial in memory and against a server on loopback must decide alike; where the server has
//! another config, the difference is told.

use super::oracle::server::{Program, Server, fresh_folder};
use super::ports;
use alanui::command::test::{Summary, TestOptions, test};
use std::io::Write as _;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The tutorial's folder with addresses of this machine, and timers that nobody has to wait long for.
struct Tutorial {
    folder: PathBuf,
    port: u16,
}

impl Tutorial {
    fn new() -> Tutorial {
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
        Tutorial { folder, port }
    }

    /// Starts a server with the config, changed.
    fn serve(&self, program: Program, change: impl Fn(String) -> String) -> Server {
        let config = std::fs::read_to_string(self.folder.join("kamailio.cfg")).unwrap();
        let mut server = Server::start(program, self.folder.clone(), &change(config), "").unwrap();
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
        let against = Some(format!("udp:127.0.0.1:{}", self.port));
        let options = TestOptions { paths: vec![self.folder.join("scenarios")], against, ..TestOptions::default() };
        let mut told = Vec::new();
        let summary = test(&options, &|_| None, false, &mut told).unwrap();
        (summary, String::from_utf8_lossy(&told).into_owned())
    }
}

#[test]
fn alanui_on_the_wire_decides_as_in_memory() {
    let tutorial = Tutorial::new();
    let _server = tutorial.serve(Program::Alanui, |config| config);
    let (summary, told) = tutorial.compare();
    assert_eq!(summary, Summary { passed: 3, ..Summary::default() }, "{told}");
}

#[test]
fn kamailio_decides_as_the_simulator() {
    if !Program::Kamailio.installed() {
        let _ = std::io::stderr().write_all(b"\nagainst: KAMAILIO IS NOT INSTALLED. Nothing was compared.\n");
        return;
    }
    let tutorial = Tutorial::new();
    let server = tutorial.serve(Program::Kamailio, |config| config);
    let (summary, told) = tutorial.compare();
    assert_eq!(summary, Summary { passed: 3, ..Summary::default() }, "{told}\n{}", server.log());
}

#[test]
fn another_config_is_told() {
    let tutorial = Tutorial::new();
    let _server = tutorial.serve(Program::Alanui, |config| config.replace("record_route();", ""));
    let (summary, told) = tutorial.compare();
    assert_eq!(summary, Summary { passed: 1, failed: 2, ..Summary::default() }, "{told}");
    assert!(told.contains("\n-  + Record-Route: <sip:127.0.0.1:"), "{told}");
    assert!(told.contains("has no such Record-Route"), "{told}");
}
