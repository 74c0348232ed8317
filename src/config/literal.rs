//! Values of string and number literals.

/// The bytes of a quoted literal, quotes included: escapes resolved between double quotes, none between single ones.
pub(super) fn string(literal: &[u8]) -> Vec<u8> {
    let quoted = literal.get(1..literal.len().saturating_sub(1)).unwrap_or(&[]);
    if literal.first() == Some(&b'"') { unescape(quoted) } else { quoted.to_vec() }
}

/// A double-quoted literal that reads back as `value`.
pub(super) fn quote(value: &[u8]) -> Vec<u8> {
    let mut literal = Vec::with_capacity(value.len() + 2);
    literal.push(b'"');
    for &byte in value {
        if matches!(byte, b'"' | b'\\') {
            literal.push(b'\\');
        }
        literal.push(byte);
    }
    literal.push(b'"');
    literal
}

/// The value of a number, or of the digits before something that is none. 32 bits that wrap.
pub(super) fn number(text: &[u8]) -> i64 {
    let (digits, base) = match text {
        [b'0', b'x', digits @ ..] => (digits, 16),
        [digits @ .., b'b'] => (digits, 2),
        [b'0', digits @ ..] => (digits, 8),
        digits => (digits, 10),
    };
    let value = digits.iter().filter_map(|&digit| (digit as char).to_digit(base));
    i64::from(value.fold(0u32, |sum, digit| sum.wrapping_mul(base).wrapping_add(digit)) as i32)
}

/// Whether this is a number as the language writes it: decimal, octal, `0x1f` or `101b`.
pub(super) fn is_number(text: &str) -> bool {
    let digits = |text: &str, base| !text.is_empty() && text.chars().all(|digit| digit.is_digit(base));
    match (text.strip_prefix("0x"), text.strip_suffix('b'), text.strip_prefix('0')) {
        (Some(rest), ..) => digits(rest, 16),
        (_, Some(rest), _) => digits(rest, 2),
        (.., Some(rest)) => rest.is_empty() || digits(rest, 8),
        _ => digits(text, 10),
    }
}

/// Words that are numbers wherever they stand.
pub(super) fn number_word(word: &[u8]) -> Option<i64> {
    match word {
        b"yes" | b"true" | b"on" | b"enable" => Some(1),
        b"no" | b"false" | b"off" | b"disable" => Some(0),
        b"inet" | b"INET" | b"ipv4" | b"IPv4" | b"IPV4" => Some(2),
        b"inet6" | b"INET6" | b"ipv6" | b"IPv6" | b"IPV6" => Some(10),
        _ => None,
    }
}

/// The text of a token that is written with blanks between its parts.
pub(super) fn without_blanks(text: &str) -> String {
    text.replace(is_blank, "")
}

fn is_blank(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\r' | '\n' | '\x08' | '\\')
}

/// The path of a select as it is written without blanks: names in brackets stand between double quotes, and those that follow each other are one.
pub(super) fn select(path: &str) -> String {
    let mut plain = String::with_capacity(path.len());
    let mut rest = path;
    let mut ended = false;
    while let Some(letter) = rest.chars().next() {
        let behind = rest.get(letter.len_utf8()..).unwrap_or_default();
        rest = behind;
        if is_blank(letter) {
            continue;
        }
        let name = matches!(letter, '"' | '\'').then(|| behind.split_once(letter)).flatten();
        let Some((name, behind)) = name else {
            plain.push(letter);
            ended = false;
            continue;
        };
        if ended && letter == '"' {
            plain.pop();
        } else {
            plain.push('"');
        }
        plain.push_str(name);
        plain.push('"');
        ended = letter == '"';
        rest = behind;
    }
    plain
}

/// Resolves the escapes of a double-quoted string. A backslash that begins none stays, with what follows it.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let (bytes, length): (&[u8], usize) = match (byte, text.get(at + 1)) {
            (b'\\', Some(b'n')) => (b"\n", 2),
            (b'\\', Some(b'r')) => (b"\r", 2),
            (b'\\', Some(b'a')) => (b"\x07", 2),
            (b'\\', Some(b't')) => (b"\t", 2),
            (b'\\', Some(b'"')) => (b"\"", 2),
            (b'\\', Some(b'\\')) => (b"\\", 2),
            (b'\\', Some(b'\n')) => (b"", 2),
            (b'\\', Some(b'\r')) if text.get(at + 2) == Some(&b'\n') => (b"", 3),
            (b'\\', Some(b'x')) => match digits(&text[at + 2..], 16, 2) {
                (_, 0) => (b"\\x", 2),
                (code, count) => {
                    value.push(code);
                    (b"", 2 + count)
                }
            },
            (b'\\', Some(_)) => match digits(&text[at + 1..], 8, 3) {
                (_, 0 | 1) => (&text[at..at + 2], 2),
                (code, count) => {
                    value.push(code);
                    (b"", 1 + count)
                }
            },
            _ => (&text[at..=at], 1),
        };
        value.extend_from_slice(bytes);
        at += length;
    }
    value
}

/// The value of up to `most` digits and how many there are.
fn digits(text: &[u8], base: u32, most: usize) -> (u8, usize) {
    let values = text.iter().take(most).map_while(|&byte| (byte as char).to_digit(base));
    values.fold((0u8, 0), |(code, count), digit| (code.wrapping_mul(base as u8).wrapping_add(digit as u8), count + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes() {
        assert_eq!(string(br#""a\n\t\"\\""#), b"a\n\t\"\\");
        assert_eq!(string(br#""\d\1\x4a\x4\101\12""#), b"\\d\\1J\x04A\n");
        assert_eq!(string(br"'\n'"), br"\n");
        assert_eq!(string(b"\"a\\\nb\""), b"ab");
        assert_eq!(string(&quote(br#"a\d"b"#)), br#"a\d"b"#);
    }

    #[test]
    fn selects() {
        let cases = [
            ("via [ 1 ] . host", "via[1].host"),
            (r#"x["a" "b c"]"#, r#"x["ab c"]"#),
            ("x[ 'a' ]", r#"x["a"]"#),
            (r#"x["a" 'b']"#, r#"x["a""b"]"#),
            (r#"x["a]"#, r#"x["a]"#),
        ];
        for (written, plain) in cases {
            assert_eq!(select(written), plain);
        }
    }

    #[test]
    fn numbers() {
        assert_eq!(number(b"0x1F"), 31);
        assert_eq!(number(b"101b"), 5);
        assert_eq!(number(b"010"), 8);
        assert_eq!(number(b"0"), 0);
        assert_eq!(number(b"2147483648"), -2147483648);
        for text in ["0", "5060", "0x13c4", "010", "101b"] {
            assert!(is_number(text), "{text}");
        }
        for text in ["", "0x", "b", "09", "12b", "1a", "-1"] {
            assert!(!is_number(text), "{text}");
        }
    }
}
