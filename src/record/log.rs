//! Logs of messages: sipp's `-trace_msg`, and the text that sngrep saves.

use super::gathered::{CaptureFault, Gathered, Packet, Transport, value};
use crate::sim::calendar;
use crate::sip::{HeaderName, Message, NameAddr, Uri, Via, number, parse_ip};
use bytes::Bytes;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Where a line of a log says that a message follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heading {
    /// sngrep: `2026/01/31 12:00:00.000000 192.0.2.1:5060 -> 192.0.2.2:5060`.
    Between(Duration, SocketAddr, SocketAddr),
    /// sipp: a rule and the time; the next line says the direction.
    Rule(Duration),
    /// sipp: `UDP message sent (514 bytes):`, `TCP message received [313] bytes :`.
    Sent(Transport),
    Received(Transport),
}

/// Lines at the beginning in which the first heading must stand.
const FIRST_LINES: usize = 20;

/// Whether a file begins like one of the logs.
pub(super) fn begins(start: &[u8]) -> bool {
    let text = String::from_utf8_lossy(start);
    text.lines().take(FIRST_LINES).any(|line| heading(line).is_some())
}

/// A message and what its heading says.
struct Entry {
    heading: Heading,
    at: Duration,
    bytes: Bytes,
}

/// Reads all messages.
pub(super) fn read(text: &str, gathered: &mut Gathered) -> Result<(), CaptureFault> {
    let entries = entries(text);
    let pair = pair(&entries);
    let (own, other) = pair.unwrap_or_else(|| {
        let address = |ip: [u8; 4]| SocketAddr::from((ip, 5060));
        (address([192, 0, 2, 10]), address([198, 51, 100, 1]))
    });
    for entry in entries {
        let (source, destination, transport) = match entry.heading {
            Heading::Between(_, source, destination) => (source, destination, Transport::Udp),
            Heading::Sent(transport) => (own, other, transport),
            Heading::Received(transport) => (other, own, transport),
            Heading::Rule(_) => continue,
        };
        if !matches!(entry.heading, Heading::Between(..)) {
            gathered.server = Some(other);
        }
        gathered.take(Packet { at: entry.at, source, destination, transport, bytes: entry.bytes })?;
    }
    if gathered.server.is_some() && pair.is_none() {
        let text = format!("the log names no addresses: {own} and {other} stand for them");
        gathered.remarks.push(text);
    }
    Ok(())
}

fn entries(text: &str) -> Vec<Entry> {
    let mut found = Vec::new();
    let mut open: Option<(Heading, Vec<&str>)> = None;
    let mut time = Duration::ZERO;
    let mut close = |open: Option<(Heading, Vec<&str>)>, at: Duration| {
        if let Some((heading, lines)) = open
            && let Some(bytes) = message(&lines)
        {
            let at = if let Heading::Between(at, ..) = heading { at } else { at };
            found.push(Entry { heading, at, bytes });
        }
    };
    for line in text.lines() {
        match heading(line) {
            Some(Heading::Rule(at)) => {
                close(open.take(), time);
                time = at;
            }
            Some(heading) => {
                close(open.take(), time);
                open = Some((heading, Vec::new()));
            }
            None => {
                if let Some((_, lines)) = &mut open {
                    lines.push(line);
                }
            }
        }
    }
    close(open, time);
    found
}

/// The lines of a message with the line ends of SIP; its body is cut to Content-Length, for what follows is the log's.
fn message(lines: &[&str]) -> Option<Bytes> {
    let start = lines.iter().position(|line| !line.trim().is_empty())?;
    let lines = lines.get(start..)?;
    let end = lines.iter().position(|line| line.trim().is_empty()).unwrap_or(lines.len());
    let mut text: String = lines.get(..end)?.iter().map(|line| format!("{}\r\n", line.trim_end())).collect();
    text.push_str("\r\n");
    let mut body: String = lines
        .get(end + 1..)
        .unwrap_or_default()
        .iter()
        .map(|line| format!("{}\r\n", line.trim_end_matches('\r')))
        .collect();
    let length = value(text.as_bytes(), HeaderName::ContentLength).and_then(number);
    match length.map(|length| length as usize) {
        Some(length) if body.is_char_boundary(length) => body.truncate(length),
        Some(_) => {}
        None => body.truncate(body.trim_end().len()),
    }
    Some(Bytes::from(text + &body))
}

fn heading(line: &str) -> Option<Heading> {
    if let Some(rest) = line.strip_prefix("--------------------") {
        return time(rest.trim_start_matches('-').trim()).map(Heading::Rule);
    }
    if let Some(rest) = line.strip_prefix("UDP message ").or_else(|| line.strip_prefix("TCP message ")) {
        let transport = if line.starts_with(Transport::Tcp.in_via()) { Transport::Tcp } else { Transport::Udp };
        return match rest.split([' ', ':']).next() {
            Some("sent") => Some(Heading::Sent(transport)),
            Some("received") => Some(Heading::Received(transport)),
            _ => None,
        };
    }
    let (before, after) = line.split_once(" -> ")?;
    let destination = after.split_whitespace().next()?.parse().ok()?;
    let mut words = before.rsplitn(2, ' ');
    let source = words.next()?.parse().ok()?;
    Some(Heading::Between(time(words.next()?)?, source, destination))
}

/// The time at the end of a text: `2026-01-31 12:00:00.000000` or with slashes; taken as UTC.
fn time(text: &str) -> Option<Duration> {
    let mut words = text.split_whitespace().rev();
    let (time, date) = (words.next()?, words.next()?.replace('/', "-"));
    let (time, part) = time.split_once('.').unwrap_or((time, "0"));
    let micros: u64 = format!("{part:0<6}").get(..6)?.parse().ok()?;
    Some(calendar(&date, time)? + Duration::from_micros(micros))
}

/// The address of sipp and that of whom it talks to, which its log does not give: the surest sign of each decides.
fn pair(entries: &[Entry]) -> Option<(SocketAddr, SocketAddr)> {
    let sent = |entry: &&Entry| matches!(entry.heading, Heading::Sent(_));
    let first = |ours: bool, sign: fn(&Bytes) -> Option<SocketAddr>| {
        entries.iter().filter(|entry| sent(entry) == ours).find_map(|entry| sign(&entry.bytes))
    };
    let own = first(true, asker).or_else(|| first(false, answered)).or_else(|| first(true, answerer));
    let other = first(false, asker)
        .or_else(|| first(true, called))
        .or_else(|| first(false, nearest_proxy))
        .or_else(|| first(false, answerer));
    Some((own?, other?))
}

fn is_reply(message: &Bytes) -> bool {
    message.starts_with(b"SIP/2.0")
}

/// Who sends a request says so in Via.
fn asker(message: &Bytes) -> Option<SocketAddr> {
    via_address(message).filter(|_| !is_reply(message))
}

/// Whom a reply goes to says its Via.
fn answered(message: &Bytes) -> Option<SocketAddr> {
    via_address(message).filter(|_| is_reply(message))
}

/// Where a request outside dialogs goes says its Request-URI, unless it names a domain.
fn called(message: &Bytes) -> Option<SocketAddr> {
    let outside = value(message, HeaderName::To).is_none_or(|to| !to.windows(5).any(|five| five == b";tag="));
    let uri = message.split(|byte| *byte == b' ').nth(1).filter(|_| outside && !is_reply(message));
    uri.and_then(uri_address)
}

/// The proxy that a reply came from stayed in the way of the call: it added the first Record-Route, which is the last.
fn nearest_proxy(message: &Bytes) -> Option<SocketAddr> {
    let message = Message::parse(message.clone()).ok().filter(|message| !message.is_request())?;
    let last = message.record_routes().last()?.value.ok()?;
    uri_address(last.uri_text())
}

/// Who answers may say so in Contact.
fn answerer(message: &Bytes) -> Option<SocketAddr> {
    let contact = value(message, HeaderName::Contact).filter(|_| is_reply(message))?;
    uri_address(NameAddr::parse(contact).ok()?.uri_text())
}

/// The address that the topmost Via names.
pub(super) fn via_address(message: &[u8]) -> Option<SocketAddr> {
    let text = value(message, HeaderName::Via)?;
    let first = text.split(|byte| *byte == b',').next()?;
    let via = Via::parse(first).ok()?;
    Some(SocketAddr::new(parse_ip(via.host())?, via.port().unwrap_or(5060)))
}

fn uri_address(uri: &[u8]) -> Option<SocketAddr> {
    let uri = Uri::parse(uri).ok()?;
    let ip: IpAddr = uri.host_ip()?;
    Some(SocketAddr::new(ip, uri.port_or_default()))
}

#[cfg(test)]
mod tests {
    use super::super::capture::read as read_capture;
    use std::io::Cursor;

    fn shown(text: &str) -> Vec<String> {
        let capture = read_capture(Cursor::new(text.as_bytes().to_vec()), &[]).expect("it is a log");
        let line = |packet: &super::Packet| {
            let first = String::from_utf8_lossy(&packet.bytes).lines().next().unwrap_or_default().to_owned();
            let millis = packet.at.as_millis() % 1_000_000;
            format!("{millis} {} {} {} {first}", packet.source, packet.destination, packet.bytes.len())
        };
        capture.packets.iter().map(line).collect()
    }

    #[test]
    fn sngrep_names_both_ends() {
        let text = "\
2026/01/01 00:00:01.500000 192.0.2.10:5060 -> 198.51.100.1:5060
INVITE sip:bob@example.com SIP/2.0
Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-1
Content-Length: 5

v=0

2026/01/01 00:00:01.750000 198.51.100.1:5060 -> 192.0.2.10:5060
SIP/2.0 100 Trying
Content-Length: 0


";
        let expected = [
            "601500 192.0.2.10:5060 198.51.100.1:5060 113 INVITE sip:bob@example.com SIP/2.0",
            "601750 198.51.100.1:5060 192.0.2.10:5060 41 SIP/2.0 100 Trying",
        ];
        assert_eq!(shown(text), expected);
    }

    #[test]
    fn sipp_leaves_addresses_to_the_messages() {
        let text = "\
----------------------------------------------- 2026-01-01 00:00:01.000000
UDP message sent (514 bytes):

OPTIONS sip:service@127.0.0.1:26071 SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:26070;branch=z9hG4bK-1
Content-Length:   0

----------------------------------------------- 2026-01-01 00:00:01.000467
UDP message received [313] bytes :

SIP/2.0 200 OK
Via: SIP/2.0/UDP 127.0.0.1:26070;branch=z9hG4bK-1
Content-Length: 0

";
        let expected = [
            "601000 127.0.0.1:26070 127.0.0.1:26071 119 OPTIONS sip:service@127.0.0.1:26071 SIP/2.0",
            "601000 127.0.0.1:26071 127.0.0.1:26070 88 SIP/2.0 200 OK",
        ];
        assert_eq!(shown(text), expected);
    }

    #[test]
    fn a_proxy_that_is_called_by_a_domain_shows_in_its_record_route() {
        let text = "\
----------------------------------------------- 2026-01-01 00:00:01.000000
UDP message sent (514 bytes):

INVITE sip:bob@example.com SIP/2.0
Via: SIP/2.0/UDP 192.0.2.10:5062;branch=z9hG4bK-1
To: <sip:bob@example.com>

----------------------------------------------- 2026-01-01 00:00:01.000467
UDP message received [313] bytes :

SIP/2.0 200 OK
Via: SIP/2.0/UDP 192.0.2.10:5062;branch=z9hG4bK-1
Record-Route: <sip:203.0.113.1;lr>, <sip:198.51.100.1:5080;lr>
Contact: <sip:bob@192.0.2.99>

";
        let expected = [
            "601000 192.0.2.10:5062 198.51.100.1:5080 116 INVITE sip:bob@example.com SIP/2.0",
            "601000 198.51.100.1:5080 192.0.2.10:5062 164 SIP/2.0 200 OK",
        ];
        assert_eq!(shown(text), expected);
    }
}
