//! Networks whose addresses mean nothing outside.

use std::net::IpAddr;

/// RFC 1918, RFC 6598 and RFC 7335, with the prefix length of each; the last one counts only where reserved networks do.
const NETWORKS: [([u8; 4], u32); 6] = [
    ([10, 0, 0, 0], 8),
    ([172, 16, 0, 0], 12),
    ([192, 168, 0, 0], 16),
    ([100, 64, 0, 0], 10),
    ([192, 0, 0, 0], 29),
    ([192, 0, 0, 0], 24),
];

/// Whether an address lies in a private network; in a reserved one only when `reserved`. IPv6 has none.
pub(super) fn is_private(address: IpAddr, reserved: bool) -> bool {
    let IpAddr::V4(address) = address else { return false };
    let counted = NETWORKS.len() - usize::from(!reserved);
    let within = |(network, prefix): &([u8; 4], u32)| {
        let differing = address.to_bits() ^ u32::from_be_bytes(*network);
        differing.leading_zeros() >= *prefix
    };
    NETWORKS.iter().take(counted).any(within)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        let cases = [
            ("10.1.1.1", true, true),
            ("172.31.0.1", true, true),
            ("172.32.0.1", false, false),
            ("192.168.1.1", true, true),
            ("100.127.0.1", true, true),
            ("100.128.0.1", false, false),
            ("192.0.0.3", true, true),
            ("192.0.0.9", false, true),
            ("192.0.2.1", false, false),
            ("127.0.0.1", false, false),
            ("169.254.1.1", false, false),
            ("fd00::1", false, false),
        ];
        for (address, private, with_reserved) in cases {
            let address = address.parse().unwrap();
            assert_eq!((is_private(address, false), is_private(address, true)), (private, with_reserved), "{address}");
        }
    }
}
