use std::io::Write;
use std::net::IpAddr;

/// Reads a whole decimal number, as Max-Forwards, Expires, Content-Length and CSeq carry (RFC 3261 section 25.1, DIGIT).
///
/// `None` when there is no digit, anything but digits, or more than `u32` holds. Blanks around it are the caller's to trim.
pub fn number(text: &[u8]) -> Option<u32> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u32, |sum, byte| match byte {
        b'0'..=b'9' => sum.checked_mul(10)?.checked_add(u32::from(byte - b'0')),
        _ => None,
    })
}

/// Reads a port: a decimal number up to 65535.
pub fn port(text: &[u8]) -> Option<u16> {
    number(text).and_then(|number| u16::try_from(number).ok())
}

/// Appends an address as it stands in `received` and the like: an IPv6 address without brackets. What the standard library formats costs ten times as much, and
/// each message forwarded holds several.
pub fn push_address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            for (at, octet) in address.octets().into_iter().enumerate() {
                if at > 0 {
                    out.push(b'.');
                }
                push_number(out, usize::from(octet));
            }
        }
        IpAddr::V6(address) => {
            // Writing to a Vec does not fail.
            let _ = write!(out, "{address}");
        }
    }
}

/// Appends `number` in decimal.
pub fn push_number(out: &mut Vec<u8>, number: usize) {
    let mut digits = [0u8; 20];
    let mut rest = number;
    let mut count = 0;
    for place in digits.iter_mut().rev() {
        // A remainder of ten fits a byte.
        *place = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
        count += 1;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(digits.len() - count..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_the_standard_library_does() {
        for text in ["0.0.0.0", "10.9.100.255", "192.0.2.1", "::1", "2001:db8::a:0:1", "::ffff:1.2.3.4"] {
            let (address, mut out): (IpAddr, _) = (text.parse().unwrap(), Vec::new());
            push_address(&mut out, address);
            assert_eq!(String::from_utf8(out).unwrap(), address.to_string());
        }
    }

    #[test]
    fn digits_only() {
        assert_eq!(number(b"0"), Some(0));
        assert_eq!(number(b"4294967295"), Some(u32::MAX));
        assert_eq!(number(b"4294967296"), None);
        assert_eq!(number(b"-1"), None);
        assert_eq!(number(b""), None);
        assert_eq!(number(b"12 "), None);
        assert_eq!(port(b"65536"), None);
    }

    #[test]
    fn pushes() {
        for value in [0, 7, 10, 65535, usize::MAX] {
            let mut out = Vec::new();
            push_number(&mut out, value);
            assert_eq!(out, value.to_string().into_bytes());
        }
    }
}
