//! A server as a process of its own, in a folder of its own, and a phone that talks to it. Both are waited for with a deadline, never for a fixed time.

use crate::ports;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Longer than anything takes on a machine that is busy.
const DEADLINE: Duration = Duration::from_secs(60);

/// A folder that goes with its test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("alanui-running-{}-{count}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A running server; it does not outlive its test.
pub(crate) struct Running {
    pub(crate) process: Child,
    pub(crate) port: u16,
    /// It goes with the server.
    _folder: Folder,
}

impl Running {
    /// Starts a server with this config, which listens on the loopback by UDP, and waits until it answers. `FOLDER` in the text is its folder.
    pub(crate) fn start(folder: Folder, config: &str, [out, err]: [Stdio; 2], arguments: &[&str]) -> Self {
        let (port, path) = (ports::free(), folder.path().join("server.cfg"));
        fs::write(&path, config.replace("FOLDER", &folder.path().display().to_string())).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_alanui"));
        command.arg("run").arg(path).args(["--listen", &format!("udp:127.0.0.1:{port}")]).args(arguments);
        let process = command.current_dir(folder.path()).stdin(Stdio::null()).stdout(out).stderr(err).spawn().unwrap();
        let mut running = Self { process, port, _folder: folder };
        let phone = Phone::new(running.port);
        wait("a server that answers", || {
            assert_eq!(running.process.try_wait().unwrap(), None, "it did not start");
            phone.asks("OPTIONS", "", Duration::from_millis(200))
        });
        running
    }

    /// Sends a signal: `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.process.id().to_string()]).status();
        assert!(sent.unwrap().success(), "kill -{name}");
    }

    /// Ends it as systemd does and gives how it ended.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        let mut ended = None;
        wait("the end of the server", || {
            ended = self.process.try_wait().unwrap();
            ended.is_some()
        });
        ended.unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A process that does not outlive its test.
pub(crate) struct Ended(pub(crate) Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Ended {
    /// Starts `alanui run` with these arguments and waits until its banner ends with `ready`.
    pub(crate) fn serve(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_alanui"));
        command.arg("run").args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let banner = BufReader::new(process.stdout.take().unwrap());
        let ready = banner.lines().map_while(Result::ok).any(|line| line == "ready");
        let server = Self(process);
        assert!(ready, "the server did not start");
        server
    }
}

/// Waits until something is so.
#[expect(clippy::disallowed_methods, reason = "a server of the real world has real deadlines")]
pub(crate) fn wait(what: &str, mut so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(start.elapsed() < DEADLINE, "waited for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Somebody who sends requests by UDP.
pub(crate) struct Phone {
    socket: UdpSocket,
    server: u16,
    sent: AtomicUsize,
}

impl Phone {
    pub(crate) fn new(server: u16) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        Self { socket, server, sent: AtomicUsize::new(0) }
    }

    /// How many requests it has sent.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed) as u64
    }

    /// Sends one request to bob with more headers, each with CRLF; gives its Call-ID.
    pub(crate) fn send(&self, method: &str, headers: &str) -> String {
        self.send_to(method, "bob", headers)
    }

    /// The same to another user.
    pub(crate) fn send_to(&self, method: &str, user: &str, headers: &str) -> String {
        let (own, sent) = (self.socket.local_addr().unwrap(), self.sent.fetch_add(1, Ordering::Relaxed));
        let call = format!("{sent}-{}", own.port());
        let text = format!(
            "{method} sip:{user}@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK{call};rport\r\nFrom: <sip:alice@127.0.0.1>;tag=a\r\n\
             To: <sip:{user}@127.0.0.1>\r\nCall-ID: {call}\r\nCSeq: 1 {method}\r\nMax-Forwards: 70\r\n{headers}Content-Length: 0\r\n\r\n"
        );
        // A server that is not there yet refuses it.
        let _ = self.socket.send_to(text.as_bytes(), (Ipv4Addr::LOCALHOST, self.server));
        call
    }

    /// The reply to a request, when it comes within so long.
    #[expect(clippy::disallowed_methods, reason = "a server of the real world has real deadlines")]
    pub(crate) fn reply(&self, call: &str, patience: Duration) -> Option<String> {
        let (start, wanted) = (Instant::now(), format!("\r\nCall-ID: {call}\r\n"));
        let mut buffer = [0; 65_536];
        while let Some(left) = patience.checked_sub(start.elapsed()).filter(|left| !left.is_zero()) {
            self.socket.set_read_timeout(Some(left)).unwrap();
            if let Ok(length) = self.socket.recv(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                if text.contains(&wanted) {
                    return Some(text);
                }
            }
        }
        None
    }

    /// Whether a request is answered within so long.
    pub(crate) fn asks(&self, method: &str, headers: &str, patience: Duration) -> bool {
        let call = self.send(method, headers);
        self.reply(&call, patience).is_some()
    }

    /// Sends a request until it is answered, as phones do, and gives the reply.
    pub(crate) fn ask(&self, method: &str, headers: &str) -> String {
        let mut reply = None;
        wait("a reply", || {
            let call = self.send(method, headers);
            reply = self.reply(&call, Duration::from_secs(1));
            reply.is_some()
        });
        reply.unwrap()
    }
}
