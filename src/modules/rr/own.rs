//! Whether an address is this server's.

use crate::builtin::{Core, SocketId};
use crate::sip::{Uri, parse_ip};

/// Whether the host and port of a URI are this server's: a socket, what one advertises, or an alias. A missing port is 5060. A GRUU (RFC 5627) names
/// a device behind the server, never the server.
pub fn is_own(core: &Core, uri: &Uri) -> bool {
    if uri.gruu().is_some() || uri.host.is_empty() {
        return false;
    }
    let port = uri.port.unwrap_or(5060);
    let alias =
        |(host, its): &(bytes::Bytes, Option<u16>)| same_host(host, uri.host) && its.is_none_or(|its| its == port);
    socket_at(core, uri.host, port).is_some()
        || core.settings.alias.iter().any(alias)
        || is_advertised(core, uri.host, port)
}

/// The socket that listens on or advertises this host and port.
pub(super) fn socket_at(core: &Core, host: &[u8], port: u16) -> Option<SocketId> {
    let sockets = &core.sockets;
    let ip = parse_ip(host);
    let at = sockets.list.iter().position(|socket| {
        let bound = socket.address.ip();
        let listens = ip.is_some_and(|ip| {
            bound == ip || bound.is_unspecified() && sockets.interfaces.iter().any(|(own, _)| *own == ip)
        });
        let advertises = |(name, its): &(bytes::Bytes, u16)| same_host(name, host) && *its == port;
        listens && socket.address.port() == port || socket.advertise.as_ref().is_some_and(advertises)
    })?;
    Some(SocketId(at as u16))
}

/// The socket of this name.
pub(super) fn socket_named(core: &Core, name: &[u8]) -> Option<SocketId> {
    let at = core.sockets.list.iter().position(|socket| socket.name.as_deref() == Some(name))?;
    Some(SocketId(at as u16))
}

/// What stands in Record-Route for a wildcard socket comes back in Route.
fn is_advertised(core: &Core, host: &[u8], port: u16) -> bool {
    let ours = |advertised: &bytes::Bytes| same_host(advertised, host);
    if !core.settings.advertised_address.as_ref().is_some_and(ours) {
        return false;
    }
    match core.settings.advertised_port {
        Some(advertised) => advertised == port,
        None => core.sockets.list.iter().any(|socket| socket.address.port() == port),
    }
}

fn same_host(one: &[u8], other: &[u8]) -> bool {
    one.eq_ignore_ascii_case(other) || parse_ip(one).is_some_and(|ip| parse_ip(other) == Some(ip))
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
