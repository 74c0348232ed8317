//! The parties of a call: a socket each, what came and what went, and how their messages are made.

use alanui::sip::Transport;
use std::net::SocketAddr;

use super::line::Line;
use super::sequence::Block;

/// Everyone who can take part. All of them exist in every sequence, so that the tables can name them.
pub(super) const NAMES: [&str; 6] = ["caller", "callee", "asterisk1", "asterisk2", "asterisk3", "asterisk4"];

pub(super) struct Peer {
    pub(super) name: &'static str,
    pub(super) line: Line,
    pub(super) address: SocketAddr,
    pub(super) call: String,
    pub(super) received: Vec<Received>,
    pub(super) last_sent: Vec<u8>,
}

/// A message, and whether the same bytes had come to this peer before.
pub(super) struct Received {
    pub(super) bytes: Vec<u8>,
    from: SocketAddr,
    pub(super) again: bool,
    /// An `expects` step has seen it.
    pub(super) expected: bool,
}

impl Peer {
    pub(super) fn new(name: &'static str, transport: Transport) -> std::io::Result<Self> {
        let (line, address) = Line::open(transport)?;
        Ok(Self { name, line, address, call: "1".to_owned(), received: Vec::new(), last_sent: Vec::new() })
    }

    /// Takes what has arrived; true when there was something.
    pub(super) fn collect(&mut self) -> bool {
        let arrived = self.line.collect();
        let some = !arrived.is_empty();
        for (bytes, from) in arrived {
            let again = self.received.iter().any(|earlier| earlier.bytes == bytes);
            self.received.push(Received { bytes, from, again, expected: false });
        }
        some
    }

    /// The parameter of its URIs.
    fn parameter(&self) -> String {
        match self.line.transport() {
            Transport::Udp => String::new(),
            other => format!(";transport={other}"),
        }
    }

    /// The last request of this method, of the current call when there is one, and who sent it.
    fn request(&self, method: &str) -> Option<(String, SocketAddr)> {
        let start = format!("{method} ");
        let requests = || {
            let all = self.received.iter().rev().map(|received| (text(&received.bytes), received.from));
            all.filter(|(message, _)| message.starts_with(&start))
        };
        let call = format!("{}@oracle", self.call);
        let of_call = requests().find(|(message, _)| header(message, "Call-ID").is_some_and(|id| id == call));
        of_call.or_else(|| requests().next())
    }

    /// A reply to the last request of this method and where it goes, or nothing when none came.
    pub(super) fn reply(&self, method: &str, status: &str, block: &Block) -> Option<(String, SocketAddr)> {
        let (request, from) = self.request(method)?;
        let mut lines = vec![format!("SIP/2.0 {status}")];
        let trying = status.starts_with("100");
        for line in headers(&request) {
            match name(&line).as_str() {
                "to" | "t" if !trying && !line.contains(";tag=") => lines.push(format!("{line};tag=tag-{}", self.name)),
                "to" | "t" | "via" | "v" | "from" | "f" | "call-id" | "i" | "cseq" => lines.push(line),
                "record-route" if !trying => lines.push(line),
                _ => {}
            }
        }
        if method == "INVITE" && (status.starts_with("18") || status.starts_with('2')) {
            lines.push(format!("Contact: <sip:bob@{{me}}{}>", self.parameter()));
        }
        Some((finish(lines, block), from))
    }

    /// A request with the usual headers.
    pub(super) fn make_request(&self, start: &str, block: &Block) -> String {
        let (method, uri) = start.split_once(' ').unwrap_or((start, "sip:bob@tenant2.example.com"));
        let number = if matches!(method, "INVITE" | "ACK" | "CANCEL") { 1 } else { 2 };
        let lines = vec![
            format!("{method} {uri} SIP/2.0"),
            format!("Via: SIP/2.0/{} {{me}};branch=z9hG4bK-{{call}}-{number};rport", self.line.transport().in_via()),
            "Max-Forwards: 70".to_owned(),
            format!("From: <sip:alice@tenant2.example.com>;tag=tag-{}", self.name),
            format!("To: <{uri}>"),
            "Call-ID: {call}@oracle".to_owned(),
            format!("CSeq: {number} {method}"),
            format!("Contact: <sip:alice@{{me}}{}>", self.parameter()),
        ];
        finish(lines, block)
    }

    /// What a `{name}` that speaks of this peer's last messages stands for.
    pub(super) fn recall(&self, name: &str) -> Option<String> {
        let messages = || self.received.iter().rev().map(|received| text(&received.bytes));
        match name {
            "me" => Some(self.address.to_string()),
            "me.port" => Some(self.address.port().to_string()),
            "call" => Some(self.call.clone()),
            "to" => messages().find(|message| message.starts_with("SIP/")).and_then(|message| header(&message, "To")),
            "from" => {
                messages().find(|message| !message.starts_with("SIP/")).and_then(|message| header(&message, "From"))
            }
            "vias" => {
                let request = messages().find(|message| !message.starts_with("SIP/"))?;
                let vias: Vec<String> = headers(&request)
                    .iter()
                    .filter(|line| matches!(self::name(line).as_str(), "via" | "v"))
                    .map(|line| value(line).to_owned())
                    .collect();
                Some(vias.join(", "))
            }
            "route" => {
                let message = messages().find(|message| header(message, "Record-Route").is_some())?;
                let mut set: Vec<String> = headers(&message)
                    .iter()
                    .filter(|line| self::name(line) == "record-route")
                    .flat_map(|line| value(line).split(',').map(|route| route.trim().to_owned()).collect::<Vec<_>>())
                    .collect();
                if message.starts_with("SIP/") {
                    set.reverse();
                }
                Some(set.join(", "))
            }
            "target" => {
                let message = messages().find(|message| header(message, "Contact").is_some())?;
                let contact = header(&message, "Contact")?;
                Some(contact.split_once('<')?.1.split_once('>')?.0.to_owned())
            }
            _ => None,
        }
        .or_else(|| matches!(name, "to" | "from" | "route" | "target" | "vias").then(|| format!("no-{name}-came")))
    }
}

/// Puts the header lines of a block in the place of those that are there, or at the end; `- Name` takes one away.
fn finish(mut lines: Vec<String>, block: &Block) -> String {
    let body: String = block.body.iter().map(|line| format!("{line}\r\n")).collect();
    lines.push("Content-Length: {length}".to_owned());
    let mut replaced: Vec<String> = Vec::new();
    for line in &block.headers {
        if let Some(gone) = line.strip_prefix("- ") {
            let gone = gone.trim().to_ascii_lowercase();
            lines.retain(|line| name(line) != gone);
            continue;
        }
        if line.starts_with([' ', '\t']) {
            // Goes on with the line above it in the block.
            if let Some(last) = replaced.last().and_then(|last| lines.iter_mut().rfind(|line| name(line) == *last)) {
                last.push_str("\r\n");
                last.push_str(line);
            }
            continue;
        }
        let this = name(line);
        let place = lines.iter().rposition(|line| name(line) == this);
        match place {
            Some(place) if replaced.contains(&this) => lines.insert(place + 1, line.clone()),
            Some(place) => lines[place] = line.clone(),
            None => lines.insert(lines.len() - 1, line.clone()),
        }
        replaced.push(this);
    }
    format!("{}\r\n\r\n{body}", lines.join("\r\n"))
}

/// The header lines of a message, each with its folded rest.
pub(super) fn headers(message: &str) -> Vec<String> {
    let head = message.split("\r\n\r\n").next().unwrap_or_default();
    let mut lines: Vec<String> = Vec::new();
    for line in head.split("\r\n").skip(1) {
        match lines.last_mut() {
            Some(last) if line.starts_with([' ', '\t']) => {
                last.push_str("\r\n");
                last.push_str(line);
            }
            _ => lines.push(line.to_owned()),
        }
    }
    lines
}

/// The name of a header line in lower case.
pub(super) fn name(line: &str) -> String {
    line.split(':').next().unwrap_or_default().trim().to_ascii_lowercase()
}

pub(super) fn value(line: &str) -> &str {
    line.split_once(':').map_or("", |(_, value)| value.trim())
}

fn header(message: &str, wanted: &str) -> Option<String> {
    let wanted = wanted.to_ascii_lowercase();
    headers(message).iter().find(|line| name(line) == wanted).map(|line| value(line).to_owned())
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
