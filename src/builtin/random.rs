//! Randomness as an argument: the system's behind `host`, repeatable in a simulation.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Where tags, branches, Call-IDs, cookies, keys of hashes and the choices of scripts come from.
#[derive(Clone, Debug)]
pub struct Random(Source);

#[derive(Clone, Debug)]
enum Source {
    /// ChaCha20 under a key from the system: who knows every output so far can tell neither the next one nor one before (RFC 8439 section 2).
    Secret(Box<ChaCha20Rng>),
    /// xorshift64*: whoever sees one output knows all of them.
    Repeatable(u64),
}

impl Random {
    /// A generator that nobody foresees who does not know the key.
    pub fn secret(key: [u8; 32]) -> Random {
        Random(Source::Secret(Box::new(ChaCha20Rng::from_seed(key))))
    }

    /// A generator whose whole future follows from `seed`, for simulations.
    pub const fn repeatable(seed: u64) -> Random {
        Random(Source::Repeatable(seed ^ 0x9e37_79b9_7f4a_7c15 | 1))
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        match &mut self.0 {
            Source::Secret(generator) => generator.next_u64(),
            Source::Repeatable(state) => {
                *state ^= *state >> 12;
                *state ^= *state << 25;
                *state ^= *state >> 27;
                state.wrapping_mul(0x2545_f491_4f6c_dd1d)
            }
        }
    }

    /// A number below `limit`; 0 when `limit` is 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(limit)) >> 64) as u64
    }

    /// Appends 16 hexadecimal digits.
    pub fn hex(&mut self, out: &mut Vec<u8>) {
        let bits = self.bits();
        out.extend((0..16).map(|place| b"0123456789abcdef"[(bits >> (4 * place)) as usize & 15]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key stream of ChaCha20 under a key of zeros (RFC 8439, appendix A.1, test vector 1).
    #[test]
    fn secrets_are_the_key_stream_of_chacha20() {
        let mut random = Random::secret([0; 32]);
        let stream: Vec<u8> = (0..4).flat_map(|_| random.bits().to_le_bytes()).collect();
        let expected = [
            0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90, 0x40, 0x5d, 0x6a, 0xe5, 0x53, 0x86, 0xbd, 0x28, 0xbd, 0xd2,
            0x19, 0xb8, 0xa0, 0x8d, 0xed, 0x1a, 0xa8, 0x36, 0xef, 0xcc, 0x8b, 0x77, 0x0d, 0xc7,
        ];
        assert_eq!(stream, expected);
    }

    #[test]
    fn a_seed_repeats_itself_and_keys_differ() {
        let draw = |mut random: Random| [random.bits(), random.bits(), random.below(1000)];
        assert_eq!(draw(Random::repeatable(7)), draw(Random::repeatable(7)));
        assert_ne!(draw(Random::secret([1; 32])), draw(Random::secret([2; 32])));
        assert_eq!(Random::secret([1; 32]).below(0), 0);
    }
}
