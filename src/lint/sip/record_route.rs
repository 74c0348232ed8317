//! Record-Route where it is missing, useless or doubled.

use crate::builtin::Does;
use crate::config::ast::RouteKind;
use crate::lint::flow::{Fact, Methods, State};
use crate::lint::{Findings, Rule, Severity, Subject};

/// A dialog that goes past the proxy.
pub(super) static MISSING: Rule = Rule {
    code: "record-route-missing",
    severity: Severity::Warning,
    finds: "An INVITE that is relayed without record_route(), in a config that handles dialogs, media or accounting.",
    why: "Without Record-Route the BYE and every re-INVITE go from phone to phone and never come back here: media sessions stay open, calls are \
          billed without an end, in-dialog routes are dead code.",
    instead: "Call record_route() for INVITE (and SUBSCRIBE) before t_relay().",
    reference: "RFC 3261 section 16.6",
    check: missing,
};

/// Record-Route in a registration.
pub(super) static ON_REGISTER: Rule = Rule {
    code: "record-route-on-register",
    severity: Severity::Hint,
    finds: "record_route() on a way that a REGISTER takes.",
    why: "A REGISTER forms no dialog, so the header has no meaning in it; some registrars refuse it. What keeps a proxy on the way to a \
          registered phone is Path.",
    instead: "Ask first: if (is_method(\"INVITE|SUBSCRIBE\")) record_route(); for REGISTER use add_path().",
    reference: "RFC 3261 section 10.2, RFC 3327",
    check: on_register,
};

/// A second Record-Route.
pub(super) static TWICE: Rule = Rule {
    code: "record-route-twice",
    severity: Severity::Warning,
    finds: "record_route() that runs a second time for the same request.",
    why: "The second call fails with \"Double attempt to record-route\" in the log. In a condition that turns the way around.",
    instead: "Call it in one place.",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/rr.html",
    check: twice,
};

fn missing(subject: &Subject, findings: &mut Findings) {
    let script = subject.script();
    const CARES: &[Does] = &[Does::LooseRoute, Does::TrackDialog, Does::Account, Does::Media, Does::EndMedia];
    let cares = script.calls_that_any(CARES).next().is_some();
    // A branch_route may record for every branch, and topology hiding goes another way.
    let elsewhere = script.calls_that(Does::RecordRoute).any(|its| its.kind == RouteKind::Branch);
    if !cares
        || elsewhere
        || subject.is_ims()
        || ["topos", "topoh"].iter().any(|module| subject.loaded(module).is_some())
    {
        return;
    }
    for site in subject.flow().sites().filter(|site| site.does(Does::Relay)) {
        let bare = |state: &State| {
            state.methods.meets(Methods::INVITE)
                && !state.is(Fact::ToTag)
                && !state.is(Fact::LooseRouted)
                && state.is_not(Fact::Recorded)
        };
        if site.find(RouteKind::Request, bare).is_some() {
            let found = findings.add("an INVITE is relayed here without record_route()", site.call.span);
            found.add_note("the BYE and every re-INVITE of the call go past this server");
            found.add_help("call record_route() for INVITE before this");
        }
    }
}

fn on_register(subject: &Subject, findings: &mut Findings) {
    for site in subject.flow().that(Does::RecordRoute) {
        if site
            .find(RouteKind::Request, |state| state.methods.meets(Methods::REGISTER) && !state.is(Fact::ToTag))
            .is_some()
        {
            let found = findings.add("a REGISTER is record-routed here, which means nothing in it", site.call.span);
            found.add_help("write if (is_method(\"INVITE|SUBSCRIBE\")) record_route();");
        }
    }
}

fn twice(subject: &Subject, findings: &mut Findings) {
    for site in subject.flow().that(Does::RecordRoute) {
        let Some(state) = site.find(RouteKind::Request, |state| state.is(Fact::Recorded)) else { continue };
        let first = state.place(Fact::Recorded);
        if first != site.call.span {
            let found =
                findings.add("record_route() was called for this request before, so this fails", site.call.span);
            found.add_label(first, "called first here");
        }
    }
}
