//! Phones behind NAT: where they are reached.

use crate::builtin::{Does, Means};
use crate::config::ast::RouteKind;
use crate::lint::expressions::in_argument;
use crate::lint::flow::{Fact, Methods};
use crate::lint::mentions::{self, Mention};
use crate::lint::{Findings, Given, Rule, Severity, Subject};

/// An address that the phone believes in.
pub(super) static CONTACT_AS_NEXT_HOP: Rule = Rule {
    code: "nat-contact-as-next-hop",
    severity: Severity::Warning,
    finds: "The host of a Contact used or stored as a next hop, in a config that does not look for NAT.",
    why: "Behind NAT the Contact holds an address of the phone's own network. Nothing sent there arrives; the packet's source address is where the \
          phone is reached.",
    instead: "Use $si and $sp, or $su; or mend the Contact with set_contact_alias() when nat_uac_test() says so.",
    reference: "RFC 3581, https://www.kamailio.org/docs/modules/stable/modules/nathelper.html",
    check: contact_as_next_hop,
};

/// A registration that cannot be reached.
pub(super) static REGISTER_NOT_FIXED: Rule = Rule {
    code: "nated-register-not-fixed",
    severity: Severity::Warning,
    finds: "save() on a way on which NAT was found and the address of the phone was not kept.",
    why: "The location table then holds the address from inside the phone's network. The phone can call; nobody can call it.",
    instead: "Call fix_nated_register() before save(), and set received_avp in nathelper and registrar.",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/nathelper.html",
    check: register_not_fixed,
};

/// Two modules that keep the address in different places.
pub(super) static RECEIVED_MISMATCH: Rule = Rule {
    code: "received-avp-mismatch",
    severity: Severity::Warning,
    finds: "received_avp of registrar and nathelper that differ, or one of them without the other.",
    why: "nathelper writes the source address there and registrar reads it there. With two names it is never stored, and phones behind NAT are \
          not reached.",
    instead: "Set both at once: modparam(\"nathelper|registrar\", \"received_avp\", \"$avp(RECEIVED)\").",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/registrar.html",
    check: received_mismatch,
};

/// Pings for nobody.
pub(super) static BFLAG_UNSET: Rule = Rule {
    code: "nat-bflag-unset",
    severity: Severity::Warning,
    finds: "NAT pings for NATed contacts only, while usrloc is not told which flag marks those.",
    why: "usrloc finds the contacts to be pinged by the flag nat_bflag. Unset, none has it: nothing is pinged, the NAT forgets the phone, and calls \
          to it end in silence.",
    instead: "modparam(\"usrloc\", \"nat_bflag\", FLAG), and setbflag(FLAG) before save() for phones behind NAT.",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/nathelper.html",
    check: bflag_unset,
};

/// Whether a mention is the host or port that a Contact holds.
fn is_contact(mention: &Mention) -> bool {
    let holds = match mention.name {
        "ct" | "ctu" => true,
        "hdr" => mention.inner.is_some_and(|inner| inner.eq_ignore_ascii_case("contact")),
        _ => false,
    };
    holds && ["uri.host", "uri.port", "uri.rhost"].iter().any(|part| mention.rest.contains(part))
}

fn contact_as_next_hop(subject: &Subject, findings: &mut Findings) {
    let script = subject.script();
    if script.anything(Does::AskNat) || script.anything(Does::FixContact) {
        return;
    }
    for its in &script.assigns {
        let Some(target) = mentions::of(&its.assign.target) else { continue };
        let mut contact = None;
        mentions::in_expression(&its.assign.value, &mut |mention| {
            if is_contact(&mention) && contact.is_none() {
                contact = Some(mention.shown());
            }
        });
        let Some(contact) = contact else { continue };
        let goes = match target.name {
            "du" | "ru" | "rd" | "rp" | "dd" | "dp" => true,
            // Kept for later: in a table, or in text of a query or a URI.
            "sht" | "shv" => true,
            "var" | "avp" | "xavp" => is_used_as_address(subject, &target) || is_kept(subject, &target, its.route),
            _ => false,
        };
        if goes {
            let found = findings
                .add(format!("the address in {contact} need not be where the phone is reached"), its.assign.span);
            found.add_note("behind NAT it is an address of the phone's own network");
            found.add_help("use $si and $sp, the source of the packet");
        }
    }
}

/// Whether a variable goes into a query or a URI somewhere.
fn is_used_as_address(subject: &Subject, target: &Mention) -> bool {
    let is_it = |mention: &Mention| mention.name == target.name && mention.inner == target.inner;
    let in_uri = subject.script().assigns.iter().any(|its| {
        let mut found = false;
        let goes =
            mentions::of(&its.assign.target).is_some_and(|target| matches!(target.name, "du" | "ru" | "rd" | "sht"));
        mentions::in_expression(&its.assign.value, &mut |mention| found |= goes && is_it(&mention));
        found
    });
    let in_query = subject.script().calls.iter().any(|its| {
        let mut found = false;
        let stores = subject.script().argument_for(its.call, Means::Sql).is_some() || its.does.contains(&Does::Rewrite);
        its.call.args.iter().for_each(|arg| in_argument(arg, &mut |mention| found |= stores && is_it(&mention)));
        found
    });
    in_uri || in_query
}

/// Whether a variable keeps the host while another keeps the port of it, and nothing looks at either before it goes where this config does not
/// show: a log line or a comparison says that the address is looked at, not kept.
fn is_kept(subject: &Subject, target: &Mention, route: usize) -> bool {
    let script = subject.script();
    let keeps_port = script.assigns.iter().filter(|its| its.route == route).any(|its| {
        let mut found = false;
        mentions::in_expression(&its.assign.value, &mut |mention| {
            found |= is_contact(&mention) && mention.rest.contains("uri.port");
        });
        found
            && mentions::of(&its.assign.target)
                .is_some_and(|port| (port.name, port.inner) != (target.name, target.inner))
    });
    let mut read = false;
    let mut look = |mention: Mention| read |= mention.name == target.name && mention.inner == target.inner;
    script.questions.iter().for_each(|question| mentions::in_expression(question, &mut look));
    script.calls.iter().flat_map(|its| &its.call.args).for_each(|arg| in_argument(arg, &mut look));
    keeps_port && !read
}

fn register_not_fixed(subject: &Subject, findings: &mut Findings) {
    for site in subject.flow().that(Does::Save) {
        let lost = |state: &crate::lint::flow::State| {
            state.is(Fact::Natted) && state.is_not(Fact::ContactFixed) && state.methods.meets(Methods::REGISTER)
        };
        if let Some(state) = site.find(RouteKind::Request, lost) {
            let found = findings.add("the address of a phone behind NAT is not kept here", site.call.span);
            found.add_label(state.place(Fact::Natted), "NAT is found here");
            found.add_help("call fix_nated_register() before save()");
        }
    }
}

fn received_mismatch(subject: &Subject, findings: &mut Findings) {
    if subject.loaded("registrar").is_none() || subject.loaded("nathelper").is_none() {
        return;
    }
    let text = |given: &Given| given.text().map(|text| text.value.clone());
    let (registrar, nathelper) =
        (subject.param("registrar", "received_avp"), subject.param("nathelper", "received_avp"));
    match (registrar, nathelper) {
        (Some(one), Some(other)) if text(&one) != text(&other) => {
            let found = findings
                .add("registrar reads the source address from another variable than nathelper writes", one.span());
            found.add_label(other.span(), "nathelper writes it here");
            found.add_help("set both at once with modparam(\"nathelper|registrar\", \"received_avp\", ...)");
        }
        (Some(one), None) | (None, Some(one)) if subject.script().anything(Does::FixRegister) => {
            let (has, lacks) =
                if one.module == "registrar" { ("registrar", "nathelper") } else { ("nathelper", "registrar") };
            let found = findings.add(format!("received_avp is set for {has} and not for {lacks}"), one.span());
            found.add_note("the source address of phones behind NAT is never stored");
            found.add_help("set both at once with modparam(\"nathelper|registrar\", \"received_avp\", ...)");
        }
        _ => {}
    }
}

fn bflag_unset(subject: &Subject, findings: &mut Findings) {
    let pings =
        subject.param("nathelper", "natping_interval").filter(|given| given.int().is_some_and(|seconds| seconds > 0));
    let Some(pings) = pings.filter(|_| subject.loaded("usrloc").is_some()) else { return };
    let nated_only = subject.param("nathelper", "ping_nated_only").is_some_and(|given| given.int() == Some(1));
    if nated_only && subject.param("usrloc", "nat_bflag").is_none() {
        let found = findings.add("no contact is pinged: usrloc is not told which flag marks NAT", pings.span());
        found.add_help("set modparam(\"usrloc\", \"nat_bflag\", FLAG), and setbflag(FLAG) before save()");
    }
}
