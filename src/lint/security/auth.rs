//! Credentials: asked for, bound to a name, kept from others.

use crate::builtin::Does;
use crate::config::ast::RouteKind;
use crate::lint::expressions::{comparisons, in_argument};
use crate::lint::flow::effect::literal;
use crate::lint::flow::{Fact, Methods, State};
use crate::lint::{Findings, Rule, Severity, Subject};

/// Registration for anybody.
pub(super) static REGISTER: Rule = Rule {
    code: "register-without-auth",
    severity: Severity::Security,
    finds: "save() on a way on which neither credentials nor the source address were checked.",
    why: "Whoever sends a REGISTER for an address of record gets its calls. Nobody notices but the one whose phone stays silent.",
    instead: "if (!auth_check(\"$fd\", \"subscriber\", \"1\")) { auth_challenge(\"$fd\", \"0\"); exit; } before save().",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/auth_db.html",
    check: register,
};

/// Credentials of one user for the name of another.
pub(super) static IDENTITY: Rule = Rule {
    code: "auth-identity-not-bound",
    severity: Severity::Security,
    finds: "Credentials that are checked while nothing compares their user with From or To.",
    why: "Any valid account can then call, or register, under the name of any other.",
    instead: "Give auth_check the flag 1, or compare $au with $fU (and with $tU for REGISTER).",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/auth_db.html",
    check: identity,
};

/// Credentials for third parties.
pub(super) static FORWARDED: Rule = Rule {
    code: "credentials-forwarded",
    severity: Severity::Security,
    finds: "A request with checked credentials that is relayed without consume_credentials().",
    why: "The next server, and whoever listens on the way to it, gets the digest of the user's password and can try passwords against it at leisure.",
    instead: "Call consume_credentials() once they are found good.",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/auth.html",
    check: forwarded,
};

/// Only the oldest digest.
pub(super) static MD5_ONLY: Rule = Rule {
    code: "auth-md5-only",
    severity: Severity::Hint,
    finds: "Digest authentication that is set to MD5.",
    why: "RFC 8760 adds SHA-256 and SHA-512-256 because MD5 is weak; peers begin to ask for them.",
    instead: "modparam(\"auth\", \"algorithm\", \"SHA-256\"), where the phones know it.",
    reference: "RFC 8760, https://www.kamailio.org/docs/modules/stable/modules/auth.html",
    check: md5_only,
};

fn register(subject: &Subject, findings: &mut Findings) {
    if subject.is_ims() {
        return;
    }
    for site in subject.flow().that(Does::Save) {
        let unknown = |state: &State| state.methods.meets(Methods::REGISTER) && state.is_not(Fact::Vetted);
        if site.find(RouteKind::Request, unknown).is_some() {
            let found = findings.add("anybody can register any address here", site.call.span);
            found.add_note("on the way here nothing checks credentials or the source address");
            found.add_help("before this, write if (!auth_check(\"$fd\", \"subscriber\", \"1\")) { auth_challenge(\"$fd\", \"0\"); exit; }");
        }
    }
}

/// Functions that check credentials of accounts, with the place of an argument whose lowest bit binds the user.
const CHECKS: [(&str, Option<usize>); 6] = [
    ("auth_check", Some(2)),
    ("pv_auth_check", Some(3)),
    ("www_authorize", None),
    ("proxy_authorize", None),
    ("www_authenticate", None),
    ("proxy_authenticate", None),
];

fn identity(subject: &Subject, findings: &mut Findings) {
    let script = subject.script();
    if script.anything(Does::BindIdentity) {
        return;
    }
    // What is said of the user of the credentials in any condition counts.
    let mut compared = false;
    for question in &script.questions {
        comparisons(question, &mut |_, left, right, _| {
            for side in [left, right] {
                in_argument(side, &mut |mention| compared |= matches!(mention.name, "au" | "aU" | "Au" | "aa"));
            }
        });
    }
    if compared {
        return;
    }
    for (name, flags) in CHECKS {
        for its in script.calls_of(name) {
            let binds = flags
                .and_then(|at| literal(its.call, at))
                .is_none_or(|flags| flags.trim().parse::<u32>().map_or(true, |flags| flags & 1 == 1));
            if flags.is_some() && binds {
                continue;
            }
            let found = findings.add("these credentials may be those of another user than From names", its.call.span);
            found.add_help(match flags {
                Some(at) => {
                    let which = ["first", "second", "third", "fourth"].get(at).copied().unwrap_or("last");
                    format!("set bit 1 in the {which} argument of {name}: it compares the user with From, or To of a REGISTER")
                }
                None => {
                    "compare the user: if ($au != $fU) { sl_send_reply(\"403\", \"Not your name\"); exit; }".to_owned()
                }
            });
        }
    }
}

fn forwarded(subject: &Subject, findings: &mut Findings) {
    for site in subject.flow().sites().filter(|site| site.does(Does::Relay)) {
        let goes_on = |state: &State| {
            // A REGISTER or PUBLISH goes to a server that checks them itself.
            let kept = state.methods.within(Methods::REGISTER.or(Methods::PUBLISH));
            state.is(Fact::Authenticated) && state.is_not(Fact::Consumed) && !kept
        };
        if site.find(RouteKind::Request, goes_on).is_some() {
            let found = findings.add("the credentials of the caller go on with this request", site.call.span);
            found.add_help("call consume_credentials() once they are found good");
        }
    }
}

fn md5_only(subject: &Subject, findings: &mut Findings) {
    for given in subject.params("auth", "algorithm") {
        if given.text().is_some_and(|text| text.value.eq_ignore_ascii_case(b"MD5")) {
            findings
                .add("only MD5 digests are taken", given.span())
                .add_help("write \"SHA-256\" where the phones know it");
        }
    }
}
