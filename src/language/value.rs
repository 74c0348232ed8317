//! What a script computes with: integers, byte strings, and nothing.

use bytes::Bytes;

/// A value of the script. Strings are bytes, for SIP and configs are not always UTF-8.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Value {
    /// Undefined: 0 as an integer, empty as a string, `<null>` when printed.
    #[default]
    Null,
    /// A `$var` that this message has not set, or set to nothing, under the extension that unsets it for each message: 0 wherever a value is needed, yet
    /// equal to `$null` and to the empty string.
    Unset,
    /// An integer.
    Int(i64),
    /// A string.
    Text(Bytes),
    /// An integer that also has a text form, as `$cs` or `$rp` have: text for `+`, an integer where one is needed.
    Both(i64, Bytes),
}

impl Value {
    /// A string that outlives everything.
    pub const fn text(text: &'static str) -> Value {
        Value::Text(Bytes::from_static(text.as_bytes()))
    }

    /// 1 or 0.
    pub const fn truth(yes: bool) -> Value {
        Value::Int(yes as i64)
    }

    /// Both forms of a number, as Kamailio keeps them for `$cs`, `$rp` and the like.
    pub fn both(number: i64) -> Value {
        Value::Both(number, int_text(number))
    }

    /// `Text` of the bytes, or `Null` when there are none.
    pub fn text_or_null(text: Option<Bytes>) -> Value {
        text.map_or(Value::Null, Value::Text)
    }

    /// Whether it is undefined.
    pub const fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// Whether it equals `$null`.
    pub const fn is_nothing(&self) -> bool {
        matches!(self, Value::Null | Value::Unset)
    }

    /// The integer: a string is read by [`parse_int`], and what is no number is 0.
    pub fn to_int(&self) -> i64 {
        match self {
            Value::Null | Value::Unset => 0,
            Value::Int(number) | Value::Both(number, _) => *number,
            Value::Text(text) => parse_int(text).unwrap_or(0),
        }
    }

    /// The string: undefined is empty.
    pub fn to_text(&self) -> Bytes {
        match self {
            Value::Null => Bytes::new(),
            Value::Unset => Bytes::from_static(b"0"),
            Value::Int(number) => int_text(*number),
            Value::Text(text) | Value::Both(_, text) => text.clone(),
        }
    }

    /// How many bytes its text has.
    pub fn size(&self) -> usize {
        match self {
            Value::Text(text) | Value::Both(_, text) => text.len(),
            Value::Null | Value::Unset | Value::Int(_) => 0,
        }
    }

    /// Appends the printed form, in which undefined is `<null>`.
    pub fn print(&self, out: &mut Vec<u8>) {
        match self {
            Value::Null => out.extend_from_slice(b"<null>"),
            Value::Unset => out.push(b'0'),
            Value::Int(number) => print_int(*number, out),
            Value::Text(text) | Value::Both(_, text) => out.extend_from_slice(text),
        }
    }
}

impl From<Bytes> for Value {
    fn from(text: Bytes) -> Value {
        Value::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Int(number)
    }
}

/// Kamailio's reading of a whole string as an integer: empty is 0, an optional sign and decimal digits of a 32-bit number, or `0x` and hex digits, of which
/// the last eight count; anything else is no number.
pub fn parse_int(text: &[u8]) -> Option<i64> {
    if text.is_empty() {
        return Some(0);
    }
    if let Some(digits) = text.strip_prefix(b"0x").or_else(|| text.strip_prefix(b"0X")) {
        let digit = |byte: u8| (byte as char).to_digit(16);
        let number = digits.iter().try_fold(0u32, |number, byte| Some(number << 4 | digit(*byte)?))?;
        return (!digits.is_empty()).then(|| i64::from(number as i32));
    }
    let (negative, digits) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digit = |number: i64, byte: &u8| number.checked_mul(10)?.checked_add(i64::from(byte - b'0'));
    let number = digits.iter().try_fold(0, digit)?;
    let number = if negative { -number } else { number };
    i32::try_from(number).is_ok().then_some(number)
}

/// The decimal digits of a number; small ones cost no allocation.
pub fn int_text(number: i64) -> Bytes {
    const DIGITS: &[u8] = b"0123456789";
    if let Ok(digit @ 0..=9) = usize::try_from(number) {
        return Bytes::from_static(&DIGITS[digit..digit + 1]);
    }
    let mut text = Vec::with_capacity(12);
    print_int(number, &mut text);
    Bytes::from(text)
}

/// Appends the decimal digits of a number.
pub fn print_int(number: i64, out: &mut Vec<u8>) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut rest = number.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_strings_only_are_numbers() {
        let cases: [(&[u8], Option<i64>); 9] = [
            (b"", Some(0)),
            (b"17", Some(17)),
            (b"-5", Some(-5)),
            (b"+5", Some(5)),
            (b"0x1f", Some(31)),
            (b" 5", None),
            (b"5 ", None),
            (b"5a", None),
            (b"-", None),
        ];
        for (text, number) in cases {
            assert_eq!(parse_int(text), number, "{text:?}");
        }
    }

    #[test]
    fn printing_takes_every_number() {
        for number in [0, 7, 10, -1, i64::MAX, i64::MIN] {
            assert_eq!(int_text(number), number.to_string().as_bytes());
        }
    }
}
