//! Traces that go to a name.

use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "trace-target-is-hostname",
    severity: Severity::Performance,
    finds: "A target of siptrace that is given by name.",
    why: "The name is looked up for the copies of messages. When DNS is slow or gone, every worker waits for it, and the tracing stops the calls \
          that it should show.",
    instead: "Give the address: sip:192.0.2.10:9060.",
    reference: "https://github.com/kamailio/kamailio/issues/2081",
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    for given in subject.params("siptrace", "duplicate_uri") {
        let Some(text) = given.text() else { continue };
        let value = String::from_utf8_lossy(&text.value);
        let rest = value.split_once(':').map_or(&*value, |(_, rest)| rest);
        let rest = rest.split(';').next().unwrap_or_default();
        let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        let host = match rest.strip_prefix('[') {
            Some(inside) => inside.split(']').next().unwrap_or_default(),
            None => rest.split(':').next().unwrap_or_default(),
        };
        if !host.is_empty() && host.parse::<std::net::IpAddr>().is_err() {
            let found = findings.add(format!("{host} has to be looked up to send a trace"), given.span());
            found.add_help("give the address instead of the name");
        }
    }
}
