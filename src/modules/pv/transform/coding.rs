//! `s`: hexadecimal digits, base64, base58 and packed seven bits.

use super::{of_text, owned, plain};
use crate::builtin::{Transformation, Value};
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// The transformations.
pub(super) const ROWS: &[Transformation] = &[
    plain(
        "s",
        "encode.hexa",
        |_, value, _| of_text(value, |text| Some(owned(hex(text)))),
        "The bytes of the text in hexadecimal digits.",
    ),
    plain(
        "s",
        "decode.hexa",
        |_, value, _| of_text(value, |text| from_hex(text).map(owned)),
        "The text that hexadecimal digits stand for; undefined when there are others.",
    ),
    plain("s", "encode.base64", |_, value, _| encode(value, &PADDED), "The text in base64."),
    plain("s", "encode.base64t", |_, value, _| encode(value, &BARE), "The text in base64, without = at its end."),
    plain("s", "encode.base64url", |_, value, _| encode(value, &URL_PADDED), "The text in base64 for URLs."),
    plain(
        "s",
        "encode.base64urlt",
        |_, value, _| encode(value, &URL_BARE),
        "The text in base64 for URLs, without = at its end.",
    ),
    plain(
        "s",
        "decode.base64",
        |_, value, _| decode(value, &PADDED),
        "The text that base64 stands for; empty when it is none.",
    ),
    plain(
        "s",
        "decode.base64t",
        |_, value, _| decode(value, &BARE),
        "The text that base64 without = at its end stands for.",
    ),
    plain(
        "s",
        "decode.base64url",
        |_, value, _| decode(value, &URL_PADDED),
        "The text that base64 for URLs stands for.",
    ),
    plain(
        "s",
        "decode.base64urlt",
        |_, value, _| decode(value, &URL_BARE),
        "The text that base64 for URLs without = at its end stands for.",
    ),
    plain("s", "encode.base58", |_, value, _| of_text(value, |text| to_base58(text).map(owned)), "The text in base58."),
    plain(
        "s",
        "decode.base58",
        |_, value, _| of_text(value, |text| from_base58(text).map(owned)),
        "The text that base58 stands for.",
    ),
    plain(
        "s",
        "encode.7bit",
        |_, value, _| of_text(value, |text| Some(owned(hex(&pack(text)).to_ascii_uppercase()))),
        "The text packed in seven bits a letter, as short messages are, in hexadecimal digits.",
    ),
    plain(
        "s",
        "decode.7bit",
        |_, value, _| of_text(value, |text| from_hex(text).map(|bytes| owned(unpack(&bytes)))),
        "The text that letters of seven bits stand for.",
    ),
];

const fn engine(alphabet: &alphabet::Alphabet, padding: bool) -> GeneralPurpose {
    let config = GeneralPurposeConfig::new()
        .with_encode_padding(padding)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    GeneralPurpose::new(alphabet, config)
}

static PADDED: GeneralPurpose = engine(&alphabet::STANDARD, true);
static BARE: GeneralPurpose = engine(&alphabet::STANDARD, false);
static URL_PADDED: GeneralPurpose = engine(&alphabet::URL_SAFE, true);
static URL_BARE: GeneralPurpose = engine(&alphabet::URL_SAFE, false);

fn encode(value: Value, engine: &GeneralPurpose) -> Value {
    of_text(value, |text| Some(owned(engine.encode(text))))
}

fn decode(value: Value, engine: &GeneralPurpose) -> Value {
    of_text(value, |text| Some(owned(engine.decode(text).unwrap_or_default())))
}

/// Appends each byte as two hexadecimal digits.
pub(super) fn push_hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        out.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

/// The byte that two hexadecimal digits stand for.
pub(super) fn hex_byte(high: u8, low: u8) -> Option<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16).map(|digit| digit as u8);
    Some(digit(high)? << 4 | digit(low)?)
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() * 2);
    push_hex(bytes, &mut out);
    out
}

/// The bytes that pairs of digits stand for; a last single one is not read.
fn from_hex(text: &[u8]) -> Option<Vec<u8>> {
    text.chunks_exact(2).map(|pair| hex_byte(pair[0], pair[1])).collect()
}

/// Eight letters fill seven bytes, the first in the lowest bits.
fn pack(text: &[u8]) -> Vec<u8> {
    let (mut out, mut bits, mut count) = (Vec::with_capacity(text.len()), 0u32, 0);
    for byte in text {
        bits |= u32::from(byte & 0x7f) << count;
        count += 7;
        while count >= 8 {
            out.push(bits as u8);
            bits >>= 8;
            count -= 8;
        }
    }
    if count > 0 {
        out.push(bits as u8);
    }
    out
}

fn unpack(bytes: &[u8]) -> Vec<u8> {
    let (mut out, mut bits, mut count) = (Vec::with_capacity(bytes.len() + bytes.len() / 7), 0u32, 0);
    for byte in bytes {
        bits |= u32::from(*byte) << count;
        count += 8;
        while count >= 7 {
            out.push(bits as u8 & 0x7f);
            bits >>= 7;
            count -= 7;
        }
    }
    // What the last byte is filled up with is no letter.
    if out.last() == Some(&0) {
        out.pop();
    }
    out
}

const BASE58: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// The longest text in base58: every letter goes over all those before it.
const LONGEST_BASE58: usize = 8192;

fn to_base58(text: &[u8]) -> Option<Vec<u8>> {
    if text.len() > LONGEST_BASE58 {
        return None;
    }
    let zeros = text.iter().take_while(|byte| **byte == 0).count();
    let mut digits: Vec<u8> = Vec::new();
    for byte in text {
        let mut carry = u32::from(*byte);
        for digit in &mut digits {
            carry += u32::from(*digit) << 8;
            *digit = (carry % 58) as u8;
            carry /= 58;
        }
        while carry > 0 {
            digits.push((carry % 58) as u8);
            carry /= 58;
        }
    }
    let mut out = vec![b'1'; zeros];
    out.extend(digits.iter().rev().map(|digit| BASE58[usize::from(*digit)]));
    Some(out)
}

fn from_base58(text: &[u8]) -> Option<Vec<u8>> {
    if text.len() > LONGEST_BASE58 {
        return None;
    }
    let zeros = text.iter().take_while(|byte| **byte == b'1').count();
    let mut bytes: Vec<u8> = Vec::new();
    for letter in text {
        let mut carry = BASE58.iter().position(|known| known == letter)? as u32;
        for byte in &mut bytes {
            carry += u32::from(*byte) * 58;
            *byte = carry as u8;
            carry >>= 8;
        }
        while carry > 0 {
            bytes.push(carry as u8);
            carry >>= 8;
        }
    }
    bytes.extend(std::iter::repeat_n(0, zeros));
    bytes.reverse();
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn there_and_back() {
        check(&[
            ("s.encode.hexa", "alice", "616c696365"),
            ("s.decode.hexa", "48656c6c6f", "Hello"),
            ("s.decode.hexa", "alice", "<null>"),
            ("s.encode.base64", "Hello World", "SGVsbG8gV29ybGQ="),
            ("s.encode.base64t", "alice", "YWxpY2U"),
            ("s.encode.base64url", "alice", "YWxpY2U="),
            ("s.decode.base64", "SGVsbG8=", "Hello"),
            ("s.decode.base64t", "YWxpY2U", "alice"),
            ("s.decode.base64", "alice", ""),
            ("s.encode.base58", "alice", "BzWHaQU"),
            ("s.decode.base58", "BzWHaQU", "alice"),
            ("s.decode.base58", "0", "<null>"),
            ("s.encode.7bit", "alice", "61767A5C06"),
            ("s.decode.7bit", "61767A5C06", "alice"),
        ]);
    }
}
