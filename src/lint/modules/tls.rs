//! TLS that is half switched on.

use super::{core_number, listeners};
use crate::lint::{Findings, Release, Rule, Severity, Subject};
use crate::sip::Transport;

/// Threads of OpenSSL 3.
pub(super) static THREADS_MODE: Rule = Rule {
    code: "tls-threads-mode-missing",
    severity: Severity::Portability,
    finds: "A module that uses OpenSSL without tls_threads_mode, in a config for 5.8 or 6.0.",
    why: "OpenSSL 3 keeps data for each thread that does not survive the fork of Kamailio's processes. With the default mode that shows as crashes \
          and damaged memory at odd times.",
    instead: "Set tls_threads_mode=2 among the first settings; 5.6 does not know it.",
    reference: "https://www.kamailio.org/wikidocs/cookbooks/devel/core/#tls_threads_mode",
    check: threads_mode,
};

/// TLS and its module.
pub(super) static WITHOUT_MODULE: Rule = Rule {
    code: "tls-listener-without-module",
    severity: Severity::Warning,
    finds: "A TLS listener or enable_tls=yes without the module tls, or the module without enable_tls=yes.",
    why: "Each alone does nothing: without the module there is no TLS engine, and with the module alone Kamailio logs that TLS support is disabled. \
          Phones that register over TLS find nobody.",
    instead: "Set enable_tls=yes and load tls.",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/tls.html",
    check: without_module,
};

/// Modules that bring OpenSSL in.
static OPENSSL: &[&str] = &[
    "tls",
    "http_client",
    "http_async_client",
    "auth_identity",
    "stirshaken",
    "secsipid_proc",
    "db_mysql",
    "db_postgres",
];
/// The release that has the setting first, and the last whose default is another than 2.
const FIRST: Release = Release { major: 5, minor: 8 };
const LAST: Release = Release { major: 6, minor: 0 };

fn threads_mode(subject: &Subject, findings: &mut Findings) {
    let Some(target) = subject.target.filter(|target| (FIRST..=LAST).contains(target)) else { return };
    if subject.settings("tls_threads_mode").next().is_some() {
        return;
    }
    // The database drivers use TLS only when their server asks for it.
    let Some((name, span)) = subject.modules().iter().find(|(name, _)| OPENSSL[..6].contains(&name.as_str())) else {
        return;
    };
    findings
        .add(format!("{name} uses OpenSSL, and tls_threads_mode is not set"), *span)
        .add_note(format!("in Kamailio {}.{} its default is not safe with OpenSSL 3", target.major, target.minor))
        .add_help("add tls_threads_mode=2 before the first loadmodule");
}

fn without_module(subject: &Subject, findings: &mut Findings) {
    let enabled = ["enable_tls", "tls_enable"].into_iter().find_map(|name| core_number(subject, name));
    let on = enabled.filter(|(number, _)| *number != 0).map(|(_, span)| span);
    let listener =
        listeners(subject).into_iter().find(|(proto, _)| proto.is_some_and(Transport::is_secure)).map(|(_, span)| span);
    let module = subject.modules().iter().find(|(name, _)| name.starts_with("tls")).map(|(_, span)| *span);
    match (on, listener, module) {
        (Some(_), _, Some(_)) | (None, None, None) => {}
        (_, Some(span), None) => {
            findings
                .add("this listener speaks TLS, and no module does", span)
                .add_note("Kamailio switches TLS off: \"tls support enabled, but no tls engine available\"")
                .add_help("set enable_tls=yes and add loadmodule \"tls.so\"");
        }
        (Some(span), None, None) => {
            findings
                .add("TLS is switched on, and the module tls is not loaded", span)
                .add_help("add loadmodule \"tls.so\"");
        }
        (None, listener, Some(span)) => {
            let found = findings.add("tls is loaded, and TLS is switched off", span);
            if let Some(listener) = listener {
                found.add_label(listener, "nobody listens here");
            }
            found.add_note("Kamailio logs \"tls support is disabled\" and goes on").add_help("add enable_tls=yes");
        }
    }
}
