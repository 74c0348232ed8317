//! The q of a contact: how much it is preferred (RFC 3261 section 20.10), in thousandths.

use crate::builtin::print_int;

/// The most there is.
pub const MOST: u16 = 1000;

/// Reads a q as Kamailio does: `0.7`, `.7`, `1`, `1.0`; digits behind the fourth say nothing. `None` when it is none, or more than 1.
pub fn read(text: &[u8]) -> Option<u16> {
    let text = text.trim_ascii_start();
    let (whole, fraction) = match text.iter().position(|byte| *byte == b'.') {
        Some(point) => (text.get(..point)?, Some(text.get(point + 1..)?)),
        None => (text, None),
    };
    let zeros = whole.iter().take_while(|byte| **byte == b'0').count();
    let is_one = match whole.get(zeros..)? {
        b"" => false,
        b"1" => true,
        _ => return None,
    };
    let Some(fraction) = fraction else { return (!whole.is_empty()).then_some(if is_one { MOST } else { 0 }) };
    if fraction.is_empty() || !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    if is_one {
        return fraction.iter().all(|digit| *digit == b'0').then_some(MOST);
    }
    let digits = fraction.iter().take(3).zip([100, 10, 1]);
    Some(digits.map(|(digit, order)| u16::from(digit - b'0') * order).sum())
}

/// Writes a q as short as it can be: `0.7`, `1`, `0`.
pub fn push(q: u16, out: &mut Vec<u8>) {
    if q == 0 || q >= MOST {
        return out.push(if q == 0 { b'0' } else { b'1' });
    }
    out.extend_from_slice(b"0.");
    for order in [100, 10, 1] {
        out.push(b'0' + (q / order % 10) as u8);
        if q.is_multiple_of(order) {
            return;
        }
    }
}

/// The number that scripts and databases see; -1 for a contact without one.
pub fn number(q: Option<u16>) -> i64 {
    q.map_or(-1, i64::from)
}

/// A q as operators see it, `0.70`; -1 for a contact without one, which Kamailio shows as `-0.00`.
pub fn shown(q: Option<u16>) -> String {
    let mut out = Vec::new();
    match q {
        Some(q) => push(q, &mut out),
        None => print_int(-1, &mut out),
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes() {
        let cases: &[(&str, Option<u16>)] = &[
            ("0.7", Some(700)),
            (".75", Some(750)),
            ("0.1239", Some(123)),
            ("1", Some(1000)),
            ("01", Some(1000)),
            ("1.000", Some(1000)),
            ("0", Some(0)),
            (" 0.5", Some(500)),
            ("1.1", None),
            ("2", None),
            ("0.", None),
            ("", None),
            ("0.5x", None),
            ("high", None),
        ];
        for (text, q) in cases {
            assert_eq!(read(text.as_bytes()), *q, "{text}");
        }
        let written: Vec<String> = [0, 1, 50, 123, 500, 1000].map(|q| shown(Some(q))).into();
        assert_eq!(written, ["0", "0.001", "0.05", "0.123", "0.5", "1"]);
    }
}
