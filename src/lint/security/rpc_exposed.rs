//! Remote control for anybody.

use crate::config::ast::RouteKind;
use crate::lint::flow::Fact;
use crate::lint::{Findings, Rule, Severity, Subject};
use crate::sip::Transport;

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "rpc-exposed",
    severity: Severity::Security,
    finds: "Remote control that listens beyond this machine, or is served over HTTP without asking who calls.",
    why: "RPC commands need no password: whoever reaches the port reads every registration, moves calls, or stops the server.",
    instead: "Use a unix socket or 127.0.0.1; in event_route[xhttp:request] ask first: if (src_ip != 127.0.0.1) { ... exit; }",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/ctl.html",
    check,
};

/// Functions that run a command for whoever sent it.
const DISPATCHERS: [&str; 4] = ["jsonrpc_dispatch", "dispatch_rpc", "dispatch_xhttp_rpc", "dispatch_xhttp_pi"];

fn check(subject: &Subject, findings: &mut Findings) {
    for (module, name) in [("ctl", "binrpc"), ("ctl", "fifo"), ("jsonrpcs", "udp_socket"), ("jsonrpcs", "tcp_socket")] {
        for given in subject.params(module, name) {
            let Some(text) = given.text() else { continue };
            let value = String::from_utf8_lossy(&text.value);
            if is_open(&value) {
                let found = findings.add(format!("anybody who reaches {value} controls this server"), given.span());
                found.add_note("RPC commands need no password");
                found.add_help("use a unix socket, or 127.0.0.1");
            }
        }
    }
    for site in subject.flow().calls(&DISPATCHERS) {
        let blind = |state: &crate::lint::flow::State| state.is_not(Fact::SourceAsked) && state.is_not(Fact::Vetted);
        let entries = [RouteKind::Event, RouteKind::Request];
        if entries.into_iter().any(|entry| site.find(entry, blind).is_some()) && !asks_tls(subject) {
            let found = findings.add("commands are run here for whoever sends them", site.call.span);
            found.add_note("RPC commands need no password");
            found.add_help("ask first: if (src_ip != 127.0.0.1) { xhttp_reply(\"403\", \"Forbidden\", \"text/plain\", \"\"); exit; }");
        }
    }
}

/// `udp:*:3012`, `tcp:0.0.0.0:3012`, `10.0.0.1:3012`; a path of a socket is this machine's own.
fn is_open(value: &str) -> bool {
    let rest = match value.split_once(':') {
        Some((proto, rest)) if matches!(Transport::of(proto.as_bytes()), Some(Transport::Udp | Transport::Tcp)) => rest,
        Some(("unix" | "unixd" | "unixs" | "fifo", _)) => return false,
        _ if value.contains('/') => return false,
        _ => value,
    };
    let host = rest.rsplit_once(':').map_or(rest, |(host, _)| host).trim_matches(['[', ']']);
    !(host.starts_with("127.") || host == "localhost" || host == "::1" || host.is_empty())
}

/// Whether HTTP callers are asked for a password.
fn asks_tls(subject: &Subject) -> bool {
    subject.script().calls_any(&["pv_www_authenticate", "www_authenticate", "pv_www_authorize"])
        || subject.script().mentions_of("tls_peer_verified").any(|its| its.route.is_some())
}
