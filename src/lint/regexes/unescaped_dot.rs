//! Dots that match any character.

use super::patterns;
use crate::lint::expressions::variable;
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "regex-unescaped-dot",
    severity: Severity::Hint,
    finds: "A bare dot between the numbers of an address, or before the last part of a domain, in a pattern of =~.",
    why: "A dot matches any character: 10.0.0.1 also matches 10x0x0x1, and example.com matches example-com.attacker.org when the end is open. In a \
          source address only the dots between numbers are in doubt: 10.1.1 also matches 1011.",
    instead: "Write \\. or [.], or compare addresses with is_in_subnet of ipops.",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/ipops.html",
    check,
};

/// Last parts of domains that patterns name.
static ENDS: &[&str] = &["com", "net", "org", "local", "lan", "io", "de", "info", "biz", "eu"];

fn check(subject: &Subject, findings: &mut Findings) {
    for pattern in patterns(subject) {
        let text = pattern.text.as_bytes();
        let Some((start, end)) = address(text).or_else(|| domain(text)) else { continue };
        let part = pattern.text.get(start..end).unwrap_or_default();
        let span = subject.narrow(pattern.span, part.as_bytes());
        let found = findings.add(format!("a bare dot matches any character: {} too", part.replace('.', "x")), span);
        let of_source = pattern.left.and_then(variable).is_some_and(|left| left.name == "si");
        if of_source {
            found.add_help("write if (is_in_subnet(\"$si\", \"10.0.0.0/24\")), or src_ip == 10.0.0.0/24");
        } else {
            found.add_help(format!("write {}", part.replace('.', "\\.")));
        }
    }
}

/// Numbers with bare dots between: at least two of them.
fn address(text: &[u8]) -> Option<(usize, usize)> {
    let mut start = 0;
    while start < text.len() {
        let digit = |at: usize| text.get(at).is_some_and(u8::is_ascii_digit);
        if !digit(start) || start > 0 && (digit(start - 1) || matches!(text[start - 1], b'{' | b',' | b'-' | b'\\')) {
            start += 1;
            continue;
        }
        let (mut at, mut dots, mut end) = (start, 0, start);
        while digit(at) {
            while digit(at) {
                at += 1;
            }
            end = at;
            if text.get(at) != Some(&b'.') || matches!(text.get(at + 1), Some(b'*' | b'+' | b'?' | b'{')) {
                break;
            }
            at += 1;
            if digit(at) {
                dots += 1;
            }
        }
        if dots >= 2 {
            return Some((start, end));
        }
        start = end.max(start + 1);
    }
    None
}

/// A name, a bare dot, and the last part of a domain.
fn domain(text: &[u8]) -> Option<(usize, usize)> {
    for dot in memchr::memchr_iter(b'.', text) {
        let letters = text[dot + 1..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let end = dot + 1 + letters;
        let last = std::str::from_utf8(&text[dot + 1..end]).unwrap_or_default().to_ascii_lowercase();
        let label = text[..dot].iter().rev().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'-').count();
        if label >= 2 && ENDS.contains(&last.as_str()) {
            return Some((dot - label, end));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_dots_in_addresses_and_domains() {
        assert_eq!(address(b"^10.0.0."), Some((1, 7)));
        assert_eq!(address(br"^10\.0\.0\.1$"), None);
        assert_eq!(address(b"^1.5$"), None);
        assert_eq!(address(b"[0-9.]+"), None);
        assert_eq!(domain(b"@example.com$"), Some((1, 12)));
        assert_eq!(domain(br"@example\.com$"), None);
        assert_eq!(domain(b"^.*.com"), None);
    }
}
