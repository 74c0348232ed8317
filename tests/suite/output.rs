//! What becomes of output that nobody takes: a server goes on, whoever reads its log.

use crate::running::{Folder, Phone, Running};
use std::fs::File;
use std::io::Read;
use std::process::Stdio;

const LOGS: &str = "debug=2\nloadmodule \"sl.so\"\nloadmodule \"pv.so\"\nloadmodule \"xlog.so\"\nloadmodule \"textops.so\"\n\
    request_route { if (is_method(\"MESSAGE\")) xlog(\"L_NOTICE\", \"ua $ua\\n\"); sl_send_reply(\"200\", \"OK\"); }\n";

fn full() -> Stdio {
    File::options().write(true).open("/dev/full").unwrap().into()
}

fn long() -> String {
    format!("User-Agent: {}\r\n", "u".repeat(40_000))
}

#[test]
fn a_server_serves_on_when_nobody_reads_its_log() {
    let mut server = Running::start(Folder::new(), LOGS, [Stdio::null(), Stdio::piped()], &[]);
    drop(server.process.stderr.take());
    let phone = Phone::new(server.port);
    for _ in 0..3 {
        phone.ask("MESSAGE", "");
    }
    assert_eq!(server.terminate().code(), Some(0));
}

#[test]
fn a_server_serves_on_when_the_disk_of_its_output_is_full() {
    for streams in [[full(), Stdio::null()], [Stdio::null(), full()], [full(), full()]] {
        let mut server = Running::start(Folder::new(), LOGS, streams, &[]);
        let phone = Phone::new(server.port);
        for _ in 0..3 {
            phone.ask("MESSAGE", "");
        }
        assert_eq!(server.terminate().code(), Some(0));
    }
}

#[test]
fn a_server_serves_and_ends_while_the_reader_of_its_log_stalls() {
    for _ in 0..2 {
        let mut server = Running::start(Folder::new(), LOGS, [Stdio::null(), Stdio::piped()], &[]);
        let phone = Phone::new(server.port);
        for _ in 0..20 {
            phone.ask("MESSAGE", &long());
        }
        assert_eq!(server.terminate().code(), Some(0));
    }
}

#[test]
fn a_reader_who_comes_back_is_told_what_is_missing() {
    const LINES: u64 = 200;
    let mut server = Running::start(Folder::new(), LOGS, [Stdio::null(), Stdio::piped()], &[]);
    let phone = Phone::new(server.port);
    for _ in 0..LINES {
        phone.ask("MESSAGE", &long());
    }
    let mut stderr = server.process.stderr.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).map(|_| text)
    });
    assert_eq!(server.terminate().code(), Some(0));
    let text = reader.join().unwrap().unwrap();
    let missing = text.split_once("up to ").and_then(|(_, rest)| rest.split(' ').next()?.parse::<u64>().ok());
    let missing = missing.unwrap_or_else(|| panic!("nothing is said to be missing in {} bytes", text.len()));
    let written = text.lines().filter(|line| line.len() > 30_000).count() as u64;
    let sent = phone.sent();
    // One that was sent twice may have come twice.
    assert!((LINES..=sent).contains(&(written + missing)), "{written} written, {missing} missing of {LINES} to {sent}");
    assert!(missing > 50, "{missing} of {LINES} are missing");
}
