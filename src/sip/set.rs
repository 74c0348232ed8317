//! Sets of bytes, each asked in one step: what stands in hosts and tokens is looked at byte by byte.

/// A set of bytes.
pub(super) struct ByteSet([bool; 256]);

impl ByteSet {
    /// All bytes but blanks, control bytes and those of `others`.
    pub(super) const fn visible_without(others: &[u8]) -> ByteSet {
        let mut set = [false; 256];
        let mut byte = 0x21;
        while byte < 256 {
            set[byte] = byte != 0x7f;
            byte += 1;
        }
        let mut at = 0;
        while at < others.len() {
            set[others[at] as usize] = false;
            at += 1;
        }
        ByteSet(set)
    }

    /// Whether all of `text` is in it.
    pub(super) fn holds(&self, text: &[u8]) -> bool {
        text.iter().all(|byte| self.0[usize::from(*byte)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_it_was_made_of() {
        const SET: ByteSet = ByteSet::visible_without(b"<>");
        assert!(SET.holds(b"") && SET.holds(b"a_\x80\xff~!"));
        for bad in [b' ', b'\t', b'\n', 0, 0x1f, 0x7f, b'<', b'>'] {
            assert!(!SET.holds(&[b'a', bad]), "{bad}");
        }
    }
}
