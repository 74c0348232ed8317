//! What ranges of addresses are for, in Kamailio's words (RFC 6890 and its kin).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The word for the first range that holds the address.
pub(super) fn of(address: IpAddr) -> &'static str {
    match address {
        IpAddr::V4(address) => {
            let inside = |(base, prefix, _): &&(Ipv4Addr, u32, _)| {
                let mask = u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
                address.to_bits() & mask == base.to_bits()
            };
            V4.iter().find(inside).map_or("PUBLIC", |(_, _, word)| word)
        }
        IpAddr::V6(address) => {
            let inside = |(base, prefix, _): &&(Ipv6Addr, u32, _)| {
                let mask = u128::MAX.checked_shl(128 - prefix).unwrap_or(0);
                address.to_bits() & mask == base.to_bits()
            };
            V6.iter().find(inside).map_or("RESERVED", |(_, _, word)| word)
        }
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u32, word: &'static str) -> (Ipv4Addr, u32, &'static str) {
    (Ipv4Addr::new(a, b, c, d), prefix, word)
}

/// Narrow ranges first; what is in none is `PUBLIC`.
static V4: &[(Ipv4Addr, u32, &str)] = &[
    v4(255, 255, 255, 255, 32, "BROADCAST"),
    v4(203, 0, 113, 0, 24, "TEST-NET"),
    v4(198, 51, 100, 0, 24, "TEST-NET"),
    v4(192, 88, 99, 0, 24, "6TO4-RELAY"),
    v4(192, 0, 2, 0, 24, "TEST-NET"),
    v4(192, 0, 0, 0, 24, "RESERVED"),
    v4(192, 168, 0, 0, 16, "PRIVATE"),
    v4(169, 254, 0, 0, 16, "LINK-LOCAL"),
    v4(198, 18, 0, 0, 15, "RESERVED"),
    v4(172, 16, 0, 0, 12, "PRIVATE"),
    v4(100, 64, 0, 0, 10, "SHARED"),
    v4(127, 0, 0, 0, 8, "LOOPBACK"),
    v4(10, 0, 0, 0, 8, "PRIVATE"),
    v4(0, 0, 0, 0, 8, "PRIVATE"),
    v4(240, 0, 0, 0, 4, "RESERVED"),
    v4(224, 0, 0, 0, 4, "MULTICAST"),
];

const fn v6(first: [u16; 2], prefix: u32, word: &'static str) -> (Ipv6Addr, u32, &'static str) {
    (Ipv6Addr::new(first[0], first[1], 0, 0, 0, 0, 0, 0), prefix, word)
}

/// Narrow ranges first; what is in none is `RESERVED`.
static V6: &[(Ipv6Addr, u32, &str)] = &[
    (Ipv6Addr::UNSPECIFIED, 128, "UNSPECIFIED"),
    (Ipv6Addr::LOCALHOST, 128, "LOOPBACK"),
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96, "IPV4MAP"),
    v6([0x0100, 0], 64, "DISCARD"),
    v6([0x2001, 2], 48, "BMWG"),
    v6([0x2001, 0], 32, "TEREDO"),
    v6([0x2001, 0xdb8], 32, "DOCUMENTATION"),
    v6([0x2001, 0x10], 28, "ORCHID"),
    v6([0x2002, 0], 16, "6TO4"),
    v6([0xfe80, 0], 10, "LINK-LOCAL-UNICAST"),
    v6([0xff00, 0], 8, "MULTICAST"),
    v6([0xfc00, 0], 7, "UNIQUE-LOCAL-UNICAST"),
    v6([0x2000, 0], 3, "GLOBAL-UNICAST"),
];
