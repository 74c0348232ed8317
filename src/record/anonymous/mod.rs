//! A capture without what tells people and networks: everything that is replaced is replaced everywhere by the same.

mod headers;
mod masks;
mod sdp;

use super::gathered::{Capture, Packet, is_sip};
use super::traffic::{Server, guess};
use bytes::Bytes;
use headers::{Line, header, request_line};
use masks::Masks;
use std::net::SocketAddr;

/// A capture that may be shown around, and what the user named in it as it is called there.
#[derive(Clone, Debug)]
pub struct Anonymous {
    /// The capture.
    pub capture: Capture,
    /// The addresses of the server that the user gave.
    pub servers: Vec<Server>,
    /// The Call-IDs that the user gave.
    pub calls: Vec<String>,
}

/// Replaces addresses by those of RFC 5737 and RFC 3849, domains by those of RFC 2606, users, numbers, display names,
/// products, Call-IDs, tags and branches; leaves out what proves a password, keys, and texts that people wrote. Words in
/// `keep` stay: addresses, domains, users, numbers and the names of headers.
pub fn anonymous(capture: &Capture, servers: &[Server], calls: &[String], keep: &[String]) -> Anonymous {
    let mut masks = Masks::new(keep);
    // The server is first, and known by its address.
    match (servers, capture.server.or_else(|| guess(&capture.packets))) {
        ([], Some(server)) => drop(masks.server(server.ip())),
        _ => {
            for server in servers {
                masks.server(match server {
                    Server::Host(ip) => *ip,
                    Server::Port(address) => address.ip(),
                });
            }
        }
    }
    let mut remarks = capture.remarks.clone();
    let (sip, other): (Vec<&Packet>, Vec<&Packet>) = capture.packets.iter().partition(|packet| is_sip(&packet.bytes));
    if !other.is_empty() {
        remarks.push(format!("{} packets that are no SIP are left out: nobody knows what is in them", other.len()));
    }
    let mut end = |address: SocketAddr| SocketAddr::new(masks.address(address.ip()), address.port());
    let ends: Vec<(SocketAddr, SocketAddr)> =
        sip.iter().map(|packet| (end(packet.source), end(packet.destination))).collect();
    let packet = |(packet, (source, destination)): (&&Packet, (SocketAddr, SocketAddr))| Packet {
        at: packet.at,
        source,
        destination,
        transport: packet.transport,
        bytes: message(&packet.bytes, &mut masks),
    };
    let packets = sip.iter().zip(ends).map(packet).collect();
    let moved = |server: &Server| match server {
        Server::Host(ip) => Server::Host(masks.address(*ip)),
        Server::Port(address) => Server::Port(SocketAddr::new(masks.address(address.ip()), address.port())),
    };
    let servers = servers.iter().map(moved).collect();
    let server = capture.server.map(|address| SocketAddr::new(masks.address(address.ip()), address.port()));
    let calls = calls.iter().map(|call| masks.call(call)).collect();
    Anonymous { capture: Capture { packets, remarks, server }, servers, calls }
}

/// A message without names.
fn message(bytes: &Bytes, masks: &mut Masks) -> Bytes {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let text = text.trim_start_matches(['\r', '\n']);
    let (head, body) = match (text.split_once("\r\n\r\n"), text.split_once("\n\n")) {
        (Some(parts), _) | (None, Some(parts)) => parts,
        (None, None) => (text, ""),
    };
    let mut lines = unfolded(head).into_iter();
    let mut out = request_line(&lines.next().unwrap_or_default(), masks);
    out.push_str("\r\n");
    let (mut kind, mut length) = (String::new(), None);
    for line in lines {
        match header(&line, masks) {
            Line::Kept(line) => {
                out.push_str(&line);
                out.push_str("\r\n");
            }
            Line::ContentType(line, its) => {
                kind = its;
                out.push_str(&line);
                out.push_str("\r\n");
            }
            Line::ContentLength(its) => length = Some(its),
            Line::Dropped => {}
        }
    }
    let masked = match kind.as_str() {
        _ if body.is_empty() => String::new(),
        "application/sdp" => sdp::body(body, masks),
        _ => "anonymous\r\n".to_owned(),
    };
    if let Some(length) = length {
        // A wrong length stays wrong.
        let value = if length.parse() == Ok(body.len()) { masked.len().to_string() } else { length };
        out.push_str(&format!("Content-Length: {value}\r\n"));
    }
    Bytes::from(format!("{out}\r\n{masked}"))
}

/// The lines of a head, each header on one.
fn unfolded(head: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in head.lines() {
        match lines.last_mut().filter(|_| line.starts_with([' ', '\t'])) {
            Some(last) => {
                last.push(' ');
                last.push_str(line.trim());
            }
            None => lines.push(line.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Transport;
    use std::time::Duration;

    const REQUEST: &str = "INVITE sip:+4930123456@pbx.secret.de;user=phone SIP/2.0\r\n\
        Via: SIP/2.0/UDP gw.secret.de:5070;branch=z9hG4bKsecret1;received=10.1.2.3;rport=5070\r\n\
        v: SIP/2.0/TCP [2a02:db8:77::5]:5060;branch=z9hG4bKsecret2\r\n\
        Record-Route: <sip:10.9.8.7;lr;ftag=secrettag>\r\n\
        From: \"Erika Mustermann\" <sip:erika.mustermann:geheim@secret.de>;tag=secrettag\r\n\
        To: Max Mustermann <sip:+4930123456@pbx.secret.de;user=phone>\r\n\
        Call-ID: secretcall@10.1.2.3\r\n\
        CSeq: 102 INVITE\r\n\
        Contact: <sip:erika.mustermann@10.1.2.3:5070;transport=udp;line=secretline>;+sip.instance=\"<urn:uuid:secret-uuid>\"\r\n\
        User-Agent: SecretPhone 7.1 001565secret\r\n\
        Authorization: Digest username=\"erika.mustermann\", realm=\"secret.de\", nonce=\"secretnonce\", uri=\"sip:pbx.secret.de\", response=\"secretresponse\", cnonce=\"secretcnonce\", algorithm=MD5\r\n\
        P-Asserted-Identity: <tel:+49-30-123456>\r\n\
        X-Account: secretaccount\r\n\
        X-Tenant: kept\r\n\
        Refer-To: <sip:max@secret.de?Replaces=secretcall%4010.1.2.3%3Bto-tag%3Dsecrettag>\r\n\
        Allow: INVITE, ACK\r\n\
        Subject: secret meeting\r\n\
        Content-Type: application/sdp\r\n\
        Content-Length: 183\r\n\r\n\
        v=0\r\no=erika 5365 2353 IN IP4 10.1.2.3\r\ns=secret session\r\nc=IN IP4 10.1.2.3\r\nt=0 0\r\n\
        m=audio 6004 RTP/SAVP 0\r\na=crypto:1 AES inline:secretkey\r\na=rtcp:6005 IN IP4 10.1.2.3\r\na=sendrecv\r\n";

    fn packet(bytes: &str) -> Packet {
        Packet {
            at: Duration::from_secs(1),
            source: "10.1.2.3:5070".parse().unwrap(),
            destination: "10.9.8.7:5060".parse().unwrap(),
            transport: Transport::Udp,
            bytes: Bytes::copy_from_slice(bytes.as_bytes()),
        }
    }

    #[test]
    fn nothing_that_tells_somebody_is_left() {
        let capture = Capture { packets: vec![packet(REQUEST), packet(REQUEST)], ..Capture::default() };
        let keep = ["X-Tenant".to_owned()];
        let found = anonymous(&capture, &[], &["secretcall@10.1.2.3".to_owned()], &keep);
        let [first, second] = found.capture.packets.as_slice() else { panic!("two packets") };
        let text = String::from_utf8_lossy(&first.bytes).into_owned();
        for word in ["secret", "erika", "Erika", "Muster", "geheim", "4930", "10.1.2.3", "10.9.8.7", "2a02", "max"] {
            assert!(!text.contains(word), "{word} is left in\n{text}");
        }
        assert_eq!(first, second, "the same becomes the same");
        insta::assert_snapshot!(format!(
            "{} -> {}\n{}\n{text}",
            first.source,
            first.destination,
            found.calls.join(" ")
        ));
    }

    #[test]
    fn what_the_config_knows_can_be_kept() {
        let capture = Capture { packets: vec![packet(REQUEST)], ..Capture::default() };
        let keep = ["10.9.8.7", "pbx.secret.de", "+4930123456"].map(str::to_owned);
        let found = anonymous(&capture, &[], &[], &keep);
        let text = String::from_utf8_lossy(&found.capture.packets[0].bytes).into_owned();
        assert!(text.starts_with("INVITE sip:+4930123456@pbx.secret.de;user=phone SIP/2.0\r\n"), "{text}");
        assert!(text.contains("Record-Route: <sip:10.9.8.7;lr;"), "{text}");
    }
}
