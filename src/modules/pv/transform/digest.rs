//! `s`: digests and hashes.

use super::{int_param, of_text, owned, plain, with};
use crate::builtin::{Context, Template, Transformation, Value, int_text};
use md5::{Digest, Md5};
use sha2::{Sha256, Sha384, Sha512};

/// The transformations.
pub(super) const ROWS: &[Transformation] = &[
    plain("s", "md5", |_, value, _| digest::<Md5>(value), "The MD5 digest of the text in hexadecimal digits."),
    plain(
        "s",
        "sha256",
        |_, value, _| digest::<Sha256>(value),
        "The SHA-256 digest of the text in hexadecimal digits.",
    ),
    plain(
        "s",
        "sha384",
        |_, value, _| digest::<Sha384>(value),
        "The SHA-384 digest of the text in hexadecimal digits.",
    ),
    plain(
        "s",
        "sha512",
        |_, value, _| digest::<Sha512>(value),
        "The SHA-512 digest of the text in hexadecimal digits.",
    ),
    plain(
        "s",
        "crc32",
        |_, value, _| of_text(value, |text| Some(Value::both(crc32(text).into()))),
        "The CRC-32 sum of the text.",
    ),
    with(
        "s",
        "corehash",
        (0, 1),
        corehash,
        "The hash that Kamailio's core makes of a text; with a parameter, a power of two, below that number.",
    ),
];

fn digest<D: Digest>(value: Value) -> Value {
    of_text(value, |text| {
        let mut out = Vec::with_capacity(128);
        super::coding::push_hex(&D::digest(text), &mut out);
        Some(owned(out))
    })
}

fn corehash(cx: &mut Context, value: Value, params: &[Template]) -> Value {
    let size = u32::try_from(int_param(cx, params, 0)).unwrap_or(0);
    of_text(value, |text| {
        let hash = core_hash(text);
        let hash = if size == 0 { hash } else { hash & (size - 1) };
        Some(Value::Both(hash.into(), int_text(hash.into())))
    })
}

/// Words of four bytes, mixed as Kamailio's `core_hash` does.
fn core_hash(text: &[u8]) -> u32 {
    let mut hash = 0u32;
    let mut mix = |word: u32| hash = hash.wrapping_add(word ^ (word >> 3));
    let words = text.chunks_exact(4);
    let rest = words.remainder();
    let word = |bytes: &[u8]| bytes.iter().fold(0u32, |word, byte| (word << 8).wrapping_add(*byte as i8 as u32));
    words.for_each(|bytes| mix(word(bytes)));
    mix(word(rest));
    hash.wrapping_add(hash >> 11).wrapping_add((hash >> 13).wrapping_add(hash >> 23))
}

fn crc32(text: &[u8]) -> u32 {
    let step = |sum: u32| if sum & 1 != 0 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 };
    !text.iter().fold(u32::MAX, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), |sum, _| step(sum)))
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn digests() {
        check(&[
            ("s.md5", "Hello World", "b10a8db164e0754105b7a99be72e3fe5"),
            ("s.sha256", "alice", "2bd806c97f0e00af1a1fc3328fa763a9269723c8db8fac4f93af71db186d6e90"),
            ("s.corehash", "Hello World", "2764307758"),
            ("s.corehash,16", "Hello World", "14"),
            ("s.corehash", "alice", "1834153949"),
            ("s.corehash,7", "alice", "4"),
            ("s.crc32", "123456789", "3421780262"),
        ]);
    }
}
