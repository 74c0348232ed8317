//! The hashes by which Kamailio spreads keys over slots.

/// `core_hash`: words of four bytes of each part in turn.
pub(super) fn core_hash(parts: &[&[u8]]) -> u32 {
    hash(parts, |byte| byte)
}

/// `core_case_hash`: the same, whatever the case.
pub(super) fn core_case_hash(parts: &[&[u8]]) -> u32 {
    hash(parts, |byte| byte.to_ascii_lowercase())
}

fn hash(parts: &[&[u8]], fold: fn(u8) -> u8) -> u32 {
    let word = |chunk: &[u8]| chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(fold(*byte)));
    let mut sum = 0u32;
    for part in parts {
        let (words, rest) = part.as_chunks::<4>();
        let words = words.iter().map(|chunk| word(chunk)).chain([word(rest)]);
        sum = words.fold(sum, |sum, word| sum.wrapping_add(word ^ word >> 3));
    }
    sum.wrapping_add(sum >> 11).wrapping_add((sum >> 13).wrapping_add(sum >> 23))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_kamailio_hashes() {
        for (key, expected) in [("k", 102), ("sx", 32041), (" sp", 2_392_784), ("X", 119)] {
            assert_eq!(core_case_hash(&[key.as_bytes()]), expected, "{key}");
        }
        assert_eq!(core_hash(&[b"Hello World"]), 2_764_307_758);
    }
}
