//! Work that is done for a CANCEL, or again for each retransmission.

use crate::builtin::Does;
use crate::config::ast::RouteKind;
use crate::lint::flow::{Fact, Methods, Site, State};
use crate::lint::{Findings, Rule, Severity, Subject};

/// A CANCEL that is routed anew.
pub(super) static RULE: Rule = Rule {
    code: "cancel-not-handled",
    severity: Severity::Warning,
    finds: "A lookup, dispatcher choice, query or authentication that a CANCEL goes through.",
    why: "A CANCEL belongs to its INVITE and must take the same way. Routed anew it may go to another gateway, be challenged, or be refused as \
          unknown, and the phone goes on ringing.",
    instead: "Handle it first: if (is_method(\"CANCEL\")) { if (t_check_trans()) t_relay(); exit; }",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/tm.html",
    check: cancel,
};

/// A query for each copy of a request.
pub(super) static RETRANSMISSION: Rule = Rule {
    code: "retransmission-not-absorbed",
    severity: Severity::Performance,
    finds: "A query or another request to the outside before anything asks whether the request is a retransmission.",
    why: "A caller that gets no answer within half a second repeats its request. Each copy asks the database again, which makes the answers \
          slower still: overload feeds itself.",
    instead: "Near the top: if (!is_method(\"ACK\")) { if (t_precheck_trans()) { t_check_trans(); exit; } t_check_trans(); }",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/tmx.html",
    check: retransmission,
};

/// Whether a function asks somebody outside.
fn asks_outside(does: &[Does]) -> bool {
    does.iter().any(|word| matches!(word, Does::Wait(_)))
}

/// Whether a function chooses for a first request.
fn chooses(does: &[Does]) -> bool {
    asks_outside(does) || does.contains(&Does::Choose) || does.contains(&Does::Authenticate)
}

fn first<'s, 'a>(
    subject: &'s Subject<'a>,
    wanted: impl Fn(&[Does]) -> bool,
    holds: impl Fn(&State) -> bool,
) -> Vec<&'s Site<'a>> {
    let sites = subject.flow().sites().filter(|site| wanted(site.does));
    let mut sites: Vec<_> = sites.filter(|site| site.find(RouteKind::Request, &holds).is_some()).collect();
    sites.sort_by_key(|site| site.call.span);
    sites
}

fn more(count: usize) -> String {
    match count {
        0 | 1 => String::new(),
        2 => " (and at one more place)".to_owned(),
        _ => format!(" (and at {} more places)", count - 1),
    }
}

fn cancel(subject: &Subject, findings: &mut Findings) {
    let routed = |state: &State| {
        let unhandled = state.is_not(Fact::TransactionLooked) && !state.is(Fact::ToTag) && !state.is(Fact::Final);
        state.methods.meets(Methods::CANCEL) && unhandled
    };
    let sites = first(subject, chooses, routed);
    let Some(site) = sites.first() else { return };
    let message = format!("a CANCEL is routed through {} like a new request{}", site.call.name.text, more(sites.len()));
    let found = findings.add(message, site.call.span);
    found.add_note("it may go elsewhere than its INVITE, which then rings on");
    found.add_help("before this, write if (is_method(\"CANCEL\")) { if (t_check_trans()) t_relay(); exit; }");
}

fn retransmission(subject: &Subject, findings: &mut Findings) {
    // What has no transactions, or only captures, absorbs nothing.
    if subject.loaded("tm").is_none() || subject.only_captures() {
        return;
    }
    let repeated = |state: &State| {
        state.is_not(Fact::TransactionLooked) && !state.methods.within(Methods::ACK.or(Methods::CANCEL))
    };
    let sites = first(subject, asks_outside, repeated);
    let Some(site) = sites.first() else { return };
    let message = format!("{} runs again for each retransmission{}", site.call.name.text, more(sites.len()));
    let found = findings.add(message, site.call.span);
    found.add_help("before this, write if (t_precheck_trans()) { t_check_trans(); exit; } t_check_trans();");
}
