//! Calls that `sipp` makes through a running server: all succeed, spread evenly, and no BYE overtakes its ACK.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::ports;
use crate::running::Ended;

const CALLS: u32 = 1000;
/// Calls at a time. A socket's buffer holds all that they can have on the way, so that nothing is lost while another process has the
/// core: a lost 180 or ACK is a failed call to sipp.
const AT_A_TIME: u32 = 40;
/// When sipp gives up, on however busy a machine.
const DEADLINE: &str = "180s";

#[test]
fn a_thousand_calls_through_one_worker() {
    calls(1);
}

#[test]
fn a_thousand_calls_through_three_workers() {
    calls(3);
}

fn calls(workers: u32) {
    if Command::new("sipp").arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
        eprintln!("\nsipp: SIPP IS NOT INSTALLED. No call was made.\n");
        return;
    }
    let folder = std::env::temp_dir().join(format!("alanui-sipp-{}-{workers}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    // Each backend ends with 0 once it has had its half of the calls, and only if each went as its scenario says.
    let ports = [ports::free(), ports::free()];
    let backends: Vec<Ended> = ports.iter().map(|port| backend(&folder, *port)).collect();
    let server = Server::start(&folder, ports, workers);
    let caller = sipp(&folder, "caller.xml")
        .args(["-s", "bob", "-m", &CALLS.to_string(), "-r", "400", "-l", &AT_A_TIME.to_string(), "-timeout_error"])
        .arg(format!("127.0.0.1:{}", server.port))
        .status()
        .unwrap();
    assert!(caller.success(), "{workers} workers: a call failed: {caller}\n{}", errors(&folder));
    for mut backend in backends {
        let status = backend.0.wait().unwrap();
        let errors = errors(&folder);
        assert!(
            status.success(),
            "{workers} workers: a backend saw something unexpected, or not its half: {status}\n{errors}"
        );
    }
    drop(server);
    let _ = fs::remove_dir_all(folder);
}

struct Server {
    port: u16,
    _process: Ended,
}

impl Server {
    fn start(folder: &Path, backends: [u16; 2], workers: u32) -> Server {
        let sql = folder.join("routing.sql");
        let database = folder.join("routing.db");
        let schema = fs::read_to_string(configs().join("routing.sql")).unwrap();
        let rows: String = backends
            .iter()
            .map(|port| format!("INSERT INTO dispatcher (setid, destination) VALUES (70, 'sip:127.0.0.1:{port}');\n"))
            .collect();
        let domain = "INSERT INTO sip_domains (domain, dispatcher_setid) VALUES ('tenant.example.com', 70);\n";
        // The rows of other tenants lead to addresses that nobody pings in a test.
        fs::write(&sql, format!("{schema}\nDELETE FROM dispatcher;\n{domain}{rows}")).unwrap();
        let port = ports::free();
        let path = database.display().to_string().replace('/', "\\/");
        let config = configs().join("kamailio.cfg").display().to_string();
        let subst = format!("/sqlite:\\/\\/\\/var\\/lib\\/kamailio\\/routing.db/sqlite:\\/\\/\\/{path}/");
        let (listen, workers) = (format!("udp:127.0.0.1:{port}"), workers.to_string());
        let (sql, options) = (sql.display().to_string(), ["--listen", &listen, "--workers", &workers]);
        // An INVITE that is sent again because a busy machine let its answer wait is nothing that a backend of sipp expects behind an ACK.
        let patient = ["--modparam", "tm:retr_timer1:i:20000", "--modparam", "tm:retr_timer2:i:20000"];
        let process =
            Ended::serve(&[&[&config, "--subst", &subst, "--init-db", &sql][..], &options, &patient].concat());
        Server { port, _process: process }
    }
}

fn backend(folder: &Path, port: u16) -> Ended {
    let half = (CALLS / 2).to_string();
    let mut command = sipp(folder, "backend.xml");
    Ended(command.args(["-p", &port.to_string(), "-m", &half]).spawn().unwrap())
}

fn sipp(folder: &Path, scenario: &str) -> Command {
    let mut command = Command::new("sipp");
    command.current_dir(folder).arg("-sf").arg(root().join("tests/sipp").join(scenario));
    command
        .args(["-i", "127.0.0.1", "-nostdin", "-timeout", DEADLINE, "-trace_err"])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// What the three sipps wrote of what they did not expect.
fn errors(folder: &Path) -> String {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let errors = files.filter(|path| path.to_string_lossy().ends_with("_errors.log"));
    errors.map(|path| fs::read_to_string(path).unwrap_or_default()).collect()
}

fn configs() -> PathBuf {
    root().join("configs/edge-router")
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
