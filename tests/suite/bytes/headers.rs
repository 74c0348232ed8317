//! Any bytes are read as the value of each header with a shape without a panic; extents lie within the value.

use alanui::sip::{CSeq, NameAddr, NameAddrs, Parameters, Values, Via, one_line};

/// Reads `bytes`, which may be anything.
pub(crate) fn survives(bytes: &[u8]) {
    for range in Values::new(bytes) {
        assert!(bytes.get(range).is_some_and(|value| !value.is_empty()));
    }
    for (range, address) in NameAddrs::new(bytes) {
        if let (Some(text), Ok(address)) = (bytes.get(range), address) {
            assert_eq!(address.text(), text);
            let _ = (address.uri(), address.tag(), address.parameter_range(b"tag"));
        }
    }
    let _ = (NameAddr::parse(bytes), CSeq::parse(bytes), Parameters::new(bytes).count());
    if let Ok(via) = Via::parse(bytes) {
        let _ = (via.branch(), via.received(), via.rport(), via.sent_by(), via.parameters().count());
    }
    // What is kept of a value begins no header.
    let kept = one_line(bytes);
    let text = [b"X: ", kept, b"\r\n\r\n"].concat();
    let message = [b"OPTIONS sip:a SIP/2.0\r\n", &text[..]].concat();
    if let Ok((message, _)) = alanui::sip::Message::parse_lenient(message.into()) {
        assert!(message.headers().len() <= 1);
    }
}
