//! Addresses tested by how their text begins.

use super::patterns;
use crate::builtin::Does;
use crate::config::ast::{BinaryOperator, Expression, ExpressionKind};
use crate::lint::expressions::variable;
use crate::lint::script::argument;
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "regex-source-ip-prefix",
    severity: Severity::Security,
    finds: "A source address tested by a pattern or a prefix that ends inside of a number.",
    why: "An address is text here: ^192.168.1 is also how 192.168.10.1 to 192.168.199.255 begin, and 10.0.0.1 without an end is how 10.0.0.100 \
          begins. Hosts get through, or get trusted, that nobody meant.",
    instead: "Compare networks: src_ip == 192.168.1.0/24, or is_in_subnet of ipops.",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/ipops.html",
    check,
};

fn is_source(left: &Expression) -> bool {
    match &left.kind {
        ExpressionKind::Word(word) => word == "src_ip",
        _ => variable(left).is_some_and(|left| left.name == "si" && left.rest.is_empty()),
    }
}

fn check(subject: &Subject, findings: &mut Findings) {
    for pattern in patterns(subject) {
        if !pattern.left.is_some_and(is_source) {
            continue;
        }
        for alternative in alternatives(&pattern.text) {
            let plain = alternative.replace("\\.", ".").replace("[.]", ".");
            if let Some(more) = goes_on(&plain) {
                let span = subject.narrow(pattern.span, alternative.as_bytes());
                tell(&plain, &more, span, findings);
            }
        }
    }
    let script = subject.script();
    for at in script.calls_that(Does::AskPrefix) {
        let is_source = argument(at.call, 0).is_some_and(|text| text == "$si");
        if let Some(prefix) = argument(at.call, 1).filter(|_| is_source)
            && let Some(more) = goes_on(&prefix)
        {
            tell(&prefix, &more, at.call.args[1].span, findings);
        }
    }
    for its in script.operations.iter().filter(|its| its.operator == BinaryOperator::Equal) {
        let (Some(left), ExpressionKind::Text(text)) = (variable(its.left), &its.right.kind) else { continue };
        let cut =
            left.name == "si" && left.transformations().next().is_some_and(|first| first.starts_with("s.substr,0,"));
        let text = String::from_utf8_lossy(text).into_owned();
        if let Some(more) = goes_on(&text).filter(|_| cut) {
            tell(&text, &more, its.right.span, findings);
        }
    }
}

fn tell(prefix: &str, more: &str, span: crate::source::Span, findings: &mut Findings) {
    let found = findings.add(format!("{more} begins with {prefix} too"), span);
    let mut parts: Vec<&str> = prefix.split('.').collect();
    let bits = parts.len().min(4) * 8;
    parts.resize(4, "0");
    let network = parts.join(".");
    found.add_help(if bits == 32 {
        format!("write src_ip == {network}, or end the pattern with $")
    } else {
        format!("write src_ip == {network}/{bits}, or end the pattern with \\.")
    });
}

/// What is anchored at the start, alternative by alternative, without the anchor.
fn alternatives(pattern: &str) -> Vec<&str> {
    let inner = pattern.strip_prefix("^(").and_then(|rest| rest.strip_suffix(')'));
    match inner {
        Some(inner) if !inner.contains(['(', ')']) => inner.split('|').collect(),
        _ if !pattern.contains(['(', ')']) => pattern.split('|').filter_map(|part| part.strip_prefix('^')).collect(),
        _ => Vec::new(),
    }
}

/// An address that begins with the text, but goes on inside of its last number.
fn goes_on(prefix: &str) -> Option<String> {
    let parts: Vec<&str> = prefix.split('.').collect();
    let numbers: Option<Vec<u16>> = parts.iter().map(|part| part.parse::<u16>().ok()).collect();
    let (mut numbers, true) = (numbers?, (2..=4).contains(&parts.len())) else { return None };
    let last = numbers.pop()?;
    if numbers.iter().any(|number| *number > 255) || last == 0 || last * 10 > 255 {
        return None;
    }
    let mut address: Vec<String> = numbers.iter().map(u16::to_string).collect();
    address.push((last * 10).to_string());
    while address.len() < 4 {
        address.push("1".to_owned());
    }
    Some(address.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_that_go_on() {
        assert_eq!(goes_on("192.168.1").as_deref(), Some("192.168.10.1"));
        assert_eq!(goes_on("10.0.0.1").as_deref(), Some("10.0.0.10"));
        assert_eq!(goes_on("192.168.1."), None);
        assert_eq!(goes_on("192.168"), None);
        assert_eq!(alternatives("^10.1|^172.16"), ["10.1", "172.16"]);
        assert_eq!(alternatives("^(10.1|172.16)"), ["10.1", "172.16"]);
        assert!(alternatives("10.1").is_empty());
    }
}
