//! Passwords in the text of a config.

use crate::config::ast::ParamValue;
use crate::lint::{Findings, Rule, Severity, Subject};

/// A password in a URL.
pub(super) static SECRET: Rule = Rule {
    code: "secret-in-config",
    severity: Severity::Security,
    finds: "A password inside a database URL or a parameter.",
    why: "A config ends in repositories, tickets and backups, and the password with it.",
    instead: "Read it from the environment: #!defenv DBURL, or from an include_file that only the server can read.",
    reference: "https://www.kamailio.org/wikidocs/cookbooks/devel/core/",
    check: secret,
};

/// A password that everybody knows.
pub(super) static DEFAULT: Rule = Rule {
    code: "default-password",
    severity: Severity::Security,
    finds: "A password that the installation ships with.",
    why: "It stands in every tutorial. Whoever reaches the database reads every subscriber's password with it.",
    instead: "Choose one, and change it in the database too.",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/sqlops.html",
    check: default,
};

/// Passwords of tutorials and packages.
const SHIPPED: [&str; 9] = [
    "kamailiorw",
    "kamailioro",
    "openserrw",
    "openserro",
    "heslo",
    "opensipsrw",
    "changeme",
    "password",
    "homer_password",
];

/// The password of a URL such as `mysql://user:password@host/db`.
fn password(url: &str) -> Option<&str> {
    let rest = url.split_once("://")?.1;
    let (user, _) = rest.split_once('@')?;
    let (_, password) = user.split_once(':')?;
    (!password.is_empty() && !password.contains(['/', '$', ' '])).then_some(password)
}

fn each(subject: &Subject, visit: &mut dyn FnMut(&str, crate::source::Span)) {
    let mut told = Vec::new();
    for given in subject.all_params() {
        let ParamValue::Text(text) = &given.statement.value else { continue };
        let value = String::from_utf8_lossy(&text.value);
        let name = String::from_utf8_lossy(&given.statement.name.value);
        let named = ["password", "passwd", "secret"].iter().any(|end| name.ends_with(end))
            && !value.contains(['$', ' '])
            && value.len() > 1;
        let found = match password(&value) {
            Some(password) => Some(password),
            // The name of a column is no password.
            None if named && !name.contains("column") && !name.contains("col") => Some(&*value),
            None => None,
        };
        // The same define in several parameters is one secret.
        if let Some(password) = found.filter(|password| !told.iter().any(|its: &String| its == password)) {
            told.push(password.to_owned());
            visit(password, text.span);
        }
    }
}

fn secret(subject: &Subject, findings: &mut Findings) {
    each(subject, &mut |password, span| {
        if !SHIPPED.contains(&password) {
            let found = findings.add("a password stands in the config", span);
            found.add_help("take it from the environment with #!defenv, or from a file that only the server can read");
        }
    });
}

fn default(subject: &Subject, findings: &mut Findings) {
    each(subject, &mut |password, span| {
        if SHIPPED.contains(&password) {
            let found = findings.add(format!("{password} is a password that everybody knows"), span);
            found.add_help("choose another, and change it in the database too");
        }
    });
}
