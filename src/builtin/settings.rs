//! Settings that more than one part reads, and the sockets the server listens on.

use super::context::RouteId;
use super::select::Global;
use crate::sip::Transport;
use crate::world::SocketId;
use bytes::Bytes;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// The core's settings; modules add theirs at start.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The highest log level that is seen: `debug`.
    pub debug: i8,
    /// `listen` entries in order.
    pub listen: Vec<Listen>,
    /// The port of `listen` entries without one: `port`.
    pub port: u16,
    /// The type of service of what is sent (RFC 791): `tos`.
    pub tos: u8,
    /// How many slow queries of one database may run at once: `children`.
    pub children: usize,
    /// TCP is served: not `disable_tcp`.
    pub tcp: bool,
    /// How connections are kept.
    pub connections: ConnectionSettings,
    /// Names and ports that are this server beside its sockets: `alias`.
    pub alias: Vec<(Bytes, Option<u16>)>,
    /// Domains that are this server with everything below them: `alias_subdomains` of corex. Without a port any is.
    pub alias_subdomains: Vec<(Bytes, Option<u16>)>,
    /// Host to write into Via and Record-Route instead of the socket's: `advertised_address`.
    pub advertised_address: Option<Bytes>,
    /// The port to write with it: `advertised_port`.
    pub advertised_port: Option<u16>,
    /// The number of this server among several, 0 for none: `server_id`.
    pub server_id: u32,
    /// The `$xavp` whose fields become parameters of our own Via when the script wants that: `xavp_via_params`.
    pub xavp_via_params: Option<Bytes>,
    /// The `$xavp` with the address and port of our own Via, likewise: `xavp_via_fields`.
    pub xavp_via_fields: Option<Bytes>,
    /// The `Server` header line of replies made here, without CRLF; empty for none: `server_header`, `server_signature`.
    pub server_header: Bytes,
    /// The `User-Agent` header line of requests made here, without CRLF: `user_agent_header`.
    pub user_agent_header: Bytes,
    /// Replies go to the port that a request came from, asked or not (RFC 3581): `force_rport`.
    pub force_rport: bool,
    /// Our own Via asks for that: `local_rport`.
    pub local_rport: bool,
    /// Replies by UDP go to the address in Via: `reply_to_via`.
    pub reply_to_via: bool,
    /// Replies made here have a Warning that tells of the request: `sip_warning`.
    pub sip_warning: bool,
    /// Requests by UDP leave by the socket whose address the system takes towards their destination: `mhomed`.
    pub mhomed: bool,
    /// A request that would be a longer datagram goes by TCP (RFC 3261 section 18.1.1): `udp_mtu`, `udp_mtu_try_proto`.
    pub longest_datagram: Option<usize>,
    /// How many branches a request has at most, its own and those of a `failure_route` included: `max_branches`.
    pub max_branches: usize,
    /// The `onsend_route` runs for forwarded replies as well: `onsend_route_reply`.
    pub onsend_route_reply: bool,
    /// `event_route[core:msg-received]` runs: `received_route_mode`.
    pub received_route_mode: bool,
    /// Replies that belong to nothing are dropped when their topmost Via is another's: `check_via`.
    pub check_via: bool,
    /// Iterations after which a `while` ends: `max_while_loops`; 0 for no limit.
    pub max_while_loops: u32,
    /// How deep blocks and routes may nest: `max_recursive_level`.
    pub max_recursive_level: u32,
    /// Values that the config sets by `group.name = value`.
    pub globals: Vec<Global>,
    /// Timers and habits of transactions, set by `tm`.
    pub transaction: TransactionSettings,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            debug: 0,
            listen: Vec::new(),
            port: 5060,
            tos: 0x10,
            children: 8,
            tcp: true,
            connections: ConnectionSettings::default(),
            alias: Vec::new(),
            alias_subdomains: Vec::new(),
            advertised_address: None,
            advertised_port: None,
            server_id: 0,
            xavp_via_params: None,
            xavp_via_fields: None,
            server_header: Bytes::from_static(concat!("Server: alanui (", env!("CARGO_PKG_VERSION"), ")").as_bytes()),
            user_agent_header: Bytes::from_static(
                concat!("User-Agent: alanui (", env!("CARGO_PKG_VERSION"), ")").as_bytes(),
            ),
            force_rport: false,
            local_rport: false,
            reply_to_via: false,
            sip_warning: false,
            mhomed: false,
            longest_datagram: None,
            onsend_route_reply: false,
            received_route_mode: false,
            check_via: false,
            max_branches: 12,
            max_while_loops: 100,
            max_recursive_level: 256,
            globals: Vec::new(),
            transaction: TransactionSettings::default(),
        }
    }
}

impl Settings {
    /// The value for User-Agent in an ACK or CANCEL that is made anew; nothing where the server does not say what it is.
    pub fn user_agent(&self) -> Option<&[u8]> {
        self.user_agent_header.strip_prefix(b"User-Agent: ").filter(|_| !self.server_header.is_empty())
    }

    /// The `listen` entries with the transport of each, those of UDP first: sockets are numbered in this order.
    pub fn listeners(&self) -> impl Iterator<Item = (Transport, &Listen)> {
        self.transports().flat_map(move |transport| {
            let serves = move |listen: &&Listen| listen.transport.is_none_or(|its| its == transport);
            self.listen.iter().filter(serves).map(move |listen| (transport, listen))
        })
    }

    /// The transports that are served.
    pub fn transports(&self) -> impl Iterator<Item = Transport> + use<> {
        let tcp = self.tcp;
        Transport::ALL.into_iter().filter(move |transport| transport.is_served() && (tcp || !transport.is_over_tcp()))
    }
}

/// How connections of TCP are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionSettings {
    /// How long opening one may take: `tcp_connect_timeout`.
    pub connect_timeout: Duration,
    /// One that is silent for so long is closed: `tcp_connection_lifetime`.
    pub lifetime: Duration,
    /// How many are kept at a time; further ones are refused: `tcp_max_connections`.
    pub most: usize,
    /// An empty line twice is answered with one (RFC 5626 section 3.5.1): `tcp_crlf_ping`.
    pub answers_pings: bool,
    /// How long a message may take from its first byte to its last: `tcp_msg_read_timeout`.
    pub message_time: Duration,
    /// One that takes nothing for so long while something waits for it is closed: `tcp_send_timeout`.
    pub send_timeout: Duration,
    /// Bytes that may wait for one connection: `tcp_conn_wq_max`.
    pub queue: usize,
    /// Bytes that may wait for all of them: `tcp_wq_max`.
    pub queues: usize,
    /// A message without Content-Length has no body, where it is refused otherwise: `tcp_accept_no_cl`.
    pub takes_no_length: bool,
    /// No connection is opened from here: `tcp_no_connect`.
    pub opens_none: bool,
    /// A connection is used only by messages that leave by its own socket: `tcp_connection_match`.
    pub matches_both_ends: bool,
    /// A Via that says `;alias` (RFC 5923) lets its connection be found under its port: `tcp_accept_aliases`.
    pub accepts_aliases: bool,
    /// The type of service of connections that are opened here: `tos`.
    pub tos: u8,
    /// The system asks silent peers whether they are there: `tcp_keepalive`.
    pub keepalive: Option<SystemKeepalive>,
}

/// How the system asks silent peers; where nothing is said, as it does by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SystemKeepalive {
    /// How long a peer is silent before it is asked: `tcp_keepidle`.
    pub idle: Option<Duration>,
    /// How long until it is asked again: `tcp_keepintvl`.
    pub interval: Option<Duration>,
    /// How often it is asked in vain: `tcp_keepcnt`.
    pub count: Option<u32>,
}

impl Default for ConnectionSettings {
    fn default() -> ConnectionSettings {
        ConnectionSettings {
            connect_timeout: Duration::from_secs(10),
            lifetime: Duration::from_secs(120),
            most: 2048,
            answers_pings: true,
            message_time: Duration::from_secs(20),
            send_timeout: Duration::from_secs(10),
            queue: 16 << 20,
            queues: 256 << 20,
            takes_no_length: false,
            opens_none: false,
            matches_both_ends: false,
            accepts_aliases: false,
            tos: 0x10,
            keepalive: Some(SystemKeepalive::default()),
        }
    }
}

/// One `listen` entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// An address, a host name, or the name of an interface.
    pub host: String,
    /// The transport; one that names none listens on each.
    pub transport: Option<Transport>,
    /// The port.
    pub port: u16,
    /// Host and port to advertise.
    pub advertise: Option<(Bytes, Option<u16>)>,
    /// The socket's name.
    pub name: Option<Bytes>,
}

/// Timers and habits of transactions.
#[derive(Debug, Clone)]
pub struct TransactionSettings {
    /// `tm` was loaded.
    pub loaded: bool,
    /// First retransmission interval: `retr_timer1`.
    pub retr_timer1: Duration,
    /// Longest retransmission interval: `retr_timer2`.
    pub retr_timer2: Duration,
    /// No final reply, or no ACK: `fr_timer`.
    pub fr_timer: Duration,
    /// No final reply to an INVITE after a provisional one: `fr_inv_timer`.
    pub fr_inv_timer: Duration,
    /// How long a finished transaction absorbs: `wt_timer`.
    pub wt_timer: Duration,
    /// An INVITE transaction never lives longer: `max_inv_lifetime`.
    pub max_inv_lifetime: Duration,
    /// Any other transaction never lives longer: `max_noninv_lifetime`.
    pub max_noninv_lifetime: Duration,
    /// `fr_inv_timer` starts again with each provisional reply: `restart_fr_on_each_reply`.
    pub restart_fr_on_each_reply: bool,
    /// An INVITE is answered 100 at once: `auto_inv_100`.
    pub auto_inv_100: bool,
    /// The reason phrase of that 100: `auto_inv_100_reason`.
    pub auto_inv_100_reason: Bytes,
    /// A 100 of a callee is forwarded: `relay_100`.
    pub relay_100: bool,
    /// Challenges of several branches go back in one reply: `aggregate_challenges`.
    pub aggregate_challenges: bool,
    /// A 503 that wins goes back as 500: `remap_503_500`.
    pub remap_503_500: bool,
    /// A 6xx leaves the other branches alone: `disable_6xx_block`.
    pub disable_6xx_block: bool,
    /// Which outcomes no longer count after a failure_route: `failure_reply_mode`.
    pub failure_reply_mode: FailureReplyMode,
    /// What an outcome made here adds to its rank among the others: `faked_reply_prio`.
    pub faked_reply_prio: i64,
    /// What happens to a CANCEL without an INVITE: `unmatched_cancel`.
    pub unmatched_cancel: UnmatchedCancel,
    /// What a caller's CANCEL does to a branch without a reply: `cancel_b_method`.
    pub cancel_b_method: CancelSilent,
    /// CANCELs that follow from a reply say which in Reason (RFC 3326): `local_cancel_reason`.
    pub local_cancel_reason: bool,
    /// CANCELs that follow from the caller's have its Reason: `e2e_cancel_reason`.
    pub e2e_cancel_reason: bool,
    /// How the names of headers begin that CANCEL and ACK copy from the INVITE: `ac_extra_hdrs`. Empty for none.
    pub ac_extra_hdrs: Bytes,
    /// CANCEL and ACK are made from the INVITE as it was sent, not as it arrived: `reparse_invite`.
    pub reparse_invite: bool,
    /// Replies without a transaction run this onreply_route: `on_sl_reply`.
    pub on_sl_reply: Option<RouteId>,
    /// What a 3xx that a transaction sends tells of its contacts: `rich_redirect`.
    pub rich_redirect: RichRedirect,
    /// The `$avp` that holds the `fr_timer` of a transaction in seconds: `fr_timer_avp`.
    pub fr_timer_avp: Option<Bytes>,
    /// The `$avp` that holds its `fr_inv_timer` in seconds: `fr_inv_timer_avp`.
    pub fr_inv_timer_avp: Option<Bytes>,
    /// The caller of an INVITE that no callee replied to learns of it: `noisy_ctimer`.
    pub noisy_ctimer: bool,
    /// A branch that cannot be sent counts as one that does not answer: `failure_exec_mode`.
    pub failure_exec_mode: bool,
}

/// What a 3xx made here tells of its contacts beside their URIs: `rich_redirect` of `tm` and of `sl`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RichRedirect {
    /// Their branch flags.
    pub flags: bool,
    /// Their paths.
    pub paths: bool,
}

impl RichRedirect {
    /// From the value of the parameter: 1 for the flags, 2 for the paths, 3 for both.
    pub fn new(value: i64) -> RichRedirect {
        RichRedirect { flags: value & 1 != 0, paths: value & 2 != 0 }
    }
}

/// Which outcomes of branches no longer count once a failure_route has run: the values of `failure_reply_mode`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum FailureReplyMode {
    /// All count.
    Keep,
    /// None counts, even when the route adds no branch.
    Drop,
    /// The same for those since the last relay.
    DropLast,
    /// None counts when the route adds a branch.
    #[default]
    DropWhenAdding,
}

/// What a CANCEL does to a branch without a reply, which a CANCEL must not be sent on yet (RFC 3261 section 9.1): the values of
/// `cancel_b_method`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum CancelSilent {
    /// It ends at once, as if it had been answered 487.
    Answered,
    /// It goes on until a reply comes, or its time is over.
    #[default]
    Awaited,
    /// A CANCEL is sent all the same.
    Cancelled,
}

/// What happens to a CANCEL without an INVITE: the values of `unmatched_cancel`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum UnmatchedCancel {
    /// It is relayed in a transaction.
    #[default]
    Stateful,
    /// It is forwarded without one.
    Stateless,
    /// It goes nowhere.
    Dropped,
}

impl Default for TransactionSettings {
    fn default() -> TransactionSettings {
        TransactionSettings {
            loaded: false,
            retr_timer1: Duration::from_millis(500),
            retr_timer2: Duration::from_millis(4000),
            fr_timer: Duration::from_millis(30_000),
            fr_inv_timer: Duration::from_millis(120_000),
            wt_timer: Duration::from_millis(5000),
            max_inv_lifetime: Duration::from_millis(180_000),
            max_noninv_lifetime: Duration::from_millis(32_000),
            restart_fr_on_each_reply: true,
            auto_inv_100: true,
            auto_inv_100_reason: Bytes::from_static(b"trying -- your call is important to us"),
            relay_100: false,
            aggregate_challenges: true,
            remap_503_500: true,
            disable_6xx_block: false,
            failure_reply_mode: FailureReplyMode::default(),
            faked_reply_prio: 0,
            unmatched_cancel: UnmatchedCancel::default(),
            cancel_b_method: CancelSilent::default(),
            local_cancel_reason: true,
            e2e_cancel_reason: true,
            ac_extra_hdrs: Bytes::new(),
            reparse_invite: true,
            on_sl_reply: None,
            rich_redirect: RichRedirect::default(),
            fr_timer_avp: None,
            fr_inv_timer_avp: None,
            noisy_ctimer: true,
            failure_exec_mode: false,
        }
    }
}

/// One place where the server listens.
#[derive(Debug, Clone)]
pub struct Socket {
    /// Its transport.
    pub transport: Transport,
    /// The address it is bound to; the wildcard when it listens everywhere.
    pub address: SocketAddr,
    /// Host and port, when one is given, to write into Via and Record-Route instead: `listen ... advertise`.
    pub advertise: Option<(Bytes, Option<u16>)>,
    /// Its name.
    pub name: Option<Bytes>,
}

impl Socket {
    /// Host and port that it advertises: its own port when none is given.
    pub fn advertised(&self) -> Option<(&Bytes, u16)> {
        let (host, port) = self.advertise.as_ref()?;
        Some((host, port.unwrap_or(self.address.port())))
    }
}

/// Everything the server knows of its own addresses.
#[derive(Debug, Clone, Default)]
pub struct Sockets {
    /// Where it listens.
    pub list: Vec<Socket>,
    /// Addresses of the machine's interfaces with the length of their network prefix, for sockets bound to the wildcard.
    pub interfaces: Vec<(IpAddr, u8)>,
    /// The address that packets to far networks leave by.
    pub default_address: Option<IpAddr>,
    /// Whether the address that a datagram leaves by chooses the socket, and how it is found: `mhomed`.
    pub leaving: Leaving,
}

/// How the address is found that a datagram leaves by, where it chooses the socket.
#[derive(Debug, Clone, Copy, Default)]
pub enum Leaving {
    /// It chooses none.
    #[default]
    Unasked,
    /// By the networks of the interfaces.
    ByNetwork,
    /// The system is asked, which does not wait.
    BySystem(fn(IpAddr) -> Option<IpAddr>),
}

impl Sockets {
    /// The socket with this id.
    pub fn socket(&self, id: SocketId) -> Option<&Socket> {
        self.list.get(id.0 as usize)
    }

    /// The transport of a socket; UDP when there is none with this id.
    pub fn transport(&self, id: SocketId) -> Transport {
        self.socket(id).map_or(Transport::Udp, |socket| socket.transport)
    }

    /// The socket to send from towards `next` by a transport: the one asked for, or its sibling of that transport; else by UDP, with `mhomed`, the
    /// first that has the address which the system takes, or none; else the one the message came in on when it can reach `next` by datagrams; else,
    /// of those of that transport and address family, the first that is not loopback, or the last.
    pub fn towards(
        &self,
        transport: Transport,
        next: SocketAddr,
        wanted: Option<SocketId>,
        arrived: Option<SocketId>,
    ) -> Option<SocketId> {
        let serves = |socket: &Socket| socket.transport == transport && socket.address.is_ipv4() == next.is_ipv4();
        let fits = |id: &SocketId| self.socket(*id).is_some_and(serves);
        let find = |test: &dyn Fn(&Socket) -> bool| {
            self.list.iter().position(|socket| serves(socket) && test(socket)).map(|at| SocketId(at as u16))
        };
        let sibling = || {
            let wanted = self.socket(wanted?)?;
            find(&|socket| socket.address == wanted.address)
        };
        let default = || {
            let last = || self.list.iter().rposition(serves).map(|at| SocketId(at as u16));
            find(&|socket| !socket.address.ip().is_loopback()).or_else(last)
        };
        if let Some(asked) = wanted.filter(fits).or_else(sibling) {
            return Some(asked);
        }
        let own = if transport == Transport::Udp { self.leaving_by(next.ip()) } else { None };
        match own {
            Some(own) => find(&|socket| socket.address.ip() == own || socket.address.ip().is_unspecified()),
            None => arrived.filter(|_| !transport.is_reliable()).filter(fits).or_else(default),
        }
    }

    /// The address that a datagram to `next` leaves by, when it chooses the socket; the wildcard where nobody knows one.
    fn leaving_by(&self, next: IpAddr) -> Option<IpAddr> {
        let found = match self.leaving {
            Leaving::Unasked => return None,
            Leaving::ByNetwork => self.nearest(next),
            Leaving::BySystem(ask) => ask(next),
        };
        Some(found.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))
    }

    /// The address of the interface in the network of `next`, or the one that packets to far networks leave by.
    fn nearest(&self, next: IpAddr) -> Option<IpAddr> {
        let near = self.interfaces.iter().filter(|(own, prefix)| same_network(*own, next, *prefix));
        let nearest = near.max_by_key(|(_, prefix)| *prefix).map(|(own, _)| *own);
        nearest.or(self.default_address.filter(|own| own.is_ipv4() == next.is_ipv4()))
    }

    /// The address that a packet to `next` leaves by when sent from `id`.
    pub fn address_towards(&self, id: SocketId, next: IpAddr) -> IpAddr {
        let bound = self.socket(id).map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |socket| socket.address.ip());
        if !bound.is_unspecified() {
            return bound;
        }
        self.nearest(next).unwrap_or(bound)
    }

    /// The socket that takes packets to this address and port; no port, or no transport, matches any.
    pub fn listening_on(&self, transport: Option<Transport>, address: IpAddr, port: Option<u16>) -> Option<SocketId> {
        let at = self.list.iter().position(|socket| {
            if transport.is_some_and(|transport| transport != socket.transport) {
                return false;
            }
            let bound = socket.address.ip();
            let everywhere = || bound.is_unspecified() && self.interfaces.iter().any(|(own, _)| *own == address);
            port.is_none_or(|port| port == socket.address.port()) && (bound == address || everywhere())
        })?;
        Some(SocketId(at as u16))
    }
}

fn same_network(own: IpAddr, other: IpAddr, prefix: u8) -> bool {
    match (own, other) {
        (IpAddr::V4(own), IpAddr::V4(other)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix.min(32))).unwrap_or(0);
            own.to_bits() & mask == other.to_bits() & mask
        }
        (IpAddr::V6(own), IpAddr::V6(other)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix.min(128))).unwrap_or(0);
            own.to_bits() & mask == other.to_bits() & mask
        }
        _ => false,
    }
}
