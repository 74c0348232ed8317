//! `$var`: it belongs to a process, not to a message.

use crate::builtin::Extension;
use crate::config::ast::RouteKind;
use crate::lint::flow::Mark;
use crate::lint::script::Place;
use crate::lint::{Findings, Rule, Severity, Subject};
use crate::source::Span;

/// A value of another message.
pub(super) static SURVIVES: Rule = Rule {
    code: "var-survives-message",
    severity: Severity::Security,
    finds: "A $var that is read on a way on which this message never set it, while other ways set it.",
    why: "In Kamailio $var belongs to the worker and keeps its value from message to message. A way that skips the assignment routes one \
          customer's call with what the last one left there. alanui unsets it for each message; with --strict it is Kamailio's.",
    instead: "Set it at the top of the route, on every way; or use $vn, which can be tested for $null, after resetting it.",
    reference: "https://www.kamailio.org/wikidocs/cookbooks/devel/pseudovariables/",
    check: survives,
};

/// A value of another process.
pub(super) static OTHER_PROCESS: Rule = Rule {
    code: "var-expected-in-other-process",
    severity: Severity::Warning,
    finds: "A $var that is set while a request is routed, and read where a reply or failure is handled.",
    why: "Replies and failures are handled by whichever worker is free. The variable there is another one, with what that worker's last message \
          left in it.",
    instead: "Use $avp or $xavp, which travel with the transaction, or $dlg_var, which stays with the call.",
    reference: "https://www.kamailio.org/wikidocs/cookbooks/devel/pseudovariables/",
    check: other_process,
};

/// Whether the block runs later than the request, perhaps elsewhere.
fn runs_later(entry: RouteKind) -> bool {
    matches!(entry, RouteKind::Reply | RouteKind::CoreReply | RouteKind::Failure)
}

/// Where a variable is set in what the same process runs for the same message before a block of this kind: the unnamed reply block sees every
/// reply before the block that the transaction armed, and that one before a failure_route.
fn set_before(subject: &Subject, name: &str, entry: RouteKind) -> Option<Span> {
    let before: &[RouteKind] = match entry {
        RouteKind::Reply => &[RouteKind::CoreReply],
        RouteKind::Failure => &[RouteKind::Reply, RouteKind::CoreReply],
        _ => &[],
    };
    before.iter().find_map(|before| subject.flow().set_in(name, *before))
}

/// Whether a parameter names the variable: a module fills it in then.
fn is_of_module(subject: &Subject, name: &str) -> bool {
    let mut named = subject.script().mentions_of("var").filter(|mention| mention.place == Place::Param);
    named.any(|mention| mention.written.inner == Some(name))
}

fn survives(subject: &Subject, findings: &mut Findings) {
    let mut reported: Vec<(&str, Span)> = Vec::new();
    for broken in subject.flow().broken() {
        let Mark::Set(name) = broken.mark else { continue };
        let Some(set) = subject.flow().set_in(name, broken.entry) else { continue };
        // A block before may have set it.
        if set_before(subject, name, broken.entry).is_some() || is_of_module(subject, name) {
            continue;
        }
        if reported.contains(&(name, broken.place)) {
            continue;
        }
        reported.push((name, broken.place));
        let found = findings
            .add(format!("$var({name}) is read here on a way that did not set it for this message"), broken.place);
        found.add_label(set, "another way sets it");
        found.add_note("in Kamailio it holds what an earlier message left in this worker");
        if !subject.config.extensions.is_strict() {
            found.add_note(format!("alanui unsets it for each message ({})", Extension::VariablePerMessage.row().name));
        }
        found.add_help(format!("set $var({name}) on every way before"));
    }
}

fn other_process(subject: &Subject, findings: &mut Findings) {
    let mut reported: Vec<(&str, Span)> = Vec::new();
    for broken in subject.flow().broken().iter().filter(|broken| runs_later(broken.entry)) {
        let Mark::Set(name) = broken.mark else { continue };
        let flow = subject.flow();
        let is_own = flow.set_in(name, broken.entry).or_else(|| set_before(subject, name, broken.entry)).is_some();
        if is_own || is_of_module(subject, name) || reported.contains(&(name, broken.place)) {
            continue;
        }
        let Some(set) = flow.set_in(name, RouteKind::Request) else { continue };
        reported.push((name, broken.place));
        let kind = if broken.entry == RouteKind::Failure { "a failure" } else { "a reply" };
        let found =
            findings.add(format!("$var({name}) of the request is not seen where {kind} is handled"), broken.place);
        found.add_label(set, "set here, perhaps by another process");
        found.add_help(format!("use $avp({name}), which travels with the transaction"));
    }
}
