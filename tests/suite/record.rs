//! From life to test: what is recorded of a call plays as the call did.

use alanui::host::{StreamNumbers, pcap_header, pcap_packet, pcap_stream};
use alanui::modules::MODULES;
use alanui::record::{self, Capture, Wishes};
use alanui::sim::{self, Played, Reading, Scenario};
use alanui::sip::Message;
use alanui::source::{Files, Sources, render};
use alanui::story::{Event, Sent};
use std::collections::HashSet;
use std::fs;
use std::io::{BufRead, BufReader, Cursor};
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::patience::again;
use crate::ports;

/// One message of a scenario that was played.
struct Wire {
    at: Duration,
    source: SocketAddr,
    destination: SocketAddr,
    bytes: bytes::Bytes,
}

/// The files of the machine, as if the command was run in this folder.
struct In(PathBuf);

impl Files for In {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        fs::read(self.0.join(path))
    }
}

fn play(path: &Path) -> Result<Vec<(Scenario, Played)>, String> {
    play_in(Path::new(""), path)
}

fn play_in(folder: &Path, path: &Path) -> Result<Vec<(Scenario, Played)>, String> {
    let files = In(folder.to_owned());
    let reading = Reading { files: &files, variable: &|_| None, unbuilt: Default::default() };
    let (mut sources, mut diagnostics) = (Sources::default(), Vec::new());
    let Some(scenarios) = sim::parse(path, &reading, &mut sources, &mut diagnostics) else {
        return Err(render::human(&sources, &diagnostics, false));
    };
    let mut played = Vec::new();
    for scenario in scenarios {
        match sim::play(&scenario, &reading, MODULES, false, &mut sources) {
            Ok(one) if one.failures.is_empty() => played.push((scenario, one)),
            Ok(one) => return Err(format!("{}\n{}", render::human(&sources, &one.failures, false), one.ladder)),
            Err(faults) => return Err(render::human(&sources, &faults, false)),
        }
    }
    Ok(played)
}

/// What a probe beside the server would have seen.
fn wires(scenario: &Scenario, played: &Played) -> Vec<Wire> {
    let server = SocketAddr::new(scenario.machine, 5060);
    let address = |name: &str| {
        let peer = scenario.peers.iter().find(|peer| peer.name == name).map(|peer| peer.address);
        peer.or_else(|| name.parse().ok()).unwrap_or(server)
    };
    let sent = played.entries.iter().filter_map(|entry| match &entry.event {
        // What a peer sent and lost never came near.
        Event::Message(sent) if !sent.lost || sent.from == "alanui" => Some((entry.at, &**sent)),
        _ => None,
    });
    let wire = |(at, sent): (alanui::time::Tick, &Sent)| Wire {
        at: scenario.clock + Duration::from_micros(at.as_micros()),
        source: address(&sent.from),
        destination: address(&sent.to),
        bytes: sent.bytes.clone(),
    };
    sent.map(wire).collect()
}

fn pcap(wires: &[Wire]) -> Vec<u8> {
    let mut file = pcap_header().to_vec();
    for wire in wires {
        pcap_packet(wire.at, wire.source, wire.destination, &wire.bytes, &mut file);
    }
    file
}

/// What the server decided: the messages that it sent, without repetitions and without pings of its own.
fn decisions(scenario: &Scenario, wires: &[Wire]) -> Vec<String> {
    let (mut seen, mut asked) = (HashSet::new(), HashSet::new());
    let mut found = Vec::new();
    for wire in wires {
        let Ok(message) = Message::parse(wire.bytes.clone()) else { continue };
        if wire.source.ip() != scenario.machine {
            asked.insert(message.call_id().to_vec());
            continue;
        }
        let again = !seen.insert((wire.destination, wire.bytes.clone()));
        let ping = message.method_text() == b"OPTIONS" && !asked.contains(message.call_id());
        if again || ping {
            continue;
        }
        let what = match message.status() {
            Some(code) => {
                let cseq = message.cseq().map(|cseq| String::from_utf8_lossy(cseq.method_text).into_owned());
                format!("{code} to {}", cseq.unwrap_or_default())
            }
            None => String::from_utf8_lossy(message.text(message.start_line())).trim().to_owned(),
        };
        found.push(format!("{what} -> {}", wire.destination));
    }
    found
}

fn scenarios(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).expect("a folder");
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            scenarios(&path, found);
        } else if path.extension().is_some_and(|its| its == "call") {
            found.push(path);
        }
    }
}

/// A scenario is played, its packets are written as a pcap file, the file is recorded, and the recording is played.
fn there_and_back(path: &Path, scratch: &Path) -> Result<bool, String> {
    // What the scenario does to the server's own world no capture shows.
    let unseen = [
        "allow-unsupported",
        "copies ",
        "zone ",
        "database answers",
        "database fails",
        "database slow",
        "jitter ",
        "location ",
        "lose ",
        "loss ",
        "reload ",
        "rpc ",
        "rtpengine ",
        "sql DELETE",
        "sql INSERT",
        "sql UPDATE",
        "table ",
    ];
    let text = fs::read_to_string(path).expect("a scenario");
    if text.lines().any(|line| unseen.iter().any(|start| line.starts_with(start))) {
        return Ok(false);
    }
    // That the server was told to stop stands in no capture.
    if fs::read_to_string(path).is_ok_and(|text| text.lines().any(|line| line.trim() == "stop")) {
        return Ok(false);
    }
    let Ok(played) = play(path) else { return Ok(false) };
    let mut recorded = false;
    for (scenario, first) in played {
        // What came over TCP is played over UDP.
        let streamed = scenario.peers.iter().any(|peer| peer.transport.is_reliable());
        if scenario.strict || !scenario.records.is_empty() || !scenario.pages.is_empty() || streamed {
            continue;
        }
        let before = wires(&scenario, &first);
        if !before.iter().any(|wire| Message::parse(wire.bytes.clone()).is_ok()) {
            continue;
        }
        let capture: Capture = record::read(Cursor::new(pcap(&before)), &[]).map_err(|fault| fault.to_string())?;
        let text = |path: &PathBuf| path.display().to_string();
        let wishes = Wishes {
            origin: "a play".into(),
            config: text(&scenario.config),
            databases: scenario
                .databases
                .iter()
                .map(|line| line.paths.iter().map(text).collect::<Vec<_>>().join(" "))
                .collect(),
            defines: scenario.defines.clone(),
            stem: "recorded".into(),
            servers: vec![alanui::record::Server::Host(scenario.machine)],
            ..Wishes::default()
        };
        for full in [false, true] {
            let wishes = Wishes { full, ..wishes.clone() };
            let recording = record::scenario(&capture, &wishes).ok_or("nothing was recorded")?;
            let copy = scratch.join("recorded.call");
            fs::write(&copy, &recording.text).expect("a scratch file");
            for (name, bytes) in &recording.files {
                fs::write(scratch.join(name), bytes).expect("a scratch file");
            }
            let again = play(&copy).map_err(|fault| format!("{}\n{fault}", recording.text))?;
            let (copied, second) = again.first().ok_or("it is empty")?;
            let (expected, found) = (decisions(&scenario, &before), decisions(copied, &wires(copied, second)));
            if expected != found {
                return Err(format!("{}\nfirst {expected:#?}\nthen {found:#?}", recording.text));
            }
        }
        recorded = true;
    }
    Ok(recorded)
}

#[test]
fn what_was_played_can_be_recorded_and_played_again() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scratch = std::env::temp_dir().join(format!("alanui-record-{}", std::process::id()));
    fs::create_dir_all(&scratch).expect("a scratch folder");
    let mut paths = Vec::new();
    scenarios(&root.join("configs"), &mut paths);
    scenarios(&root.join("fixtures/scenarios"), &mut paths);
    paths.sort();
    let (mut failed, mut recorded) = (Vec::new(), 0);
    for path in &paths {
        match there_and_back(path, &scratch) {
            Ok(done) => recorded += usize::from(done),
            Err(fault) => failed.push(format!("==== {}\n{fault}", path.display())),
        }
    }
    fs::remove_dir_all(&scratch).expect("it is there");
    assert!(recorded * 2 > paths.len(), "only {recorded} of {} were recorded", paths.len());
    assert!(failed.is_empty(), "{} of {} failed\n{}", failed.len(), paths.len(), failed.join("\n"));
}

/// The captures of `fixtures/record` are what this test writes, and what is recorded of them is what was accepted.
#[test]
fn recordings_are_as_accepted() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("fixtures/record");
    let mut differing = Vec::new();
    for (name, config) in
        [("complete-call", "edge-router"), ("cancel", "edge-router"), ("failover", "endpoint-tracking")]
    {
        let config = root.join("configs").join(config);
        let played = play(&config.join("scenarios").join(name).with_extension("call")).expect("it plays");
        let (scenario, played) = played.first().expect("it is one");
        let file = pcap(&wires(scenario, played));
        held(&folder.join(name).with_extension("pcap"), &file, &mut differing);
        let capture = record::read(Cursor::new(file), &[]).expect("it was just written");
        let wishes = Wishes {
            origin: format!("{name}.pcap"),
            config: format!("../../configs/{}/kamailio.cfg", config.file_name().expect("a folder").to_string_lossy()),
            ..Wishes::default()
        };
        let anonymous = record::anonymous(&capture, &[], &[], &["tenant2.example.com".to_owned()]).capture;
        for (ending, capture, full) in
            [("call", &capture, false), ("full.call", &capture, true), ("anonymous.call", &anonymous, false)]
        {
            let wishes = Wishes { full, ..wishes.clone() };
            let recording = record::scenario(capture, &wishes).expect("it holds calls");
            let text = format!("{}\n# {}\n", recording.text.trim_end(), recording.remarks.join("\n# "));
            held(&folder.join(name).with_extension(ending), text.as_bytes(), &mut differing);
        }
    }
    // The one that docs/testing.md records.
    let documented = root.join("docs/testing.in");
    let played = play_in(&documented, Path::new("scenarios/first-call.call")).expect("it plays");
    let (scenario, played) = played.first().expect("it is one");
    held(&documented.join("life.pcap"), &pcap(&wires(scenario, played)), &mut differing);
    assert!(differing.is_empty(), "not as accepted (ALANUI_ACCEPT=1 accepts): {differing:#?}");
}

/// Holds a file against what it should be, or accepts it.
fn held(path: &Path, bytes: &[u8], differing: &mut Vec<String>) {
    if fs::read(path).is_ok_and(|accepted| accepted == bytes) {
        return;
    }
    if std::env::var_os("ALANUI_ACCEPT").is_some() {
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, bytes).expect("a fixture");
    } else {
        differing.push(path.display().to_string());
    }
}

/// A running server's own trace of one call is recorded, and plays as the call went.
#[test]
fn messages_of_connections_are_pieces_of_streams() {
    let [phone, server] = ["192.0.2.1:40001", "198.51.100.1:5060"].map(|text| text.parse().expect("an address"));
    let message = |body: &str| {
        let head = "OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n";
        format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
    };
    // Longer than an IP packet can be with its headers, and so in pieces.
    let sent = [
        (phone, message("one")),
        (server, message("two")),
        (phone, message(&"x".repeat(65_000))),
        (phone, message("")),
    ];
    let (mut file, mut numbers) = (pcap_header().to_vec(), StreamNumbers::default());
    for (source, bytes) in &sent {
        let destination = if *source == phone { server } else { phone };
        pcap_stream(Duration::ZERO, *source, destination, bytes, &mut numbers, &mut file);
    }
    let capture = record::read(file.as_slice(), &[]).expect("it is whole");
    let read: Vec<_> = capture.packets.iter().map(|packet| (packet.source, packet.bytes.to_vec())).collect();
    assert_eq!(read, sent);
    // IP says that TCP is in it.
    assert_eq!(file[24 + 16 + 9], 6);
}

#[test]
fn a_server_traces_a_call_to_be_recorded() {
    let folder = std::env::temp_dir().join(format!("alanui-trace-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a scratch folder");
    let (config, trace) = (folder.join("kamailio.cfg"), folder.join("life.pcap"));
    let answers = "loadmodule \"sl.so\"\nrequest_route { sl_send_reply(\"200\", \"OK\"); }\n";
    fs::write(&config, answers).expect("a scratch file");
    let port = ports::free();
    let mut server = Command::new(env!("CARGO_BIN_EXE_alanui"))
        .arg("run")
        .arg(&config)
        .args(["--listen", &format!("127.0.0.1:{port}"), "--trace-call-id", "1@phone", "--trace-messages"])
        .arg(&trace)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it is built");
    let banner = BufReader::new(server.stdout.take().expect("it is piped"));
    assert!(banner.lines().map_while(Result::ok).any(|line| line == "ready"), "the server did not start");
    let phone = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    phone.set_read_timeout(Some(Duration::from_secs(10))).expect("a plain socket");
    let own = phone.local_addr().expect("bound");
    for call in ["1@phone", "2@phone"] {
        let request = [
            "OPTIONS sip:example.com SIP/2.0",
            &format!("Via: SIP/2.0/UDP {own};branch=z9hG4bK-{call};rport"),
            "Max-Forwards: 70",
            "From: <sip:alice@example.com>;tag=1",
            "To: <sip:example.com>",
            &format!("Call-ID: {call}"),
            "CSeq: 1 OPTIONS",
            "Content-Length: 0",
            "\r\n",
        ];
        phone.send_to(request.join("\r\n").as_bytes(), ("127.0.0.1", port)).expect("loopback takes it");
        assert!(again(|| phone.recv(&mut [0; 2000])).expect("an answer") > 0);
    }
    let ended = Command::new("kill").arg(server.id().to_string()).status().expect("kill is there");
    assert!(ended.success() && server.wait().expect("it ran").success());
    let capture = record::read(fs::File::open(&trace).expect("it was written"), &[]).expect("it is whole");
    assert_eq!(capture.packets.len(), 2, "one call is traced");
    let wishes = Wishes { origin: "life.pcap".into(), config: "kamailio.cfg".into(), ..Wishes::default() };
    let recording = record::scenario(&capture, &wishes).expect("it holds a call");
    let copy = folder.join("life.call");
    fs::write(&copy, &recording.text).expect("a scratch file");
    let steps: Vec<&str> = recording.text.lines().skip_while(|line| !line.starts_with("alice ")).collect();
    assert_eq!(steps, ["alice sends OPTIONS sip:example.com", "  To: <sip:example.com>", "expect alice gets 200"]);
    let played = play(&copy).expect("it plays");
    let (scenario, played) = played.first().expect("it is one");
    assert_eq!(record::differences(&capture, &wishes, scenario, played), Vec::<String>::new());
    fs::remove_dir_all(&folder).expect("it is there");
}

mod hostile {
    //! Bytes of any kind are read in bounded room, and make nothing worse than a fault with its reason.

    use super::record;
    use alanui::record::{Capture, CaptureFault, Recording, Wishes};
    use alanui::sim::{self, Reading};
    use alanui::source::{Files, Sources, render};
    use proptest::prelude::{ProptestConfig, any, prop, proptest};
    use std::io::{self, Cursor};
    use std::path::Path;

    const CALL: &[u8] = include_bytes!("../../fixtures/record/complete-call.pcap");

    /// Reads, and does all that the command does with what was read.
    fn all(bytes: &[u8]) -> Result<(), CaptureFault> {
        let capture: Capture = record::read(Cursor::new(bytes.to_vec()), &[])?;
        let anonymous = record::anonymous(&capture, &[], &[], &[]);
        for capture in [&capture, &anonymous.capture] {
            for full in [false, true] {
                let wishes = Wishes { full, config: "kamailio.cfg".into(), stem: "odd".into(), ..Wishes::default() };
                if let Some(recording) = record::scenario(capture, &wishes) {
                    readable(&recording);
                }
            }
        }
        Ok(())
    }

    /// Whatever was captured: what is recorded of it is a scenario.
    fn readable(recording: &Recording) {
        let files = Recorded(recording);
        let reading = Reading { files: &files, variable: &|_| None, unbuilt: Default::default() };
        let (mut sources, mut diagnostics) = (Sources::default(), Vec::new());
        let scenarios = sim::parse(Path::new("odd.call"), &reading, &mut sources, &mut diagnostics);
        let faults = || render::human(&sources, &diagnostics, false);
        assert!(scenarios.is_some(), "{}\n{}", recording.text, faults());
    }

    struct Recorded<'a>(&'a Recording);

    impl Files for Recorded<'_> {
        fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
            let name = path.to_string_lossy();
            let file = self.0.files.iter().find(|(its, _)| *its == name).map(|(_, bytes)| bytes.to_vec());
            let text = (name == "odd.call").then(|| self.0.text.clone().into_bytes());
            file.or(text).ok_or_else(|| io::ErrorKind::NotFound.into())
        }
    }

    /// The packets of a pcap file in other wrappings: pcapng, HEP3, sngrep's text.
    fn wrapped() -> Vec<Vec<u8>> {
        let block = |kind: u32, body: &[u8]| {
            let length = (body.len() as u32 + 12).to_le_bytes();
            [&kind.to_le_bytes(), &length[..], body, &length].concat()
        };
        let mut pcapng = block(0x0a0d_0d0a, &[&0x1a2b_3c4du32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat());
        pcapng.extend(block(1, &[101, 0, 0, 0, 0, 0, 0, 0]));
        let (mut hep, mut text) = (Vec::new(), Vec::new());
        let mut rest = &CALL[24..];
        while let Some(length) = rest.get(8..12) {
            let length = u32::from_le_bytes(length.try_into().expect("four bytes")) as usize;
            let packet = &rest[16..16 + length];
            let mut body =
                [&[0; 4][..], &[0; 8], &(length as u32).to_le_bytes(), &(length as u32).to_le_bytes(), packet].concat();
            body.resize(body.len().next_multiple_of(4), 0);
            pcapng.extend(block(6, &body));
            let sip = &packet[28..];
            let chunk = |kind: u16, data: &[u8]| {
                [&[0, 0][..], &kind.to_be_bytes(), &(data.len() as u16 + 6).to_be_bytes(), data].concat()
            };
            let chunks = [
                chunk(3, &packet[12..16]),
                chunk(4, &packet[16..20]),
                chunk(7, &packet[20..22]),
                chunk(8, &packet[22..24]),
                chunk(15, sip),
            ]
            .concat();
            hep.extend([b"HEP3", &(chunks.len() as u16 + 6).to_be_bytes()[..], &chunks].concat());
            text.extend(b"2026/01/01 00:00:00.000000 192.0.2.10:5060 -> 198.51.100.1:5060\n");
            text.extend(sip);
            text.extend(b"\n\n");
            rest = &rest[16 + length..];
        }
        vec![CALL.to_vec(), pcapng, hep, text]
    }

    #[test]
    fn every_wrapping_holds_the_call() {
        let counts: Vec<usize> = wrapped()
            .iter()
            .map(|bytes| record::read(Cursor::new(bytes.clone()), &[]).expect("it is whole").packets.len())
            .collect();
        assert!(counts[0] > 8 && counts.iter().all(|count| *count == counts[0]), "{counts:?}");
    }

    #[test]
    fn what_ends_early_is_read_as_far_as_it_goes() {
        for bytes in wrapped() {
            for end in (0..bytes.len()).step_by(41) {
                let _ = all(&bytes[..end]);
            }
        }
        let fault = |bytes: &[u8]| all(bytes).map_err(|fault| fault.to_string());
        assert!(fault(b"").is_err_and(|fault| fault == "is empty"));
        assert!(fault(b"hello").is_err_and(|fault| fault.starts_with("is none of what can be read")));
        assert!(fault(&CALL[..20]).is_err_and(|fault| fault.contains("header")));
        assert!(fault(&CALL[..40]).is_err_and(|fault| fault.contains("ends in the middle of a packet")));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

        #[test]
        fn broken_bytes(which in 0usize..4, changes in prop::collection::vec((any::<u32>(), any::<u8>()), 1..40), cut in any::<u32>()) {
            let mut bytes = wrapped().swap_remove(which);
            for (place, byte) in changes {
                let place = place as usize % bytes.len();
                bytes[place] = byte;
            }
            if cut % 3 == 0 {
                bytes.truncate(cut as usize % bytes.len());
            }
            let _ = all(&bytes);
        }

        #[test]
        fn random_bytes_behind_a_good_beginning(which in 0usize..4, bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            let mut whole = wrapped().swap_remove(which);
            whole.truncate(60);
            whole.extend(bytes);
            let _ = all(&whole);
        }
    }
}
