//! Stand-ins for rtpengine: they answer its control protocol as the flags of a command ask them to, and keep what they are told.
//!
//! Their reader and writer of Bencode are their own, so that alanui is not compared with itself.

use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// All of them; each is at the port `@NAME@` of a configuration.
pub(super) const NAMES: [&str; 3] = ["relay1", "relay2", "relay3"];

/// What an offer and an answer are answered with.
const SDP: &str =
    "v=0\r\no=- 7 7 IN IP4 203.0.113.9\r\ns=relayed\r\nc=IN IP4 203.0.113.9\r\nt=0 0\r\nm=audio 30000 RTP/AVP 0\r\n";

/// Cookies, and the commands behind them as lines.
type Commands = Mutex<Vec<(Vec<u8>, String)>>;

pub(super) struct Relay {
    pub(super) name: &'static str,
    pub(super) address: SocketAddr,
    commands: Arc<Commands>,
    ended: Arc<()>,
}

impl Relay {
    pub(super) fn start(name: &'static str) -> std::io::Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        // Its thread looks up this often to see whether it is still wanted.
        socket.set_read_timeout(Some(Duration::from_millis(200)))?;
        let relay = Self { name, address: socket.local_addr()?, commands: Arc::default(), ended: Arc::default() };
        let (commands, wanted) = (relay.commands.clone(), Arc::downgrade(&relay.ended));
        std::thread::spawn(move || {
            let mut buffer = [0; 1 << 16];
            while wanted.strong_count() > 0 {
                let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
                if let Some(answer) = take(name, &buffer[..length], &commands) {
                    let _ = socket.send_to(&answer, from);
                }
            }
        });
        Ok(relay)
    }

    /// The commands, each once, as lines.
    pub(super) fn commands(&self) -> Vec<String> {
        self.commands.lock().unwrap().iter().map(|(_, command)| command.clone()).collect()
    }
}

/// Takes a datagram and gives the answer.
fn take(name: &str, datagram: &[u8], commands: &Commands) -> Option<Vec<u8>> {
    let blank = datagram.iter().position(|byte| *byte == b' ')?;
    let (cookie, command) = datagram.split_at(blank);
    let mut rest = &command[1..];
    let mut lines = String::new();
    read(&mut rest, 0, &mut lines)?;
    let is = |what: &str| lines.contains(&format!("command: {what}\n"));
    let asks = |what: &str| lines.contains(&format!("- {what}-{name}\n"));
    if !is("ping") {
        let mut commands = commands.lock().unwrap();
        if !commands.iter().any(|(known, _)| known == cookie) {
            commands.push((cookie.to_vec(), lines.clone()));
        }
    }
    let answer = match () {
        () if is("ping") => "d6:result4:ponge".to_owned(),
        () if asks("silent") => return None,
        () if asks("full") => "d6:result10:load limite".to_owned(),
        () if asks("crowded") => "d12:error-reason16:Ran out of ports6:result5:errore".to_owned(),
        () if asks("refuse") => "d12:error-reason2:no6:result5:errore".to_owned(),
        () if asks("babble") => "what?".to_owned(),
        () if asks("bare") => "d6:result2:oke".to_owned(),
        () if is("offer") || is("answer") => format!("d3:sdp{}:{SDP}6:result2:oke", SDP.len()),
        () => "d6:result2:oke".to_owned(),
    };
    Some([cookie, b" ", answer.as_bytes()].concat())
}

/// Reads a value and writes it as lines, each indented as deep as it stands.
fn read(rest: &mut &[u8], depth: usize, out: &mut String) -> Option<()> {
    let indent = "  ".repeat(depth);
    match *rest.first()? {
        b'i' => {
            let end = rest.iter().position(|byte| *byte == b'e')?;
            out.push_str(&format!("number {}\n", String::from_utf8_lossy(&rest[1..end])));
            *rest = &rest[end + 1..];
        }
        mark @ (b'l' | b'd') => {
            *rest = &rest[1..];
            if depth > 0 {
                out.push('\n');
            }
            while *rest.first()? != b'e' {
                let key = if mark == b'd' { format!("{}:", text(rest)?) } else { "-".to_owned() };
                // In this form the branch is known for one that the server made.
                let key = if key == "via-branch:" { "via-branch;branch=".to_owned() } else { format!("{key} ") };
                out.push_str(&format!("{indent}{key}"));
                read(rest, depth + 1, out)?;
            }
            *rest = &rest[1..];
        }
        _ => {
            let text = text(rest)?;
            out.push_str(&text.replace("\r\n", &format!("\r\n{indent}  | ")).replace('\r', ""));
            out.push('\n');
        }
    }
    Some(())
}

fn text(rest: &mut &[u8]) -> Option<String> {
    let end = rest.iter().position(|byte| *byte == b':')?;
    let length: usize = std::str::from_utf8(&rest[..end]).ok()?.parse().ok()?;
    let found = rest.get(end + 1..end + 1 + length)?;
    *rest = &rest[end + 1 + length..];
    Some(String::from_utf8_lossy(found).into_owned())
}
