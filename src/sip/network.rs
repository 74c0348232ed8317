//! Networks as configs write them.

use super::{number, parse_ip};
use std::net::IpAddr;

/// Whether `10.0.0.0/8`, `10.0.0.0/255.0.0.0` or a bare address holds the address.
pub fn network_contains(network: &[u8], address: IpAddr) -> bool {
    let Some((base, mask)) = parts(network) else { return false };
    match (base, address) {
        (IpAddr::V4(base), IpAddr::V4(address)) => (base.to_bits() ^ address.to_bits()) & (mask >> 96) as u32 == 0,
        (IpAddr::V6(base), IpAddr::V6(address)) => (base.to_bits() ^ address.to_bits()) & mask == 0,
        _ => false,
    }
}

/// Whether the text is an address or a network.
pub fn is_network(text: &[u8]) -> bool {
    parts(text).is_some()
}

/// The base address, and the mask in its highest bits.
fn parts(network: &[u8]) -> Option<(IpAddr, u128)> {
    let (base, mask) = match memchr::memchr(b'/', network) {
        Some(slash) => (&network[..slash], Some(&network[slash + 1..])),
        None => (network, None),
    };
    let base = parse_ip(base)?;
    Some((base, mask.map_or(Some(u128::MAX), |mask| mask_bits(mask, base))?))
}

/// A mask in its highest bits, from a prefix length or written as an address.
fn mask_bits(mask: &[u8], base: IpAddr) -> Option<u128> {
    match parse_ip(mask) {
        Some(IpAddr::V4(mask)) => Some(u128::from(mask.to_bits()) << 96),
        Some(IpAddr::V6(mask)) => Some(mask.to_bits()),
        None => {
            let most = if base.is_ipv4() { 32 } else { 128 };
            let length = number(mask).filter(|length| *length <= most)?;
            Some(u128::MAX.checked_shl(128 - length).unwrap_or(0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        let cases = [
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/255.0.0.0", "10.1.2.3", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.1.2.3", "10.1.2.3", true),
            ("0.0.0.0/0", "9.9.9.9", true),
            ("2001:db8::/32", "2001:db8::1", true),
            ("2001:db8::/32", "10.0.0.1", false),
            ("10.0.0.0/33", "10.0.0.0", false),
            ("localhost", "127.0.0.1", false),
        ];
        for (network, address, inside) in cases {
            assert_eq!(
                network_contains(network.as_bytes(), address.parse().unwrap()),
                inside,
                "{address} in {network}"
            );
        }
        assert!(is_network(b"10.0.0.0/8") && !is_network(b"10.0.0.0/33") && !is_network(b"10.0.0.300"));
    }
}
