//! Calls that wait for somebody else.

use crate::config::ast::RouteKind;
use crate::lint::flow::Site;
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "blocking-call-in-worker",
    severity: Severity::Performance,
    finds: "A query, HTTP request or command that a worker of Kamailio waits for while it routes a message.",
    why: "A worker handles one message at a time. With 8 of them and a database that takes 2 s to answer, 4 requests a second are all the server \
          does; the rest wait in the socket and are dropped. alanui puts the message aside meanwhile.",
    instead: "Keep what changes seldom in an htable, use sql_query_async and http_async_query, or put the request aside with t_suspend().",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/async.html",
    check,
};

/// Functions that wait, by what they wait for, with what to use instead.
const WAITING: &[(&str, &[&str], &str)] = &[
    (
        "a database",
        &["sql_query", "sql_xquery", "sql_pvquery", "avp_db_query", "avp_db_load"],
        "keep the answers in an htable",
    ),
    (
        "a web server",
        &[
            "http_client_query",
            "http_client_get",
            "http_client_post",
            "http_client_request",
            "http_connect",
            "http_query",
            "http_get_redirect",
        ],
        "use http_async_query() of http_async_client",
    ),
    ("a command", &["exec_msg", "exec_cmd", "exec_avp", "exec_dset"], "hand it over with mqueue or evapi"),
    ("a directory", &["ldap_search"], "keep the answers in an htable"),
    (
        "DNS",
        &["enum_query", "enum_pv_query", "dns_query", "dns_sys_match_ip", "srv_query", "naptr_query"],
        "keep the answers in an htable",
    ),
];

fn check(subject: &Subject, findings: &mut Findings) {
    for (whom, names, instead) in WAITING {
        // A REGISTER now and then is not each request; a call of a timer or an event holds up no message.
        let held = |site: &&Site| {
            let kinds =
                [RouteKind::Request, RouteKind::Reply, RouteKind::CoreReply, RouteKind::Failure, RouteKind::Branch];
            kinds.into_iter().any(|kind| site.find(kind, |_| true).is_some())
        };
        let sites = subject.flow().calls(names);
        let mut sites = sites.into_iter().filter(held);
        let Some(first) = sites.next() else { continue };
        let more = match sites.count() {
            0 => String::new(),
            1 => " (and at one more place)".to_owned(),
            count => format!(" (and at {count} more places)"),
        };
        let found = findings.add(format!("a worker of Kamailio waits for {whom} here{more}"), first.call.span);
        found.add_note("it takes no other message meanwhile; alanui does");
        found.add_help(format!("for Kamailio, {instead}"));
    }
}
