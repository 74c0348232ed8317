//! How many processes serve how many sockets.

use super::{core_number, listeners};
use crate::lint::{Findings, Rule, Severity, Subject};
use crate::sip::Transport;

/// Few processes for connections.
pub(super) static TCP_CHILDREN: Rule = Rule {
    code: "tcp-children-too-few",
    severity: Severity::Performance,
    finds: "tcp_children of 2 or less with a TCP, TLS or WebSocket listener.",
    why: "All connections share these processes, and each handles one message at a time. When both wait for a database or a slow peer, the queue \
          fills (\"queue full\" in the log), and registrations run into their timeout.",
    instead: "Use at least as many as there are for UDP: 8 for a start.",
    reference: "https://github.com/kamailio/kamailio/issues/1933",
    check: tcp_children,
};

/// Processes by sockets.
pub(super) static MULTIPLY: Rule = Rule {
    code: "children-multiply",
    severity: Severity::Hint,
    finds: "children times the number of UDP listeners above 64.",
    why: "Each UDP socket gets that many processes of its own, each with its own private memory and its own database connections: the server may \
          hit the limit of the database before it serves a call.",
    instead: "Lower children, or give one listener its own number with socket_workers before it.",
    reference: "https://www.kamailio.org/wikidocs/cookbooks/devel/core/#children",
    check: multiply,
};

/// One process.
pub(super) static FORK_OFF: Rule = Rule {
    code: "fork-off-many-sockets",
    severity: Severity::Warning,
    finds: "fork=no with several listeners.",
    why: "Without forking there is one process, and it serves the first UDP socket only. The others are bound, and what comes in there is never read.",
    instead: "Leave fork at yes; for a foreground process start with -DD.",
    reference: "https://www.kamailio.org/wikidocs/cookbooks/devel/core/#fork",
    check: fork_off,
};

/// Names from addresses.
pub(super) static AUTO_ALIASES: Rule = Rule {
    code: "auto-aliases-dns",
    severity: Severity::Performance,
    finds: "auto_aliases=yes.",
    why: "At the start the server looks up the name of each of its addresses. When DNS is slow or away, each lookup waits for its timeout and the \
          server comes up late; and the name that a foreign zone gives becomes one of its own.",
    instead: "Set auto_aliases=no and write alias=... for the names that are meant.",
    reference: "https://www.kamailio.org/wikidocs/cookbooks/devel/core/#auto_aliases",
    check: auto_aliases,
};

/// More processes than this are worth a word.
const MANY: i64 = 64;

fn tcp_children(subject: &Subject, findings: &mut Findings) {
    let off = core_number(subject, "disable_tcp").is_some_and(|(number, _)| number != 0);
    let Some((number, span)) = core_number(subject, "tcp_children").filter(|(number, _)| (1..=2).contains(number))
    else {
        return;
    };
    let over_tcp = |(proto, span): (Option<Transport>, _)| Some((proto.filter(|its| its.is_over_tcp())?, span));
    let Some((proto, place)) = listeners(subject).into_iter().find_map(over_tcp).filter(|_| !off) else { return };
    let plural = if number == 1 { "one process" } else { "two processes" };
    findings
        .add(format!("{plural} for all connections"), span)
        .add_label(place, format!("{proto} listens here"))
        .add_help("write tcp_children=8");
}

fn multiply(subject: &Subject, findings: &mut Findings) {
    let Some((children, span)) = core_number(subject, "children") else { return };
    let own = ["socket_workers", "udp4_raw_children"].iter().any(|name| subject.settings(name).next().is_some());
    let sockets =
        listeners(subject).into_iter().filter(|(proto, _)| proto.unwrap_or_default() == Transport::Udp).count() as i64;
    let product = children.saturating_mul(sockets);
    if own || sockets < 2 || product <= MANY {
        return;
    }
    findings
        .add(format!("{children} children for each of {sockets} UDP sockets make {product} processes"), span)
        .add_note("each has its own private memory and its own database connections")
        .add_help(format!("write children={} for about {MANY} in all", (MANY / sockets).max(1)));
}

fn fork_off(subject: &Subject, findings: &mut Findings) {
    let Some((0, span)) = core_number(subject, "fork") else { return };
    let all = listeners(subject);
    let (Some(_), Some((_, second))) = (all.first(), all.get(1)) else { return };
    findings
        .add("without fork only the first listener is served", span)
        .add_label(*second, "nothing that comes in here is read")
        .add_help("write fork=yes, and start with -DD to stay in the foreground");
}

fn auto_aliases(subject: &Subject, findings: &mut Findings) {
    let Some((_, span)) = core_number(subject, "auto_aliases").filter(|(number, _)| *number != 0) else { return };
    findings
        .add("the names of all addresses are looked up at the start", span)
        .add_note("the start waits for DNS, and what it answers counts as a name of this server")
        .add_help("write auto_aliases=no and an alias=... for each name");
}
