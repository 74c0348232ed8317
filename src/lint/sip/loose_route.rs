//! `loose_route()` for requests that it is not meant for, or without an end.

use crate::builtin::Does;
use crate::config::ast::RouteKind;
use crate::lint::flow::{Fact, Methods, State};
use crate::lint::{Findings, Rule, Severity, Subject};

/// A caller that brings its own routes.
pub(super) static PRELOADED: Rule = Rule {
    code: "preloaded-route-accepted",
    severity: Severity::Security,
    finds: "A request that need not stand in a dialog, relayed because loose_route() was true.",
    why: "Anybody can put Route headers into a first INVITE. loose_route() then takes the next hop from them, and the call goes where the sender \
          says, past authentication and past billing.",
    instead: "Ask for a dialog first: if (has_totag()) { if (loose_route()) ... }, and call remove_hf(\"Route\") for initial requests.",
    reference: "https://github.com/kamailio/kamailio/blob/master/etc/kamailio.cfg",
    check: preloaded,
};

/// A request that is relayed and then treated as a first one.
pub(super) static KEEPS_GOING: Rule = Rule {
    code: "loose-route-keeps-going",
    severity: Severity::Warning,
    finds: "A request that was relayed along its Route headers, and is then handled again.",
    why: "Relaying does not end the script. The BYE that was sent on is looked up, answered or sent on a second time.",
    instead: "Write exit; behind the relay in the branch of loose_route().",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/rr.html",
    check: keeps_going,
};

/// A dialog that only the sender speaks of.
pub(super) static UNGUARDED: Rule = Rule {
    code: "loose-route-anywhere",
    severity: Severity::Hint,
    finds: "A request with a To tag that is relayed along its Route to any address, where nothing asked for a dialog, its sender or its target.",
    why: "A To tag and a Route that names this server are easily written. Whoever sends both has requests relayed to any address, past authentication: \
          calls at the owner's cost where a carrier trusts this server, or packets at somebody else.",
    instead: "Ask for a dialog that is known (is_known_dlg() of dialog, or what an htable kept for $ci), for the sender (ds_is_from_list(), \
              allow_source_address()), or for a target of one's own.",
    reference: "RFC 3261 section 16.4",
    check: unguarded,
};

fn unguarded(subject: &Subject, findings: &mut Findings) {
    if subject.is_ims() {
        return;
    }
    let mut sites: Vec<_> = subject.flow().sites().filter(|site| site.does(Does::Relay)).collect();
    sites.sort_by_key(|site| site.call.span);
    let open = |state: &State| {
        let asked = !state.is_not(Fact::Vetted) || !state.is_not(Fact::Bound) || !state.is_not(Fact::DialogAsked);
        let within = state.is(Fact::ToTag) && !state.methods.within(Methods::ACK.or(Methods::CANCEL));
        state.is(Fact::LooseRouted) && within && !asked
    };
    // One relay serves all requests of dialogs, mostly; the first one says it.
    if let Some(site) = sites.into_iter().find(|site| site.find(RouteKind::Request, open).is_some()) {
        findings
            .add("whoever writes a To tag and a Route has requests relayed to any address here", site.call.span)
            .add_note("nothing on the way asks for a known dialog, the sender or the target")
            .add_help("ask is_known_dlg(), an htable with the Call-IDs of calls, or ds_is_from_list() before");
    }
}

fn preloaded(subject: &Subject, findings: &mut Findings) {
    if subject.is_ims() {
        return;
    }
    for site in subject.flow().sites().filter(|site| site.does(Does::Relay)) {
        let steered = |state: &State| {
            let initial = !state.is(Fact::ToTag) && !state.methods.within(Methods::ACK.or(Methods::CANCEL));
            let vouched = !state.is_not(Fact::Vetted) || !state.is_not(Fact::Bound) || state.is(Fact::RoutesRemoved);
            state.is(Fact::LooseRouted) && initial && !vouched
        };
        if site.find(RouteKind::Request, steered).is_some() {
            let found = findings.add("a first request goes here where its own Route header says", site.call.span);
            found.add_note("loose_route() was true, and nothing asked whether the request stands in a dialog");
            found.add_help("ask has_totag() before loose_route()");
        }
    }
}

fn keeps_going(subject: &Subject, findings: &mut Findings) {
    let mut reported = Vec::new();
    let mut sites: Vec<_> = subject.flow().sites().collect();
    sites.sort_by_key(|site| site.call.span);
    for site in sites {
        const HANDLES: &[Does] =
            &[Does::Choose, Does::Rewrite, Does::Relay, Does::Reply, Does::Save, Does::Authenticate];
        if !site.does.iter().any(|word| HANDLES.contains(word)) {
            continue;
        }
        let relayed = |state: &State| state.is(Fact::LooseRouted) && state.is(Fact::Relayed);
        let Some(state) = site.find(RouteKind::Request, relayed) else { continue };
        let first = state.place(Fact::Final);
        if first != site.call.span && !reported.contains(&first) {
            reported.push(first);
            let found =
                findings.add("a request that was relayed along its routes is handled again here", site.call.span);
            found.add_label(first, "relayed here, and the script goes on");
            found.add_help("write exit; behind the relay");
        }
    }
}
