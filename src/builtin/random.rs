//! Randomness as an argument: seeded by the host, repeatable in a test.

/// A small fast generator (xorshift64*): for tags, branches and load spreading, not for secrets.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator whose whole future follows from `seed`.
    pub const fn new(seed: u64) -> Random {
        Random(seed ^ 0x9e37_79b9_7f4a_7c15 | 1)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
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
