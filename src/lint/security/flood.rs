//! Too many requests: checked for everybody, or for nobody; and what a server tells of itself.

use crate::builtin::Does;
use crate::config::ast::{RouteKind, SettingValue};
use crate::lint::flow::Fact;
use crate::lint::sip::listens_beyond_loopback;
use crate::lint::{Findings, Rule, Severity, Subject};

/// A limit for friends too.
pub(super) static HITS_PEERS: Rule = Rule {
    code: "flood-check-hits-peers",
    severity: Severity::Warning,
    finds: "pike_check_req() for requests of every source.",
    why: "A carrier or media server sends the calls of thousands from one address and reaches the limit first: the check then shuts out those who \
          pay.",
    instead: "Exempt them: if (src_ip != myself && !allow_source_address(\"1\")) { if (!pike_check_req()) ... }",
    reference: "https://github.com/kamailio/kamailio/blob/master/etc/kamailio.cfg",
    check: hits_peers,
};

/// No limit at all.
pub(super) static MISSING: Rule = Rule {
    code: "flood-check-missing",
    severity: Severity::Hint,
    finds: "A server that listens to the network and limits no source.",
    why: "Scanners send hundreds of requests a second. Without a limit, here or in a firewall, they fill the log, the database and the workers.",
    instead: "Load pike and ban what exceeds it in an htable, or say in a comment which firewall does it.",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/pike.html",
    check: missing,
};

/// A name and version for everybody.
pub(super) static BANNER: Rule = Rule {
    code: "server-banner",
    severity: Severity::Hint,
    finds: "server_signature switched on.",
    why: "Each reply then tells which server and release answers, which saves an attacker the search for known faults.",
    instead: "server_signature=no",
    reference: "https://www.kamailio.org/wikidocs/cookbooks/devel/core/",
    check: banner,
};

fn hits_peers(subject: &Subject, findings: &mut Findings) {
    for site in subject.flow().calls(&["pike_check_req"]) {
        if site.find(RouteKind::Request, |state| state.is_not(Fact::SourceAsked)).is_some() {
            let found = findings.add("this limits carriers and own servers as well", site.call.span);
            found.add_help("exempt known sources: if (src_ip != myself && !allow_source_address(\"1\")) ...");
        }
    }
}

fn missing(subject: &Subject, findings: &mut Findings) {
    let limits = ["pike", "ratelimit", "pipelimit", "secfilter", "htable"];
    let limited = limits.iter().any(|module| subject.loaded(module).is_some());
    let serves = subject.script().calls_that_any(&[Does::Relay, Does::Save]).next();
    if limited || serves.is_none() || !listens_beyond_loopback(subject) {
        return;
    }
    let noted = subject.sources.files().any(|file| {
        let text = subject.sources.text(file).to_ascii_lowercase();
        ["firewall", "fail2ban", "iptables", "nftables"]
            .iter()
            .any(|word| memchr::memmem::find(&text, word.as_bytes()).is_some())
    });
    let Some(route) = subject.routes().find(|route| route.kind == RouteKind::Request && route.name.is_none()) else {
        return;
    };
    if !noted {
        let found = findings.add("nothing limits how many requests a source may send", route.head);
        found.add_help("load pike and ban what exceeds it, or say in a comment which firewall does it");
    }
}

fn banner(subject: &Subject, findings: &mut Findings) {
    for setting in subject.settings("server_signature") {
        if matches!(setting.values.first(), Some(SettingValue::Int(1, _))) {
            findings
                .add("every reply names this server and its release", setting.span)
                .add_help("write server_signature=no");
        }
    }
}
