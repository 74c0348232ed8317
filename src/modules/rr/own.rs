//! Whether a URI is this server's.

use crate::builtin::Core;
use crate::sip::Uri;

/// Whether the host and port of a URI are this server's; a missing port is 5060. A GRUU (RFC 5627) names a device behind the server, never the
/// server.
pub fn is_own(core: &Core, uri: &Uri) -> bool {
    uri.gruu().is_none() && !uri.host.is_empty() && core.is_own(uri.host, Some(uri.port.unwrap_or(5060)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::{Settings, bench::Bench};
    use std::sync::Arc;

    #[test]
    fn sockets_and_aliases_are_own() {
        let mut bench = Bench::new("OPTIONS sip:a SIP/2.0\nVia: SIP/2.0/UDP a;branch=z9hG4bK\n\n", Arc::new(()));
        bench.core.settings = Arc::new(Settings {
            alias: vec![("Me.example.com".into(), Some(5070)), ("any.example.com".into(), None)],
            advertised_address: Some("203.0.113.1".into()),
            ..Settings::default()
        });
        for (uri, own) in [
            ("sip:127.0.0.1", true),
            ("sip:x@127.0.0.1:5060;lr", true),
            ("sip:127.0.0.1:5061", false),
            ("sip:127.0.0.1;gr=x", false),
            ("sip:me.example.com:5070", true),
            ("sip:me.example.com", false),
            ("sip:any.example.com:9", true),
            ("sip:203.0.113.1", true),
            ("tel:+1", false),
        ] {
            assert_eq!(is_own(&bench.core, &Uri::parse(uri.as_bytes()).unwrap()), own, "{uri}");
        }
    }
}
