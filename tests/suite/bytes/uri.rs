//! Any bytes are read as a URI without a panic; its parts lie within it.

use alanui::sip::{Scheme, Uri, parse_ip};

/// Reads `bytes`, which may be anything.
pub(crate) fn survives(bytes: &[u8]) {
    let _ = parse_ip(bytes);
    let Ok(uri) = Uri::parse(bytes) else { return };
    let again = uri.to_bytes();
    if matches!(uri.scheme, Scheme::Sip | Scheme::Sips) {
        let same = Uri::parse(&again).expect("what we write of a URI reads");
        assert_eq!((same.user, same.host, same.port), (uri.user, uri.host, uri.port));
    }
    for parameter in uri.parameters() {
        assert!(uri.parameters_text.get(parameter.range.clone()).is_some());
    }
    let _ = (uri.headers().count(), uri.host_ip(), uri.transport(), uri.port_or_default());
}
