//! The same bytes as Kamailio 5.6.3 puts on the wire, observed with `sl`, `tm`, `rr`, `textops`, `uac` and `dispatcher`.

use bytes::Bytes;
use rsip::prelude::{HeadersExt, UntypedHeader};

use super::{message, shown};
use crate::sip::{
    Edits, HeaderName, Message, Reply, Request, Stamp, apply, write, write_ack, write_cancel, write_reply,
    write_request,
};

const VIA: &[u8] = b"Via: SIP/2.0/UDP 127.0.0.1:15080;branch=z9hG4bKnew.0\r\n";

const SERVER: &[u8] = b"kamailio (5.6.3 (x86_64/linux))";

fn request(via: &str) -> Message {
    message(&format!(
        "INVITE sip:nf@127.0.0.1:15080 SIP/2.0
X-First:  spaced  \x20
From: <sip:a@b>;tag=1
Via: {via}
v: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKold
  ;x=1 , SIP/2.0/UDP 8.8.8.8;branch=z9hG4bKolder
Max-Forwards: 10
Record-Route: <sip:9.9.9.9;lr>
record-route : <sip:8.8.8.8;lr>,
 <sip:7.7.7.7;lr>
t:   \"T\" <sip:t@b>
Call-ID: nf1@x
CSeq: 5   INVITE
Contact: <sip:c@10.0.0.1>
Content-Type: application/sdp
Content-Length: 5

v=0
"
    ))
}

fn stamp_of(message: &Message, force_rport: bool) -> Stamp {
    message.via().unwrap().stamp("127.0.0.1:15089".parse().unwrap(), force_rport)
}

/// The former topmost Via of a forwarded request, and that of a reply.
fn stamped(via: &str, force_rport: bool) -> (String, String) {
    let request = request(via);
    let stamp = stamp_of(&request, force_rport);
    let mut out = Vec::new();
    write_request(&request, &Edits::new(), None, (VIA, b""), stamp, &mut out);
    let forwarded = Message::parse(Bytes::from(out)).unwrap();
    let second = shown(forwarded.text(forwarded.headers_named(HeaderName::Via).nth(1).unwrap().value));
    let reply = Reply { code: 404, reason: b"Not Found", stamp, ..Reply::default() }.to_bytes(&request);
    let reply = Message::parse(Bytes::from(reply)).unwrap();
    (second, shown(reply.value(HeaderName::Via).unwrap()))
}

#[test]
fn records_received_and_rport() {
    for (via, force, forwarded, replied) in [
        (
            ";rport;branch=b",
            false,
            ";received=127.0.0.1;rport=15089;branch=b",
            ";rport=15089;branch=b;received=127.0.0.1",
        ),
        (
            ";branch=b;rport;x=1",
            false,
            ";received=127.0.0.1;branch=b;rport=15089;x=1",
            ";branch=b;rport=15089;x=1;received=127.0.0.1",
        ),
        (
            ";branch=b;x=1",
            true,
            ";rport=15089;received=127.0.0.1;branch=b;x=1",
            ";branch=b;x=1;rport=15089;received=127.0.0.1",
        ),
        (
            ";branch=b;rport=77;received=6.6.6.6;x=1",
            false,
            ";branch=b;rport=15089;received=127.0.0.1;x=1",
            ";branch=b;rport=15089;received=6.6.6.6;x=1;received=127.0.0.1",
        ),
        (
            " ; branch=b",
            true,
            " ;rport=15089;received=127.0.0.1; branch=b",
            " ; branch=b;rport=15089;received=127.0.0.1",
        ),
        ("", false, ";received=127.0.0.1", ";received=127.0.0.1"),
    ] {
        let sent_by = "SIP/2.0/UDP 10.0.0.1:5060";
        let expected = (format!("{sent_by}{forwarded}"), format!("{sent_by}{replied}"));
        assert_eq!(stamped(&format!("{sent_by}{via}"), force), expected, "{via}");
    }
    let own = "SIP / 2.0  /UDP 127.0.0.1:15089 ;branch=z9hG4bKb;x=14";
    assert_eq!(stamped(own, false), (own.into(), own.into()));
}

#[test]
fn replies_like_sl_send_reply() {
    let request = request("SIP/2.0/UDP 10.0.0.1:5060;rport;branch=z9hG4bKaaa1");
    let reply = Reply {
        code: 404,
        reason: b"Not Found",
        to_tag: Some(b"7d8a.8601"),
        stamp: stamp_of(&request, false),
        server: Some(SERVER),
        ..Reply::default()
    };
    let expected = "SIP/2.0 404 Not Found
From: <sip:a@b>;tag=1
Via: SIP/2.0/UDP 10.0.0.1:5060;rport=15089;branch=z9hG4bKaaa1;received=127.0.0.1
v: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKold
  ;x=1 , SIP/2.0/UDP 8.8.8.8;branch=z9hG4bKolder
t:   \"T\" <sip:t@b>;tag=7d8a.8601
Call-ID: nf1@x
CSeq: 5   INVITE
Server: kamailio (5.6.3 (x86_64/linux))
Content-Length: 0

";
    assert_eq!(shown(&reply.to_bytes(&request)), expected);
    let routes = "Record-Route: <sip:9.9.9.9;lr>\nrecord-route : <sip:8.8.8.8;lr>,\n <sip:7.7.7.7;lr>\nt:";
    let body = Reply {
        code: 200,
        reason: b"OK",
        extra_headers: b"X-A: b\r\n",
        content_type: Some(b"text/plain"),
        body: b"hello\r\n",
        ..reply
    };
    let expected = expected
        .replace("404 Not Found", "200 OK")
        .replace("t:", routes)
        .replace("Server", "Content-Type: text/plain\nX-A: b\nServer")
        .replace("Content-Length: 0\n\n", "Content-Length: 7\n\nhello\n");
    assert_eq!(shown(&body.to_bytes(&request)), expected);
}

#[test]
fn record_route_goes_with_what_makes_a_dialog() {
    let request = request("SIP/2.0/UDP 127.0.0.1:15089;branch=b");
    for (code, copied) in [(100, 0), (101, 0), (181, 2), (199, 2), (200, 2), (299, 2), (300, 0), (488, 0)] {
        let reply = Reply { code, reason: b"x", ..Reply::default() }.to_bytes(&request);
        let reply = Message::parse(Bytes::from(reply)).unwrap();
        assert_eq!(reply.headers_named(HeaderName::RecordRoute).count(), copied, "{code}");
    }
}

#[test]
fn inserts_like_textops() {
    let request = request("SIP/2.0/UDP 127.0.0.1:15089;branch=z9hG4bKaaa9");
    let call_id = *request.header(HeaderName::CallId).unwrap();
    let mut edits = Edits::new();
    edits.append(&request, "A1: 1\r\n");
    edits.append(&request, "A2: 2\r\n");
    edits.insert_first(&request, "I1: 1\r\n");
    edits.insert_first(&request, "I2: 2\r\n");
    edits.insert_after(&call_id, "B1: 1\r\n");
    edits.insert_after(&call_id, "B2: 1\r\n");
    edits.insert_before(&call_id, "C1: 1\r\n");
    edits.insert_before(&call_id, "C2: 1\r\n");
    edits.remove_header(request.header(HeaderName::MaxForwards).unwrap());
    let mut out = Vec::new();
    write_request(&request, &edits, Some(b"sip:u@h"), (VIA, b""), Stamp::default(), &mut out);
    let expected = shown(request.bytes())
        .replace("sip:nf@127.0.0.1:15080 SIP/2.0\n", "sip:u@h SIP/2.0\nI1: 1\nI2: 2\n")
        .replace("Via: ", &format!("{}Via: ", shown(VIA)))
        .replace("Max-Forwards: 10\n", "")
        .replace("Call-ID: nf1@x\n", "C1: 1\nC2: 1\nCall-ID: nf1@x\nB1: 1\nB2: 1\n")
        .replace("Content-Length: 5\n", "Content-Length: 5\nA1: 1\nA2: 2\n");
    assert_eq!(shown(&out), expected);
    edits.stack_first(&request, "I0: 0\r\n");
    assert!(shown(apply(&request, &edits).unwrap().bytes()).contains("SIP/2.0\nI0: 0\nI1: 1\nI2: 2\nX-First"));
}

#[test]
fn new_bodies_have_their_length() {
    let request = request("SIP/2.0/UDP 127.0.0.1:15089;branch=z9hG4bKaaa9");
    let mut edits = Edits::new();
    edits.remove_header(request.header(HeaderName::ContentType).unwrap());
    edits.append(&request, "Content-Type: text/plain\r\n");
    edits.replace_body(&request, "abc");
    let changed = shown(apply(&request, &edits).unwrap().bytes());
    assert!(changed.ends_with("10.0.0.1>\nContent-Length: 3\nContent-Type: text/plain\n\nabc"), "{changed}");

    edits.append(&request, "Zz: 1\r\n");
    edits.remove_header(request.header(HeaderName::ContentLength).unwrap());
    let changed = shown(apply(&request, &edits).unwrap().bytes());
    assert!(changed.ends_with("10.0.0.1>\nContent-Type: text/plain\nContent-Length: 3\nZz: 1\n\nabc"), "{changed}");

    let mut edits = Edits::new();
    let body = request.body_extent();
    edits.replace(crate::sip::Extent { start: body.start, end: body.start + 1 }, "longer");
    let changed = shown(apply(&request, &edits).unwrap().bytes());
    assert!(changed.ends_with("Content-Length: 10\n\nlonger=0\n"), "{changed}");

    let bare = message("OPTIONS sip:a SIP/2.0\nVia: SIP/2.0/UDP h\n\n");
    let mut edits = Edits::new();
    edits.replace_body(&bare, "abc");
    let changed = shown(apply(&bare, &edits).unwrap().bytes());
    assert_eq!(changed, "OPTIONS sip:a SIP/2.0\nVia: SIP/2.0/UDP h\nContent-Length: 3\n\nabc");
}

#[test]
fn forwards_replies_without_its_own_via() {
    let sent = "SIP/2.0 486 Whatever\nVia: SIP/2.0/UDP 127.0.0.1:15080;branch=z9hG4bKnew.0\nVia: SIP/2.0/UDP 10.0.0.1\nl: 0\n\n";
    let mut out = Vec::new();
    write_reply(&message(sent), &Edits::new(), &mut out);
    assert_eq!(shown(&out), "SIP/2.0 486 Whatever\nVia: SIP/2.0/UDP 10.0.0.1\nl: 0\n\n");
    out.clear();
    write_reply(&message("SIP/2.0 200 OK\nv: SIP/2.0/UDP a , SIP/2.0/UDP b\n\n"), &Edits::new(), &mut out);
    assert_eq!(shown(&out), "SIP/2.0 200 OK\nv: SIP/2.0/UDP b\n\n");
}

#[test]
fn ack_and_cancel_follow_the_invite() {
    let invite = message(
        "INVITE sip:relay@127.0.0.1:15080 SIP/2.0
Record-Route: <sip:127.0.0.1:15080;lr;ftag=1>
From: <sip:a@b>;tag=1
Via: SIP/2.0/UDP 127.0.0.1:15080;branch=z9hG4bK9a6.0
Via: SIP/2.0/UDP 10.0.0.1:5060;received=127.0.0.1
Max-Forwards: 10
t:   \"T\" <sip:t@b>
Call-ID: relay1@x
CSeq: 5   INVITE
Contact: <sip:c@10.0.0.1>
Route: <sip:127.0.0.1:15090;lr>
Route: <sip:1.1.1.1;lr>
Content-Type: application/sdp
Content-Length: 5

v=0
",
    );
    let reply = message("SIP/2.0 486 Busy\nt:   \"T\" <sip:t@b>;tag=uas\n\n");
    let ack = "ACK sip:relay@127.0.0.1:15080 SIP/2.0
From: <sip:a@b>;tag=1
Via: SIP/2.0/UDP 127.0.0.1:15080;branch=z9hG4bK9a6.0
Max-Forwards: 10
t:   \"T\" <sip:t@b>;tag=uas
Call-ID: relay1@x
CSeq: 5   ACK
Route: <sip:127.0.0.1:15090;lr>
Route: <sip:1.1.1.1;lr>
Content-Length: 0

";
    let mut out = Vec::new();
    write_ack(&invite, &reply, b"", &mut out);
    assert_eq!(shown(&out), ack);
    out.clear();
    write_cancel(&invite, b"", b"", &mut out);
    assert_eq!(shown(&out), ack.replace("ACK", "CANCEL").replace(";tag=uas", ""));
}

#[test]
fn asks_like_dispatcher_and_another_reader_agrees() {
    let options = Request {
        method: b"OPTIONS",
        uri: b"sip:127.0.0.1:15090",
        via: b"SIP/2.0/UDP 127.0.0.1:15080;branch=z9hG4bK80d.0",
        from: b"<sip:dispatcher@localhost>;tag=795d",
        to: b"<sip:127.0.0.1:15090>",
        call_id: b"762f@127.0.0.1",
        cseq: 10,
        max_forwards: Some(70),
        user_agent: Some(SERVER),
        ..Request::default()
    }
    .to_bytes();
    let expected = "OPTIONS sip:127.0.0.1:15090 SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:15080;branch=z9hG4bK80d.0
To: <sip:127.0.0.1:15090>
From: <sip:dispatcher@localhost>;tag=795d
CSeq: 10 OPTIONS
Call-ID: 762f@127.0.0.1
Max-Forwards: 70
Content-Length: 0
User-Agent: kamailio (5.6.3 (x86_64/linux))

";
    assert_eq!(shown(&options), expected);
    let request = rsip::Request::try_from(options.clone()).unwrap();
    assert_eq!(request.call_id_header().unwrap().value(), "762f@127.0.0.1");

    let ours = Message::parse(Bytes::from(options)).unwrap();
    let reply = Reply { code: 200, reason: b"OK", to_tag: Some(b"t"), ..Reply::default() }.to_bytes(&ours);
    let read = rsip::Response::try_from(reply).unwrap();
    assert_eq!(read.status_code.code(), 200);
    assert_eq!(read.to_header().unwrap().tag().unwrap().unwrap().value(), "t");
    assert_eq!(read.cseq_header().unwrap().seq().unwrap(), 10);

    let mut out = Vec::new();
    write_request(&ours, &Edits::new(), Some(b"sip:koa.example"), (VIA, b""), Stamp::default(), &mut out);
    let read = rsip::Request::try_from(out.clone()).unwrap();
    assert_eq!(read.uri.to_string(), "sip:koa.example");
    assert_eq!(read.via_header().unwrap().value(), "SIP/2.0/UDP 127.0.0.1:15080;branch=z9hG4bKnew.0");
    let mut again = Vec::new();
    write(&Message::parse(Bytes::from(out.clone())).unwrap(), &Edits::new(), &mut again);
    assert_eq!(again, out);
}
