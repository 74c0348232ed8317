//! Takes out of a message what differs from run to run, and nothing else.
//!
//! - addresses and ports of the run become the names of who has them;
//! - a branch, tag or Call-ID that the *server* made becomes a number in order of appearance, so that "the CANCEL has the
//!   branch of the INVITE" is still compared. Whoever a value is seen with first has made it;
//! - the number of a connection that Kamailio keeps in its Via, where alanui knows it by the addresses;
//! - the value of `Server`, `User-Agent` and `Date` when the server made it;
//! - the number of the process that Warning tells;
//! - the second or two by which a registration has become shorter since it was made: sequences use round numbers.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::LazyLock;

use regex::{Captures, Regex};

/// What may be made by the server: the part before the value, and the value.
static MADE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?im)(;\s*branch\s*=\s*|;\s*tag\s*=\s*|;ftag=|^(?:Call-ID|i)\s*:\s*|^(?:Server|User-Agent|Date)\s*:\s*)([^;,>\r\n]+)").unwrap()
});

/// The number of a connection that Kamailio writes into its Via.
static CONNECTION: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?m);i=[0-9a-f]+$|;i=[0-9a-f]+\b").unwrap());

static PORT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\b[0-9]{4,5}\b").unwrap());

/// What is left of a registration, when it is a little less than a round number.
static LEFT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r";expires=([0-9]*)([0-9][89])\b").unwrap());

/// The number of the process in the Warning of `sip_warning`.
static PROCESS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r" pid=[0-9]+ ").unwrap());

#[derive(Clone, Copy, PartialEq, Eq)]
enum Maker {
    Server,
    Peer,
}

pub(super) struct Normaliser {
    names: Vec<(SocketAddr, String)>,
    makers: HashMap<String, Maker>,
    remarks: BTreeMap<&'static str, Vec<String>>,
}

impl Normaliser {
    pub(super) fn new(names: Vec<(SocketAddr, String)>) -> Self {
        Self { names, makers: HashMap::new(), remarks: BTreeMap::new() }
    }

    /// A peer has sent this.
    pub(super) fn went(&mut self, message: &[u8]) {
        self.see(message, Maker::Peer);
    }

    /// A peer has got this.
    pub(super) fn came(&mut self, message: &[u8]) {
        self.see(message, Maker::Server);
    }

    /// Something to compare that is not a message.
    pub(super) fn remark(&mut self, peer: &'static str, text: String) {
        self.remarks.entry(peer).or_default().push(text);
    }

    fn see(&mut self, message: &[u8], maker: Maker) {
        for found in MADE.captures_iter(&String::from_utf8_lossy(message)) {
            self.makers.entry(found[2].trim().to_owned()).or_insert(maker);
        }
    }

    /// The messages of one peer as they are compared, line ends shown where they are not CRLF.
    pub(super) fn record<'a>(&self, peer: &'static str, messages: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
        let mut seen: HashMap<String, usize> = HashMap::new();
        let mut record: Vec<String> = messages.map(|message| self.message(message, &mut seen)).collect();
        record.extend(self.remarks.get(peer).into_iter().flatten().cloned());
        record
    }

    fn message(&self, message: &[u8], seen: &mut HashMap<String, usize>) -> String {
        let text: String = message.utf8_chunks().fold(String::new(), |mut text, chunk| {
            text.push_str(chunk.valid());
            text.push_str(&chunk.invalid().escape_ascii().to_string());
            text
        });
        let text = CONNECTION.replace_all(&text, "");
        let text = MADE.replace_all(&text, |found: &Captures<'_>| {
            let (before, value) = (&found[1], found[2].trim());
            if self.makers.get(value) != Some(&Maker::Server) {
                return found[0].to_owned();
            }
            let kind = before.to_ascii_lowercase();
            let kind = kind.trim_matches([';', '=', ':', ' ']);
            if matches!(kind, "server" | "user-agent" | "date") {
                return format!("{before}({kind})");
            }
            let count = seen.len() + 1;
            let number = seen.entry(value.to_owned()).or_insert(count);
            let start = if value.starts_with("z9hG4bK") { "z9hG4bK" } else { "" };
            format!("{before}{start}({kind} {number})")
        });
        let text = LEFT.replace_all(&text, |found: &Captures<'_>| {
            let left: u64 = [&found[1], &found[2]].concat().parse().unwrap_or(0);
            format!(";expires={}", left.next_multiple_of(10))
        });
        let text = PROCESS.replace_all(&text, " pid=(process) ");
        let text = PORT.replace_all(&text, |found: &Captures<'_>| {
            let name = self.names.iter().find(|(address, _)| address.port().to_string() == found[0]);
            name.map_or_else(|| found[0].to_owned(), |(_, name)| format!("({name})"))
        });
        let text = text.replace("\r\n", "\u{1}").replace('\r', "\\r").replace('\n', "\\n\n").replace('\u{1}', "\n");
        if text.ends_with('\n') { text } else { format!("{text}\n\\ no line end\n") }
    }
}

#[cfg(test)]
mod tests {
    use super::Normaliser;

    /// What a peer at port 4001 got from a server at port 4000.
    fn record(got: &[&str]) -> Vec<String> {
        let address = |port| std::net::SocketAddr::from(([127, 0, 0, 1], port));
        let names = vec![(address(4000), "server".to_owned()), (address(4001), "caller".to_owned())];
        let mut normaliser = Normaliser::new(names);
        normaliser.went(
            b"INVITE x SIP/2.0\r\nVia: y;branch=z9hG4bK-mine\r\nFrom: <sip:a@b>;tag=mine\r\nUser-Agent: me\r\n\r\n",
        );
        for message in got {
            normaliser.came(message.as_bytes());
        }
        normaliser.record("caller", got.iter().map(|message| message.as_bytes()))
    }

    #[test]
    fn what_the_server_made_is_numbered_and_what_a_peer_made_is_kept() {
        let invite =
            "INVITE x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:4000;branch=z9hG4bKa1.0\r\nVia: y;branch=z9hG4bK-mine\r\n";
        let reply = "SIP/2.0 404 Not Found\r\nTo: <sip:c@d>;tag=abc\r\nFrom: <sip:a@b>;tag=mine\r\nServer: s 1.0\r\nUser-Agent: me\r\n";
        assert_eq!(
            record(&[invite, reply]),
            [
                "INVITE x SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:(server);branch=z9hG4bK(branch 1)\nVia: y;branch=z9hG4bK-mine\n",
                "SIP/2.0 404 Not Found\nTo: <sip:c@d>;tag=(tag 2)\nFrom: <sip:a@b>;tag=mine\nServer: (server)\nUser-Agent: me\n",
            ]
        );
    }

    #[test]
    fn two_runs_compare_equal_and_a_cancel_with_another_branch_does_not() {
        let run = |invite: &str, cancel: &str| {
            record(&[
                &format!("INVITE x\r\nVia: a;branch={invite}\r\n"),
                &format!("CANCEL x\r\nVia: a;branch={cancel}\r\n"),
            ])
        };
        assert_eq!(run("z9hG4bK1", "z9hG4bK1"), run("z9hG4bKother", "z9hG4bKother"));
        assert_ne!(run("z9hG4bK1", "z9hG4bK1"), run("z9hG4bK1", "z9hG4bK2"));
        assert_ne!(run("z9hG4bK1", "z9hG4bK1"), run("no-cookie", "no-cookie"));
    }

    #[test]
    fn line_ends_blanks_and_bytes_are_seen() {
        assert_eq!(record(&["A: 1\nB:  2\r\n\r\n"]), ["A: 1\\n\nB:  2\n\n"]);
        assert_eq!(record(&["A: 1"]), ["A: 1\n\\ no line end\n"]);
    }
}
