//! How messages travel.

/// A transport that SIP knows (RFC 3261 section 18, RFC 4168, RFC 7118).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Transport {
    /// Datagrams.
    #[default]
    Udp,
    /// A connection that carries one message after the other.
    Tcp,
    /// The same, encrypted.
    Tls,
    /// Messages of one association.
    Sctp,
    /// WebSocket.
    Ws,
    /// WebSocket over TLS.
    Wss,
}

/// What others need to know of a transport.
struct Row {
    name: &'static str,
    in_via: &'static str,
    default_port: u16,
    is_reliable: bool,
    is_over_tcp: bool,
    is_secure: bool,
    is_word: bool,
    is_served: bool,
}

/// In the order of the variants.
const ROWS: [Row; Transport::ALL.len()] = {
    const UDP: Row = Row {
        name: "udp",
        in_via: "UDP",
        default_port: 5060,
        is_reliable: false,
        is_over_tcp: false,
        is_secure: false,
        is_word: true,
        is_served: true,
    };
    const TCP: Row = Row { name: "tcp", in_via: "TCP", is_reliable: true, is_over_tcp: true, ..UDP };
    const TLS: Row = Row { name: "tls", in_via: "TLS", default_port: 5061, is_secure: true, is_served: false, ..TCP };
    const SCTP: Row = Row { name: "sctp", in_via: "SCTP", is_reliable: true, is_served: false, ..UDP };
    const WS: Row = Row { name: "ws", in_via: "WS", default_port: 80, is_word: false, is_served: false, ..TCP };
    const WSS: Row = Row { name: "wss", in_via: "WSS", default_port: 443, is_secure: true, ..WS };
    [UDP, TCP, TLS, SCTP, WS, WSS]
};

impl Transport {
    /// All of them, by Kamailio's numbers.
    pub const ALL: [Transport; 6] =
        [Transport::Udp, Transport::Tcp, Transport::Tls, Transport::Sctp, Transport::Ws, Transport::Wss];

    const fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }

    /// The words that the grammar of configs has for transports: `UDP` and its like, then `udp` and its like.
    pub const WORDS: [&str; 2 * Transport::COUNT_OF_WORDS] = {
        let mut words = [""; 2 * Transport::COUNT_OF_WORDS];
        let (mut at, mut found) = (0, 0);
        while at < Transport::ALL.len() {
            if Transport::ALL[at].is_word() {
                words[found] = Transport::ALL[at].in_via();
                words[found + Transport::COUNT_OF_WORDS] = Transport::ALL[at].name();
                found += 1;
            }
            at += 1;
        }
        words
    };

    const COUNT_OF_WORDS: usize = {
        let (mut at, mut count) = (0, 0);
        while at < Transport::ALL.len() {
            count += Transport::ALL[at].is_word() as usize;
            at += 1;
        }
        count
    };

    /// The transport of this name, in any case, whether it is served or not.
    pub fn of(name: &[u8]) -> Option<Transport> {
        Transport::ALL.into_iter().find(|its| its.name().as_bytes().eq_ignore_ascii_case(name))
    }

    /// The transport of this name, in any case; `None` for one that is not served.
    pub fn served(name: &[u8]) -> Option<Transport> {
        Transport::of(name).filter(|its| its.is_served())
    }

    /// The transport of this number among Kamailio's.
    pub fn numbered(number: i64) -> Option<Transport> {
        Transport::ALL.into_iter().find(|its| its.number() == number)
    }

    /// Its name in URIs and sockets: `udp`.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// Its name in a Via: `UDP`.
    pub const fn in_via(self) -> &'static str {
        self.row().in_via
    }

    /// Its number among Kamailio's transports.
    pub const fn number(self) -> i64 {
        self as i64 + 1
    }

    /// The port where none is written (RFC 3261 section 18.1.1; RFC 7118 section 5 for WebSocket).
    pub const fn default_port(self) -> u16 {
        self.row().default_port
    }

    /// Whether what is sent arrives, or the sender learns that it does not: nothing is sent again (RFC 3261 section 17).
    pub const fn is_reliable(self) -> bool {
        self.row().is_reliable
    }

    /// Whether it uses connections of TCP.
    pub const fn is_over_tcp(self) -> bool {
        self.row().is_over_tcp
    }

    /// Whether nobody on the way can read what is sent.
    pub const fn is_secure(self) -> bool {
        self.row().is_secure
    }

    /// Whether the grammar of configs has a word for it.
    pub const fn is_word(self) -> bool {
        self.row().is_word
    }

    /// Whether this server has it.
    pub const fn is_served(self) -> bool {
        self.row().is_served
    }
}

impl std::fmt::Display for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_the_order_of_the_variants() {
        for (at, transport) in Transport::ALL.into_iter().enumerate() {
            assert_eq!(transport as usize, at);
            assert_eq!(transport.in_via().to_ascii_lowercase(), transport.name());
            assert_eq!(format!("{transport:?}").to_ascii_lowercase(), transport.name());
            assert_eq!(Transport::of(transport.in_via().as_bytes()), Some(transport));
            assert_eq!(Transport::numbered(transport.number()), Some(transport));
        }
        assert_eq!(Transport::WORDS, ["UDP", "TCP", "TLS", "SCTP", "udp", "tcp", "tls", "sctp"]);
        assert_eq!((Transport::numbered(0), Transport::of(b"udp6")), (None, None));
    }
}
