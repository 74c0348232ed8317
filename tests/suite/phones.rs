//! Calls between real phones (`baresip`) through `configs/registrar`, over UDP and TCP, in both directions.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::ports;
use crate::running::Ended;

/// How long a phone may take for what it is told: more than the slowest machine needs.
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn phones_call_each_other_over_udp_and_tcp() {
    if Command::new("baresip").arg("-h").output().is_err() {
        eprintln!("\nphones: BARESIP IS NOT INSTALLED. No phone was rung.\n");
        return;
    }
    let folder = std::env::temp_dir().join(format!("alanui-phones-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let server = Server::start();
    let mut phones: Vec<Phone> = [("alice", "udp"), ("bob", "udp"), ("carol", "tcp"), ("dave", "tcp")]
        .into_iter()
        .map(|(user, transport)| Phone::start(&folder, user, transport, server.port))
        .collect();
    for phone in &mut phones {
        phone.is_registered();
    }
    for (caller, called) in [(0, 1), (0, 2), (2, 0), (2, 3)] {
        let (from, to) = (phones[caller].user, phones[called].user);
        phones[caller].does("dial", &format!("sip:{to}@example.com"));
        // The called phone answers by itself; the caller hears that, and the called one that its 200 was acknowledged.
        phones[caller].expects("CALL_ESTABLISHED");
        phones[called].expects("CALL_ESTABLISHED");
        phones[caller].does("hangup", "");
        phones[caller].expects("CALL_CLOSED");
        phones[called].expects("CALL_CLOSED");
        println!("{from} has called {to}");
    }
    drop(phones);
    drop(server);
    let _ = fs::remove_dir_all(folder);
}

struct Server {
    port: u16,
    _process: Ended,
}

impl Server {
    fn start() -> Server {
        let port = ports::free();
        let config = root().join("configs/registrar/kamailio.cfg").display().to_string();
        let [udp, tcp] = ["udp", "tcp"].map(|transport| format!("{transport}:127.0.0.1:{port}"));
        let process = Ended::serve(&[&config, "--listen", &udp, "--listen", &tcp]);
        Server { port, _process: process }
    }
}

/// A phone without sound: what it hears it says again.
struct Phone {
    user: &'static str,
    control: TcpStream,
    /// What it has told, not looked at yet.
    unread: Vec<u8>,
    events: Vec<serde_json::Value>,
    _process: Ended,
}

impl Phone {
    fn start(folder: &Path, user: &'static str, transport: &str, server: u16) -> Phone {
        // The phone takes the port behind that of SIP for TLS.
        let [control, sip, _] = [ports::free(), ports::free(), ports::free()];
        let home = folder.join(user);
        fs::create_dir_all(&home).unwrap();
        let config = format!(
            "sip_listen 127.0.0.1:{sip}\nmodule_path {}\naudio_player aubridge,nil\naudio_source aubridge,nil\n\
             audio_alert aubridge,nil\nmodule g711.so\nmodule aubridge.so\nmodule_tmp account.so\nmodule_app menu.so\n\
             module ctrl_tcp.so\nctrl_tcp_listen 127.0.0.1:{control}\n",
            modules().display()
        );
        let account = format!(
            "<sip:{user}@example.com;transport={transport}>;regint=600;answermode=auto;outbound=\"sip:127.0.0.1:{server};transport={transport}\"\n"
        );
        fs::write(home.join("config"), config).unwrap();
        fs::write(home.join("accounts"), account).unwrap();
        fs::write(home.join("contacts"), "").unwrap();
        let process = Command::new("baresip")
            .arg("-f")
            .arg(&home)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let process = Ended(process.unwrap());
        let control = until(|| TcpStream::connect(("127.0.0.1", control)).ok(), &format!("{user} is not there"));
        control.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        Phone { user, control, unread: Vec::new(), events: Vec::new(), _process: process }
    }

    /// Has it do something.
    fn does(&mut self, command: &str, about: &str) {
        let text = serde_json::json!({ "command": command, "params": about }).to_string();
        self.control.write_all(format!("{}:{text},", text.len()).as_bytes()).unwrap();
    }

    /// Waits until it says that it is registered.
    fn is_registered(&mut self) {
        let what = format!("{} did not register", self.user);
        until(
            || {
                self.does("reginfo", "");
                self.listen();
                let is_good =
                    |answer: serde_json::Value| answer["data"].as_str().is_some_and(|text| text.contains("OK "));
                self.events.drain(..).any(is_good).then_some(())
            },
            &what,
        );
    }

    /// Waits until it tells of something.
    fn expects(&mut self, event: &str) {
        let what = format!("{} did not tell of {event}", self.user);
        until(
            || {
                self.listen();
                self.events.iter().position(|its| its["type"] == event).map(|at| self.events.remove(at))
            },
            &what,
        );
    }

    fn listen(&mut self) {
        let mut buffer = [0; 4096];
        match self.control.read(&mut buffer) {
            Ok(0) => panic!("{} has ended: {:?}", self.user, self.events),
            Ok(length) => self.unread.extend_from_slice(&buffer[..length]),
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => {}
            Err(error) => panic!("{}: {error}", self.user),
        }
        // Each is written length:text,
        while let Some(colon) = self.unread.iter().position(|byte| *byte == b':') {
            let length: usize = std::str::from_utf8(&self.unread[..colon]).unwrap().parse().unwrap();
            let end = colon + 1 + length;
            if self.unread.len() <= end {
                return;
            }
            self.events.extend(serde_json::from_slice::<serde_json::Value>(&self.unread[colon + 1..end]));
            self.unread.drain(..=end);
        }
    }
}

/// Tries until it succeeds.
#[expect(clippy::disallowed_methods, reason = "phones of the real world have real deadlines")]
fn until<T>(mut attempt: impl FnMut() -> Option<T>, otherwise: &str) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(done) = attempt() {
            return done;
        }
        assert!(Instant::now() < deadline, "{otherwise}");
    }
}

/// Where Debian, or another system, puts the phone's modules.
fn modules() -> PathBuf {
    let known = ["/usr/lib/baresip/modules", "/usr/local/lib/baresip/modules", "/opt/homebrew/lib/baresip/modules"];
    known.into_iter().map(PathBuf::from).find(|path| path.is_dir()).unwrap()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
