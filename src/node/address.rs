//! Where messages go and what the server calls itself.

use crate::builtin::{Core, Received, SocketId, Working};
use crate::sip::{Message, Rport, Transport, Uri};
use std::io::Write;
use std::net::{IpAddr, SocketAddr};

/// Why a URI is no next hop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NoHop {
    /// It is no URI, or its host is no address.
    Unresolvable,
    /// It wants a transport that is not served.
    Transport,
}

/// The transport and the address that a URI names: UDP unless it says otherwise, its `maddr` or host, and its port or 5060.
pub(super) fn next_hop(uri: &[u8]) -> Result<(Transport, SocketAddr), NoHop> {
    let uri = Uri::parse(uri).map_err(|_| NoHop::Unresolvable)?;
    let transport = match uri.transport() {
        Some(name) => Transport::of(name).ok_or(NoHop::Transport)?,
        None => Transport::Udp,
    };
    let host = match uri.maddr() {
        Some(maddr) => crate::sip::parse_ip(maddr),
        None => uri.host_ip(),
    };
    let host = host.ok_or(NoHop::Unresolvable)?;
    Ok((transport, SocketAddr::new(host, uri.port_or_default())))
}

/// Where a reply to a request goes (RFC 3261 18.2.2, RFC 3581 4): to the source address, and to the source port when the sender asked for that or
/// the script forces it, else to the port in Via; always back over the connection that a request came by. What else a Via says, its `received` and
/// `maddr`, is no reason to send a stranger's answers to somebody else; Kamailio does not either.
pub(super) fn reply_destination(core: &Core, request: &Message, received: &Received, force_rport: bool) -> SocketAddr {
    let source = received.source;
    let Some(via) = request.via() else { return source };
    if core.sockets.transport(received.socket).is_reliable() || force_rport || via.rport() != Rport::Absent {
        return source;
    }
    SocketAddr::new(source.ip(), via.port().unwrap_or(5060))
}

/// Where a reply that is forwarded without a transaction goes: to the Via below the topmost one.
pub(super) fn via_destination(reply: &Message) -> Option<(Transport, SocketAddr)> {
    let via = reply.vias().nth(1)?.value.ok()?;
    let transport = Transport::of(via.transport())?;
    let host = via.received().and_then(crate::sip::parse_ip).or_else(|| via.host_ip())?;
    let port = match via.rport() {
        Rport::Port(port) => port,
        Rport::Absent | Rport::Asked => via.port().unwrap_or(5060),
    };
    Some((transport, SocketAddr::new(host, port)))
}

/// Appends host and port as they stand in our Via towards `next`: what the socket advertises, else what the script (`set_advertised_address`) or
/// the config wants for every message, else the socket's address.
pub(super) fn push_sent_by(core: &Core, message: Option<&Working>, socket: SocketId, next: IpAddr, out: &mut Vec<u8>) {
    let advertises = core.sockets.socket(socket).is_some_and(|its| its.advertise.is_some());
    let of_message = message.and_then(|message| message.advertised_address.as_ref());
    let host = of_message.or(core.settings.advertised_address.as_ref());
    let (Some(host), false) = (host, advertises) else {
        out.extend_from_slice(&core.address_text(socket, next));
        return;
    };
    out.extend_from_slice(host);
    let own = core.sockets.socket(socket).map_or(5060, |its| its.address.port());
    let of_message = message.and_then(|message| message.advertised_port);
    let port = of_message.or(core.settings.advertised_port).unwrap_or(own);
    if port != 5060 {
        // Writing to a Vec does not fail.
        let _ = write!(out, ":{port}");
    }
}
