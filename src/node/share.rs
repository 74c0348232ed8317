//! Which worker a packet belongs to.

/// Which of `shares` workers a packet belongs to: by its Call-ID, so that the messages of a call meet one worker and keep their order. A packet
/// without one belongs to the first.
pub fn share_of(packet: &[u8], shares: usize) -> usize {
    if shares < 2 {
        return 0;
    }
    let Some(call_id) = call_id(packet) else { return 0 };
    // FNV-1a; peers gain nothing by choosing a worker.
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for byte in call_id {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    // The last bytes reach only the middle of the product; Call-IDs that are counted up differ in nothing else.
    hash = (hash ^ hash >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((u128::from(hash) * shares as u128) >> 64) as usize
}

/// The value of the Call-ID header, long or compact, without reading anything else.
pub fn call_id(packet: &[u8]) -> Option<&[u8]> {
    for at in memchr::memchr_iter(b'\n', packet) {
        let line = &packet[at + 1..];
        let rest = match line.first()? {
            b'C' | b'c' if line.len() > 7 && line[..7].eq_ignore_ascii_case(b"call-id") => &line[7..],
            b'I' | b'i' => &line[1..],
            b'\r' | b'\n' => return None,
            _ => continue,
        };
        let Some(value) = rest.trim_ascii_start().strip_prefix(b":") else { continue };
        let end = memchr::memchr2(b'\r', b'\n', value).unwrap_or(value.len());
        return Some(value[..end].trim_ascii());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_compact_forms_meet_the_same_worker() {
        let long = b"INVITE sip:a SIP/2.0\r\nVia: x\r\nCall-ID: abc@x\r\n\r\n";
        let compact = b"BYE sip:a SIP/2.0\r\ni:abc@x\r\nVia: x\r\n\r\n";
        assert_eq!(call_id(long), Some(&b"abc@x"[..]));
        assert_eq!(call_id(compact), Some(&b"abc@x"[..]));
        assert_eq!(share_of(long, 7), share_of(compact, 7));
        assert_eq!(share_of(b"garbage", 7), 0);
        assert_eq!(call_id(b"X\r\n\r\nCall-ID: body"), None);
    }
}
