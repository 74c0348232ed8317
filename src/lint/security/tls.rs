//! TLS that protects less than it seems.

use crate::lint::{Findings, Rule, Severity, Subject};

/// A peer that nobody checks.
pub(super) static VERIFY_DISABLED: Rule = Rule {
    code: "tls-verify-disabled",
    severity: Severity::Security,
    finds: "verify_certificate switched off for connections that this server opens.",
    why: "The connection is encrypted, but to whom is not known: whoever sits on the way answers in the carrier's place and reads every call.",
    instead: "modparam(\"tls\", \"verify_certificate\", 1) with ca_list, or both in the client profile of the peer.",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/tls.html",
    check: verify_disabled,
};

/// Protocols that are broken.
pub(super) static LEGACY_METHOD: Rule = Rule {
    code: "tls-legacy-method",
    severity: Severity::Security,
    finds: "tls_method that allows SSL, TLS 1.0 or TLS 1.1.",
    why: "These versions have known weaknesses and are forbidden by RFC 8996; an attacker on the way makes both sides fall back to them.",
    instead: "modparam(\"tls\", \"tls_method\", \"TLSv1.2+\")",
    reference: "RFC 8996, https://www.kamailio.org/docs/modules/stable/modules/tls.html",
    check: legacy_method,
};

fn verify_disabled(subject: &Subject, findings: &mut Findings) {
    for given in subject.params("tls", "verify_certificate") {
        if given.int() == Some(0) {
            let found = findings.add("nobody checks who is at the other end", given.span());
            found.add_help("write 1, and name the accepted authorities with ca_list");
        }
    }
}

fn legacy_method(subject: &Subject, findings: &mut Findings) {
    for given in subject.params("tls", "tls_method") {
        let Some(text) = given.text() else { continue };
        let method = String::from_utf8_lossy(&text.value).into_owned();
        if !matches!(method.as_str(), "TLSv1.2" | "TLSv1.2+" | "TLSv1.3" | "TLSv1.3+" | "TLSany") {
            let found = findings.add(format!("{method} allows versions of TLS that are broken"), given.span());
            found.add_help("write \"TLSv1.2+\"");
        }
    }
}
