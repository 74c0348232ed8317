//! Any bytes are read as a message without a panic; what reads well is written byte for byte, and what is made of it reads again.

use alanui::sip::{
    Edits, MAX_HEADERS, Message, Reply, Stamp, write, write_ack, write_cancel, write_reply, write_request,
};
use bytes::Bytes;

/// Reads `bytes`, which may be anything.
pub(crate) fn survives(bytes: &[u8]) {
    let Ok((message, fault)) = Message::parse_lenient(Bytes::copy_from_slice(bytes)) else { return };
    let mut out = Vec::new();
    write(&message, &Edits::new(), &mut out);
    assert_eq!(&out, message.bytes());
    let shortcoming = message.shortcoming();
    out.clear();
    Reply { code: 400, reason: b"Bad Request", to_tag: Some(b"t"), ..Reply::default() }.write(&message, &mut out);
    if fault.is_some() || shortcoming.is_some() {
        return;
    }
    // What is forwarded has more headers than what arrived: beside the most that are read there is no room for them.
    if message.headers().len() > MAX_HEADERS - 8 {
        return;
    }
    // A reply to a whole request is a whole reply.
    if message.is_request() {
        let reply = Message::parse(Bytes::from(out)).expect("our own reply reads");
        assert_eq!(reply.shortcoming(), None);
        let stamp = Stamp { received: Some([10, 0, 0, 1].into()), rport: Some(9) };
        let mut sent = Vec::new();
        let via = b"Via: SIP/2.0/UDP me;branch=z9hG4bK1\r\n";
        write_request(&message, &Edits::new(), None, (&via[..], &b""[..]), stamp, &mut sent);
        let (mut ack, mut cancel) = (Vec::new(), Vec::new());
        write_ack(&message, &reply, b"", &mut ack);
        write_cancel(&message, b"", b"", &mut cancel);
        for made in [sent, ack, cancel] {
            let shown = String::from_utf8_lossy(&made).into_owned();
            let made = Message::parse(Bytes::from(made)).expect(&shown);
            assert_eq!(made.shortcoming(), None, "{shown}");
        }
    } else {
        let mut forwarded = Vec::new();
        write_reply(&message, &Edits::new(), &mut forwarded);
    }
}
