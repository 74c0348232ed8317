//! What the server calls itself, and which addresses are its own.

use super::context::Core;
use super::settings::Socket;
use super::working::Working;
use crate::language::Extension;
use crate::sip::{Transport, parse_ip, push_address, push_number};
use crate::world::SocketId;
use bytes::Bytes;
use std::net::IpAddr;

impl Core {
    /// What a socket is called in the Record-Route of the side that a request comes in on: what it advertises, or its address; the wildcard is
    /// the address that reaches `peer`. Port 5060 is not written, as in Kamailio, whose `advertised_address` is likewise not meant here; it
    /// stands in for the wildcard alone.
    pub fn address_text(&self, id: SocketId, peer: IpAddr) -> Vec<u8> {
        let Some(socket) = self.sockets.socket(id) else { return Vec::new() };
        let mut out = Vec::with_capacity(48);
        let port = match (socket.advertised(), &self.settings.advertised_address) {
            (Some((host, port)), _) => {
                out.extend_from_slice(host);
                port
            }
            (None, Some(host)) if self.stands_in(socket.address.ip()) => {
                out.extend_from_slice(host);
                self.settings.advertised_port.unwrap_or(socket.address.port())
            }
            (None, _) => {
                self.push_ip(socket, id, peer, &mut out);
                socket.address.port()
            }
        };
        if port != 5060 {
            out.push(b':');
            push_number(&mut out, usize::from(port));
        }
        out
    }

    /// What a socket is called that a message leaves by: what it advertises, what the script or the config wants for every message, or its
    /// address. A socket that advertises a host without a port takes the port that is wanted. A port that is given for this is always written,
    /// 5060 too: a host without one would be looked up otherwise (RFC 3263 section 4.2).
    pub fn leaving_text(&self, id: SocketId, message: Option<&Working>, peer: IpAddr) -> Vec<u8> {
        let Some(socket) = self.sockets.socket(id) else { return Vec::new() };
        let (host, port) = match &socket.advertise {
            Some((host, port)) => (Some(host), port.or_else(|| self.wanted_port(message))),
            None => (self.wanted_host(message), self.wanted_port(message)),
        };
        self.leaving_address(socket, id, (host, port), peer)
    }

    /// The same as it stands in our own Via, where what is wanted for the message comes first.
    pub fn via_text(&self, id: SocketId, message: Option<&Working>, peer: IpAddr) -> Vec<u8> {
        let Some(socket) = self.sockets.socket(id) else { return Vec::new() };
        let (host, port) = socket.advertise.as_ref().map_or((None, None), |(host, port)| (Some(host), *port));
        let (host, port) = (self.wanted_host(message).or(host), self.wanted_port(message).or(port));
        self.leaving_address(socket, id, (host, port), peer)
    }

    fn wanted_host<'a>(&'a self, message: Option<&'a Working>) -> Option<&'a Bytes> {
        message
            .and_then(|message| message.own_via.advertised_address.as_ref())
            .or(self.settings.advertised_address.as_ref())
    }

    fn wanted_port(&self, message: Option<&Working>) -> Option<u16> {
        message.and_then(|message| message.own_via.advertised_port).or(self.settings.advertised_port)
    }

    fn leaving_address(
        &self,
        socket: &Socket,
        id: SocketId,
        (host, port): (Option<&Bytes>, Option<u16>),
        peer: IpAddr,
    ) -> Vec<u8> {
        let mut out = Vec::with_capacity(48);
        match host {
            Some(host) => out.extend_from_slice(host),
            None => self.push_ip(socket, id, peer, &mut out),
        }
        let own = socket.address.port();
        if port.is_some() || own != 5060 {
            out.push(b':');
            push_number(&mut out, usize::from(port.unwrap_or(own)));
        }
        out
    }

    fn push_ip(&self, socket: &Socket, id: SocketId, peer: IpAddr, out: &mut Vec<u8>) {
        let bound = socket.address.ip();
        let ip = if self.stands_in(bound) { self.sockets.address_towards(id, peer) } else { bound };
        if ip.is_ipv6() {
            out.push(b'[');
        }
        push_address(out, ip);
        if ip.is_ipv6() {
            out.push(b']');
        }
    }

    /// The Record-Route of the side that a request leaves by: with the transport, unless it is UDP.
    pub fn leaving_route_text(&self, id: SocketId, message: Option<&Working>, peer: IpAddr) -> Vec<u8> {
        let text = self.leaving_text(id, message, peer);
        self.with_transport(text, id)
    }

    /// That of the side that it came in on.
    pub fn record_route_text(&self, id: SocketId, peer: IpAddr) -> Vec<u8> {
        let text = self.address_text(id, peer);
        self.with_transport(text, id)
    }

    fn with_transport(&self, mut text: Vec<u8>, id: SocketId) -> Vec<u8> {
        let transport = self.sockets.transport(id);
        if transport != Transport::Udp {
            text.extend_from_slice(b";transport=");
            text.extend_from_slice(transport.name().as_bytes());
        }
        text
    }

    /// Whether a host and port are this server's: a socket, what one advertises, an alias, a domain with all below it, or the advertised address. No port matches any.
    pub fn is_own(&self, host: &[u8], port: Option<u16>) -> bool {
        let alias = |(its, its_port): &(Bytes, Option<u16>)| same_host(its, host) && fits(*its_port, port);
        let settings = &self.settings;
        let below = |(domain, its_port): &(Bytes, Option<u16>)| is_below(domain, host) && fits(*its_port, port);
        self.socket_at(None, host, port).is_some()
            || settings.alias.iter().any(alias)
            || settings.alias_subdomains.iter().any(below)
            || self.is_advertised(host, port)
    }

    /// The socket that listens on or advertises this host and port; no port, or no transport, matches any.
    pub fn socket_at(&self, transport: Option<Transport>, host: &[u8], port: Option<u16>) -> Option<SocketId> {
        let listening = parse_ip(host).and_then(|ip| self.sockets.listening_on(transport, ip, port));
        let advertises = |socket: &Socket| {
            socket.advertised().is_some_and(|(name, its)| same_host(name, host) && fits(Some(its), port))
        };
        listening.or_else(|| {
            let mut all = self.sockets.list.iter();
            let serves = |socket: &Socket| transport.is_none_or(|transport| transport == socket.transport);
            let at = all.position(|socket| serves(socket) && advertises(socket))?;
            Some(SocketId(at as u16))
        })
    }

    /// The socket of this name.
    pub fn socket_named(&self, name: &[u8]) -> Option<SocketId> {
        let at = self.sockets.list.iter().position(|socket| socket.name.as_deref() == Some(name))?;
        Some(SocketId(at as u16))
    }

    /// What stands in Record-Route for a wildcard socket comes back in Route.
    fn is_advertised(&self, host: &[u8], port: Option<u16>) -> bool {
        if !self.settings.advertised_address.as_ref().is_some_and(|its| same_host(its, host)) {
            return false;
        }
        match self.settings.advertised_port {
            Some(advertised) => fits(Some(advertised), port),
            None => self.sockets.list.iter().any(|socket| fits(Some(socket.address.port()), port)),
        }
    }

    /// Whether another address is written in place of this one.
    fn stands_in(&self, bound: IpAddr) -> bool {
        bound.is_unspecified() && self.extensions.allows(Extension::InterfaceAddress)
    }
}

fn same_host(one: &[u8], other: &[u8]) -> bool {
    one.eq_ignore_ascii_case(other) || parse_ip(one).is_some_and(|ip| parse_ip(other) == Some(ip))
}

/// Whether a host is a domain, or lies below it.
fn is_below(domain: &[u8], host: &[u8]) -> bool {
    let Some(start) = host.len().checked_sub(domain.len()) else { return false };
    let is_end = host.get(start..).is_some_and(|end| end.eq_ignore_ascii_case(domain));
    is_end && (start == 0 || host.get(start - 1) == Some(&b'.'))
}

fn fits(its: Option<u16>, port: Option<u16>) -> bool {
    its.is_none_or(|its| port.is_none_or(|port| port == its))
}
