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

/// Commands that print, with what they need.
const COMMANDS: &[&[&str]] = &[
    &["check", "configs/edge-router/kamailio.cfg"],
    &["check", "--format", "json", "configs/edge-router/kamailio.cfg"],
    &["check", "--format", "sarif", "configs/edge-router/kamailio.cfg"],
    &["check", "--diff", "configs/edge-router/kamailio.cfg"],
    &["corpus", "configs"],
    &["explain", "t_relay"],
    &["completions", "bash"],
    &["test", "configs/edge-router/scenarios"],
    &["test", "--tap", "-", "configs/anti-flood/scenarios"],
    &[
        "diff",
        "configs/edge-router/kamailio.cfg",
        "configs/edge-router/kamailio.cfg",
        "--scenarios",
        "configs/edge-router/scenarios",
    ],
    &["routes", "configs/edge-router/kamailio.cfg"],
    &["fmt", "--diff", "fixtures/format/statements.cfg"],
    &["--help"],
    &["--version"],
];

fn command(arguments: &[&str]) -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_alanui"));
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null());
    command
}

#[test]
fn what_cannot_be_printed_is_an_error_that_is_said_once() {
    for arguments in COMMANDS {
        let output = command(arguments).stdout(full()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert_eq!(said.matches("No space left on device").count(), 1, "{arguments:?}: {said}");
        let output = command(arguments).stderr(full()).output().unwrap();
        assert!(output.status.code().is_some_and(|code| code < 3), "{arguments:?}: {}", output.status);
    }
}

#[test]
fn a_reader_who_has_seen_enough_ends_a_command_without_a_word() {
    for arguments in COMMANDS {
        let mut process = command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(process.stdout.take());
        let output = process.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains("panicked") && !said.contains("pipe"), "{arguments:?}: {said}");
    }
}

#[test]
fn colour_is_printed_where_it_is_wanted() {
    let check = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = command(&["check", "configs/edge-router/kamailio.cfg"]);
        for name in ["NO_COLOR", "CLICOLOR_FORCE", "CLICOLOR", "TERM", "CI"] {
            command.env_remove(name);
        }
        let output = command.args(arguments).envs(variables.iter().copied()).output().unwrap();
        output.stdout.contains(&0x1b)
    };
    assert!(!check(&[], &[]), "a pipe");
    assert!(check(&["--color", "always"], &[("NO_COLOR", "1")]));
    assert!(check(&[], &[("CLICOLOR_FORCE", "1")]));
    assert!(!check(&[], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(!check(&["--color", "never"], &[("CLICOLOR_FORCE", "1")]));
}
