//! Which worker a packet belongs to.

use crate::builtin::Random;
use crate::transaction::Seed;

/// The shares of a server's workers. Under a secret of theirs: a peer cannot choose the worker that all of his calls meet.
#[derive(Clone, Copy)]
pub struct Shares {
    seed: Seed,
    count: usize,
}

impl Shares {
    /// The shares of this many workers.
    pub fn new(count: usize, random: &mut Random) -> Shares {
        Shares { seed: Seed::new(random.bits(), random.bits()), count }
    }

    /// The worker that a packet belongs to: by its Call-ID, so that the messages of a call meet one worker and keep their order. A packet without
    /// one belongs to the first.
    pub fn of(&self, packet: &[u8]) -> usize {
        if self.count < 2 {
            return 0;
        }
        call_id(packet).map_or(0, |call_id| self.of_call(call_id))
    }

    /// The worker that a call belongs to.
    pub fn of_call(&self, call_id: &[u8]) -> usize {
        ((u128::from(self.seed.call(call_id)) * self.count as u128) >> 64) as usize
    }
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
        let shares = Shares::new(7, &mut Random::repeatable(1));
        assert_eq!(shares.of(long), shares.of(compact));
        assert_eq!(shares.of(b"garbage"), 0);
        assert_eq!(call_id(b"X\r\n\r\nCall-ID: body"), None);
    }
}
