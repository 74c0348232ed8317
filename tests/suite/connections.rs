//! Connections as clients of the real world use them: many requests at once, a side that is shut, messages that never end.

use super::oracle::server::{self, Program, Server};
use super::patience::again;
use super::ports;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

const ANSWERS: &str = "request_route { sl_send_reply(\"200\", \"OK\"); }";

/// A server with this script, and its address by TCP.
fn serve(settings: &str, script: &str) -> (Server, SocketAddr) {
    serve_by("1", settings, script)
}

/// The same by so many workers: the system gives each connection to one of them, and a call belongs to one as well.
fn serve_by(workers: &str, settings: &str, script: &str) -> (Server, SocketAddr) {
    let address = SocketAddr::from(([127, 0, 0, 1], ports::free()));
    let modules: String = ["tm", "sl", "pv"].iter().map(|name| format!("loadmodule \"{name}.so\"\n")).collect();
    let config = format!("listen=tcp:{address}\nlisten=udp:{address}\n{settings}\n{modules}{script}\n");
    let mut server =
        Server::start_with(Program::Alanui, server::fresh_folder().unwrap(), (&config, ""), &["--workers", workers])
            .unwrap();
    until("it listens", || {
        assert!(!server.ended(), "{}", server.log());
        TcpStream::connect(address).is_ok().then_some(())
    });
    (server, address)
}

/// Asks again and again until there is an answer.
#[expect(clippy::disallowed_methods, reason = "a server of the real world has real deadlines")]
fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Some(found) = ask() {
            return found;
        }
        std::thread::yield_now();
    }
    panic!("waited in vain until {what}");
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn request(method: &str, call: usize, more: &str) -> String {
    format!(
        "{method} sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bK-{call};rport\r\n\
         From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: {call}@connections\r\nCSeq: 1 {method}\r\n\
         Max-Forwards: 70\r\n{more}Content-Length: 0\r\n\r\n"
    )
}

/// Reads until the server closes, or `enough` says so; gives what came.
fn read(stream: &mut TcpStream, mut enough: impl FnMut(&str) -> bool) -> String {
    let (mut text, mut chunk) = (String::new(), [0; 65_536]);
    while !enough(&text) {
        match again(|| stream.read(&mut chunk)) {
            Ok(0) => break,
            Ok(count) => text.push_str(&String::from_utf8_lossy(&chunk[..count])),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
            Err(error) => panic!("{error} after {} bytes", text.len()),
        }
    }
    text
}

#[test]
fn ten_thousand_requests_in_one_go_have_ten_thousand_answers() {
    const COUNT: usize = 10_000;
    let (_server, address) = serve("", ANSWERS);
    let mut stream = connect(address);
    let mut writing = stream.try_clone().unwrap();
    let asks = std::thread::spawn(move || {
        let all: String = (0..COUNT).map(|call| request("OPTIONS", call, "")).collect();
        writing.write_all(all.as_bytes()).unwrap();
    });
    let (mut counted, mut seen) = (0, 0);
    read(&mut stream, |text| {
        counted += text[seen..].matches("@connections").count();
        // A word that is cut is counted with the next piece.
        seen = text.rfind("@connections").map_or(seen, |at| at + 1);
        counted >= COUNT
    });
    asks.join().unwrap();
    assert_eq!(counted, COUNT);
}

#[test]
fn a_peer_that_pauses_loses_nothing() {
    const COUNT: usize = 3_000;
    let trunk = TcpListener::bind("127.0.0.1:0").unwrap();
    let there = trunk.local_addr().unwrap();
    let script = format!(
        "request_route {{ if ($rm == \"OPTIONS\") {{ sl_send_reply(\"200\", \"OK\"); exit; }} \
         $du = \"sip:{there};transport=tcp\"; forward(); }}"
    );
    let (_server, address) = serve("", &script);
    let mut stream = connect(address);
    let padding = format!("Subject: {}\r\n", "x".repeat(3000));
    let mut all: String = (0..COUNT).map(|call| request("MESSAGE", call, &padding)).collect();
    all.push_str(&request("OPTIONS", COUNT, ""));
    stream.write_all(all.as_bytes()).unwrap();
    // Everything before the last request has been dealt with.
    read(&mut stream, |text| text.contains("200 OK"));
    let (mut paused, _) = trunk.accept().unwrap();
    paused.set_read_timeout(Some(PATIENCE)).unwrap();
    let last = format!("Call-ID: {}@connections", COUNT - 1);
    let text = read(&mut paused, |text| text.len() > COUNT * 3000 && text[text.len() - 4000..].contains(&last));
    assert_eq!(text.matches("Call-ID: ").count(), COUNT);
}

#[test]
fn a_client_that_shuts_its_side_has_its_answer() {
    for workers in ["1", "3"] {
        let (_server, address) = serve_by(workers, "", ANSWERS);
        for call in 0..50 {
            let mut stream = connect(address);
            stream.write_all(request("OPTIONS", call, "").as_bytes()).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            let text = read(&mut stream, |_| false);
            assert!(text.starts_with("SIP/2.0 200 OK\r\n"), "{call}: {text}");
        }
    }
}

/// Whoever relays to a name waits for what the system says of it, and goes on.
#[test]
fn a_relay_to_a_name_finds_its_way() {
    let next = UdpSocket::bind("127.0.0.1:0").unwrap();
    next.set_read_timeout(Some(PATIENCE)).unwrap();
    let port = next.local_addr().unwrap().port();
    let (_server, address) =
        serve_by("3", "", &format!("request_route {{ $du = \"sip:localhost:{port}\"; t_relay(); }}"));
    let mut stream = connect(address);
    let mut buffer = [0; 4096];
    for call in 0..12 {
        stream.write_all(request("OPTIONS", call, "").as_bytes()).unwrap();
        let (length, from) = again(|| next.recv_from(&mut buffer)).unwrap();
        let asked = String::from_utf8_lossy(&buffer[..length]).into_owned();
        let answer = asked.replacen("OPTIONS sip:bob@example.com SIP/2.0", "SIP/2.0 200 Found", 1);
        next.send_to(answer.as_bytes(), from).unwrap();
        let text = read(&mut stream, |text| text.ends_with("\r\n\r\n"));
        assert!(text.starts_with("SIP/2.0 200 Found\r\n"), "{text}");
    }
}

#[test]
fn an_answer_that_comes_later_still_finds_the_side_that_is_open() {
    let next = UdpSocket::bind("127.0.0.1:0").unwrap();
    next.set_read_timeout(Some(PATIENCE)).unwrap();
    let there = next.local_addr().unwrap();
    let (_server, address) = serve("", &format!("request_route {{ $du = \"sip:{there}\"; t_relay(); }}"));
    let mut stream = connect(address);
    stream.write_all(request("OPTIONS", 1, "").as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut buffer = [0; 4096];
    let (length, from) = again(|| next.recv_from(&mut buffer)).unwrap();
    let asked = String::from_utf8_lossy(&buffer[..length]).into_owned();
    let answer = asked.replacen("OPTIONS sip:bob@example.com SIP/2.0", "SIP/2.0 200 Late", 1);
    next.send_to(answer.as_bytes(), from).unwrap();
    let text = read(&mut stream, |_| false);
    assert!(text.starts_with("SIP/2.0 200 Late\r\n"), "{text}");
}

#[test]
fn a_stream_without_end_is_answered_and_closed() {
    let (server, address) = serve("", ANSWERS);
    for (call, (headers, reason)) in [
        ("Content-Length: 0\r\n", "Several Content-Length Headers"),
        ("l: 3\r\n", "Several Content-Length Headers"),
        ("X: y\r\nContent-Length: +0\r\n", "Several Content-Length Headers"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut stream = connect(address);
        let hidden = request("OPTIONS", 100, "");
        stream.write_all(format!("{}{hidden}", request("OPTIONS", call, headers)).as_bytes()).unwrap();
        let text = read(&mut stream, |_| false);
        assert!(text.starts_with(&format!("SIP/2.0 400 {reason}\r\n")), "{text}");
        assert_eq!(text.matches("SIP/2.0").count(), 2, "one answer with one Via: {text}");
    }
    let mut stream = connect(address);
    let endless = request("OPTIONS", 7, "").replace("Content-Length: 0\r\n", "");
    stream.write_all(endless.as_bytes()).unwrap();
    assert!(read(&mut stream, |_| false).starts_with("SIP/2.0 400 Missing Content-Length Header\r\n"));
    until("the log tells of it", || server.log().contains("it has several Content-Length headers").then_some(()));
}

#[test]
fn a_message_that_does_not_become_whole_ends_its_connection() {
    let (_server, address) = serve("tcp_msg_read_timeout=1", ANSWERS);
    let mut slow = connect(address);
    slow.set_nonblocking(true).unwrap();
    // A byte at a time keeps it busy, and is no message.
    until("the connection is closed", || match slow.write(b"O") {
        Ok(_) => match slow.read(&mut [0]) {
            Ok(0) => Some(()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            _ => Some(()),
        },
        Err(error) if error.kind() == ErrorKind::WouldBlock => None,
        Err(_) => Some(()),
    });
    // One that has said nothing yet is none of them.
    let mut other = connect(address);
    other.write_all(request("OPTIONS", 1, "").as_bytes()).unwrap();
    assert!(read(&mut other, |text| text.ends_with("\r\n\r\n")).starts_with("SIP/2.0 200 OK"));
}

#[test]
fn what_goes_to_an_alias_goes_by_the_connection_that_has_it() {
    let script = "request_route { if ($rm == \"OPTIONS\") { \
                  if ($hdr(X-Alias) != $null) force_tcp_alias(4711); \
                  sl_send_reply(\"200\", \"by $conid\"); exit; } \
                  $du = \"sip:127.0.0.1:\" + $hdr(X-Port) + \";transport=tcp\"; forward(); }";
    for workers in ["1", "3"] {
        let (_server, address) = serve_by(workers, "tcp_accept_aliases=yes", script);
        let whole = |text: &str| text.ends_with("\r\n\r\n");
        let mut named = connect(address);
        named.write_all(request("OPTIONS", 1, "X-Alias: yes\r\n").as_bytes()).unwrap();
        let first = read(&mut named, whole);
        let mut said = connect(address);
        // Its Via names port 9.
        said.write_all(request("OPTIONS", 2, "").replace(";rport", ";rport;alias").as_bytes()).unwrap();
        let second = read(&mut said, whole);
        assert!(first.starts_with("SIP/2.0 200 by ") && second.starts_with("SIP/2.0 200 by "), "{first}{second}");
        assert_ne!(first.lines().next(), second.lines().next(), "each has its number");
        let mut other = connect(address);
        other.write_all(request("MESSAGE", 3, "X-Port: 4711\r\n").as_bytes()).unwrap();
        assert!(read(&mut named, whole).starts_with("MESSAGE "));
        other.write_all(request("MESSAGE", 4, "X-Port: 9\r\n").as_bytes()).unwrap();
        assert!(read(&mut said, whole).starts_with("MESSAGE "));
    }
}

/// Connections and calls are spread over workers, so most answers leave by a connection of another worker than the one that makes them.
#[test]
fn connections_of_one_worker_serve_the_calls_of_all() {
    const CLIENTS: usize = 40;
    let script = "request_route { if ($rm == \"OPTIONS\") { sl_send_reply(\"200\", \"by $conid\"); exit; } \
                  $du = \"sip:127.0.0.1:\" + $hdr(X-Port) + \";transport=tcp\"; t_relay(); }";
    let (_server, address) = serve_by("4", "", script);
    let mut streams: Vec<TcpStream> = (0..CLIENTS).map(|_| connect(address)).collect();
    let whole = |text: &str| text.ends_with("\r\n\r\n");
    let mut numbers: Vec<String> = Vec::new();
    for (call, stream) in streams.iter_mut().enumerate() {
        for again in 0..3 {
            stream.write_all(request("OPTIONS", call * 3 + again, "").as_bytes()).unwrap();
            let first = read(stream, whole).lines().next().unwrap().to_owned();
            assert!(again == 0 || numbers.last() == Some(&first), "{first} after {numbers:?}");
            if again == 0 {
                numbers.push(first);
            }
        }
    }
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), CLIENTS, "each connection has its own number: {numbers:?}");
    // A request goes to the connection that its peer opened, whosever that is, and its answer back by the one that it came by.
    for call in 0..CLIENTS {
        let other = (call + CLIENTS / 2) % CLIENTS;
        let port = streams[other].local_addr().unwrap().port();
        let message = request("MESSAGE", 1000 + call, &format!("X-Port: {port}\r\n"));
        streams[call].write_all(message.as_bytes()).unwrap();
        let got = read(&mut streams[other], whole);
        assert!(got.starts_with("MESSAGE "), "{got}");
        let answer: Vec<&str> = got
            .lines()
            .filter(|line| ["Via", "From", "To", "Call-ID", "CSeq"].iter().any(|name| line.starts_with(name)))
            .collect();
        let answer = format!("SIP/2.0 202 Taken\r\n{}\r\nContent-Length: 0\r\n\r\n", answer.join("\r\n"));
        streams[other].write_all(answer.as_bytes()).unwrap();
        assert!(read(&mut streams[call], whole).starts_with("SIP/2.0 202 Taken"));
    }
}

/// The connection that a request came by is closed, and another worker has the one that goes to the address in its Via.
#[test]
fn a_late_answer_finds_the_connection_of_another_worker() {
    let next = UdpSocket::bind("127.0.0.1:0").unwrap();
    next.set_read_timeout(Some(PATIENCE)).unwrap();
    let script = format!(
        "request_route {{ if ($rm == \"OPTIONS\") {{ sl_send_reply(\"200\", \"OK\"); exit; }} \
         $du = \"sip:{}\"; t_relay(); }}",
        next.local_addr().unwrap()
    );
    let (_server, address) = serve_by("4", "", &script);
    let whole = |text: &str| text.ends_with("\r\n\r\n");
    for call in 0..16 {
        let mut stays = connect(address);
        // The server knows of it before the other one asks.
        stays.write_all(request("OPTIONS", 1000 + call, "").as_bytes()).unwrap();
        read(&mut stays, whole);
        let via = format!("127.0.0.1:{};", stays.local_addr().unwrap().port());
        let mut goes = connect(address);
        let asked = request("MESSAGE", call, "").replace("127.0.0.1:9;", &via).replace(";rport", "");
        goes.write_all(asked.as_bytes()).unwrap();
        let mut buffer = [0; 4096];
        let (length, from) = again(|| next.recv_from(&mut buffer)).unwrap();
        goes.shutdown(Shutdown::Write).unwrap();
        // Its end is there before the answer: whoever asks behind it is answered.
        let mut behind = connect(address);
        behind.write_all(request("OPTIONS", 2000 + call, "").as_bytes()).unwrap();
        read(&mut behind, whole);
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        let answer = text.replacen("MESSAGE sip:bob@example.com SIP/2.0", "SIP/2.0 200 Late", 1);
        next.send_to(answer.as_bytes(), from).unwrap();
        stays.set_nonblocking(true).unwrap();
        goes.set_nonblocking(true).unwrap();
        // Who shuts its side may be heard first or last; the answer comes once, by either way.
        until("the answer comes", || {
            let mut chunk = [0; 4096];
            let found = [&mut stays, &mut goes]
                .into_iter()
                .find_map(|stream| stream.read(&mut chunk).ok().filter(|count| *count > 0));
            found.map(|count| assert!(chunk[..count].starts_with(b"SIP/2.0 200 Late")))
        });
    }
}
