//! Routes in two languages.

use crate::config::ast::{Item, Route, RouteKind};
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "code-after-cfgengine",
    severity: Severity::Warning,
    finds: "A request_route, reply_route or branch of routes in this file beside cfgengine of another language.",
    why: "With another engine Kamailio calls that language for each message. What the file says in its routes never runs, and looks as if it did.",
    instead: "Keep one of them: take cfgengine out, or the routes.",
    reference: "https://www.kamailio.org/wikidocs/devel/config-engines/",
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    let engine = subject.config.tree.items.iter().find_map(|item| match item {
        Item::CfgEngine(text) if !matches!(&*text.value, b"native" | b"default") => Some(text),
        _ => None,
    });
    let Some(engine) = engine else { return };
    let is_entry = |route: &&Route| {
        route.name.is_none() && matches!(route.kind, RouteKind::Request | RouteKind::CoreReply | RouteKind::Onsend)
    };
    for route in subject.routes().filter(is_entry) {
        let name = String::from_utf8_lossy(&engine.value).into_owned();
        findings
            .add("this block never runs", route.head)
            .add_label(engine.span, format!("messages go to {name}"))
            .add_help("take cfgengine out, or this block");
    }
}
