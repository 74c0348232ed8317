//! Modules without the ones they build on.

use crate::builtin::Module;
use crate::catalogue;
use crate::lint::{Findings, Rule, Severity, Subject};
use crate::source::{Diagnostic, Span};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "module-dependency-missing",
    severity: Severity::Error,
    finds: "A module without another that it cannot start without: by itself, or because of a parameter such as a database URL.",
    why: "kamailio -c says that the file is fine, for modules look for each other only when the server starts. Then it ends with an error such as \
          \"Module db_mysql not found. Missing loadmodule?\".",
    instead: "Load the module that the message names.",
    reference: "https://www.kamailio.org/docs/modules/stable/",
    check,
};

/// What modules bind only when a parameter or a route asks for it.
static SOMETIMES: &[(&str, &str)] = &[
    ("dispatcher", "tm"),
    ("sipcapture", "topoh"),
    ("mediaproxy", "dialog"),
    ("topos", "sanity"),
    ("http_async_client", "pv"),
    ("auth_web3", "auth"),
    ("presence_xml", "xcap_client"),
    ("presence_xml", "sl"),
    ("rls", "xcap_client"),
    ("uac_redirect", "acc"),
];

/// Schemes of database URLs with their modules.
static DATABASES: &[(&str, &str)] = &[
    ("mysql", "db_mysql"),
    ("postgres", "db_postgres"),
    ("sqlite", "db_sqlite"),
    ("text", "db_text"),
    ("redis", "db_redis"),
    ("mongodb", "db_mongodb"),
    ("unixodbc", "db_unixodbc"),
    ("oracle", "db_oracle"),
    ("cluster", "db_cluster"),
    ("flatstore", "db_flatstore"),
    ("berkeley", "db_berkeley"),
];

/// Modules that open a database when they start, whether db_url is given or not: observed with Kamailio 5.6.3.
static NEED_DATABASE: &[&str] = &[
    "alias_db",
    "auth_db",
    "domain",
    "domainpolicy",
    "group",
    "imc",
    "lcr",
    "msilo",
    "pdt",
    "sca",
    "secfilter",
    "speeddial",
    "uri_db",
    "userblocklist",
];

fn check(subject: &Subject, findings: &mut Findings) {
    // What is missed may stand in a file that could not be read.
    if subject.config.tree.incomplete {
        return;
    }
    bound(subject, findings);
    by_url(subject, findings);
    by_mode(subject, findings);
}

fn bound(subject: &Subject, findings: &mut Findings) {
    for (name, span) in subject.modules() {
        // What alanui needs itself is reported where modules are loaded.
        let built: Option<&&Module> =
            subject.config.registry.loaded().iter().find(|module| module.name == name.as_str());
        let own = built.map_or(&[][..], |module| module.requires);
        let Some(known) = catalogue::module(name) else { continue };
        for wanted in known.binds.split(',').filter(|wanted| !wanted.is_empty()) {
            // Those of IMS bind by parameter.
            let sometimes = SOMETIMES.contains(&(name, wanted)) || name.starts_with("ims_") || name.starts_with("cdp");
            if sometimes || own.contains(&wanted) || subject.loaded(wanted).is_some() {
                continue;
            }
            findings
                .add(format!("{name} cannot start without {wanted}, which is not loaded"), *span)
                .add_note("kamailio -c does not see it")
                .add_help(format!("add loadmodule \"{wanted}.so\" before this line"));
        }
    }
}

/// Parameters that hold database URLs.
fn is_url(name: &str) -> bool {
    name == "db_url"
        || name == "sqlcon"
        || name.ends_with("_db_url")
        || name.ends_with("db_url_r")
        || name == "read_db_url"
}

fn by_url(subject: &Subject, findings: &mut Findings) {
    let mut reported = Vec::new();
    for given in subject.all_params() {
        let name = String::from_utf8_lossy(&given.statement.name.value).into_owned();
        let Some(text) = given.text().filter(|_| is_url(&name) && is_used(subject, given.module)) else { continue };
        let text = String::from_utf8_lossy(&text.value).into_owned();
        let url = text.split_once("=>").map_or(text.as_str(), |(_, url)| url);
        let Some((scheme, _)) = url.split_once(':') else { continue };
        let Some((_, wanted)) = DATABASES.iter().find(|(its, _)| *its == scheme.trim()) else { continue };
        if subject.loaded(wanted).is_some() || reported.contains(wanted) {
            continue;
        }
        reported.push(*wanted);
        let message = format!("the database of {} needs {wanted}, which is not loaded", given.module);
        let found = findings.add(message, given.span());
        found.add_note(format!("Kamailio ends with \"Module {wanted} not found. Missing loadmodule?\""));
        found.add_help(format!("add loadmodule \"{wanted}.so\""));
        not_built_in(subject, wanted, found);
    }
}

/// Whether a module opens its database: usrloc does not while everything is in memory.
fn is_used(subject: &Subject, module: &str) -> bool {
    module != "usrloc" || mode(subject) != 0
}

fn mode(subject: &Subject) -> i64 {
    subject.param("usrloc", "db_mode").and_then(|given| given.int()).unwrap_or(0)
}

fn by_mode(subject: &Subject, findings: &mut Findings) {
    if subject.modules().iter().any(|(name, _)| name.starts_with("db_")) {
        return;
    }
    if let Some(given) = subject.param("usrloc", "db_mode").filter(|_| mode(subject) != 0)
        && subject.param("usrloc", "db_url").is_none()
    {
        let message =
            format!("db_mode {} keeps locations in a database, and no database module is loaded", mode(subject));
        tell_default(subject, &message, given.span(), findings);
    }
    for (name, span) in subject.modules() {
        if NEED_DATABASE.contains(&name.as_str()) && subject.param(name, "db_url").is_none() {
            let message = format!("{name} needs a database, and no database module is loaded");
            tell_default(subject, &message, *span, findings);
        }
    }
}

fn tell_default(subject: &Subject, message: &str, span: Span, findings: &mut Findings) {
    let found = findings.add(message, span);
    found.add_note("without db_url it is mysql://kamailio:...@localhost/kamailio");
    found.add_help("add loadmodule \"db_mysql.so\", or the module of another database with its db_url");
    not_built_in(subject, "db_mysql", found);
}

/// Says of a database that alanui would refuse next which ones it has.
fn not_built_in(subject: &Subject, wanted: &str, found: &mut Diagnostic) {
    let registry = &subject.config.registry;
    if !registry.is_built_in(wanted) {
        let has: Vec<_> = registry.databases().collect();
        found.add_note(format!("alanui itself has no {wanted}; of databases it has {}", has.join(", ")));
    }
}
