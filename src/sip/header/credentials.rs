//! The parameters of Authorization and its kin (RFC 3261 section 25.1: `dig-resp`, `auth-param`).

/// The value of a `name=value` among those that commas part, without the quotes around it. `text` begins behind the scheme; the name's case does not
/// matter.
pub fn auth_parameter<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut rest = text;
    while !rest.is_empty() {
        let mut quoted = false;
        let end = rest.iter().position(|byte| {
            quoted ^= *byte == b'"';
            *byte == b',' && !quoted
        });
        let (one, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after.get(1..).unwrap_or_default();
        let Some(equals) = memchr::memchr(b'=', one) else { continue };
        let (its, value) = (one.get(..equals)?.trim_ascii(), one.get(equals + 1..)?.trim_ascii());
        if its.eq_ignore_ascii_case(name) {
            return Some(value.strip_prefix(b"\"").and_then(|inner| inner.strip_suffix(b"\"")).unwrap_or(value));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_between_commas_outside_of_quotes() {
        let text = b" username=\"a,b@c\", realm = \"r\",nc=00000001 , qop=auth, last";
        assert_eq!(auth_parameter(text, b"username"), Some(&b"a,b@c"[..]));
        assert_eq!(auth_parameter(text, b"NC"), Some(&b"00000001"[..]));
        assert_eq!(auth_parameter(text, b"qop"), Some(&b"auth"[..]));
        assert_eq!(auth_parameter(text, b"nonce"), None);
        assert_eq!(auth_parameter(text, b"last"), None);
    }
}
