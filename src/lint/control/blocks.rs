//! Blocks that never run.

use crate::builtin::{Does, event_fits};
use crate::catalogue::{self, Kind};
use crate::config::ast::{ExpressionKind, Item, ParamValue, Route, RouteKind};
use crate::config::nearest;
use crate::lint::flow::effect::literal;
use crate::lint::{Findings, Rule, Severity, Subject};
use rustc_hash::FxHashSet;

/// A failure_route and its like without arming.
pub(super) static NEVER_ARMED: Rule = Rule {
    code: "route-never-armed",
    severity: Severity::Warning,
    finds: "A failure_route, branch_route or named onreply_route that nothing arms.",
    why: "These blocks run only for a transaction on which t_on_failure, t_on_branch or t_on_reply named them. Without that it is dead code that \
          looks alive: failover that never happens, NAT that is never mended.",
    instead: "Arm it before t_relay(): t_on_failure(\"NAME\"), t_on_branch(\"NAME\"), t_on_reply(\"NAME\"); or take the block out.",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/tm.html",
    check: never_armed,
};

/// A route that nothing calls.
pub(super) static UNUSED: Rule = Rule {
    code: "route-unused",
    severity: Severity::Hint,
    finds: "A route block that nothing calls.",
    why: "It never runs. Often a call of it got lost in an edit, or its name is misspelt on one side.",
    instead: "Call it, or take it out.",
    reference: "https://www.kamailio.org/wikidocs/cookbooks/devel/core/",
    check: unused,
};

/// An event that never happens.
pub(super) static EVENT_UNKNOWN: Rule = Rule {
    code: "event-route-unknown",
    severity: Severity::Warning,
    finds: "An event_route of a name that no loaded module raises.",
    why: "Any name is accepted, so a slip in it is reported by nobody, and the block never runs.",
    instead: "Write the name as the documentation of the module has it, and load that module.",
    reference: "https://www.kamailio.org/wikidocs/cookbooks/devel/core/",
    check: event_unknown,
};

/// Whether the routes are written in another language.
fn foreign(subject: &Subject) -> bool {
    subject
        .config
        .tree
        .items
        .iter()
        .any(|item| matches!(item, Item::CfgEngine(text) if !text.value.starts_with(b"native")))
}

/// Every word of every constant argument and parameter: names that functions and parameters may call by.
fn words<'a>(subject: &Subject<'a>) -> FxHashSet<&'a str> {
    let mut words = FxHashSet::default();
    let mut add = |text: &'a [u8]| {
        let text = std::str::from_utf8(text).unwrap_or_default();
        words.insert(text);
        words.extend(text.split(|letter: char| !letter.is_ascii_alphanumeric() && !matches!(letter, '_' | '-' | ':')));
    };
    for its in &subject.script().calls {
        for arg in &its.call.args {
            match &arg.kind {
                ExpressionKind::Text(text) => add(text),
                ExpressionKind::Word(word) => add(word.as_bytes()),
                _ => {}
            }
        }
    }
    for given in subject.all_params() {
        if let ParamValue::Text(text) = &given.statement.value {
            add(&text.value);
        }
    }
    words
}

fn never_armed(subject: &Subject, findings: &mut Findings) {
    if foreign(subject) {
        return;
    }
    let names = words(subject);
    for route in subject.routes() {
        if !matches!(route.kind, RouteKind::Failure | RouteKind::Branch | RouteKind::Reply) {
            continue;
        }
        let word = route.kind.word();
        let Some(arming) = subject.config.registry.name_of(Does::Arm(route.kind)) else { continue };
        let arms = || subject.script().calls_that(Does::Arm(route.kind));
        let computed = |call: &crate::config::ast::Call| literal(call, 0).is_none_or(|name| name.contains('$'));
        if arms().any(|its| computed(its.call)) {
            continue;
        }
        let name = route.name.as_ref().map_or("0", |name| name.text.as_str());
        let armed = arms().any(|its| literal(its.call, 0).as_deref() == Some(name));
        // Parameters and other functions name routes too.
        if armed || (name != "0" && names.contains(name)) {
            continue;
        }
        let message = match &route.name {
            Some(name) => format!("nothing arms {word}[{}], so it never runs", name.text),
            None => format!("nothing arms this {word}, so it never runs"),
        };
        findings.add(message, route.head).add_help(match &route.name {
            Some(name) => format!("call {arming}(\"{}\") before t_relay()", name.text),
            None => format!("give it a name and arm it with {arming}(\"NAME\") before t_relay()"),
        });
    }
}

fn unused(subject: &Subject, findings: &mut Findings) {
    let computed = subject.script().calls_of("route").any(|its| literal(its.call, 0).is_none());
    if foreign(subject) || computed {
        return;
    }
    let names = words(subject);
    let is_called = |route: &Route, name: &str| {
        route.kind != RouteKind::Request
            || names.contains(name)
            || subject.script().calls_of("route").any(|its| literal(its.call, 0).as_deref() == Some(name))
    };
    for route in subject.routes() {
        let Some(name) = &route.name else { continue };
        if !is_called(route, &name.text) {
            findings.add(format!("nothing calls route[{}]", name.text), route.head);
        }
    }
}

fn event_unknown(subject: &Subject, findings: &mut Findings) {
    // What is missed may stand in a file that could not be read.
    if subject.config.tree.incomplete {
        return;
    }
    // These raise events whose names the config chooses.
    let chosen = ["evrexec", "rms", "nats", "erlang", "kazoo", "nsq", "uac", "sipdump"];
    if chosen.iter().any(|module| subject.loaded(module).is_some()) {
        return;
    }
    for route in subject.routes() {
        let (RouteKind::Event, Some(name)) = (route.kind, &route.name) else { continue };
        let raised = |known: &catalogue::Known| known.names(Kind::Event).any(|event| event_fits(event, &name.text));
        let owners: Vec<&str> =
            catalogue::modules().iter().filter(|known| raised(known)).map(|known| known.name).collect();
        if owners.iter().any(|owner| *owner == "core" || subject.loaded(owner).is_some()) {
            continue;
        }
        let found = findings.add(format!("no loaded module raises the event {}", name.text), route.head);
        found.add_note("the block never runs, and nothing says so at start");
        match owners.first() {
            Some(owner) => {
                _ = found.add_help(format!("it is raised by the module {owner}: add loadmodule \"{owner}.so\""))
            }
            None => {
                let prefix = name.text.split(':').next().unwrap_or_default();
                let its: Vec<&str> =
                    catalogue::module(prefix).into_iter().flat_map(|known| known.names(Kind::Event)).collect();
                let mut all = catalogue::modules().iter().flat_map(|known| known.names(Kind::Event));
                if let Some(near) = nearest(&name.text, &mut all) {
                    found.add_help(format!("did you mean {near}?"));
                }
                if !its.is_empty() {
                    found.add_note(format!("{prefix} raises {}", its.join(", ")));
                }
            }
        }
    }
}
