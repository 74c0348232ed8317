//! How messages travel.

/// A transport that is served (RFC 3261 section 18).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Transport {
    /// Datagrams.
    #[default]
    Udp,
    /// A connection that carries one message after the other.
    Tcp,
}

impl Transport {
    /// All of them.
    pub const ALL: [Transport; 2] = [Transport::Udp, Transport::Tcp];

    /// The transport of this name, in any case; `None` for one that is not served.
    pub fn of(name: &[u8]) -> Option<Transport> {
        Transport::ALL.into_iter().find(|its| its.name().as_bytes().eq_ignore_ascii_case(name))
    }

    /// Its name in URIs and sockets: `udp`.
    pub const fn name(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
        }
    }

    /// Its name in a Via: `UDP`.
    pub const fn in_via(self) -> &'static str {
        match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
        }
    }

    /// Its number among Kamailio's transports.
    pub const fn number(self) -> i64 {
        match self {
            Transport::Udp => 1,
            Transport::Tcp => 2,
        }
    }

    /// Whether what is sent arrives, or the sender learns that it does not: nothing is sent again (RFC 3261 section 17).
    pub const fn is_reliable(self) -> bool {
        matches!(self, Transport::Tcp)
    }
}

impl std::fmt::Display for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
