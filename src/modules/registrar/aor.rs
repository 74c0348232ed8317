//! The address of record of a URI: the key of the location tables.

use super::Registrar;
use super::answer::Fault;
use crate::modules::usrloc::Usrloc;
use crate::sip::Uri;
use bytes::Bytes;

/// Kamailio's limits, in bytes.
const MOST: usize = 256;
const MOST_OF_USER: usize = 64;
const MOST_OF_DOMAIN: usize = 128;

/// The address of record: the user, with the domain when domains count, in small letters unless case counts.
pub(super) fn of(uri: &[u8], registrar: &Registrar, location: &Usrloc) -> Result<Bytes, Fault> {
    let uri = Uri::parse(uri).map_err(|_| Fault::BadAddress)?;
    let user = uri.user.unwrap_or_default();
    if user.len() + uri.host.len() + 1 > MOST || user.len() > MOST_OF_USER || uri.host.len() > MOST_OF_DOMAIN {
        return Err(Fault::LongAddress);
    }
    let mut aor = unescaped(user).ok_or(Fault::BadEscape)?;
    let user_length = aor.len();
    if location.use_domain {
        if user_length > 0 {
            aor.push(b'@');
        }
        let prefix = &registrar.realm_prefix;
        let stripped = uri.host.strip_prefix(&prefix[..]).filter(|rest| !prefix.is_empty() && !rest.is_empty());
        aor.extend_from_slice(stripped.unwrap_or(uri.host));
    }
    let lowered = if registrar.case_sensitive { user_length } else { 0 };
    if let Some(lowered) = aor.get_mut(lowered..) {
        lowered.make_ascii_lowercase();
    }
    Ok(Bytes::from(aor))
}

/// A user without its escapes (RFC 3261 section 19.1.2); `None` when one is bad, or stands for what is not printable.
fn unescaped(user: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(user.len() + 64);
    let mut rest = user;
    while let Some((first, behind)) = rest.split_first() {
        if *first != b'%' {
            out.push(*first);
            rest = behind;
            continue;
        }
        let (digits, behind) = behind.split_at_checked(2)?;
        let byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        out.push(Some(byte).filter(|byte| (32..127).contains(byte))?);
        rest = behind;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_read() {
        assert_eq!(unescaped(b"b%6fb"), Some(b"bob".to_vec()));
        for bad in ["b%6", "b%zz", "b%00", "b%ff"] {
            assert_eq!(unescaped(bad.as_bytes()), None, "{bad}");
        }
    }
}
