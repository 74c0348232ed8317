//! Where messages go and what the server calls itself.

use super::names::Name;
use crate::builtin::{Core, Received};
use crate::sip::{Message, Rport, Scheme, Transport, Uri};
use crate::world::Flow;
use std::net::SocketAddr;

/// Why a URI is no next hop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NoHop {
    /// It is no URI, or its host is neither an address nor a name.
    Unresolvable,
    /// It wants a transport that is not served.
    Transport,
}

/// Where a URI says that it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// At an address.
    At(Transport, SocketAddr),
    /// Where a name leads.
    Named(Name),
}

/// The transport and the address, or the name, that a URI names: UDP unless it says otherwise, its `maddr` or host, and its port. A `sips:` URI is
/// for TLS alone (RFC 3261 section 26.2.2, RFC 5630 section 3.1.3), and a transport that nobody knows is none.
pub(super) fn next_hop(uri: &[u8]) -> Result<Place, NoHop> {
    let uri = Uri::parse(uri).map_err(|_| NoHop::Unresolvable)?;
    let named = uri.transport().unwrap_or_default();
    let transport = match Transport::of(named) {
        Some(Transport::Udp) if uri.scheme == Scheme::Sips => return Err(NoHop::Unresolvable),
        _ if uri.scheme == Scheme::Sips => return Err(NoHop::Transport),
        Some(transport) if !transport.is_served() => return Err(NoHop::Transport),
        Some(transport) => transport,
        None => Transport::Udp,
    };
    let host = uri.maddr().unwrap_or(uri.host);
    if let Some(address) = crate::sip::parse_ip(host) {
        return Ok(Place::At(transport, SocketAddr::new(address, uri.port_or_default())));
    }
    let may_be_named = uri.scheme != Scheme::Urn;
    let name = std::str::from_utf8(host).ok().filter(|name| may_be_named && is_name(name));
    let name = name.ok_or(NoHop::Unresolvable)?;
    Ok(Place::Named(Name::new(transport, name, uri.port)))
}

/// Whether the DNS can be asked for it (RFC 1035 section 2.3): an underscore, which names of services have, does not stop anybody.
fn is_name(host: &str) -> bool {
    let is_label = |label: &str| {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (1..=63).contains(&label.len()) && label.bytes().all(is_letter)
    };
    host.len() <= 253 && host.strip_suffix('.').unwrap_or(host).split('.').all(is_label)
}

/// The way of a reply to a request (RFC 3261 18.2.2, RFC 3581 4): back over the connection that the request came by. Where that is gone, or was none,
/// to the source address, and to the source port when the sender asked for that or the script forces it, else to the port in Via. With `reply_to_via`
/// the address in Via stands for the source's. What else a Via says, its `received` and `maddr`, is no reason to send a stranger's answers to somebody
/// else; Kamailio does not either.
pub(super) fn reply_flow(core: &Core, request: &Message, received: &Received, force_rport: bool) -> Flow {
    let Flow { peer: source, socket, connection } = received.flow;
    let Some(via) = request.via() else { return received.flow };
    let asked = force_rport || via.rport() != Rport::Absent;
    let port = if asked { source.port() } else { via.port().unwrap_or(5060) };
    // The socket reaches only its own kind of address.
    let sent_by = via.host_ip().filter(|ip| core.settings.reply_to_via && ip.is_ipv4() == source.is_ipv4());
    Flow { peer: SocketAddr::new(sent_by.unwrap_or(source.ip()), port), socket, connection }
}

/// Where a reply that is forwarded without a transaction goes: to the Via below the topmost one.
pub(super) fn via_destination(reply: &Message) -> Option<(Transport, SocketAddr)> {
    let via = reply.vias().nth(1)?.value.ok()?;
    let transport = Transport::served(via.transport())?;
    let host = via.received().and_then(crate::sip::parse_ip).or_else(|| via.host_ip())?;
    let port = match via.rport() {
        Rport::Port(port) => port,
        Rport::Absent | Rport::Asked => via.port().unwrap_or(5060),
    };
    Some((transport, SocketAddr::new(host, port)))
}

/// Whether a URI reads as one: used before it is put into a request line.
pub(super) fn is_uri(uri: &[u8]) -> bool {
    Uri::parse(uri).is_ok()
}
