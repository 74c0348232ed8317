//! What holds for every message.

use bytes::Bytes;
use proptest::prelude::{ProptestConfig, any, prop, proptest};

use super::agree::agree;
use super::corpus::touch;
use crate::sip::{
    CSeq, Edits, HeaderName, Message, NameAddr, NameAddrs, Parameters, Reply, Stamp, Uri, Via, apply, write, write_ack,
    write_cancel, write_reply, write_request,
};

const INVITE: &[u8] =
    b"INVITE sip:b@h;lr SIP/2.0\r\nVia: SIP/2.0/UDP 1.2.3.4:5;rport;branch=z9hG4bKa , SIP/2.0/TCP x\r\n\
v: SIP/2.0/UDP h\r\nf: \"A,\\\"\" <sip:a@h>;tag=1\r\nTo: sip:b@h\r\nRoute: <sip:r;lr>,\r\n <sip:s>, \"x\" <sip:t>\r\n\
Call-ID: c@h\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\nl: 5\r\n\r\nhello";

/// What heads are made of that two readers might read differently.
const PIECES: &[&str] = &[
    "OPTIONS sip:a SIP/2.0",
    "SIP/2.0 200 OK",
    "Content-Length: 3",
    "Content-Length: 3",
    "l: 0",
    "L:12",
    "CONTENT-LENGTH \t: 1",
    " Content-Length: 2",
    "\tl: 2",
    "Content-Length: +3",
    "Content-Length: 3, 3",
    "Content-Length:",
    "Content-Length",
    ": 3",
    "X: y",
    "X: y\rContent-Length: 4",
    " folded",
    " ",
    "",
    "",
    "abc",
    "\0",
];
const ENDS: &[&str] = &["\r\n", "\r\n", "\n", "\r\r\n", "\r", "\n\n", "\r\n\r\n", ""];

fn everything(raw: Bytes) {
    let Ok((message, _)) = Message::parse_lenient(raw) else { return };
    touch(&message);
    let stamp = Stamp { received: Some([10, 0, 0, 1].into()), rport: Some(9) };
    let mut out = Vec::new();
    let mut edits = Edits::new();
    for header in message.headers().iter().take(3) {
        edits.remove_header(header);
        edits.insert_after(header, "X: 1\r\n");
    }
    for route in message.routes() {
        edits.remove(message.removal(&route));
    }
    edits.replace_body(&message, "body");
    write_request(&message, &edits, Some(b"sip:x"), (b"Via: SIP/2.0/UDP me\r\n", b""), stamp, &mut out);
    write_reply(&message, &edits, &mut out);
    write_ack(&message, &message, b"", &mut out);
    write_cancel(&message, b"", b"", &mut out);
    Reply { code: 400, reason: b"Bad Request", to_tag: Some(b"t"), stamp, ..Reply::default() }
        .write(&message, &mut out);
    let _ = apply(&message, &edits);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics_on_bytes(raw in prop::collection::vec(any::<u8>(), 0..400)) {
        everything(Bytes::from(raw.clone()));
        let _ = (Uri::parse(&raw).map(|uri| uri.to_bytes()), Via::parse(&raw), NameAddr::parse(&raw), CSeq::parse(&raw));
        let _ = (NameAddrs::new(&raw).count(), Parameters::new(&raw).count());
    }

    #[test]
    fn nothing_panics_on_header_like_text(text in "[ \t\r\n,;:<>\"\\\\=@/?SIP2.0a\\[\\]]{0,60}") {
        let raw = text.as_bytes();
        let _ = (Uri::parse(raw).map(|uri| uri.to_bytes()), Via::parse(raw), NameAddr::parse(raw), CSeq::parse(raw));
        let _ = (NameAddrs::new(raw).count(), Parameters::new(raw).count());
        for name in ["Via", "From", "To", "Route", "CSeq", "Contact", "Content-Length"] {
            let raw = format!("INVITE sip:a@b SIP/2.0\r\n{name}: {text}\r\nVia: SIP/2.0/UDP h\r\n\r\nxyz");
            everything(Bytes::from(raw));
        }
    }

    #[test]
    fn nothing_panics_on_mutations(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3u8), 1..12)) {
        let mut raw = INVITE.to_vec();
        for (place, byte, kind) in changes {
            if raw.is_empty() {
                break;
            }
            let place = place.index(raw.len());
            match kind {
                0 => raw[place] = byte,
                1 => raw.insert(place, byte),
                _ => { raw.remove(place); }
            }
        }
        everything(Bytes::from(raw));
    }

    #[test]
    fn streams_and_datagrams_end_messages_alike(raw in prop::collection::vec((prop::sample::select(PIECES), prop::sample::select(ENDS)), 0..12)) {
        let text: String = raw.into_iter().flat_map(|(piece, end)| [piece, end]).collect();
        agree(text.as_bytes());
        agree(format!("OPTIONS sip:a SIP/2.0\r\n{text}").as_bytes());
    }

    #[test]
    fn untouched_is_identical(subject in "[ -~]{0,40}", body in prop::collection::vec(any::<u8>(), 0..40)) {
        let mut raw = format!("OPTIONS sip:a SIP/2.0\r\nVia:SIP/2.0/UDP h\nSubject :{subject}\r\nl:{}\r\n\r\n", body.len()).into_bytes();
        raw.extend_from_slice(&body);
        let message = Message::parse(Bytes::from(raw.clone())).unwrap();
        let mut out = Vec::new();
        write(&message, &Edits::new(), &mut out);
        assert_eq!(out, raw);
    }

    #[test]
    fn via_goes_on_top_and_off_again(branch in "[a-z0-9]{1,20}", keep in any::<bool>()) {
        let text = if keep { INVITE.to_vec() } else { String::from_utf8_lossy(INVITE).replace(" , SIP/2.0/TCP x", "").into_bytes() };
        let message = Message::parse(Bytes::from(text)).unwrap();
        let via = format!("Via: SIP/2.0/UDP 9.9.9.9;branch=z9hG4bK{branch}\r\n");
        let mut out = Vec::new();
        write_request(&message, &Edits::new(), None, (via.as_bytes(), b""), Stamp::default(), &mut out);
        let sent = Message::parse(Bytes::from(out)).unwrap();
        assert_eq!(sent.via().unwrap().host(), b"9.9.9.9");
        let mut back = Vec::new();
        write_reply(&sent, &Edits::new(), &mut back);
        assert_eq!(&back, message.bytes());
    }
}

#[test]
fn removing_some_routes_leaves_the_others() {
    let message = Message::parse(Bytes::from_static(INVITE)).unwrap();
    let header = message.header(HeaderName::Route).unwrap();
    let all: Vec<_> = message.routes().map(|route| (route.extent, route.value.unwrap().text().to_vec())).collect();
    for mask in 0..8u32 {
        let gone = |extent| all.iter().position(|route| route.0 == extent).is_some_and(|place| mask & 1 << place != 0);
        let mut edits = Edits::new();
        edits.remove_values(&message, header, gone);
        let rest = apply(&message, &edits).unwrap();
        let expected: Vec<_> = all.iter().filter(|route| !gone(route.0)).map(|route| route.1.clone()).collect();
        let left: Vec<_> = rest.routes().map(|route| route.value.unwrap().text().to_vec()).collect();
        assert_eq!(left, expected);
        let value = rest.value(HeaderName::Route).unwrap_or_default();
        assert!(
            !value.starts_with(b",")
                && !value.ends_with(b",")
                && value.iter().filter(|b| **b == b',').count() == left.len().saturating_sub(1)
        );
    }
}
