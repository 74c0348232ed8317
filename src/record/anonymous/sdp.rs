//! Session descriptions (RFC 8866) without names.

use super::masks::Masks;

/// Attributes that carry keys, or what stands for them.
const SECRET_ATTRIBUTES: [&str; 6] = ["crypto", "key-mgmt", "fingerprint", "ice-ufrag", "ice-pwd", "zrtp-hash"];

/// The body without names, keys and texts.
pub(super) fn body(text: &str, masks: &mut Masks) -> String {
    let lines = text.lines().filter_map(|line| line_without_names(line, masks));
    lines.map(|line| format!("{line}\r\n")).collect()
}

fn line_without_names(line: &str, masks: &mut Masks) -> Option<String> {
    let (kind, value) = line.split_once('=')?;
    match kind {
        "o" => {
            let mut words = value.split(' ');
            let (_, _, version) = (words.next(), words.next(), words.next().unwrap_or("1"));
            let (net, family) = (words.next().unwrap_or("IN"), words.next().unwrap_or("IP4"));
            let version = version.parse().unwrap_or(1u64) % 1000;
            Some(format!("o=- 1 {version} {net} {family} {}", masks.host(words.next().unwrap_or("0.0.0.0"))))
        }
        "c" => {
            let (front, address) = value.rsplit_once(' ')?;
            let (address, ttl) = address.split_at(address.find('/').unwrap_or(address.len()));
            Some(format!("c={front} {}{ttl}", masks.host(address)))
        }
        "s" => Some("s=-".to_owned()),
        // People, links and keys.
        "i" | "u" | "e" | "p" | "k" => None,
        "a" => {
            let name = value.split(':').next().unwrap_or(value);
            (!SECRET_ATTRIBUTES.contains(&name)).then(|| format!("a={}", masks.value(value)))
        }
        _ => Some(line.to_owned()),
    }
}
