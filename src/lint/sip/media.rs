//! Media relays: told twice, always the same, or never told the end.

use crate::builtin::Does;
use crate::config::ast::RouteKind;
use crate::lint::flow::Fact;
use crate::lint::flow::effect::literal;
use crate::lint::{Findings, Rule, Severity, Subject};

/// One direction for both sides.
pub(super) static DIRECTION_FIXED: Rule = Rule {
    code: "rtp-direction-fixed",
    severity: Severity::Warning,
    finds: "Bridging flags of rtpproxy that are the same literal wherever media is handled.",
    why: "ie means: came from the inner network, goes to the outer. For a call from outside it is the wrong way round, and each side is told the \
          address of its own network: one hears nothing.",
    instead: "Choose by the socket the message came in by: if ($Ri == \"10.0.0.1\") rtpproxy_manage(\"ie\"); else rtpproxy_manage(\"ei\");",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/rtpproxy.html",
    check: direction_fixed,
};

/// Media told twice.
pub(super) static TWICE: Rule = Rule {
    code: "rtp-managed-twice",
    severity: Severity::Warning,
    finds: "A media relay that is told about the same message twice.",
    why: "Both calls change the same bytes of the SDP, and both changes are made when the message is sent: addresses and ports stand there doubled, \
          and the other side refuses the body.",
    instead: "Call it in one place, best in branch_route and onreply_route.",
    reference: "https://www.kamailio.org/wikidocs/tutorials/faq/main/",
    check: twice,
};

/// Media that never ends.
pub(super) static NO_TEARDOWN: Rule = Rule {
    code: "rtp-no-teardown",
    severity: Severity::Warning,
    finds: "Offers and answers for a media relay, and nothing that ends a session: no call that does, or no Record-Route that would bring the BYE here.",
    why: "Each call keeps its ports until the relay times out, minutes after the last packet. A few thousand short calls later there are none left.",
    instead: "Call rtpengine_delete() or unforce_rtp_proxy() for BYE and CANCEL and in the failure_route, or use the manage function everywhere; with \
              record_route() for INVITE the BYE comes by.",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/rtpengine.html",
    check: no_teardown,
};

fn direction_fixed(subject: &Subject, findings: &mut Findings) {
    let calls: Vec<_> =
        subject.script().calls_of_any(&["rtpproxy_manage", "rtpproxy_offer", "rtpproxy_answer"]).collect();
    let mut literals = calls.iter().map(|its| literal(its.call, 0).unwrap_or_default().into_owned());
    let Some(first) = literals.next() else { return };
    let direction = ["ie", "ei"].into_iter().find(|direction| first.contains(direction));
    let Some(direction) = direction.filter(|_| !first.contains('$')) else { return };
    if literals.any(|other| !other.contains(direction) || other.contains('$')) {
        return;
    }
    for its in calls {
        let found = findings
            .add(format!("media is bridged as {direction} here, whichever side the message came from"), its.call.span);
        let (from, to) = if direction == "ie" { ("inner", "outer") } else { ("outer", "inner") };
        found.add_note(format!("{direction} means: from the {from} network to the {to} one"));
        found.add_help("choose by $Ri, the address the message came in by");
    }
}

fn twice(subject: &Subject, findings: &mut Findings) {
    for site in subject.flow().sites().filter(|site| site.does(Does::Media)) {
        let entries =
            [RouteKind::Request, RouteKind::Branch, RouteKind::Reply, RouteKind::CoreReply, RouteKind::Failure];
        let again = entries.into_iter().find_map(|entry| site.find(entry, |state| state.is(Fact::Media)));
        let Some(state) = again else { continue };
        let first = state.place(Fact::Media);
        if first != site.call.span {
            let found = findings.add("the media relay was told about this message before", site.call.span);
            found.add_label(first, "told first here");
            found.add_note("both change the SDP, and both changes are sent");
        }
    }
}

fn no_teardown(subject: &Subject, findings: &mut Findings) {
    let script = subject.script();
    if script.anything(Does::EndMedia) {
        return;
    }
    // The manage functions end a session when they see the BYE or CANCEL of a call.
    let managed = script.calls_that(Does::ManageMedia).next();
    if let Some(its) = managed {
        let passes = script.anything(Does::RecordRoute)
            || ["topos", "topoh"].iter().any(|module| subject.loaded(module).is_some());
        // A file that others include says nothing of what they do.
        let is_whole = subject.routes().any(|route| route.kind == RouteKind::Request && route.name.is_none());
        if !passes && is_whole {
            let found = findings.add("the BYE that would end this media session does not come by", its.call.span);
            found.add_note(
                "without Record-Route it goes from phone to phone, and the ports stay taken until the relay times out",
            );
            found.add_help("call record_route() for INVITE");
        }
        return;
    }
    let mut offers: Vec<_> = script.calls_that(Does::Media).collect();
    offers.sort_by_key(|its| its.call.span);
    if let Some(its) = offers.first() {
        let found = findings.add("media sessions are begun here and ended nowhere", its.call.span);
        found.add_note("their ports stay taken until the relay times out");
        let registry = &subject.config.registry;
        let built = registry.name_of(Does::EndMedia).filter(|_| registry.is_built(&its.call.name.text));
        let end = built.unwrap_or("unforce_rtp_proxy");
        found.add_help(format!("call {end}() for BYE and CANCEL, and in the failure_route"));
    }
}
