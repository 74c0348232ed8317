//! Where a message came from, in the forms in which a later request finds the way back. Each names the transport: the same address and port is another
//! peer by UDP than by TCP.

use crate::builtin::Context;
use crate::sip::Transport;
use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};

/// The transport the message came over.
pub(crate) fn transport(cx: &Context) -> Transport {
    cx.core.sockets.transport(cx.message.received.flow.socket)
}

/// As a URI; UDP goes without saying.
pub(crate) fn uri(cx: &Context) -> String {
    uri_of(cx.message.received.flow.peer, transport(cx))
}

/// The URI of an address; UDP goes without saying.
pub(crate) fn uri_of(address: SocketAddr, transport: Transport) -> String {
    let mut out = String::with_capacity(48);
    // Writing to a string does not fail.
    let _ = write!(out, "sip:{address}");
    if transport != Transport::Udp {
        let _ = write!(out, ";transport={transport}");
    }
    out
}

/// As the value of the parameter `alias`: address~port~transport.
pub(crate) fn alias(cx: &Context) -> String {
    let source = cx.message.received.flow.peer;
    format!("{}~{}~{}", host(source.ip()), source.port(), transport(cx).number())
}

/// An address as it stands in URIs.
pub(crate) fn host(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}
