//! The torture messages of RFC 4475 and RFC 5118 (`fixtures/torture/*.sip`, shortened), sent to a proxy with and without `sanity_check`.
//!
//! `cases.tsv` says for each what the RFC wants of a proxy, and why alanui does otherwise where it does; `table.snap` is what it does.

use super::oracle::server::{self, Program, Server};
use super::ports;
use std::collections::HashSet;
use std::fmt::Write as _;
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/torture")
}

/// A row of `cases.tsv`.
struct Case {
    name: String,
    section: String,
    says: String,
    why: String,
}

fn cases() -> Vec<Case> {
    let text = std::fs::read_to_string(folder().join("cases.tsv")).unwrap();
    let rows = text.lines().filter(|line| !line.starts_with('#'));
    rows.map(|line| {
        let mut fields = line.split('\t').map(str::to_owned);
        let mut field = || fields.next().unwrap_or_default();
        Case { name: field(), section: field(), says: field(), why: field() }
    })
    .collect()
}

#[test]
fn torture_messages_meet_what_their_rfc_says_or_a_reason() {
    let cases = cases();
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "sip")).count();
    assert_eq!((cases.len(), files), (61, 61));
    let outcomes = [("", Program::Alanui), ("#!define SANITY", Program::Alanui), ("#!define SANITY", Program::Strict)]
        .map(|(define, program)| Proxy::start(define, program).play(&cases));
    let mut table = "message | RFC | says | relayed | with sanity_check | and with --strict\n".to_owned();
    let mut wrong = Vec::new();
    for (place, case) in cases.iter().enumerate() {
        let [relay, sanity, strict] = outcomes.each_ref().map(|all| all[place].as_str());
        let _ = writeln!(table, "{} | {} | {} | {relay} | {sanity} | {strict}", case.name, case.section, case.says);
        let met = fits(&case.says, relay) && fits(&case.says, sanity);
        if met != case.why.is_empty() {
            wrong.push(format!("{}: {} wanted, {relay}, {sanity}; why: {:?}", case.name, case.says, case.why));
        }
    }
    assert!(wrong.is_empty(), "a row without its reason, or a reason without need:\n{}", wrong.join("\n"));
    insta::with_settings!({ snapshot_path => folder(), prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("table", table);
    });
}

/// Whether an outcome is what a row asks for: `accept`, `discard`, `repaired`, or a code, joined by `or`.
fn fits(says: &str, outcome: &str) -> bool {
    says.split(" or ").any(|wanted| match wanted {
        "accept" => outcome == "forwarded",
        "repaired" => outcome.starts_with("forwarded as"),
        "discard" => outcome == "nothing",
        code => outcome.split(' ').next() == Some(code),
    })
}

/// A server, whoever sends to it, and the next hop.
struct Proxy {
    server: Server,
    address: SocketAddr,
    caller: UdpSocket,
    next: UdpSocket,
    fence: UdpSocket,
    fences: u32,
    /// Packets that came before: what comes again is a retransmission.
    seen: HashSet<Vec<u8>>,
}

impl Proxy {
    fn start(define: &str, program: Program) -> Proxy {
        let (caller, next) = (bind(), bind());
        let address = SocketAddr::from(([127, 0, 0, 1], ports::free()));
        let config = std::fs::read_to_string(folder().join("torture.cfg.in")).unwrap();
        let config = config.replacen("#!KAMAILIO", &format!("#!KAMAILIO\n{define}"), 1);
        let config = config.replace("@SERVER@", &address.port().to_string());
        let config = config.replace("@NEXT@", &next.local_addr().unwrap().port().to_string());
        let server = Server::start(program, server::fresh_folder().unwrap(), &config, "").unwrap();
        let fence = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut proxy = Proxy { server, address, caller, next, fence, fences: 0, seen: HashSet::new() };
        assert!(proxy.fenced(Duration::from_secs(30)), "{}", proxy.server.log());
        proxy
    }

    fn play(mut self, cases: &[Case]) -> Vec<String> {
        cases.iter().map(|case| self.outcome(case)).collect()
    }

    /// What becomes of a message: the code that answers it, or how it is forwarded.
    fn outcome(&mut self, case: &Case) -> String {
        // Many messages have the same branch: they come from different callers.
        self.caller = bind();
        let file = std::fs::read(folder().join(format!("{}.sip", case.name))).unwrap();
        let message = replaced(&file, "{me}", &self.caller.local_addr().unwrap().to_string());
        let message = replaced(&message, "{server}", &self.address.to_string());
        let is_reply = message.starts_with(b"SIP/2.0 ");
        let from = if is_reply { &self.next } else { &self.caller };
        from.send_to(&message, self.address).unwrap();
        assert!(self.fenced(Duration::from_secs(30)), "{}: {}", case.name, self.server.log());
        let (back, on) = (self.arrived(true), self.arrived(false));
        let finals: Vec<_> = back.iter().filter(|packet| !packet.starts_with(b"SIP/2.0 100 ") || is_reply).collect();
        match (finals.as_slice(), on.as_slice()) {
            ([], []) => "nothing".to_owned(),
            ([reply], []) if is_reply => passed_on(&message, reply),
            ([reply], []) => first_line(reply)["SIP/2.0 ".len()..].to_owned(),
            ([], [request]) => passed_on(&message, request),
            _ => format!("{} replies, {} forwarded", back.len(), on.len()),
        }
    }

    fn arrived(&mut self, at_caller: bool) -> Vec<Vec<u8>> {
        let socket = if at_caller { &self.caller } else { &self.next };
        let mut buffer = vec![0; 65_536];
        let mut all = Vec::new();
        while let Ok((length, _)) = socket.recv_from(&mut buffer) {
            let packet = buffer[..length].to_vec();
            if self.seen.insert(packet.clone()) {
                all.push(packet);
            }
        }
        all
    }

    /// Whether the server has dealt with all before: it answers a request without hops.
    #[expect(clippy::disallowed_methods, reason = "a server of the real world has real deadlines")]
    fn fenced(&mut self, patience: Duration) -> bool {
        self.fences += 1;
        let id = format!("fence-{}", self.fences);
        let me = self.fence.local_addr().unwrap();
        let request = format!(
            "OPTIONS sip:fence@fence.invalid SIP/2.0\r\nVia: SIP/2.0/UDP {me};branch=z9hG4bK-{id}\r\nMax-Forwards: 0\r\n\
             From: <sip:fence@fence.invalid>;tag=fence\r\nTo: <sip:fence@fence.invalid>\r\nCall-ID: {id}\r\n\
             CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        );
        let deadline = Instant::now() + patience;
        let mut buffer = [0; 4096];
        self.fence.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        while Instant::now() < deadline {
            let _ = self.fence.send_to(request.as_bytes(), self.address);
            while let Ok((length, _)) = self.fence.recv_from(&mut buffer) {
                if String::from_utf8_lossy(&buffer[..length]).contains(&id) {
                    return true;
                }
            }
        }
        false
    }
}

fn bind() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_nonblocking(true).unwrap();
    socket
}

/// How a message left: as it came, or with another first line or body.
fn passed_on(message: &[u8], left: &[u8]) -> String {
    let (before, after) = (first_line(message), first_line(left));
    let end = |bytes: &[u8]| bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| bytes[at + 4..].len());
    match (before == after, end(message) == end(left)) {
        (true, true) => "forwarded".to_owned(),
        (true, false) if end(message) > end(left) => "forwarded".to_owned(),
        (true, false) => "forwarded with another body".to_owned(),
        (false, _) => format!("forwarded as {after}"),
    }
}

fn first_line(message: &[u8]) -> String {
    let end = message.windows(2).position(|two| two == b"\r\n").unwrap_or(message.len());
    String::from_utf8_lossy(&message[..end]).into_owned()
}

fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    match bytes.windows(from.len()).position(|part| part == from.as_bytes()) {
        Some(at) => [&bytes[..at], to.as_bytes(), &bytes[at + from.len()..]].concat(),
        None => bytes.to_vec(),
    }
}
