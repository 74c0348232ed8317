//! Connections closed before the phone registers again.

use crate::builtin::{Does, parse_int};
use crate::config::ast::SettingValue;
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "tcp-lifetime-below-expires",
    severity: Severity::Warning,
    finds: "A tcp_connection_lifetime below the default_expires or max_expires of registrar.",
    why: "A phone behind NAT is reachable only over the connection it registered with. When that is closed for idleness before the phone registers \
          again, calls to it fail until then.",
    instead: "Set tcp_connection_lifetime a few seconds above the longest registration.",
    reference: "https://github.com/kamailio/kamailio/blob/master/etc/kamailio.cfg",
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    if subject.loaded("registrar").is_none() || !subject.script().anything(Does::Save) {
        return;
    }
    let Some(setting) = subject.settings("tcp_connection_lifetime").next_back() else { return };
    let Some(SettingValue::Int(lifetime, span)) = setting.values.first() else { return };
    let longest = ["default_expires", "max_expires"].into_iter().filter_map(|name| {
        let given = subject.param("registrar", name);
        let default = if name == "default_expires" { "3600" } else { "0" };
        let seconds = given.map_or_else(|| parse_int(default.as_bytes()), |given| given.int())?;
        Some((seconds, name, given.map(|given| given.span())))
    });
    // A limit on registrations counts, whatever the default is.
    let limit = subject.param("registrar", "max_expires").and_then(|given| given.int()).filter(|limit| *limit > 0);
    let Some((seconds, name, place)) = longest.max_by_key(|(seconds, ..)| *seconds) else { return };
    let seconds = seconds.min(limit.unwrap_or(i64::MAX));
    if *lifetime >= seconds || *lifetime <= 0 {
        return;
    }
    let found =
        findings.add(format!("connections are closed after {lifetime} s, registrations last {seconds} s"), *span);
    if let Some(place) = place {
        found.add_label(place, format!("{name} of registrar"));
    }
    found
        .add_note("a phone behind NAT cannot be called in between")
        .add_help(format!("write {} or more", seconds.saturating_add(5)));
}
