//! Calls that wait for somebody else.

use crate::builtin::{Does, Whom};
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

/// Whom functions wait for, with what to use instead.
const WAITING: &[(&str, Whom, &str)] = &[
    ("a database", Whom::Database, "keep the answers in an htable"),
    ("a web server", Whom::WebServer, "use http_async_query() of http_async_client"),
    ("a command", Whom::Command, "hand it over with mqueue or evapi"),
    ("a directory", Whom::Directory, "keep the answers in an htable"),
    ("DNS", Whom::Names, "keep the answers in an htable"),
];

fn check(subject: &Subject, findings: &mut Findings) {
    for (name, whom, instead) in WAITING {
        // A REGISTER now and then is not each request; a call of a timer or an event holds up no message.
        let held = |site: &&Site| {
            let kinds =
                [RouteKind::Request, RouteKind::Reply, RouteKind::CoreReply, RouteKind::Failure, RouteKind::Branch];
            kinds.into_iter().any(|kind| site.find(kind, |_| true).is_some())
        };
        let sites = subject.flow().that(Does::Wait(*whom));
        let mut sites = sites.into_iter().filter(held);
        let Some(first) = sites.next() else { continue };
        let more = match sites.count() {
            0 => String::new(),
            1 => " (and at one more place)".to_owned(),
            count => format!(" (and at {count} more places)"),
        };
        let found = findings.add(format!("a worker of Kamailio waits for {name} here{more}"), first.call.span);
        found.add_note("it takes no other message meanwhile; alanui does");
        found.add_help(format!("for Kamailio, {instead}"));
    }
}
