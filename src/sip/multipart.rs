//! Bodies of several parts (RFC 2046 section 5.1).

use super::message::Message;
use super::parameters::Parameters;

/// What begins the lines between the parts, as Content-Type says: two hyphens and the boundary.
pub fn delimiter(message: &Message) -> Option<Vec<u8>> {
    let boundary = Parameters::new(message.content_type()?).lookup(b"boundary")??;
    let boundary = boundary.strip_prefix(b"\"").and_then(|inner| inner.strip_suffix(b"\"")).unwrap_or(boundary);
    (!boundary.is_empty()).then(|| [b"--", boundary].concat())
}

/// The body with each delimiter as it should be, the last one closing; what stands before the first and behind the last
/// goes. `None` when there are fewer than two.
pub(super) fn with_closing_delimiter(body: &[u8], delimiter: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(body.len() + 4);
    let (mut found, mut at_last) = (0, 0);
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(delimiter) {
            found += 1;
            at_last = out.len();
            out.extend_from_slice(delimiter);
            out.extend_from_slice(b"\r\n");
        } else if found > 0 {
            out.extend_from_slice(line);
        }
    }
    out.truncate(at_last);
    out.extend_from_slice(delimiter);
    out.extend_from_slice(b"--\r\n");
    (found >= 2).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_delimiter_closes() {
        for (body, made) in [
            ("--b\r\nx\r\n--b\r\n", Some("--b\r\nx\r\n--b--\r\n")),
            ("before\r\n--b\r\nx\r\n--b--\r\nbehind\r\n", Some("--b\r\nx\r\n--b--\r\n")),
            ("--b\r\nx\r\n--b--\r\ny\r\n--b\r\n", Some("--b\r\nx\r\n--b\r\ny\r\n--b--\r\n")),
            ("--b\r\nx\r\n", None),
            ("", None),
        ] {
            let found = with_closing_delimiter(body.as_bytes(), b"--b").map(|made| String::from_utf8(made).unwrap());
            assert_eq!(found.as_deref(), made, "{body:?}");
        }
    }
}
