//! `s`: digests and hashes.

use super::{ANY, checked, int_param, of_text, owned, plain, with};
use crate::builtin::{Context, LogLevel, Template, Transformation, Value, int_text};
use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};
use sha3::{Keccak256, Keccak384, Keccak512, Sha3_256, Sha3_384, Sha3_512};

/// The transformations.
pub(super) const ROWS: &[Transformation] = &[
    plain("s", "md5", |_, value, _| digest::<Md5>(value), "The MD5 digest of the text in hexadecimal digits."),
    plain("s", "sha1", |_, value, _| digest::<Sha1>(value), "The SHA-1 digest of the text in hexadecimal digits."),
    with(
        "s",
        "sha3",
        (0, 1),
        |cx, value, params| match bits(cx, params) {
            256 => digest::<Sha3_256>(value),
            384 => digest::<Sha3_384>(value),
            512 => digest::<Sha3_512>(value),
            _ => Value::Null,
        },
        "The SHA-3 digest of the text in hexadecimal digits; 256, 384 or 512 bits, 256 when not said.",
    ),
    with(
        "s",
        "keccak",
        (0, 1),
        |cx, value, params| match bits(cx, params) {
            256 => digest::<Keccak256>(value),
            384 => digest::<Keccak384>(value),
            512 => digest::<Keccak512>(value),
            _ => Value::Null,
        },
        "The Keccak digest of the text, as it was before SHA-3 was made of it, in hexadecimal digits; 256, 384 or 512 bits, 256 when not said.",
    ),
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
    checked(
        with(
            "s",
            "corehash",
            (0, 1),
            corehash,
            "The hash that Kamailio's core makes of a text; with a parameter, a power of two, below that number.",
        ),
        &[(0, ANY)],
    ),
];

/// How long a digest is wanted.
fn bits(cx: &mut Context, params: &[Template]) -> i64 {
    if params.is_empty() {
        return 256;
    }
    let wanted = int_param(cx, params, 0);
    if !matches!(wanted, 256 | 384 | 512) {
        cx.log(LogLevel::Error, format!("there is no digest of {wanted} bits"));
    }
    wanted
}

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
            ("s.sha1", "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            ("s.sha3", "abc", "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"),
            (
                "s.sha3,512",
                "",
                "a69f73cca23a9ac5c8b567dc185a756e97c982164fe25859e0d1dcc1475c80a615b2123af1f5f94c11e3e9402c3ac558f500199d95b6d3e301758586281dcd26",
            ),
            ("s.keccak", "", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
            ("s.keccak,128", "abc", "<null>"),
            ("s.sha256", "alice", "2bd806c97f0e00af1a1fc3328fa763a9269723c8db8fac4f93af71db186d6e90"),
            ("s.corehash", "Hello World", "2764307758"),
            ("s.corehash,16", "Hello World", "14"),
            ("s.corehash", "alice", "1834153949"),
            ("s.corehash,7", "alice", "4"),
            ("s.crc32", "123456789", "3421780262"),
        ]);
    }
}
