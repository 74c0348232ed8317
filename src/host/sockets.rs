//! From `listen` lines to open sockets, and what the server knows of its own addresses.

use super::routes;
use crate::builtin::{Leaving, Listen, Settings, Socket as ListenSocket, SocketId, Sockets};
use crate::sip::Transport;
use if_addrs::{IfAddr, Interface};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs, UdpSocket};
use std::os::fd::AsFd;
use std::sync::Arc;

/// What the system is asked to keep of packets that wait; it gives as much as its own limit allows.
const BUFFER: usize = 4 << 20;

/// Open sockets.
#[derive(Debug)]
pub struct Bound {
    /// What the server knows of them.
    pub sockets: Arc<Sockets>,
    /// For each worker one socket for each of `sockets.list` that is UDP's: they come first.
    pub workers: Vec<Vec<UdpSocket>>,
    /// Where connections are taken, for each worker.
    pub listeners: Vec<Vec<(SocketId, TcpListener)>>,
}

/// Why the server cannot listen.
#[derive(Debug)]
pub enum SocketFault {
    /// Neither an address nor an interface nor a name that resolves.
    UnknownHost(String, io::Error),
    /// An interface without an address that can be used.
    NoAddress(String),
    /// Another program listens there.
    Occupied(Transport, SocketAddr),
    /// The address is not of this machine.
    Foreign(Transport, SocketAddr),
    /// The system refused it.
    Refused(Transport, SocketAddr, io::Error),
    /// The machine's interfaces cannot be read.
    Interfaces(io::Error),
}

impl fmt::Display for SocketFault {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            SocketFault::UnknownHost(host, error) => {
                write!(f, "cannot listen on {host}: no interface has this name, and it does not resolve ({error})")
            }
            SocketFault::NoAddress(host) => write!(f, "cannot listen on {host}: the interface has no IPv4 address"),
            SocketFault::Occupied(transport, address) => {
                write!(f, "cannot listen on {transport}:{address}: another program listens there already")
            }
            SocketFault::Foreign(transport, address) => {
                let ip = address.ip();
                write!(f, "cannot listen on {transport}:{address}: this machine does not have the address {ip}")
            }
            SocketFault::Refused(transport, address, error) => {
                write!(f, "cannot listen on {transport}:{address}: {error}")
            }
            SocketFault::Interfaces(error) => write!(f, "cannot read the machine's interfaces: {error}"),
        }
    }
}

impl std::error::Error for SocketFault {}

/// Opens the sockets of a config for a number of workers. Without `listen` lines it listens on every IPv4 address of the machine, as Kamailio does.
///
/// # Errors
/// The first that cannot be opened.
pub fn bind(settings: &Settings, workers: usize) -> Result<Bound, SocketFault> {
    let interfaces = if_addrs::get_if_addrs().map_err(SocketFault::Interfaces)?;
    let everywhere: Settings;
    let settings = if settings.listen.is_empty() {
        let listen = ipv4_of(&interfaces, |_| true).map(|ip| at(ip.to_string(), settings.port)).collect();
        everywhere = Settings { listen, ..settings.clone() };
        &everywhere
    } else {
        settings
    };
    let mut listeners: Vec<Vec<_>> = (0..workers.max(1)).map(|_| Vec::new()).collect();
    let mut list: Vec<ListenSocket> = Vec::new();
    let mut of_worker: Vec<Vec<UdpSocket>> = (0..workers.max(1)).map(|_| Vec::new()).collect();
    for (transport, line) in settings.listeners() {
        for ip in resolve(&line.host, &interfaces)? {
            let wanted = SocketAddr::new(ip, line.port);
            let is_same = |known: &ListenSocket| known.transport == transport && known.address == wanted;
            if wanted.port() != 0 && list.iter().any(is_same) {
                continue;
            }
            let address = match transport {
                Transport::Udp => open(wanted, settings.tos, &mut of_worker)?,
                Transport::Tcp => {
                    let id = SocketId(list.len() as u16);
                    listen(wanted, settings.tos, id, &mut listeners).map_err(|error| fault(transport, wanted, error))?
                }
                _ => return Err(fault(transport, wanted, io::ErrorKind::Unsupported.into())),
            };
            list.push(ListenSocket { transport, address, advertise: line.advertise.clone(), name: line.name.clone() });
        }
    }
    let any_ipv4 = list.iter().any(|socket| socket.address.is_ipv4());
    let sockets = Sockets {
        list,
        interfaces: interfaces.iter().map(|interface| (interface.ip(), prefix(interface))).collect(),
        default_address: default_address(any_ipv4),
        leaving: if settings.mhomed { Leaving::BySystem(routes::leaving_by) } else { Leaving::Unasked },
    };
    Ok(Bound { sockets: Arc::new(sockets), workers: of_worker, listeners })
}

fn at(host: String, port: u16) -> Listen {
    Listen { transport: None, host, port, advertise: None, name: None }
}

/// Opens `wanted` once for each worker. Gives the address with the port that the system chose when it was 0.
fn open(wanted: SocketAddr, tos: u8, of_worker: &mut [Vec<UdpSocket>]) -> Result<SocketAddr, SocketFault> {
    let shared = of_worker.len() > 1;
    let fault = |error| fault(Transport::Udp, wanted, error);
    let mut address = wanted;
    if shared {
        // Sockets that share a port let a second server of the same user in unnoticed; one that does not share finds it out.
        let probe = socket(wanted, false).map_err(fault)?;
        address = probe.local_addr().map_err(fault)?;
    }
    for sockets in of_worker {
        let socket = socket(address, shared).map_err(fault)?;
        mark(&socket, address, tos);
        address = socket.local_addr().map_err(fault)?;
        sockets.push(socket);
    }
    Ok(address)
}

fn fault(transport: Transport, wanted: SocketAddr, error: io::Error) -> SocketFault {
    match error.kind() {
        io::ErrorKind::AddrInUse => SocketFault::Occupied(transport, wanted),
        io::ErrorKind::AddrNotAvailable => SocketFault::Foreign(transport, wanted),
        _ => SocketFault::Refused(transport, wanted, error),
    }
}

/// Connections that may wait to be taken.
const BACKLOG: i32 = 1024;

/// Marks what leaves by a socket with a type of service. A system that refuses it sends all the same.
pub(super) fn mark(socket: &impl AsFd, address: SocketAddr, tos: u8) {
    let socket = SockRef::from(socket);
    let _ = if address.is_ipv4() { socket.set_tos_v4(tos.into()) } else { socket.set_tclass_v6(tos.into()) };
}

/// Listens at `wanted` once for each worker: the system gives each connection to one of them. Gives the address with the port that it chose when it was 0.
fn listen(
    wanted: SocketAddr,
    tos: u8,
    id: SocketId,
    of_worker: &mut [Vec<(SocketId, TcpListener)>],
) -> io::Result<SocketAddr> {
    let shared = of_worker.len() > 1;
    let mut address = wanted;
    if shared {
        // As with datagrams: one that does not share finds a second server out.
        address = listener(wanted, tos, false)?.local_addr()?;
    }
    for listeners in of_worker {
        let listener = listener(address, tos, shared)?;
        address = listener.local_addr()?;
        listeners.push((id, listener));
    }
    Ok(address)
}

fn listener(address: SocketAddr, tos: u8, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // Connections of an earlier server that end slowly keep nobody from the port.
    socket.set_reuse_address(true)?;
    if shared {
        socket.set_reuse_port(true)?;
    }
    // Connections that are taken have it, too.
    mark(&socket, address, tos);
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn socket(address: SocketAddr, shared: bool) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    if shared {
        socket.set_reuse_port(true)?;
    }
    // A system that refuses the size keeps its own, which is good enough to serve.
    let _ = socket.set_recv_buffer_size(BUFFER);
    let _ = socket.set_send_buffer_size(BUFFER);
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// The addresses of a `listen` line's host: itself, those of the interface of this name, or the first that the name resolves to.
fn resolve(host: &str, interfaces: &[Interface]) -> Result<Vec<IpAddr>, SocketFault> {
    if let Ok(ip) = host.parse() {
        return Ok(vec![ip]);
    }
    if interfaces.iter().any(|interface| interface.name == host) {
        let addresses: Vec<IpAddr> = ipv4_of(interfaces, |interface| interface.name == host).collect();
        return if addresses.is_empty() { Err(SocketFault::NoAddress(host.to_owned())) } else { Ok(addresses) };
    }
    let found = (host, 0).to_socket_addrs().map_err(|error| SocketFault::UnknownHost(host.to_owned(), error))?;
    let mut found: Vec<IpAddr> = found.map(|address| address.ip()).collect();
    found.sort_by_key(IpAddr::is_ipv6);
    found.truncate(1);
    Ok(found)
}

fn ipv4_of(interfaces: &[Interface], wanted: impl Fn(&Interface) -> bool) -> impl Iterator<Item = IpAddr> {
    interfaces.iter().filter(move |interface| wanted(interface)).map(Interface::ip).filter(IpAddr::is_ipv4)
}

fn prefix(interface: &Interface) -> u8 {
    match &interface.addr {
        IfAddr::V4(address) => address.prefixlen,
        IfAddr::V6(address) => address.prefixlen,
    }
}

/// The address that packets to far networks leave by.
fn default_address(ipv4: bool) -> Option<IpAddr> {
    // Addresses kept for documentation: RFC 5737, RFC 3849.
    let far: IpAddr = if ipv4 {
        Ipv4Addr::new(198, 51, 100, 1).into()
    } else {
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into()
    };
    routes::ask(far)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(host: &str, port: u16) -> Listen {
        Listen { transport: Some(Transport::Udp), host: host.into(), port, advertise: None, name: None }
    }

    fn bind(listen: &[Listen], workers: usize) -> Result<Bound, SocketFault> {
        super::bind(&Settings { listen: listen.to_vec(), ..Settings::default() }, workers)
    }

    #[test]
    fn what_is_sent_has_the_type_of_service() {
        let any = Listen { transport: None, ..line("127.0.0.1", 0) };
        let settings = Settings { listen: vec![any], tos: 0x08, ..Settings::default() };
        let bound = super::bind(&settings, 1).expect("two sockets");
        assert_eq!(SockRef::from(&bound.workers[0][0]).tos_v4().ok(), Some(0x08));
        assert_eq!(SockRef::from(&bound.listeners[0][0].1).tos_v4().ok(), Some(0x08));
    }

    #[test]
    fn a_line_without_a_transport_listens_on_each() {
        let free = bind(&[line("127.0.0.1", 0)], 1).expect("a free port").sockets.list[0].address.port();
        let any = Listen { transport: None, ..line("127.0.0.1", free) };
        let bound = bind(std::slice::from_ref(&any), 1).expect("free again");
        let transports: Vec<_> = bound.sockets.list.iter().map(|socket| socket.transport).collect();
        assert_eq!(transports, Transport::ALL.into_iter().filter(|its| its.is_served()).collect::<Vec<_>>());
        assert_eq!(bound.listeners[0].len(), 1);
        drop(bound);
        let settings = Settings { listen: vec![any], tcp: false, ..Settings::default() };
        assert!(super::bind(&settings, 1).expect("free again").listeners[0].is_empty());
    }

    #[test]
    fn each_worker_has_a_socket_on_the_same_port() {
        let bound = bind(&[line("127.0.0.1", 0)], 3).expect("a free port");
        let address = bound.sockets.list[0].address;
        assert_ne!(address.port(), 0);
        for sockets in &bound.workers {
            assert_eq!(sockets.len(), 1);
            assert_eq!(sockets[0].local_addr().expect("bound"), address);
        }
    }

    #[test]
    fn an_occupied_port_is_noticed_with_any_number_of_workers() {
        for mine in [1, 2] {
            let first = bind(&[line("127.0.0.1", 0)], mine).expect("a free port");
            let address = first.sockets.list[0].address;
            for theirs in [1, 2] {
                let fault = bind(&[line("127.0.0.1", address.port())], theirs).expect_err("it is taken");
                assert!(matches!(fault, SocketFault::Occupied(_, taken) if taken == address), "{fault}");
            }
        }
    }

    #[test]
    fn hosts_are_addresses_interfaces_or_names() {
        let interfaces = if_addrs::get_if_addrs().expect("every system tells them");
        let loopback = interfaces.iter().find(|interface| interface.ip() == IpAddr::from(Ipv4Addr::LOCALHOST));
        let name = loopback.expect("every machine has one").name.clone();
        for host in ["127.0.0.1", &name, "localhost"] {
            let found = resolve(host, &interfaces).expect("known");
            assert!(found.contains(&Ipv4Addr::LOCALHOST.into()), "{host}: {found:?}");
        }
        let fault = resolve("no-such-interface.invalid", &interfaces).expect_err("nothing has this name");
        assert!(matches!(fault, SocketFault::UnknownHost(..)), "{fault}");
    }

    #[test]
    fn the_same_place_twice_is_one_socket() {
        let free = bind(&[line("127.0.0.1", 0)], 1).expect("a free port").sockets.list[0].address.port();
        let bound = bind(&[line("127.0.0.1", free), line("localhost", free)], 1).expect("free again");
        assert_eq!(bound.sockets.list.len(), 1);
    }

    #[test]
    fn an_address_of_another_machine_is_told() {
        let fault = bind(&[line("198.51.100.1", 0)], 1).expect_err("it is kept for documentation");
        assert!(matches!(fault, SocketFault::Foreign(..)), "{fault}");
    }
}
